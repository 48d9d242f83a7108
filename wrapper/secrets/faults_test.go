package main

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/graft-lambda/graft/inject/reference"
)

var update = flag.Bool("update", false, "write the table of faults into the README")

// usual is GRAFT_SECRETS_TIMEOUT's default.
const usual = 3 * time.Second

// A fault is a row of the README's table: what is broken, and what is asked.
type fault struct {
	name      string
	questions []string
	reply     func(call) *reply
	// limit is how long it may take; zero: as long as this machine needs.
	limit time.Duration
	// unset and env change the program's environment.
	unset []string
	env   []string
	// before makes further variables; after looks at what is left.
	before func(testing.TB, *service) []string
	after  func(testing.TB, *service)
	// counts is the action whose calls are part of the outcome.
	counts string
	// want are values that are not the service's own, by question.
	want map[string]string
}

func parameters(n int) []string {
	questions := make([]string, n)
	for i := range questions {
		questions[i] = fmt.Sprintf("ref+awsssm://app/%04d", i)
	}
	return questions
}

func secrets(n int) []string {
	questions := make([]string, n)
	for i := range questions {
		questions[i] = fmt.Sprintf("ref+awssecrets://app-%04d", i)
	}
	return questions
}

// times has an action fail the first n times; 0 is for ever.
func times(n int, out *reply) func(call) *reply {
	return func(c call) *reply {
		if n == 0 || c.n <= n {
			return out
		}
		return nil
	}
}

// hang keeps the first n calls of an action waiting until the caller gives up;
// 0 is all.
func hang(n int) func(call) *reply {
	return func(c call) *reply {
		if n == 0 || c.n <= n {
			<-c.done
		}
		return nil
	}
}

// denies says no to an action, and to calls with a name in them.
func denies(code, action, name string) func(call) *reply {
	return func(c call) *reply {
		if c.action == action && (name == "" || slices.Contains(c.names, name)) {
			return failed(code)
		}
		return nil
	}
}

// TestFaults makes the README's table.
func TestFaults(t *testing.T) {
	faults := slices.Concat(serviceFaults, answerFaults, machineFaults)
	outcomes := make([]string, len(faults))
	t.Run("rows", func(t *testing.T) {
		for i, f := range faults {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				outcomes[i] = f.run(t)
			})
		}
	})
	if t.Failed() {
		return
	}
	var table bytes.Buffer
	table.WriteString("| fault | what is asked for | outcome |\n| --- | --- | --- |\n")
	for i, f := range faults {
		if outcomes[i] == "" {
			return // -run has chosen some of the rows
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", f.name, asked(f.questions), outcomes[i])
	}
	compareTable(t, table.String())
}

// TestCalls counts what takes fewer calls than one might think.
func TestCalls(t *testing.T) {
	for _, c := range []struct {
		fault
		want string
	}{
		{fault{questions: []string{"ref+awsssm://app/1?role_arn=r", "ref+awssecrets://app-1?role_arn=r", "ref+awssecrets://app-1?role_arn=r&region=eu-west-1"}, counts: "AssumeRole"},
			"2 values, 1× `ResourceNotFoundException: not in region eu-west-1` (1 call of AssumeRole)"},
		{fault{questions: append(parameters(9), "ref+awsssm://app/9?region=us-east-1"), counts: "GetParameters"}, "10 values (1 call of GetParameters)"},
		{fault{questions: append(parameters(1), parameters(1)...), counts: "GetParameters"}, "2 values (1 call of GetParameters)"},
		{fault{questions: parameters(0), counts: "GetParameters"}, " (0 calls of GetParameters)"},
	} {
		assert.Equal(t, c.want, c.run(t))
	}
}

// run has the real program answer, and says what came of it.
func (f fault) run(t *testing.T) string {
	s := newService(t, f.reply)
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AWS_ENDPOINT_URL=" + s.URL, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=" + leak, "AWS_SESSION_TOKEN=" + leak,
	}
	env = slices.DeleteFunc(env, func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(f.unset, name)
	})
	env = append(env, f.env...)
	if f.before != nil {
		env = append(env, f.before(t, s)...)
	}
	within := f.limit
	if within == 0 {
		within = limit
	}
	answers := ask(t, env, within, f.questions...)
	if f.after != nil {
		f.after(t, s)
	}
	text := outcome(t, f, answers)
	if f.counts != "" {
		n := s.count(f.counts)
		text += fmt.Sprintf(" (%d %s of %s)", n, map[bool]string{true: "call", false: "calls"}[n == 1], f.counts)
	}
	return text
}

