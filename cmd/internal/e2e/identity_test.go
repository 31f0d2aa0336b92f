package e2e

import (
	"bytes"
	"strings"
	"testing"
)

// Nobody gets a key of whom it was not recorded who identified him: the RA is told, the
// phone stays dark. With the record, which is shown to who asks, he is registered. It is
// in the database alone, under a tag, and goes with the person.
//
// Covers: 3.5.1-1, 3.5.1-11, 3.5.4-4, 5.1-11 via simsign user identify
func TestIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "")
	w.extend(t, "[registration]\n")
	c := w.serve(t)
	const email, document = "erwin@mail.example", "passport X1234567"
	w.each(t, func(t *testing.T, u *user) {
		register := []string{"user", "register", "--algorithm", u.alg.String()}
		u.acts(nil)
		w.about(t, u, 1, "nobody has recorded who identified this user", register...)
		if s := u.seen(); s != "" {
			t.Errorf("the phone was asked: %s", s)
		}
		w.about(t, u, 2, "must be one of", "user", "identify", "--how", "telephone")
		w.about(t, u, 1, "email: must be an address", "user", "identify", "--how", "eid", "--by", "Carl", "--email", "erwin")
		w.about(t, u, 1, "nobody has recorded", register...)
		w.about(t, u, 0, "identified    eid, by Carl Clerk, 2025-11-30T10:00:00Z", "user", "identify", "--how", "eid", "--by", "Carl Clerk",
			"--at", "2025-11-30T10:00:00Z", "--email", email, "--document", document)
		w.about(t, u, 0, "document      "+document, "user", "show")
		w.about(t, u, 0, "e-mail        "+email, "user", "show")
		w.about(t, u, 0, "registered", register...)
		w.asks(t, u, 0, verified, "--text", "Pay?")
		if n := bytes.Count(w.files(t), []byte(email)); n == 0 {
			t.Error("the address is not in the files before")
		}
	})
	for _, u := range w.users {
		must(t, w.dir, "user", "erase", u.number.String(), "--confirm", u.number.String())
	}
	for _, s := range []string{email, document, "Carl Clerk"} {
		if n := bytes.Count(w.files(t), []byte(s)); n > 0 {
			t.Errorf("%s is there %d times after the erasure", s, n)
		}
	}
	if r := run(t, w.dir, "user", "identify", "--how", "portal", "--msisdn", w.users[0].number.String()); r.code != 1 || !strings.Contains(r.stderr, "no user with this number") {
		t.Errorf("%d %s", r.code, r.stderr)
	}
	c.stop(t)
	w.checkLog(t, nil)
}
