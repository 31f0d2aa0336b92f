package walk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/standing"
)

// Each procedure of chapter 5 is aborted at each of its steps, for every reason: the state
// that is left is the one that the text asks for, user and RA are told, and it begins again.
//
// Supports: 5.1-9, 5.1-10, 5.1-16
func TestWalk(t *testing.T) {
	var seen steps
	t.Run("procedures", func(t *testing.T) {
		for i := range procedures {
			p := &procedures[i]
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				w := p.world(t)
				all := w.clean(p)
				cases, excused := w.aborts(p, all)
				seen.add(all, cases, excused)
				t.Logf("%d steps, %d cases, %d that cannot be: %v", len(all), cases, excused, all)
			})
		}
	})
	t.Logf("%d procedures, %d steps, %d cases, and %d that cannot be for a reason that is stated", len(procedures), seen.n, seen.cases, seen.excused)
	seen.complete(t)
}

// world is one for a procedure.
func (p *procedure) world(t *testing.T) *world {
	w := newWorld(t)
	w.p, w.policy = p, p.policy
	w.Options.CardProfiles["test"] = p.profile(w.Options.CardProfiles["test"])
	if w.Registration.ConfirmAtOnce = p.card; p.card {
		c := w.Options.CardProfiles["test"]
		c.StoresCert = true
		w.Options.CardProfiles["test"] = c
	}
	w.restart()
	return w
}

// aborts walks to every step of a procedure for every reason. A short run takes a part of
// the cases, always the same.
func (w *world) aborts(p *procedure, all []site) (cases, excused int) {
	for shot, s := range all {
		for _, c := range causes {
			if (c.not[s.kind] == "") == (len(c.at[s.kind]) == 0) {
				w.Errorf("%s at %s: neither a case nor why there is none", c.name, s)
			}
			if c.not[s.kind] != "" {
				excused++
			}
			for j := range c.at[s.kind] {
				r := &c.at[s.kind][j]
				if r.at != nil && r.at(s) != "" {
					excused++
					continue
				}
				if cases++; testing.Short() && cases%17 != 0 {
					continue
				}
				w.abort(p, shot, s, c.name, r)
			}
		}
	}
	return cases, excused
}

// clean walks a procedure to its good end, and gives its steps.
func (w *world) clean(p *procedure) []site {
	u := w.newUser()
	if p.prepare != nil {
		p.prepare(u)
	}
	w.seen = nil
	w.ok(w.drive(func(ctx context.Context) error { return p.run(ctx, u) }))
	steps := w.seen
	w.ok(p.good(u))
	w.ok(u.agree())
	return steps
}

// abort walks to a step, has the reason happen, looks at what is left, and begins again.
func (w *world) abort(p *procedure, shot int, s site, name string, r *reason) {
	fault := func(format string, args ...any) {
		w.Errorf("%s, step %d (%s), %s: %s%s: %s", p.name, shot, s, name, r.name, r.does, fmt.Sprintf(format, args...))
	}
	u := w.newUser()
	if p.prepare != nil {
		p.prepare(u)
	}
	w.seen, w.shot, w.why, w.fired = nil, shot, r, false
	screens, texts := len(u.screens), w.told(u)
	err := w.drive(func(ctx context.Context) error { return p.run(ctx, u) })
	if w.why = nil; !w.fired {
		fault("it did not come to that step: %v", err)
		return
	}
	clear(u.keeps)
	clear(u.deaf)
	fault2 := u.heard(r, err)
	if fault2 != "" {
		fault("%s", fault2)
	}
	if r.silent {
		w.Clock.Add(8 * 24 * time.Hour)
		w.ok(w.drive(func(ctx context.Context) error { return w.Registrar.Lapse(ctx, w.Clock.Now().Add(-7*24*time.Hour)) }))
		err = errDied
	}
	if p.begins && err != nil && (!r.dies || r.silent) && p.good(u) != nil && len(u.screens) > screens && w.told(u) == texts && !says(u.screens[screens:], "not active") {
		fault("the user is not told: %q", u.screens[screens:])
	}
	if p.waits != "" && (s.kind == asking || s.kind == calling && strings.HasPrefix(s.what, "first call")) {
		if err := stays(u, p.waits); err != nil {
			fault("an RA that never notifies: %v", err)
		}
	}
	_ = w.drive(w.worker.Turn) // of the RA, which has its own work
	if !r.cut && err != nil && !r.dies {
		if err := u.agree(); err != nil {
			fault("before the next contact: %v", err)
		}
	}
	if p.duty {
		u.turns()
	}
	if (p.duty || r.dies || err == nil) && p.good(u) == nil { // it has gone on by itself
		w.ended(u, fault)
		return
	}
	if err := u.unblocked(); err != nil {
		fault("the code is not unblocked: %v", err)
	}
	err = w.drive(func(ctx context.Context) error { return p.run(ctx, u) })
	if err != nil {
		fault("it cannot be done again: %v", err)
		return
	}
	if p.duty {
		u.turns()
	}
	if err := p.good(u); err != nil {
		fault("after it was done again: %v", err)
	}
	w.ended(u, fault)
}

