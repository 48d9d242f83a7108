//go:build linux

package secretsapi_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/testbed"
)

// limit bounds every wait for a program.
const limit = 30 * time.Second

// services are what stands in for AWS, with a parameter and a secret in it.
type services struct {
	url        string
	parameters *ssm.Client
	secrets    *secretsmanager.Client
}

func newServices(t testing.TB) services {
	t.Helper()
	bed, err := testbed.Open()
	require.NoError(t, err)
	url := ""
	for _, v := range testbed.NeedMoto(t, bed) {
		if text, ok := strings.CutPrefix(v, "AWS_ENDPOINT_URL="); ok {
			url = text
		}
	}
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	s := services{url, ssm.NewFromConfig(cfg), secretsmanager.NewFromConfig(cfg)}
	_, err = s.parameters.PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String("/a/b"), Value: aws.String(value), Type: types.ParameterTypeSecureString})
	require.NoError(t, err)
	_, err = s.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String(value)})
	require.NoError(t, err)
	return s
}

func (s services) env() []string {
	return []string{"AWS_ENDPOINT_URL=" + s.url, "AWS_REGION=us-east-1", "NO_PROXY=127.0.0.1"}
}

// A server is graft-secrets serve as a process of its own.
type server struct {
	cmd   *exec.Cmd
	port  string
	dir   string
	out   testbed.Journal
	ended chan error
}

func startServer(t testing.TB, env ...string) *server {
	t.Helper()
	s := &server{port: testbed.FreePort(t), dir: t.TempDir(), ended: make(chan error, 1)}
	s.cmd = exec.Command(programFor(t, "wrapper/secrets"), "serve")
	s.cmd.Dir = s.dir
	s.cmd.Env = append([]string{"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT=" + s.port, "TMPDIR=" + s.dir, "HOME=" + s.dir,
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_SESSION_TOKEN=" + token, "AWS_EC2_METADATA_DISABLED=true"}, env...)
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, s.cmd.Start())
	go func() { s.ended <- s.cmd.Wait() }()
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp4", "127.0.0.1:"+s.port)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, limit, 2*time.Millisecond, "it does not listen: %s", &s.out)
	return s
}

// end waits for the end of the server and returns its status.
func (s *server) end(t testing.TB) int {
	t.Helper()
	select {
	case <-s.ended:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		require.Fail(t, "it does not end", "%s", &s.out)
		return -1
	}
}

// stop ends the server as the companion does: then all it said is there.
func (s *server) stop(t testing.TB) {
	t.Helper()
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	assert.Zero(t, s.end(t))
}

func (s *server) get(host, target string) ([]byte, error) {
	body, _, err := fetch("http://"+net.JoinHostPort(host, s.port)+target, token)
	return body, err
}

// TestServe runs the program against the real clients of AWS's SDK.
func TestServe(t *testing.T) {
	s := startServer(t, append(newServices(t).env(), "PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL=debug")...)
	hosts := []string{"127.0.0.1", "localhost"}
	if l, err := net.Listen("tcp6", "[::1]:0"); err == nil { // a machine with IPv6
		l.Close()
		hosts = append(hosts, "::1")
	}
	for _, host := range hosts {
		body, err := s.get(host, parameterURL+"?name=%2Fa%2Fb&withDecryption=true")
		require.NoError(t, err, host)
		assert.Regexp(t, `^{"Parameter":{"ARN":"arn:aws:ssm:us-east-1:\d+:parameter/a/b","DataType":"text","LastModifiedDate":"\d{4}-[^"]+Z","Name":"/a/b","Selector":null,`+
			`"SourceResult":null,"Type":"SecureString","Value":"s3cret-value","Version":1},"ResultMetadata":{}}$`, string(body))
		body, err = s.get(host, secretURL+"/?secretId=s")
		require.NoError(t, err, host)
		assert.Regexp(t, `^{"ARN":"arn:aws:secretsmanager:us-east-1:\d+:secret:s-\w+","CreatedDate":"[^"]+Z","Name":"s","SecretBinary":null,`+
			`"SecretString":"s3cret-value","VersionId":"[^"]+","VersionStages":\["AWSCURRENT"\],"ResultMetadata":{}}$`, string(body))
	}
	refused := map[string]string{
		parameterURL + "?name=none":                      "ParameterNotFound",
		parameterURL + "?name=/a/b&version=7":            "ParameterVersionNotFound",
		secretURL + "?secretId=none":                     "ResourceNotFoundException",
		secretURL + "?secretId=s&versionStage=AWSNOTHER": "ResourceNotFoundException",
	}
	for target := range refused {
		_, err := s.get("127.0.0.1", target)
		assert.ErrorContains(t, err, "400 Bad Request: an unexpected error occurred while executing request", target)
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", s.cmd.Process.Pid))
	require.NoError(t, err)
	assert.Regexp(t, `Max core file size +0 +0 `, string(limits))
	s.stop(t)
	for _, code := range refused {
		assert.Contains(t, s.out.String(), ": "+code+": not in region us-east-1")
	}
	assertSilent(t, s)
}

// assertSilent looks for values in what the server wrote, and for files.
func assertSilent(t *testing.T, s *server) {
	t.Helper()
	for _, hidden := range []string{value, token} {
		assert.NotContains(t, s.out.String(), hidden)
	}
	entries, err := os.ReadDir(s.dir)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

// TestServeCrash: what the Go runtime prints when it is killed holds no value.
func TestServeCrash(t *testing.T) {
	env := append(newServices(t).env(), "GOTRACEBACK=crash")
	for _, signal := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT} {
		s := startServer(t, env...)
		for _, target := range []string{parameterURL + "?name=/a/b", secretURL + "?secretId=s"} {
			_, err := s.get("127.0.0.1", target)
			require.NoError(t, err)
		}
		require.NoError(t, s.cmd.Process.Signal(signal))
		assert.NotZero(t, s.end(t))
		assert.Contains(t, s.out.String(), "goroutine 1")
		assertSilent(t, s)
	}
}

// TestServeFaults: no service, no credentials, no region, no configuration that
// has an end.
func TestServeFaults(t *testing.T) {
	dead := "AWS_ENDPOINT_URL=http://" + testbed.NobodyListens(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	tests := []struct {
		name string
		env  []string
		want string
	}{
		{"down", []string{dead, "AWS_REGION=us-east-1", "AWS_MAX_ATTEMPTS=1"}, `graft-secrets: secret "s": connection refused`},
		{"no credentials", []string{dead, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY="}, `graft-secrets: secret "s": no credentials: neither AWS_ACCESS_KEY_ID nor another source of the SDK's is set`},
		{"a FIFO as configuration", []string{dead, "AWS_REGION=us-east-1", "AWS_CONFIG_FILE=" + fifo}, `graft-secrets: secret "s": the SDK's configuration: AWS_CONFIG_FILE: not a regular file`},
		{"credentials without an end", []string{dead, "AWS_REGION=us-east-1", "AWS_SHARED_CREDENTIALS_FILE=/dev/zero"}, `graft-secrets: secret "s": the SDK's configuration: AWS_SHARED_CREDENTIALS_FILE: not a regular file`},
		{"no configuration", []string{dead, "AWS_REGION=us-east-1", "AWS_MAX_ATTEMPTS=1", "AWS_CONFIG_FILE=/dev/null"}, `graft-secrets: secret "s": connection refused`},
		{"no region", []string{"AWS_REGION="}, `graft-secrets: secret "s": no region: set AWS_REGION`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, test.env...)
			_, err := s.get("127.0.0.1", secretURL+"?secretId=s")
			assert.ErrorContains(t, err, "400 Bad Request: an unexpected error occurred while executing request")
			s.stop(t)
			assert.Contains(t, s.out.String(), test.want)
			assertSilent(t, s)
		})
	}
}

// TestServeSlow: the limit of AWS's variable holds for a service that hangs, and
// nobody waits for it at the end.
func TestServeSlow(t *testing.T) {
	asked, let := make(chan struct{}, 1), make(chan struct{})
	hang := http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case asked <- struct{}{}:
		default:
		}
		select {
		case <-let:
		case <-r.Context().Done():
		}
	})}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	go hang.Serve(l)
	defer hang.Close()
	defer close(let)
	s := startServer(t, "AWS_ENDPOINT_URL=http://"+l.Addr().String(), "AWS_REGION=us-east-1", "SSM_PARAMETER_STORE_TIMEOUT_MILLIS=50")
	_, err = s.get("127.0.0.1", parameterURL+"?name=a")
	assert.ErrorContains(t, err, "400 Bad Request")
	<-asked
	done := make(chan error, 1)
	go func() { _, err := s.get("127.0.0.1", secretURL+"?secretId=s"); done <- err }()
	<-asked
	s.stop(t)
	assert.Error(t, <-done)
	assert.Contains(t, s.out.String(), `parameter "a": timed out`)
}

