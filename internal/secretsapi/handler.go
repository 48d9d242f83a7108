package secretsapi

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/graft-lambda/graft/internal/guard"
)

// TokenHeader is the header with the token that only the function's own code
// sends. A request that other software in it was tricked into lacks it.
const TokenHeader = "X-Aws-Parameters-Secrets-Token"

// errorText is the whole answer of AWS's extension when a service refuses.
const errorText = "an unexpected error occurred while executing request"

// A Handler answers as AWS's extension does. Make one with [New].
type Handler struct {
	settings Settings
	now      func() time.Time
	say      func(line string)
	pause    *pause // nil where there is no snapshot
	cache    *cache
	fetcher  *fetcher
}

// New returns a handler. It calls connect when it first needs the services, and
// again after it has found that the environment stood still; now for the wall
// clock; and say with each line that it logs. It calls them from several
// goroutines.
func New(s Settings, connect func(context.Context) (Service, error), now func() time.Time, say func(line string)) *Handler {
	h := &Handler{
		settings: s, say: say,
		// Without the monotonic clock, which stands still with the environment.
		now:     func() time.Time { return now().Round(0) },
		cache:   newCache(s.CacheSize),
		fetcher: newFetcher(s.MaxConnections, connect),
	}
	if s.SnapStart {
		h.pause = &pause{last: h.now()}
	}
	return h
}

// Tick tells the handler that time goes by. It wants to be called once in each
// [Tick].
//
// Nothing tells an extension's program that the environment was restored from a
// snapshot. So where that can be, a clock that jumps means it: all that was
// kept is dropped, and new connections and credentials are made. A freeze looks
// the same, and has the same effect.
func (h *Handler) Tick() {
	if h.pause == nil || !h.pause.seen(h.now()) {
		return
	}
	h.fetcher.forget()
	h.cache.drop()
	h.log(Info, "the environment stood still: the cache is empty")
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.Tick()
	var status int
	var body []byte
	if err := guard.Call(func() (err error) {
		status, body = h.answer(r)
		return nil
	}); err != nil {
		h.log(Error, "%v", err)
		status, body = http.StatusInternalServerError, []byte(errorText)
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	if status != http.StatusOK {
		header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	if status == http.StatusMethodNotAllowed {
		header.Set("Allow", http.MethodGet)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a function that has gone cannot be told
}

// answer returns status and body for a request. A body that is no JSON is text for
// people.
func (h *Handler) answer(r *http.Request) (status int, body []byte) {
	var k kind
	switch strings.TrimSuffix(r.URL.Path, "/") {
	case "/systemsmanager/parameters/get":
		k = parameter
	case "/secretsmanager/get":
		k = secret
	default:
		return h.refuse(http.StatusNotFound, "there is nothing at this path")
	}
	if r.Method != http.MethodGet {
		return h.refuse(http.StatusMethodNotAllowed, "only GET")
	}
	if !h.known(r.Header.Get(TokenHeader)) {
		return h.refuse(http.StatusUnauthorized, TokenHeader+" is missing or wrong")
	}
	q, err := k.parse(r.URL.RawQuery)
	if err != nil {
		return h.refuse(http.StatusBadRequest, err.Error())
	}
	body, err = h.get(r.Context(), q)
	if err != nil {
		h.log(Error, "%s %q: %s", q.kind, q.name, reason(err, q, h.settings.Region))
		return http.StatusBadRequest, []byte(errorText)
	}
	return http.StatusOK, body
}

func (h *Handler) refuse(status int, text string) (int, []byte) {
	h.log(Warn, "a request was refused: %s", text)
	return status, []byte(text)
}

// get returns the answer to q from the cache or the service. Without a cache every
// request is a call of its own, since a call under way may have missed a write
// that came before the request.
func (h *Handler) get(ctx context.Context, q query) ([]byte, error) {
	now, ttl, limit := h.now(), h.settings.ttl(q.kind), h.settings.timeout(q.kind)
	if ttl == 0 {
		h.log(Debug, "%s %q: asked for, not kept", q.kind, q.name)
		return h.fetcher.fetch(ctx, q, limit)
	}
	if body, ok := h.cache.get(q, now); ok {
		h.log(Debug, "%s %q: kept", q.kind, q.name)
		return body, nil
	}
	h.log(Debug, "%s %q: asked for", q.kind, q.name)
	return h.fetcher.share(ctx, q, limit, func(body []byte) { h.cache.put(q, body, now, ttl) })
}

// known compares a token without telling by the time it takes.
func (h *Handler) known(token string) bool {
	found := 0
	for _, t := range h.settings.Tokens {
		found |= subtle.ConstantTimeCompare([]byte(t), []byte(token))
	}
	return found == 1 && token != ""
}

func (h *Handler) log(l Level, format string, args ...any) {
	if l <= h.settings.Level {
		h.say(fmt.Sprintf(format, args...))
	}
}
