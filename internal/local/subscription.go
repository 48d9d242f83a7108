package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// Schema versions. Up to telemetrySchema1 a line of output is a string, later
// an object in the JSON log format. Only from logsSchema2 on the Logs API has
// platform.runtimeDone.
const (
	telemetrySchema1 = "2022-07-01"
	telemetrySchema2 = "2022-12-13"
	telemetrySchema3 = "2025-01-29"
	logsSchema1      = "2020-08-15"
	logsSchema2      = "2021-03-18"
)

// A subscription is what an extension asked for.
type subscription struct {
	api    api
	schema string
	types  map[string]bool
	names  []string // the types as they were asked for

	method string // of HTTP; "" is TCP
	url    string
	port   int

	maxItems, maxBytes int
	timeout            time.Duration
}

// objects tells whether a line of output can be an object.
func (s subscription) objects() bool {
	return s.schema == telemetrySchema2 || s.schema == telemetrySchema3
}

// open returns the destination of s.
func (s subscription) open() destination {
	if s.method == "" {
		return newTCPDestination(s.port)
	}
	return newHTTPDestination(s.method, s.url, s.port)
}

// A subscribeRequest is the body of a request to subscribe. What is not there
// is nil.
type subscribeRequest struct {
	SchemaVersion *string  `json:"schemaVersion"`
	Types         []string `json:"types"`
	Buffering     *struct {
		MaxItems  *int `json:"maxItems"`
		MaxBytes  *int `json:"maxBytes"`
		TimeoutMs *int `json:"timeoutMs"`
	} `json:"buffering"`
	Destination *struct {
		Protocol string  `json:"protocol"`
		URI      *string `json:"URI"`
		Port     *int    `json:"port"`
		Method   *string `json:"method"`
		Encoding *string `json:"encoding"`
	} `json:"destination"`
}

// parseSubscription returns what the body asks for, or what is wrong with it.
func parseSubscription(body []byte, of api, on InitType) (subscription, error) {
	var request subscribeRequest
	if err := json.Unmarshal(body, &request); err != nil {
		return subscription{}, fmt.Errorf("not a subscription: %w", err)
	}
	s := subscription{api: of, maxItems: 10_000, maxBytes: 262_144, timeout: time.Second}
	for _, step := range []func(*subscribeRequest, InitType) error{s.readSchema, s.readTypes, s.readBuffering, s.readDestination} {
		if err := step(&request, on); err != nil {
			return subscription{}, err
		}
	}
	return s, nil
}

func (s *subscription) readSchema(r *subscribeRequest, on InitType) error {
	versions := []string{telemetrySchema1, telemetrySchema2, telemetrySchema3}
	switch {
	case s.api == logsAPI:
		versions = []string{logsSchema1, logsSchema2}
	case on == ManagedInstances:
		versions = []string{telemetrySchema3}
	}
	switch {
	case r.SchemaVersion != nil:
		s.schema = *r.SchemaVersion
	case s.api == logsAPI:
		s.schema = logsSchema1
	default:
		return errors.New("schemaVersion: required")
	}
	return oneOf("schemaVersion", s.schema, versions...)
}

func (s *subscription) readTypes(r *subscribeRequest, _ InitType) error {
	if len(r.Types) == 0 {
		return errors.New("types: at least one is required")
	}
	s.types = make(map[string]bool)
	for _, name := range r.Types {
		if err := oneOf("types", name, "platform", "function", "extension"); err != nil {
			return err
		}
		if !s.types[name] {
			s.names = append(s.names, name)
		}
		s.types[name] = true
	}
	return nil
}

func (s *subscription) readBuffering(r *subscribeRequest, _ InitType) error {
	if r.Buffering == nil {
		return nil
	}
	timeoutMs := int(s.timeout.Milliseconds())
	for _, limit := range []struct {
		name      string
		asked, to *int
		min, max  int
	}{
		{"maxItems", r.Buffering.MaxItems, &s.maxItems, 1_000, 10_000},
		{"maxBytes", r.Buffering.MaxBytes, &s.maxBytes, 262_144, 1_048_576},
		{"timeoutMs", r.Buffering.TimeoutMs, &timeoutMs, 25, 30_000},
	} {
		if limit.asked == nil {
			continue
		}
		if *limit.asked < limit.min || *limit.asked > limit.max {
			return fmt.Errorf("buffering.%s: %d: not from %d to %d", limit.name, *limit.asked, limit.min, limit.max)
		}
		*limit.to = *limit.asked
	}
	s.timeout = time.Duration(timeoutMs) * time.Millisecond
	return nil
}

func (s *subscription) readDestination(r *subscribeRequest, on InitType) error {
	d := r.Destination
	if d == nil {
		return errors.New("destination: required")
	}
	if err := oneOf("destination.protocol", d.Protocol, "HTTP", "TCP"); err != nil {
		return err
	}
	if d.Protocol == "TCP" {
		switch {
		case d.Port == nil:
			return errors.New("destination.port: required")
		case *d.Port < 1 || *d.Port > 65535:
			return fmt.Errorf("destination.port: %d: not from 1 to 65535", *d.Port)
		}
		s.port = *d.Port
		return nil
	}
	s.method = http.MethodPost
	if s.api == logsAPI && d.Method != nil {
		if err := oneOf("destination.method", *d.Method, http.MethodPost, http.MethodPut); err != nil {
			return err
		}
		s.method = *d.Method
	}
	if s.api == logsAPI && d.Encoding != nil {
		if err := oneOf("destination.encoding", *d.Encoding, "JSON"); err != nil {
			return err
		}
	}
	if d.URI == nil || *d.URI == "" {
		return errors.New("destination.URI: required")
	}
	return s.readURI(*d.URI, on)
}

func (s *subscription) readURI(uri string, on InitType) error {
	at, err := url.Parse(uri)
	if err != nil {
		return fmt.Errorf("destination.URI: %q: not a URI", uri)
	}
	if at.Scheme != "http" {
		return fmt.Errorf("destination.URI: %q: the scheme must be http", uri)
	}
	// The short name is what AWS's emulator of Managed Instances takes, too.
	if host := at.Hostname(); host != telemetry.SandboxHost && (on != ManagedInstances || host != "sandbox") {
		return fmt.Errorf("destination.URI host must be %s", telemetry.SandboxHost)
	}
	s.port, err = strconv.Atoi(or(at.Port(), "80"))
	if err != nil || s.port < 1 || s.port > 65535 {
		return fmt.Errorf("destination.URI: %q: the port is not from 1 to 65535", uri)
	}
	at.User, at.Fragment = nil, ""
	s.url = at.String()
	return nil
}

// oneOf returns an error if value is none of known.
func oneOf(what, value string, known ...string) error {
	if slices.Contains(known, value) {
		return nil
	}
	return fmt.Errorf("%s: %q: not one of %s", what, value, strings.Join(known, ", "))
}
