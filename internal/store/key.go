package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// pick returns the member of a JSON object that key leads to: a string's
// characters, any other value's JSON. The problem holds nothing of text.
func pick(text string, key []string) (value, problem string) {
	if len(key) == 0 {
		return text, ""
	}
	// encoding/json would replace broken characters by others.
	if !utf8.ValidString(text) || !json.Valid([]byte(text)) {
		return "", "is not JSON, so that a key leads nowhere"
	}
	raw := json.RawMessage(text)
	for _, name := range key {
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil || members == nil {
			return "", fmt.Sprintf("is no JSON object where the key %q should be", name)
		}
		member, ok := members[name]
		if !ok {
			return "", fmt.Sprintf("has no key %q", name)
		}
		raw = bytes.TrimSpace(member)
	}
	switch raw[0] {
	case 'n':
		return "", fmt.Sprintf("has null as its key %q", key[len(key)-1])
	case '"':
		if json.Unmarshal(raw, &value) != nil {
			return "", "is not JSON, so that a key leads nowhere"
		}
		if written(raw) < strings.Count(value, replacement) {
			return "", fmt.Sprintf("holds half a character as its key %q", key[len(key)-1])
		}
		return value, ""
	}
	var b bytes.Buffer
	_ = json.Compact(&b, raw) // valid, as the whole was
	return b.String(), ""
}

// replacement is what encoding/json writes for half of a surrogate pair. A string
// may also hold it in earnest.
const replacement = string(utf8.RuneError)

// written counts the replacement characters that a JSON string holds in earnest.
func written(raw []byte) int {
	n := bytes.Count(raw, []byte(replacement))
	for i := 0; i+5 < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		if strings.EqualFold(string(raw[i+1:i+6]), "ufffd") {
			n++
		}
		i++ // whatever is escaped begins no escape
	}
	return n
}
