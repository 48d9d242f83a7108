package fragment

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Level says how much the wrapper prints; a higher one prints more.
type Level int

// The values of GRAFT_LOG.
const (
	Off Level = iota
	Warn
	Info
	Debug
)

// Settings is what the owner of a function sets with GRAFT_* variables on it.
type Settings struct {
	// Strict is GRAFT_STRICT: a problem or a skipped agent ends graft.
	Strict bool
	// Log is GRAFT_LOG.
	Log Level
	// Next is GRAFT_NEXT: another wrapper to run after graft; empty if unset.
	Next string
	// Java is GRAFT_JAVA, "argv" or "env"; empty if unset.
	Java string
	// Runtime is GRAFT_RUNTIME's language; empty if unset. Version is what it
	// says of the version.
	Runtime Language
	Version Version
	// OptionalSecrets is GRAFT_SECRETS=optional: the function starts without the
	// variables whose references have no value.
	OptionalSecrets bool
	// SecretsTimeout is GRAFT_SECRETS_TIMEOUT: how long references may take.
	SecretsTimeout time.Duration
	// SSMPath is GRAFT_SSM_PATH: a path of Parameter Store, which begins with a
	// slash; empty if unset.
	SSMPath string
	// Disabled names the agents that GRAFT_DISABLE switches off.
	Disabled []string
}

// ParseSettings reads the settings from an environment. A setting with a bad
// value keeps its default, and one of the errors says so. An empty value is as
// good as none.
func ParseSettings(lookup func(name string) (value string, ok bool)) (Settings, []error) {
	s := Settings{Log: Warn, SecretsTimeout: secretsTimeout}
	var problems []error
	read := func(name string, set func(string) error) {
		value, _ := lookup(name)
		if value == "" {
			return
		}
		if err := set(value); err != nil {
			// The value itself is never printed: it may be a mistaken secret.
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	read("GRAFT_DISABLE", func(v string) error {
		_, s.Disabled = Disabled(v)
		return nil
	})
	read("GRAFT_STRICT", func(v string) error {
		on := slices.Contains([]string{"1", "true"}, v)
		if !on && v != "0" && v != "false" {
			return errors.New("is neither 0 nor 1")
		}
		s.Strict = on
		return nil
	})
	read("GRAFT_LOG", func(v string) error {
		i := slices.Index([]string{"off", "warn", "info", "debug"}, v)
		if i < 0 {
			return errors.New("is none of off, warn, info, debug")
		}
		s.Log = Level(i)
		return nil
	})
	read("GRAFT_NEXT", func(v string) error {
		if !strings.HasPrefix(v, "/") {
			return errors.New("is not an absolute path")
		}
		s.Next = v
		return nil
	})
	read("GRAFT_JAVA", func(v string) error {
		if v != "argv" && v != "env" {
			return errors.New("is neither argv nor env")
		}
		s.Java = v
		return nil
	})
	read("GRAFT_RUNTIME", func(v string) (err error) {
		s.Runtime, s.Version, err = ParseRuntime(v)
		return err
	})
	read("GRAFT_SECRETS", func(v string) error {
		if v != "required" && v != "optional" {
			return errors.New("is neither required nor optional")
		}
		s.OptionalSecrets = v == "optional"
		return nil
	})
	read("GRAFT_SECRETS_TIMEOUT", func(v string) error {
		d, err := parseTimeout(v)
		if err == nil {
			s.SecretsTimeout = d
		}
		return err
	})
	read("GRAFT_SSM_PATH", func(v string) error {
		s.SSMPath = "/" + strings.TrimLeft(v, "/")
		return nil
	})
	return s, problems
}

// secretsTimeout is the default of GRAFT_SECRETS_TIMEOUT.
const secretsTimeout = 3 * time.Second
