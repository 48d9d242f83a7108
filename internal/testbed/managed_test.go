package testbed

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestJavaArchive proves that the JVMs really run on Lambda's kind of archive:
// the client's classes come from it, and an agent that changes the boot class
// path keeps -Xshare:on from starting.
func TestJavaArchive(t *testing.T) {
	b, err := Open()
	require.NoError(t, err)
	dir := t.TempDir()
	source := filepath.Join(dir, "Agent.java")
	require.NoError(t, os.WriteFile(source, []byte(`public class Agent { public static void premain(String a) {} }`), 0o644))
	classes := filepath.Join(dir, "classes")
	NeedErr(t, b.CompileJava(t.Context(), classes, 11, nil, source))
	task := t.TempDir()
	NeedErr(t, b.Jar(t.Context(), filepath.Join(task, "plain.jar"), classes, "Premain-Class: Agent"))
	NeedErr(t, b.Jar(t.Context(), filepath.Join(task, "boot.jar"), classes, "Premain-Class: Agent", "Boot-Class-Path: plain.jar"))

	start := func(t *testing.T, rt Runtime, options ...string) (string, error) {
		argv := append([]string{rt.Argv[0]}, options...)
		argv = append(argv, rt.Argv[1:]...)
		line := namespaced(t.TempDir(), append(rt.Mounts[:2:2], Mount{task, "/var/task"}), append(argv, "none.None::none")...)
		cmd := exec.CommandContext(t.Context(), line[0], line[1:]...)
		// Nobody listens at port 1: the client loads, asks, and ends.
		cmd.Env = append(rt.Env, "AWS_LAMBDA_RUNTIME_API=127.0.0.1:1", "LAMBDA_TASK_ROOT=/var/task")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, major := range javaMajors {
		t.Run(major, func(t *testing.T) {
			rt := Need(t, b, "java"+major)
			NeedErr(t, namespaces())
			out, _ := start(t, rt, "-Xlog:class+load")
			assert.Regexp(t, `client\.AWSLambda source: shared objects file`, lines(out, "client.AWSLambda "))

			out, _ = start(t, rt, "-javaagent:/var/task/plain.jar")
			assert.Contains(t, out, "Failed to get next", "a plain agent starts")
			out, err := start(t, rt, "-javaagent:/var/task/boot.jar")
			require.Error(t, err)
			if major == "25" { // an AOT cache is dropped, not insisted on
				assert.Contains(t, out, "Failed to get next")
			} else {
				assert.Contains(t, out, "Unable to use shared archive")
			}
		})
	}
}

// TestPythonPath holds our bootstrap.py to what the managed one does with
// PYTHONPATH: any value, even an empty one, switches the layers' folders off.
func TestPythonPath(t *testing.T) {
	b, err := Open()
	require.NoError(t, err)
	rt := Need(t, b, "python3.12")
	NeedErr(t, namespaces())
	task := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(task, "app.py"), []byte(`
import os, sys
def handler(event, context):
    return {"path": sys.path, "variable": os.environ.get("PYTHONPATH"), "pth": "/var/task/vendored" in sys.path}
`), 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(task, "vendored"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(task, "a.pth"), []byte("vendored\n"), 0o644))
	type answer struct {
		Path     []string
		Variable *string
		Pth      bool
	}
	ask := func(env ...string) (a answer) {
		rt := rt
		rt.Env = append(rt.Env[:len(rt.Env):len(rt.Env)], env...)
		got := runFunction(t, rt, task, "app.handler", rt.Command("app.handler"), `{}`)
		require.NoError(t, json.Unmarshal([]byte(got[0]), &a), got[0])
		require.Contains(t, a.Path, "/var/task")
		assert.True(t, a.Pth, "the task root is a site directory")
		return a
	}
	const layer = "/opt/python/lib/python3.12/site-packages"

	unset := ask()
	assert.Contains(t, unset.Path, layer)
	assert.Contains(t, unset.Path, "/opt/python")
	assert.Equal(t, "/var/runtime", *unset.Variable)
	for _, value := range []string{"", "/x"} {
		set := ask("PYTHONPATH=" + value)
		assert.NotContains(t, set.Path, layer)
		assert.NotContains(t, set.Path, "/opt/python")
		assert.Equal(t, value, *set.Variable)
	}
}

// lines returns the lines of text that hold part.
func lines(text, part string) string {
	var found []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			found = append(found, line)
		}
	}
	return strings.Join(found, "")
}
