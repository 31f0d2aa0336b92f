package esme

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// minRate is the slowest that throttling makes us, segments a second.
const minRate = 0.5

// pace is a rate that adapts: half after the centre said that we are too
// fast, a twentieth of the ceiling more for each second without that. Without
// a configured rate the ceiling is what went through when it was said, and
// far above it the limit goes away again.
type pace struct {
	lim  *rate.Limiter
	base rate.Limit // configured

	mu      sync.Mutex
	ceiling rate.Limit
	cut     time.Time // last time halved
	grown   time.Time
	second  time.Time // when the counting second began
	count   int       // accepted in it
	before  int       // in the one before
}

func newPace(perSecond float64) *pace {
	p := &pace{base: rate.Limit(perSecond)}
	if perSecond <= 0 {
		p.base = rate.Inf
	}
	// A hundredth of a second at once, because timers are not finer.
	p.lim = rate.NewLimiter(p.base, max(1, int(perSecond/100)))
	return p
}

// wait waits for a place; false when stop ends first.
func (p *pace) wait(stop <-chan struct{}) bool {
	if p.lim.Limit() == rate.Inf {
		return true
	}
	d := p.lim.Reserve().Delay()
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-stop:
		return false
	}
}

// limit is the rate now; 0 for none.
func (p *pace) limit() float64 {
	if l := p.lim.Limit(); l != rate.Inf {
		return float64(l)
	}
	return 0
}

// accepted counts a segment and lets the rate grow.
func (p *pace) accepted(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := now.Sub(p.second); d >= time.Second {
		p.before = p.count
		if d >= 2*time.Second {
			p.before = 0
		}
		p.count, p.second = 0, now
	}
	p.count++
	cur := p.lim.Limit()
	if cur == p.base || now.Sub(p.cut) < time.Second || now.Sub(p.grown) < time.Second {
		return
	}
	p.grown = now
	next := cur + max(p.ceiling/20, 0.5)
	if next >= p.base || p.base == rate.Inf && next > 4*p.ceiling {
		next = p.base
	}
	p.lim.SetLimit(next)
}

// throttled halves the rate after ESME_RTHROTTLED (SMPP 3.4 5.1.3), once a second at most: all that was on its way
// when it was too much says the same.
func (p *pace) throttled(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.cut) < time.Second {
		return
	}
	p.cut = now
	cur := p.lim.Limit()
	if cur == rate.Inf {
		cur = rate.Limit(max(p.before, p.count, 2))
	}
	p.ceiling = max(cur, minRate)
	if p.base != rate.Inf {
		p.ceiling = p.base
	}
	p.lim.SetLimit(max(cur/2, minRate))
}
