package main

import (
	"bytes"
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

	"github.com/graft-lambda/graft/internal/testbed"
)

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

var serviceFaults = []fault{
	{name: "the service is down", questions: parameters(10), limit: usual, before: func(t testing.TB, s *service) []string {
		return []string{"AWS_ENDPOINT_URL_SSM=http://" + testbed.NobodyListens(t)}
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
	{name: "an answer in two pages", questions: secrets(3), counts: "BatchGetSecretValue", reply: func(c call) *reply {
		entry := func(i int) object { return object{"Name": c.names[i], "SecretString": valueOf(c.names[i])} }
		if c.n == 1 {
			return &reply{body: object{"SecretValues": []object{entry(0)}, "NextToken": "more"}}
		}
		return &reply{body: object{"SecretValues": []object{entry(1), entry(2)}}}
	}},
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
	{name: "an `AWS_CONFIG_FILE` that is a FIFO", questions: parameters(1), before: func(t testing.TB, _ *service) []string {
		return []string{"AWS_CONFIG_FILE=" + fifo(t)}
	}},
	{name: "an `AWS_SHARED_CREDENTIALS_FILE` without an end", questions: parameters(1), env: []string{"AWS_SHARED_CREDENTIALS_FILE=/dev/zero"}},
	{name: "an `AWS_CONFIG_FILE` from a file system that hangs", questions: parameters(1), limit: usual, before: func(t testing.TB, _ *service) []string {
		return []string{"AWS_CONFIG_FILE=" + leased(t)}
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

// fifo makes one that nobody writes to.
func fifo(t testing.TB) string {
	file := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(file, 0o600))
	return file
}

// leased makes a file that cannot be opened before the kernel breaks this
// process's lease of it, after /proc/sys/fs/lease-break-time, 45 s by default.
func leased(t testing.TB) string {
	file := filepath.Join(t.TempDir(), "leased")
	f, err := os.Create(file)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	if _, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		err = fmt.Errorf("%w: a lease of a file: %v", testbed.ErrUnavailable, err)
	}
	testbed.NeedErr(t, err)
	return file
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
			held := fifo(t)
			var err error
			alive, err = os.OpenFile(held, os.O_RDONLY|unix.O_NONBLOCK, 0)
			require.NoError(t, err)
			return configFile("[default]\ncredential_process = exec 9>"+held+"; echo begun >&9; sleep 1000; true\n")(t, s)
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
