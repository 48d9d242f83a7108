package fragment

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/joho/godotenv"
)

// parseLine reads one line without its line end. ok is false for a comment or
// a blank line.
//
// godotenv is the reader. This code is the gate before it: it lets through
// only lines whose value it can foretell, and the two must agree.
func parseLine(line string) (v Var, ok bool, err error) {
	switch {
	case !utf8.ValidString(line):
		return v, false, errors.New("is not valid UTF-8")
	case strings.IndexByte(line, 0) >= 0:
		return v, false, errors.New("holds a NUL byte")
	case strings.IndexByte(line, '\r') >= 0:
		// Some readers end a line here, a comment too.
		return v, false, errors.New("holds a carriage return")
	}
	if t := strings.TrimLeft(line, " \t"); t == "" || t[0] == '#' {
		return v, false, nil
	}
	name, rest, found := strings.Cut(line, "=")
	switch {
	case strings.HasPrefix(line, "export ") || strings.HasPrefix(line, "export\t"):
		return v, false, errors.New(`"export" is for a shell; write NAME=VALUE`)
	case !found:
		return v, false, errors.New("is not NAME=VALUE")
	case strings.TrimRight(name, " \t") != name || strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "\t"):
		return v, false, errors.New(`has a blank beside "="`)
	case !validName(name):
		return v, false, errors.New(`has no variable's name before "="`)
	}
	value, err := parseValue(rest)
	if err != nil {
		return v, false, err
	}
	read, err := godotenv.Unmarshal(line)
	// godotenv's own errors quote the file.
	if got, set := read[name]; err != nil || !set || len(read) != 1 || got != value {
		return v, false, errors.New("is not read alike by every dotenv reader")
	}
	return Var{Name: name, Value: value}, true, nil
}

// parseValue returns what the right side of a line means.
func parseValue(s string) (string, error) {
	for _, r := range s {
		if r < ' ' && r != '\t' || r == 0x7f {
			return "", errors.New("holds a control character")
		}
	}
	if s == "" {
		return "", nil
	}
	switch s[0] {
	case '\'', '"':
		return parseQuoted(s)
	case '`':
		return "", errors.New("starts with a backtick")
	case '#':
		return "", errors.New(`starts with "#": quote it`)
	}
	open := rune(0)
	for i, r := range s {
		switch {
		case r == '$':
			return "", errors.New(`has a "$" outside single quotes: no variable is expanded here`)
		case r == '\\':
			return "", errors.New("has a backslash outside single quotes")
		case r == '#' && (s[i-1] == ' ' || s[i-1] == '\t'):
			if open != 0 {
				return "", errors.New(`has " #" inside open quotes`)
			}
			return strings.TrimRight(s[:i], " \t"), nil
		case r == open:
			open = 0
		case open == 0 && (r == '\'' || r == '"'):
			open = r
		}
	}
	return strings.TrimRight(s, " \t"), nil
}

// parseQuoted reads a value that is quoted as a whole.
func parseQuoted(s string) (string, error) {
	quote := s[:1]
	value, rest, closed := strings.Cut(s[1:], quote)
	if !closed {
		return "", errors.New("has an open quote")
	}
	if trimmed := strings.TrimLeft(rest, " \t"); trimmed != "" && (trimmed == rest || trimmed[0] != '#') {
		return "", errors.New("goes on behind the closing quote: quote the whole value or none of it")
	}
	switch {
	case quote == `"` && strings.ContainsAny(value, `$\`):
		return "", errors.New(`has a "$" or a backslash inside double quotes: use single quotes`)
	case strings.HasSuffix(value, `\`):
		return "", errors.New("has a backslash before the closing quote")
	}
	return value, nil
}

// validName reports whether name can be a variable's name in every shell.
func validName(name string) bool {
	for i, r := range name {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}
