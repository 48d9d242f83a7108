// Package resolve asks /opt/graft-secrets for the values of references: how
// the wrapper and the companion start it, and the words that go over the pipes.
//
// Questions go to its standard input, and answers come from its descriptor 3, so
// that nothing that a library prints can be mistaken for one. Both are records
// that end with a NUL, which no variable can hold. A question is a reference as
// it was written, or [reference.Below] and a path of Parameter Store. Answers
// come in the order of the questions, all at once:
//
//	=VALUE        the value; ends an answer
//	!WHY          there is none, and why; ends an answer
//	+NAME=VALUE   a variable that was found below the path; = follows at the end
//	-TEXT         something that the owner should know; more follows
package resolve

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/inject/reference"
)

const (
	// maxQuestions bounds what is asked, in bytes: as much as an environment can
	// hold.
	maxQuestions = 4 << 20
	// maxAnswers bounds what comes back. Linux passes no more on to a program.
	maxAnswers = 8 << 20
)

// WriteQuestions writes questions; none of them holds a NUL.
func WriteQuestions(w io.Writer, questions []string) error {
	var b strings.Builder
	for _, q := range questions {
		b.WriteString(q)
		b.WriteByte(0)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// ReadQuestions reads questions until the end of r.
func ReadQuestions(r io.Reader) ([]string, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxQuestions+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxQuestions:
		return nil, errors.New("questions: larger than 4 MiB")
	case len(data) == 0:
		return nil, nil
	}
	text, whole := strings.CutSuffix(string(data), "\x00")
	if !whole {
		return nil, errors.New("questions: the last one is cut off")
	}
	return strings.Split(text, "\x00"), nil
}

// WriteAnswers writes answers. A value becomes a problem if no environment can
// carry it: if it holds a NUL, or all values up to it are larger than 4 MiB.
func WriteAnswers(w io.Writer, answers []reference.Answer) error {
	b := bufio.NewWriter(w)
	// The other half is for all that is no value.
	left := maxAnswers / 2
	tooLarge := func(value string) bool {
		left -= len(value)
		return left < 0
	}
	record := func(kind byte, text string) {
		// A failed write makes all that follow and the last Flush fail.
		_ = b.WriteByte(kind)
		_, _ = b.WriteString(text)
		_ = b.WriteByte(0)
	}
	for _, a := range answers {
		for _, note := range a.Notes {
			record('-', strings.ReplaceAll(note, "\x00", "?"))
		}
		for _, v := range a.Vars {
			switch {
			case strings.Contains(v.Value, "\x00"):
				record('-', v.Name+": holds a NUL byte: left out")
				continue
			case tooLarge(v.Value):
				record('-', v.Name+": "+allTooLarge+": left out")
				continue
			}
			record('+', v.Name+"="+v.Value)
		}
		switch {
		case a.Problem != "":
			record('!', strings.ReplaceAll(a.Problem, "\x00", "?"))
		case strings.Contains(a.Value, "\x00"):
			record('!', "holds a NUL byte, which no variable can")
		case tooLarge(a.Value):
			record('!', allTooLarge)
		default:
			record('=', a.Value)
		}
	}
	return b.Flush()
}

// allTooLarge is why a value is left out that may be small itself.
const allTooLarge = "all values together are larger than 4 MiB"

// ReadAnswers reads the answers to n questions. With an error it returns those
// that had arrived before it.
func ReadAnswers(r io.Reader, n int) ([]reference.Answer, error) {
	in := bufio.NewReader(io.LimitReader(r, maxAnswers))
	answers := make([]reference.Answer, 0, n)
	var a reference.Answer
	for len(answers) < n {
		record, err := in.ReadString(0)
		if err != nil {
			return answers, err
		}
		if len(record) < 2 {
			return answers, errors.New("an empty record")
		}
		text := record[1 : len(record)-1]
		switch record[0] {
		case '=':
			a.Value = text
		case '!':
			a.Problem = text
		case '-':
			a.Notes = append(a.Notes, text)
			continue
		case '+':
			name, value, ok := strings.Cut(text, "=")
			if !ok {
				return answers, errors.New("a variable without a value")
			}
			a.Vars = append(a.Vars, fragment.Var{Name: name, Value: value})
			continue
		default:
			return answers, fmt.Errorf("an unknown record %q", record[:1])
		}
		answers = append(answers, a)
		a = reference.Answer{}
	}
	return answers, nil
}
