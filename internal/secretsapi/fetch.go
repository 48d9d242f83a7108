package secretsapi

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/graft-lambda/graft/internal/guard"
)

// A fetcher asks the services, in as many calls at once as there may be
// connections.
type fetcher struct {
	connect func(context.Context) (Service, error)
	turns   chan struct{}

	mu         sync.Mutex
	service    Service     // nil until it is needed
	connection *connection // nil if none is under way
	flights    map[query]*flight
}

// A connection is the services on the way. What came of it may be read when done
// is closed.
type connection struct {
	done    chan struct{}
	service Service
	err     error
	// stale is set if the environment has stood still since. The fetcher's lock
	// guards it.
	stale bool
}

// A flight is a call under way. Its fields may be read when done is closed.
type flight struct {
	done chan struct{}
	body []byte
	err  error
}

func newFetcher(connections int, connect func(context.Context) (Service, error)) *fetcher {
	return &fetcher{connect: connect, turns: make(chan struct{}, connections), flights: map[query]*flight{}}
}

// share waits for the answer to q, in the call that is under way if there is one.
// keep is called with an answer that has come. When ctx is done the call goes on:
// whoever asks next has its answer.
func (f *fetcher) share(ctx context.Context, q query, limit time.Duration, keep func(body []byte)) ([]byte, error) {
	f.mu.Lock()
	fl, ok := f.flights[q]
	if !ok {
		fl = &flight{done: make(chan struct{})}
		f.flights[q] = fl
		go f.fly(context.WithoutCancel(ctx), fl, q, limit, keep)
	}
	f.mu.Unlock()
	select {
	case <-fl.done:
		return fl.body, fl.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fly makes the call of a flight.
func (f *fetcher) fly(ctx context.Context, fl *flight, q query, limit time.Duration, keep func(body []byte)) {
	defer close(fl.done)
	fl.body, fl.err = f.fetch(ctx, q, limit)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.flights[q] != fl {
		return // asked for before a snapshot
	}
	delete(f.flights, q)
	if fl.err == nil {
		keep(fl.body)
	}
}

// fetch asks for q, in its turn, and takes no longer than limit.
func (f *fetcher) fetch(ctx context.Context, q query, limit time.Duration) (body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case f.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-f.turns }()
	err = guard.Call(func() error {
		s, err := f.connected(ctx)
		if err != nil {
			return err
		}
		body, err = ask(ctx, s, q)
		return err
	})
	return body, err
}

// connected returns the service, connected anew if it was given up. What
// connects may hang, as a file of a file system that is gone does: it does so
// alone and once, and nobody waits for it longer than ctx lasts.
func (f *fetcher) connected(ctx context.Context) (Service, error) {
	for {
		f.mu.Lock()
		s, c := f.service, f.connection
		if s == nil && c == nil {
			c = &connection{done: make(chan struct{})}
			f.connection = c
			go f.dial(context.WithoutCancel(ctx), c)
		}
		stale := c != nil && c.stale
		f.mu.Unlock()
		if s != nil {
			return s, nil
		}
		select {
		case <-c.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if !stale {
			return c.service, c.err
		}
	}
}

// dial makes a connection.
func (f *fetcher) dial(ctx context.Context, c *connection) {
	defer close(c.done)
	ctx, cancel := context.WithTimeout(ctx, unlimited)
	defer cancel()
	c.err = guard.Call(func() (err error) {
		if c.service, err = f.connect(ctx); err == nil && c.service == nil {
			err = errors.New("no service")
		}
		return err
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.connection = nil
	if c.err == nil && !c.stale {
		f.service = c.service
	}
}

// forget gives up the service with its connections and credentials, and the calls
// under way: only those who wait for them already have their answers.
func (f *fetcher) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.service = nil
	if f.connection != nil {
		f.connection.stale = true
	}
	clear(f.flights)
}
