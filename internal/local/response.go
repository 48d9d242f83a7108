package local

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
)

const (
	// maxPayload is Lambda's limit for an event, a response, an error: 6 MiB and a little.
	maxPayload = 6<<20 + 100
	// maxStream is its limit for a streamed response.
	maxStream = 200 << 20

	errorTypeHeader = "Lambda-Runtime-Function-Error-Type"
	errorBodyHeader = "Lambda-Runtime-Function-Error-Body"
	modeHeader      = "Lambda-Runtime-Function-Response-Mode"
)

var (
	errTooLarge    = errors.New("too large")
	knownErrorType = regexp.MustCompile(`^(Runtime|Function)\.[A-Z][a-zA-Z]+$`)
)

// response takes what the function returned.
func (g *generation) response(w http.ResponseWriter, r *http.Request) {
	inv := g.claim(w, r.PathValue("id"), responding)
	if inv == nil {
		return
	}
	limit := maxPayload
	switch mode := r.Header.Get(modeHeader); mode {
	case "":
	case "streaming":
		limit = maxStream
	default:
		g.settle(inv, inv.failure("Runtime.InvalidResponseModeHeader", "Invalid function response mode"))
		reply(w, http.StatusBadRequest, "InvalidFunctionResponseMode", "Invalid function response mode")
		return
	}
	body, err := readBody(r.Body, limit)
	if err != nil {
		g.settle(inv, inv.unread(err, limit))
		replyUnread(w, err, limit)
		return
	}
	o := outcome{body: body}
	if t := r.Trailer.Get(errorTypeHeader); t != "" {
		o.errorType = errorType(t)
		o.streamError, _ = base64.StdEncoding.DecodeString(r.Trailer.Get(errorBodyHeader))
	}
	g.settle(inv, o)
	accept(w)
}

// invocationError takes the error that the function ended with.
func (g *generation) invocationError(w http.ResponseWriter, r *http.Request) {
	inv := g.claim(w, r.PathValue("id"), failing)
	if inv == nil {
		return
	}
	body, err := readBody(r.Body, maxPayload)
	if err != nil {
		g.settle(inv, inv.unread(err, maxPayload))
		replyUnread(w, err, maxPayload)
		return
	}
	g.settle(inv, outcome{body: body, errorType: errorType(r.Header.Get(errorTypeHeader))})
	accept(w)
}

// initError takes the error that the runtime could not start with.
func (g *generation) initError(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	if g.state != started {
		g.refuse(w, initFailed)
		g.mu.Unlock()
		return
	}
	g.state = initFailed
	g.mu.Unlock()
	body, err := readBody(r.Body, maxPayload)
	if err != nil {
		g.failInit(&fault{errorType: "Runtime.Unknown", message: "init error: " + err.Error()})
		replyUnread(w, err, maxPayload)
		return
	}
	var posted struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}
	// A body that is not JSON says no less than the header alone.
	_ = json.Unmarshal(body, &posted)
	name := r.Header.Get(errorTypeHeader)
	if !knownErrorType.MatchString(name) {
		name = or(posted.Type, errorType(name))
	}
	g.failInit(&fault{errorType: name, message: posted.Message, body: body})
	accept(w)
}

// failInit is fail for what the runtime itself reported.
func (g *generation) failInit(f *fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fail(f)
}

// claim reserves the current invocation for one answer of the kind to, or
// refuses the request.
func (g *generation) claim(w http.ResponseWriter, id string, to state) *invocation {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.current == nil || g.current.id != id {
		reply(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return nil
	}
	if g.state != running {
		g.refuse(w, to)
		return nil
	}
	g.state = to
	g.current.claimed, g.current.responding = true, time.Now()
	return g.current
}

// settle stores the outcome of an invocation that was claimed.
func (g *generation) settle(inv *invocation, o outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state = responded
	inv.outcome, inv.answered = o, time.Since(inv.delivered)
	close(inv.settled)
	g.note()
}

// claimed tells whether the runtime has begun to answer inv.
func (g *generation) claimed(inv *invocation) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return inv.claimed
}

// readBody reads at most limit bytes. What is too large is read on for a
// while, so that the client gets to see the answer.
func readBody(body io.Reader, limit int) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(body, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(b) > limit {
		_, _ = io.CopyN(io.Discard, body, maxStream)
		return nil, errTooLarge
	}
	return b, nil
}

// replyUnread answers a request whose body readBody could not read.
func replyUnread(w http.ResponseWriter, err error, limit int) {
	if errors.Is(err, errTooLarge) {
		reply(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", limit))
		return
	}
	reply(w, http.StatusBadRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated")
}

// errorType returns t as Lambda reports it: what it does not know it does not repeat.
func errorType(t string) string {
	switch {
	case knownErrorType.MatchString(t):
		return t
	case strings.HasPrefix(t, "Function."):
		return "Function.Unknown"
	default:
		return "Runtime.Unknown"
	}
}
