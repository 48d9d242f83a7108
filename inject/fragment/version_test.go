package fragment_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/fragment"
)

func TestParseVersion(t *testing.T) {
	for s, want := range map[string]string{
		"20": "20", "20.6": "20.6", "20.6.1": "20.6.1", "21.0.8+9-LTS": "21.0.8", "8.0_402": "8.0", "25.0.2.1": "25.0.2", "3.12": "3.12",
	} {
		v, err := fragment.ParseVersion(s)
		require.NoError(t, err, s)
		assert.Equal(t, want, v.String(), s)
		assert.True(t, v.Known(), s)
	}
	for _, s := range []string{"", "x", "0", "20.", ".1", "-1", "20.x", "99999999", "1..2"} {
		v, err := fragment.ParseVersion(s)
		assert.Error(t, err, s)
		assert.False(t, v.Known(), s)
	}
}

func TestParseRuntime(t *testing.T) {
	for s, want := range map[string]string{
		"java21": "java 21", "java8.al2": "java 8", "nodejs22.x": "nodejs 22", "nodejs22": "nodejs 22", "nodejs22.11": "nodejs 22.11",
		"python3.12": "python 3.12", "dotnet8": "dotnet 8", "dotnetcore3.1": "dotnet 3.1", "ruby3.4": "ruby 3.4",
		"java": "java of unknown version", "provided.al2023": "other of unknown version", "provided": "other of unknown version", "go1.x": "other of unknown version", "other": "other of unknown version",
	} {
		lang, v, err := fragment.ParseRuntime(s)
		require.NoError(t, err, s)
		assert.Equal(t, want, string(lang)+" "+v.String(), s)
	}
	for _, s := range []string{"", "Image", "node22", "JAVA21", "java21x", "21", "nodejs.x"} {
		_, _, err := fragment.ParseRuntime(s)
		assert.Error(t, err, s)
	}
}

func TestBounds(t *testing.T) {
	for _, c := range []struct {
		bound, version string
		holds          bool
	}{
		{"nodejs", "18", true},
		{"nodejs>=20", "20", true}, {"nodejs>=20", "20.0.0", true}, {"nodejs>=20", "18.20.8", false},
		{"nodejs>=20.6", "20.6.0", true}, {"nodejs>=20.6", "20.5.9", false}, {"nodejs>=20.6", "20", true}, {"nodejs>=20.6", "22.1", true},
		{"nodejs>20", "20.9", false}, {"nodejs>20", "21", true}, {"nodejs>20.6", "20.7", true},
		{"nodejs<=20", "20.9.9", true}, {"nodejs<=20", "21", false},
		{"nodejs<20", "19.9", true}, {"nodejs<20", "20.0.0", false}, {"nodejs<20.6", "20.5", true}, {"nodejs<20.6", "20", false},
		{"nodejs=20", "20.3.1", true}, {"nodejs==20.3", "20.3.1", true}, {"nodejs=20.3", "20.4", false},
		{"nodejs>=18<22", "20", true}, {"nodejs>=18<22", "22.0.0", false}, {"nodejs >= 18 < 22", "20", true},
		{"nodejs>=20.6.1", "20.6.0", false}, {"nodejs>=20.6.1", "20.6.1", true},
	} {
		f, err := fragment.Parse("f", "a", []byte("GRAFT_RUNTIMES="+c.bound))
		require.NoError(t, err, c.bound)
		v, err := fragment.ParseVersion(c.version)
		require.NoError(t, err)
		b := f.Runtimes[0]
		assert.Equal(t, c.holds, b.Holds(v), "%s of %s", c.version, c.bound)
		assert.Equal(t, !b.Limited(), b.Holds(fragment.Version{}), "an unknown version meets no bound: %s", c.bound)
		again, err := fragment.Parse("f", "a", []byte("GRAFT_RUNTIMES="+b.String()))
		require.NoError(t, err)
		assert.Equal(t, b, again.Runtimes[0], "String is read again")
	}
}
