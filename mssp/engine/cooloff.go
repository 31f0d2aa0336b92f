package engine

import (
	"sync"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/sms"
)

// coolOff leaves a person in peace who does not want to sign. Who is asked
// again and again may give in at last: so after some requests within ten
// minutes that he has cancelled or left unanswered, whoever asked them, no
// further one reaches him for a while. It is in memory only; a restart forgets
// it.
type coolOff struct {
	mu    sync.Mutex
	after int // negative: never
	pause time.Duration
	m     map[sms.MSISDN]*unwilling
}

// coolOffWindow is how long a request that was not signed counts.
const coolOffWindow = 10 * time.Minute

// unwilling is what is remembered of one person.
type unwilling struct {
	at    []time.Time // the last requests that were not signed
	until time.Time   // in peace until then
}

// note counts a transaction that has ended, when it reached the phone and the
// user did not sign. It returns the end of the pause that begins with it.
func (c *coolOff) note(tx *mssp.Transaction, now time.Time) (until time.Time) {
	if c.after < 0 || tx.Kind != mssp.KindSign || tx.Attempt == 0 || tx.Status != mssp.UserCancel && tx.Status != mssp.ExpiredTransaction {
		return time.Time{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.m) > 100_000 {
		c.clean(now)
	}
	u := c.m[tx.MSISDN]
	if u == nil {
		u = &unwilling{}
		c.m[tx.MSISDN] = u
	}
	recent := u.at[:0]
	for _, t := range u.at {
		if now.Sub(t) < coolOffWindow {
			recent = append(recent, t)
		}
	}
	if u.at = append(recent, now); len(u.at) < c.after {
		return time.Time{}
	}
	u.at, u.until = nil, now.Add(c.pause)
	return u.until
}

// check refuses a request to a person who is left in peace.
func (c *coolOff) check(n sms.MSISDN, now time.Time) *mssp.Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.m[n]
	if u == nil || !now.Before(u.until) {
		return nil
	}
	return mssp.Faultf(mssp.SignatureProcess, "the user has cancelled or not answered %d requests within %d minutes and is left in peace until %s: ask again after that",
		c.after, int(coolOffWindow.Minutes()), u.until.UTC().Format(time.RFC3339))
}

func (c *coolOff) clean(now time.Time) {
	for n, u := range c.m {
		if !now.Before(u.until) && (len(u.at) == 0 || now.Sub(u.at[len(u.at)-1]) >= coolOffWindow) {
			delete(c.m, n)
		}
	}
}
