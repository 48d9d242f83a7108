package fragment

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// A Ready is how one sees that the program of GRAFT_RUN is ready.
type Ready struct {
	// By is the kind of sign; empty is as good as [ReadyNone].
	By ReadyBy
	// Target is HOST:PORT, a URL or an absolute path, as By wants it.
	Target string
}

// A ReadyBy is a kind of sign that a program is ready.
type ReadyBy string

// The kinds of GRAFT_RUN_READY.
const (
	// ReadyNone: as soon as it is started.
	ReadyNone ReadyBy = "none"
	// ReadyExit: when it has ended with status 0.
	ReadyExit ReadyBy = "exit"
	// ReadyTCP: when HOST:PORT takes a connection.
	ReadyTCP ReadyBy = "tcp"
	// ReadyHTTP: when a GET of the URL is answered with a status of 200 to 299.
	ReadyHTTP ReadyBy = "http"
	// ReadyFile: when the path is there and is not what was there before the
	// start: /tmp outlives a reset of the environment.
	ReadyFile ReadyBy = "file"
)

// runReadyTimeout is the default of GRAFT_RUN_READY_TIMEOUT.
const runReadyTimeout = 2 * time.Second

// parseReady reads tcp:HOST:PORT, http:URL, file:PATH, exit or none. For
// http:http://… the bare http://… does too. It must not use the package net:
// the wrapper links this one.
func parseReady(value string) (Ready, error) {
	if isURL(value) {
		return Ready{ReadyHTTP, value}, nil
	}
	kind, target, _ := strings.Cut(value, ":")
	r := Ready{ReadyBy(kind), target}
	switch {
	case value == "none" || value == "exit":
		return Ready{By: r.By}, nil
	case r.By == ReadyTCP:
		i := strings.LastIndexByte(target, ':')
		port, err := strconv.ParseUint(target[i+1:], 10, 16)
		if i < 1 || err != nil || port == 0 {
			return r, errors.New("must be tcp:HOST:PORT")
		}
	case r.By == ReadyHTTP:
		if !isURL(target) {
			return r, errors.New("must be http:URL, with a URL that begins with http:// or https://")
		}
	case r.By == ReadyFile:
		if !strings.HasPrefix(target, "/") {
			return r, errors.New("must be file:PATH, with an absolute path")
		}
	default:
		return r, errors.New("is none of tcp:HOST:PORT, http:URL, file:PATH, exit, none")
	}
	return r, nil
}

func isURL(s string) bool {
	for _, scheme := range []string{"http://", "https://"} {
		if rest, ok := strings.CutPrefix(s, scheme); ok && rest != "" && rest[0] != '/' {
			return true
		}
	}
	return false
}

func parseTimeout(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		// The package's own error quotes the text.
		return 0, errors.New("is not a duration above 0 such as 500ms or 2s")
	}
	return d, nil
}

// completeRun checks what the lines of a program must say together, and fills
// in the defaults.
func (f *Fragment) completeRun() error {
	switch {
	case len(f.Run) == 0 && f.RunReady.By != "":
		return errors.New("GRAFT_RUN_READY needs GRAFT_RUN")
	case len(f.Run) == 0 && f.RunReadyTimeout != 0:
		return errors.New("GRAFT_RUN_READY_TIMEOUT needs GRAFT_RUN")
	case len(f.Run) == 0:
		return nil
	}
	if f.RunReady.By == "" {
		f.RunReady.By = ReadyNone
	}
	if f.RunReadyTimeout == 0 {
		f.RunReadyTimeout = runReadyTimeout
	}
	return nil
}
