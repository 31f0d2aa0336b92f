package engine

import (
	"slices"
	"sync"
)

// places are those of the packets that the sweeper has with the bearers, and who
// has them. A provider whose users' phones are all off has thousands to try again,
// and each may take its time: so a name takes at most half of the places that
// others leave, and the next place is for who has the fewest.
type places struct {
	mu   sync.Mutex
	free int
	held map[string]int // by name; nobody has none
}

// claimBatch bounds what one commit claims.
const claimBatch = 256

// share says how many segments each of the names may have now; of those who have
// as few, the first comes first.
func (p *places) share(names []string) []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	given, has := make([]int, len(names)), make([]int, len(names))
	for i, n := range names {
		has[i] = p.held[n]
	}
	free := p.free
	for range min(free, claimBatch) {
		least := slices.Index(has, slices.Min(has))
		if has[least] >= free {
			break
		}
		given[least]++
		has[least]++
		free--
	}
	return given
}

// enter takes a place for a packet. Only the sweeper does, so a place that is free
// stays free.
func (p *places) enter(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free--
	p.held[name]++
}

// leave gives it back.
func (p *places) leave(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free++
	if p.held[name]--; p.held[name] == 0 {
		delete(p.held, name)
	}
}
