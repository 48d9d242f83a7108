package session

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/local"
)

func TestHint(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"code/program": 0o755, "code/plain": 0o644, "layer/graft": 0o755, "lost/graft": 0o644} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, mode))
	}
	t.Setenv("PATH", filepath.Join(dir, "code"))
	const wrapped = "AWS_LAMBDA_EXEC_WRAPPER="
	invalid := func(why error) *local.InitError {
		return &local.InitError{Type: "Runtime.InvalidEntrypoint", ExitCode: -1, Err: why}
	}
	exit := func(code int) *local.InitError {
		return &local.InitError{Type: "Runtime.ExitError", ExitCode: code}
	}
	for name, test := range map[string]struct {
		command, env, layer string
		failed              *local.InitError
		want                string
	}{
		"no layer":                {"x", wrapped + "/opt/graft", "", exit(127), "no layer has /opt/graft, which AWS_LAMBDA_EXEC_WRAPPER names: graft build makes one"},
		"no wrapper":              {"x", wrapped + "/opt/s3cret", "layer", exit(127), "AWS_LAMBDA_EXEC_WRAPPER names a file that is not there"},
		"no wrapper in the code":  {"x", wrapped + "/var/task/none", "layer", exit(127), "AWS_LAMBDA_EXEC_WRAPPER names a file that is not there"},
		"wrapper without bits":    {"x", wrapped + "/opt/graft", "lost", exit(126), "AWS_LAMBDA_EXEC_WRAPPER names a file that may not be executed"},
		"no command behind it":    {"x", wrapped + "/opt/graft", "layer", exit(127), "AWS_LAMBDA_EXEC_WRAPPER names a program that is there; what it wrote stands above. The command behind it is looked up in"},
		"runtime behind it ended": {"x", wrapped + "/opt/graft", "layer", exit(1), "the runtime ended before"},
		"reference":               {"x", wrapped + "/opt/graft DB=ref+awsssm://s3cret", "layer", exit(1), "what it wrote stands above. A reference is fetched with the function's region (--region)"},
		"parameters by path":      {"x", wrapped + "/opt/graft GRAFT_SSM_PATH=/s3cret", "layer", exit(1), "--env GRAFT_SECRETS=optional starts it"},
		"empty":                   {"x", wrapped, "", exit(127), "the runtime ended before"},
		"runtime ended":           {"x", "A=b", "", exit(127), "the runtime ended before"},
		"bare":                    {"none", "A=b", "", invalid(syscall.ENOENT), `"none" is looked up in the function's own PATH, not in this shell's`},
		"bare, here":              {"program", "A=b", "", invalid(syscall.ENOENT), `"program" is looked up in the function's own PATH, not in this shell's, and starts in /var/task, which is --code; give its whole path (but /tmp is an empty one), or --env PATH=…; this shell has it at ` + filepath.Join(dir, "code/program")},
		"not in the code":         {"./none", "A=b", "", invalid(syscall.ENOENT), `"./none" is not there: the command starts in /var/task, which is --code "`},
		"in /tmp":                 {filepath.Join("/tmp", "program"), "A=b", "", invalid(syscall.ENOENT), `"/tmp/program" is not there`},
		"no bits":                 {"./plain", "A=b", "", invalid(syscall.EACCES), `"./plain" may not be executed: chmod 0755`},
		"no interpreter":          {"/var/task/program", "A=b", "", invalid(syscall.ENOENT), `"/var/task/program" is there, but not the interpreter`},
		"no program":              {"program/../program", "A=b", "", invalid(syscall.ENOEXEC), `"program/../program" is no program for this machine`},
		"something else":          {"./program", "A=b", "", invalid(syscall.E2BIG), ""},
		"extension":               {"x", wrapped + "/opt/graft", "", &local.InitError{Type: "Extension.Crash", ExitCode: 127}, "an extension may not end"},
	} {
		f := local.Function{Command: []string{test.command}, Env: strings.Fields(test.env), Code: filepath.Join(dir, "code"), Managed: test.env != "A=b"}
		if test.layer != "" {
			f.Layers = []string{filepath.Join(dir, test.layer)}
		}
		got := hint(f, test.failed)
		if test.want == "" {
			assert.Empty(t, got, name)
		}
		assert.Contains(t, got, test.want, name)
		assert.NotContains(t, got, "s3cret", name)
	}
}
