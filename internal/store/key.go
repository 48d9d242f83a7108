package store

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// pick returns the member of a JSON object that key leads to: a string's
// characters, any other value's JSON. The problem holds nothing of text.
func pick(text string, key []string) (value, problem string) {
	if len(key) == 0 {
		return text, ""
	}
	if !json.Valid([]byte(text)) {
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
		return value, ""
	}
	var b bytes.Buffer
	_ = json.Compact(&b, raw) // valid, as the whole was
	return b.String(), ""
}
