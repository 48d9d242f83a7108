package session

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEvents(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("event.json", []byte(" {\"a\": 1}\n"), 0o644))
	require.NoError(t, os.WriteFile("bad", []byte("{"), 0o644))
	require.NoError(t, os.WriteFile("1.json", []byte("1"), 0o644))
	require.NoError(t, os.Mkdir("folder", 0o755))
	require.NoError(t, os.WriteFile("giant", nil, 0o644))
	require.NoError(t, os.Truncate("giant", 7<<20))

	events, err := Events(nil)
	require.NoError(t, err)
	assert.Equal(t, [][]byte{[]byte("{}")}, events)
	for value, want := range map[string]string{
		`{"a":1}`: `{"a":1}`, ` [1]`: ` [1]`, `"x"`: `"x"`, `-1`: `-1`, `true`: `true`, `null`: `null`,
		`event.json`: " {\"a\": 1}\n", `./1.json`: `1`,
	} {
		events, err := Events([]string{value})
		require.NoError(t, err, value)
		assert.Equal(t, want, string(events[0]))
	}
	for value, want := range map[string]string{
		`{"a"`:   "--event: not JSON: unexpected end of JSON input (byte 4); a file whose name begins like JSON is given as ./NAME",
		`1.json`: "--event: not JSON: ",
		`bad`:    `--event: "bad": unexpected end of JSON input (byte 1)`,
		`none`:   `--event: "none": no such file`,
		``:       `--event: "": no such file`,
		`folder`: `--event: "folder": not a file`,
		`giant`:  `--event: "giant": 7340032 bytes, an event has at most 6291456`,
	} {
		_, err := Events([]string{value})
		require.Error(t, err)
		assert.True(t, strings.HasPrefix(err.Error(), want), "%v", err)
	}
}

func TestServeAddress(t *testing.T) {
	for text, want := range map[string]string{
		"9000": "127.0.0.1:9000", ":9000": "127.0.0.1:9000", "0": "127.0.0.1:0",
		"localhost:80": "127.0.0.1:80", "127.0.0.2:80": "127.0.0.2:80", "[::1]:80": "[::1]:80",
	} {
		got, err := ServeAddress(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got)
	}
	for _, text := range []string{"", "x", "0.0.0.0:80", "[::]:80", "10.0.0.1:80", "example.com:80", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:70000"} {
		_, err := ServeAddress(text)
		assert.Error(t, err, text)
	}
}
