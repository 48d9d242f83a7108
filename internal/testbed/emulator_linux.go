package testbed

import (
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// An Emulator is AWS's Runtime Interface Emulator, to be started by the test
// on two ports of loopback: its program, then Options, then the function's.
type Emulator struct {
	Program string
	url     string // takes invocations
	invokes string
	api     string
}

// NeedEmulator returns one whose ports are its own. A test that cannot have it
// is skipped.
func NeedEmulator(t testing.TB, b *Bed) *Emulator {
	t.Helper()
	program, err := b.RIE(t.Context())
	NeedErr(t, err)
	invokes := "127.0.0.1:" + FreePort(t)
	return &Emulator{
		Program: program,
		url:     "http://" + invokes + "/2015-03-31/functions/function/invocations",
		invokes: invokes, api: "127.0.0.1:" + FreePort(t),
	}
}

// Options are what the emulator is never started without: else it listens on
// every interface.
func (e *Emulator) Options() []string {
	return []string{"--runtime-interface-emulator-address", e.invokes, "--runtime-api-address", e.api}
}

// Await returns when the emulator listens at both addresses. It may take an
// invocation before its API listens, which what is then started does not find.
func (e *Emulator) Await(ctx context.Context) error {
	for _, address := range []string{e.invokes, e.api} {
		if err := await(ctx, address); err != nil {
			return err
		}
	}
	return nil
}

// Invoke awaits the emulator, invokes the function once and returns the
// answer's body. The header is that of the request.
func (e *Emulator) Invoke(ctx context.Context, event string, header http.Header) (body string, err error) {
	if err := e.Await(ctx); err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, strings.NewReader(event))
	if err != nil {
		return "", err
	}
	maps.Copy(req.Header, header)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	return string(answer), err
}

// await returns when somebody listens.
func await(ctx context.Context, address string) error {
	const step = 10 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
