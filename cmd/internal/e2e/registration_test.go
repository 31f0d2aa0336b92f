package e2e

import (
	"strings"
	"testing"

	"github.com/simsign/simsign/applet/handset"
)

// cancels presses the key that ends everything at the n-th screen.
func cancels(n int) script {
	return func(handset.Screen) (handset.Answer, bool) {
		n--
		return handset.Answer{Action: handset.Cancel}, n == 0
	}
}

// A user chooses his first code and makes every mistake that there is: two
// codes that differ, again and again; end at each step. Each time the phone
// says that it failed, the operator is told why, and the card is as before.
// While he thinks, nobody gets a signature of the key that is not registered.
//
// Covers: 3.4-5, 3.4-6, 3.5.1-5, 3.5.1-6, 5.1-6 via simsign user register
// Covers: 5.1-9 via simsign user applet
// Covers: 3.5.1-4, 5.1-10, I13 via simsign sign
func TestFirstCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "")
	c := w.serve(t)
	w.each(t, func(t *testing.T, u *user) {
		register := []string{"user", "register", "--algorithm", u.alg.String()}
		initial := func(what string) {
			t.Helper()
			w.about(t, u, 0, "authentication: not set", "user", "applet")
			w.about(t, u, 0, "slot    1: empty", "user", "applet")
			if t.Failed() {
				t.Fatal("after " + what)
			}
		}
		initial("nothing")

		u.acts(types("1357", "2468", "1357", "2468", "1357", "2468"))
		w.about(t, u, 1, "", register...)
		u.wantSeen(t, "codes that differ", "4-8: Choose a personal code of 4-8 digits", "Enter the new code again", "The two codes differ.", "No new code was set.", "Registration failed.")
		if n := strings.Count(u.seen(), "The two codes differ."); n < 2 {
			t.Errorf("codes that differ were taken %d times", n+1)
		}
		initial("codes that differ")

		steps := 0
		for ; steps < 10; steps++ {
			u.acts(cancels(steps + 1))
			r := run(t, w.dir, append(register, "--msisdn", u.number.String())...)
			if r.code == 0 {
				break // there are not so many screens
			}
			if !strings.Contains(r.stderr, "cancelled") {
				t.Errorf("cancelled at screen %d: %s", steps+1, r.stderr)
			}
			u.wantSeen(t, "cancelled", "Registration failed. The service is not active.")
			initial("a cancel")
		}
		if steps < 2 {
			t.Errorf("only %d steps can be cancelled", steps)
		}
		u.acts(nil)
		w.asks(t, u, 0, verified, "--text", "Pay?")

		// The other key: made on the card, not registered yet, and no use to anybody.
		u.acts(nil)
		u.setIdle(true)
		registered := make(chan result)
		go func() {
			registered <- run(t, w.dir, append(register, "--usage", "non-repudiation", "--msisdn", u.number.String())...)
		}()
		eventually(t, "the prompt for a signature code", func() bool { return u.has("Choose a signature code") })
		r := w.sign(t, u, "--text", "Pay?", "--profile", signURI)
		if r.code == 0 || !strings.Contains(r.stderr, "NO_KEY_FOUND") {
			t.Errorf("signed with a key that is not registered: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
		u.setIdle(false)
		press(t, u)
		if r := <-registered; r.code != 0 {
			t.Errorf("registered at last: exit code %d\n%s", r.code, r.stderr)
		}
		w.asks(t, u, 0, verified, "--text", "Pay?", "--profile", signURI)
	})
	c.stop(t)
	w.checkLog(t, nil)
}
