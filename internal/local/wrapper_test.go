//go:build linux

package local_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
)

func TestExecWrapper(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	layer := files(t, map[string]string{
		"wrap":       "#!/bin/bash\necho \"wrap $0: $*\"\nexport WRAPPED=yes\nexec \"$@\"\n",
		"plain":      "echo \"plain $0: $*\"; exec \"$@\"\n",
		"not-exec":   "#!/bin/bash\n",
		"binary":     "\x7fELF\x00\x00\n",
		"bad-line":   "#!/nowhere/bash\n",
		"crlf":       "#!/bin/bash\r\nexec \"$@\"\r\n",
		"dir/":       "",
		"link":       "->wrap",
		"dangling":   "->nowhere",
		"with blank": "#!/bin/sh\necho blank; exec \"$@\"\n",
	})
	for _, name := range []string{"wrap", "plain", "binary", "bad-line", "crlf", "with blank"} {
		require.NoError(t, os.Chmod(layer+"/"+name, 0o755))
	}
	code := files(t, map[string]string{"here": "#!/bin/sh\necho here; exec \"$@\"\n"})
	require.NoError(t, os.Chmod(code+"/here", 0o755))

	tests := []struct {
		name, wrapper  string
		exit           int
		stdout, stderr string
	}{
		{"unset", "", 0, "ran a b|c \n", ""},
		{"works", "/opt/wrap", 0, "wrap /opt/wrap: /bin/sh -c echo \"ran $0|$1 $WRAPPED\" a b c\nran a b|c yes\n", ""},
		{"by a link", "/opt/link", 0, "wrap /opt/link: /bin/sh -c echo \"ran $0|$1 $WRAPPED\" a b c\nran a b|c yes\n", ""},
		{"in the code", "/var/task/here", 0, "here\nran a b|c \n", ""},
		{"relative", "./here", 0, "here\nran a b|c \n", ""},
		{"relative without a slash: exec looks in PATH", "here", 127, "",
			"/var/runtime/bootstrap: here: cannot execute: no such file or directory\n"},
		{"with a blank", "/opt/with blank", 0, "blank\nran a b|c \n", ""},
		{"without #!", "/opt/plain", 0, "plain /opt/plain: /bin/sh -c echo \"ran $0|$1 $WRAPPED\" a b c\nran a b|c \n", ""},
		{"missing", "/opt/nowhere", 127, "/opt/nowhere: does not exist\n", ""},
		{"dangling", "/opt/dangling", 127, "/opt/dangling: does not exist\n", ""},
		{"folder", "/opt/dir", 127, "/opt/dir: does not exist\n", ""},
		{"not executable", "/opt/not-exec", 126, "/opt/not-exec: is not an executable\n", ""},
		{"bad interpreter", "/opt/bad-line", 127, "", "/var/runtime/bootstrap: /opt/bad-line: cannot execute: no such file or directory\n"},
		{"carriage return", "/opt/crlf", 127, "", "/var/runtime/bootstrap: /opt/crlf: cannot execute: no such file or directory\n"},
		{"broken binary", "/opt/binary", 126, "", "/var/runtime/bootstrap: /opt/binary: cannot execute: exec format error\n"},
		{"arguments are none", "/opt/wrap x", 127, "/opt/wrap x: does not exist\n", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr buffer
			f := local.Function{
				Command: []string{"/bin/sh", "-c", `echo "ran $0|$1 $WRAPPED"`, "a b", "c"},
				Managed: true, Layers: []string{layer}, Code: code,
				Env:    []string{"AWS_LAMBDA_EXEC_WRAPPER=" + test.wrapper},
				Stdout: &stdout, Stderr: &stderr,
			}
			exit, err := local.Run(bounded(t), f)
			require.NoError(t, err)
			assert.Equal(t, local.Exit{Code: test.exit}, exit)
			assert.Equal(t, test.stdout, stdout.String())
			assert.Equal(t, test.stderr, stderr.String())

			// A custom runtime does not care.
			var custom buffer
			f.Managed, f.Stdout = false, &custom
			exit, err = local.Run(bounded(t), f)
			require.NoError(t, err)
			assert.Equal(t, local.Exit{}, exit)
			assert.Equal(t, "ran a b|c \n", custom.String())
		})
	}
}

// What a wrapper does wrong is an init that failed, as in Lambda.
func TestExecWrapperInInit(t *testing.T) {
	needIsolation(t)
	t.Parallel()
	var stdout buffer
	f := goFunction(t)
	f.Managed, f.Env, f.Stdout = true, []string{"AWS_LAMBDA_EXEC_WRAPPER=/opt/nowhere"}, &stdout
	_, err := local.Start(bounded(t), f)
	var failure *local.InitError
	require.ErrorAs(t, err, &failure)
	assert.Equal(t, local.InitError{Type: "Runtime.ExitError", Message: "Runtime exited with error: exit status 127", ExitCode: 127}, *failure)
	assert.Equal(t, "/opt/nowhere: does not exist\n", stdout.String())

	f.Layers = []string{files(t, map[string]string{"wrap": "#!/bin/sh\nexec \"$@\"\n"})}
	require.NoError(t, os.Chmod(f.Layers[0]+"/wrap", 0o755))
	f.Env = []string{"AWS_LAMBDA_EXEC_WRAPPER=/opt/wrap"}
	assert.Equal(t, `"x"`, string(send(t, start(t, f), event{Do: "echo", Arg: "x"}).Body))
}

// The test for execution is made as the user that the function runs as.
func TestExecWrapperOtherUser(t *testing.T) {
	needIsolation(t)
	needRoot(t)
	t.Parallel()
	layer := files(t, map[string]string{"wrap": "#!/bin/sh\nexec \"$@\"\n"})
	require.NoError(t, os.Chmod(layer+"/wrap", 0o744))
	var stdout buffer
	f := local.Function{
		Command: []string{"/bin/true"}, Managed: true, Layers: []string{layer}, UID: 993, GID: 990,
		Env: []string{"AWS_LAMBDA_EXEC_WRAPPER=/opt/wrap"}, Stdout: &stdout,
	}
	exit, err := local.Run(bounded(t), f)
	require.NoError(t, err)
	assert.Equal(t, local.Exit{Code: 126}, exit)
	assert.Equal(t, "/opt/wrap: is not an executable\n", stdout.String())
}
