package ra_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/ra"
	"github.com/simsign/simsign/mssp/standing"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Slots are emptied first, and the applet is deactivated when that is done, also when the
// service dies in between: a deactivated applet deletes nothing. One that still serves a
// pair stays active.
//
// Supports: 3.5.9-1, 4-3, 4-10
func TestRetire(t *testing.T) {
	w := newWorld(t, ra.Retire)
	_, err := w.begin(standing.Call{Procedure: mssp.Revoking, Serial: w.Key(1).Serial})
	w.Lab.OK(err)
	w.turn()
	if got := strings.Join(w.did, ", "); got != "delete 1, tell revoked" {
		t.Errorf("one of two pairs: %s", got)
	}
	w.did = nil
	w.Enrol(enrolment(mssp.Authentication))
	_, err = w.begin(standing.Call{Procedure: mssp.Revoking})
	w.Lab.OK(err)
	w.most = 1
	w.turn()
	w.restart(ra.Retire)
	w.most = 3
	w.later()
	w.restart(ra.Retire)
	w.most = 0
	w.later()
	if got := strings.Join(w.did, ", "); got != "delete 1, delete 2, deactivate, tell revoked" {
		t.Errorf("all pairs, and two restarts: %s", got)
	}
}

// Who leaves takes with him what was begun for him.
//
// Supports: 3.5.9-1, 5.7-1
func TestRetireWhoLeaves(t *testing.T) {
	w := newWorld(t, ra.Retire)
	w.Lab.OK(w.Store.PutKeyPairs(ctx, []mssp.KeyPair{{
		ICCID: w.Key(1).ICCID, Slot: 3, Usage: mssp.Authentication, Algorithm: byte(applet.ECDSAP256), State: mssp.KeyGenerated,
		Version: store.Absent, UpdatedAt: w.Clock.Now(),
	}}))
	_, err := w.begin(standing.Call{Procedure: mssp.Leaving})
	w.Lab.OK(err)
	w.turn()
	if got := strings.Join(w.did, ", "); got != "delete 1, delete 2, delete 3, deactivate, tell left" {
		t.Error(got)
	}
}

// rows are one duty in memory.
type rows struct {
	mu sync.Mutex
	d  mssp.Duty
	s  store.Situation
}

func (r *rows) Situation(context.Context, sms.MSISDN) (store.Situation, error) { return r.s, nil }

func (r *rows) ChangeSituation(_ context.Context, _ sms.MSISDN, f func(*store.Situation) error) (store.Situation, []store.Outbound, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.d.EndedAt = time.Now() // the user was told
	return r.s, nil, f(&r.s)
}

func (r *rows) Certificate(context.Context, string) (mssp.Certificate, error) {
	return mssp.Certificate{}, mssp.ErrNotFound
}

func (r *rows) OpenDuties(_ context.Context, due time.Time, _ int) ([]mssp.Duty, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.d.DueAt.After(due) || !r.d.EndedAt.IsZero() {
		return nil, nil
	}
	return []mssp.Duty{r.d}, nil
}

func (r *rows) Duty(context.Context, string) (mssp.Duty, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.d, nil
}

func (r *rows) ChangeDuty(_ context.Context, _ string, f func(*mssp.Duty) error) (mssp.Duty, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.d
	err := f(&d)
	if err == nil {
		r.d = d
	}
	return r.d, err
}

// slow is a phone that is off for long.
type slow struct {
	world
	asked atomic.Int32
}

func (s *slow) Deactivate(context.Context, sms.MSISDN, ota.ICCID) error {
	s.asked.Add(1)
	time.Sleep(time.Hour)
	return nil
}

// A step that lasts longer than the lease is done once: the lease is renewed meanwhile, and
// not when the step has ended.
func TestLongStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rows{d: mssp.Duty{ID: "1", MSISDN: enginetest.Number, Procedure: mssp.Revoking, Step: mssp.DutyCard, DueAt: time.Now()}}
		r.s.Card.Applet = mssp.AppletActive
		phone := &slow{}
		one, two := ra.New(ra.Options{Store: r, Phone: phone, Policy: ra.Deactivate}), ra.New(ra.Options{Store: r, Phone: phone, Policy: ra.Deactivate})
		life, end := context.WithCancel(t.Context())
		defer end()
		go one.Run(life)
		go two.Run(life)
		time.Sleep(59 * time.Minute)
		if n := phone.asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		end()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		was := r.d.DueAt
		time.Sleep(time.Minute)
		if r.d.DueAt != was || r.d.EndedAt.IsZero() {
			t.Errorf("after the end: %+v", r.d)
		}
	})
}
