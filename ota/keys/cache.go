package keys

import "sync"

// cache keeps the entries that were used last, at most size of them. It has
// two generations: what is found in the older moves to the newer, and when
// the newer is half of size, the older is forgotten.
type cache[K comparable, V any] struct {
	mu         sync.Mutex
	half       int
	newer, old map[K]V
}

func newCache[K comparable, V any](size int) *cache[K, V] {
	return &cache[K, V]{half: max(size/2, 1), newer: map[K]V{}}
}

func (c *cache[K, V]) get(k K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.newer[k]
	if ok {
		return v, true
	}
	if v, ok = c.old[k]; ok {
		c.store(k, v)
	}
	return v, ok
}

func (c *cache[K, V]) put(k K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.store(k, v)
}

func (c *cache[K, V]) store(k K, v V) {
	if len(c.newer) >= c.half {
		c.old, c.newer = c.newer, make(map[K]V)
	}
	c.newer[k] = v
}
