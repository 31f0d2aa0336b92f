package service

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/simsign/simsign/mssp"
)

// places are how many computations of argon2id run at the same time. Who waits
// for one waits in turn with other providers, not with other requests: the names
// come round one after the other, in each name the networks from which it is
// asked for, those before the others from which no wrong password has come, and in
// a network the newest goes first. So a flood of guesses at one provider keeps no
// other one waiting, and a flood from bad networks keeps nobody elsewhere waiting
// who knows the password.
type places struct {
	mu    sync.Mutex
	free  int
	names []*named // with somebody who waits, in the order of their turns
}

// named are those who wait for a place with the password of one provider.
type named struct {
	id   mssp.APID
	from []*origin
}

// origin are those who wait in one network: the newest last.
type origin struct {
	net     netip.Prefix
	clean   bool // no wrong password has come from there
	waiting []chan struct{}
}

// take waits for a place; release gives it back.
func (p *places) take(ctx context.Context, id mssp.APID, from netip.Prefix, clean bool) error {
	p.mu.Lock()
	if p.free > 0 {
		p.free--
		p.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	p.join(id, from, clean, turn)
	p.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	left := p.leave(id, from, turn)
	p.mu.Unlock()
	if !left { // the place came in the same moment
		p.release()
	}
	return ctx.Err()
}

// release gives a place to whose turn it is.
func (p *places) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.names) == 0 {
		p.free++
		return
	}
	n := p.names[0]
	o := n.from[0]
	last := len(o.waiting) - 1
	close(o.waiting[last])
	o.waiting = o.waiting[:last]
	n.from = n.from[1:]
	if o.clean = false; last > 0 { // it has had its turn
		n.from = append(n.from, o)
	}
	p.names = p.names[1:]
	if len(n.from) > 0 {
		p.names = append(p.names, n)
	}
}

func (p *places) join(id mssp.APID, from netip.Prefix, clean bool, turn chan struct{}) {
	i := slices.IndexFunc(p.names, func(n *named) bool { return n.id == id })
	if i < 0 {
		i = len(p.names)
		p.names = append(p.names, &named{id: id})
	}
	n := p.names[i]
	j := slices.IndexFunc(n.from, func(o *origin) bool { return o.net == from })
	if j < 0 {
		j = len(n.from)
		if i := slices.IndexFunc(n.from, func(o *origin) bool { return !o.clean }); clean && i >= 0 {
			j = i
		}
		n.from = slices.Insert(n.from, j, &origin{net: from, clean: clean})
	}
	n.from[j].waiting = append(n.from[j].waiting, turn)
}

// leave takes somebody out who waits no longer; false when he has a place.
func (p *places) leave(id mssp.APID, from netip.Prefix, turn chan struct{}) bool {
	for i, n := range p.names {
		for j, o := range n.from {
			k := slices.Index(o.waiting, turn)
			if n.id != id || o.net != from || k < 0 {
				continue
			}
			o.waiting = slices.Delete(o.waiting, k, k+1)
			if len(o.waiting) == 0 {
				n.from = slices.Delete(n.from, j, j+1)
			}
			if len(n.from) == 0 {
				p.names = slices.Delete(p.names, i, i+1)
			}
			return true
		}
	}
	return false
}
