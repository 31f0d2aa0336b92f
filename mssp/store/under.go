package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// A certificate and its pair have one status: whoever changes one changes the other in the
// same commit. Each row has its tag, but a row that is put back as it was an hour ago has
// the right one. So a pair is never read without its certificate: both must belong
// together, and of two states the one that permits less is the state of the pair. For a
// certificate of another CA there is no row here, and the pair's state is all there is.

const (
	underCols = keyPairCols + `, COALESCE(x.serial, ''), x.iccid, x.msisdn, x.subject, x.der, x.status, x.reason, x.not_before, x.not_after, x.revoked_at, x.spki_sha256, x.tag`

	sqlUnder = `LEFT JOIN certificate x ON x.serial = k.serial AND k.serial <> '' AND k.state <> 'deleted'`

	certColumns = 12 // with the tag

	sqlPairsUnder = `SELECT ` + underCols + `, k.csr FROM key_pair k ` + sqlUnder + ` WHERE k.iccid = $1 ORDER BY k.slot`

	sqlPairsOf = `SELECT ` + keyPairCols + `, k.csr FROM key_pair k WHERE k.iccid = $1 AND k.serial = $2 AND k.state <> 'deleted'`
)

// scanUnder reads a key pair under its certificate. holder is whose the card is, "" when
// that is not asked.
func scanUnder(r *row, iccid ota.ICCID, holder sms.MSISDN) (mssp.KeyPair, error) {
	k, err := scanKeyPair(r, iccid)
	if err != nil {
		return k, err
	}
	if serial, ok := r.v[min(r.i, len(r.v)-1)].(string); !ok || serial == "" {
		r.i += certColumns
		return k, r.err()
	}
	c, err := scanCertificate(r)
	if err != nil {
		return k, err
	}
	if !belong(&k, &c) {
		r.bad = fmt.Errorf("store: %s: slot %d and its certificate do not belong together: %w", tableKeyPair.name, k.Slot, ErrAltered)
		return k, r.bad
	}
	if holder != "" && c.MSISDN != "" && c.MSISDN != holder {
		k.State = mssp.KeyRevoked // of whoever had the card before
	}
	k.State = stricter(k.State, c.Status)
	return k, nil
}

// belong: both rows say so.
func belong(k *mssp.KeyPair, c *mssp.Certificate) bool {
	sum := sha256.Sum256(k.PublicKey)
	return c.ICCID == k.ICCID && (c.KeyHash == "" || c.KeyHash == hex.EncodeToString(sum[:]))
}

// stricter is the state of a pair whose certificate has that status.
func stricter(k mssp.KeyState, c mssp.CertStatus) mssp.KeyState {
	switch {
	case c == mssp.CertRevoked && k.Certified():
		return mssp.KeyRevoked
	case c == mssp.CertSuspended && k == mssp.KeyRegistered:
		return mssp.KeySuspended
	}
	return k
}

// wholeUnder is scanUnder with the CSR.
func wholeUnder(iccid ota.ICCID, holder sms.MSISDN) func(r *row) (mssp.KeyPair, error) {
	return func(r *row) (mssp.KeyPair, error) {
		k, err := scanUnder(r, iccid, holder)
		if err == nil {
			k.CSR = r.blob()
			err = r.err()
		}
		return k, err
	}
}

// follow gives the pairs of a certificate its status. A pair whose row is not ours stays as
// it is: nobody signs with it, and it must not keep a certificate from being revoked.
func follow(q querier, c *mssp.Certificate, to mssp.CertStatus) error {
	pairs, err := allOf(q, func(r *row) (mssp.KeyPair, error) {
		k, err := wholeKeyPair(c.ICCID)(r)
		if errors.Is(err, ErrAltered) {
			k.State, err = mssp.KeyDeleted, nil
		}
		return k, err
	}, sqlPairsOf, string(c.ICCID), c.Serial)
	if err != nil {
		return err
	}
	for i := range pairs {
		k := &pairs[i]
		if !k.State.Permits(to.Of()) || k.State == mssp.KeyDeleted {
			continue
		}
		k.State = to.Of()
		if err := putKeyPair(q, k, k.UpdatedAt); err != nil {
			return err
		}
	}
	return nil
}

// holdCardOf locks the row of a card, where there is one, before anything else: as
// everybody does who ends a transaction of that card.
func holdCardOf(q querier, iccid string) error {
	_, err := q.one(`UPDATE card SET queued = queued WHERE iccid = $1 RETURNING iccid`, iccid)
	return notFoundIsNil(err)
}

const (
	// sqlSigns finds the pair that may give a signature away now.
	sqlSigns = `SELECT k.slot FROM key_pair k JOIN subscriber s ON s.msisdn = $3 AND s.iccid = k.iccid
	LEFT JOIN certificate x ON x.serial = k.serial AND k.serial <> ''
	WHERE k.iccid = $1 AND k.slot = $2 AND k.state = 'registered' AND s.state = 'active' AND COALESCE(x.status, 'valid') = 'valid'`

	// sqlSilent: the user's service is off, or nothing of the card signs any more.
	sqlSilent = `SELECT CASE WHEN EXISTS (SELECT 1 FROM subscriber WHERE msisdn = $2 AND state = 'suspended') THEN 2
	WHEN NOT EXISTS (SELECT 1 FROM key_pair WHERE iccid = $1 AND state = 'registered')
	AND EXISTS (SELECT 1 FROM key_pair WHERE iccid = $1 AND state IN ('suspended', 'revoking', 'revoked')) THEN 1 ELSE 0 END`
)

// stillSigns is ErrChanged when the pair that has signed for a transaction may not sign
// any more: since the answer was judged, a suspension or a revocation was accepted.
func stillSigns(q querier, tx *mssp.Transaction, slot byte) error {
	if slot == 0 {
		return nil
	}
	_, err := q.one(sqlSigns, string(tx.ICCID), slot, string(tx.MSISDN))
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("store: the pair that has signed: %w", ErrChanged)
	}
	return err
}

// silent is why nobody is asked for a signature any more, who waited for that.
func silent(q querier, tx *mssp.Transaction) (*mssp.Fault, error) {
	if tx.Kind != mssp.KindSign {
		return nil, nil
	}
	why, err := oneOf(q, scanInt, sqlSilent, string(tx.ICCID), string(tx.MSISDN))
	switch {
	case err != nil:
		return nil, err
	case why == 2:
		return mssp.Faultf(mssp.CardBlocked, "the service of this user is suspended"), nil
	case why == 1:
		return mssp.Faultf(mssp.RevokedCertificate, "the user's certificates have been suspended or revoked since"), nil
	}
	return nil, nil
}
