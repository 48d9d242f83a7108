// Package guard keeps a panic from ending the process: an extension that ends
// takes the function down. No goroutine of the companion's own is without it.
package guard

import (
	"fmt"
	"runtime"
)

// Call calls f and returns its error, or that of a panic in it. Panics of other
// goroutines that f starts are not its business.
func Call(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = Error(r)
		}
	}()
	return f()
}

// Error makes an error of what a panic left, in the words of [Words].
func Error(r any) error {
	return fmt.Errorf("internal error, please report it (%s)", Words(r))
}

// Words says what a panic left: in the run-time's own words, or else by its type
// alone, since others might hold a value that must not be printed.
func Words(r any) string {
	if err, ok := r.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("a panic of type %T", r)
}
