package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota"
)

const (
	keyPairCols = `k.slot, k.usage, k.algorithm, k.state, k.confirmed, k.public_key, k.serial, k.updated_at, k.cert_der, k.version, k.tag`

	// sqlPutKeyPair writes the row when it has the version $12; 0 stands for any,
	// and -1 for none: no row, or one whose key is deleted.
	sqlPutKeyPair = `INSERT INTO key_pair (iccid, slot, usage, algorithm, state, confirmed, public_key, serial, cert_der, csr, updated_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
	ON CONFLICT (iccid, slot) DO UPDATE SET usage = excluded.usage, algorithm = excluded.algorithm, state = excluded.state,
	confirmed = excluded.confirmed, public_key = excluded.public_key, serial = excluded.serial, cert_der = excluded.cert_der,
	csr = excluded.csr, updated_at = excluded.updated_at, version = key_pair.version + 1
	WHERE $12 = 0 OR key_pair.version = $12 OR $12 = -1 AND key_pair.state = 'deleted'`

	sqlFullSlots = `SELECT slot FROM key_pair WHERE iccid = $1 AND state <> 'deleted' ORDER BY slot`

	sqlOneKeyPair = `SELECT ` + keyPairCols + `, k.csr FROM key_pair k WHERE k.iccid = $1 AND k.slot = $2`
)

// Absent, as the Version of a key pair to store, says that its writer has found
// the slot empty.
const Absent = -1

var tableKeyPair = newTable("key_pair", "iccid, slot", "iccid, "+keyPairCols)

// scanKeyPair reads the columns up to version; the ICCID is known.
func scanKeyPair(r *row, iccid ota.ICCID) (mssp.KeyPair, error) {
	k := mssp.KeyPair{ICCID: iccid}
	first := r.i
	k.Slot = byte(r.num(0, 255))
	k.Usage = mssp.KeyUsage(r.num(0, 2))
	k.Algorithm = byte(r.num(0, 255))
	k.State = wordOf(r, mssp.KeyGenerated, mssp.KeyRegistering, mssp.KeyRequested, mssp.KeyRegistered,
		mssp.KeySuspended, mssp.KeyRevoking, mssp.KeyRevoked, mssp.KeyAborted, mssp.KeyDeleted)
	k.Confirmed = r.flag()
	k.PublicKey = r.blob()
	k.Serial = r.text()
	k.UpdatedAt = r.time()
	k.CertDER = r.blob()
	k.Version = r.num(1, maxVersion)
	r.authentic(tableKeyPair, first, string(iccid))
	return k, r.err()
}

// wholeKeyPair reads a key pair with its CSR.
func wholeKeyPair(iccid ota.ICCID) func(r *row) (mssp.KeyPair, error) {
	return func(r *row) (mssp.KeyPair, error) {
		k, err := scanKeyPair(r, iccid)
		k.CSR = r.blob()
		return k, errors.Join(err, r.err())
	}
}

// putKeyPair stores a slot as its Version permits. The error is a Changed when
// the row is another one than its writer has seen. A good certificate does not outlive its
// pair: the CA is to revoke it.
func putKeyPair(q querier, k *mssp.KeyPair, now time.Time) error {
	if k.State != mssp.KeyDeleted && k.State != mssp.KeyAborted {
		return writeKeyPair(q, k, now)
	}
	serial := ""
	was, err := oneOf(q, wholeKeyPair(k.ICCID), sqlOneKeyPair, string(k.ICCID), k.Slot)
	if err == nil {
		serial, err = orphan(q, &was, now)
	}
	if notFoundIsNil(err) != nil && !errors.Is(err, ErrAltered) { // a row that is not ours is written over
		return err
	}
	if err := writeKeyPair(q, k, now); err != nil || serial == "" {
		return err
	}
	return orderLost(q, k.ICCID, []string{serial}, "the pair of the certificate is gone", now)
}

