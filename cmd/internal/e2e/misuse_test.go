package e2e

import (
	"strings"
	"testing"
)

// A user cancels again and again what one provider asks: that provider hears until
// when it does not reach him, across a restart, and another one reaches him all the
// same. The operator sees what counts and takes it away.
//
// Covers: 3.5.6-1 via simsign user lift
func TestMisuse(t *testing.T) {
	w := newWorld(t, 1, "")
	w.reconfigure(t, "cool_off_after = 0", "cool_off_after = 2")
	c := w.serve(t)
	w.register(t, "authentication")
	u := w.users[0]
	for range 2 {
		u.acts(cancels(1))
		w.asks(t, u, 3, "401 ", "--text", "Pay?")
	}
	c.stop(t)
	c = w.serve(t)
	u.acts(nil)
	w.asks(t, u, 3, "2 of your requests within 10 minutes and is left in peace until", "--text", "Pay?")
	if u.seen() != "" {
		t.Errorf("the user was asked:\n%s", u.seen())
	}
	r := run(t, w.dir, "sign", "--url", "http://"+w.api, "--ap", string(portal), "--password", w.passwords[portal],
		"--msisdn", u.number.String(), "--text", "Buy?", "--ca", "ca.pem", "--out", "signed.p7s")
	if r.code != 0 || !strings.Contains(r.stdout, verified) {
		t.Errorf("another provider: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	w.about(t, u, 0, "limit         "+string(bank)+": left in peace until 20", "user", "show")
	w.about(t, u, 0, "lifted", "user", "lift", "--ap", string(bank))
	w.asks(t, u, 0, verified, "--text", "Pay?")
	c.stop(t)
}
