package life

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/ra"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/standing"
)

// step is one step of a life: what, of which user, and a number that says how. The next
// step begins at the same moment as one that is together.
type step struct {
	do       string
	u, n     int
	together bool
}

func (s step) String() string {
	t := fmt.Sprintf("%s(%d,%d)", s.do, s.u, s.n)
	if s.together {
		t += "&"
	}
	return t
}

// deeds are the steps with how often they are drawn.
var deeds = []struct {
	name   string
	weight int
	do     func(w *world, u *user, n int)
}{
	{"enrol", 14, (*world).enrol},
	{"sign", 16, (*world).sign},
	{"repeat", 3, (*world).repeat},
	{"unblock", 3, func(w *world, u *user, n int) { w.code(u, n, applet.CodeUnblock) }},
	{"reset", 3, func(w *world, u *user, n int) { w.code(u, n, applet.CodeReset) }},
	{"state", 3, (*world).ask},
	{"suspend", 5, func(w *world, u *user, n int) { w.stand(u, n, mssp.Suspending) }},
	{"reactivate", 5, func(w *world, u *user, n int) { w.stand(u, n, mssp.Reactivating) }},
	{"revoke", 5, func(w *world, u *user, n int) { w.stand(u, n, mssp.Revoking) }},
	{"leave", 2, (*world).leave},
	{"ra", 6, func(w *world, _ *user, _ int) { w.turn() }},
	{"confirm", 4, func(w *world, u *user, _ int) { w.confirm(u) }},
	{"deactivate", 2, (*world).deactivate},
	{"activate", 2, (*world).activate},
	{"delete", 2, (*world).remove},
	{"mood", 12, func(w *world, u *user, n int) { u.mood = mood(1 + n%6) }},
	{"answer", 5, func(w *world, u *user, n int) { u.answer(mood(n % 3 % 2)) }},
	{"lost down", 3, func(w *world, u *user, n int) { w.line(func() { u.down.lose += 1 + n%2 }) }},
	{"lost up", 3, func(w *world, u *user, n int) { w.line(func() { u.up.lose += 1 + n%2 }) }},
	{"twice down", 2, func(w *world, u *user, n int) { w.line(func() { u.down.twice += 1 + n%3 }) }},
	{"twice up", 2, func(w *world, u *user, n int) { w.line(func() { u.up.twice += 1 + n%3 }) }},
	{"late down", 2, func(w *world, u *user, n int) { w.line(func() { u.down.late += 1 + n%2 }) }},
	{"late up", 3, func(w *world, u *user, n int) { w.line(func() { u.up.late += 1 + n%2 }) }},
	{"arrive", 5, func(w *world, u *user, _ int) { w.line(func() { u.down.arrive(); u.up.arrive() }) }},
	{"busy", 2, func(w *world, u *user, n int) { w.line(func() { u.down.busy += 1 + n%3 }) }},
	{"unknown", 2, func(w *world, u *user, n int) { w.line(func() { u.down.unknown += 1 + n%2 }) }},
	{"mute", 2, func(w *world, u *user, n int) { u.mute += 1 + n%4 }},
	{"off", 2, func(w *world, u *user, _ int) { u.power(false) }},
	{"on", 3, func(w *world, u *user, _ int) { u.power(true) }},
	{"ca no", 3, func(w *world, _ *user, n int) { w.ca.no += 1 + n%2 }},
	{"ca lost", 3, func(w *world, _ *user, n int) { w.ca.lost += 1 + n%2 }},
	{"ca dies", 2, func(w *world, _ *user, _ int) { w.ca.dies = true }},
	{"disk", 0, func(w *world, _ *user, n int) { w.disk.fails(n%6, 1) }},
	{"restart", 4, func(w *world, _ *user, _ int) { saw.add("restart"); w.process() }},
	{"wait", 12, (*world).wait},
	{"year", 2, (*world).year},
}

