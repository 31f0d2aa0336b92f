package e2e

import (
	"bytes"
	"strings"
	"testing"
)

// Where [registration] same_pair permits it, the pair of a certificate that has expired gets
// another certificate, by command and by JSON: the key is the same, the phone stays dark, and
// the user signs again. Without a new identification it is refused, as after a revocation.
//
// Covers: 5.11-1 via simsign user register
// Covers: 5.11-1 via POST /int3c/register
func TestSamePair(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, "")
	d, ca := newDesk(t, w), w.externalCA(t)
	w.extend(t, "[registration]\nidentity = true\nsame_pair = true\n")
	must(t, w.dir, "issuer", "edit", "north", "--ca", "external.crt")
	c := w.serve(t)
	keys, certs := map[*user][]byte{}, map[*user][]byte{}
	for _, u := range w.users {
		must(t, w.dir, "issuer", "assign", "north", string(u.iccid))
		must(t, w.dir, "user", "identify", "--msisdn", u.number.String(), "--how", "kiosk", "--at", "2020-02-03T10:00:00Z")
		m := map[string]any{"msisdn": u.number.String(), "profile": authURI, "algorithm": u.alg.String(), "usage": "authentication", "flow": "B"}
		a := d.ask(t, "crm", "/int3c/register_complete", m)
		d.wants(t, "complete", a, 200, "ok", "")
		cert := ca.brief(t, a.octets(t, "csr"))
		a = d.ask(t, "crm", "/int3c/certificate_status", map[string]any{"msisdn": u.number.String(), "status": "created", "certificate": cert})
		d.wants(t, "status", a, 200, "ok", "")
		keys[u], certs[u] = a.octets(t, "publicKey"), cert
	}
	for _, u := range w.users {
		expires(t, certs[u])
		eventually(t, "the service to see it", func() bool {
			r := w.sign(t, u, "--text", "Pay?")
			return r.code != 0 && strings.Contains(r.stderr, "has expired")
		})
	}
	w.drained(t)
	must(t, w.dir, "issuer", "edit", "north", "--ca", "any")

	one, two := w.users[0], w.users[1]
	same := map[string]any{"msisdn": two.number.String(), "profile": authURI, "pair": "same"}
	w.about(t, one, 1, "was identified since", "user", "register", "--same-pair")
	d.wants(t, "not identified again", d.ask(t, "crm", "/int3c/register", same), 200, "refused", "registration-nok")
	for _, u := range w.users {
		must(t, w.dir, "user", "identify", "--msisdn", u.number.String(), "--how", "face-to-face")
		u.acts(nil)
	}
	w.about(t, one, 0, "slot 1, authentication", "user", "register", "--same-pair")
	a := d.ask(t, "crm", "/int3c/register", same)
	d.wants(t, "the same pair", a, 200, "ok", "")
	if !bytes.Equal(a.octets(t, "publicKey"), keys[two]) {
		t.Error("it is another pair")
	}
	for _, u := range w.users {
		if s := u.seen(); s != "" {
			t.Errorf("the phone was asked: %s", s)
		}
		w.asks(t, u, 0, verified, "--text", "Pay?")
		w.about(t, u, 1, "has not expired: a renewal takes another pair", "user", "register", "--same-pair")
		w.about(t, u, 0, "", "user", "revoke")
		w.about(t, u, 1, "what was revoked gets no other certificate", "user", "register", "--same-pair")
	}
	if out := must(t, w.dir, "audit", "list", "--msisdn", one.number.String(), "--action", "certificate.add"); strings.Count(out, "certificate.add") != 1 {
		t.Errorf("the audit log of the new certificate:\n%s", out)
	}
	must(t, w.dir, "audit", "verify")
	c.stop(t)
	must(t, w.dir, "check", "--data")
	w.checkLog(t, d.passwords)
}
