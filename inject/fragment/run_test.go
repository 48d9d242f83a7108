package fragment_test

import (
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/fragment"
)

func TestParseRun(t *testing.T) {
	for _, c := range []struct {
		lines   string
		run     []string
		ready   fragment.Ready
		timeout time.Duration
	}{
		{"A=1", nil, fragment.Ready{}, 0},
		{"GRAFT_RUN=/opt/x", []string{"/opt/x"}, fragment.Ready{By: fragment.ReadyNone}, 2 * time.Second},
		{`GRAFT_RUN='sh -c "echo a; sleep 1" $X --y='`, []string{"sh", "-c", "echo a; sleep 1", "$X", "--y="}, fragment.Ready{By: fragment.ReadyNone}, 2 * time.Second},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=none", []string{"x"}, fragment.Ready{By: fragment.ReadyNone}, 2 * time.Second},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=exit", []string{"x"}, fragment.Ready{By: fragment.ReadyExit}, 2 * time.Second},
		{"GRAFT_RUN_READY=tcp:127.0.0.1:4318\nGRAFT_RUN=x", []string{"x"}, fragment.Ready{By: fragment.ReadyTCP, Target: "127.0.0.1:4318"}, 2 * time.Second},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=tcp:[::1]:80", []string{"x"}, fragment.Ready{By: fragment.ReadyTCP, Target: "[::1]:80"}, 2 * time.Second},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=http:http://localhost:8/a?b=c#d", []string{"x"}, fragment.Ready{By: fragment.ReadyHTTP, Target: "http://localhost:8/a?b=c#d"}, 2 * time.Second},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=http://localhost:8/a", []string{"x"}, fragment.Ready{By: fragment.ReadyHTTP, Target: "http://localhost:8/a"}, 2 * time.Second},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=http:https://h/", []string{"x"}, fragment.Ready{By: fragment.ReadyHTTP, Target: "https://h/"}, 2 * time.Second},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=file:/tmp/a b:c", []string{"x"}, fragment.Ready{By: fragment.ReadyFile, Target: "/tmp/a b:c"}, 2 * time.Second},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY_TIMEOUT=1m1.5s", []string{"x"}, fragment.Ready{By: fragment.ReadyNone}, 61500 * time.Millisecond},
	} {
		f, err := fragment.Parse("f", "a", []byte(c.lines))
		require.NoError(t, err, c.lines)
		assert.Equal(t, c.run, f.Run, c.lines)
		assert.Equal(t, c.ready, f.RunReady, c.lines)
		assert.Equal(t, c.timeout, f.RunReadyTimeout, c.lines)
	}
}

// TestParseRunRefuses: with the directive's name and the reason, never the text.
func TestParseRunRefuses(t *testing.T) {
	for _, c := range []struct{ lines, problem string }{
		{"GRAFT_RUN=", "GRAFT_RUN names no program"},
		{`GRAFT_RUN='"" s3cret'`, "GRAFT_RUN names no program"},
		{"GRAFT_RUN=a & s3cret", "GRAFT_RUN stops at byte 2"},
		{"GRAFT_RUN=a | s3cret", "GRAFT_RUN stops at byte 2"},
		{`GRAFT_RUN=a "s3cret`, "GRAFT_RUN has an open quote"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=", "is none of tcp"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=s3cret", "is none of tcp"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=EXIT", "is none of tcp"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=exit:s3cret", "is none of tcp"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=none:", "is none of tcp"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=tcp:s3cret", "must be tcp:HOST:PORT"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=tcp::8080", "must be tcp:HOST:PORT"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=tcp:s3cret:", "must be tcp:HOST:PORT"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=tcp:s3cret:0", "must be tcp:HOST:PORT"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=tcp:s3cret:65536", "must be tcp:HOST:PORT"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=tcp:s3cret:http", "must be tcp:HOST:PORT"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=http:", "must be http:URL"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=http:///s3cret", "must be http:URL"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=http:s3cret:80", "must be http:URL"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY=file:s3cret", "must be file:PATH"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY_TIMEOUT=s3cret", "is not a duration"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY_TIMEOUT=3", "is not a duration"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY_TIMEOUT=0s", "is not a duration"},
		{"GRAFT_RUN=x\nGRAFT_RUN_READY_TIMEOUT=-1s", "is not a duration"},
		{"GRAFT_RUN_READY=exit", "GRAFT_RUN_READY needs GRAFT_RUN"},
		{"GRAFT_RUN_READY_TIMEOUT=1s", "GRAFT_RUN_READY_TIMEOUT needs GRAFT_RUN"},
	} {
		_, err := fragment.Parse("f", "a", []byte(c.lines))
		if assert.ErrorContains(t, err, c.problem, c.lines) {
			assert.NotContains(t, err.Error(), "s3", c.lines)
		}
	}
}

// TestReadEnvFiles: an earlier file wins, and the switch is never taken from
// a file.
func TestReadEnvFiles(t *testing.T) {
	fsys := fstest.MapFS{
		"work/a.env":     {Data: []byte("A=1\nGRAFT_DISABLE=*\nB=2\n")},
		"opt/b.env":      {Data: []byte("B=3\nC=4\n")},
		"work/bad.env":   {Data: []byte("s3cret")},
		"work/nul.env":   {Data: []byte("A=\x00")},
		"work/dir/x.env": {Data: []byte("D=5")},
	}
	vars, errs := fragment.ReadEnvFiles(fsys, "/work", "a.env::bad.env:/opt/b.env:gone.env:nul.env:dir:../work/dir/x.env")
	assert.Equal(t, []fragment.Var{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}, {Name: "C", Value: "4"}, {Name: "D", Value: "5"}}, vars)
	var texts []string
	for _, err := range errs {
		texts = append(texts, err.Error())
	}
	assert.Equal(t, []string{
		"GRAFT_ENV_FILE: bad.env: not a dotenv file: a line has no variable's name, or a value holds a NUL byte: left out",
		"GRAFT_ENV_FILE: gone.env: no such file: left out",
		"GRAFT_ENV_FILE: nul.env: holds a NUL byte: left out",
		"GRAFT_ENV_FILE: dir: not a regular file: left out",
	}, texts)
	vars, errs = fragment.ReadEnvFiles(fsys, "/work", "")
	assert.Empty(t, vars)
	assert.Empty(t, errs)
}
