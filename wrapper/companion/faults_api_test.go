//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
)

// The calls of the API that can be broken.
const (
	toRegister  = "/extension/register"
	toNext      = "/event/next"
	toSubscribe = "/telemetry"
)

// breaks says how a call of the API is broken.
type breaks struct {
	call string
	// times is how often it is; forever: always.
	times int
	// with answers in Lambda's place.
	with func(lambda http.Handler, w http.ResponseWriter, r *http.Request)
	// taken says that Lambda has got the call: only its answer is lost.
	taken bool
	// well says that the answer is a good one, only late or other.
	well bool
}

const forever = 1 << 30

// instead is an answer that is none of Lambda's.
func instead(answer reply) func(http.Handler, http.ResponseWriter, *http.Request) {
	return func(_ http.Handler, w http.ResponseWriter, r *http.Request) { answer(w, r) }
}

// slowly is Lambda's answer, late.
func slowly(lambda http.Handler, w http.ResponseWriter, r *http.Request) {
	slow(lambda.ServeHTTP)(w, r)
}

// changed is Lambda's answer with old replaced.
func changed(old, new string) func(http.Handler, http.ResponseWriter, *http.Request) {
	return func(lambda http.Handler, w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		lambda.ServeHTTP(answer, r)
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = io.WriteString(w, strings.Replace(answer.Body.String(), old, new, 1))
	}
}

// stand stands between the companion and the API.
func (r *trial) stand(lambda http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if strings.HasSuffix(q.URL.Path, toSubscribe) {
			r.note(q)
		}
		b := r.fault.breaks
		if b.call == "" || !strings.HasSuffix(q.URL.Path, b.call) {
			lambda.ServeHTTP(w, q)
			return
		}
		r.mu.Lock()
		n := len(r.broken)
		if n < b.times {
			r.broken = append(r.broken, time.Now())
		}
		r.mu.Unlock()
		if n >= b.times {
			lambda.ServeHTTP(w, q)
			return
		}
		if b.taken && n == 0 {
			go take(lambda, q, b.times)
		}
		b.with(lambda, w, q)
	})
}

// take has Lambda get calls whose answers nobody does.
func take(lambda http.Handler, q *http.Request, times int) {
	// It breaks off calls when the environment ends.
	defer func() { _ = recover() }()
	for range times {
		answer := httptest.NewRecorder()
		lambda.ServeHTTP(answer, q.Clone(q.Context()))
		if answer.Code != http.StatusOK {
			return
		}
	}
}

// note keeps where the telemetry goes.
func (r *trial) note(q *http.Request) {
	text, _ := io.ReadAll(q.Body)
	q.Body = io.NopCloser(bytes.NewReader(text))
	var asked struct{ Destination struct{ URI string } }
	_ = json.Unmarshal(text, &asked)
	if to, err := url.Parse(asked.Destination.URI); err == nil {
		r.mu.Lock()
		r.port = to.Port()
		r.mu.Unlock()
	}
}

// paced makes sure that calls that go wrong for ever are made more and more
// rarely, and a subscription once only.
func (r *trial) paced() {
	if b := r.fault.breaks; b.times == forever && b.call == toNext && !b.well {
		eventually(r.T, func() bool { return len(r.calls()) > 5 }, "it goes on asking")
	}
	calls := r.calls()
	if r.fault.breaks.well {
		return
	}
	if r.fault.breaks.call == toSubscribe {
		assert.LessOrEqual(r, len(calls), 1)
	}
	if r.fault.punished && !r.forked {
		return // each init is another companion
	}
	// Where a connection ends that it had, net/http itself asks again, once.
	again := r.fault.breaks.call == toNext && len(calls) > 1 && spaced(calls[1:])
	assert.True(r, again || spaced(calls), "calls at %v", calls)
}

// spaced reports whether calls are as far apart as they must be at least.
func spaced(calls []time.Time) bool {
	for i := 1; i < len(calls); i++ {
		if calls[i].Sub(calls[i-1]) < min(firstDelay<<min(i-1, 10), mostDelay) {
			return false
		}
	}
	return true
}

func (r *trial) calls() []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]time.Time(nil), r.broken...)
}

// patience shortens what Lambda waits for a companion that cannot register.
func patience(r *trial) {
	if !r.forked {
		r.InitTimeout, r.Timeout = 300*time.Millisecond, 300*time.Millisecond
	}
}

var apiFaults = func() (faults []fault) {
	forbidden, failing, garbage := refuse(403, "Forbidden"), refuse(500, "ServiceError"), status(200, "<html>")
	for _, call := range []struct{ name, path string }{{"register", toRegister}, {"next", toNext}} {
		for _, c := range []struct {
			name string
			with func(http.Handler, http.ResponseWriter, *http.Request)
		}{
			{"hangs up", instead(hangUp)}, {"answers 403", instead(forbidden)},
			{"answers 500", instead(failing)}, {"answers garbage", instead(garbage)},
		} {
			faults = append(faults, fault{name: call.name + " " + c.name + ", three times", breaks: breaks{call: call.path, times: 3, with: c.with}})
			last := fault{name: call.name + " " + c.name + ", for ever", breaks: breaks{call: call.path, times: forever, with: c.with}}
			if call.path == toRegister {
				last.before, last.punished, last.telemetry = patience, true, none
			} else {
				last.breaks.taken = true
			}
			faults = append(faults, last)
		}
		faults = append(faults, fault{name: call.name + " is slow", breaks: breaks{call: call.path, times: forever, with: slowly, well: true}})
	}
	faults = append(faults,
		fault{name: "API unreachable, for ever", launch: "AWS_LAMBDA_RUNTIME_API=127.0.0.1:1", before: patience, punished: true, telemetry: none},
		fault{name: "connection breaks in next", breaks: breaks{call: toNext, times: 1, with: instead(hangUp), taken: true}},
		fault{name: "event of an unknown type", breaks: breaks{call: toNext, times: 3, with: instead(status(200, `{"eventType":"RESTORE","x":[]}`))}},
		fault{name: "unknown reason of the shutdown", breaks: breaks{call: toNext, times: forever, with: changed(`"spindown"`, `"Zugzwang"`), well: true}},
		fault{name: "subscription is slow", breaks: breaks{call: toSubscribe, times: forever, with: slowly, well: true}},
		fault{name: "subscription never answered", breaks: breaks{call: toSubscribe, times: forever, with: instead(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })}, telemetry: none},
	)
	for _, c := range []struct {
		name   string
		answer reply
	}{
		{"hangs up", hangUp}, {"answers 202: none here", status(202, `{}`)}, {"answers 400", refuse(400, "ValidationError")},
		{"answers 403", forbidden}, {"answers 500", failing}, {"answers garbage", garbage},
	} {
		faults = append(faults, fault{name: "subscription " + c.name, breaks: breaks{call: toSubscribe, times: forever, with: instead(c.answer)}, telemetry: none})
	}
	return faults
}()
