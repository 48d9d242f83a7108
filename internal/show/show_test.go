package show_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/internal/show"
)

// TestColoured has none in a file, and where none are wanted.
func TestColoured(t *testing.T) {
	env := func(vars map[string]string) func(string) string {
		return func(name string) string { return vars[name] }
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer file.Close()
	assert.False(t, show.Coloured(file, env(nil)))
	assert.False(t, show.Coloured(new(bytes.Buffer), env(nil)))
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer null.Close()
	assert.True(t, show.Coloured(null, env(map[string]string{"TERM": "xterm"})), "a character device, as a terminal is")
	assert.False(t, show.Coloured(null, env(map[string]string{"TERM": "dumb"})))
	assert.False(t, show.Coloured(null, env(map[string]string{"NO_COLOR": "1"})))
}

func TestTerminal(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer file.Close()
	assert.False(t, show.Terminal(file))
	assert.False(t, show.Terminal(new(bytes.Buffer)))
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer null.Close()
	assert.True(t, show.Terminal(null), "a character device")
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, show.JSON(&out, map[string]string{"a": "<b>&"}))
	assert.Equal(t, "{\n  \"a\": \"<b>&\"\n}\n", out.String())
}

func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "",
		"Grüße · “x” █":               "Grüße · “x” █",
		"a\x1b[31mb\nc\td":            "a?[31mb?c?d",
		"\x9b31m, and as bytes: \xff": "?31m, and as bytes: ?",
		"right to left \u202e":        "right to left ?",
	} {
		assert.Equal(t, want, show.Line(text))
	}
}

func TestLines(t *testing.T) {
	assert.Equal(t, "a?[31m\n\tb\tc?\n", show.Lines("a\x1b[31m\n\tb\tc\r\n"))
}
