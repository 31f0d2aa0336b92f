package pki

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Options is what a CA needs. Store and Sealer are required.
type Options struct {
	Store  Store
	Sealer Sealer
	Clock  func() time.Time // nil: time.Now
	Rand   io.Reader        // nil: crypto/rand
	Logger *slog.Logger     // nil: none
	// Registerer takes the metrics; nil: none.
	Registerer prometheus.Registerer
	// BaseURL is where Handler is reachable, without a slash at the end, for
	// example "http://pki.example.org/pki". Certificates point below it for
	// OCSP, CRL and the CA's certificate; empty leaves these pointers out.
	BaseURL string
	// Country and Organization go into the subjects of users.
	Country, Organization string
	// Lifetime of user certificates, in calendar years; 0 means 3. Annex A
	// and the CA's own certificate limit it.
	LifetimeYears int
	// CRLLifetime is nextUpdate minus thisUpdate; 0 means 24 hours. A CRL is
	// renewed when half of it has passed, and at once on every change.
	CRLLifetime time.Duration
	// OCSPLifetime is the same for an OCSP response; 0 means 10 minutes.
	OCSPLifetime time.Duration
	// Publish: Handler serves the certificates of users too (repository.go).
	Publish bool
	// Production refuses a CA that is marked TEST.
	Production bool
}

// CA issues, suspends and revokes certificates and publishes their status. It
// is safe for concurrent use.
type CA struct {
	o     Options
	test  bool
	cert  *x509.Certificate   // of the issuing key
	chain []*x509.Certificate // cert and, if there is one, its root
	key   crypto.Signer

	// changes counts the changes of status that this process made; whoever
	// caches a status compares it.
	changes atomic.Int64

	crl     crlCache
	ocsp    responder
	metrics *metrics
}

// Load opens the CA that Create stored. Errors: mssp.ErrNotFound when there
// is none, ErrTestCA, ErrExpired, ErrPolicy, or what the sealer says.
func Load(ctx context.Context, o Options) (*CA, error) {
	o.defaults()
	c := &CA{o: o}
	b, err := o.Store.Meta(ctx, metaName)
	if err != nil {
		return nil, fmt.Errorf("load CA: %w", err)
	}
	var doc document
	if err := json.Unmarshal(b, &doc); err != nil || doc.Format != 1 || len(doc.Chain) == 0 {
		return nil, fmt.Errorf("load CA: %w: stored document of format %d cannot be read", ErrDamaged, doc.Format)
	}
	if c.test = doc.Test; c.test && o.Production {
		return nil, ErrTestCA
	}
	for _, der := range doc.Chain {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("load CA: %w: certificate: %w", ErrDamaged, err)
		}
		c.chain = append(c.chain, cert)
	}
	c.cert = c.chain[0]
	for i, cert := range c.chain {
		if err := cert.CheckSignatureFrom(c.chain[min(i+1, len(c.chain)-1)]); err != nil {
			return nil, fmt.Errorf("load CA: %w: certificate %d of the chain: %w", ErrDamaged, i+1, err)
		}
	}
	if err := c.openKey(doc.Key); err != nil {
		return nil, fmt.Errorf("load CA: %w: %w", ErrDamaged, err)
	}
	if err := c.checkTime(o.Clock()); err != nil {
		return nil, err
	}
	c.ocsp.init()
	if c.metrics, err = newMetrics(o.Registerer); err != nil {
		return nil, fmt.Errorf("load CA: metrics: %w", err)
	}
	c.metrics.notAfter.Set(float64(c.cert.NotAfter.Unix()))
	return c, nil
}

// Ends is when the stored CA, or what is above it, ends: its key stays sealed.
func Ends(ctx context.Context, st interface {
	Meta(ctx context.Context, name string) ([]byte, error)
},
) (end time.Time, err error) {
	b, err := st.Meta(ctx, metaName)
	if err != nil {
		return end, fmt.Errorf("CA: %w", err)
	}
	var doc document
	if err := json.Unmarshal(b, &doc); err != nil || len(doc.Chain) == 0 {
		return end, fmt.Errorf("CA: the stored document of format %d cannot be read", doc.Format)
	}
	for _, der := range doc.Chain {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return end, fmt.Errorf("CA: certificate: %w", err)
		}
		if end.IsZero() || cert.NotAfter.Before(end) {
			end = cert.NotAfter
		}
	}
	return end, nil
}

func (o *Options) defaults() {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.LifetimeYears == 0 {
		o.LifetimeYears = 3
	}
	if o.CRLLifetime == 0 {
		o.CRLLifetime = 24 * time.Hour
	}
	if o.OCSPLifetime == 0 {
		o.OCSPLifetime = 10 * time.Minute
	}
}

// openKey opens the sealed key and checks that it is the certificate's.
func (c *CA) openKey(sealed []byte) error {
	pkcs8, err := c.o.Sealer.Open(keyField("issuingKey"), sealed)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	defer clear(pkcs8)
	key, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return fmt.Errorf("key: not PKCS#8")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return fmt.Errorf("key: %T cannot sign", key)
	}
	if err := CheckKey(signer.Public()); err != nil {
		return err
	}
	pub, ok := c.cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !pub.Equal(signer.Public()) {
		return fmt.Errorf("key and certificate do not belong together")
	}
	c.key = signer
	return nil
}

func (c *CA) checkTime(now time.Time) error {
	for _, cert := range c.chain {
		if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
			return fmt.Errorf("%w: %s to %s", ErrExpired, cert.NotBefore.Format(time.DateOnly), cert.NotAfter.Format(time.DateOnly))
		}
	}
	return nil
}

// Certificate is the issuing certificate; not to be changed.
func (c *CA) Certificate() *x509.Certificate { return c.cert }

// Root is the trust anchor: the root, or the issuing certificate itself.
func (c *CA) Root() *x509.Certificate { return c.chain[len(c.chain)-1] }

// Chain is what a CMS carries after the signer's certificate, DER, nearest
// first: the issuers without the trust anchor. Empty for a self-signed CA.
func (c *CA) Chain() [][]byte {
	var out [][]byte
	for _, cert := range c.chain[:len(c.chain)-1] {
		out = append(out, cert.Raw)
	}
	return out
}

// Test reports that the CA is marked TEST.
func (c *CA) Test() bool { return c.test }

// Changed tells the caches that a status has changed, also one that was not changed here.
func (c *CA) Changed() { c.changes.Add(1) }

// keyBits is the subjectPublicKey of a SubjectPublicKeyInfo without its count
// of unused bits.
func keyBits(spki []byte) ([]byte, error) {
	in := cryptobyte.String(spki)
	var info, bits cryptobyte.String
	if !in.ReadASN1(&info, asn1.SEQUENCE) || !info.SkipASN1(asn1.SEQUENCE) ||
		!info.ReadASN1(&bits, asn1.BIT_STRING) || !bits.Skip(1) {
		return nil, fmt.Errorf("%w: SubjectPublicKeyInfo", ErrRequest)
	}
	return bits, nil
}
