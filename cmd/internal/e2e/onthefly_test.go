package e2e

import (
	"bytes"
	"crypto/x509"
	"strings"
	"testing"
)

// In flow B the card makes the pair while the user is registered: before, it has none. Where an
// unregistered pair of that usage is there already, it is kept, and no other is made. The user
// signs with both.
//
// Covers: 5.1-7 via POST /int3c/register_complete
func TestPairOnTheFly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	d, ca := newDesk(t, w), w.externalCA(t)
	u := w.users[0]
	must(t, w.dir, "issuer", "assign", "north", string(u.iccid))
	must(t, w.dir, "issuer", "edit", "north", "--ca", "external.crt")
	c := w.serve(t)
	ask := func(path string, more map[string]any) deskAnswer {
		t.Helper()
		m := map[string]any{"msisdn": u.number.String()}
		for name, v := range more {
			m[name] = v
		}
		a := d.ask(t, "crm", path, m)
		d.wants(t, path, a, 200, "ok", "")
		return a
	}
	if a := ask("/int3c/register_init", map[string]any{"profile": authURI, "algorithm": u.alg.String(), "flow": "B"}); a.Data["publicKey"] != nil || a.Data["state"] != nil {
		t.Errorf("there is a pair before the registration: %+v", a)
	}
	d.external(t, u, ca)
	if r := w.signBare(t, u, "--text", "Pay?"); r.code != 0 {
		t.Error(r.stdout, r.stderr)
	}

	pair := map[string]any{"profile": signURI, "algorithm": u.alg.String(), "usage": "non-repudiation", "flow": "A"}
	made := ask("/int3c/register_init", pair)
	pair["flow"] = "B"
	complete := ask("/int3c/register_complete", pair)
	csr, err := x509.ParseCertificateRequest(complete.octets(t, "csr"))
	if err != nil || !bytes.Equal(csr.RawSubjectPublicKeyInfo, made.octets(t, "publicKey")) || complete.Data["slot"] != made.Data["slot"] {
		t.Errorf("%v: the pair of slot %v is not kept: %v", err, made.Data["slot"], complete.Data["slot"])
	}
	ask("/int3c/certificate_status", map[string]any{"status": "created", "usage": "non-repudiation", "certificate": ca.issue(t, complete.octets(t, "csr"))})
	if r := w.signBare(t, u, "--text", "Sign?", "--profile", signURI); r.code != 0 {
		t.Error(r.stdout, r.stderr)
	}
	if out := must(t, w.dir, "user", "show", "--msisdn", u.number.String()); strings.Count(out, "registered") < 2 {
		t.Error(out)
	}
	c.stop(t)
	must(t, w.dir, "check", "--data")
	w.checkLog(t, d.passwords)
}
