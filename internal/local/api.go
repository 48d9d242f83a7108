package local

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// The states of a runtime, as the API's messages name them.
type state string

const (
	started    state = "Started"
	ready      state = "Ready"
	running    state = "Running"
	responding state = "InvocationResponse"
	failing    state = "InvocationErrorResponse"
	responded  state = "RuntimeResponseSentState"
	initFailed state = "InitError"
)

// An api is the Runtime API of one environment, and what it knows of the
// runtime behind it.
type api struct {
	address string // host:port
	server  http.Server

	ready  chan struct{}    // closed by the first next
	failed chan *InitError  // receives what init/error says, once
	queue  chan *invocation // to the runtime that waits in next

	mu      sync.Mutex
	state   state
	waiting bool        // a next is open
	current *invocation // delivered, and not over
}

// serveAPI starts the API on a free port of the loopback interface.
func serveAPI() (*api, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("runtime API: %w", err)
	}
	a := &api{
		address: listener.Addr().String(),
		ready:   make(chan struct{}),
		failed:  make(chan *InitError, 1),
		queue:   make(chan *invocation),
		state:   started,
	}
	const version = "/2018-06-01"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+version+"/ping", ping)
	mux.HandleFunc("GET "+version+"/runtime/invocation/next", a.next)
	mux.HandleFunc("POST "+version+"/runtime/invocation/{id}/response", a.response)
	mux.HandleFunc("POST "+version+"/runtime/invocation/{id}/error", a.invocationError)
	mux.HandleFunc("POST "+version+"/runtime/init/error", a.initError)
	a.server.Handler = mux
	a.server.ReadHeaderTimeout = time.Minute
	a.server.ErrorLog = log.New(io.Discard, "", 0)
	// Ends with close; the error only says that it did.
	go func() { _ = a.server.Serve(listener) }()
	return a, nil
}

// close ends the API and all its connections.
func (a *api) close() { _ = a.server.Close() }

func ping(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte("pong"))
}

// next ends the invocation before it, if there was one, and waits for another.
func (a *api) next(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	if a.waiting || a.state != started && a.state != responded && a.state != ready {
		a.refuse(w, ready)
		a.mu.Unlock()
		return
	}
	if a.state == started {
		close(a.ready)
	}
	a.state, a.waiting = ready, true
	if a.current != nil {
		close(a.current.over)
		a.current = nil
	}
	a.mu.Unlock()

	select {
	case inv := <-a.queue:
		a.mu.Lock()
		a.state, a.waiting, a.current = running, false, inv
		a.mu.Unlock()
		header := w.Header()
		header.Set("Content-Type", "application/json")
		header.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
		header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
		header.Set("Lambda-Runtime-Invoked-Function-Arn", inv.arn)
		header.Set("Lambda-Runtime-Trace-Id", inv.trace)
		_, _ = w.Write(inv.payload)
	case <-r.Context().Done():
		a.mu.Lock()
		a.waiting = false
		a.mu.Unlock()
	}
}

// refuse answers a request that the state does not allow. The caller holds mu.
func (a *api) refuse(w http.ResponseWriter, to state) {
	reply(w, http.StatusForbidden, "InvalidStateTransition",
		fmt.Sprintf("State transition from %s to %s failed for runtime. Error: State transition is not allowed", a.state, to))
}

// accept answers a request that did what it should.
func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write([]byte(`{"status":"OK"}` + "\n"))
}

// reply answers a request with an error.
func reply(w http.ResponseWriter, status int, errorType, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}{message, errorType})
}
