package pki

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
)

// A good signature is valid for every key and hash, and one flipped bit of
// digest or signature makes it invalid.
//
// Supports: 5.2-2, 2-1, 3.2-1
func TestVerify(t *testing.T) {
	for _, create := range []CreateOptions{{}, {UnderRoot: true, Key: P384}} {
		b := newBench(t, create, Options{})
		va := NewVA(VAOptions{CA: b.ca, Clock: b.clock.Now})
		for _, kind := range []string{"RSA", "P-256", "P-384"} {
			u := b.enrol(t, kind)
			for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
				digest, sig := u.sign(t, h, "text")
				if code, err := va.Verify(t.Context(), u.cert, digest, sig); code != mssp.ValidSignature || err != nil {
					t.Errorf("%s %v: %v, %v", kind, h, code, err)
				}
				bad := bytes.Clone(sig)
				bad[len(bad)-1] ^= 1
				if code, err := va.Verify(t.Context(), u.cert, digest, bad); code != mssp.InvalidSignature || err != nil {
					t.Errorf("%s %v, signature flipped: %v, %v", kind, h, code, err)
				}
				digest[0] ^= 1
				if code, err := va.Verify(t.Context(), u.cert, digest, sig); code != mssp.InvalidSignature || err != nil {
					t.Errorf("%s %v, digest flipped: %v, %v", kind, h, code, err)
				}
			}
		}
	}
}

// Whatever is wrong with certificate, path, status or store, the answer is a
// code of its own and never "valid".
//
// Supports: 5.2-2, 3.5.12-1, 5.1-10, W-6, A-1
func TestVerdicts(t *testing.T) {
	away := errors.New("database is away")
	for name, tc := range map[string]struct {
		edit func(t *testing.T, b bench, u *user)
		want mssp.Code
	}{
		"good":      {func(*testing.T, bench, *user) {}, mssp.ValidSignature},
		"revoked":   {func(t *testing.T, b bench, u *user) { must(t, b.ca.Revoke(t.Context(), serialOf(u.cert), 0)) }, mssp.RevokedCertificate},
		"suspended": {func(t *testing.T, b bench, u *user) { must(t, b.ca.Suspend(t.Context(), serialOf(u.cert))) }, mssp.RevokedCertificate},
		"reactivated": {func(t *testing.T, b bench, u *user) {
			must(t, b.ca.Suspend(t.Context(), serialOf(u.cert)))
			must(t, b.ca.Reactivate(t.Context(), serialOf(u.cert)))
		}, mssp.ValidSignature},
		"expired":        {func(_ *testing.T, b bench, u *user) { b.clock.now = u.cert.NotAfter.Add(time.Second) }, mssp.ErrorCertificate},
		"last_second":    {func(_ *testing.T, b bench, u *user) { b.clock.now = u.cert.NotAfter }, mssp.ValidSignature},
		"not_yet_valid":  {func(_ *testing.T, b bench, u *user) { b.clock.now = u.cert.NotBefore.Add(-time.Second) }, mssp.ErrorCertificate},
		"no_certificate": {func(_ *testing.T, _ bench, u *user) { u.cert = nil }, mssp.NoCertFound},
		"not_recorded":   {func(_ *testing.T, b bench, u *user) { delete(b.store.certs, serialOf(u.cert)) }, mssp.NoCertFound},
		"pending":        {func(_ *testing.T, b bench, u *user) { b.setRow(u, mssp.CertPending) }, mssp.ErrorCertificate},
		"strange_status": {func(_ *testing.T, b bench, u *user) { b.setRow(u, "new-fangled") }, mssp.ErrorCertificate},
		"empty_status":   {func(_ *testing.T, b bench, u *user) { b.setRow(u, "") }, mssp.ErrorCertificate},
		"other_record": {func(_ *testing.T, b bench, u *user) {
			b.store.certs[serialOf(u.cert)] = mssp.Certificate{Status: mssp.CertValid}
		}, mssp.ErrorCertificate},
		"store_away":  {func(_ *testing.T, b bench, _ *user) { b.store.down = away }, mssp.InternalError},
		"other_ca":    {func(t *testing.T, _ bench, u *user) { *u = newBench(t, CreateOptions{}, Options{}).enrol(t, "P-256") }, mssp.ErrorCertificate},
		"self_signed": {func(t *testing.T, b bench, u *user) { u.cert = forged(t, b, u, u.key) }, mssp.ErrorCertificate},
		"ca_itself":   {func(_ *testing.T, b bench, u *user) { u.cert, u.key = b.ca.cert, b.ca.key }, mssp.ErrorCertificate},
		"server_cert": {func(t *testing.T, b bench, u *user) { u.cert = issued(t, b, u, x509.ExtKeyUsageServerAuth) }, mssp.ErrorCertificate},
		"by_ocsp_signer": {func(t *testing.T, b bench, u *user) {
			s, err := b.ca.newOCSPSigner(testTime)
			must(t, err)
			u.cert, u.key = s.cert, s.key
		}, mssp.ErrorCertificate},
		"digest_of_sha1": {func(*testing.T, bench, *user) {}, mssp.InternalError},
		"key_of_another": {func(t *testing.T, _ bench, u *user) { u.key = newTestKey(t, "P-256") }, mssp.InvalidSignature},
		"p224_for_a_user": {func(t *testing.T, b bench, u *user) {
			u.key = newTestKey(t, "P-224")
			u.cert = issued(t, b, u, x509.ExtKeyUsageClientAuth)
		}, mssp.ErrorCertificate},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, CreateOptions{}, Options{})
			va := NewVA(VAOptions{CA: b.ca, Clock: b.clock.Now})
			u := b.enrol(t, "P-256")
			tc.edit(t, b, &u)
			digest, sig := u.sign(t, crypto.SHA256, "text")
			if name == "digest_of_sha1" {
				digest = digest[:20]
			}
			for range 2 { // cold and warm
				d := va.Check(t.Context(), u.cert, digest, sig)
				if d.Code != tc.want {
					t.Errorf("%v (%s), want %v", d.Code, d.Detail, tc.want)
				}
				if (d.Code != mssp.ValidSignature) != (d.Detail != "") {
					t.Errorf("detail %q", d.Detail)
				}
			}
			if _, err := va.Verify(t.Context(), u.cert, digest, sig); (err != nil) != (tc.want == mssp.InternalError) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func (b bench) setRow(u *user, s mssp.CertStatus) {
	b.store.certs[serialOf(u.cert)] = mssp.Certificate{Serial: serialOf(u.cert), DER: u.cert.Raw, Status: s}
}

// forged is a certificate in the CA's name by another key.
func forged(t *testing.T, b bench, u *user, by crypto.Signer) *x509.Certificate {
	t.Helper()
	tmpl := *u.cert
	parent := *b.ca.cert
	parent.PublicKey = by.Public()
	der, err := x509.CreateCertificate(rand.Reader, &tmpl, &parent, u.key.Public(), by)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return cert
}

// issued is a certificate that the CA's key has signed, but not CA.Issue.
func issued(t *testing.T, b bench, u *user, usage x509.ExtKeyUsage) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(77), Subject: pkix.Name{CommonName: "x"}, NotBefore: testTime, NotAfter: testTime.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}, b.ca.cert, u.key.Public(), b.ca.key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	b.store.certs[serialOf(cert)] = mssp.Certificate{Serial: serialOf(cert), DER: cert.Raw, Status: mssp.CertValid}
	return cert
}

