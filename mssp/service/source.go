package service

import (
	"net/netip"
	"sync"
)

// network is what counts as one address: who has an IPv6 address has the other
// 2^64 of its network too. The zero Prefix stands for all that have none.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // the zero one for the zero Addr
	return p
}

// recent remembers what was used last, a bounded number of things. Strangers can
// push out what strangers have left there, and spend no memory but that.
type recent[K comparable, V any] struct {
	mu       sync.Mutex
	most     int
	new, old map[K]V // what is used moves to new; when that is full, old is forgotten
}

func newRecent[K comparable, V any](most int) *recent[K, V] {
	return &recent[K, V]{most: most, new: map[K]V{}}
}

// get is what is kept under k.
func (r *recent[K, V]) get(k K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.find(k)
}

func (r *recent[K, V]) find(k K) (V, bool) {
	v, ok := r.new[k]
	if !ok {
		if v, ok = r.old[k]; ok {
			r.keep(k, v)
		}
	}
	return v, ok
}

// getOr is what is kept under k, or what is kept there from now on.
func (r *recent[K, V]) getOr(k K, fresh func() V) V {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.find(k)
	if !ok {
		v = fresh()
		r.keep(k, v)
	}
	return v
}

func (r *recent[K, V]) keep(k K, v V) {
	if len(r.new) >= r.most/2 {
		r.old, r.new = r.new, make(map[K]V, r.most/2)
	}
	r.new[k] = v
}
