package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/smallstep/pkcs7"
)

// variant is one form of the message.
type variant struct {
	key      string
	hash     crypto.Hash
	attrs    bool
	cades    bool
	detached bool
}

func (v variant) String() string {
	return fmt.Sprintf("%s/%v/attrs=%v/cades=%v/detached=%v", v.key, v.hash, v.attrs, v.cades, v.detached)
}

func variants() []variant {
	var out []variant
	for _, key := range []string{"RSA", "P-256"} {
		for _, attrs := range []bool{false, true} {
			for _, detached := range []bool{false, true} {
				out = append(out, variant{key: key, hash: crypto.SHA256, attrs: attrs, detached: detached})
			}
		}
	}
	return append(out,
		variant{key: "RSA", hash: crypto.SHA384}, variant{key: "RSA", hash: crypto.SHA512, attrs: true},
		variant{key: "P-384", hash: crypto.SHA384, attrs: true}, variant{key: "P-521", hash: crypto.SHA512},
		variant{key: "P-256", hash: crypto.SHA256, attrs: true, cades: true})
}

const testText = "Überweisung an Erika Mustermann: 100,00 EUR, Ref. 4711"

func (v variant) message(t *testing.T, p party) []byte {
	return p.message(t, Options{
		Content: []byte(testText), Detached: v.detached, Hash: v.hash,
		SignedAttrs: v.attrs, SigningTime: testTime, SigningCertificate: v.cades,
	})
}

// Three verifiers, of which two know nothing of this package, take every form.
//
// Supports: 3.2-1, 3.2-2, 5.2-3
func TestVerifiersAccept(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.String(), func(t *testing.T) {
			p := newParty(t, v.key, nil)
			der := v.message(t, p)
			t.Run("own", func(t *testing.T) { acceptOwn(t, v, p, der) })
			t.Run("pkcs7", func(t *testing.T) { acceptPKCS7(t, v, p, der) })
			t.Run("openssl", func(t *testing.T) { acceptOpenSSL(t, v, p, der) })
		})
	}
}

func acceptOwn(t *testing.T, v variant, p party, der []byte) {
	s, rest, err := Parse(der)
	if err != nil || len(rest) != 0 {
		t.Fatalf("%d octets left, %v", len(rest), err)
	}
	who, err := s.Verify(VerifyOptions{Roots: p.roots(), Time: testTime, Content: []byte(testText)})
	if err != nil {
		t.Fatal(err)
	}
	if !who.Certificate.Equal(p.cert) || len(who.Chain) != 3 {
		t.Errorf("signer %v, path of %d", who.Certificate.Subject, len(who.Chain))
	}
	if v.attrs != who.SigningTime.Equal(testTime) {
		t.Errorf("signing time %v", who.SigningTime)
	}
	if !v.detached && string(s.Content) != testText {
		t.Errorf("content %q", s.Content)
	}
}

func acceptPKCS7(t *testing.T, v variant, p party, der []byte) {
	msg, err := pkcs7.Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	if v.detached {
		if len(msg.Content) != 0 {
			t.Fatal("content is attached")
		}
		msg.Content = []byte(testText)
	}
	if err := msg.VerifyWithChainAtTime(p.roots(), testTime); err != nil {
		t.Error(err)
	}
	if string(msg.Content) != testText || !msg.GetOnlySigner().Equal(p.cert) || !msg.Certificates[0].Equal(p.cert) {
		t.Error("content, signer or order of certificates differs")
	}
	msg.Content = append(bytes.Clone(msg.Content), '!')
	if msg.Verify() == nil {
		t.Error("took another content")
	}
}

func acceptOpenSSL(t *testing.T, v variant, p party, der []byte) {
	openssl := peer(t, "openssl")
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	args := []string{
		"cms", "-verify", "-binary", "-inform", "DER", "-in", write("m.der", der),
		"-CAfile", write("root.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.root.Raw})),
		"-attime", strconv.FormatInt(testTime.Unix(), 10), "-purpose", "sslclient",
	}
	if v.detached {
		args = append(args, "-content", write("text", []byte(testText)))
	}
	if v.cades {
		args = append(args, "-cades")
	}
	cmd := exec.Command(openssl, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || string(out) != testText {
		t.Errorf("%v: %q\n%s", err, out, errs.String())
	}
}

// The leaf comes first, then its issuer, although DER would sort them the
// other way round: some verifiers walk the path in the order of the message.
func TestLeafFirst(t *testing.T) {
	p := newParty(t, "P-256", nil)
	if bytes.Compare(p.chain[0], p.cert.Raw) >= 0 {
		t.Fatal("the issuer must sort first for this test to say anything")
	}
	der := p.message(t, Options{Content: []byte(testText), Hash: crypto.SHA256})
	set := append(bytes.Clone(p.cert.Raw), p.chain[0]...)
	want := append(appendHeader(nil, tag0, len(set)), set...)
	if bytes.Count(der, want) != 1 {
		t.Error("certificates are not leaf first")
	}
	if bytes.Contains(der, p.root.Raw) {
		t.Error("the root travels although nobody gave it")
	}
}

// A message that OpenSSL made, with its own taste in parameters, verifies.
func TestTakesOpenSSL(t *testing.T) {
	for _, name := range []string{"openssl_ec_attrs", "openssl_ec_noattr", "openssl_rsa_attrs", "openssl_rsa_noattr"} {
		t.Run(name, func(t *testing.T) {
			s, rest, err := Parse(testFile(t, name+".der"))
			if err != nil || len(rest) != 0 {
				t.Fatal(err)
			}
			roots := x509.NewCertPool()
			if !roots.AppendCertsFromPEM(testFile(t, "root.pem")) {
				t.Fatal("no root")
			}
			who, err := s.Verify(VerifyOptions{Roots: roots, Time: testTime.AddDate(1, 0, 0), Content: []byte("hello")})
			if err != nil {
				t.Fatal(err)
			}
			if who.Certificate.Subject.SerialNumber != "SIM0000000000002" {
				t.Errorf("signer %v", who.Certificate.Subject)
			}
		})
	}
}

func testFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
