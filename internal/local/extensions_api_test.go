//go:build linux

package local_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestExtensionsAPI has the table of the API's answers, over plain HTTP. ID
// and IN stand for the identifiers of an external and an internal extension.
func TestExtensionsAPI(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	const register, next, initError, exitError = "POST register", "GET event/next", "POST init/error", "POST exit/error"
	s := ourSession(t, scripts(t, sleeper, sleeper))
	s.begin(`{}`)
	tests := []struct {
		request string
		body    string
		headers []string
		status  int
		answer  string // "errorType: message", or the body if there is none
	}{
		{register, "{}", nil, 403, "Extension.InvalidExtensionName: Empty extension name"},
		{register, "", []string{nameIs, "ext"}, 403, "InvalidRequestFormat: unexpected end of JSON input"},
		{register, "{", []string{nameIs, "ext"}, 403, "InvalidRequestFormat: unexpected end of JSON input"},
		{register, "x", []string{nameIs, "ext"}, 403, "InvalidRequestFormat: invalid character 'x' looking for beginning of value"},
		{register, `{"configurationKeys":["A"]}`, []string{nameIs, "ext"}, 403,
			"InvalidRequestFormat: configurationKeys are deprecated; use environment variables instead"},
		{register, `{"events":["FOO"]}`, []string{nameIs, "ext"}, 403, "Extension.InvalidEventType: FOO: ErrorInvalidEventType"},
		{register, `{"events":["invoke"]}`, []string{nameIs, "ext"}, 403, "Extension.InvalidEventType: invoke: ErrorInvalidEventType"},
		{register, `{"events":["SHUTDOWN"]}`, []string{nameIs, "in"}, 403,
			"Extension.InvalidEventType: SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"},
		{next, "", nil, 403, "Extension.MissingExtensionIdentifier: Missing Lambda-Extension-Identifier header"},
		{next, "", []string{idIs, "x"}, 403, "Extension.InvalidExtensionIdentifier: Invalid Lambda-Extension-Identifier"},
		{next, "", []string{idIs, nobodys}, 403, "Extension.UnknownExtensionIdentifier: Unknown extension <uuid>"},
		{initError, "", []string{idIs, nobodys, typeIs, "A.B"}, 403, "Extension.UnknownExtensionIdentifier: Unknown Lambda-Extension-Identifier"},
		{exitError, "", []string{idIs, nobodys, typeIs, "A.B"}, 403, "Extension.UnknownExtensionIdentifier: Unknown Lambda-Extension-Identifier"},
		{initError, "", []string{idIs, nobodys}, 403, "Extension.MissingHeader: Lambda-Extension-Function-Error-Type not found"},
		{exitError, "", []string{idIs, nobodys}, 403, "Extension.MissingHeader: Lambda-Extension-Function-Error-Type not found"},
		{register, `{"events":["INVOKE","SHUTDOWN"]}`, []string{nameIs, "ext", "Lambda-Extension-Accept-Feature", "x,accountId"}, 200,
			`{"accountId":"012345678912","functionName":"greet","functionVersion":"$LATEST","handler":"app.handler"}`},
		{register, `{}`, []string{nameIs, "ext"}, 403, "Extension.InvalidExtensionState: State transition from Registered to Registered failed " +
			"for extension ext. Error: State transition is not allowed"},
		{register, `{"events":["INVOKE"]}`, []string{nameIs, "in"}, 200, `{"functionName":"greet","functionVersion":"$LATEST","handler":"app.handler"}`},
		{register, `{}`, []string{nameIs, "in"}, 403, "Extension.InvalidExtensionState: Extension with this name already registered"},
		{initError, "not JSON", []string{idIs, "IN", typeIs, "A.B"}, 202, `{"status":"OK"}`},
		{initError, "", []string{idIs, "IN", typeIs, "C.D"}, 202, `{"status":"OK"}`},
		{next, "", []string{idIs, "IN"}, 403, "Extension.InvalidExtensionState: State transition from InitError to Ready failed " +
			"for extension <uuid>. Error: State transition is not allowed"},
		{exitError, "", []string{idIs, "IN", typeIs, "A.B"}, 403, "Extension.InvalidExtensionState: State transition from InitError to Exited failed " +
			"for extension <uuid>. Error: State transition is not allowed"},
		{exitError, "{}", []string{idIs, "ID", typeIs, "A.B"}, 202, `{"status":"OK"}`},
		{exitError, "{}", []string{idIs, "ID", typeIs, "A.B"}, 202, `{"status":"OK"}`},
		{initError, "{}", []string{idIs, "ID", typeIs, "A.B"}, 403, "Extension.InvalidExtensionState: State transition from ExitError to InitError failed " +
			"for extension <uuid>. Error: State transition is not allowed"},
		{next, "", []string{idIs, "ID"}, 403, "Extension.InvalidExtensionState: State transition from ExitError to Ready failed " +
			"for extension <uuid>. Error: State transition is not allowed"},
		{"GET register", "", nil, 405, ""},
		{"POST event/next", "", nil, 405, ""},
		{"POST register/", "{}", []string{nameIs, "x"}, 404, "404 page not found"},
		{"POST nothing", "{}", []string{nameIs, "x"}, 404, "404 page not found"},
	}
	for i := range 8 { // with the two, ten
		answer := `{"functionName":"greet","functionVersion":"$LATEST","handler":"app.handler"}`
		tests = append(tests, tests[0])
		last := &tests[len(tests)-1]
		last.request, last.headers, last.status, last.answer = register, []string{nameIs, fmt.Sprint(i)}, 200, answer
	}
	tests = append(tests, tests[0])
	last := &tests[len(tests)-1]
	last.headers, last.answer = []string{nameIs, "8"}, "Extension.TooManyExtensions: Extension limit (10) reached"

	known := make(map[string]string)
	for _, test := range tests {
		method, path, _ := strings.Cut(test.request, " ")
		headers := make([]string, len(test.headers))
		for i, h := range test.headers {
			headers[i] = h
			if id := known[h]; id != "" {
				headers[i] = id
			}
		}
		got, header := s.send(method, ext+"/"+path, test.body, headers...)
		what := fmt.Sprint(test.request, " ", test.body, " ", test.headers)
		assert.Equal(t, test.status, got.Status, what)
		want := test.answer
		if errorType, message, ok := strings.Cut(want, ": "); ok && test.status == 403 {
			want = `{"errorMessage":"` + message + `","errorType":"` + errorType + `"}`
		}
		assert.Equal(t, want, strings.TrimSuffix(got.Body, "\n"), what)
		if id := header.Get(idIs); id != "" {
			known[map[string]string{"ext": "ID", "in": "IN"}[test.headers[1]]] = id
		}
	}
}
