package e2e

import (
	"strings"
	"testing"
)

// told counts the messages to a user that have a text.
func (u *user) told(text string) (n int) {
	for _, m := range u.set.Snapshot().Inbox {
		if strings.Contains(m.Text, text) {
			n++
		}
	}
	return n
}

// drained waits until every text has left, or never will.
func (w *world) drained(t *testing.T) {
	t.Helper()
	db := w.database(t)
	eventually(t, "an empty outbox", func() bool {
		var n int
		if err := db.QueryRow("SELECT COUNT(*) FROM segment WHERE tx_seq = 0 AND state IN ('queued', 'sent', 'ambiguous')").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n == 0
	})
}

// What a user is told of is in a row with the change itself: the service is killed
// each time after the commit and before the network could take the text. When both are back
// everything is told, once, and once only, however often it starts again.
//
// Supports: 5.9-1, 5.10-2, 5.8-1
func TestToldOverKills(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	c := w.serve(t)
	w.register(t, "authentication")
	u := w.users[0]
	u.message(t, "registration is complete")
	w.drained(t)
	c.stop(t)

	away := freePorts(t, 1)[0]
	w.reconfigure(t, w.networkAddr, away)
	steps := []struct{ text, command string }{{"is suspended", "suspend"}, {"active again", "reactivate"}, {"is revoked", "revoke"}}
	for i, s := range steps {
		c = w.serve(t)
		w.about(t, u, 0, "", "user", s.command)
		db := w.database(t)
		eventually(t, "a notice", func() bool {
			var n int
			if err := db.QueryRow("SELECT COUNT(*) FROM notice").Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n == i+2
		})
		c.kill()
	}
	if u.told("is suspended")+u.told("active again")+u.told("is revoked") != 0 {
		t.Error("a text has come through a network that is not there")
	}

	w.reconfigure(t, away, w.networkAddr)
	for range 2 {
		c = w.serve(t)
		w.drained(t)
		for _, s := range steps {
			u.message(t, s.text)
			if n := u.told(s.text); n != 1 {
				t.Errorf("%q was told %d times", s.text, n)
			}
		}
		if n := u.told("registration is complete"); n != 1 {
			t.Errorf("of the registration the user was told %d times", n)
		}
		c.stop(t)
	}
	must(t, w.dir, "check", "--data")
	w.checkLog(t, nil)
}
