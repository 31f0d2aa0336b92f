package service

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/simsign/simsign/mssp"
)

// rates bounds what one provider may ask per second and how many synch
// requests wait at the same time. Only providers that have proved who they
// are get a bucket, so their number bounds the memory.
type rates struct {
	limit   rate.Limit
	burst   int
	clock   func() time.Time
	buckets sync.Map // mssp.APID -> *rate.Limiter

	profiles int      // MSS_ProfileReq a minute
	asked    sync.Map // the buckets of those

	mu    sync.Mutex
	waits map[mssp.APID]int // of those that wait
	free  int               // places that nobody has
}

func newRates(o Options) *rates {
	return &rates{limit: rate.Limit(o.RequestsPerSecond), burst: o.Burst, profiles: o.ProfilesPerMinute, clock: o.Steady, waits: map[mssp.APID]int{}, free: o.MaxWaits}
}

func (r *rates) allow(ap mssp.APID) *mssp.Fault {
	if bucket(&r.buckets, ap, r.limit, r.burst).AllowN(r.clock(), 1) {
		return nil
	}
	return mssp.Faultf(mssp.UnableToProvide, "more than %g requests per second from this AP_ID: send fewer, or ask the operator for more", float64(r.limit))
}

// allowProfile bounds how many numbers one provider may ask about: no user
// notices these questions, and whoever asks about all numbers harvests them.
func (r *rates) allowProfile(ap mssp.APID) *mssp.Fault {
	if bucket(&r.asked, ap, rate.Limit(float64(r.profiles)/60), r.profiles).AllowN(r.clock(), 1) {
		return nil
	}
	return mssp.Faultf(mssp.UnableToProvide, "more than %d MSS_ProfileReq a minute from this AP_ID: send fewer, or ask the operator for more", r.profiles)
}

// bucket is the one of a provider; it begins full.
func bucket(m *sync.Map, ap mssp.APID, limit rate.Limit, burst int) *rate.Limiter {
	b, ok := m.Load(ap)
	if !ok {
		b, _ = m.LoadOrStore(ap, rate.NewLimiter(limit, burst))
	}
	return b.(*rate.Limiter)
}

// wait takes one place for a synch request; done gives it back. A provider takes at
// most half of the places that others leave, so that it never takes the last one
// from them.
func (r *rates) wait(ap mssp.APID) *mssp.Fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	own := r.waits[ap]
	if own >= r.free {
		return mssp.Faultf(mssp.UnableToProvide,
			"%d synch requests from this AP_ID are waiting already, there is no place for more: use MessagingMode asynchClientServer, or try again in a few seconds", own)
	}
	r.waits[ap] = own + 1
	r.free--
	return nil
}

func (r *rates) done(ap mssp.APID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free++
	if r.waits[ap]--; r.waits[ap] == 0 {
		delete(r.waits, ap)
	}
}
