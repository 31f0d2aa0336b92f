package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Certificates is the part of a Store that keeps what the built-in CA has
// issued, and which of it is revoked.
type Certificates struct{ *db }

const certCols = `serial, iccid, msisdn, subject, der, status, reason, not_before, not_after, revoked_at, spki_sha256`

var tableCertificate = newTable("certificate", "serial", certCols+", tag")

func scanCertificate(r *row) (mssp.Certificate, error) {
	var c mssp.Certificate
	first := r.i
	c.Serial = r.text()
	c.ICCID = ota.ICCID(r.text())
	c.MSISDN = sms.MSISDN(r.text())
	c.Subject = r.text()
	c.DER = r.blob()
	c.Status = wordOf(r, mssp.CertPending, mssp.CertValid, mssp.CertSuspended, mssp.CertRevoked)
	c.Reason = int(r.num(0, 10))
	c.NotBefore = r.time()
	c.NotAfter = r.time()
	c.RevokedAt = r.time()
	c.KeyHash = r.text()
	r.authentic(tableCertificate, first)
	return c, r.err()
}

const (
	sqlNewCertificate = `INSERT INTO certificate (` + certCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`

	sqlCertificate = `SELECT ` + certCols + `, tag FROM certificate WHERE serial = $1`

	sqlCertificateOfKey = `SELECT ` + certCols + `, tag FROM certificate WHERE spki_sha256 = $1 AND spki_sha256 <> ''`

	// sqlVoid ends a pending certificate that another one takes the place of.
	sqlVoid = `UPDATE certificate SET status = 'revoked', reason = $2, revoked_at = $3, spki_sha256 = ''
	WHERE serial = $1 AND status = 'pending'`

	sqlGiveUpKey = `UPDATE certificate SET spki_sha256 = '' WHERE serial = $1`

	// sqlHoldCertificate locks the row and shows it.
	sqlHoldCertificate = `UPDATE certificate SET status = status WHERE serial = $1 RETURNING ` + certCols + `, tag`
)

// superseded is the reason of a certificate that was never given out, because
// another one for the same key came first (RFC 5280 5.3.1).
const superseded = 4

// AddCertificate records a certificate before the CA signs it, in state
// pending: a certificate that exists outside and not here cannot be. A key has
// one certificate: the error is an Existing one when the key (KeyHash) has one
// that has not expired or was revoked, and also when the serial number is
// taken. One that is only pending gives way: whoever asked for it has gone, or
// finds it Changed when he confirms it.
func (s *Certificates) AddCertificate(ctx context.Context, c mssp.Certificate) error {
	if c.Status == "" {
		c.Status = mssp.CertPending
	}
	now := s.clock()
	return s.do(ctx, func(q querier) error {
		for {
			n, err := q.exec(sqlNewCertificate, c.Serial, string(c.ICCID), string(c.MSISDN), c.Subject, c.DER, string(c.Status), c.Reason,
				c.NotBefore, c.NotAfter, c.RevokedAt, c.KeyHash)
			if err == nil && n > 0 {
				q.note(certEntry(&c, "add", "", c.Status))
				return tableCertificate.seal(q, c.Serial)
			}
			if err != nil {
				return err
			}
			if err := takeKey(q, &c, now); err != nil {
				return err
			}
		}
	})
}

func certEntry(c *mssp.Certificate, action string, from, to mssp.CertStatus) audit.Entry {
	return audit.Entry{Action: "certificate." + action, Subject: audit.On("certificate", c.Serial, c.MSISDN), Before: string(from), After: string(to)}
}

// takeKey takes the key from the certificate that has it, when that may be.
func takeKey(q querier, c *mssp.Certificate, now time.Time) error {
	have, err := oneOf(q, scanCertificate, sqlCertificateOfKey, c.KeyHash)
	if errors.Is(err, ErrNotFound) {
		have, err = oneOf(q, scanCertificate, sqlCertificate, c.Serial)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return nil // whoever was in the way has rolled back
	case err != nil:
		return err
	case have.Serial == c.Serial:
	case have.Status == mssp.CertPending:
		if _, err = q.exec(sqlVoid, have.Serial, superseded, now); err != nil {
			return err
		}
		e := certEntry(&have, "change", have.Status, mssp.CertRevoked)
		e.Reason = "superseded"
		q.note(e)
		return tableCertificate.seal(q, have.Serial)
	case have.NotAfter.Before(now) && have.Status != mssp.CertRevoked:
		if _, err = q.exec(sqlGiveUpKey, have.Serial); err != nil {
			return err
		}
		q.note(certEntry(&have, "expired", have.Status, have.Status))
		return tableCertificate.seal(q, have.Serial)
	}
	return &Existing[mssp.Certificate]{Row: have}
}

// ConfirmCertificate stores the signed certificate and makes it valid. The
// error is a Changed certificate when it was not pending any more.
func (s *Certificates) ConfirmCertificate(ctx context.Context, serial string, der []byte) error {
	return s.do(ctx, func(q querier) error {
		have, err := oneOf(q, scanCertificate, sqlHoldCertificate, serial)
		if err != nil {
			return err
		}
		if have.Status != mssp.CertPending {
			return &Changed[mssp.Certificate]{Row: have}
		}
		if _, err = q.exec(`UPDATE certificate SET der = $2, status = 'valid' WHERE serial = $1`, serial, der); err != nil {
			return err
		}
		q.note(certEntry(&have, "change", have.Status, mssp.CertValid))
		return tableCertificate.seal(q, serial)
	})
}

// SetCertStatus suspends (reason 6, certificateHold), reactivates or revokes,
// and answers what the certificate was before. The key pair under it changes in the
// same commit. The error is a Changed
// certificate when its status does not permit that: a revoked certificate stays
// revoked (W-6), and a pending one can only be revoked.
//
// Requirements 3.5.10-1, 3.5.11-1, W-6.
func (s *Certificates) SetCertStatus(ctx context.Context, serial string, to mssp.CertStatus, reason int, at time.Time) (was mssp.Certificate, err error) {
	if to == mssp.CertValid {
		reason, at = 0, time.Time{}
	}
	err = s.do(ctx, func(q querier) (err error) {
		if err = holdCertificateCard(q, serial); err != nil {
			return err
		}
		was, err = setCertStatus(q, serial, to, reason, at)
		return err
	})
	return was, err
}

// holdCertificateCard locks the card of a certificate.
func holdCertificateCard(q querier, serial string) error {
	c, err := oneOf(q, scanCertificate, sqlCertificate, serial)
	if err != nil {
		return err
	}
	return holdCardOf(q, string(c.ICCID))
}

// setCertStatus changes a certificate and its pair.
func setCertStatus(q querier, serial string, to mssp.CertStatus, reason int, at time.Time) (mssp.Certificate, error) {
	was, err := oneOf(q, scanCertificate, sqlHoldCertificate, serial)
	if err != nil {
		return was, err
	}
	if !was.Status.Permits(to) {
		return was, &Changed[mssp.Certificate]{Row: was}
	}
	if _, err = q.exec(`UPDATE certificate SET status = $2, reason = $3, revoked_at = $4 WHERE serial = $1`, serial, string(to), reason, at); err != nil {
		return was, err
	}
	e := certEntry(&was, "change", was.Status, to)
	e.Reason = fmt.Sprint("RFC 5280 reason ", reason)
	q.note(e)
	if err := tableCertificate.seal(q, serial); err != nil {
		return was, err
	}
	return was, follow(q, &was, to)
}

// Certificate is the certificate with that serial number (lower-case
// hexadecimal), or ErrNotFound.
func (s *Certificates) Certificate(ctx context.Context, serial string) (mssp.Certificate, error) {
	return readOne(ctx, s.db, scanCertificate, sqlCertificate, serial)
}

// CertificateOfKey is the certificate of the key with that SHA-256 of its
// SubjectPublicKeyInfo (hexadecimal), or ErrNotFound.
func (s *Certificates) CertificateOfKey(ctx context.Context, hash string) (mssp.Certificate, error) {
	return readOne(ctx, s.db, scanCertificate, sqlCertificateOfKey, hash)
}

// CertificatesOf lists the certificates of a card, the newest first.
func (s *Certificates) CertificatesOf(ctx context.Context, iccid ota.ICCID) ([]mssp.Certificate, error) {
	return readAll(ctx, s.db, scanCertificate, `SELECT `+certCols+`, tag FROM certificate WHERE iccid = $1 ORDER BY not_before DESC, serial`, string(iccid))
}