// orphan is the certificate that stays good when a pair goes: its own, or one that the CA
// has issued for a registration which has heard nothing of it. "": there is none, or its
// revocation is under way.
func orphan(q querier, k *mssp.KeyPair, now time.Time) (serial string, err error) {
	if k.State == mssp.KeyRevoking || k.Ended(now) {
		return "", nil
	}
	if k.State.Certified() {
		return k.Serial, nil
	}
	if len(k.PublicKey) == 0 {
		return "", nil
	}
	sum := sha256.Sum256(k.PublicKey)
	c, err := oneOf(q, scanCertificate, sqlCertificateOfKey, hex.EncodeToString(sum[:]))
	if err != nil || c.Status != mssp.CertValid && c.Status != mssp.CertSuspended || !c.NotAfter.After(now) {
		return "", notFoundIsNil(err)
	}
	return c.Serial, nil
}

func writeKeyPair(q querier, k *mssp.KeyPair, now time.Time) error {
	at := k.UpdatedAt
	if at.IsZero() {
		at = now
	}
	n, err := q.exec(sqlPutKeyPair, string(k.ICCID), k.Slot, byte(k.Usage), k.Algorithm, string(k.State), k.Confirmed,
		k.PublicKey, k.Serial, k.CertDER, k.CSR, at, k.Version)
	if err == nil && n > 0 {
		q.note(audit.Entry{Action: "key.change", Subject: audit.Card(k.ICCID), After: string(k.State), Detail: fmt.Sprint("slot ", k.Slot)})
		return tableKeyPair.seal(q, string(k.ICCID), k.Slot)
	}
	if err != nil {
		return err
	}
	have, err := oneOf(q, wholeKeyPair(k.ICCID), sqlOneKeyPair, string(k.ICCID), k.Slot)
	if err != nil {
		return err
	}
	return &Changed[mssp.KeyPair]{Row: have}
}

// emptySlots notes that the applet of a card has none of its key pairs any more, but those
// of made, which its answer has brought. Their certificates are to be revoked: nobody will
// sign with them again. A row that is not ours stays as it is: nobody signs with it.
func emptySlots(q querier, iccid ota.ICCID, made []mssp.KeyPair, now time.Time) error {
	slots, err := allOf(q, func(r *row) (byte, error) { return byte(r.int()), r.err() }, sqlFullSlots, string(iccid))
	if err != nil {
		return err
	}
	var lost []string
	for _, slot := range slots {
		if slices.ContainsFunc(made, func(k mssp.KeyPair) bool { return k.Slot == slot }) {
			continue
		}
		k, err := oneOf(q, wholeKeyPair(iccid), sqlOneKeyPair, string(iccid), slot)
		if errors.Is(err, ErrAltered) {
			continue
		}
		if err != nil {
			return err
		}
		serial, err := orphan(q, &k, now)
		if err != nil {
			return err
		}
		if serial != "" {
			lost = append(lost, serial)
		}
		k.State, k.UpdatedAt = mssp.KeyDeleted, now
		if err := writeKeyPair(q, &k, now); err != nil {
			return err
		}
	}
	return orderLost(q, iccid, lost, "the applet was installed anew: its pairs are gone", now)
}

// PutKeyPairs stores key slots, each as a whole row, all of them or none. A
// Version above 0 is that of the row that was read, and Absent that of a slot
// that was found empty: when somebody has written there since, the error is a
// Changed with the row as it is now. Version 0 writes over whatever is there:
// for what the card itself has said.
func (s *Records) PutKeyPairs(ctx context.Context, kp []mssp.KeyPair) error {
	now := s.clock()
	return s.do(ctx, func(q querier) error {
		for i := range kp {
			if err := putKeyPair(q, &kp[i], now); err != nil {
				return err
			}
		}
		return nil
	})
}

// KeyPairs lists the key slots of a card under their certificates, deleted ones too, with
// their CSRs.
func (s *Records) KeyPairs(ctx context.Context, iccid ota.ICCID) ([]mssp.KeyPair, error) {
	return readAll(ctx, s.db, wholeUnder(iccid, ""), sqlPairsUnder, string(iccid))
}