// outcome says how many values there are, and why there are no others.
func outcome(t *testing.T, f fault, answers []reference.Answer) string {
	require.Len(t, answers, len(f.questions))
	values := 0
	var why []string
	missing := make(map[string]int)
	for i, a := range answers {
		assert.NotContains(t, a.Problem, leak)
		if a.Problem != "" {
			if missing[a.Problem]++; missing[a.Problem] == 1 {
				why = append(why, a.Problem)
			}
			continue
		}
		values++
		want, ok := f.want[f.questions[i]]
		if !ok {
			_, name, _ := strings.Cut(f.questions[i], "://")
			name, key, _ := strings.Cut(name, "#/")
			name, _, _ = strings.Cut(name, "?")
			if strings.HasPrefix(f.questions[i], "ref+awsssm") {
				name = "/" + name
			}
			if want = valueOf(name); key != "" {
				want = leak + "-" + key
			}
		}
		assert.Equal(t, want, a.Value, f.questions[i])
	}
	var parts []string
	if values > 0 {
		parts = append(parts, count(values, "value"))
	}
	for _, w := range why {
		text := "`" + w + "`"
		if len(f.questions) > 1 {
			text = fmt.Sprintf("%d× %s", missing[w], text)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func count(n int, noun string) string {
	if n == 1 {
		return "the " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// asked names what a row asks for.
func asked(questions []string) string {
	first := strings.ReplaceAll(questions[0], "|", "\\|")
	if len(questions) == 1 {
		return "`" + first + "`"
	}
	return fmt.Sprintf("`%s` and %d more", first, len(questions)-1)
}

// compareTable holds the README's table against what was seen.
func compareTable(t *testing.T, table string) {
	const name, mark = "../../README.md", "<!-- secrets faults -->\n"
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	parts := strings.Split(string(text), mark)
	require.Len(t, parts, 3, "the README has two marks %s", mark)
	if *update && parts[1] != table {
		parts[1] = table
		require.NoError(t, os.WriteFile(name, []byte(strings.Join(parts, mark)), 0o644))
	}
	assert.Equal(t, parts[1], table, "the README's table of faults: go test -run TestFaults -update")
}

var serviceFaults = []fault{
	{name: "the service is down", questions: parameters(10), limit: usual, before: func(t testing.TB, s *service) []string {
		gone := httptest.NewServer(http.NotFoundHandler())
		gone.Close()
		return []string{"AWS_ENDPOINT_URL_SSM=" + gone.URL}
	}},
	{name: "throttled three times", questions: parameters(1), reply: times(3, failed("ThrottlingException"))},
	{name: "throttled for ever", questions: parameters(1), limit: usual, reply: times(0, failed("ThrottlingException"))},
	{name: "an internal error, twice", questions: secrets(1), reply: times(2, &reply{status: 500, body: object{"__type": "InternalServiceError"}})},
	{name: "a gateway's error page for ever", questions: secrets(1), limit: usual, reply: times(0, &reply{status: 502, body: "<html>" + leak})},
	{name: "the first call hangs", questions: parameters(1), limit: 2 * usual, reply: hang(1)},
	{name: "every call hangs", questions: parameters(10), limit: usual, reply: hang(0)},
	{name: "Secrets Manager hangs, Parameter Store works", questions: append(parameters(10), secrets(2)...), limit: usual, reply: func(c call) *reply {
		if c.action == "BatchGetSecretValue" {
			<-c.done
		}
		return nil
	}},
	{name: "the connection breaks off once", questions: parameters(1), reply: times(1, &reply{body: object{"Parameters": leak}, cut: true})},
	{name: "the connection breaks off for ever", questions: parameters(1), limit: usual, reply: times(0, &reply{body: object{"Parameters": leak}, cut: true})},
	{name: "access denied for one of ten parameters", questions: parameters(10), counts: "GetParameters", reply: denies("AccessDeniedException", "GetParameters", "/app/0003")},
	{name: "access denied for all parameters", questions: parameters(2), reply: denies("AccessDeniedException", "GetParameters", "")},
	{name: "a name that Parameter Store refuses", questions: parameters(10), reply: denies("ValidationException", "GetParameters", "/app/0003")},
	{name: "the role lacks `secretsmanager:BatchGetSecretValue`", questions: secrets(20), counts: "GetSecretValue", reply: denies("AccessDeniedException", "BatchGetSecretValue", "")},
	{name: "access denied for one of three secrets", questions: secrets(3), reply: func(c call) *reply {
		return &reply{body: object{"SecretValues": []object{{"Name": "app-0000", "SecretString": valueOf("app-0000")}, {"Name": "app-0002", "SecretString": valueOf("app-0002")}},
			"Errors": []object{{"SecretId": "app-0001", "ErrorCode": "AccessDeniedException", "Message": leak}}}}
	}},
	{name: "one of three secrets is throttled within the batch", questions: secrets(3), counts: "GetSecretValue", reply: func(c call) *reply {
		if c.action == "GetSecretValue" {
			return nil
		}
		return &reply{body: object{"SecretValues": []object{{"Name": "app-0000", "SecretString": valueOf("app-0000")}, {"Name": "app-0002", "SecretString": valueOf("app-0002")}},
			"Errors": []object{{"SecretId": "app-0001", "ErrorCode": "ThrottlingException", "Message": leak}}}}
	}},
	{name: "access denied below a path", questions: []string{"below:/app/"}, reply: denies("AccessDeniedException", "GetParametersByPath", "")},
	{name: "the KMS key cannot be used", questions: secrets(1), reply: denies("DecryptionFailure", "GetSecretValue", "")},
	{name: "the role cannot be assumed", questions: []string{"ref+awssecrets://app-1?role_arn=arn:aws:iam::123456789012:role/x"}, reply: func(c call) *reply {
		if c.action != "AssumeRole" {
			return nil
		}
		return &reply{status: 403, body: `<ErrorResponse><Error><Code>AccessDenied</Code><Message>` + leak + `</Message></Error></ErrorResponse>`}
	}},
	{name: "no such parameter", questions: []string{"ref+awsssm://other/name"}},
	{name: "no such version", questions: []string{"ref+awsssm://other/name?version=7", "ref+awssecrets://other?version_stage=AWSPREVIOUS"}},
	{name: "another region's parameter", questions: []string{"ref+awsssm://app/name?region=eu-west-1"}},
	{name: "another region's secrets", questions: []string{"ref+awssecrets://app-1?region=eu-west-1", "ref+awssecrets://app-2?region=eu-west-1"}},
	{name: "deleted in between", questions: secrets(1), reply: denies("InvalidRequestException", "GetSecretValue", "")},
	{name: "rotated in between", questions: []string{"ref+awssecrets://app-json#/user", "ref+awssecrets://app-json#/password"}, counts: "GetSecretValue"},
	{name: "1,000 parameters", questions: parameters(1000), counts: "GetParameters"},
	{name: "1,000 secrets", questions: secrets(1000), counts: "BatchGetSecretValue"},
}

var answerFaults = []fault{
	{name: "`#/KEY` into what is not JSON", questions: []string{"ref+awssecrets://app-1#/user"}},
	{name: "`#/KEY` that the JSON lacks", questions: []string{"ref+awssecrets://app-json#/host"}},
	{name: "a value of several lines", questions: []string{"ref+awsssm://app/lines"}, reply: one("a\nb\n"), want: map[string]string{"ref+awsssm://app/lines": "a\nb\n"}},
	{name: "a value of 64 KB", questions: []string{"ref+awsssm://app/large"}, reply: one(large), want: map[string]string{"ref+awsssm://app/large": large}},
	{name: "a value with a NUL byte", questions: []string{"ref+awsssm://app/nul"}, reply: one(leak + "\x00")},
	{name: "a binary secret", questions: secrets(1), reply: func(call) *reply { return &reply{body: object{"SecretBinary": []byte{0xff, 0xfe, 0}}} }},
	{name: "a secret without a value", questions: secrets(1), reply: func(call) *reply { return &reply{body: object{"Name": "app-0000"}} }},
}

var large = strings.Repeat("x", 64<<10)

// one answers with a parameter of this value.
func one(value string) func(call) *reply {
	return func(c call) *reply {
		return &reply{body: object{"Parameters": []object{{"Name": c.names[0], "Value": value}}}}
	}
}

var machineFaults = []fault{
	{name: "the clock is an hour off", questions: parameters(1), reply: func(c call) *reply {
		now := time.Now().Add(time.Hour)
		if now.Sub(c.signed).Abs() < 5*time.Minute {
			return nil
		}
		out := failed("InvalidSignatureException")
		out.date = now
		return out
	}},
	{name: "a wrong signature", questions: parameters(1), reply: denies("InvalidSignatureException", "GetParameters", "")},
	{name: "credentials that have expired", questions: parameters(1), reply: denies("ExpiredTokenException", "GetParameters", "")},
	{name: "no credentials", questions: parameters(1), unset: keys},
	{name: "no region", questions: parameters(1), unset: []string{"AWS_REGION"}},
	{name: "SnapStart's credentials", questions: parameters(1), unset: keys, before: func(t testing.TB, _ *service) []string {
		return container(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != leak {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			fmt.Fprintf(w, `{"AccessKeyId":"a","SecretAccessKey":%q,"Token":"c","Expiration":"2100-01-01T00:00:00Z"}`, leak)
		})
	}},
	{name: "SnapStart's credentials are refused", questions: parameters(1), unset: keys, before: func(t testing.TB, _ *service) []string {
		return container(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `{"code":"Forbidden","message":%q}`, leak)
		})
	}},
	{name: "a broken `AWS_CONFIG_FILE`", questions: parameters(1), before: configFile("[default\nregion = " + leak + "\n")},
	{name: "a broken `AWS_CONFIG_FILE`, and no credentials", questions: parameters(1), unset: keys, before: configFile("[default\nregion = " + leak + "\n")},
	{name: "a setting that the SDK does not know in `AWS_CONFIG_FILE`", questions: append(parameters(1), "ref+file:///app/none"), before: configFile("[default]\nretry_mode = " + leak + "\n")},
	{name: "an `AWS_CONFIG_FILE` that cannot be read to its end", questions: parameters(1), limit: usual, before: func(t testing.TB, _ *service) []string {
		file := filepath.Join(t.TempDir(), "fifo")
		require.NoError(t, unix.Mkfifo(file, 0o600))
		return []string{"AWS_CONFIG_FILE=" + file}
	}},
	{name: "an `AWS_PROFILE` that is not there", questions: parameters(1), env: []string{"AWS_PROFILE=" + leak}},
	{name: "`credential_process` in `AWS_CONFIG_FILE`", questions: parameters(1), unset: keys,
		before: configFile(`[default]
credential_process = echo '{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b"}'
`)},
	{name: "a `credential_process` that fails", questions: parameters(1), unset: keys, before: configFile("[default]\ncredential_process = echo " + leak + "; exit 1\n")},
	hangingProcess(),
}

var keys = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}

// container serves credentials as Lambda does under SnapStart.
func container(t testing.TB, answer http.HandlerFunc) []string {
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + server.URL + "/2021-04-23/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN=" + leak}
}

func configFile(text string) func(testing.TB, *service) []string {
	return func(t testing.TB, _ *service) []string {
		file := filepath.Join(t.TempDir(), "config")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return []string{"AWS_CONFIG_FILE=" + file}
	}
}

// hangingProcess is a credential_process that does not end. Nothing of it may be
// left.
func hangingProcess() fault {
	var alive *os.File
	return fault{name: "a `credential_process` that hangs", questions: parameters(1), unset: keys, limit: usual,
		before: func(t testing.TB, s *service) []string {
			fifo := filepath.Join(t.TempDir(), "alive")
			require.NoError(t, unix.Mkfifo(fifo, 0o600))
			var err error
			alive, err = os.OpenFile(fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
			require.NoError(t, err)
			return configFile("[default]\ncredential_process = exec 9>"+fifo+"; echo begun >&9; sleep 1000; true\n")(t, s)
		},
		after: func(t testing.TB, _ *service) {
			defer alive.Close()
			require.NoError(t, alive.SetReadDeadline(time.Now().Add(limit)))
			var said bytes.Buffer
			_, err := said.ReadFrom(alive)
			assert.NoError(t, err, "nobody has it open any more")
			assert.Equal(t, "begun\n", said.String())
		},
	}
}
