package pki

import (
	"context"
	"errors"
	"fmt"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// Reasons of revocation, RFC 5280 5.3.1 CRLReason.
const (
	Unspecified          = 0
	KeyCompromise        = 1
	AffiliationChanged   = 3
	Superseded           = 4
	CessationOfOperation = 5
	CertificateHold      = 6
	PrivilegeWithdrawn   = 9
)

// Revoke revokes a certificate for good (3.5.10-1, W-6). serial is in
// hexadecimal, lower case. Revoking a revoked one again is ErrRevoked: the
// *StatusError says since when and why it is.
func (c *CA) Revoke(ctx context.Context, serial string, reason int) error {
	switch reason {
	case Unspecified, KeyCompromise, AffiliationChanged, Superseded, CessationOfOperation, PrivilegeWithdrawn:
	default:
		return fmt.Errorf("%w: %d is no reason to revoke (RFC 5280 5.3.1: 0, 1, 3, 4, 5 or 9)", ErrTransition, reason)
	}
	return c.setStatus(ctx, serial, mssp.CertRevoked, reason)
}

// Suspend puts a certificate on hold (3.5.11-1).
func (c *CA) Suspend(ctx context.Context, serial string) error {
	return c.setStatus(ctx, serial, mssp.CertSuspended, CertificateHold)
}

// Reactivate ends a suspension (3.5.11-1). A revoked certificate stays
// revoked: ErrRevoked (W-6).
func (c *CA) Reactivate(ctx context.Context, serial string) error {
	return c.setStatus(ctx, serial, mssp.CertValid, 0)
}

// setStatus changes a status, if the present one permits it, and tells the
// caches. The error is a *StatusError when it does not.
func (c *CA) setStatus(ctx context.Context, serial string, to mssp.CertStatus, reason int) error {
	was, err := c.o.Store.SetCertStatus(ctx, serial, to, reason, c.o.Clock().UTC())
	if now, ok := errors.AsType[*store.Changed[mssp.Certificate]](err); ok {
		return &StatusError{Have: now.Row, To: to}
	}
	// The caches are told after a failure too: it may have happened all the same.
	if !errors.Is(err, mssp.ErrNotFound) {
		c.Changed()
	}
	if err != nil {
		return fmt.Errorf("certificate %s: %w", serial, err)
	}
	c.metrics.changes.WithLabelValues(string(to)).Inc()
	c.o.Logger.InfoContext(ctx, "certificate status changed", "serial", serial, "from", string(was.Status), "to", string(to), "reason", reason)
	return nil
}
