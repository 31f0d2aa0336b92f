package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet/handset"
)

// anew gives the service a database with nothing in it but the cards and their users.
func (w *world) anew(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(w.path("data")); err != nil {
		t.Fatal(err)
	}
	w.found(t)
	w.enter(t, w.users...)
}

// Whoever has lost the database and begins anew with the same cards destroys no key on
// them: each registration takes another slot, and when none is left it is refused and
// told which slots hold what.
//
// Covers: 3.5.1-9, 5.1-2, 5.1-3 via simsign user register
func TestNewDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "")
	for n := 1; n <= 5; n++ {
		c := w.serve(t)
		w.each(t, func(t *testing.T, u *user) {
			if n == 5 {
				w.about(t, u, 1, "4 key slots and none is free: slot 1 holds a registered key that is not known here, slot 2", "user", "register", "--algorithm", u.alg.String())
				return
			}
			w.about(t, u, 0, fmt.Sprintf("slot %d, authentication", n), "user", "register", "--algorithm", u.alg.String())
			w.asks(t, u, 0, verified, "--text", "Pay?")
			for k := 1; k <= n; k++ {
				w.about(t, u, 0, fmt.Sprintf("slot    %d: registered", k), "user", "applet")
			}
		})
		c.stop(t)
		if t.Failed() || n == 5 {
			return
		}
		w.anew(t)
	}
}

// An operator deactivates applets and activates them again, and sees what they are; a
// deactivated one signs nothing, and a registration activates it.
//
// Covers: 4-3, 5.10-3 via simsign card activate
func TestAppletSwitchedOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, "")
	for i := range 3 {
		u := newUser(i)
		u.fresh = true
		w.join(t, u)
	}
	c := w.serve(t)
	w.each(t, func(t *testing.T, u *user) {
		card := func(says string, args ...string) {
			t.Helper()
			r := run(t, w.dir, append(args, string(u.iccid))...)
			if r.code != 0 || !strings.Contains(strings.Join(strings.Fields(r.stdout), " "), says) {
				t.Errorf("%v: exit code %d, want %q\n%s%s", args, r.code, says, r.stdout, r.stderr)
			}
		}
		card("it has not told its state", "card", "show")
		if r := run(t, w.dir, "card", "deactivate", string(u.iccid)); r.code != 1 || !strings.Contains(r.stderr, "was never activated") {
			t.Errorf("deactivated: %d %s%s", r.code, r.stdout, r.stderr)
		}
		card("applet installed", "card", "show", "--ask")
		w.about(t, u, 0, "slot 1", "user", "register", "--algorithm", u.alg.String())
		card("applet active", "card", "show")
		card("is deactivated", "card", "deactivate")
		card("applet deactivated", "card", "show")
		w.asks(t, u, 3, "the applet is not active", "--text", "Pay?")
		card("is active", "card", "activate")
		w.asks(t, u, 0, verified, "--text", "Pay?")
		card("is deactivated", "card", "deactivate")
		w.about(t, u, 0, "slot 2", "user", "register", "--usage", "non-repudiation", "--algorithm", u.alg.String())
		w.asks(t, u, 0, verified, "--text", "Pay?", "--profile", signURI)
	})
	c.stop(t)
}

// The code that proves possession is another one than the user was given: the server
// finds it after the card has done all, and card and server end as before; so it is when
// a second pair is refused, and the first one signs on.
//
// Covers: 5.1-16 via simsign user register
func TestRefusedAfterTheAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "")
	c := w.serve(t)
	w.each(t, func(t *testing.T, u *user) {
		other := func(s handset.Screen) (handset.Answer, bool) {
			return handset.Answer{Action: handset.OK, Input: "87654321"}, strings.Contains(s.Text, "registration code")
		}
		says := func(text string) func() bool {
			return func() bool {
				return strings.Contains(must(t, w.dir, "user", "applet", "--msisdn", u.number.String()), text)
			}
		}
		u.acts(other)
		w.about(t, u, 1, "another Proof of Possession code", "user", "register", "--algorithm", u.alg.String(), "--pop", "12345678")
		eventually(t, "an empty slot", says("slot    1: empty"))
		eventually(t, "no code", says("authentication: not set"))
		u.acts(nil)
		w.about(t, u, 0, "slot 1", "user", "register", "--algorithm", u.alg.String())
		w.asks(t, u, 0, verified, "--text", "Pay?")
		u.acts(other)
		w.about(t, u, 1, "another Proof of Possession code", "user", "register", "--algorithm", u.alg.String(), "--pop", "12345678")
		eventually(t, "an empty slot", says("slot    2: empty"))
		u.acts(nil)
		w.asks(t, u, 0, verified, "--text", "Pay?")
	})
	c.stop(t)
}
