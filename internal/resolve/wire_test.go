package resolve_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/reference"
	"github.com/graft-lambda/graft/internal/resolve"
)

func TestQuestions(t *testing.T) {
	for _, questions := range [][]string{nil, {"ref+a"}, {"ref+a", "", "below:/x\ny"}} {
		var pipe bytes.Buffer
		require.NoError(t, resolve.WriteQuestions(&pipe, questions))
		got, err := resolve.ReadQuestions(&pipe)
		require.NoError(t, err)
		assert.Equal(t, questions, got)
	}
	_, err := resolve.ReadQuestions(strings.NewReader("ref+a\x00ref+"))
	assert.ErrorContains(t, err, "cut off")
	_, err = resolve.ReadQuestions(io.LimitReader(zeros{}, 5<<20))
	assert.ErrorContains(t, err, "larger")
}

// zeros is an endless file.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestAnswers(t *testing.T) {
	answers := []reference.Answer{
		{Value: ""},
		{Value: "line\nline=!"},
		{Value: "a\x00b"},
		{Problem: "ParameterNotFound"},
		{Vars: []fragment.Var{{Name: "A", Value: "=1"}, {Name: "B", Value: "\x00"}}, Notes: []string{"two of one name"}},
	}
	var pipe bytes.Buffer
	require.NoError(t, resolve.WriteAnswers(&pipe, answers))
	text := pipe.Bytes()
	got, err := resolve.ReadAnswers(bytes.NewReader(text), len(answers))
	require.NoError(t, err)
	answers[2] = reference.Answer{Problem: "holds a NUL byte, which no variable can"}
	answers[4] = reference.Answer{Vars: answers[4].Vars[:1], Notes: []string{"two of one name", "B: holds a NUL byte: left out"}}
	assert.Equal(t, answers, got)

	for n := range text {
		got, err := resolve.ReadAnswers(bytes.NewReader(text[:n]), len(answers))
		require.ErrorIs(t, err, io.EOF)
		assert.Equal(t, answers[:len(got)], got, "what has arrived counts")
	}
	for _, bad := range []string{"\x00", "?x\x00", "+A\x00"} {
		_, err := resolve.ReadAnswers(strings.NewReader(bad), 1)
		require.Error(t, err)
		assert.False(t, errors.Is(err, io.EOF))
	}
}

// TestLargeAnswers: what no environment can carry is said.
func TestLargeAnswers(t *testing.T) {
	half := strings.Repeat("x", 2<<20)
	var pipe bytes.Buffer
	require.NoError(t, resolve.WriteAnswers(&pipe, []reference.Answer{{Value: half}, {Value: half}, {Value: "y"}}))
	got, err := resolve.ReadAnswers(&pipe, 3)
	require.NoError(t, err)
	assert.Equal(t, []reference.Answer{{Value: half}, {Value: half}, {Problem: "all values together are larger than 4 MiB"}}, got)
}

func FuzzReadAnswers(f *testing.F) {
	f.Add([]byte("=a\x00!b\x00-n\x00+A=1\x00=\x00"), uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, n uint8) {
		got, err := resolve.ReadAnswers(bytes.NewReader(data), int(n))
		if err == nil {
			assert.Len(t, got, int(n))
		}
	})
}
