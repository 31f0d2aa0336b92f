package pki

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/ocsp"

	"github.com/simsign/simsign/mssp"
)

// question is an OCSP request for a certificate.
func (b bench) question(t testing.TB, cert *x509.Certificate, h crypto.Hash) []byte {
	t.Helper()
	der, err := ocsp.CreateRequest(cert, b.ca.Certificate(), &ocsp.RequestOptions{Hash: h})
	must(t, err)
	return der
}

// ask has golang.org/x/crypto/ocsp read and verify the answer.
func (b bench) ask(t testing.TB, cert *x509.Certificate, h crypto.Hash) *ocsp.Response {
	t.Helper()
	der, _, err := b.ca.OCSP(t.Context(), b.question(t, cert, h))
	must(t, err)
	r, err := ocsp.ParseResponseForCert(der, cert, b.ca.Certificate())
	must(t, err)
	return r
}

// Every status has its answer, for every hash that may name the issuer, from
// a CA with either kind of key.
//
// Supports: 2-1, 3.5.10-1, 3.5.11-1, W-6
func TestOCSP(t *testing.T) {
	for _, key := range []KeySpec{P256, RSA3072} {
		for _, h := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
			b := newBench(t, CreateOptions{Key: key, UnderRoot: key == P256}, Options{})
			u := b.enrol(t, "P-256")
			expect := func(status, reason int) {
				t.Helper()
				r := b.ask(t, u.cert, h)
				if r.Status != status || r.RevocationReason != reason {
					t.Errorf("%v: status %d, reason %d, want %d, %d", h, r.Status, r.RevocationReason, status, reason)
				}
				if !r.ThisUpdate.Equal(testTime) || !r.NextUpdate.Equal(testTime.Add(10*time.Minute)) {
					t.Errorf("%v to %v", r.ThisUpdate, r.NextUpdate)
				}
				if status == ocsp.Revoked && !r.RevokedAt.Equal(testTime) {
					t.Errorf("revoked at %v", r.RevokedAt)
				}
				if r.Certificate == nil || r.Certificate.NotAfter.Sub(r.Certificate.NotBefore) != delegateLife {
					t.Fatal("not signed by a short-lived delegate")
				}
				wantDelegate(t, b.ca, r.Certificate)
			}
			serial := serialOf(u.cert)
			expect(ocsp.Good, 0)
			must(t, b.ca.Suspend(t.Context(), serial))
			expect(ocsp.Revoked, CertificateHold)
			must(t, b.ca.Reactivate(t.Context(), serial))
			expect(ocsp.Good, 0)
			must(t, b.ca.Revoke(t.Context(), serial, KeyCompromise))
			expect(ocsp.Revoked, KeyCompromise)
			b.store.certs[serial] = mssp.Certificate{Serial: serial, Status: mssp.CertPending}
			b.ca.Changed()
			expect(ocsp.Unknown, 0)
			delete(b.store.certs, serial)
			expect(ocsp.Unknown, 0)
		}
	}
}

// wantDelegate: a responder's certificate as RFC 6960 4.2.2.2 has it, which
// serves for nothing else, with the extension of 4.2.2.2.1: NULL.
func wantDelegate(t *testing.T, ca *CA, c *x509.Certificate) {
	t.Helper()
	var nocheck []byte
	for _, e := range c.Extensions {
		if e.Id.String() == "1.3.6.1.5.5.7.48.1.5" {
			nocheck = e.Value
		}
	}
	if c.KeyUsage != x509.KeyUsageDigitalSignature || !slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}) || c.IsCA || !c.BasicConstraintsValid ||
		!bytes.Equal(nocheck, []byte{5, 0}) || c.Subject.CommonName != ca.cert.Subject.CommonName+" OCSP" || len(c.SubjectKeyId) != 20 || c.CheckSignatureFrom(ca.cert) != nil {
		t.Errorf("%s: usage %b %v, CA %v, nocheck %x", c.Subject, c.KeyUsage, c.ExtKeyUsage, c.IsCA, nocheck)
	}
}