func (w *world) ended(u *user, fault func(string, ...any)) {
	if err := u.agree(); err != nil {
		fault("at the end: %v", err)
	}
}

func says(screens []string, words string) bool {
	return slices.ContainsFunc(screens, func(s string) bool { return strings.Contains(s, words) })
}

// told counts the texts to a user.
func (w *world) told(u *user) (n int) {
	w.Engine.Sweep(ctx)
	w.quiet()
	for i := range w.Texts {
		if w.Texts[i].Dest == u.number {
			n++
		}
	}
	return n
}

// heard says what is wrong with what the RA was told.
func (u *user) heard(r *reason, err error) string {
	f, isFault := errors.AsType[*mssp.Fault](err)
	no, isRefusal := errors.AsType[*standing.Refusal](err)
	switch {
	case r.dies || err == nil:
		return ""
	case isFault && f.Detail != "":
		for _, c := range r.tells {
			if f.Code == c {
				return ""
			}
		}
		return fmt.Sprintf("the RA hears %d: %s", int(f.Code), f.Detail)
	case isRefusal && no.Detail != "":
		return ""
	}
	return fmt.Sprintf("the RA hears %v", err)
}

// agree is what card, rows and CA do not agree about.
func (u *user) agree() error {
	var errs []error
	say := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	st := u.state()
	rows := map[byte]mssp.KeyPair{}
	for _, k := range u.rows() {
		rows[k.Slot] = k
	}
	begun := false
	for _, s := range st.Slots {
		k, there := rows[s.Number]
		begun = begun || s.Status >= applet.SlotRegistering
		if !fits(s.Status, k.State, there) {
			say("slot %d: status %d of the card, %q of the server", s.Number, s.Status, k.State)
		}
	}
	for i, c := range st.Codes {
		if c.Status != applet.CodeNotSet && !begun && !u.was {
			say("code %d is left on the card", i+1)
		}
	}
	certs, err := u.w.Store.CertificatesOf(ctx, u.iccid)
	u.w.ok(err)
	for _, c := range certs {
		has := mssp.KeyState("none")
		for _, k := range rows {
			if k.Serial == c.Serial {
				has = k.State
			}
		}
		if c.Status == mssp.CertPending || has == "none" && (c.Status == mssp.CertRevoked || c.NotAfter.Before(u.w.Clock.Now())) {
			continue
		}
		if has != c.Status.Of() {
			say("the certificate is %s, its pair %s", c.Status, has)
		}
	}
	sit, err := u.w.Store.Situation(ctx, u.number)
	u.w.ok(err)
	for _, d := range sit.Duties {
		say("duty %s is still at %s: %s", d.Procedure, d.Step, d.Failure)
	}
	return errors.Join(errs...)
}

// fits says whether what the card and the server say of a slot is one.
func fits(card applet.SlotStatus, row mssp.KeyState, there bool) bool {
	switch card {
	case applet.SlotEmpty:
		return !there
	case applet.SlotGenerated: // one without a row is found when the card is asked, and used
		return !there || row == mssp.KeyGenerated
	case applet.SlotRegistering:
		return row == mssp.KeyRequested || row.Certified()
	}
	return row.Certified()
}
