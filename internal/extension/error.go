package extension

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
)

// What an [Error.Type] may be. Lambda has others.
const (
	// InvalidEventType refuses an event that the extension may not ask for:
	// INVOKE on Managed Instances, SHUTDOWN for an internal extension.
	InvalidEventType = "Extension.InvalidEventType"
	// InvalidExtensionState refuses what does not fit what was before, such as
	// a second registration under a name.
	InvalidExtensionState = "Extension.InvalidExtensionState"
	// RegistrationClosed refuses an internal extension that registers when the
	// init is over.
	RegistrationClosed = "Extension.RegistrationClosed"
	// UnknownExtension refuses an identifier, such as one from before a reset.
	UnknownExtension = "Extension.UnknownExtensionIdentifier"
)

// An Error is a refusal by the API.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Type and Message are what the API says; empty if it does not.
	Type, Message string
}

// Error returns the status and, if known, type and message, in one line.
func (e *Error) Error() string {
	s := fmt.Sprintf("status %d", e.Status)
	if e.Type != "" {
		s += ": " + e.Type
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// Refused reports whether err is an [*Error] of the given type.
func Refused(err error, errorType string) bool {
	var e *Error
	return errors.As(err, &e) && e.Type == errorType
}

func newError(status int, body []byte) *Error {
	var said struct{ ErrorType, ErrorMessage string }
	// What is not JSON is not worth a line of the log.
	_ = json.Unmarshal(body, &said)
	return &Error{Status: status, Type: oneLine(said.ErrorType), Message: oneLine(said.ErrorMessage)}
}

// cause drops method and URL, which say nothing new, from an error of
// net/http.
func cause(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}
