package testbed

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/graft-lambda/graft/internal/keep"
)

// Fetches tells whether tests fetch what can be fetched, and a skip is a
// failure: GRAFT_TEST_REQUIRE=all says so.
func Fetches() bool { return os.Getenv("GRAFT_TEST_REQUIRE") == "all" }

// Need returns the named runtime. If it is unavailable the test is skipped, or
// fails where GRAFT_TEST_REQUIRE=all; any other error fails the test.
//
// A skip also appends "NAME: reason" to the file that GRAFT_TEST_SKIPPED names.
func Need(t testing.TB, b *Bed, name string) Runtime {
	t.Helper()
	rt, err := b.Runtime(t.Context(), name)
	NeedErr(t, err)
	return rt
}

// NeedTool is [Need] for a program on PATH.
func NeedTool(t testing.TB, name string) string {
	t.Helper()
	path, err := keep.Tool(name)
	NeedErr(t, err)
	return path
}

// NeedFetch lets a test that asks a registry each time run only where
// GRAFT_TEST_REQUIRE=all says that there is one.
func NeedFetch(t testing.TB) {
	t.Helper()
	if !Fetches() {
		NeedErr(t, unavailable("a registry is asked only with GRAFT_TEST_REQUIRE=all"))
	}
}

// NeedErr applies the rule of [Need] to err, which may be nil.
func NeedErr(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, ErrUnavailable) && !Fetches():
		if err := noteSkip(err.Error()); err != nil {
			t.Errorf("note the skip: %v", err)
		}
		t.Skip(err)
	default:
		t.Fatal(err)
	}
}

// noteSkip writes one line in one write, so that the lines of test programs
// that run at once do not mix.
func noteSkip(reason string) error {
	path := os.Getenv("GRAFT_TEST_SKIPPED")
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, reason)
	return errors.Join(err, f.Close())
}
