package secretsapi

import (
	"container/list"
	"sync"
	"time"
)

// maxCacheBytes bounds what the cache holds: a thousand answers of the largest
// secret would be more than half of the smallest function's memory.
const maxCacheBytes = 16 << 20

// entryBytes is counted for each answer beside its own bytes.
const entryBytes = 256

// A cache keeps the answers that were used last, each for a time.
type cache struct {
	mu       sync.Mutex
	most     int // answers
	bytes    int // that all of them take
	order    list.List
	elements map[query]*list.Element
}

type entry struct {
	query query
	body  []byte
	// The wall clock at which it was asked for, and at which it is too old.
	from, until time.Time
}

func (e *entry) size() int {
	return len(e.body) + len(e.query.name) + len(e.query.version) + len(e.query.stage) + entryBytes
}

func newCache(most int) *cache {
	return &cache{most: most, elements: map[query]*list.Element{}}
}

// get returns the answer to q, if there is one that is not too old at now. After
// the clock was put back an answer may come from the future: it is too old.
func (c *cache) get(q query, now time.Time) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.elements[q]
	if !ok {
		return nil, false
	}
	e := el.Value.(*entry)
	if now.Before(e.from) || !now.Before(e.until) {
		c.remove(el)
		return nil, false
	}
	c.order.MoveToFront(el)
	return e.body, true
}

// put keeps an answer to q, asked for at now, for ttl. The body must not change.
func (c *cache) put(q query, body []byte, now time.Time, ttl time.Duration) {
	e := &entry{query: q, body: body, from: now, until: now.Add(ttl)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.elements[q]; ok {
		c.remove(el)
	}
	if c.most == 0 || ttl <= 0 || e.size() > maxCacheBytes {
		return
	}
	c.elements[q] = c.order.PushFront(e)
	c.bytes += e.size()
	for len(c.elements) > c.most || c.bytes > maxCacheBytes {
		c.remove(c.order.Back())
	}
}

// drop forgets everything.
func (c *cache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.order.Init()
	clear(c.elements)
	c.bytes = 0
}

func (c *cache) remove(el *list.Element) {
	e := c.order.Remove(el).(*entry)
	delete(c.elements, e.query)
	c.bytes -= e.size()
}
