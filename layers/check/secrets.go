package check

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/graft-lambda/graft/inject/reference"
)

// A token is a shape that only secrets have. The word is searched first: a
// regular expression alone would be slow.
type token struct {
	word, what string
	shape      *regexp.Regexp
}

var tokens = []token{
	{"-----BEGIN ", "a private key", regexp.MustCompile(`^-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:\\n|\s)+(?:[A-Za-z-]+: [^\n\\]*(?:\\n|\s)+)*(?:[A-Za-z0-9+/=]|\\n|\s){100}`)},
	{"AKIA", "an AWS access key", regexp.MustCompile(`^AKIA[A-Z2-7]{16}(?:[^A-Z0-9]|$)`)},
	{"ASIA", "an AWS access key", regexp.MustCompile(`^ASIA[A-Z2-7]{16}(?:[^A-Z0-9]|$)`)},
	{"ghp_", "a GitHub token", regexp.MustCompile(`^ghp_[A-Za-z0-9]{36}(?:[^A-Za-z0-9]|$)`)},
	{"gho_", "a GitHub token", regexp.MustCompile(`^gho_[A-Za-z0-9]{36}(?:[^A-Za-z0-9]|$)`)},
	{"ghs_", "a GitHub token", regexp.MustCompile(`^ghs_[A-Za-z0-9]{36}(?:[^A-Za-z0-9]|$)`)},
	{"ghu_", "a GitHub token", regexp.MustCompile(`^ghu_[A-Za-z0-9]{36}(?:[^A-Za-z0-9]|$)`)},
	{"github_pat_", "a GitHub token", regexp.MustCompile(`^github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}`)},
	{"glpat-", "a GitLab token", regexp.MustCompile(`^glpat-[A-Za-z0-9_-]{20}`)},
	{"xoxb-", "a Slack token", regexp.MustCompile(`^xoxb-[0-9]{10,}-[0-9]{10,}-[A-Za-z0-9]{20,}`)},
	{"sk_live_", "a Stripe key", regexp.MustCompile(`^sk_live_[A-Za-z0-9]{24}`)},
	{"NRAK-", "a New Relic user key", regexp.MustCompile(`^NRAK-[A-Z0-9]{27}`)},
	{"npm_", "an npm token", regexp.MustCompile(`^npm_[A-Za-z0-9]{36}(?:[^A-Za-z0-9]|$)`)},
}

// secrets searches a text for what has the shape of a secret. Its value is
// never part of the finding.
func (e *entry) secrets(data []byte) {
	if bytes.IndexByte(data[:min(len(data), 8000)], 0) >= 0 {
		return // no text
	}
	for _, t := range tokens {
		if at := t.find(data); at >= 0 {
			line := 1 + bytes.Count(data[:at], []byte("\n"))
			e.found.add("plain-secret", e.place(), line, "holds what looks like %s", t.what)
		}
	}
}

// find returns where the token stands; -1 if it does not.
func (t token) find(data []byte) int {
	for from := 0; ; {
		i := bytes.Index(data[from:], []byte(t.word))
		if i < 0 {
			return -1
		}
		at := from + i
		if found := t.shape.Find(data[at:min(len(data), at+1024)]); found != nil && (at == 0 || !wordByte(data[at-1])) && !bytes.Contains(found, []byte("EXAMPLE")) {
			return at
		}
		from = at + len(t.word)
	}
}

func wordByte(b byte) bool {
	return b == '_' || '0' <= b && b <= '9' || 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z'
}

// secretNames are variables whose value is a secret, by what vendors call them.
var secretNames = []string{
	"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"DD_API_KEY", "DD_APP_KEY", "DT_CONNECTION_AUTH_TOKEN", "ELASTIC_APM_API_KEY", "ELASTIC_APM_SECRET_TOKEN",
	"HONEYCOMB_API_KEY", "INSTANA_AGENT_KEY", "LOGZIO_TRACES_TOKEN", "LUMIGO_TRACER_TOKEN", "NEW_RELIC_LICENSE_KEY",
	"SPLUNK_ACCESS_TOKEN", "SW_APM_SERVICE_KEY", "VAULT_TOKEN",
}

// secretEndings are how other names of secrets end.
var secretEndings = []string{"_API_KEY", "_APIKEY", "_PASSWORD", "_PASSWD", "_SECRET", "_SECRET_KEY", "_LICENSE_KEY", "_PRIVATE_KEY", "_ACCESS_TOKEN", "_AUTH_TOKEN", "_SECRET_TOKEN"}

// headerNames are variables with HTTP headers, some of which are secrets.
var headerNames = []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_LOGS_HEADERS"}

var secretHeader = regexp.MustCompile(`(?i)(?:^|,)\s*(?:authorization|[a-z-]*(?:api-?key|token|secret|license-?key)|x-honeycomb-team)\s*=\s*[^,\s]`)

// Secret reports whether a variable holds a secret in plain text, as far as its
// name, or the shape of its value, tells.
func Secret(name, value string) bool {
	upper := strings.ToUpper(name)
	switch {
	case value == "" || isReference(value):
		return false
	case slices.Contains(headerNames, upper):
		return secretHeader.MatchString(value)
	case !slices.Contains(secretNames, upper) && !slices.ContainsFunc(secretEndings, func(end string) bool { return strings.HasSuffix(upper, end) }):
		return secretToken(value)
	}
	// A switch, a number or a path is no secret.
	return len(value) >= 8 && !(path.IsAbs(value) && strings.Count(value, "/") > 1) && strings.Trim(value, "0123456789") != "" && !strings.HasPrefix(value, "arn:")
}

// isReference reports whether graft, CloudFormation or the agent itself puts a
// value from elsewhere in this one's place.
func isReference(value string) bool {
	return reference.Is(value) || strings.HasPrefix(value, dynamic) ||
		strings.HasPrefix(value, "${") && strings.IndexByte(value, '}') == len(value)-1
}

// secretToken reports whether the value has the shape of a token.
func secretToken(value string) bool {
	for _, t := range tokens {
		if t.find([]byte(value)) >= 0 {
			return true
		}
	}
	return false
}
