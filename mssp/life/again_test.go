package life

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/standing"
)

// again has each user who may begin again: whatever has happened, his applet is activated,
// his code unblocked, a pair registered and something signed with it.
func (w *world) again() {
	for _, u := range w.users {
		sit, err := w.Store.Situation(bg, u.number)
		w.OK(err)
		if sit.User.State != mssp.SubscriberActive {
			continue
		}
		c := w.Care
		if sit.Card.Applet == mssp.AppletDeactivated {
			w.succeeds(u, "activate", func(ctx context.Context) error { _, err := c.Activate(ctx, u.number); return err })
		}
		if sit.Card.Blocked[0] {
			w.succeeds(u, "unblock", func(ctx context.Context) error {
				_, err := c.ManageCode(ctx, u.number, mssp.Authentication, applet.CodeUnblock)
				return err
			})
		}
		en := 0
		w.enrol(u, 4) // authentication, flow A, no PoP code
		then := w.calls[len(w.calls)-1]
		then.then = func(err error) {
			switch {
			case err == nil:
				en++
			case !strings.Contains(err.Error(), "none is free"):
				w.bad("%s cannot register again: %v", u.number, err)
			}
		}
		w.calm()
		if en == 0 {
			continue
		}
		a := w.request(u, mssp.Authentication)
		w.signed = append(w.signed, a)
		w.askFor(a)
		w.calm()
		if a.id == "" {
			w.bad("%s has registered, and is not asked", u.number)
		} else if tx := w.Tx(a.id); tx.State != mssp.Done {
			w.bad("%s has registered, and does not sign: %d %s", u.number, int(tx.Status), tx.Detail)
		}
	}
}

func (w *world) succeeds(u *user, what string, f func(context.Context) error) {
	w.begin(what, f, func(err error) {
		if err != nil {
			w.bad("%s: %s: %v", u.number, what, err)
		}
	})
	w.calm()
}

// tally counts what happens, so that nobody takes lives in which nothing does for a proof.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (t *tally) add(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == nil {
		t.n = map[string]int{}
	}
	t.n[what]++
}

// saw is of all lives of this process.
var saw tally

// outcome is how a call has ended, as the tally has it.
func outcome(err error) string {
	var f *mssp.Fault
	var r *standing.Refusal
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &f):
		return strconv.Itoa(int(f.Code))
	case errors.As(err, &r):
		return string(r.Reason)
	}
	return "accident"
}

// rare are outcomes that some hundred lives have for sure.
var rare = []string{
	"enrol done", "enrol 407", "enrol 401", "enrol accident", "signature 500", "signature 208",
	"suspend done", "reactivate done", "revoke done", "unregister done", "unregister declined", "code done", "activate done", "deactivate done", "delete done",
	"reactivate revoked", "suspend applet-inactive", "confirm done", "restart", "death", "commit failed",
}
