package life

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/pki"
)

// lives are how many are played where LIFE_SEEDS says nothing, perWorld how many on one
// database.
const (
	lives      = 200
	shortLives = 30
	perWorld   = 50
)

// TestLives plays them in two halves, side by side.
func TestLives(t *testing.T) {
	if seed, err := strconv.ParseUint(os.Getenv("LIFE_SEED"), 10, 64); err == nil {
		synctest.Test(t, func(t *testing.T) { one(t, seed) })
		return
	}
	n := lives
	if testing.Short() {
		n = shortLives
	}
	if s, err := strconv.Atoi(os.Getenv("LIFE_SEEDS")); err == nil {
		n = s
	}
	first, _ := strconv.Atoi(os.Getenv("LIFE_FROM"))
	t.Cleanup(func() {
		t.Log(saw.n)
		for _, what := range rare {
			if n >= lives && !t.Failed() && saw.n[what] == 0 {
				t.Errorf("in %d lives nothing ended with %q", n, what)
			}
		}
	})
	for half := range 2 {
		t.Run(strconv.Itoa(half), func(t *testing.T) {
			t.Parallel()
			for from := first + half*perWorld; from < first+n && !t.Failed(); from += 2 * perWorld {
				synctest.Test(t, func(t *testing.T) { several(t, from, min(from+perWorld, first+n)) })
			}
		})
	}
}

// one plays one life, or those steps of it that LIFE_STEPS names, and tells all that
// happens; with LIFE_LOG the log of the program too.
func one(t *testing.T, seed uint64) {
	l := lifeOf(seed)
	if which := os.Getenv("LIFE_STEPS"); which != "" {
		var some []int
		for f := range strings.SplitSeq(which, ",") {
			i, err := strconv.Atoi(f)
			if err != nil || i < 0 || i >= len(l.steps) {
				t.Fatalf("LIFE_STEPS: seed %d has no step %s", seed, f)
			}
			some = append(some, i)
		}
		l = l.only(some)
	}
	w := newWorld(t)
	w.tell = true
	if wrong := w.play(l); len(wrong) > 0 {
		t.Errorf("seed %d fails:\n%s", seed, strings.Join(wrong, "\n"))
	}
	if os.Getenv("LIFE_LOG") != "" {
		t.Log(w.Logs.String())
	}
	w.chain()
}

// several plays lives on one database.
func several(t *testing.T, from, to int) {
	w := newWorld(t)
	for seed := from; seed < to; seed++ {
		w = w.young()
		l := lifeOf(uint64(seed))
		wrong := w.play(l)
		if len(wrong) == 0 {
			continue
		}
		which, wrong := w.shorten(l, wrong)
		var numbers []string
		for _, i := range which {
			numbers = append(numbers, strconv.Itoa(i))
		}
		t.Errorf("LIFE_SEED=%d LIFE_STEPS=%s fails (%v):\n%s", seed, strings.Join(numbers, ","), l.only(which), strings.Join(wrong, "\n"))
		return
	}
	w.chain()
}

// young is this world, or another one before its CA ends.
func (w *world) young() *world {
	if w.Clock.Now().Year() <= 2032 {
		return w
	}
	w.chain()
	return newWorld(w.t)
}

// shorten leaves out steps as long as the life still fails.
func (w *world) shorten(l life, wrong []string) ([]int, []string) {
	which := make([]int, len(l.steps))
	for i := range which {
		which[i] = i
	}
	for again := true; again; {
		again = false
		for i := len(which) - 1; i >= 0; i-- {
			less := slices.Delete(slices.Clone(which), i, i+1)
			w = w.young()
			if b := w.play(l.only(less)); len(b) > 0 {
				which, wrong, again = less, b, true
			}
		}
	}
	return which, wrong
}

