package inject

import (
	"errors"
	"strings"
)

var errOpenQuote = errors.New("has an open quote")

// splitJVM takes JAVA_TOOL_OPTIONS or JDK_JAVA_OPTIONS apart: white space
// separates; ' and " group, in mid-word too; a backslash is never an escape.
func splitJVM(s string) (words []word, err error) {
	var text strings.Builder
	start, quote := -1, byte(0)
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || quote == 0 && strings.IndexByte(" \t\n\v\f\r", s[i]) >= 0:
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
		case quote == 0 && (s[i] == '\'' || s[i] == '"'):
			quote = s[i]
		default:
			text.WriteByte(s[i])
		}
		if start < 0 {
			start = i
		}
	}
	return words, nil
}

// splitNode takes NODE_OPTIONS apart: only the space separates; only " groups,
// in mid-word too; a backslash escapes the next byte inside quotes only.
func splitNode(s string) (words []word, err error) {
	var text strings.Builder
	start, quoted := -1, false
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || !quoted && s[i] == ' ':
			if quoted {
				return words, errOpenQuote
			}
			if start >= 0 {
				words = append(words, word{s[start:i], text.String()})
				text.Reset()
				start = -1
			}
			continue
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '\\' && quoted:
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
