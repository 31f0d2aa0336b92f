package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp/letter/lettertest"
)

// The RA hears by e-mail whose certificates end, once, over restarts, and by the first
// server that takes it. No log has a number, or the address.
//
// Covers: 3.5.13-1 via simsign serve
func TestExpiryMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	away := freePorts(t, 1)[0]
	w.reconfigure(t, "code_help =", "expiry_reminders = [\"1200d\", \"10d\"]\nreminder_hours = [0, 24]\nexpiry_mail = [\"ra@mail.example\"]\nhelp =")
	r := run(t, w.dir, "check")
	if r.code == 0 || !strings.Contains(r.stderr, "messages.expiry_mail: needs a mail server") {
		t.Errorf("%d %s", r.code, r.stderr)
	}
	w.extend(t, fmt.Sprintf("[registration]\nidentity = false\nmail_server = %q\nmail_from = \"mobile-id@mail.example\"\nmail_tls = \"none\"\n", away))
	c := w.serve(t)
	w.register(t, "authentication")
	u := w.users[0]
	serial := fmt.Sprintf("%x", w.signed(t, u).SerialNumber)
	c.stop(t)
	look := func() {
		t.Helper()
		c := w.serve(t)
		eventually(t, "a look at the certificates", func() bool { return w.metric(t, `simsign_certificates_ending{within="1200 days"}`) == 1 })
		c.stop(t)
	}
	look()
	if !strings.Contains(w.log(t, -1), "telling by e-mail whose certificates end") {
		t.Error("nobody hears that the mail server is away")
	}
	srv := lettertest.New(t, lettertest.Options{})
	w.reconfigure(t, away, srv.Addr)
	for range 2 {
		look()
	}
	l := srv.Letters()
	if len(l) != 1 || l[0].To != "ra@mail.example" || l[0].From != "mobile-id@mail.example" || !strings.Contains(l[0].Head, "1 certificate ends soon") {
		t.Fatalf("%+v", l)
	}
	for _, want := range []string{u.number.String(), u.name, serial, "simsign user expiring --days 1200"} {
		if !strings.Contains(strings.ToLower(l[0].Body), strings.ToLower(want)) {
			t.Errorf("%q is not in\n%s", want, l[0].Body)
		}
	}
	must(t, w.dir, "check", "--data")
	must(t, w.dir, "audit", "verify")
	w.checkLog(t, map[string]string{"address": "ra@mail.example"})
}
