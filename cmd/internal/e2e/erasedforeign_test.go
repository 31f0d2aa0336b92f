package e2e

import (
	"strings"
	"testing"
)

// The certificate of another CA outlives the erasure of its user as something to confirm:
// the operator says that it was revoked, without a number, for nobody knows it any more.
//
// Covers: 3.5.10-1 via simsign ra confirm
func TestErasedWithACertificateOfAnotherCA(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	d, ca := newDesk(t, w), w.externalCA(t)
	u := w.users[0]
	must(t, w.dir, "issuer", "assign", "north", string(u.iccid))
	must(t, w.dir, "issuer", "edit", "north", "--ca", "external.crt")
	c := w.serve(t)
	serial := d.external(t, u, ca)
	must(t, w.dir, "user", "erase", u.number.String(), "--confirm", u.number.String())
	eventually(t, "it is said who must be asked", func() bool {
		return strings.Contains(must(t, w.dir, "ra", "work"), "another CA has issued the certificate")
	})
	for says, args := range map[string][]string{
		"name the user":  {"--certificate", "77", "--status", "revoked"},
		"must be given":  {"--certificate", serial, "--status", "suspended"},
		"number is regi": {"--certificate", serial, "--status", "revoked", "--msisdn", u.number.String()},
	} {
		if r := run(t, w.dir, append([]string{"ra", "confirm"}, args...)...); r.code == 0 || !strings.Contains(r.stderr, says) {
			t.Errorf("%q: %d %s%s", args, r.code, r.stdout, r.stderr)
		}
	}
	if out := must(t, w.dir, "ra", "confirm", "--certificate", serial, "--status", "revoked"); !strings.Contains(out, "a user who was erased: removed") {
		t.Error(out)
	}
	if out := must(t, w.dir, "ra", "work"); strings.Contains(out, serial) {
		t.Error(out)
	}
	c.stop(t)
	must(t, w.dir, "check", "--data")
	must(t, w.dir, "audit", "verify")
}
