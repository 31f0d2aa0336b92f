package e2e

import (
	"strings"
	"testing"
)

// idle waits until nothing is left to do for a user.
func (w *world) idle(t *testing.T, u *user) {
	t.Helper()
	eventually(t, "nothing left to do", func() bool { return !strings.Contains(must(t, w.dir, "ra", "work"), u.number.String()) })
}

func (u *user) got() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.packets)
}

// The policy "retire": of a revoked user the slots are emptied, and then the applet is
// deactivated, which takes no deletion after it; so it is when a suspension has deactivated
// it before, and when the service is killed at the first packet of the work. He registers
// anew, from slot 1 on.
//
// Covers: 3.5.9-1, 4-3, 4-10 via simsign user revoke
func TestRetired(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "")
	w.extend(t, "[procedures]\ncard = \"retire\"\n")
	c := w.serve(t)
	retired := func(t *testing.T, u *user) {
		t.Helper()
		w.idle(t, u)
		for _, says := range []string{"deactivated", "slot    1: empty", "slot    2: empty"} {
			w.about(t, u, 0, says, "user", "applet")
		}
	}
	w.register(t, "authentication", "non-repudiation")
	w.each(t, func(t *testing.T, u *user) {
		w.about(t, u, 0, "suspended", "user", "suspend")
		w.idle(t, u)
		w.about(t, u, 0, "deactivated", "user", "applet")
		w.about(t, u, 0, "revoked", "user", "revoke", "--reason", "lost")
		retired(t, u)
		w.about(t, u, 0, "slot 1, authentication", "user", "register", "--algorithm", u.alg.String())
		w.about(t, u, 0, "slot 2, non-repudiation", "user", "register", "--usage", "non-repudiation", "--algorithm", u.alg.String())
		w.asks(t, u, 0, verified, "--text", "Pay?")
	})
	u := w.users[0]
	was := u.got()
	w.about(t, u, 0, "revoked", "user", "revoke")
	eventually(t, "the first packet", func() bool { return u.got() > was })
	c.kill()
	c = w.serve(t)
	retired(t, u)
	w.about(t, u, 0, "slot 1, authentication", "user", "register", "--algorithm", u.alg.String())
	c.stop(t)
	must(t, w.dir, "check", "--data")
	w.checkLog(t, nil)
}
