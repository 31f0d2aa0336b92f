package pki

import (
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func (b bench) crl(t *testing.T) *x509.RevocationList {
	t.Helper()
	der, _, err := b.ca.CRL(t.Context())
	must(t, err)
	list, err := x509.ParseRevocationList(der)
	must(t, err)
	must(t, list.CheckSignatureFrom(b.ca.Certificate()))
	return list
}

// The CRL is renewed with the next number on every change and in time before
// its end, and is the same one otherwise.
//
// Supports: 3.5.10-1, 3.5.11-1
func TestCRL(t *testing.T) {
	b := newBench(t, CreateOptions{}, Options{CRLLifetime: 24 * time.Hour})
	u, v := b.enrol(t, "P-256"), b.enrol(t, "P-256")
	entries := func() map[string]int {
		m := make(map[string]int)
		for _, e := range b.crl(t).RevokedCertificateEntries {
			m[e.SerialNumber.String()] = e.ReasonCode
		}
		return m
	}
	expect := func(number int64, reasons ...int) {
		t.Helper()
		have := entries()
		if n := b.crl(t).Number.Int64(); n != number || len(have) != len(reasons) {
			t.Fatalf("CRL %d with %d entries, want %d with %d", n, len(have), number, len(reasons))
		}
		for i, r := range reasons {
			if have[[]user{u, v}[i].cert.SerialNumber.String()] != r {
				t.Errorf("reasons %v, want %v", have, reasons)
			}
		}
	}
	expect(1)
	must(t, b.ca.Suspend(t.Context(), serialOf(u.cert)))
	expect(2, CertificateHold)
	must(t, b.ca.Revoke(t.Context(), serialOf(v.cert), KeyCompromise))
	expect(3, CertificateHold, KeyCompromise)
	must(t, b.ca.Revoke(t.Context(), serialOf(u.cert), Superseded))
	expect(4, Superseded, KeyCompromise)

	b.clock.now = testTime.Add(12*time.Hour - time.Second)
	expect(4, Superseded, KeyCompromise)
	b.clock.now = testTime.Add(12 * time.Hour)
	expect(5, Superseded, KeyCompromise)
	list := b.crl(t)
	if !list.ThisUpdate.Equal(b.clock.now) || !list.NextUpdate.Equal(b.clock.now.Add(24*time.Hour)) {
		t.Errorf("%v to %v", list.ThisUpdate, list.NextUpdate)
	}
	b.clock.now = testTime // a clock that was set back does not keep an old list for ever
	expect(6, Superseded, KeyCompromise)
}

// Without the store an old CRL is given while it is valid and nothing has
// changed; never when it would hide a revocation.
func TestCRLWithoutStore(t *testing.T) {
	b := newBench(t, CreateOptions{}, Options{})
	u := b.enrol(t, "P-256")
	first := b.crl(t)
	b.store.down = errors.New("database is away")
	b.clock.now = testTime.Add(23 * time.Hour)
	if n := b.crl(t).Number; n.Cmp(first.Number) != 0 {
		t.Errorf("CRL %d, want the old one", n)
	}
	b.clock.now = testTime.Add(24 * time.Hour)
	if _, _, err := b.ca.CRL(t.Context()); !errors.Is(err, b.store.down) {
		t.Errorf("expired CRL given out: %v", err)
	}
	b.store.down, b.clock.now = nil, testTime
	b.crl(t)
	must(t, b.ca.Revoke(t.Context(), serialOf(u.cert), Unspecified))
	b.store.down = errors.New("database is away")
	if _, _, err := b.ca.CRL(t.Context()); !errors.Is(err, b.store.down) {
		t.Errorf("CRL from before the revocation given out: %v", err)
	}
}

// OpenSSL takes the CRL, and refuses by it a revoked and a suspended user, and
// takes the suspended one again after reactivation.
//
// Supports: 3.5.10-1, 3.5.11-1, W-6
func TestCRLOpenSSL(t *testing.T) {
	for _, key := range []KeySpec{P256, RSA3072} {
		b := newBench(t, CreateOptions{Key: key}, Options{})
		u := b.enrol(t, "P-256")
		check := func(want string) {
			t.Helper()
			der, _, err := b.ca.CRL(t.Context())
			must(t, err)
			out, err := openssl(t, map[string][]byte{
				"ca.pem":   append(pemOf("CERTIFICATE", b.ca.Root().Raw), pemOf("X509 CRL", der)...),
				"user.pem": pemOf("CERTIFICATE", u.cert.Raw),
			}, "verify", "-crl_check", "-attime", attime(), "-CAfile", "ca.pem", "user.pem")
			if !strings.Contains(out, want) || (err == nil) != (want == "OK") {
				t.Errorf("%s: want %q: %v\n%s", key, want, err, out)
			}
		}
		check("OK")
		must(t, b.ca.Suspend(t.Context(), serialOf(u.cert)))
		check("certificate revoked")
		must(t, b.ca.Reactivate(t.Context(), serialOf(u.cert)))
		check("OK")
		must(t, b.ca.Revoke(t.Context(), serialOf(u.cert), Unspecified))
		check("certificate revoked")
	}
}

// CRL and CA certificate over HTTP; what is not ours goes on to the next handler.
func TestHandler(t *testing.T) {
	b := newBench(t, CreateOptions{}, Options{})
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
	h := b.ca.Handler("/pki", next)
	for _, tc := range []struct {
		method, path string
		status       int
		kind         string
	}{
		{"GET", "/pki/ca.crl", 200, "application/pkix-crl"},
		{"HEAD", "/pki/ca.crl", 200, "application/pkix-crl"},
		{"GET", "/pki/ca.crt", 200, "application/pkix-cert"},
		{"POST", "/pki/ca.crl", 405, ""},
		{"DELETE", "/pki/ca.crt", 405, ""},
		{"PUT", "/pki/ocsp", 405, ""},
		{"GET", "/pki/other", http.StatusTeapot, ""},
		{"GET", "/pki/ocspx", http.StatusTeapot, ""},
		{"GET", "/elsewhere", http.StatusTeapot, ""},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tc.method, tc.path, nil))
		if w.Code != tc.status || tc.kind != "" && w.Header().Get("Content-Type") != tc.kind {
			t.Errorf("%s %s: %d %s", tc.method, tc.path, w.Code, w.Header().Get("Content-Type"))
		}
		if body := w.Body.String(); tc.status == 405 && (body != "use GET\n" || w.Header().Get("Allow") != "GET, HEAD") &&
			(tc.path != "/pki/ocsp" || body != "use GET or POST\n" || w.Header().Get("Allow") != "GET, HEAD, POST") {
			t.Errorf("%s %s: %s, and allows %s", tc.method, tc.path, body, w.Header().Get("Allow"))
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/pki/ca.crl", nil)
	r.Header.Set("If-Modified-Since", testTime.Format(http.TimeFormat))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusNotModified {
		t.Errorf("a CRL that the asker has: %d", w.Code)
	}
	b.store.down = errors.New("database is away")
	b.clock.now = testTime.Add(25 * time.Hour)
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/pki/ca.crl", nil))
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "database") {
		t.Errorf("no CRL: %d %q", w.Code, w.Body)
	}
}
