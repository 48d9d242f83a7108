// Package invokeapi serves the part of Lambda's API that calls functions:
// Invoke (2015-03-31) and InvokeWithResponseStream (2021-11-15). The AWS CLI
// and the SDKs work with it; nothing is authenticated.
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
//
// It is for this machine only. Whoever serves it listens on loopback; requests
// that a web page of elsewhere has a browser make are refused.
package invokeapi

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// MaxPayload bounds an event, in bytes.
const MaxPayload = 6 << 20

// maxWaiting bounds the invocations that are under way or wait for their turn,
// those whose payload is being read too.
// Beyond it Lambda's throttling error is the answer.
const maxWaiting = 100

// A Request is an invocation that somebody asks for.
type Request struct {
	Payload       []byte // JSON
	ClientContext []byte // JSON; nil if there is none
	Trace         string // X-Ray trace header, or empty
	// Tail asks for the last lines of the log.
	Tail bool
}

// An Answer is what the function returned.
type Answer struct {
	Body          []byte
	FunctionError string // "Unhandled" or empty
	RequestID     string
	Trace         string
	Log           []byte // of this invocation, if Tail asked for it
}

// A Function is what is served. Version is always "$LATEST", whatever
// qualifier is asked for.
type Function struct {
	Name string
	ARN  string
	// Invoke is called by many goroutines at once. Its error says that the
	// function could not be called at all.
	Invoke func(context.Context, Request) (Answer, error)
}

const version = "$LATEST"

// Handler returns the API of f.
func Handler(f Function) http.Handler {
	a := &api{function: f, places: make(chan struct{}, maxWaiting)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", a.invoke)
	mux.HandleFunc("POST /2021-11-15/functions/{name}/response-streaming-invocations", a.stream)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		write(w, fault{404, "UnknownOperationException", "only Invoke and InvokeWithResponseStream are here", ""})
	})
	return onlyHere(http.NewCrossOriginProtection().Handler(mux))
}

// onlyHere refuses requests to another name than this machine's: a page may
// have its own name resolve to 127.0.0.1.
func onlyHere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The connection may have served another request; see hurry.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if addr, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !addr.IsLoopback()) {
			write(w, fault{403, "AccessDeniedException", "ask for localhost or 127.0.0.1", ""})
			return
		}
		next.ServeHTTP(w, r)
	})
}