// A change by this process is seen at once, one by another process after
// MaxAge at the latest; in between the store is not asked.
//
// Supports: 3.5.10-1
func TestStatusIsFresh(t *testing.T) {
	b := newBench(t, CreateOptions{}, Options{})
	va := NewVA(VAOptions{CA: b.ca, Clock: b.clock.Now, MaxAge: 10 * time.Second})
	u := b.enrol(t, "P-256")
	expect := func(want mssp.Code, calls int) {
		t.Helper()
		b.store.calls = 0
		if d := va.CheckCertificate(t.Context(), u.cert); d.Code != want || b.store.calls != calls {
			t.Errorf("%v with %d questions to the store, want %v with %d", d.Code, b.store.calls, want, calls)
		}
	}
	expect(mssp.ValidSignature, 1)
	expect(mssp.ValidSignature, 0)
	must(t, b.ca.Suspend(t.Context(), serialOf(u.cert)))
	expect(mssp.RevokedCertificate, 1)
	must(t, b.ca.Reactivate(t.Context(), serialOf(u.cert)))
	expect(mssp.ValidSignature, 1)
	_, err := b.store.SetCertStatus(t.Context(), serialOf(u.cert), mssp.CertRevoked, 0, testTime) // another process
	must(t, err)
	b.clock.now = testTime.Add(10*time.Second - 1)
	expect(mssp.ValidSignature, 0)
	b.clock.now = testTime.Add(10 * time.Second)
	expect(mssp.RevokedCertificate, 1)
	b.clock.now = testTime
	expect(mssp.RevokedCertificate, 1) // a clock that was set back proves nothing
}

// The chain result is remembered with the validity of the whole chain: when
// the issuer ends, so does what it issued.
func TestChainEnds(t *testing.T) {
	b := newBench(t, CreateOptions{}, Options{LifetimeYears: 10})
	va := NewVA(VAOptions{CA: b.ca, Clock: b.clock.Now})
	u := b.enrol(t, "P-256")
	if d := va.CheckCertificate(t.Context(), u.cert); d.Code != mssp.ValidSignature {
		t.Fatal(d)
	}
	k, ok := va.known.get(u.cert.Raw)
	if !ok {
		t.Fatal("not remembered")
	}
	k.notAfter = testTime.AddDate(1, 0, 0) // as if the issuer ended then
	b.clock.now = testTime.AddDate(1, 0, 1)
	if d := va.CheckCertificate(t.Context(), u.cert); d.Code != mssp.ErrorCertificate {
		t.Errorf("%v after the end of its issuer", d.Code)
	}
}

