//go:build linux

package local_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/testbed"
)

// TestManagedConformance is TestConformance on Managed Instances, where the
// emulator has a Telemetry API.
func TestManagedConformance(t *testing.T) {
	needIsolation(t)
	needRoot(t) // there the emulator's processes are another user's
	bed, err := testbed.Open()
	require.NoError(t, err)
	f := managed(scripts(t, sleeper, sleeper), 2)
	ours, theirs := ourSession(t, f), theirSession(t, bed, f)
	for _, s := range []*session{ours, theirs} {
		s.reach()
		const register = ext + "/register"
		s.step("managed: ping", "GET", "/2018-06-01/ping", "")
		s.step("managed: logs", "PUT", logs, "{}")
		s.step("managed: invoke", "POST", register, `{"events":["INVOKE"]}`, nameIs, "ext")
		s.step("managed: both events", "POST", register, `{"events":["SHUTDOWN","INVOKE"]}`, nameIs, "ext")
		s.step("managed: unknown event", "POST", register, `{"events":["FOO"]}`, nameIs, "ext")
		s.step("managed: internal, shutdown", "POST", register, `{"events":["SHUTDOWN"]}`, nameIs, "in")
		s.step("managed: internal, invoke", "POST", register, `{"events":["INVOKE"]}`, nameIs, "in")
		s.step("managed: internal", "POST", register, `{}`, nameIs, "in")
		id := s.step("managed: external", "POST", register, `{"events":["SHUTDOWN"]}`, nameIs, "ext").Get(idIs)
		const (
			version = `"schemaVersion":"2025-01-29",`
			types   = `"types":["platform"],`
			to      = `"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:1"}`
		)
		for _, step := range []struct{ name, body string }{
			{"no JSON", `{`},
			{"nothing", `{}`},
			{"no version", `{` + types + to + `}`},
			{"first version", `{"schemaVersion":"2022-07-01",` + types + to + `}`},
			{"second version", `{"schemaVersion":"2022-12-13",` + types + to + `}`},
			{"no types", `{` + version + to + `}`},
			{"empty types", `{` + version + `"types":[],` + to + `}`},
			{"unknown type", `{` + version + `"types":["platform","other"],` + to + `}`},
			{"no destination", `{` + version + `"types":["platform"]}`},
			{"unknown protocol", `{` + version + types + `"destination":{"protocol":"UDP","port":1}}`},
			{"no address", `{` + version + types + `"destination":{"protocol":"HTTP"}}`},
			{"localhost", `{` + version + types + `"destination":{"protocol":"HTTP","URI":"http://localhost:1"}}`},
			{"another host", `{` + version + types + `"destination":{"protocol":"HTTP","URI":"http://sandbox.local:1"}}`},
			{"no port", `{` + version + types + `"destination":{"protocol":"TCP"}}`},
			{"port too large", `{` + version + types + `"destination":{"protocol":"TCP","port":65536}}`},
			{"too few items", `{` + version + types + `"buffering":{"maxItems":999},` + to + `}`},
			{"too many items", `{` + version + types + `"buffering":{"maxItems":10001},` + to + `}`},
			{"too few bytes", `{` + version + types + `"buffering":{"maxBytes":262143},` + to + `}`},
			{"too many bytes", `{` + version + types + `"buffering":{"maxBytes":1048577},` + to + `}`},
			{"too short", `{` + version + types + `"buffering":{"timeoutMs":24},` + to + `}`},
			{"too long", `{` + version + types + `"buffering":{"timeoutMs":30001},` + to + `}`},
			{"well", `{` + version + types + `"buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":30000},` + to + `}`},
			{"again", `{` + version + types + to + `}`},
		} {
			s.step("subscribe: "+step.name, "PUT", tel, step.body, idIs, id)
		}
		for name, destination := range map[string]string{
			"over https":             `"protocol":"HTTP","URI":"https://sandbox.localdomain:1"`,
			"TCP, nobody listens":    `"protocol":"TCP","port":1`,
			"internal":               `"protocol":"HTTP","URI":"http://sandbox.localdomain:1"`,
			"by the emulator's name": `"protocol":"HTTP","URI":"http://sandbox:1"`,
		} {
			id := s.step("managed: internal, "+name, "POST", register, `{}`, nameIs, name).Get(idIs)
			s.step("subscribe: "+name, "PUT", tel, `{`+version+types+`"destination":{`+destination+`}}`, idIs, id)
		}
		s.step("subscribe: no identifier", "PUT", tel, `{}`)
		s.step("subscribe: no UUID", "PUT", tel, `{}`, idIs, "x")
		s.step("subscribe: unknown UUID", "PUT", tel, `{}`, idIs, nobodys)
	}
	require.Equal(t, len(theirs.got), len(ours.got))
	for name, want := range theirs.got {
		compare(t, name, verdict(name, want), verdict(name, ours.got[name]))
	}
}

// verdict leaves of an answer to who subscribes its status and the type of the
// error: the message is that of the emulator's library for JSON schemas, and
// it names no type of the content.
func verdict(name string, got seen) seen {
	if !strings.HasPrefix(name, "subscribe: ") {
		return got
	}
	got.ContentType = ""
	var body struct{ ErrorType string }
	if json.Unmarshal([]byte(got.Body), &body) == nil {
		got.Body = body.ErrorType
	} else if strings.HasPrefix(got.Body, `{"errorType": "ValidationError",`) {
		got.Body = "ValidationError" // quotes in the message make it no JSON
	}
	return got
}
