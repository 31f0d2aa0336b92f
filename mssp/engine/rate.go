package engine

import (
	"sync"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/sms"
)

// rates protects a person from being flooded with prompts until he gives in:
// so many prompts a minute for each number, whoever asks. It is in memory
// only; a restart forgives one minute.
type rates struct {
	mu  sync.Mutex
	max int // negative: no limit
	m   map[sms.MSISDN][]time.Time
}

// take counts a prompt, or refuses it.
func (r *rates) take(n sms.MSISDN, now time.Time) *mssp.Fault {
	if r.max < 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.m) > 100_000 {
		r.clean(now)
	}
	recent := r.m[n][:0:0]
	for _, t := range r.m[n] {
		if now.Sub(t) < time.Minute {
			recent = append(recent, t)
		}
	}
	if len(recent) >= r.max {
		r.m[n] = recent
		wait := time.Minute - now.Sub(recent[0])
		return mssp.Faultf(mssp.SignatureProcess, "%d requests to this user within a minute: try again in %d s", len(recent), int(wait.Seconds())+1)
	}
	r.m[n] = append(recent, now)
	return nil
}

// giveBack undoes take: the request was a repeat and prompts nobody.
func (r *rates) giveBack(n sms.MSISDN) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ts := r.m[n]; len(ts) > 1 {
		r.m[n] = ts[:len(ts)-1]
	} else {
		delete(r.m, n)
	}
}

func (r *rates) clean(now time.Time) {
	for n, ts := range r.m {
		if now.Sub(ts[len(ts)-1]) >= time.Minute {
			delete(r.m, n)
		}
	}
}