// life is what is drawn from a seed.
type life struct {
	ways   []string // carriages of the two cards
	policy ra.Policy
	atOnce bool // whether the card hears at once that its pair is registered
	steps  []step
}

// only is a life with some of its steps.
func (l life) only(which []int) life {
	some := l
	some.steps = nil
	for _, i := range which {
		some.steps = append(some.steps, l.steps[i])
	}
	return some
}

func lifeOf(seed uint64) life {
	r := rand.New(rand.NewPCG(seed, 10))
	var l life
	for range 2 {
		l.ways = append(l.ways, []string{"response", "packet", "own"}[r.IntN(3)])
	}
	l.policy, l.atOnce = []ra.Policy{ra.Leave, ra.Deactivate, ra.Delete}[r.IntN(3)], r.IntN(2) == 0
	sum := 0
	for _, d := range deeds {
		sum += d.weight
	}
	// Without a pair there is little to see: most lives begin with one.
	for u := range 2 {
		if r.IntN(4) > 0 {
			l.steps = append(l.steps, step{do: "enrol", u: u, n: r.IntN(4)})
		}
	}
	for range 6 + r.IntN(14) {
		at := r.IntN(sum)
		s := step{u: min(r.IntN(4), 1), n: r.IntN(60), together: r.IntN(8) == 0}
		for _, d := range deeds {
			if at -= d.weight; at < 0 {
				s.do = d.name
				break
			}
		}
		l.steps = append(l.steps, s)
	}
	if d := rand.New(rand.NewPCG(seed, 11)); d.IntN(3) == 0 { // drawn apart: the rest of a life is as without it
		l.steps = slices.Insert(l.steps, d.IntN(len(l.steps)), step{do: "disk", n: d.IntN(60)})
	}
	return l
}

func (w *world) enrol(u *user, n int) {
	r := registration.EnrolRequest{MSISDN: u.number, Usage: usages[n&1], Algorithm: algorithm, Flow: registration.FlowA}
	if n&2 != 0 {
		r.Flow = registration.FlowB
	}
	if n%7 == 6 {
		r.PoPCode = "59380"
	}
	g := w.Registrar
	w.begin("enrol "+r.Usage.String(), func(ctx context.Context) error {
		_, err := g.Enrol(ctx, r)
		return err
	}, nil)
}

func (w *world) sign(u *user, n int) {
	a := w.request(u, usages[n&1])
	w.signed = append(w.signed, a)
	w.askFor(a)
}

func (w *world) askFor(a *asked) {
	s := w.Signer
	w.begin("sign "+a.mark, func(ctx context.Context) error {
		tx, err := s.Sign(ctx, a.r)
		if err == nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			if a.id != "" && a.id != tx.ID {
				w.wrong = append(w.wrong, "a repeated request "+a.mark+" is another transaction")
			}
			a.id = tx.ID
		}
		return err
	}, nil)
}

// repeat asks again for what was asked for.
func (w *world) repeat(u *user, n int) {
	var of []*asked
	for _, a := range w.signed {
		if a.u == u && a.id != "" {
			of = append(of, a)
		}
	}
	if len(of) > 0 {
		w.askFor(of[n%len(of)])
	}
}

func (w *world) code(u *user, n int, op applet.CodeOperation) {
	c := w.Care
	w.begin(fmt.Sprintf("code %d", op), func(ctx context.Context) error {
		_, err := c.ManageCode(ctx, u.number, usages[n&1], op)
		return err
	}, nil)
}

func (w *world) ask(u *user, _ int) {
	c := w.Care
	w.begin("state", func(ctx context.Context) error { _, err := c.QueryState(ctx, u.number); return err }, nil)
}

func (w *world) activate(u *user, _ int) {
	c := w.Care
	w.begin("activate", func(ctx context.Context) error { _, err := c.Activate(ctx, u.number); return err }, nil)
}

func (w *world) deactivate(u *user, _ int) {
	c := w.Care
	w.begin("deactivate", func(ctx context.Context) error { _, err := c.Deactivate(ctx, u.number); return err }, nil)
}

