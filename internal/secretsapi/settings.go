package secretsapi

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Level is how much is logged; each has what those above it have.
type Level int

// The levels of PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL.
const (
	None Level = iota
	Error
	Warn
	Info
	Debug
)

var levels = map[string]Level{"none": None, "error": Error, "warn": Warn, "info": Info, "debug": Debug}

// Settings are what AWS's variables say.
type Settings struct {
	Port           int   // of loopback
	Level          Level // what is logged
	CacheSize      int   // answers kept; 0: none
	MaxConnections int   // calls to the services at once
	ParameterTTL   time.Duration
	SecretTTL      time.Duration
	// The limits of a call to a service, retries and the wait for its turn
	// included; 0: none of its own.
	ParameterTimeout time.Duration
	SecretTimeout    time.Duration
	// Tokens are the values that the header may have; with none every request
	// is refused.
	Tokens []string
	// Region is named in the line about what is not there.
	Region string
	// SnapStart says that the environment may be restored from a snapshot.
	SnapStart bool
}

// The bounds of AWS's variables, from its user guide and the CDK. AWS has none
// for connections and timeouts.
const (
	defaultPort        = 2773
	maxCacheSize       = 1000
	maxTTL             = 300 // s
	defaultConnections = 3
	maxConnections     = 1000
	maxTimeout         = 15 * 60 * 1000 // ms, as long as an invocation can take
)

// Read takes the settings from the environment. What is out of its bounds has
// its default and is named in problems, one line each, without its value.
func Read(getenv func(string) string) (s Settings, problems []string) {
	number := func(name string, least, most, fallback int) int {
		text := getenv(name)
		if text == "" {
			return fallback
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			problems = append(problems, fmt.Sprintf("%s is no number from %d to %d: it is taken as %d", name, least, most, fallback))
			return fallback
		}
		return n
	}
	s = Settings{
		Port:             number("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", 1, 65535, defaultPort),
		Level:            Info,
		CacheSize:        number("PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE", 0, maxCacheSize, maxCacheSize),
		MaxConnections:   number("PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS", 1, maxConnections, defaultConnections),
		ParameterTTL:     time.Duration(number("SSM_PARAMETER_STORE_TTL", 0, maxTTL, maxTTL)) * time.Second,
		SecretTTL:        time.Duration(number("SECRETS_MANAGER_TTL", 0, maxTTL, maxTTL)) * time.Second,
		ParameterTimeout: time.Duration(number("SSM_PARAMETER_STORE_TIMEOUT_MILLIS", 0, maxTimeout, 0)) * time.Millisecond,
		SecretTimeout:    time.Duration(number("SECRETS_MANAGER_TIMEOUT_MILLIS", 0, maxTimeout, 0)) * time.Millisecond,
		Region:           cmp.Or(getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION")),
		SnapStart:        getenv("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start",
	}
	const enabled = "PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED"
	switch strings.ToLower(getenv(enabled)) {
	case "", "true":
	case "false":
		s.CacheSize = 0
	default:
		problems = append(problems, enabled+" is neither true nor false: it is taken as true")
	}
	const level = "PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL"
	if text := getenv(level); text != "" {
		known, ok := levels[strings.ToLower(text)]
		if ok {
			s.Level = known
		} else {
			problems = append(problems, level+" is none of debug, info, warn, error, none: it is taken as info")
		}
	}
	for _, name := range []string{"AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"} {
		if token := getenv(name); token != "" {
			s.Tokens = append(s.Tokens, token)
		}
	}
	return s, problems
}

// ttl is how long an answer of this kind is kept.
func (s Settings) ttl(k kind) time.Duration {
	switch {
	case s.CacheSize == 0:
		return 0
	case k == parameter:
		return s.ParameterTTL
	}
	return s.SecretTTL
}

// unlimited is the limit where AWS has none: nothing waits for ever here.
const unlimited = time.Minute

// timeout is how long a fetch of this kind may take.
func (s Settings) timeout(k kind) time.Duration {
	limit := s.SecretTimeout
	if k == parameter {
		limit = s.ParameterTimeout
	}
	if limit == 0 {
		return unlimited
	}
	return limit
}
