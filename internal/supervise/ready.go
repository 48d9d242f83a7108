package supervise

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/graft-lambda/graft/inject/fragment"
)

const (
	// readyPoll is the pause between two looks at a program. The function's
	// start waits for them.
	readyPoll = 5 * time.Millisecond
	// readyTry bounds one look: a program that is about to start may take a
	// connection and never answer on it.
	readyTry = 500 * time.Millisecond
)

// awaitReady returns when the program is ready, cannot be, or has had its time.
func (r *run) awaitReady() {
	ctx, cancel := context.WithTimeout(r.stop, r.Timeout)
	defer cancel()
	probe := r.probe()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for !probe(ctx) {
		select {
		case <-tick.C:
		case <-r.settled:
			return
		case <-ctx.Done():
			if r.stop.Err() == nil {
				r.say("%s: not ready (%s) after %v: going on without waiting", r.Name, r.Ready.By, r.Timeout)
			}
			return
		}
	}
}

// probe returns what looks once whether the program is ready.
func (r *run) probe() func(context.Context) bool {
	switch target := r.Ready.Target; r.Ready.By {
	case fragment.ReadyTCP:
		return func(ctx context.Context) bool { return connects(ctx, target) }
	case fragment.ReadyHTTP:
		return func(ctx context.Context) bool { return answers(ctx, target) }
	case fragment.ReadyFile:
		return func(context.Context) bool { return r.changed(target) }
	case fragment.ReadyExit:
		// See settled.
		return func(context.Context) bool { return false }
	}
	return func(context.Context) bool { return true }
}

func connects(ctx context.Context, address string) bool {
	d := net.Dialer{Timeout: readyTry}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// readyClient asks the program itself, no proxy, and takes its first answer.
var readyClient = http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func answers(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, readyTry)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := readyClient.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, 4<<10)
	return res.StatusCode >= 200 && res.StatusCode <= 299
}

// changed reports whether a file is there that was not before the start.
func (r *run) changed(path string) bool {
	now, err := os.Stat(path)
	if err != nil {
		return false
	}
	return r.before == nil || !os.SameFile(r.before, now) || !now.ModTime().Equal(r.before.ModTime()) || now.Size() != r.before.Size()
}
