package pki

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/keys"
)

// KeySpec is the kind of key of a CA.
type KeySpec string

// Kinds of CA keys. RSA CAs live 6 years at most, EC ones 10.
const (
	P256    KeySpec = "P-256"
	P384    KeySpec = "P-384"
	RSA3072 KeySpec = "RSA-3072"
	RSA4096 KeySpec = "RSA-4096"
)

// CreateOptions says what CA to make.
type CreateOptions struct {
	// Name is the common name, for example "Example Mobile ID CA".
	Name         string
	Organization string
	Country      string
	Key          KeySpec // empty: P-256
	// Test writes TEST into the name; such a CA is refused in production.
	Test bool
	// UnderRoot makes two: a root, and the issuing CA under it. The root's
	// key is stored sealed too and is needed only to renew the issuing CA.
	UnderRoot bool
	Now       time.Time // begin of validity
	Rand      io.Reader // nil: crypto/rand
}

// metaName is the name of the CA's document in the store.
const metaName = "pki.ca"

// document is how a CA is stored.
type document struct {
	Format int  `json:"format"`
	Test   bool `json:"test"`
	// Chain: the issuing certificate, then its root if it has one; DER.
	Chain [][]byte `json:"chain"`
	Key   []byte   `json:"key"`               // sealed PKCS#8
	Root  []byte   `json:"rootKey,omitempty"` // sealed PKCS#8
}

// keyField binds a sealed key to its place.
func keyField(what string) keys.Field { return keys.Field{Table: "meta", Row: metaName, Field: what} }

// Create makes a CA and stores it; the error is an *ExistsError when there is
// one already. Its key leaves this function sealed only.
func Create(ctx context.Context, st Store, sealer Sealer, o CreateOptions) error {
	// Making keys takes time: whoever is late is told so before, and again by
	// the commit, which decides between two at the same moment.
	switch b, err := st.Meta(ctx, metaName); {
	case err == nil:
		return exists(b)
	case !errors.Is(err, mssp.ErrNotFound):
		return fmt.Errorf("create CA: %w", err)
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	doc := document{Format: 1, Test: o.Test}
	maker := &maker{o: o, sealer: sealer}
	var parent *x509.Certificate
	var parentKey crypto.Signer
	if o.UnderRoot {
		var err error
		if parent, parentKey, doc.Root, err = maker.make("root", nil, nil); err != nil {
			return err
		}
	}
	issuing, _, sealed, err := maker.make("issuing", parent, parentKey)
	if err != nil {
		return err
	}
	doc.Key, doc.Chain = sealed, [][]byte{issuing.Raw}
	if parent != nil {
		doc.Chain = append(doc.Chain, parent.Raw)
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("create CA: %w", err)
	}
	err = st.AddMeta(ctx, metaName, b)
	if there, ok := errors.AsType[*store.Existing[[]byte]](err); ok {
		return exists(there.Row)
	}
	if err != nil {
		return fmt.Errorf("create CA: %w", err)
	}
	return nil
}

// maker makes the certificates of a new CA.
type maker struct {
	o      CreateOptions
	sealer Sealer
}

// make makes one CA certificate: self-signed without a parent.
func (m *maker) make(role string, parent *x509.Certificate, parentKey crypto.Signer) (*x509.Certificate, crypto.Signer, []byte, error) {
	fail := func(err error) (*x509.Certificate, crypto.Signer, []byte, error) {
		return nil, nil, nil, fmt.Errorf("create %s CA: %w", role, err)
	}
	key, err := newKey(m.o.Key, m.o.Rand)
	if err != nil {
		return fail(err)
	}
	tmpl, err := m.template(role, key.Public())
	if err != nil {
		return fail(err)
	}
	if parent == nil {
		parent, parentKey = tmpl, key
	}
	if tmpl.NotAfter.After(parent.NotAfter) {
		tmpl.NotAfter = parent.NotAfter
	}
	der, err := x509.CreateCertificate(m.o.Rand, tmpl, parent, key.Public(), parentKey)
	if err != nil {
		return fail(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return fail(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fail(err)
	}
	defer clear(pkcs8)
	sealed, err := m.sealer.Seal(keyField(role+"Key"), pkcs8)
	if err != nil {
		return fail(err)
	}
	return cert, key, sealed, nil
}

func (m *maker) template(role string, pub crypto.PublicKey) (*x509.Certificate, error) {
	if m.o.Name == "" {
		return nil, fmt.Errorf("%w: the CA needs a name", ErrSubject)
	}
	cn := m.o.Name
	if role == "root" {
		cn += " Root"
	}
	sub := Subject{Country: m.o.Country, Organization: m.o.Organization, CommonName: cn, SerialNumber: "-"}
	if m.o.Test {
		sub.CommonName = "TEST " + cn
	}
	if err := sub.Check(); err != nil {
		return nil, err
	}
	name := sub.name()
	name.SerialNumber = ""
	if m.o.Test {
		name.OrganizationalUnit = []string{"TEST ONLY - NO LIABILITY"}
	}
	serial, err := newSerial(m.o.Rand)
	if err != nil {
		return nil, err
	}
	return caTemplate(name, serial, pub, role == "issuing", m.o.Now)
}

func caTemplate(name pkix.Name, serial *big.Int, pub crypto.PublicKey, leafOnly bool, now time.Time) (*x509.Certificate, error) {
	ski, err := keyID(pub)
	if err != nil {
		return nil, err
	}
	from := now.UTC().Truncate(time.Second).Add(-backdate)
	t := &x509.Certificate{
		Subject: name, SerialNumber: serial, SubjectKeyId: ski,
		NotBefore: from, NotAfter: Latest(pub, from),
		BasicConstraintsValid: true, IsCA: true, MaxPathLen: 1,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if leafOnly {
		t.MaxPathLen, t.MaxPathLenZero = 0, true
	}
	return t, CheckLifetime(pub, t.NotBefore, t.NotAfter)
}

// backdate is how far before its issue a certificate begins, so that an AP
// whose clock is a little slow takes it at once.
const backdate = 5 * time.Minute

func newKey(spec KeySpec, random io.Reader) (crypto.Signer, error) {
	switch spec {
	case P256, "":
		return ecdsa.GenerateKey(elliptic.P256(), random)
	case P384:
		return ecdsa.GenerateKey(elliptic.P384(), random)
	case RSA3072:
		return rsa.GenerateKey(random, 3072)
	case RSA4096:
		return rsa.GenerateKey(random, 4096)
	}
	return nil, fmt.Errorf("%w: CA key %q, use P-256, P-384, RSA-3072 or RSA-4096", ErrPolicy, spec)
}

// newSerial is a positive serial number of 16 octets with 126 random bits
// (RFC 5280 4.1.2.2 permits 20 octets; 64 random bits are the least).
func newSerial(random io.Reader) (*big.Int, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("serial number: %w", err)
	}
	b[0] = b[0]&0x7f | 0x40 // positive, and always of one length
	return new(big.Int).SetBytes(b[:]), nil
}

// keyID is the key identifier: the first 160 bits of the SHA-256 of the
// subjectPublicKey bit string (RFC 7093 2, method 1).
func keyID(pub crypto.PublicKey) ([]byte, error) {
	spki, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	bits, err := keyBits(spki)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(bits)
	return sum[:20], nil
}
