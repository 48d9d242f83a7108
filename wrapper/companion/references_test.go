//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReferencesOfPrograms: with the real graft-secrets, a program finds what
// its own fragment names and nothing else, the runtime what the function and the
// fragments name; and nobody prints any of it.
func TestReferencesOfPrograms(t *testing.T) {
	const program = `GRAFT_RUN='sh -c "{ cat /proc/self/environ; cat /proc/$PPID/environ; } >$OUT/%s; echo wrote; exec sleep 1000"'` + "\n"
	files := map[string]string{
		"graft.d/40-one.env":   fmt.Sprintf(program, "one") + "KEY=ref+file:///opt/key\nTASK=ref+file://task\nOWN=ref+file:///opt/gone\n",
		"graft.d/50-two.env":   fmt.Sprintf(program, "two"),
		"graft.d/60-three.env": fmt.Sprintf(program, "three") + "LOST=ref+file:///opt/gone\n",
		"graft.d/70-agent.env": "AGENT=ref+file:///opt/agent\n",
		"key":                  "pw-of-key", "own": "pw-of-own", "db": "pw-of-db", "agent": "pw-of-agent",
	}
	for _, forked := range []bool{false, true} {
		name := map[bool]string{false: "external", true: "forked"}[forked]
		t.Run(name, func(t *testing.T) {
			opt := forkedLayer(t, files)
			require.NoError(t, os.Link(programFor(t, "wrapper/secrets", runtime.GOARCH), filepath.Join(opt, "graft-secrets")))
			if !forked {
				require.NoError(t, os.Mkdir(filepath.Join(opt, "extensions"), 0o755))
				require.NoError(t, os.Rename(filepath.Join(opt, "graft-companion"), filepath.Join(opt, "extensions/graft-companion")))
			}
			f := newFunction(t, opt, "GRAFT_LOG=debug", "DB=ref+file:///opt/db", "OWN=ref+file:///opt/own")
			tmp := t.TempDir()
			f.Code = t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(f.Code, "task"), []byte("pw-of-task"), 0o644))
			f.TmpSize, f.Env = 0, append(f.Env, "OUT="+tmp)
			f.ExtensionOutput = func(string) io.Writer { return &f.out }
			e := f.start(t)
			eventually(t, func() bool { return strings.Count(f.out.String(), "wrote") == 2 }, "two programs run: %s%s", &f.out, &f.err)

			found := func(pid string) map[string]bool {
				values := map[string]bool{}
				data, err := os.ReadFile(pid)
				require.NoError(t, err)
				for _, value := range []string{"key", "own", "db", "agent", "task"} {
					values[value] = strings.Contains(string(data), "pw-of-"+value)
				}
				return values
			}
			assert.Equal(t, map[string]bool{"key": true, "own": true, "db": false, "agent": false, "task": true}, found(filepath.Join(tmp, "one")))
			assert.Equal(t, map[string]bool{"key": false, "own": false, "db": false, "agent": false, "task": false}, found(filepath.Join(tmp, "two")))
			assert.Equal(t, map[string]bool{"key": true, "own": true, "db": true, "agent": true, "task": true}, found(fmt.Sprintf("/proc/%d/environ", e.PID())))
			assert.NoFileExists(t, filepath.Join(tmp, "three"))
			assert.Contains(t, f.out.String()+f.err.String(), "three: not started: LOST: ref+file:///opt/gone: no such file")
			assert.NotContains(t, f.out.String()+f.err.String(), "pw-of")
		})
	}
}