// A certificate of another CA with a serial number of ours is unknown.
func TestOCSPOtherIssuer(t *testing.T) {
	b, other := newBench(t, CreateOptions{}, Options{}), newBench(t, CreateOptions{}, Options{})
	u := b.enrol(t, "P-256")
	der, _, err := b.ca.OCSP(t.Context(), other.question(t, u.cert, crypto.SHA1))
	must(t, err)
	r, err := ocsp.ParseResponse(der, nil)
	must(t, err)
	if r.Status != ocsp.Unknown {
		t.Errorf("status %d", r.Status)
	}
}

// Answers are kept and given again while at least half of their life is left
// and no status has changed.
func TestOCSPCache(t *testing.T) {
	b := newBench(t, CreateOptions{}, Options{OCSPLifetime: 10 * time.Minute})
	u, other := b.enrol(t, "P-256"), b.enrol(t, "P-256")
	q := b.question(t, u.cert, crypto.SHA1)
	get := func() []byte {
		t.Helper()
		der, _, err := b.ca.OCSP(t.Context(), q)
		must(t, err)
		return der
	}
	first := get()
	b.store.down = errors.New("database is away")
	b.clock.now = testTime.Add(5*time.Minute - time.Second)
	if !bytes.Equal(first, get()) {
		t.Error("not given again")
	}
	b.clock.now = testTime.Add(5 * time.Minute)
	if der, next, err := b.ca.OCSP(t.Context(), q); !errors.Is(err, b.store.down) || !bytes.Equal(der, ocspInternalError.response()) || !next.IsZero() {
		t.Errorf("half of its life is over and the store is away: % x, %v", der, err)
	}
	b.store.down, b.clock.now = nil, testTime
	must(t, b.ca.Revoke(t.Context(), serialOf(other.cert), Unspecified))
	if bytes.Equal(first, get()) {
		t.Error("an answer from before a change was given")
	}
	b.clock.now = testTime.Add(delegateLife)
	if r := b.ask(t, u.cert, crypto.SHA1); r.Certificate.NotAfter.Before(b.clock.now) {
		t.Error("signed by an expired delegate")
	}
}

