package explain

import (
	"fmt"
)

// Options say which functions to explain.
type Options struct {
	// Runtime is Lambda's name of a runtime, "all", or empty. Of a template's
	// functions it is for those whose own is not known, and for Function.
	Runtime string
	// Layers are folders and zips that look like /opt, in stack order. They
	// stand for those layers of a template that are not here; the rest of them
	// comes over all of the template's.
	Layers []string
	// Code is the folder or zip at /var/task; empty for none.
	Code string
	// Env are variables of the function, NAME=value.
	Env     []string
	Handler string
	// Arch is amd64, arm64 or empty.
	Arch string
	// Template is a SAM or CloudFormation template, Function the logical id of
	// one of its functions; empty means all of them.
	Template, Function string
	// Command is the program to start with its arguments, in place of the
	// runtime's own.
	Command []string
}

// A UsageError is options that make no sense.
type UsageError struct{ Problem string }

func (e *UsageError) Error() string { return e.Problem }

func usage(format string, args ...any) error {
	return &UsageError{fmt.Sprintf(format, args...)}
}
