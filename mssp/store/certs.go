package store

import (
	"context"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Certificates is the part of a Store that keeps what the built-in CA has
// issued, and which of it is revoked.
type Certificates struct{ *db }

const certCols = `serial, iccid, msisdn, subject, der, status, reason, not_before, not_after, revoked_at`

func scanCertificate(r *row) (mssp.Certificate, error) {
	var c mssp.Certificate
	c.Serial = r.text()
	c.ICCID = ota.ICCID(r.text())
	c.MSISDN = sms.MSISDN(r.text())
	c.Subject = r.text()
	c.DER = r.blob()
	c.Status = mssp.CertStatus(r.text())
	c.Reason = int(r.int())
	c.NotBefore = r.time()
	c.NotAfter = r.time()
	c.RevokedAt = r.time()
	return c, r.err()
}

// AddCertificate records a certificate before the CA signs it, in state
// pending: a certificate that exists outside and not here cannot be. ErrExists:
// the serial number is taken.
func (s *Certificates) AddCertificate(ctx context.Context, c mssp.Certificate) error {
	if c.Status == "" {
		c.Status = mssp.CertPending
	}
	return s.do(ctx, func(q querier) error {
		n, err := q.exec(`INSERT INTO certificate (`+certCols+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
			c.Serial, string(c.ICCID), string(c.MSISDN), c.Subject, c.DER, string(c.Status), c.Reason, c.NotBefore, c.NotAfter, c.RevokedAt)
		if err == nil && n == 0 {
			err = fmt.Errorf("store: certificate serial number: %w", ErrExists)
		}
		return err
	})
}

// ConfirmCertificate stores the signed certificate and makes it valid.
// ErrNotFound: it was not pending.
func (s *Certificates) ConfirmCertificate(ctx context.Context, serial string, der []byte) error {
	return s.changeCert(ctx, `UPDATE certificate SET der = $2, status = 'valid' WHERE serial = $1 AND status = 'pending'`, serial, der)
}

// SetCertStatus suspends (reason 6, certificateHold), reactivates or revokes.
// A revoked certificate stays revoked (W-6) and a pending one pending:
// ErrNotFound then.
//
// Requirements 3.5.10-1, 3.5.11-1, W-6.
func (s *Certificates) SetCertStatus(ctx context.Context, serial string, st mssp.CertStatus, reason int, at time.Time) error {
	switch st {
	case mssp.CertValid:
		reason, at = 0, time.Time{}
	case mssp.CertSuspended, mssp.CertRevoked:
	default:
		return fmt.Errorf("store: a certificate cannot become %q", st)
	}
	return s.changeCert(ctx, `UPDATE certificate SET status = $2, reason = $3, revoked_at = $4
		WHERE serial = $1 AND (status IN ('valid', 'suspended') OR status = 'pending' AND $2 = 'revoked')`,
		serial, string(st), reason, at)
}

func (s *Certificates) changeCert(ctx context.Context, sql string, args ...any) error {
	return s.do(ctx, func(q querier) error {
		n, err := q.exec(sql, args...)
		if err == nil && n == 0 {
			err = fmt.Errorf("store: certificate in a state that permits this: %w", ErrNotFound)
		}
		return err
	})
}

// Certificate is the certificate with that serial number (lower-case
// hexadecimal), or ErrNotFound.
func (s *Certificates) Certificate(ctx context.Context, serial string) (mssp.Certificate, error) {
	return readOne(ctx, s.db, scanCertificate, `SELECT `+certCols+` FROM certificate WHERE serial = $1`, serial)
}

// CertificatesOf lists the certificates of a card, the newest first.
func (s *Certificates) CertificatesOf(ctx context.Context, iccid ota.ICCID) ([]mssp.Certificate, error) {
	return readAll(ctx, s.db, scanCertificate, `SELECT `+certCols+` FROM certificate WHERE iccid = $1 ORDER BY not_before DESC, serial`, string(iccid))
}

// AllCertificates lists certificates by serial number, from the one after the given.
func (s *Certificates) AllCertificates(ctx context.Context, after string, limit int) ([]mssp.Certificate, error) {
	return readAll(ctx, s.db, scanCertificate, `SELECT `+certCols+` FROM certificate WHERE serial > $1 ORDER BY serial LIMIT $2`, after, limit)
}

// Revoked lists the revoked and the suspended certificates, for the CRL.
func (s *Certificates) Revoked(ctx context.Context) ([]mssp.Certificate, error) {
	return readAll(ctx, s.db, scanCertificate, `SELECT `+certCols+` FROM certificate WHERE status IN ('suspended', 'revoked') ORDER BY serial`)
}

// NextCRLNumber counts up from 1; a number is never given twice (RFC 5280 5.2.3).
func (s *Certificates) NextCRLNumber(ctx context.Context) (n int64, err error) {
	err = s.do(ctx, func(q querier) error {
		r, err := q.one(`INSERT INTO sequence (name, value) VALUES ('crl', 1)
			ON CONFLICT (name) DO UPDATE SET value = sequence.value + 1 RETURNING value`)
		if err != nil {
			return err
		}
		n = r.int()
		return r.err()
	})
	return n, err
}
