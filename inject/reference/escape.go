package reference

import (
	"errors"
	"strings"
)

// parsePointer reads a JSON pointer.
func parsePointer(pointer string) ([]string, error) {
	rest, ok := strings.CutPrefix(pointer, "/")
	if !ok || rest == "" {
		return nil, errors.New("has no key behind the #: it is written #/KEY")
	}
	var key []string
	for part := range strings.SplitSeq(rest, "/") {
		part, err := unescape(part)
		if err != nil {
			return nil, err
		}
		key = append(key, strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~"))
	}
	return key, nil
}

// unescape undoes percent-encoding.
func unescape(s string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return "", errors.New("has a % that is not followed by two hexadecimal digits: write %25")
		}
		b.WriteByte(hex(s[i+1])<<4 | hex(s[i+2]))
		i += 2
	}
	return b.String(), nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func hex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}
