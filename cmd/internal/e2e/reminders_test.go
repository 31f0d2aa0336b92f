package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// reminders are the messages to a user that invite him to renew.
func (u *user) reminders() (out []string) {
	for _, m := range u.set.Snapshot().Inbox {
		if strings.Contains(m.Text, "expires") {
			out = append(out, m.Text)
		}
	}
	return out
}

// The service invites users whose certificates end soon, once, and says how to renew in the
// words of its operator; the operator sees the same list. A user who has another pair by then, which
// is valid for as long, is on it with that one alone.
//
// Covers: 3.5.13-1 via simsign serve
// Covers: 3.5.13-1 via simsign user expiring
func TestReminders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	w.reconfigure(t, "code_help =", "expiry_reminders = [\"1200d\", \"10d\"]\nreminder_hours = [0, 24]\nhelp =")
	w.extend(t, "[[text]]\nlanguage = \"en\"\nrenew = \"Renew at renew.example. {help}\"\n")
	c := w.serve(t)
	w.register(t, "authentication")
	who := w.signed(t, w.users[0])
	c.stop(t)

	const ending = `simsign_certificates_ending{within="1200 days"}`
	for start := range 2 {
		c = w.serve(t)
		eventually(t, "a look at the certificates", func() bool { return w.metric(t, ending) == 1 })
		u, day := w.users[0], who.NotAfter.Format(time.DateOnly)
		u.message(t, "your certificate expires on "+day+". Renew at renew.example. Call 0800 123 456.")
		if got := u.reminders(); len(got) != 1 {
			t.Errorf("start %d: the user has %d reminders: %q", start+1, len(got), got)
		}
		if n := w.metric(t, `simsign_certificates_ending{within="10 days"}`); n != 0 {
			t.Errorf("%v end within 10 days", n)
		}
		if start == 0 {
			r := run(t, w.dir, "user", "expiring", "--days", "1200")
			if r.code != 0 || !strings.Contains(r.stdout, u.number.String()) || !strings.Contains(r.stdout, day) {
				t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
			}
			if r := run(t, w.dir, "user", "expiring"); r.code != 0 || strings.Contains(r.stdout, u.number.String()) {
				t.Errorf("within 30 days: exit code %d\n%s", r.code, r.stdout)
			}
			if r := run(t, w.dir, "user", "expiring", "--days", "0"); r.code == 0 || !strings.Contains(r.stderr, "days: must be 1 to 3660") {
				t.Errorf("exit code %d\n%s", r.code, r.stderr)
			}
		}
		c.stop(t)
	}

	var list []struct{ MSISDN, Serial, State string }
	r := run(t, w.dir, "user", "expiring", "--days", "1200", "--json") // no service runs
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil || len(list) != 1 || list[0].MSISDN != w.users[0].number.String() || list[0].State != "active" {
		t.Errorf("%v: %s%s", err, r.stdout, r.stderr)
	}
}
