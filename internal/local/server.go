package local

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"path"
	"sync/atomic"
	"time"
)

const (
	runtimeVersion    = "/2018-06-01"
	extensionsVersion = "/2020-01-01"
	credentialsPath   = "/2021-04-23/credentials"
)

// A server is where an environment's runtime and extensions call: one
// listener for all APIs, at the same address through all generations.
type server struct {
	address string // host:port
	http    http.Server
	current atomic.Pointer[generation]
}

// serve starts the API of f on a free port of the loopback interface. Token is
// for the credentials of a snap-start function.
func serve(f Function, token string) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("runtime API: %w", err)
	}
	s := &server{address: listener.Addr().String()}
	s.http.Handler = s.routes(f, token)
	if f.API != nil {
		s.http.Handler = f.API(s.http.Handler)
	}
	s.http.ReadHeaderTimeout = time.Minute
	s.http.ErrorLog = log.New(io.Discard, "", 0)
	// Ends with close; the error only says that it did.
	go func() { _ = s.http.Serve(listener) }()
	return s, nil
}

// close ends the API and all its connections.
func (s *server) close() { _ = s.http.Close() }

// A route is what is done with a request.
type route struct {
	method, path string
	handle       func(*generation, http.ResponseWriter, *http.Request)
}

func (s *server) routes(f Function, token string) http.Handler {
	routes := []route{
		{"GET", runtimeVersion + "/ping", (*generation).ping},
		{"GET", runtimeVersion + "/runtime/invocation/next", (*generation).next},
		{"POST", runtimeVersion + "/runtime/invocation/{id}/response", (*generation).response},
		{"POST", runtimeVersion + "/runtime/invocation/{id}/error", (*generation).invocationError},
		{"POST", runtimeVersion + "/runtime/init/error", (*generation).initError},
		{"POST", extensionsVersion + "/extension/register", (*generation).register},
		{"GET", extensionsVersion + "/extension/event/next", (*generation).agentNext},
		{"POST", extensionsVersion + "/extension/init/error", (*generation).agentInitError},
		{"POST", extensionsVersion + "/extension/exit/error", (*generation).agentExitError},
		{"PUT", telemetryVersion + "/telemetry", (*generation).subscribeTelemetry},
		{"PUT", logsVersion + "/logs", (*generation).subscribeLogs},
	}
	if f.InitType == SnapStart {
		routes = append(routes,
			route{"GET", runtimeVersion + "/runtime/restore/next", (*generation).restoreNext},
			route{"POST", runtimeVersion + "/runtime/restore/error", (*generation).restoreError},
			route{"GET", credentialsPath, credentials(token)},
		)
	}
	mux := http.NewServeMux()
	for _, route := range routes {
		mux.HandleFunc(route.path, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != route.method {
				w.Header().Set("Allow", route.method)
				w.WriteHeader(http.StatusMethodNotAllowed)
				return
			}
			route.handle(s.current.Load(), w, r)
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The mux would redirect to the clean path.
		if r.URL.Path != path.Clean(r.URL.Path) {
			http.NotFound(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (g *generation) ping(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte("pong"))
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
