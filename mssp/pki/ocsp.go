package pki

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	_ "crypto/sha1" // #nosec: CertID and ResponderID are defined with it; nothing is signed
	_ "crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/simsign/simsign/mssp"
)

// delegateLife is the life of the responder's own certificate. Its key lives
// in memory only and a new one is made at every start, so that the CA's key
// signs once in days and not once per question.
const delegateLife = 7 * 24 * time.Hour

// responder is the state of the OCSP responder.
type responder struct {
	mu     sync.Mutex
	signer *ocspSigner
	cache  *cache[ocspAnswer]
}

// ocspAnswer is a signed response that is given to everybody who asks the
// same without a nonce.
type ocspAnswer struct {
	der     []byte
	next    time.Time
	changes int64
}

func (r *responder) init() { r.cache = newCache[ocspAnswer](4096) }

// OCSP answers a DER OCSPRequest with a DER OCSPResponse (RFC 6960); next is
// when the answer loses its force, zero when it must not be kept. An error has
// its own form of response, so there is always one; the error is for the log.
func (c *CA) OCSP(ctx context.Context, der []byte) (response []byte, next time.Time, err error) {
	req, err := parseOCSPRequest(der)
	if err != nil {
		c.metrics.responses.WithLabelValues("malformed").Inc()
		return ocspMalformed.response(), time.Time{}, err
	}
	response, next, cached, err := c.answerOCSP(ctx, req)
	switch {
	case err != nil:
		c.metrics.responses.WithLabelValues("failed").Inc()
		return ocspInternalError.response(), time.Time{}, err
	case cached:
		c.metrics.responses.WithLabelValues("cached").Inc()
	default:
		c.metrics.responses.WithLabelValues("signed").Inc()
	}
	return response, next, nil
}

// answerOCSP signs a response, or takes one from memory.
func (c *CA) answerOCSP(ctx context.Context, req ocspRequest) (response []byte, next time.Time, cached bool, err error) {
	now := c.o.Clock().UTC()
	changes := c.changes.Load() // before the store is asked
	plain := req.nonce == nil && len(req.certs) == 1
	if plain {
		if a, ok := c.ocsp.cache.get(req.certs[0].raw); ok && a.changes == changes && a.fresh(now, c.o.OCSPLifetime) {
			return a.der, a.next, true, nil
		}
	}
	list, known, err := c.ocspStatus(ctx, req)
	if err != nil {
		return nil, time.Time{}, false, err
	}
	signer, err := c.ocspSigner(now)
	if err != nil {
		return nil, time.Time{}, false, err
	}
	this := now.Truncate(time.Second)
	next = this.Add(c.o.OCSPLifetime)
	response, err = signer.sign(c.o.Rand, list, req.nonce, this, next)
	if err != nil {
		return nil, time.Time{}, false, err
	}
	if !plain || !known {
		return response, time.Time{}, false, nil
	}
	c.ocsp.cache.put(req.certs[0].raw, &ocspAnswer{der: response, next: next, changes: changes})
	return response, next, false, nil
}

// fresh reports that at least half of the life of an answer is left.
func (a *ocspAnswer) fresh(now time.Time, life time.Duration) bool {
	left := a.next.Sub(now)
	return left > life/2 && left <= life
}

// ocspStatus asks the store about every certificate of a request; known is
// false when one of them is not known.
func (c *CA) ocspStatus(ctx context.Context, req ocspRequest) (list []ocspSingle, known bool, err error) {
	known = true
	for _, id := range req.certs {
		one := ocspSingle{id: id.raw}
		if c.issued(id) {
			cert, err := c.o.Store.PublishedCertificate(ctx, id.serial)
			switch {
			case err == nil:
				one.status, one.at, one.reason = cert.Status, cert.RevokedAt, cert.Reason
			case !errors.Is(err, mssp.ErrNotFound):
				return nil, false, fmt.Errorf("OCSP: %w", err)
			}
		}
		known = known && one.status != "" && one.status != mssp.CertPending
		list = append(list, one)
	}
	return list, known, nil
}

// issued reports whether a CertID names this CA as the issuer.
func (c *CA) issued(id ocspCertID) bool {
	var h crypto.Hash
	switch string(id.hash) {
	case "\x2b\x0e\x03\x02\x1a":
		h = crypto.SHA1 // what nearly every client sends
	case "\x60\x86\x48\x01\x65\x03\x04\x02\x01":
		h = crypto.SHA256
	case "\x60\x86\x48\x01\x65\x03\x04\x02\x02":
		h = crypto.SHA384
	case "\x60\x86\x48\x01\x65\x03\x04\x02\x03":
		h = crypto.SHA512
	default:
		return false
	}
	bits, err := keyBits(c.cert.RawSubjectPublicKeyInfo)
	return err == nil && bytes.Equal(id.name, digest(h, c.cert.RawSubject)) && bytes.Equal(id.key, digest(h, bits))
}

func digest(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

// ocspSigner is the present delegate; a new one is made when half of its life is over.
func (c *CA) ocspSigner(now time.Time) (*ocspSigner, error) {
	c.ocsp.mu.Lock()
	defer c.ocsp.mu.Unlock()
	if s := c.ocsp.signer; s != nil && now.After(s.cert.NotBefore) && now.Add(delegateLife/2).Before(s.cert.NotAfter) {
		return s, nil
	}
	s, err := c.newOCSPSigner(now)
	if err != nil {
		return nil, fmt.Errorf("OCSP responder certificate: %w", err)
	}
	c.ocsp.signer = s
	return s, nil
}

func (c *CA) newOCSPSigner(now time.Time) (*ocspSigner, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), c.o.Rand)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial(c.o.Rand)
	if err != nil {
		return nil, err
	}
	ski, err := keyID(key.Public())
	if err != nil {
		return nil, err
	}
	from := now.Truncate(time.Second).Add(-backdate)
	tmpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: c.cert.Subject.CommonName + " OCSP"},
		SubjectKeyId: ski, KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning},
		NotBefore:   from, NotAfter: from.Add(delegateLife),
		// id-pkix-ocsp-nocheck: its short life stands for a revocation check (RFC 6960 4.2.2.2.1).
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}, Value: []byte{5, 0}}},
	}
	der, err := x509.CreateCertificate(c.o.Rand, tmpl, c.cert, key.Public(), c.key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	bits, err := keyBits(cert.RawSubjectPublicKeyInfo)
	if err != nil {
		return nil, err
	}
	return &ocspSigner{cert: cert, key: key, keyHash: digest(crypto.SHA1, bits)}, nil
}
