package pki

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
)

// Every kind of CA is made, sealed, loaded, and able to certify; OpenSSL
// builds the path from a user to its root.
//
// Supports: 2-1, A-2
func TestCreateAndLoad(t *testing.T) {
	for _, o := range []CreateOptions{
		{}, {Key: P384, Test: true}, {UnderRoot: true, Test: true}, {Key: RSA3072}, {Key: P256, UnderRoot: true, Organization: "Example", Country: "CH"},
	} {
		b := newBench(t, o, Options{BaseURL: "http://pki.example/pki"})
		root := b.ca.Root()
		if !bytes.Equal(root.RawIssuer, root.RawSubject) || !root.IsCA {
			t.Errorf("%+v: root is not self-signed", o)
		}
		if want := map[bool]int{false: 0, true: 1}[o.UnderRoot]; len(b.ca.Chain()) != want {
			t.Errorf("%+v: chain of %d, want %d", o, len(b.ca.Chain()), want)
		}
		if have := strings.Contains(b.ca.Certificate().Subject.String(), "TEST"); have != o.Test || b.ca.Test() != o.Test {
			t.Errorf("%+v: subject %v", o, b.ca.Certificate().Subject)
		}
		if err := CheckLifetime(root.PublicKey, root.NotBefore, root.NotAfter); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
		u := b.enrol(t, "P-256")
		files := map[string][]byte{"root.pem": pemOf("CERTIFICATE", root.Raw), "ca.pem": pemOf("CERTIFICATE", b.ca.Certificate().Raw), "user.pem": pemOf("CERTIFICATE", u.cert.Raw)}
		for _, purpose := range []string{"sslclient", "smimesign"} {
			out, err := openssl(t, files, "verify", "-x509_strict", "-purpose", purpose, "-attime", attime(), "-CAfile", "root.pem", "-untrusted", "ca.pem", "user.pem")
			if err != nil {
				t.Errorf("%+v: %s: %v\n%s", o, purpose, err, out)
			}
		}
	}
}

// The key of the CA is nowhere in the store, not even in parts, and opens
// only with the right sealer and from its own place.
func TestKeyIsSealed(t *testing.T) {
	b := newBench(t, CreateOptions{UnderRoot: true}, Options{})
	pkcs8, err := x509.MarshalPKCS8PrivateKey(b.ca.key)
	must(t, err)
	doc := b.store.meta[metaName]
	var d document
	must(t, json.Unmarshal(doc, &d))
	for _, part := range [][]byte{pkcs8, pkcs8[36:68]} {
		if bytes.Contains(d.Key, part) || bytes.Contains(d.Root, part) {
			t.Error("the stored document holds the key")
		}
	}
	o := Options{Store: b.store, Sealer: newSealer(t), Clock: b.clock.Now}
	if _, err := Load(t.Context(), o); err == nil {
		t.Error("loaded with another root key")
	}
	o.Sealer = b.sealer
	d.Key, d.Root = d.Root, d.Key
	b.store.meta[metaName], err = json.Marshal(d)
	must(t, err)
	if _, err := Load(t.Context(), o); err == nil {
		t.Error("loaded with the root's key in the place of the issuing key")
	}
}

// What must not be loaded or made is not.
//
// Supports: A-1
func TestLoadRefuses(t *testing.T) {
	b := newBench(t, CreateOptions{Test: true}, Options{})
	o := Options{Store: b.store, Sealer: b.sealer, Clock: b.clock.Now}
	if err := Create(t.Context(), b.store, b.sealer, CreateOptions{Name: "x", Now: testTime}); !errors.Is(err, ErrExists) {
		t.Errorf("a second CA: %v", err)
	}
	o.Production = true
	if _, err := Load(t.Context(), o); !errors.Is(err, ErrTestCA) {
		t.Errorf("TEST in production: %v", err)
	}
	o.Production = false
	b.clock.now = testTime.AddDate(11, 0, 0)
	if _, err := Load(t.Context(), o); !errors.Is(err, ErrExpired) {
		t.Errorf("expired: %v", err)
	}
	b.clock.now = testTime.AddDate(0, 0, -1)
	if _, err := Load(t.Context(), o); !errors.Is(err, ErrExpired) {
		t.Errorf("not yet valid: %v", err)
	}
	o.Store = newMemStore()
	if _, err := Load(t.Context(), o); !errors.Is(err, mssp.ErrNotFound) {
		t.Errorf("no CA: %v", err)
	}
	for name, tc := range map[string]struct {
		o    CreateOptions
		want error
	}{
		"no_name":  {CreateOptions{Now: testTime}, ErrSubject},
		"rsa_2048": {CreateOptions{Name: "x", Key: "RSA-2048", Now: testTime}, ErrPolicy},
		"country":  {CreateOptions{Name: "x", Country: "Switzerland", Now: testTime}, ErrSubject},
	} {
		st := newMemStore()
		if err := Create(t.Context(), st, b.sealer, tc.o); !errors.Is(err, tc.want) || len(st.meta) != 0 {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	down := newMemStore()
	down.meta[metaName], down.down = []byte("{"), errors.New("database is away")
	if err := Create(context.Background(), down, b.sealer, CreateOptions{Name: "x", Now: time.Now()}); !errors.Is(err, down.down) {
		t.Errorf("a CA made although the store did not answer: %v", err)
	}
}

// Each certificate of the stored CA is the one that its issuer signed: a bit in
// any of them is told as damage, which a restart does not mend.
func TestDamagedChain(t *testing.T) {
	for i := range 2 {
		b := newBench(t, CreateOptions{UnderRoot: true}, Options{})
		var d document
		must(t, json.Unmarshal(b.store.meta[metaName], &d))
		der := d.Chain[i]
		der[len(der)-1] ^= 1 // of its signature
		var err error
		b.store.meta[metaName], err = json.Marshal(d)
		must(t, err)
		if _, err := Load(context.Background(), b.ca.o); !errors.Is(err, ErrDamaged) {
			t.Errorf("certificate %d: %v", i+1, err)
		}
	}
}

// A second CA is refused with what the first is called, and with the bare fact where
// its document says nothing.
func TestExistsTells(t *testing.T) {
	b := newBench(t, CreateOptions{Name: "Example CA"}, Options{})
	err := Create(t.Context(), b.store, b.sealer, CreateOptions{Name: "Other", Now: testTime})
	var there *ExistsError
	if !errors.As(err, &there) || there.Subject != b.ca.cert.Subject.String() || !there.NotAfter.Equal(b.ca.cert.NotAfter) || !errors.Is(err, ErrExists) {
		t.Errorf("%v", err)
	}
	for _, doc := range []string{"", "{}", `{"chain":[]}`, `{"chain":["AAAA"]}`, `{"chain":"x"}`} {
		if err := exists([]byte(doc)); err != ErrExists {
			t.Errorf("%q: %v", doc, err)
		}
	}
}
