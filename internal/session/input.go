package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/graft-lambda/graft/inject/fragment"
	"github.com/graft-lambda/graft/internal/invokeapi"
)

// Events reads the values of --event: each is JSON or the name of a file with
// JSON in it. None is one empty object.
func Events(values []string) ([][]byte, error) {
	if len(values) == 0 {
		return [][]byte{[]byte("{}")}, nil
	}
	var events [][]byte
	for _, value := range values {
		event, err := readEvent(value)
		if err != nil {
			return nil, fmt.Errorf("--event: %w", err)
		}
		events = append(events, event)
	}
	return events, nil
}

func readEvent(value string) ([]byte, error) {
	if isJSON(value) {
		if err := valid([]byte(value)); err != nil {
			return nil, fmt.Errorf("not JSON: %w; a file whose name begins like JSON is given as ./NAME", err)
		}
		return []byte(value), nil
	}
	info, err := os.Stat(value)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q: %w; JSON begins with {, [, a quote or a digit", value, fragment.Cause(err))
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%q: not a file", value)
	case info.Size() > invokeapi.MaxPayload:
		return nil, fmt.Errorf("%q: %d bytes, an event has at most %d", value, info.Size(), invokeapi.MaxPayload)
	}
	data, err := os.ReadFile(value)
	if err == nil {
		err = valid(data)
	}
	if err != nil {
		return nil, fmt.Errorf("%q: %w", value, err)
	}
	return data, nil
}

// isJSON tells JSON from the name of a file.
func isJSON(value string) bool {
	switch value = strings.TrimSpace(value); value {
	case "true", "false", "null":
		return true
	case "":
		return false
	}
	return strings.ContainsRune(`{["-0123456789`, rune(value[0]))
}

// valid returns what is wrong with the JSON, and where.
func valid(data []byte) error {
	var any json.RawMessage
	err := json.Unmarshal(data, &any)
	if syntax := new(json.SyntaxError); errors.As(err, &syntax) {
		return fmt.Errorf("%w (byte %d)", err, syntax.Offset)
	}
	return err
}