func TestServePortTaken(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, programFor(t, "wrapper/secrets"), "serve")
	cmd.Env = []string{"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT=" + port}
	out, err := cmd.CombinedOutput()
	assert.ErrorContains(t, err, "exit status 1")
	assert.Equal(t, "graft-secrets: port "+port+" of 127.0.0.1 is taken: another extension for parameters and secrets, or PARAMETERS_SECRETS_EXTENSION_HTTP_PORT names another's\n", string(out))
}

// TestServeBounds: a request that is too large is refused.
func TestServeBounds(t *testing.T) {
	s := startServer(t)
	_, err := s.get("127.0.0.1", secretURL+"?secretId="+strings.Repeat("x", 64<<10))
	assert.ErrorContains(t, err, "431 ")
	s.stop(t)
	assert.Empty(t, s.out.String())
}

// TestServeClients: one connection more than there may be is closed, and there
// is room again when another one ends.
func TestServeClients(t *testing.T) {
	const most = 512
	s := startServer(t)
	dial := func() net.Conn {
		c, err := net.Dial("tcp4", "127.0.0.1:"+s.port)
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		require.NoError(t, c.SetDeadline(time.Now().Add(limit)))
		return c
	}
	// The connection that found the server ready may be counted still.
	ask := func(c net.Conn) error {
		if _, err := fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			return err
		}
		_, err := c.Read(make([]byte, 1))
		return err
	}
	var open []net.Conn
	for len(open) < most {
		if c := dial(); ask(c) == nil {
			open = append(open, c)
		}
	}
	assert.Error(t, ask(dial()))
	require.NoError(t, open[0].Close())
	require.Eventually(t, func() bool { return ask(dial()) == nil }, limit, 2*time.Millisecond)
}