// What the CA does is counted, from zero, and no label names a person.
func TestMetrics(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	b := newBench(t, CreateOptions{}, Options{Registerer: reg})
	u := b.enrol(t, "P-256")
	q := b.question(t, u.cert, crypto.SHA1)
	for _, der := range [][]byte{q, q, nil} {
		if _, _, err := b.ca.OCSP(t.Context(), der); (err == nil) != (der != nil) {
			t.Fatal(err)
		}
	}
	must(t, b.ca.Suspend(t.Context(), serialOf(u.cert)))
	b.crl(t)
	have := make(map[string]float64)
	families, err := reg.Gather()
	must(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "simsign_pki_")
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			have[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	want := map[string]float64{
		"certificates_issued_total": 1, "crls_total": 1,
		"ocsp_responses_total signed": 1, "ocsp_responses_total cached": 1, "ocsp_responses_total malformed": 1, "ocsp_responses_total failed": 0,
		"status_changes_total suspended": 1, "status_changes_total revoked": 0, "status_changes_total valid": 0,
		"crl_next_update_seconds": float64(testTime.Add(24 * time.Hour).Unix()),
		"ca_not_after_seconds":    float64(b.ca.Certificate().NotAfter.Unix()),
	}
	if !maps.Equal(have, want) {
		t.Errorf("%v, want %v", have, want)
	}
}

// OpenSSL asks over HTTP, with and without a nonce.
//
// Supports: 2-3
func TestOCSPOpenSSL(t *testing.T) {
	b := newBenchAt(t, time.Now(), CreateOptions{}, Options{}) // openssl ocsp knows no -attime for the answer itself
	u, v := b.enrol(t, "P-256"), b.enrol(t, "P-256")
	must(t, b.ca.Revoke(t.Context(), serialOf(v.cert), KeyCompromise))
	srv := httptest.NewServer(b.ca.Handler("/pki", nil))
	defer srv.Close()
	files := map[string][]byte{"ca.pem": pemOf("CERTIFICATE", b.ca.Certificate().Raw), "u.pem": pemOf("CERTIFICATE", u.cert.Raw), "v.pem": pemOf("CERTIFICATE", v.cert.Raw)}
	for _, nonce := range []string{"-nonce", "-no_nonce"} {
		out, err := openssl(t, files, "ocsp", "-issuer", "ca.pem", "-cert", "u.pem", "-cert", "v.pem", "-CAfile", "ca.pem", "-url", srv.URL+"/pki/ocsp", nonce)
		if err != nil || !strings.Contains(out, "Response verify OK") || !strings.Contains(out, "u.pem: good") ||
			!strings.Contains(out, "v.pem: revoked") || !strings.Contains(out, "Reason: keyCompromise") || strings.Contains(out, "WARNING") {
			t.Errorf("%s: %v\n%s", nonce, err, out)
		}
	}
}

// GET holds the request in the path, in Base64 with or without escapes; a
// "//" in it does not lead elsewhere.
func TestOCSPGet(t *testing.T) {
	b := newBench(t, CreateOptions{}, Options{})
	u := b.enrol(t, "P-256")
	srv := httptest.NewServer(b.ca.Handler("/pki", http.NewServeMux()))
	defer srv.Close()
	q := b.question(t, u.cert, crypto.SHA1)
	b64 := base64.StdEncoding.EncodeToString(q)
	// A request whose Base64 has "//": the serial number ff ff ff makes it so.
	slashes := b.question(t, &x509.Certificate{SerialNumber: new(big.Int).SetBytes(bytes.Repeat([]byte{0x7f, 0xff, 0xff, 0xff}, 4)), Raw: u.cert.Raw, RawIssuer: u.cert.RawIssuer}, crypto.SHA1)
	s64 := base64.StdEncoding.EncodeToString(slashes)
	if !strings.Contains(s64, "//") {
		t.Fatal("the request must hold // for this test to say anything")
	}
	for name, tc := range map[string]struct {
		path   string
		status ocsp.ResponseStatus // of an error; 0 for a real answer
		want   int
	}{
		"plain":        {b64, 0, ocsp.Good},
		"escaped":      {url.PathEscape(b64), 0, ocsp.Good},
		"slashes":      {s64, 0, ocsp.Unknown},
		"slashes_esc":  {strings.ReplaceAll(url.PathEscape(s64), "/", "%2F"), 0, ocsp.Unknown},
		"empty":        {"", ocsp.Malformed, 0},
		"not_base64":   {"!!!!", ocsp.Malformed, 0},
		"cut":          {b64[:len(b64)-8], ocsp.Malformed, 0},
		"far_too_long": {strings.Repeat("A", 4096), ocsp.Malformed, 0},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/pki/ocsp/"+tc.path, nil)
		must(t, err)
		resp, err := srv.Client().Do(req)
		must(t, err)
		der, err := io.ReadAll(resp.Body)
		must(t, err)
		must(t, resp.Body.Close())
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/ocsp-response" {
			t.Errorf("%s: %d %s", name, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		r, err := ocsp.ParseResponse(der, nil)
		var refused ocsp.ResponseError
		switch {
		case tc.status != 0:
			if !errors.As(err, &refused) || refused.Status != tc.status {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil || r.Status != tc.want:
			t.Errorf("%s: %v", name, err)
		}
		if cacheable := strings.Contains(resp.Header.Get("Cache-Control"), "max-age"); cacheable != (tc.status == 0 && tc.want == ocsp.Good) {
			t.Errorf("%s: Cache-Control %s", name, resp.Header.Get("Cache-Control"))
		}
	}
}

// Requests that are refused, each with "malformed request", none with more.
func TestOCSPRefuses(t *testing.T) {
	b := newBench(t, CreateOptions{}, Options{})
	u := b.enrol(t, "P-256")
	one := b.question(t, u.cert, crypto.SHA1)
	list := one[4:] // the Request inside OCSPRequest, TBSRequest
	der := func(n int, exts string) []byte {
		var reqs []byte
		for range n {
			reqs = append(reqs, list[2:]...)
		}
		tbs := append(derTLV(0x30, reqs), exts...)
		return derTLV(0x30, derTLV(0x30, tbs))
	}
	ext := func(body string) string {
		return string(derTLV(0xa2, derTLV(0x30, derTLV(0x30, []byte(body)))))
	}
	nonce := func(n int) string { return ext(oidNonce + string(derTLV(4, derTLV(4, make([]byte, n))))) }
	for name, tc := range map[string]struct {
		der []byte
		ok  bool
	}{
		"as_it_comes":      {one, true},
		"rebuilt":          {der(1, ""), true},
		"16_certificates":  {der(16, ""), true},
		"17_certificates":  {der(17, ""), false},
		"no_certificate":   {der(0, ""), false},
		"trailing":         {append(bytes.Clone(one), 0), false},
		"cut":              {one[:len(one)-1], false},
		"empty":            {nil, false},
		"nonce_32":         {der(1, nonce(32)), true},
		"nonce_128":        {der(1, nonce(128)), true},
		"nonce_129":        {der(1, nonce(129)), false},
		"nonce_empty":      {der(1, ext(oidNonce+"\x04\x00")), false},
		"unknown_ext":      {der(1, ext("\x06\x03\x2a\x03\x04\x04\x00")), true},
		"unknown_critical": {der(1, ext("\x06\x03\x2a\x03\x04\x01\x01\xff\x04\x00")), false},
		"two_nonces": {der(1, string(derTLV(0xa2, derTLV(0x30, bytes.Repeat(derTLV(0x30,
			[]byte(oidNonce+string(derTLV(4, make([]byte, 8))))), 2))))), false},
	} {
		out, _, err := b.ca.OCSP(t.Context(), tc.der)
		if tc.ok {
			if _, perr := ocsp.ParseResponse(out, b.ca.Certificate()); err != nil || perr != nil && !strings.Contains(perr.Error(), "number of responses") {
				t.Errorf("%s: %v, %v", name, err, perr)
			}
			continue
		}
		if !errors.Is(err, ErrRequest) || !bytes.Equal(out, ocspMalformed.response()) {
			t.Errorf("%s: % x, %v", name, out, err)
		}
	}
	srv := httptest.NewServer(b.ca.Handler("/pki", nil))
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/pki/ocsp", bytes.NewReader(make([]byte, maxOCSPRequest+1)))
	must(t, err)
	resp, err := srv.Client().Do(req)
	must(t, err)
	must(t, resp.Body.Close())
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a request of more than %d octets: %d", maxOCSPRequest, resp.StatusCode)
	}
}

// derTLV writes one element of less than 64 KiB.
func derTLV(tag byte, content []byte) []byte {
	n := len(content)
	switch {
	case n < 0x80:
		return append([]byte{tag, byte(n)}, content...)
	case n < 0x100:
		return append([]byte{tag, 0x81, byte(n)}, content...)
	}
	return append([]byte{tag, 0x82, byte(n >> 8), byte(n)}, content...)
}

// FuzzParseOCSPRequest: every error is a declared one, and what parses is
// within its limits.
func FuzzParseOCSPRequest(f *testing.F) {
	b := newBench(f, CreateOptions{}, Options{})
	u := b.enrol(f, "P-256")
	f.Add(b.question(f, u.cert, crypto.SHA1))
	f.Add(b.question(f, u.cert, crypto.SHA256))
	f.Fuzz(func(t *testing.T, der []byte) {
		req, err := parseOCSPRequest(der)
		if err != nil {
			if !errors.Is(err, ErrRequest) {
				t.Fatalf("undeclared error %v", err)
			}
			return
		}
		if len(req.certs) == 0 || len(req.certs) > maxOCSPCerts {
			t.Fatalf("%d certificates", len(req.certs))
		}
		for _, c := range req.certs {
			if !bytes.Contains(der, c.raw) {
				t.Fatal("CertID is not as it was asked")
			}
		}
	})
}
