package testbed

import (
	"bytes"
	"sync"
)

// A Journal keeps what several processes or goroutines write to it, the last
// megabyte at least. The zero value is empty and ready to use.
type Journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write never fails.
func (j *Journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.text.Len() > 2<<20 {
		j.text.Next(1 << 20)
	}
	return j.text.Write(p)
}

// String is what was written so far.
func (j *Journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