// play plays a life with two new users and tells what was wrong.
func (w *world) play(l life) []string {
	w.calls, w.signed, w.wrong, w.users, w.fates, w.years = nil, nil, nil, nil, map[string]*fate{}, 0
	w.ca.no, w.ca.lost, w.ca.dies = 0, 0, false
	w.policy, w.Registration.ConfirmAtOnce = l.policy, l.atOnce
	w.logged = len(w.Logs.String())
	var err error
	w.seq, _, err = w.Store.AuditHead(bg)
	w.OK(err)
	w.disk.fails(0, 0)
	w.process()
	w.deaths = 0
	for _, way := range l.ways {
		w.users = append(w.users, w.newUser(way))
	}
	for _, s := range l.steps {
		w.step(s)
	}
	w.heal()
	if len(w.wrong) == 0 {
		w.check()
	}
	if len(w.wrong) == 0 {
		w.again()
	}
	w.kill()
	synctest.Wait()
	return w.wrong
}

func (w *world) step(s step) {
	w.say("%v", s)
	for _, d := range deeds {
		if d.name == s.do {
			d.do(w, w.users[s.u], s.n)
		}
	}
	if s.together {
		return
	}
	w.pump()
	if w.life.Err() != nil {
		w.say("  the process has died")
		saw.add("death")
		w.process()
		w.pump()
	}
}

// heal ends all faults and lets end what was begun; then each card is in contact.
func (w *world) heal() {
	w.ca.no, w.ca.lost, w.ca.dies = 0, 0, false
	w.disk.fails(0, 0)
	for _, u := range w.users {
		w.line(func() {
			u.down.arrive()
			u.up.arrive()
			u.down, u.up = line{queue: u.down.queue}, line{queue: u.up.queue}
		})
		u.mute, u.mood = 0, agree
		u.power(true)
		u.answer(agree)
	}
	w.pump()
	if w.life.Err() != nil {
		w.process()
	}
	w.say("all faults end")
	w.calm()
	for range 2 {
		if len(w.wrong) > 0 {
			return
		}
		for _, u := range w.users {
			w.contact(u)
		}
		w.calm()
	}
	w.pass(time.Minute) // the last texts leave
	w.calm()
}

// contact is one with a card; one whose user has left is reached otherwise.
func (w *world) contact(u *user) {
	sit, err := w.Store.Situation(bg, u.number)
	w.OK(err)
	c := w.Care
	if sit.User.State == mssp.SubscriberRemoved {
		w.begin("retire", func(ctx context.Context) error {
			t, err := w.Engine.FormerTarget(ctx, u.number)
			if err == nil {
				_, err = c.ChangeStatusOf(ctx, t, applet.StatusDeactivate)
			}
			return err
		}, nil)
		return
	}
	w.ask(u, 0)
}

// calm waits until nothing is left to do.
func (w *world) calm() {
	for range 60 {
		w.pump()
		if w.quiet() {
			return
		}
		for _, u := range w.users {
			w.confirm(u)
		}
		w.pass(time.Minute)
	}
	for _, c := range w.calls {
		w.bad("%s never ends", c.name)
	}
	ds, err := w.Store.OpenDuties(bg, w.Clock.Now().Add(time.Hour), 100)
	w.OK(err)
	for i := range ds {
		if w.user(ds[i].MSISDN) != nil {
			w.bad("a duty never ends: %+v", ds[i])
		}
	}
	if len(w.wrong) == 0 {
		w.bad("it never ends")
	}
}

func (w *world) quiet() bool {
	if len(w.calls) > 0 {
		return false
	}
	for _, u := range w.users {
		if len(w.open(u)) > 0 {
			return false
		}
	}
	ds, err := w.Store.OpenDuties(bg, w.Clock.Now().Add(time.Hour), 100)
	w.OK(err)
	for i := range ds {
		if w.user(ds[i].MSISDN) != nil {
			return false
		}
		for _, u := range w.users {
			if ds[i].ICCID == u.iccid {
				return false
			}
		}
	}
	return true
}

// isSo reports whether the CA says that it is so already.
func isSo(err error, s mssp.CertStatus) bool {
	so, ok := errors.AsType[*pki.StatusError](err)
	return ok && so.Have.Status == s
}
