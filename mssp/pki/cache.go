package pki

import "sync"

// cache keeps the last values in two generations: when the young one is full
// it becomes the old one, and what nobody asked for in the meantime goes. It
// holds at most twice its size and is safe for concurrent use.
type cache[V any] struct {
	mu         sync.RWMutex
	size       int
	young, old map[string]*V
}

func newCache[V any](size int) *cache[V] {
	return &cache[V]{size: size, young: make(map[string]*V)}
}

// get does not allocate.
func (c *cache[V]) get(key []byte) (*V, bool) {
	c.mu.RLock()
	v, ok := c.young[string(key)]
	if ok {
		c.mu.RUnlock()
		return v, true
	}
	v, ok = c.old[string(key)]
	c.mu.RUnlock()
	if ok {
		c.put(key, v)
	}
	return v, ok
}

func (c *cache[V]) put(key []byte, v *V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= c.size {
		c.old, c.young = c.young, make(map[string]*V)
	}
	c.young[string(key)] = v
}
