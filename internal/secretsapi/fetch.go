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

	mu      sync.Mutex
	service Service // nil until it is needed
	flights map[query]*flight
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

// connected returns the service, connected anew if it was given up.
func (f *fetcher) connected(ctx context.Context) (Service, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.service == nil {
		s, err := f.connect(ctx)
		if err != nil {
			return nil, err
		}
		if s == nil {
			return nil, errors.New("no service")
		}
		f.service = s
	}
	return f.service, nil
}

// forget gives up the service with its connections and credentials, and the calls
// under way: only those who wait for them already have their answers.
func (f *fetcher) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.service = nil
	clear(f.flights)
}
