package e2e

import (
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
)

// briefly is how long a certificate of brief is good: long enough for a slow machine to store
// it, which is refused when it has ended.
const briefly = 20 * time.Second

// expires waits for the end of a certificate of brief. Nobody signs meanwhile.
func expires(t *testing.T, der []byte) {
	t.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the certificate", func() bool { return time.Now().After(cert.NotAfter) })
}

// brief issues a certificate that ends soon.
func (e *external) brief(t *testing.T, csr []byte) []byte {
	t.Helper()
	r, err := x509.ParseCertificateRequest(csr)
	if err != nil {
		t.Fatal(err)
	}
	e.n++
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(e.n), Subject: r.Subject, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(briefly), KeyUsage: x509.KeyUsageDigitalSignature,
	}, e.cert, r.PublicKey, e.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// A certificate has expired: no signature is made, the phone stays dark, and the provider is
// told that the user must register again. A renewal is refused for the same reason. He
// registers anew, as the first time; the slot of the expired pair is used again for it.
//
// Covers: 3.5.12-1 via simsign sign
// Covers: 5.11-1, 3.5.1-13 via simsign user register
func TestExpired(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	d, ca := newDesk(t, w), w.externalCA(t)
	u := w.users[0]
	must(t, w.dir, "issuer", "assign", "north", string(u.iccid))
	must(t, w.dir, "issuer", "edit", "north", "--ca", "external.crt")
	c := w.serve(t)
	m := map[string]any{"msisdn": u.number.String(), "profile": authURI, "algorithm": u.alg.String(), "usage": "authentication", "flow": "B"}
	a := d.ask(t, "crm", "/int3c/register_complete", m)
	d.wants(t, "complete", a, 200, "ok", "")
	cert := ca.brief(t, a.octets(t, "csr"))
	a = d.ask(t, "crm", "/int3c/certificate_status", map[string]any{"msisdn": u.number.String(), "status": "created", "certificate": cert})
	d.wants(t, "status", a, 200, "ok", "")
	old := fmt.Sprint(a.Data["serial"])

	expires(t, cert)
	eventually(t, "the service to see it", func() bool {
		r := w.sign(t, u, "--text", "Pay?")
		return r.code != 0 && strings.Contains(r.stderr, "has expired")
	})
	w.drained(t)
	u.acts(nil)
	if r := w.sign(t, u, "--text", "Pay?"); r.code == 0 || !strings.Contains(r.stderr, "425 ") || !strings.Contains(r.stderr, "the user must register again") {
		t.Errorf("%d %s%s", r.code, r.stdout, r.stderr)
	}
	if s := u.seen(); s != "" {
		t.Errorf("the phone was asked: %s", s)
	}
	w.about(t, u, 1, "the user must register again", "user", "renew")

	again := false
	for range 8 { // the empty slots first
		r := run(t, w.dir, "user", "register", "--algorithm", u.alg.String(), "--msisdn", u.number.String())
		if r.code != 0 || !strings.Contains(r.stdout, "authentication") {
			t.Fatalf("%d %s%s", r.code, r.stdout, r.stderr)
		}
		w.asks(t, u, 0, verified, "--text", "Pay?")
		if again = strings.Contains(r.stdout, "slot 1,"); again {
			break
		}
	}
	if r := run(t, w.dir, "user", "show", "--msisdn", u.number.String()); !again || strings.Contains(r.stdout, "certificate "+old+" ") {
		t.Errorf("the slot of the expired pair was not used again: %s", r.stdout)
	}
	must(t, w.dir, "audit", "verify")
	c.stop(t)
	must(t, w.dir, "check", "--data")
}

// An RA that falls silent after register_complete: the registration ends when it has waited
// as long as [procedures] certificate says. The card is as before, the user is told, and may
// begin again. What the RA says too late is refused, and recorded.
//
// Covers: 5.1-9, 5.1-16 via POST /int3c/certificate_status
func TestSilentRA(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	d, ca := newDesk(t, w), w.externalCA(t)
	u := w.users[0]
	must(t, w.dir, "issuer", "assign", "north", string(u.iccid))
	must(t, w.dir, "issuer", "edit", "north", "--ca", "external.crt")
	c := w.serve(t)
	m := map[string]any{"msisdn": u.number.String(), "profile": authURI, "algorithm": u.alg.String(), "usage": "authentication"}
	a := d.ask(t, "crm", "/int3c/register_complete", m)
	if a.Result != "ok" {
		d.wants(t, "init", d.ask(t, "crm", "/int3c/register_init", m), 200, "ok", "")
		a = d.ask(t, "crm", "/int3c/register_complete", m)
	}
	d.wants(t, "complete", a, 200, "ok", "")
	cert := ca.issue(t, a.octets(t, "csr"))
	w.drained(t)
	c.stop(t)
	w.extend(t, "[procedures]\ncertificate = \"1ms\"\n")
	c = w.serve(t) // it looks when it starts
	u.message(t, "registration has failed")
	w.drained(t)
	w.about(t, u, 0, "slot    1: empty", "user", "applet")
	w.about(t, u, 0, "authentication: not set", "user", "applet")
	late := d.ask(t, "crm", "/int3c/certificate_status", map[string]any{"msisdn": u.number.String(), "status": "created", "certificate": cert})
	if late.Result != "refused" {
		t.Errorf("%+v", late)
	}
	if out := must(t, w.dir, "audit", "list", "--actor", "crm"); !strings.Contains(out, "int3c.certificate_status") {
		t.Errorf("not recorded:\n%s", out)
	}
	if r := w.sign(t, u, "--text", "Pay?"); r.code == 0 {
		t.Error("signed")
	}
	w.about(t, u, 0, "registered", "user", "register", "--algorithm", u.alg.String())
	w.asks(t, u, 0, verified, "--text", "Pay?")
	c.stop(t)
	must(t, w.dir, "check", "--data")
	must(t, w.dir, "audit", "verify")
}