// A foreign CA: what its CRL does not settle is not valid.
//
// Supports: 5.2-2, 2-3
func TestForeignCA(t *testing.T) {
	b := newBench(t, CreateOptions{UnderRoot: true}, Options{})
	u := b.enrol(t, "P-256")
	source := NewCRLSource(b.ca.Certificate())
	foreign := ForeignCA{Issuer: b.ca.Certificate(), Root: b.ca.Root(), Revocation: source}
	va := NewVA(VAOptions{Foreign: []ForeignCA{foreign}, Clock: b.clock.Now})
	expect := func(va *VA, want mssp.Code) {
		t.Helper()
		if d := va.CheckCertificate(t.Context(), u.cert); d.Code != want {
			t.Errorf("%v (%v), want %v", d.Code, d.Err, want)
		}
	}
	update := func() []byte {
		t.Helper()
		der, _, err := b.ca.CRL(t.Context())
		must(t, err)
		must(t, source.Update(der))
		return der
	}
	expect(va, mssp.CRLProblem) // no CRL yet
	foreign.Revocation = nil
	expect(NewVA(VAOptions{Foreign: []ForeignCA{foreign}, Clock: b.clock.Now}), mssp.CRLProblem)
	old := update()
	expect(va, mssp.ValidSignature)
	b.clock.now = testTime.Add(24*time.Hour + time.Second)
	expect(va, mssp.CRLExpired)
	b.clock.now = testTime.Add(-time.Second)
	expect(va, mssp.CRLProblem) // from the future
	b.clock.now = testTime.Add(time.Minute)
	must(t, b.ca.Revoke(t.Context(), serialOf(u.cert), 0))
	update()
	expect(va, mssp.RevokedCertificate)
	if err := source.Update(old); !errors.Is(err, ErrCRL) {
		t.Errorf("an older CRL: %v", err)
	}
	expect(va, mssp.RevokedCertificate)
	for name, der := range map[string][]byte{"empty": nil, "cut": old[:len(old)-1], "flipped": append(bytes.Clone(old[:len(old)-1]), old[len(old)-1]^1)} {
		if err := source.Update(der); !errors.Is(err, ErrCRL) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := newBench(t, CreateOptions{}, Options{})
	theirs, _, err := other.ca.CRL(t.Context())
	must(t, err)
	if err := source.Update(theirs); !errors.Is(err, ErrCRL) {
		t.Errorf("the CRL of another CA: %v", err)
	}
	if d := foreignStatus(context.Background(), brokenRevocation{}, u.cert, testTime); d.Code != mssp.CRLProblem {
		t.Errorf("a source that fails: %v", d.Code)
	}
}

// The CA of a card issuer: its certificates are taken as long as the issuer has it, and
// nobody's when that cannot be read. Another CA of the same name is another one.
//
// Supports: W-8, 5.2-2
func TestIssuersCA(t *testing.T) {
	b := newBench(t, CreateOptions{UnderRoot: true}, Options{})
	namesake := newBench(t, CreateOptions{UnderRoot: true}, Options{}).ca.Certificate()
	u := b.enrol(t, "P-256")
	var list []*x509.Certificate
	var broken error
	va := NewVA(VAOptions{Issuers: func(context.Context) ([]*x509.Certificate, error) { return list, broken }, Clock: b.clock.Now})
	expect := func(what string, want mssp.Code) {
		t.Helper()
		if d := va.CheckCertificate(t.Context(), u.cert); d.Code != want {
			t.Errorf("%s: %v (%v), want %v", what, d.Code, d.Err, want)
		}
	}
	expect("nobody has it", mssp.ErrorCertificate)
	list = []*x509.Certificate{namesake}
	expect("a namesake", mssp.ErrorCertificate)
	list = append(list, b.ca.Certificate())
	expect("of an issuer", mssp.ValidSignature)
	broken = errors.New("out of order")
	expect("unreadable", mssp.InternalError)
	broken, list = nil, nil
	expect("gone", mssp.ErrorCertificate)
}

type brokenRevocation struct{}

func (brokenRevocation) Revoked(context.Context, *x509.Certificate, time.Time) (bool, error) {
	return false, errors.New("out of order")
}

// The cache holds at most twice its size and forgets what nobody asks for.
func TestCache(t *testing.T) {
	c := newCache[int](4)
	keep := 1
	c.put([]byte("keep"), &keep)
	for i := range 100 {
		v := i
		c.put([]byte{byte(i)}, &v)
		if got, ok := c.get([]byte("keep")); !ok || *got != 1 {
			t.Fatalf("lost what is asked for all the time, after %d others", i)
		}
		if n := len(c.young) + len(c.old); n > 8 {
			t.Fatalf("holds %d", n)
		}
	}
	if _, ok := c.get([]byte{0}); ok {
		t.Error("keeps what nobody asks for")
	}
}
