package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp/cms"
)

// opened are the messages that have reached the card of the user since the
// last time, each once.
func (u *user) opened(t testing.TB) (out []applet.Message) {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := map[string]bool{}
	for _, p := range u.packets {
		if seen[string(p)] {
			continue
		}
		seen[string(p)] = true
		m, err := applet.Parse(u.command(t, p).Data)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	u.packets = nil
	return out
}

// messages are the same by the names of their commands.
func (u *user) messages(t testing.TB) (out []string) {
	t.Helper()
	for _, m := range u.opened(t) {
		var names []string
		for _, c := range m.Commands {
			names = append(names, c.Tag().String())
		}
		out = append(out, strings.Join(names, "+"))
	}
	return out
}

// What goes to the card for a registration in both flows and with both kinds
// of key: as few messages as can be, with several commands in one of them. The
// card is asked first, once, and its applet activated with the first command.
//
// Covers: 3.3-5, 4-6, 4-7, 5-2, 5.1-5 via simsign user register
func TestCommandsToTheCard(t *testing.T) {
	w := newWorld(t, 0, "")
	for i := range 3 {
		u := newUser(i)
		u.fresh = true
		w.join(t, u)
	}
	c := w.serve(t)
	for _, u := range w.users {
		for _, f := range []struct{ flow, usage, want string }{
			{"A", "authentication", "[ChangeAppletStatus ChangeAppletStatus+SetAuthenticationHandlerData SignTransaction]"},
			{"B", "non-repudiation", "[SignTransaction]"},
		} {
			w.about(t, u, 0, "registered", "user", "register", "--algorithm", u.alg.String(), "--flow", f.flow, "--usage", f.usage)
			if have := fmt.Sprint(u.messages(t)); have != f.want {
				t.Errorf("%s, %s, flow %s: %s, want %s", u.way, u.alg, f.flow, have, f.want)
			}
		}
	}
	c.stop(t)
}

// signed asks for a signature and returns who made it, verified.
func (w *world) signed(t *testing.T, u *user, args ...string) *x509.Certificate {
	t.Helper()
	w.asks(t, u, 0, verified, append(args, "--text", "Pay?")...)
	b, err := os.ReadFile(w.path("signed.p7s"))
	if err != nil {
		t.Fatal(err)
	}
	sd, _, err := cms.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	root, err := os.ReadFile(w.path("ca.pem"))
	if err != nil || !pool.AppendCertsFromPEM(root) {
		t.Fatal(err)
	}
	who, err := sd.Verify(cms.VerifyOptions{Roots: pool, Time: time.Now(), Content: []byte("Pay?")})
	if err != nil {
		t.Fatal(err)
	}
	return who.Certificate
}

// A provider that trusts the CA's certificate and nobody else judges a
// signature by itself: the chain is in it, and the CA tells the state of the
// signer's certificate in both standard ways.
//
// Covers: 2-1, W-9 via POST /ocsp
// Covers: 2-1, W-9 via GET /ca.crl
// Covers: W-9 via GET /ca.crt
func TestProviderVerifies(t *testing.T) {
	w := newWorld(t, 1, "")
	c := w.serve(t)
	w.register(t, "authentication")
	who := w.signed(t, w.users[0])
	issuer, err := x509.ParseCertificate([]byte(get(t, "http://"+w.ca+"/ca.crt")))
	if err != nil {
		t.Fatal(err)
	}
	if err := who.CheckSignatureFrom(issuer); err != nil {
		t.Error(err)
	}
	if st := w.ocsp(t, who, issuer); st.Status != ocsp.Good {
		t.Errorf("OCSP: %+v", st)
	}
	list, err := x509.ParseRevocationList([]byte(get(t, "http://"+w.ca+"/ca.crl")))
	if err != nil {
		t.Fatal(err)
	}
	if err := list.CheckSignatureFrom(issuer); err != nil || len(list.RevokedCertificateEntries) > 0 {
		t.Errorf("list: %v, %d entries", err, len(list.RevokedCertificateEntries))
	}
	c.stop(t)
}

// Both kinds of key sign hashes of every length, as bare signatures that
// somebody checks with the signer's certificate; a card is asked for no key
// that it cannot make.
//
// Covers: 3.2-1 via simsign sign
// Covers: 3.2-4 via simsign user register
func TestKindsOfKey(t *testing.T) {
	w := newWorld(t, 3, "")
	c := w.serve(t)
	w.register(t, "authentication")
	for _, u := range w.users {
		who := w.signed(t, u)
		w.write(t, "signer.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: who.Raw})))
		for _, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
			h := hash.New()
			h.Write([]byte("a contract"))
			r := run(t, w.dir, "sign", "--url", "http://"+w.api, "--ap", string(bank), "--password", w.passwords[bank], "--msisdn", u.number.String(),
				"--hash", hex.EncodeToString(h.Sum(nil)), "--text", "Contract", "--format", "pkcs1", "--signer", "signer.pem", "--poll", "20ms", "--out", "bare")
			if r.code != 0 || strings.Contains(r.stdout, "NOT VERIFIED") {
				t.Errorf("%s %s: exit code %d\n%s%s", u.alg, hash, r.code, r.stdout, r.stderr)
			}
			bare, err := os.ReadFile(w.path("bare"))
			if err != nil {
				t.Fatal(err)
			}
			switch pub := who.PublicKey.(type) {
			case *rsa.PublicKey:
				err = rsa.VerifyPKCS1v15(pub, hash, h.Sum(nil), bare)
			case *ecdsa.PublicKey:
				if !ecdsa.VerifyASN1(pub, h.Sum(nil), bare) {
					err = errors.New("wrong signature")
				}
			}
			if err != nil {
				t.Errorf("%s %s: %v", u.alg, hash, err)
			}
		}
	}
	u := w.users[0]
	u.messages(t)
	w.about(t, u, 1, "P-384", "user", "register", "--usage", "non-repudiation", "--algorithm", "P-384")
	if have := u.messages(t); len(have) > 0 {
		t.Errorf("a card was asked for a key that its profile does not have: %s", have)
	}
	c.stop(t)
}

// A second key for the same use: another pair with another certificate, and the
// first one works until the second does.
//
// Covers: 5.12-1 via simsign user register
func TestSecondKey(t *testing.T) {
	w := newWorld(t, 3, "")
	c := w.serve(t)
	w.register(t, "authentication")
	w.each(t, func(t *testing.T, u *user) {
		first := w.signed(t, u)
		u.acts(cancels(1))
		w.about(t, u, 1, "cancelled", "user", "register", "--algorithm", u.alg.String())
		u.acts(nil)
		if again := w.signed(t, u); !again.Equal(first) {
			t.Error("a registration that was broken off has changed the key")
		}
		w.about(t, u, 0, "slot 2, authentication, "+u.alg.String()+", registered", "user", "register", "--algorithm", u.alg.String())
		second := w.signed(t, u)
		if second.SerialNumber.Cmp(first.SerialNumber) == 0 || first.PublicKey.(interface{ Equal(crypto.PublicKey) bool }).Equal(second.PublicKey) {
			t.Error("the second key is the first")
		}
		w.about(t, u, 0, fmt.Sprintf("slot 1, authentication, %s, registered, certificate %x ", u.alg, first.SerialNumber), "user", "show")
	})
	c.stop(t)
}
