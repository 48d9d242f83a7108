package local

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
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
	limit, ok := responseLimit(r.Header.Get(modeHeader))
	if !ok {
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
	o := outcome{body: body, contentType: r.Header.Get("Content-Type")}
	if t := r.Trailer.Get(errorTypeHeader); t != "" {
		o.errorType = errorType(t)
		o.streamError, _ = base64.StdEncoding.DecodeString(r.Trailer.Get(errorBodyHeader))
	}
	g.conclude(w, inv, o)
}

// responseLimit returns how large a response of this mode may be, and whether
// there is such a mode.
func responseLimit(mode string) (limit int, ok bool) {
	switch mode {
	case "":
		return maxPayload, true
	case "streaming":
		return maxStream, true
	}
	return 0, false
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
	g.conclude(w, inv, outcome{body: body, errorType: errorType(r.Header.Get(errorTypeHeader))})
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
	g.failRuntime(w, r, "init error", func(header, posted string) string {
		if knownErrorType.MatchString(header) {
			return header
		}
		return or(posted, errorType(header))
	})
}

// failRuntime takes a fault that the runtime reports. Name makes its type from
// what the header has and what the body has.
func (g *generation) failRuntime(w http.ResponseWriter, r *http.Request, what string, name func(header, posted string) string) {
	found := &fault{errorType: "Runtime.Unknown"}
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.fail(found)
	}()
	body, err := readBody(r.Body, maxPayload)
	if err != nil {
		found.message = what + ": " + err.Error()
		replyUnread(w, err, maxPayload)
		return
	}
	var posted struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}
	// A body that is not JSON says no less than the header alone.
	_ = json.Unmarshal(body, &posted)
	found.errorType, found.message, found.body = name(r.Header.Get(errorTypeHeader), posted.Type), posted.Message, body
	accept(w)
}

// claim reserves the current invocation for one answer of the kind to, or
// refuses the request.
func (g *generation) claim(w http.ResponseWriter, id string, to state) *invocation {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := slices.IndexFunc(g.current, func(inv *invocation) bool { return inv.id == id })
	switch {
	case at < 0 && g.late[id]:
		delete(g.late, id)
		replyLate(w)
		return nil
	case at < 0, g.several() && g.current[at].state != running:
		reply(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return nil
	case g.current[at].state != running:
		g.refuse(w, to)
		return nil
	}
	inv := g.current[at]
	inv.state, inv.claimed, inv.responding = to, true, time.Now()
	return inv
}

// settle stores the outcome of an invocation that was claimed, and tells
// whether anybody wants it.
func (g *generation) settle(inv *invocation, o outcome) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if inv.abandoned {
		return false
	}
	inv.state = responded
	inv.outcome, inv.answered = o, time.Since(inv.delivered)
	close(inv.settled)
	if g.several() {
		g.finish(inv)
	}
	g.note()
	return true
}

// conclude is settle for an answer that is as it should be, and replies.
func (g *generation) conclude(w http.ResponseWriter, inv *invocation, o outcome) {
	if g.settle(inv, o) {
		accept(w)
	} else {
		replyLate(w)
	}
}

// replyLate answers a runtime that answers after the timeout, as it can on
// Managed Instances only.
func replyLate(w http.ResponseWriter) {
	reply(w, http.StatusGone, "InvokeTimeout", "Invoke timeout")
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
