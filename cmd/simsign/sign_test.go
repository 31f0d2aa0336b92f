package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cms"
	"github.com/simsign/simsign/mssp/rest"
	"github.com/simsign/simsign/mssp/service"
)

// signer is a service behind the JSON binding whose user has one key. What
// it does wrong is set by the test.
type signer struct {
	t        *testing.T
	key      *ecdsa.PrivateKey
	leaf, ca []byte
	req      *service.SignatureReq
	content  string      // signs that instead
	fault    *mssp.Fault // of the status query
	code     mssp.Code   // of the status query instead of 500
	broken   bool
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	s := &signer{t: t}
	make := func(cn string, parent *x509.Certificate, by *ecdsa.PrivateKey) ([]byte, *x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{
			SerialNumber: big.NewInt(int64(len(cn))), Subject: pkix.Name{CommonName: cn}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
		}
		if parent == nil {
			parent, by = c, key
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
		if err != nil {
			t.Fatal(err)
		}
		return der, c, key
	}
	der, ca, caKey := make("Root CA", nil, nil)
	s.ca = der
	s.leaf, _, s.key = make("Alice", ca, caKey)
	return s
}

func (s *signer) Signature(_ context.Context, _ *service.Dialect, _ service.Peer, req *service.SignatureReq) (*service.SignatureResp, *mssp.Fault) {
	if req.AP.Password != "geheim" {
		return nil, mssp.Faultf(mssp.UnauthorizedAccess, "wrong password")
	}
	s.req = req
	resp := &service.SignatureResp{Header: req.Header, TransID: "h3c0e77", Status: service.Status{Code: mssp.RequestOK, Message: "REQUEST_OK", Reference: "7F3K"}}
	if req.Mode == "synch" {
		resp.Signature, resp.Status = &service.Signature{Value: s.make()}, service.Status{Code: mssp.Signature, Message: "SIGNATURE"}
	}
	return resp, nil
}

func (s *signer) StatusQuery(_ context.Context, _ *service.Dialect, _ service.Peer, req *service.StatusReq) (*service.StatusResp, *mssp.Fault) {
	if s.fault != nil {
		return nil, s.fault
	}
	if s.code != 0 {
		return &service.StatusResp{Header: req.Header, Status: service.Status{Code: s.code, Message: s.code.String()}}, nil
	}
	return &service.StatusResp{Header: req.Header, Signature: &service.Signature{Value: s.make()}, Status: service.Status{Code: mssp.Signature, Message: "SIGNATURE"}}, nil
}

func (s *signer) ProfileQuery(context.Context, *service.Dialect, service.Peer, *service.ProfileReq) (*service.ProfileResp, *mssp.Fault) {
	return nil, mssp.Faultf(mssp.IncompatibleInterface, "no")
}

func (s *signer) Receipt(context.Context, *service.Dialect, service.Peer, *service.ReceiptReq) (*service.ReceiptResp, *mssp.Fault) {
	return nil, mssp.Faultf(mssp.IncompatibleInterface, "no")
}

// make signs what was asked for.
func (s *signer) make() []byte {
	s.t.Helper()
	o := cms.Options{Content: []byte(s.req.Data.Data), Hash: crypto.SHA256, Certificate: s.leaf, Chain: [][]byte{s.ca}, SignedAttrs: true, SigningTime: time.Unix(1_800_000_000, 0)}
	if s.content != "" {
		o.Content = []byte(s.content)
	}
	if strings.HasPrefix(s.req.Data.MimeType, "application/x-sha256") {
		o.Digest, _ = base64.StdEncoding.DecodeString(s.req.Data.Data)
		o.Content, o.Detached = nil, true
	}
	digest := o.Digest
	if digest == nil {
		d := sha256.Sum256(o.Content)
		digest = d[:]
	}
	p, err := cms.Prepare(o)
	if err != nil {
		s.t.Error(err)
		return nil
	}
	bare := strings.HasSuffix(s.req.Format, "#PKCS1")
	if !bare {
		digest = p.Digest()
	}
	if s.broken {
		digest = make([]byte, 32)
	}
	sig, err := ecdsa.SignASN1(rand.Reader, s.key, digest)
	if err != nil {
		s.t.Error(err)
	}
	if bare {
		return sig
	}
	der, err := p.Assemble(sig)
	if err != nil {
		s.t.Error(err)
	}
	return der
}

// TestSign asks over HTTP and looks at the exit code, what is said and what is saved.
func TestSign(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write := func(name, kind string, b []byte) {
		if kind != "" {
			b = pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b})
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good := newSigner(t)
	write("ca.pem", "CERTIFICATE", good.ca)
	write("alice.pem", "CERTIFICATE", good.leaf)
	write("other.pem", "CERTIFICATE", newSigner(t).ca)
	write("contract.pdf", "", []byte("the contract"))
	write("password", "", []byte("geheim\r\nand more\n"))
	write("late password", "", []byte("\r\ngeheim\n"))
	write("no.pem", "CERTIFICATE", good.ca[:len(good.ca)-1])
	sum := sha256.Sum256([]byte("the contract"))
	text := []string{"--text", "Zahlen Sie 10 €?"}
	for name, c := range map[string]struct {
		args  []string
		harm  func(*signer)
		code  int
		out   string // in standard output or, for a failure, in standard error
		saved string
	}{
		"asynch":            {text, nil, exitOK, "compare   7F3K", "h3c0e77.p7s"},
		"no CA":             {text, nil, exitOK, "chain     NOT CHECKED: anybody could have made this certificate; give --ca FILE", "h3c0e77.p7s"},
		"CA":                {append([]string{"--ca", "ca.pem"}, text...), nil, exitOK, "signed    by CN=Alice, at 2027-01-15T08:00:00Z\nchain     leads to the given CA", "h3c0e77.p7s"},
		"synch":             {append([]string{"--mode", "synch", "--out", "a.p7s", "--timeout", "80s", "--lang", "de"}, text...), nil, exitOK, "saved     a.p7s", "a.p7s"},
		"hash of a file":    {[]string{"--hash", "contract.pdf", "--text", "contract.pdf", "--ca", "ca.pem"}, nil, exitOK, "chain     leads to", "h3c0e77.p7s"},
		"hash":              {[]string{"--hash", hex.EncodeToString(sum[:])}, nil, exitOK, "signed    by CN=Alice", "h3c0e77.p7s"},
		"password file":     {append([]string{"--password", "@password"}, text...), nil, exitOK, "saved", "h3c0e77.p7s"},
		"bare":              {append([]string{"--format", "pkcs1"}, text...), nil, exitOK, "NOT VERIFIED: a bare signature brings no certificate", "h3c0e77.sig"},
		"bare, signer":      {append([]string{"--format", "pkcs1", "--signer", "alice.pem", "--ca", "ca.pem"}, text...), nil, exitOK, "signed    by CN=Alice", "h3c0e77.sig"},
		"bare, hash":        {[]string{"--format", "pkcs1", "--signer", "alice.pem", "--hash", "contract.pdf"}, nil, exitOK, "signed    by CN=Alice", "h3c0e77.sig"},
		"bare, broken":      {append([]string{"--format", "pkcs1", "--signer", "alice.pem"}, text...), func(s *signer) { s.broken = true }, exitFailed, "does not hold and was not saved", ""},
		"bare, other CA":    {append([]string{"--format", "pkcs1", "--signer", "alice.pem", "--ca", "other.pem"}, text...), nil, exitFailed, "signer certificate", ""},
		"other text signed": {text, func(s *signer) { s.content = "Zahlen Sie 1000 €?" }, exitFailed, "does not hold and was not saved: content is not what was signed", ""},
		"broken signature":  {text, func(s *signer) { s.broken = true }, exitFailed, "signature does not verify", ""},
		"other CA":          {append([]string{"--ca", "other.pem"}, text...), nil, exitFailed, "signer certificate refused", ""},
		"cancelled":         {text, func(s *signer) { s.fault = mssp.Faultf(mssp.UserCancel, "the user said no") }, exitRefused, "401 USER_CANCEL: the user said no", ""},
		"blocked":           {text, func(s *signer) { s.fault = mssp.Faultf(mssp.PINBlocked, "blocked") }, exitRefused, "402", ""},
		"expired":           {text, func(s *signer) { s.fault = mssp.Faultf(mssp.ExpiredTransaction, "over") }, exitNoAnswer, "208", ""},
		"not reached":       {text, func(s *signer) { s.fault = mssp.Faultf(mssp.OTAError, "no") }, exitNoAnswer, "209", ""},
		"revoked":           {text, func(s *signer) { s.code = mssp.RevokedCertificate }, exitFailed, "the service answered 501 REVOKED_CERTIFICATE", ""},
		"wrong password":    {append([]string{"--password", "x"}, text...), nil, exitFailed, "104 UNAUTHORIZED_ACCESS", ""},
		"password is late":  {append([]string{"--password", "@late password"}, text...), nil, exitFailed, "password: the first line of late password is empty", ""},
		"no password file":  {append([]string{"--password", "@nowhere"}, text...), nil, exitFailed, "password: open nowhere: no such file", ""},
		"nothing to sign":   {nil, nil, exitUsage, "Give --text TEXT or --hash FILE", ""},
		"hash of nothing":   {[]string{"--hash", "abc"}, nil, exitUsage, "neither 64, 96 or 128 hexadecimal digits nor a file", ""},
		"CA without signer": {append([]string{"--format", "pkcs1", "--ca", "ca.pem"}, text...), nil, exitUsage, "give --signer FILE too", ""},
		"no CA file":        {append([]string{"--ca", "password"}, text...), nil, exitFailed, "holds no certificate in PEM", ""},
		"CA is damaged":     {append([]string{"--ca", "no.pem"}, text...), nil, exitFailed, "--ca: no.pem: certificate 1 of the file cannot be read", ""},
		"service CA":        {append([]string{"--tls-ca", "no.pem"}, text...), nil, exitFailed, "--tls-ca: no.pem: certificate 1 of the file cannot be read", ""},
		"signer is damaged": {append([]string{"--signer", "no.pem"}, text...), nil, exitFailed, "--signer: no.pem: certificate 1 of the file cannot be read", ""},
		"no key of cert":    {append([]string{"--cert", "alice.pem", "--key", "password"}, text...), nil, exitFailed, "client certificate: alice.pem with password: tls: failed to find any PEM data in key input", ""},
		"cert without key":  {append([]string{"--cert", "alice.pem"}, text...), nil, exitUsage, "--cert and --key belong together", ""},
		"unknown format":    {append([]string{"--format", "xml"}, text...), nil, exitUsage, "--format must be one of", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := *good
			s.t = t
			if c.harm != nil {
				c.harm(&s)
			}
			srv := httptest.NewServer(rest.New(rest.Options{Service: &s}))
			defer srv.Close()
			t.Setenv("SIMSIGN_AP_PASSWORD", "geheim")
			args := append([]string{"sign", "--url", srv.URL, "--ap", "http://bank", "--msisdn", "+41791234567", "--poll", "1ms"}, c.args...)
			var out, errs bytes.Buffer
			code := run(t.Context(), args, strings.NewReader(""), &out, &errs)
			said := out.String()
			if c.code != exitOK {
				said = errs.String()
			}
			if code != c.code || !strings.Contains(said, c.out) {
				t.Errorf("exit code %d, want %d\nstdout %s\nstderr %s\nwant %s", code, c.code, out.String(), errs.String(), c.out)
			}
			files, _ := filepath.Glob("*.p7s")
			bare, _ := filepath.Glob("*.sig")
			if got := strings.Join(append(files, bare...), " "); got != c.saved {
				t.Errorf("saved %q, want %q", got, c.saved)
			}
			for _, f := range append(files, bare...) {
				os.Remove(f)
			}
		})
	}
}

