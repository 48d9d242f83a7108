package inject

import (
	"errors"
	"strings"
)

var errOpenQuote = errors.New("has an open quote")

// A quoting is how a runtime takes an option string apart.
type quoting struct {
	// blanks separate words, quotes group, in mid-word too.
	blanks, quotes string
	// escapes is set if a backslash inside quotes takes the next byte as it is.
	escapes bool
}

// splitJVM takes JAVA_TOOL_OPTIONS or JDK_JAVA_OPTIONS apart: a backslash is
// never an escape.
func splitJVM(s string) (words []word, err error) {
	return quoting{blanks: " \t\n\v\f\r", quotes: `'"`}.split(s)
}

// splitNode takes NODE_OPTIONS apart: only the space separates, only " groups.
func splitNode(s string) (words []word, err error) {
	return quoting{blanks: " ", quotes: `"`, escapes: true}.split(s)
}

// split returns the words before an error, too.
func (q quoting) split(s string) (words []word, err error) {
	var text strings.Builder
	start, quote := -1, byte(0)
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || quote == 0 && strings.IndexByte(q.blanks, s[i]) >= 0:
			if quote != 0 {
				return words, errOpenQuote
			}
			if start >= 0 {
				words = append(words, word{s[start:i], text.String()})
				text.Reset()
				start = -1
			}
			continue
		case s[i] == quote:
			quote = 0
		case quote == 0 && strings.IndexByte(q.quotes, s[i]) >= 0:
			quote = s[i]
		case quote != 0 && q.escapes && s[i] == '\\':
			if i++; i == len(s) {
				return words, errOpenQuote
			}
			text.WriteByte(s[i])
		default:
			text.WriteByte(s[i])
		}
		if start < 0 {
			start = i
		}
	}
	return words, nil
}

// splitBlanks takes RUBYOPT apart: white space separates, nothing groups.
func splitBlanks(s string) (words []word, err error) {
	blank := func(r rune) bool { return strings.ContainsRune(" \t\n\v\f\r", r) }
	for _, f := range strings.FieldsFunc(s, blank) {
		words = append(words, word{f, f})
	}
	return words, nil
}

// asWords makes words of arguments, which need no quoting.
func asWords(args []string) []word {
	words := make([]word, len(args))
	for i, a := range args {
		words[i] = word{a, a}
	}
	return words
}
