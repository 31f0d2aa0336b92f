package service

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/simsign/simsign/mssp"
)

// rates bounds what one provider may ask per second and how many synch
// requests wait at the same time. Only providers that have proved who they
// are get a bucket, so their number bounds the memory.
type rates struct {
	limit    rate.Limit
	burst    int
	clock    func() time.Time
	buckets  sync.Map // mssp.APID -> *rate.Limiter
	waits    atomic.Int64
	maxWaits int64
}

func newRates(o Options) *rates {
	return &rates{limit: rate.Limit(o.RequestsPerSecond), burst: o.Burst, clock: o.Clock, maxWaits: int64(o.MaxWaits)}
}

func (r *rates) allow(ap mssp.APID) *mssp.Fault {
	b, ok := r.buckets.Load(ap)
	if !ok {
		b, _ = r.buckets.LoadOrStore(ap, rate.NewLimiter(r.limit, r.burst))
	}
	if b.(*rate.Limiter).AllowN(r.clock(), 1) {
		return nil
	}
	return mssp.Faultf(mssp.UnableToProvide, "more than %g requests per second from this AP_ID: send fewer, or ask the operator for more", float64(r.limit))
}

// wait takes one place for a synch request; done gives it back.
func (r *rates) wait() *mssp.Fault {
	if r.waits.Add(1) > r.maxWaits {
		r.waits.Add(-1)
		return mssp.Faultf(mssp.UnableToProvide,
			"%d synch requests are waiting already, the most is %d: use MessagingMode asynchClientServer, or try again in a few seconds", r.maxWaits, r.maxWaits)
	}
	return nil
}

func (r *rates) done() { r.waits.Add(-1) }