func (w *world) remove(u *user, n int) {
	g := w.Registrar
	u.emptied = true
	w.begin("delete", func(ctx context.Context) error { _, err := g.DeleteKey(ctx, u.number, "", byte(1+n%2)); return err }, nil)
}

// stand is one of the pre-condition calls: for all certificates or one, by this RA or
// another.
func (w *world) stand(u *user, n int, p mssp.Procedure) {
	c := standing.Call{MSISDN: u.number, Procedure: p, Own: n%3 > 0, Reason: []int{0, 1, 4}[n/3%3]}
	if n%5 == 4 {
		c.Serial = w.serial(u, n/5)
	}
	st := w.standing
	var d mssp.Duty
	w.begin(string(p), func(context.Context) (err error) { d, err = st.Precondition(bg, c); return err }, func(err error) {
		if err == nil && p != mssp.Reactivating {
			w.fated(d.Serials, p == mssp.Revoking)
		}
	})
}

// serial is a certificate of a user.
func (w *world) serial(u *user, n int) string {
	var all []string
	sit, err := w.Store.Situation(bg, u.number)
	if err == nil {
		for i := range sit.Keys {
			if s := sit.Keys[i].Serial; s != "" {
				all = append(all, s)
			}
		}
	}
	if len(all) == 0 {
		return ""
	}
	return all[n%len(all)]
}

func (w *world) leave(u *user, n int) {
	c := standing.Call{MSISDN: u.number, Own: n%3 > 0, Reason: 5}
	question := ""
	if n&1 != 0 {
		question = "Leave?"
	}
	st := w.standing
	var l standing.Left
	w.begin("unregister "+question, func(ctx context.Context) (err error) { l, err = st.Unregister(ctx, c, question); return err }, func(err error) {
		if err == nil {
			w.fated(l.Duty.Serials, true)
		}
	})
}

// confirm is another RA that does what is left to it.
func (w *world) confirm(u *user) {
	sit, err := w.Store.Situation(bg, u.number)
	if err != nil {
		return
	}
	st := w.standing
	for i := range sit.Duties {
		d := sit.Duties[i]
		if d.Own || d.Step != mssp.DutyCA {
			continue
		}
		w.begin("confirm "+string(d.Procedure), func(ctx context.Context) error { return w.foreign(ctx, st, &d) }, nil)
	}
}

func (w *world) foreign(ctx context.Context, st *standing.Standing, d *mssp.Duty) error {
	for _, serial := range d.Serials {
		var err error
		switch d.Procedure {
		case mssp.Suspending:
			err = w.ca.Suspend(ctx, serial)
		case mssp.Reactivating:
			err = w.ca.Reactivate(ctx, serial)
		default:
			err = w.ca.Revoke(ctx, serial, d.Reason)
		}
		to := d.Procedure.Leads()
		if isSo(err, mssp.CertRevoked) { // whoever asked for it
			to = mssp.CertRevoked
		} else if err != nil && !isSo(err, to) {
			return errCA
		}
		if _, err := st.Notify(ctx, standing.Notice{MSISDN: d.MSISDN, Serial: serial, Status: to, Reason: d.Reason, By: "other"}); err != nil {
			return err
		}
	}
	return nil
}

// wait lets the clock run.
func (w *world) wait(_ *user, n int) {
	w.pass([]time.Duration{time.Second, 20 * time.Second, 4 * time.Minute, 20 * time.Minute, 3 * time.Hour}[n%5])
}

func (w *world) pass(d time.Duration) {
	w.Clock.Add(d)
	w.Engine.Sweep(bg)
	w.turn()
}

// year lets certificates expire, once in a life: cards do not live through two years
// without a word.
func (w *world) year(_ *user, n int) {
	if w.years++; w.years > 1 {
		w.wait(nil, n)
		return
	}
	w.Engine.Sweep(bg) // what waits to leave does not wait a year
	w.look()
	w.pass(367 * 24 * time.Hour)
}
