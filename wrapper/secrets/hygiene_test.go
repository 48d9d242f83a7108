package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/graft-lambda/graft/internal/resolve"
)

// hardens is the variable that has this test program call harden and say what came
// of it.
const hardens = "GRAFT_SECRETS_TEST_HARDENS"

func sayHardened(w io.Writer) {
	if harden() != nil {
		return
	}
	dumpable, _, _ := unix.Syscall(unix.SYS_PRCTL, unix.PR_GET_DUMPABLE, 0, 0)
	var core unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_CORE, &core) == nil && core == (unix.Rlimit{}) && dumpable == 0 {
		io.WriteString(w, "hardened")
	}
}

func TestHarden(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = []string{hardens + "=1"}
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Equal(t, "hardened", string(out))
}

// A process is graft-secrets, with its outputs apart.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	answers        *os.File
}

func start(t *testing.T, env []string, questions ...string) *process {
	text, err := buildOnce()
	require.NoError(t, err, text)
	hear, say, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { hear.Close() })
	var asked bytes.Buffer
	require.NoError(t, resolve.WriteQuestions(&asked, questions))
	p := &process{cmd: exec.Command(built, resolve.Command, limit.String()), answers: hear}
	p.cmd.Env, p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr, p.cmd.ExtraFiles = env, &asked, &p.stdout, &p.stderr, []*os.File{say}
	require.NoError(t, p.cmd.Start())
	say.Close()
	return p
}

// TestSilence: whatever libraries are told to print, nothing of it comes out.
func TestSilence(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	env := []string{"AWS_ENDPOINT_URL=" + s.URL, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=" + leak, "GODEBUG=http2debug=2", "GOTRACEBACK=crash"}
	p := start(t, env, "ref+awsssm://app/1", "ref+awssecrets://app-json#/none", "ref+awssecrets://app-2#/x", "ref+x")
	answers, err := resolve.ReadAnswers(p.answers, 4)
	require.NoError(t, err)
	require.NoError(t, p.cmd.Wait())
	assert.Equal(t, valueOf("/app/1"), answers[0].Value)
	for _, a := range answers[1:] {
		assert.NotEmpty(t, a.Problem)
		assert.NotContains(t, a.Problem, leak)
	}
	assert.Empty(t, p.stdout.String())
	assert.Empty(t, p.stderr.String())
}

// TestCrash: a crash of the run-time, in which goroutines' stacks are printed,
// says nothing.
func TestCrash(t *testing.T) {
	t.Parallel()
	hanging := make(chan struct{})
	s := newService(t, func(c call) *reply {
		if c.action == "GetSecretValue" {
			close(hanging)
			<-c.done
		}
		return nil
	})
	env := []string{"AWS_ENDPOINT_URL=" + s.URL, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=" + leak, "GOTRACEBACK=crash"}
	p := start(t, env, "ref+awsssm://app/1", "ref+awssecrets://app-2")
	<-hanging
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGQUIT))
	assert.Error(t, p.cmd.Wait())
	assert.Empty(t, p.stdout.String())
	assert.Empty(t, p.stderr.String())
	assert.False(t, p.cmd.ProcessState.Sys().(syscall.WaitStatus).CoreDump())
	left, err := io.ReadAll(p.answers)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// TestUsage: without graft on the other side nothing is asked or said.
func TestUsage(t *testing.T) {
	t.Parallel()
	text, err := buildOnce()
	require.NoError(t, err, text)
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "usage: "},
		{[]string{"resolve"}, "usage: "},
		{[]string{"resolve", "3s"}, "graft-secrets: resolve takes a duration, and is started by graft\n"},
	} {
		cmd := exec.Command(built, c.args...)
		cmd.Stdin = strings.NewReader("ref+file:///etc/passwd\x00")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		assert.Equal(t, exitUsage, exit.ExitCode())
		assert.Empty(t, out)
		assert.True(t, strings.HasPrefix(stderr.String(), c.want), stderr.String())
	}
}

// TestBrokenQuestions end with a line, and the reason for all.
func TestBrokenQuestions(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	require.NoError(t, p.cmd.Wait())
	assert.Empty(t, p.stderr.String())
	text, err := buildOnce()
	require.NoError(t, err, text)
	hear, say, err := os.Pipe()
	require.NoError(t, err)
	defer hear.Close()
	cmd := exec.Command(built, resolve.Command, "3s")
	cmd.Stdin, cmd.ExtraFiles = strings.NewReader("ref+file:///s3cret"), []*os.File{say}
	out, err := cmd.CombinedOutput()
	say.Close()
	require.NoError(t, err)
	assert.Equal(t, "graft-secrets: questions: the last one is cut off\n", string(out))
}