// With --out - standard output is the signature and nothing else.
func TestSignToStdout(t *testing.T) {
	s := newSigner(t)
	srv := httptest.NewServer(rest.New(rest.Options{Service: s}))
	defer srv.Close()
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"sign", "--url", srv.URL, "--ap", "a", "--password", "geheim", "--msisdn", "+41791234567", "--text", "x", "--out", "-", "--poll", "1ms"}, strings.NewReader(""), &out, &errs)
	if _, rest, err := cms.Parse(out.Bytes()); code != exitOK || err != nil || len(rest) > 0 || !strings.Contains(errs.String(), "NOT CHECKED") {
		t.Errorf("exit code %d, %v, stderr %s", code, err, errs.String())
	}
	// Ctrl-C while waiting.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code := run(ctx, []string{"sign", "--url", srv.URL, "--ap", "a", "--password", "geheim", "--msisdn", "+41791234567", "--text", "x"}, strings.NewReader(""), &out, &errs); code != exitStopped {
		t.Errorf("stopped: exit code %d", code)
	}
}

func TestFileName(t *testing.T) {
	for in, want := range map[mssp.TransID]string{"h3c0e77": "h3c0e77", "../../etc/passwd": "etcpasswd", "": "signature", "/": "signature"} {
		if got := fileName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
