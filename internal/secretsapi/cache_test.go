package secretsapi

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestCache(t *testing.T) {
	named := func(name string) query { return query{kind: secret, name: name} }
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

	c := newCache(2)
	c.put(named("a"), []byte("1"), now, time.Minute)
	c.put(named("b"), []byte("2"), now, time.Minute)
	_, ok := c.get(named("a"), now)
	assert.True(t, ok)
	c.put(named("c"), []byte("3"), now, time.Minute)
	_, ok = c.get(named("b"), now)
	assert.False(t, ok, "the one that was not used longest is gone")
	body, ok := c.get(named("a"), now.Add(time.Minute-1))
	assert.True(t, ok)
	assert.Equal(t, "1", string(body))
	_, ok = c.get(named("a"), now.Add(time.Minute))
	assert.False(t, ok, "too old")
	_, ok = c.get(named("c"), now.Add(-time.Second))
	assert.False(t, ok, "the clock was put back")
	assert.Zero(t, c.bytes)
	assert.Zero(t, c.order.Len())

	c.put(named("a"), []byte("1"), now, time.Minute)
	c.put(named("a"), []byte("22"), now, time.Minute)
	assert.Equal(t, len("a22")+entryBytes, c.bytes, "counted once")
	c.drop()
	_, ok = c.get(named("a"), now)
	assert.False(t, ok)
	assert.Zero(t, c.bytes)
}

func TestCacheBytes(t *testing.T) {
	now := time.Now()
	c := newCache(maxCacheSize)
	for i := range maxCacheSize {
		c.put(query{kind: secret, name: strconv.Itoa(i)}, make([]byte, 64<<10), now, time.Minute)
		assert.LessOrEqual(t, c.bytes, maxCacheBytes)
	}
	assert.Greater(t, len(c.elements), maxCacheBytes/(64<<10)*9/10)
	_, ok := c.get(query{kind: secret, name: strconv.Itoa(maxCacheSize - 1)}, now)
	assert.True(t, ok)
	c.put(query{name: "large"}, make([]byte, maxCacheBytes), now, time.Minute)
	_, ok = c.get(query{name: "large"}, now)
	assert.False(t, ok)
	assert.NotEmpty(t, c.elements, "what is too large drives nothing out")
}
