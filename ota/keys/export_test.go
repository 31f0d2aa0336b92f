package keys

// CacheSize bounds what a Vault remembers.
const CacheSize = cacheSize

// Cached counts the row keys that the vault remembers.
func (v *Vault) Cached() int {
	v.aeads.mu.Lock()
	defer v.aeads.mu.Unlock()
	return len(v.aeads.newer) + len(v.aeads.old)
}
