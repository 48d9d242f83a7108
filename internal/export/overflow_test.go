package export

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/graft-lambda/graft/internal/telemetry"
)

// A doubtful exporter waits before it takes its first batch.
type doubtful struct {
	entered, release chan struct{}
	once             *sync.Once
}

func (doubtful) Name() string      { return "x" }
func (doubtful) Wants(string) bool { return true }
func (d doubtful) Export(context.Context, []telemetry.Event) error {
	d.once.Do(func() {
		close(d.entered)
		<-d.release
	})
	return nil
}

// TestOverflowIsSaid: as soon as the queue is empty again, not only at the end.
func TestOverflowIsSaid(t *testing.T) {
	d := doubtful{make(chan struct{}), make(chan struct{}), new(sync.Once)}
	lines := make(chan string, 10)
	p := New(Config{Limits: Limits{Items: 10, BatchItems: 5}, Log: func(line string) { lines <- line }}, d)
	p.Add(make([]telemetry.Event, 5))
	<-d.entered
	p.Add(make([]telemetry.Event, 13))
	close(d.release)
	assert.Equal(t, "telemetry: x: 3 events dropped: the queue was full", <-lines)
	assert.Equal(t, uint64(3), p.Close(t.Context())[0].Overflow)
	assert.Empty(t, lines, "said once")
}

// A nameless exporter panics where only its lane is there to catch it.
type nameless struct{ doubtful }

func (nameless) Name() string                                    { return "x" }
func (nameless) Export(context.Context, []telemetry.Event) error { return &hollow{} }

// hollow is an error that panics.
type hollow struct{}

func (*hollow) Error() string { return "x" }
func (*hollow) As(any) bool   { panic("s3cret") }

// TestLanePanics: the process goes on, and what the lane had is counted.
func TestLanePanics(t *testing.T) {
	lines := make(chan string, 10)
	p := New(Config{Limits: Limits{BatchItems: 1}, Log: func(line string) { lines <- line }}, nameless{})
	p.Add(make([]telemetry.Event, 1))
	assert.Equal(t, "telemetry: x: internal error, please report it (a panic of type string)", <-lines)
	p.Add(make([]telemetry.Event, 1))
	assert.Equal(t, uint64(2), p.Close(t.Context())[0].Unsent)
}
