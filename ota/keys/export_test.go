package keys

// CacheSize bounds what a Vault remembers.
const CacheSize = cacheSize

// Cached counts the row keys that the vault remembers.
func (v *Vault) Cached() int {
	v.aeads.mu.Lock()
	defer v.aeads.mu.Unlock()
	return len(v.aeads.newer) + len(v.aeads.old)
}

// Cache is a cache of numbers.
type Cache struct{ c *cache[int, int] }

// NewCache makes a cache of at most size entries.
func NewCache(size int) Cache { return Cache{newCache[int, int](size)} }

// Put remembers a number.
func (c Cache) Put(n int) { c.c.put(n, n+1) }

// Has says whether it is remembered.
func (c Cache) Has(n int) bool {
	v, ok := c.c.get(n)
	return ok && v == n+1
}

// Len is how many entries there are.
func (c Cache) Len() int { return len(c.c.newer) + len(c.c.old) }
