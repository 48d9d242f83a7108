package receiver

import (
	"bufio"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
)

var errTooLarge = errors.New("body too large")

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()

	mux.HandleFunc("POST /v1/traces", s.decoded(otlpTraces))
	mux.HandleFunc("POST /v1/metrics", drained)
	mux.HandleFunc("POST /v1/logs", drained)

	mux.HandleFunc("GET /{$}", answer(`{"version":"8.17.0","build_sha":"0","build_date":"2025-01-01T00:00:00Z"}`))
	mux.HandleFunc("/config/v1/agents", agentConfig)
	mux.HandleFunc("POST /register/transaction", drained)
	mux.HandleFunc("POST /intake/v2/events", s.elasticEvents)

	mux.HandleFunc("GET /info", answer(`{"version":"7.60.0","endpoints":["/v0.4/traces","/v0.5/traces"],"client_drop_p0s":false}`))
	for _, method := range []string{"PUT", "POST"} {
		mux.HandleFunc(method+" /v0.4/traces", s.decoded(datadogV04))
		mux.HandleFunc(method+" /v0.5/traces", s.decoded(datadogV05))
		mux.HandleFunc(method+" /v0.6/stats", drained)
	}
	mux.HandleFunc("POST /v0.7/config", drained)
	mux.HandleFunc("POST /telemetry/proxy/api/v2/apmtelemetry", drained)

	mux.HandleFunc("POST /lambda/start-invocation", drained)
	mux.HandleFunc("POST /lambda/end-invocation", s.datadogEnd)

	mux.HandleFunc("POST /api/{project}/envelope/", s.decoded(sentryEnvelope))
	return mux
}

// decoded reads a whole request, keeps the spans that decode finds in it, and
// answers in the request's own kind of content.
func (s *Server) decoded(decode func(kind string, body []byte) ([]Span, []byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		kind := r.Header.Get("Content-Type")
		body, err := plain(w, r)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		all, err := io.ReadAll(body)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		spans, reply, err := decode(kind, all)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		s.keep(spans)
		w.Header().Set("Content-Type", kind)
		if reply != nil && reply[0] == '{' {
			w.Header().Set("Content-Type", "application/json")
		}
		_, _ = w.Write(reply)
	}
}

func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	s.fail(fmt.Errorf("receiver: %s %s: %w", r.Method, r.URL.Path, err))
	status := http.StatusBadRequest
	if tooLarge := new(http.MaxBytesError); errors.Is(err, errTooLarge) || errors.As(err, &tooLarge) {
		status = http.StatusRequestEntityTooLarge
	}
	http.Error(w, err.Error(), status)
}

// plain is a request's body, decompressed and bounded.
func plain(w http.ResponseWriter, r *http.Request) (*bufio.Reader, error) {
	var body io.Reader = http.MaxBytesReader(w, r.Body, maxBody)
	var err error
	switch coding := r.Header.Get("Content-Encoding"); coding {
	case "", "identity":
	case "gzip":
		body, err = gzip.NewReader(bufio.NewReader(body))
	case "deflate":
		body, err = zlib.NewReader(bufio.NewReader(body))
	default:
		err = fmt.Errorf("content encoding %q: unknown", coding)
	}
	if err != nil {
		return nil, err
	}
	return bufio.NewReader(&bounded{body, maxPlain}), nil
}

// bounded fails where an io.LimitReader would end: a cut body must not pass
// for a whole one.
type bounded struct {
	from io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.from.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}
}

// drained takes what this package does not look at.
func drained(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer("{}")(w, r)
}

// agentConfig answers as an APM server without central configuration; the age
// keeps agents from asking again during a test.
func agentConfig(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=3600")
	w.Header().Set("Etag", `"none"`)
	drained(w, r)
}
