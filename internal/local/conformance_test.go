//go:build linux

package local_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/testbed"
)

const (
	ext     = "/2020-01-01/extension"
	rt      = "/2018-06-01/runtime"
	tel     = "/2022-07-01/telemetry"
	logs    = "/2020-08-15/logs"
	nobodys = "11111111-2222-4333-8444-555555555555"

	nameIs = "Lambda-Extension-Name"
	idIs   = "Lambda-Extension-Identifier"
	typeIs = "Lambda-Extension-Function-Error-Type"
)

// differences are the only ones that there may be between this package and
// AWS's emulator, each with its reason. One that is gone fails the test too.
var differences = map[string]string{
	"events of another type": "the message of Go's decoder names the emulator's own Go type",
	"no object":              "the message of Go's decoder names the emulator's own Go type",
	"register external":      "the emulator has no account id, and leaves out what was asked for",
	"timeout":                "the emulator answers a timeout in plain text, the service as JSON",

	"subscribe without an identifier":         stub,
	"subscribe":                               stub,
	"subscribe to logs without an identifier": stub,
	"subscribe to logs too":                   stub,

	"subscribe: over https":          "the emulator takes it; the documentation has HTTP only",
	"subscribe: TCP, nobody listens": "the emulator connects once, at the subscription; the documentation has the service try again",
}

const stub = "the emulator has no Telemetry API and no Logs API: to whoever asks it answers 202, as the service's documentation has it for local testing"

// compare fails the test if there is a difference that there may not be, and
// prints those that there may be.
func compare(t *testing.T, name string, theirs, ours any) {
	t.Helper()
	reason := differences[name]
	if reason == "" {
		assert.Equal(t, theirs, ours, name)
		return
	}
	assert.NotEqual(t, theirs, ours, "%s: no longer different", name)
	t.Logf("%s: allowed: %s\n  emulator %+v\n  here     %+v", name, reason, theirs, ours)
}

