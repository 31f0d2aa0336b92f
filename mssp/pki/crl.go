package pki

import (
	"context"
	"crypto/x509"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/simsign/simsign/mssp"
)

// crlCache holds the present CRL.
type crlCache struct {
	mu         sync.Mutex
	der        []byte
	thisUpdate time.Time
	number     int64
	changes    int64 // of the CA when it was made
}

// CRL is the present full CRL, DER (RFC 5280 5), with its thisUpdate. A new
// one with the next number is made when a status has changed in this process
// or half of the old one's life has passed. When a new one cannot be made, the
// old one is given as long as it is valid and no status has changed.
func (c *CA) CRL(ctx context.Context) ([]byte, time.Time, error) {
	c.crl.mu.Lock()
	defer c.crl.mu.Unlock()
	now := c.o.Clock().UTC()
	age := now.Sub(c.crl.thisUpdate)
	if c.crl.der != nil && c.crl.changes == c.changes.Load() && age >= 0 && age < c.o.CRLLifetime/2 {
		return c.crl.der, c.crl.thisUpdate, nil
	}
	err := c.makeCRL(ctx, now)
	if err == nil {
		return c.crl.der, c.crl.thisUpdate, nil
	}
	if c.crl.der != nil && c.crl.changes == c.changes.Load() && age >= 0 && age < c.o.CRLLifetime {
		c.o.Logger.ErrorContext(ctx, "CRL not renewed, the old one is still valid", "number", c.crl.number, "error", err)
		return c.crl.der, c.crl.thisUpdate, nil
	}
	return nil, time.Time{}, err
}

// makeCRL makes and keeps a CRL; the lock is held.
func (c *CA) makeCRL(ctx context.Context, now time.Time) error {
	changes := c.changes.Load() // before the list is read: a later change makes this CRL old
	number, list, err := c.o.Store.NextCRL(ctx)
	if err != nil {
		return fmt.Errorf("CRL: %w", err)
	}
	this := now.Truncate(time.Second)
	tmpl := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: this, NextUpdate: this.Add(c.o.CRLLifetime)}
	for _, cert := range list {
		e, err := crlEntry(cert, this)
		if err != nil { // somebody has put it there; it keeps nobody else off the list
			c.o.Logger.ErrorContext(ctx, "a certificate cannot be listed", "error", err)
			continue
		}
		tmpl.RevokedCertificateEntries = append(tmpl.RevokedCertificateEntries, e)
	}
	der, err := x509.CreateRevocationList(c.o.Rand, tmpl, c.cert, c.key)
	if err != nil {
		return fmt.Errorf("sign CRL: %w", err)
	}
	c.crl.der, c.crl.thisUpdate, c.crl.number, c.crl.changes = der, this, number, changes
	c.metrics.crls.Inc()
	c.metrics.crlNext.Set(float64(tmpl.NextUpdate.Unix()))
	c.o.Logger.InfoContext(ctx, "CRL made", "number", number, "entries", len(tmpl.RevokedCertificateEntries))
	return nil
}

// crlEntry is one line of the CRL; a row without a time counts from this update.
func crlEntry(cert mssp.Certificate, this time.Time) (x509.RevocationListEntry, error) {
	serial, ok := new(big.Int).SetString(cert.Serial, 16)
	if !ok || serial.Sign() < 0 {
		return x509.RevocationListEntry{}, fmt.Errorf("CRL: stored serial number %q is not hexadecimal", cert.Serial)
	}
	reason := cert.Reason
	if cert.Status == mssp.CertSuspended {
		reason = CertificateHold
	}
	at := cert.RevokedAt.UTC()
	if cert.RevokedAt.IsZero() {
		at = this
	}
	return x509.RevocationListEntry{SerialNumber: serial, RevocationTime: at, ReasonCode: reason}, nil
}
