package telemetry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/graft-lambda/graft/internal/guard"
)

// SandboxHost is the only host that Lambda delivers to.
const SandboxHost = "sandbox.localdomain"

// Limits of a listener.
const (
	// DefaultMaxBody bounds one delivery, in bytes. Lambda sends at most twice
	// the subscription's maxBytes, and some metadata.
	DefaultMaxBody = 4 << 20
	// maxDrained is how much of a body that is too large is still read, in
	// bytes, so that its sender gets to see the answer.
	maxDrained    = 64 << 20
	resolveWithin = time.Second
	lineEvery     = time.Minute
	keepBuffer    = 1 << 20
)

// A Receiver says how to listen. Accept is required.
type Receiver struct {
	// Accept takes the events of one delivery, in order. It must not block:
	// Lambda waits for the answer. Events that came without a time have the
	// time of arrival.
	Accept func([]Event)
	// Log takes lines about deliveries that could not be used, a few a minute.
	Log func(line string)
	// Own knows the program's own lines, which are left out.
	Own Own
	// MaxBody bounds one delivery, in bytes; 0 is DefaultMaxBody.
	MaxBody int64
	// Resolve looks up SandboxHost; nil asks the system.
	Resolve func(ctx context.Context, host string) ([]string, error)
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// Intake counts what a listener has seen.
type Intake struct {
	Batches   uint64 // deliveries that were answered with 200
	Accepted  uint64 // events handed on
	Own       uint64 // the program's own lines, left out
	Skipped   uint64 // elements of a batch that are no events
	Malformed uint64 // deliveries that are no batch
	TooLarge  uint64 // deliveries over the limit
}

// A Listener is the HTTP server that Lambda delivers events to.
type Listener struct {
	cfg    Receiver
	server *http.Server
	port   int
	addr   net.Addr
	done   chan struct{}
	lines  *Throttle
	bodies sync.Pool

	batches, accepted, own, skipped, malformed, tooLarge atomic.Uint64
}

// Listen starts to listen on a free port, of SandboxHost where that name has an
// address of this machine, else of 127.0.0.1.
func Listen(ctx context.Context, cfg Receiver) (*Listener, error) {
	if cfg.MaxBody == 0 {
		cfg.MaxBody = DefaultMaxBody
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Resolve == nil {
		cfg.Resolve = net.DefaultResolver.LookupHost
	}
	socket, err := bind(ctx, cfg.Resolve)
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	l := &Listener{
		cfg:    cfg,
		addr:   socket.Addr(),
		port:   socket.Addr().(*net.TCPAddr).Port,
		done:   make(chan struct{}),
		lines:  NewThrottle(cfg.Log, lineEvery, cfg.Now),
		bodies: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
	// No time limits: after a freeze every one of them would have run out, and
	// cut off a delivery that is perfectly well.
	l.server = &http.Server{
		Handler:        http.HandlerFunc(l.serve),
		MaxHeaderBytes: 64 << 10,
		ErrorLog: log.New(writer(func(line string) {
			l.lines.Say("server", "telemetry: listener: "+line)
		}), "", 0),
	}
	go func() {
		defer close(l.done)
		err := guard.Call(func() error { return l.server.Serve(socket) })
		if !errors.Is(err, http.ErrServerClosed) {
			l.lines.Say("stopped", "telemetry: listener: "+err.Error())
		}
	}()
	return l, nil
}

// bind never takes the unspecified address: only this environment is to reach
// the listener.
func bind(ctx context.Context, resolve func(context.Context, string) ([]string, error)) (net.Listener, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveWithin)
	defer cancel()
	hosts, _ := resolve(ctx, SandboxHost)
	for _, host := range hosts {
		ip := net.ParseIP(host)
		if ip == nil || ip.IsUnspecified() || ip.IsMulticast() {
			continue
		}
		if socket, err := net.Listen("tcp", net.JoinHostPort(host, "0")); err == nil {
			return socket, nil
		}
	}
	return net.Listen("tcp4", "127.0.0.1:0")
}

// URI is the destination to subscribe with.
func (l *Listener) URI() string {
	return "http://" + net.JoinHostPort(SandboxHost, strconv.Itoa(l.port)) + "/"
}

// Addr is the address that the listener is bound to.
func (l *Listener) Addr() net.Addr { return l.addr }

// Counts is what the listener has seen so far.
func (l *Listener) Counts() Intake {
	return Intake{
		Batches: l.batches.Load(), Accepted: l.accepted.Load(), Own: l.own.Load(),
		Skipped: l.skipped.Load(), Malformed: l.malformed.Load(), TooLarge: l.tooLarge.Load(),
	}
}

// Drain takes no new deliveries and waits for those under way, until ctx ends.
func (l *Listener) Drain(ctx context.Context) error {
	if err := l.server.Shutdown(ctx); err != nil {
		return fmt.Errorf("telemetry: listener: %w", err)
	}
	<-l.done
	return nil
}

// Close ends the listener and every delivery under way. It may follow Drain.
func (l *Listener) Close() error {
	err := l.server.Close()
	<-l.done
	return err
}

// writer makes lines of what a log.Logger writes.
type writer func(line string)

func (w writer) Write(text []byte) (int, error) {
	w(strings.TrimSpace(string(text)))
	return len(text), nil
}