// A conformance is requests in their order, made in both environments.
var conformance = []struct {
	name     string
	external bool // there is an external extension, ext
	steps    func(s *session, answer <-chan string)
}{
	{"router", false, func(s *session, answer <-chan string) {
		s.step("ping", "GET", "/2018-06-01/ping", "")
		s.step("ping posted", "POST", "/2018-06-01/ping", "")
		s.step("no such version", "GET", "/2018-06-02/ping", "")
		s.step("register in the other API", "POST", "/2018-06-01/extension/register", "{}")
		s.step("runtime in the other API", "GET", "/2020-01-01/runtime/invocation/next", "")
		s.step("register by GET", "GET", ext+"/register", "")
		s.step("register with a slash", "POST", ext+"/register/", "{}")
		s.step("two slashes", "POST", "/2020-01-01//extension/register", "{}")
		s.step("unknown path", "POST", ext+"/unknown", "{}")
		s.step("next posted", "POST", ext+"/event/next", "")
		s.step("next by HEAD", "HEAD", ext+"/event/next", "")
		s.step("init error by PUT", "PUT", ext+"/init/error", "")
		s.step("restore next", "GET", rt+"/restore/next", "")
		s.step("restore error", "POST", rt+"/restore/error", "")
		s.step("credentials", "GET", "/2021-04-23/credentials", "", "Authorization", "x")
		s.step("credentials posted", "POST", "/2021-04-23/credentials", "")
		s.step("telemetry by GET", "GET", tel, "")
		s.step("telemetry by POST", "POST", tel, "{}")
		s.step("telemetry with a slash", "PUT", tel+"/", "{}")
		s.step("telemetry of no such version", "PUT", "/2022-07-02/telemetry", "{}")
		s.step("telemetry in the other API", "PUT", "/2020-01-01/telemetry", "{}")
		s.step("logs by POST", "POST", logs, "{}")
		s.step("logs with a slash", "PUT", logs+"/", "{}")
		s.step("response by GET", "GET", rt+"/invocation/"+nobodys+"/response", "")
		s.step("response to nothing", "POST", rt+"/invocation/"+nobodys+"/response", "{}")
		s.step("error of nothing", "POST", rt+"/invocation/x/error", "{}")
	}},
	{"register", true, func(s *session, answer <-chan string) {
		s.step("no name", "POST", ext+"/register", "{}")
		s.step("empty name", "POST", ext+"/register", "{}", nameIs, "")
		s.step("no body", "POST", ext+"/register", "", nameIs, "ext")
		s.step("no JSON", "POST", ext+"/register", "{", nameIs, "ext")
		s.step("no object", "POST", ext+"/register", "[]", nameIs, "i")
		s.step("events of another type", "POST", ext+"/register", `{"events":"INVOKE"}`, nameIs, "ext")
		s.step("configuration keys", "POST", ext+"/register", `{"events":[],"configurationKeys":["a"]}`, nameIs, "ext")
		s.step("unknown event", "POST", ext+"/register", `{"events":["INVOKE","FOO"]}`, nameIs, "ext")
		s.step("lower case", "POST", ext+"/register", `{"events":["invoke"]}`, nameIs, "ext")
		s.step("internal, SHUTDOWN", "POST", ext+"/register", `{"events":["SHUTDOWN"]}`, nameIs, "i")
		s.step("internal, unknown event", "POST", ext+"/register", `{"events":["FOO"]}`, nameIs, "i")
		s.step("no identifier", "GET", ext+"/event/next", "")
		s.step("no UUID", "GET", ext+"/event/next", "", idIs, "x")
		s.step("unknown UUID", "GET", ext+"/event/next", "", idIs, nobodys)
		s.step("unknown UUID in another form", "GET", ext+"/event/next", "", idIs, "{11111111-2222-4333-8444-55555555555A}")
		s.step("unknown URN", "GET", ext+"/event/next", "", idIs, "urn:uuid:"+nobodys)
		s.step("unknown UUID without hyphens", "GET", ext+"/event/next", "", idIs, strings.ReplaceAll(nobodys, "-", ""))
		for _, which := range []string{"init", "exit"} {
			path := ext + "/" + which + "/error"
			s.step(which+" error, no identifier", "POST", path, "", typeIs, "A.B")
			s.step(which+" error, no UUID", "POST", path, "", idIs, "x", typeIs, "A.B")
			s.step(which+" error, no type", "POST", path, "", idIs, nobodys)
			s.step(which+" error, unknown", "POST", path, "", idIs, nobodys, typeIs, "A.B")
		}
		s.step("register external", "POST", ext+"/register", `{"events":["INVOKE","SHUTDOWN"]}`, nameIs, "ext",
			"Lambda-Extension-Accept-Feature", "other, accountId")
		s.step("register external again", "POST", ext+"/register", `{"events":["INVOKE"]}`, nameIs, "ext")
		s.step("register external again, wrong event", "POST", ext+"/register", `{"events":["FOO"]}`, nameIs, "ext")
		s.step("register internal", "POST", ext+"/register", `{"events":["INVOKE"]}`, nameIs, "i")
		s.step("register internal again", "POST", ext+"/register", `{}`, nameIs, "i")
		s.step("upper case is another", "POST", ext+"/register", `{}`, nameIs, "I")
		s.step("null", "POST", ext+"/register", `null`, nameIs, "null")
		for i := range 6 {
			s.step(fmt.Sprint("internal ", i), "POST", ext+"/register", `{}`, nameIs, fmt.Sprint("i", i))
		}
		s.step("one too many", "POST", ext+"/register", `{}`, nameIs, "i6")
	}},
	{"subscriptions", true, func(s *session, answer <-chan string) {
		id := s.step("", "POST", ext+"/register", `{"events":["INVOKE","SHUTDOWN"]}`, nameIs, "ext").Get(idIs)
		const destination = `"types":["platform"],"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:1234"}}`
		s.step("subscribe without an identifier", "PUT", tel, "{}")
		s.step("subscribe", "PUT", tel, `{"schemaVersion":"2022-12-13",`+destination, idIs, id)
		s.step("subscribe to logs without an identifier", "PUT", logs, "{}")
		s.step("subscribe to logs too", "PUT", logs, `{"schemaVersion":"2021-03-18",`+destination, idIs, id)
	}},
	{"invocations", true, func(s *session, answer <-chan string) {
		id := s.step("", "POST", ext+"/register", `{"events":["INVOKE","SHUTDOWN"]}`, nameIs, "ext").Get(idIs)
		in := s.step("", "POST", ext+"/register", `{"events":["INVOKE"]}`, nameIs, "in").Get(idIs)
		quiet := s.step("", "POST", ext+"/register", `{}`, nameIs, "quiet").Get(idIs)
		runtime := s.open("runtime's event", "GET", rt+"/invocation/next")
		extNext := s.open("extension's event", "GET", ext+"/event/next", idIs, id)
		inNext := s.open("internal's event", "GET", ext+"/event/next", idIs, in)
		s.until("RegistrationClosed", "POST", ext+"/register", `{}`, nameIs, "in")
		s.step("register late", "POST", ext+"/register", `{}`, nameIs, "late")
		s.until("from Ready", "POST", ext+"/register", `{}`, nameIs, "ext")
		s.step("second next", "GET", ext+"/event/next", "", idIs, id)
		s.step("init error while ready", "POST", ext+"/init/error", "", idIs, id, typeIs, "A.B")
		s.open("", "GET", ext+"/event/next", idIs, quiet)

		request := s.result(runtime).Get("Lambda-Runtime-Aws-Request-Id")
		event := s.result(extNext)
		s.keep("extension's headers", seen{Body: names(event)})
		s.step("runtime's payload again", "GET", rt+"/invocation/next", "")
		s.result(inNext)
		s.step("register while running", "POST", ext+"/register", `{}`, nameIs, "ext")
		s.step("init error while running", "POST", ext+"/init/error", "", idIs, id, typeIs, "A.B")
		s.step("runtime init error while running", "POST", rt+"/init/error", `{}`)
		s.step("response to another", "POST", rt+"/invocation/"+nobodys+"/response", `{}`)
		s.step("response", "POST", rt+"/invocation/"+request+"/response", `{"r":1}`)
		s.step("second response", "POST", rt+"/invocation/"+request+"/response", `{"r":2}`)
		s.step("error after the response", "POST", rt+"/invocation/"+request+"/error", `{}`)
		extNext = s.open("extension's second event", "GET", ext+"/event/next", idIs, id)
		inNext = s.open("", "GET", ext+"/event/next", idIs, in)
		runtime = s.open("", "GET", rt+"/invocation/next")
		s.keep("answer", seen{Body: <-answer})

		answer = s.start(`{"n":2}`)
		request = s.result(runtime).Get("Lambda-Runtime-Aws-Request-Id")
		s.result(extNext)
		s.result(inNext)
		s.step("error", "POST", rt+"/invocation/"+request+"/error", `{"errorMessage":"no","errorType":"T"}`, "Lambda-Runtime-Function-Error-Type", "Function.T")
		s.step("error twice", "POST", rt+"/invocation/"+request+"/error", `{}`)
		s.open("", "GET", ext+"/event/next", idIs, id)
		s.open("", "GET", ext+"/event/next", idIs, in)
		s.open("", "GET", rt+"/invocation/next")
		s.keep("answer of an error", seen{Body: <-answer})
	}},
	{"too large", false, func(s *session, answer <-chan string) {
		runtime := s.open("", "GET", rt+"/invocation/next")
		request := s.result(runtime).Get("Lambda-Runtime-Aws-Request-Id")
		s.step("too large", "POST", rt+"/invocation/"+request+"/response", strings.Repeat("x", limit+1))
		s.open("", "GET", rt+"/invocation/next")
		s.keep("answer of what is too large", s.normal(<-answer))
	}},
	{"mode", false, func(s *session, answer <-chan string) {
		runtime := s.open("", "GET", rt+"/invocation/next")
		request := s.result(runtime).Get("Lambda-Runtime-Aws-Request-Id")
		s.step("mode", "POST", rt+"/invocation/"+request+"/response", `1`, "Lambda-Runtime-Function-Response-Mode", "buffered")
		// With the emulator there is no way on from here.
	}},
	{"streaming", false, func(s *session, answer <-chan string) {
		const mode = "Lambda-Runtime-Function-Response-Mode"
		runtime := s.open("", "GET", rt+"/invocation/next")
		request := s.result(runtime).Get("Lambda-Runtime-Aws-Request-Id")
		s.step("streamed response", "POST", rt+"/invocation/"+request+"/response", `{"streamed":1}`, mode, "streaming", "Content-Type", "application/octet-stream")
		s.step("streamed response again", "POST", rt+"/invocation/"+request+"/response", `{}`, mode, "streaming")
		runtime = s.open("", "GET", rt+"/invocation/next")
		s.keep("answer, streamed", s.normal(<-answer))

		answer = s.start(`{"n":2}`)
		request = s.result(runtime).Get("Lambda-Runtime-Aws-Request-Id")
		s.step("error instead of a stream", "POST", rt+"/invocation/"+request+"/error", `{"errorMessage":"no","errorType":"T"}`, mode, "streaming", "Lambda-Runtime-Function-Error-Type", "Function.T")
		s.open("", "GET", rt+"/invocation/next")
		s.keep("answer, an error instead of a stream", s.normal(<-answer))
	}},
	{"extension init error", true, func(s *session, answer <-chan string) {
		id := s.step("", "POST", ext+"/register", `{"events":["INVOKE"]}`, nameIs, "ext").Get(idIs)
		s.step("init error without a type", "POST", ext+"/init/error", "", idIs, id)
		s.step("init error", "POST", ext+"/init/error", `not JSON`, idIs, id, typeIs, "A.B")
		s.step("init error again", "POST", ext+"/init/error", "", idIs, id, typeIs, "C.D")
		s.step("next after init error", "GET", ext+"/event/next", "", idIs, id)
		s.step("exit error after init error", "POST", ext+"/exit/error", "", idIs, id, typeIs, "A.B")
		s.step("register after init error", "POST", ext+"/register", "{}", nameIs, "ext")
	}},
	{"extension exit error", true, func(s *session, answer <-chan string) {
		id := s.step("", "POST", ext+"/register", `{"events":["INVOKE"]}`, nameIs, "ext").Get(idIs)
		s.step("exit error", "POST", ext+"/exit/error", "", idIs, id, typeIs, "A.B")
		s.step("exit error again", "POST", ext+"/exit/error", "", idIs, id, typeIs, "A.B")
		s.step("next after exit error", "GET", ext+"/event/next", "", idIs, id)
		s.step("init error after exit error", "POST", ext+"/init/error", "", idIs, id, typeIs, "A.B")
		in := s.step("", "POST", ext+"/register", `{}`, nameIs, "in").Get(idIs)
		s.step("internal init error", "POST", ext+"/init/error", "", idIs, in, typeIs, "A.B")
		s.step("internal next after init error", "GET", ext+"/event/next", "", idIs, in)
	}},
	{"runtime init error", false, func(s *session, answer <-chan string) {
		s.step("runtime init error", "POST", rt+"/init/error", `{"errorType":"Runtime.Bad","errorMessage":"bad"}`, "Lambda-Runtime-Function-Error-Type", "Runtime.Bad")
		s.step("runtime init error again", "POST", rt+"/init/error", `{}`)
		s.step("runtime next after init error", "GET", rt+"/invocation/next", "")
	}},
}

// names returns those of Lambda's headers that a response has.
func names(header http.Header) string {
	var found []string
	for name := range header {
		if strings.HasPrefix(name, "Lambda-") {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return strings.Join(found, " ")
}

func (s *session) normal(body string) seen {
	for _, v := range varying {
		body = v.is.ReplaceAllString(body, v.name)
	}
	return seen{Body: body}
}

// TestConformance makes the same requests to this package and to AWS's own
// emulator, and compares the answers.
func TestConformance(t *testing.T) {
	needIsolation(t)
	bed, err := testbed.Open()
	require.NoError(t, err)
	for _, c := range conformance {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			extension := ""
			if c.external {
				extension = sleeper
			}
			f := scripts(t, sleeper, extension)
			ours, theirs := ourSession(t, f), theirSession(t, bed, f)
			for _, s := range []*session{ours, theirs} {
				// The emulator starts everything at the first invocation.
				c.steps(s, s.begin(`{"n":1}`))
			}
			require.Equal(t, len(theirs.got), len(ours.got))
			for name, want := range theirs.got {
				compare(t, name, want, ours.got[name])
			}
		})
	}
}
