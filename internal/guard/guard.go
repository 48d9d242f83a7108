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

// Error makes an error of what a panic left, with the run-time's own words
// only: others might hold a value that must not be printed.
func Error(r any) error {
	err, _ := r.(runtime.Error)
	return fmt.Errorf("internal error, please report it (%v)", err)
}
