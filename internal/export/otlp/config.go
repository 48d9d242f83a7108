// Package otlp sends telemetry events to an OpenTelemetry collector by
// OTLP/HTTP, with protobuf: lines of output as log records, the phases of
// Lambda's life as spans.
//
// # Settings
//
// They are those of the OTLP exporter specification, read by [Configure]:
//
//	OTEL_EXPORTER_OTLP_ENDPOINT      base address; v1/traces and v1/logs are added
//	OTEL_EXPORTER_OTLP_HEADERS       key=value,… percent-encoded; secret
//	OTEL_EXPORTER_OTLP_TIMEOUT       of one attempt, in ms; 10000
//	OTEL_EXPORTER_OTLP_COMPRESSION   gzip (default) or none
//	OTEL_EXPORTER_OTLP_CERTIFICATE   PEM file of the authorities to trust
//	OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
//
// and each of the first five with TRACES_ or LOGS_ after OTLP_, for one signal.
//
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/
package otlp

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	defaultEndpoint = "http://localhost:4318"
	defaultTimeout  = 10 * time.Second
)

// A Signal is where and how the logs or the traces are sent.
type Signal struct {
	URL         string
	Headers     Headers
	Timeout     time.Duration // of one attempt
	Gzip        bool
	Certificate string // path of a PEM file; empty: the system's authorities
}

// Headers are secret: they say how many they are, never what, in any format.
type Headers http.Header

// Format writes how many headers there are.
func (h Headers) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "(%d headers)", len(h)) }

// MarshalText keeps headers out of JSON and other texts.
func (h Headers) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "(%d headers)", len(h)), nil }

// An Env looks up a variable of the environment, as os.LookupEnv does.
type Env func(name string) (value string, ok bool)

// get is empty for a variable that is not set: the specification wants an
// empty value to be treated the same.
func (e Env) get(name string) string {
	value, _ := e(name)
	return strings.TrimSpace(value)
}

// Configure reads the settings of both signals. A setting that cannot be used
// has its default, and one of the problems names it, without its value.
func Configure(env Env) (traces, logs Signal, problems []error) {
	traces, first := signal(env, "TRACES")
	logs, second := signal(env, "LOGS")
	// Of a setting that both share, one problem is enough.
	seen := map[string]bool{}
	for _, problem := range append(first, second...) {
		if !seen[problem.Error()] {
			seen[problem.Error()] = true
			problems = append(problems, problem)
		}
	}
	return traces, logs, problems
}

func signal(env Env, kind string) (Signal, []error) {
	var problems []error
	read := func(option string) (name, value string) {
		name = "OTEL_EXPORTER_OTLP_" + kind + "_" + option
		if value = env.get(name); value == "" {
			name = "OTEL_EXPORTER_OTLP_" + option
			value = env.get(name)
		}
		return name, value
	}
	problem := func(name, what string) { problems = append(problems, fmt.Errorf("%s: %s", name, what)) }

	s := Signal{URL: defaultEndpoint + path(kind), Timeout: defaultTimeout, Gzip: true}
	if name, value := read("ENDPOINT"); value != "" {
		if address, ok := endpoint(value, kind, !strings.Contains(name, kind)); ok {
			s.URL = address
		} else {
			problem(name, "not an http or https address")
		}
	}
	if name, value := read("HEADERS"); value != "" {
		headers, ok := parseHeaders(value)
		if !ok {
			problem(name, "not a list of key=value")
		}
		s.Headers = headers
	}
	if name, value := read("TIMEOUT"); value != "" {
		if ms, err := strconv.ParseInt(value, 10, 32); err == nil && ms > 0 {
			s.Timeout = time.Duration(ms) * time.Millisecond
		} else {
			problem(name, "not a number of milliseconds")
		}
	}
	switch name, value := read("COMPRESSION"); value {
	case "", "gzip":
	case "none":
		s.Gzip = false
	default:
		problem(name, "neither gzip nor none")
	}
	if name, value := read("PROTOCOL"); value != "" && value != "http/protobuf" {
		problem(name, "http/protobuf is used here")
	}
	_, s.Certificate = read("CERTIFICATE")
	return s, problems
}

func path(kind string) string { return "/v1/" + strings.ToLower(kind) }

// endpoint completes a base address; an address for one signal is taken as it
// is.
func endpoint(value, kind string, base bool) (string, bool) {
	address, err := url.Parse(value)
	if err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https" {
		return "", false
	}
	if base {
		address = address.JoinPath(path(kind))
	} else if address.Path == "" {
		address.Path = "/"
	}
	return address.String(), true
}

// parseHeaders reads a W3C baggage list, without properties. Entries that do
// not fit are left out, and then ok is false.
func parseHeaders(text string) (headers Headers, ok bool) {
	headers, ok = Headers{}, true
	for entry := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(entry) == "" {
			continue
		}
		key, value, found := strings.Cut(entry, "=")
		key, keyErr := url.PathUnescape(strings.TrimSpace(key))
		value, valueErr := url.PathUnescape(strings.TrimSpace(value))
		if !found || keyErr != nil || valueErr != nil || !validHeader(key, value) {
			ok = false
			continue
		}
		http.Header(headers).Set(key, value)
	}
	return headers, ok
}

// validHeader is stricter than need be: a header that net/http refuses would
// fail every request, and stand in the error.
func validHeader(key, value string) bool {
	return key != "" && !strings.ContainsFunc(key, func(r rune) bool { return !tokenRune(r) }) &&
		!strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

func tokenRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
