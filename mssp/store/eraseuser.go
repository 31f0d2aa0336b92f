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

// ErrOpen: a transaction of the user has not ended.
var ErrOpen = errors.New("a transaction of the user is open")

// What is erased with a person at once. His transactions follow in small commits.
// The card stays, which is not his for ever, and of certificates what revocation
// lists and OCSP need: serial number, times, state, hash of the key.
const (
	sqlOpenOfNumber = `SELECT seq FROM tx WHERE msisdn = $1 AND finished_at = 0 LIMIT 1`

	sqlMarkErasure = `INSERT INTO erasure (msisdn, last) SELECT $1, COALESCE(MAX(seq), 0) FROM tx WHERE TRUE
	ON CONFLICT (msisdn) DO UPDATE SET last = excluded.last`

	sqlCertificatesOf = `SELECT ` + certCols + `, tag FROM certificate WHERE msisdn = $1 AND msisdn <> ''`

	sqlBlankCertificate = `UPDATE certificate SET msisdn = '', iccid = '', subject = '', der = $2 WHERE serial = $1`

	// sqlElsewhere are certificates of a card that other CAs have issued.
	sqlElsewhere = `SELECT k.serial FROM key_pair k LEFT JOIN certificate x ON x.serial = k.serial
	WHERE k.iccid = $1 AND k.serial <> '' AND k.state IN ('registered', 'suspended', 'revoking') AND x.serial IS NULL ORDER BY k.slot`

	sqlBlankKey = `UPDATE key_pair SET state = 'deleted', confirmed = 0, public_key = $3, serial = '', cert_der = $3, csr = $3, version = version + 1
	WHERE iccid = $1 AND slot = $2`

	sqlMarkedTx = `SELECT kept, ` + txCols + ` FROM tx WHERE msisdn = $1 AND msisdn <> '' AND seq <= $2 AND finished_at <> 0 LIMIT $3`
)

// ceased is the reason of a certificate whose holder is no user any more (RFC 5280 5.3.1:
// cessationOfOperation).
const ceased = 5

var sqlErasePerson = [...]string{
	`DELETE FROM mo_part WHERE header IN (SELECT id FROM mo_header WHERE source = $1)`,
	`DELETE FROM mo_header WHERE source = $1`,
	`DELETE FROM receipt WHERE dest = $1`,
	`DELETE FROM segment WHERE tx_seq = 0 AND dest = $1`,
	`DELETE FROM notice WHERE msisdn = $1`,
	`DELETE FROM patience WHERE msisdn = $1`,
	`DELETE FROM identity WHERE msisdn = $1`,
	`DELETE FROM device WHERE msisdn = $1`,
	`DELETE FROM duty WHERE msisdn = $1`,
	`DELETE FROM pop WHERE msisdn = $1`,
	sqlEraseCalls,
	`DELETE FROM subscriber WHERE msisdn = $1`,
}

// EraseUser erases what is kept of a person, in one commit with a mark by which
// EraseMarked erases his transactions, in this process or the next. ErrOpen: he is
// being asked just now. ErrNotFound: nothing is kept of this number.
func (s *Erasures) EraseUser(ctx context.Context, n sms.MSISDN, now time.Time) error {
	return s.do(ctx, func(q querier) error {
		sub, err := oneOf(q, scanSubscriber, sqlHoldSubscriber, string(n))
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		known := err == nil
		if _, err := q.one(sqlOpenOfNumber, string(n)); !errors.Is(err, ErrNotFound) {
			if err == nil {
				err = ErrOpen
			}
			return err
		}
		if !known {
			if _, err := q.one(`SELECT seq FROM tx WHERE msisdn = $1 AND msisdn <> '' LIMIT 1`, string(n)); err != nil {
				return err
			}
		}
		if _, err := q.exec(sqlMarkErasure, string(n)); err != nil {
			return err
		}
		if err := eraseCertificates(q, n, now); err != nil {
			return err
		}
		if err := eraseDuties(q, &sub, now); err != nil {
			return err
		}
		if err := disown(q, n); err != nil {
			return err
		}
		if known {
			if err := eraseKeys(q, sub.ICCID, now); err != nil {
				return err
			}
			if _, err := q.exec(sqlEraseCalls, string(sub.ICCID)); err != nil {
				return err
			}
		}
		q.note(audit.Entry{Action: "user.erase", Subject: audit.User(n), Before: string(sub.State)})
		for _, sql := range sqlErasePerson {
			if _, err := q.exec(sql, string(n)); err != nil {
				return err
			}
		}
		return nil
	})
}

// eraseCertificates revokes the certificates of a number, and blanks who stands in them.
func eraseCertificates(q querier, n sms.MSISDN, now time.Time) error {
	certs, err := allOf(q, scanCertificate, sqlCertificatesOf, string(n))
	if err != nil {
		return err
	}
	for i := range certs {
		if certs[i].Status.Permits(mssp.CertRevoked) {
			if _, err := setCertStatus(q, certs[i].Serial, mssp.CertRevoked, ceased, now); err != nil {
				return err
			}
			certs[i].Status = mssp.CertRevoked
		}
		if _, err := q.exec(sqlBlankCertificate, certs[i].Serial, []byte(nil)); err != nil {
			return err
		}
		e := certEntry(&certs[i], "change", certs[i].Status, mssp.CertRevoked)
		e.Reason = "erased"
		q.note(e)
		if err := tableCertificate.seal(q, certs[i].Serial); err != nil {
			return err
		}
	}
	return nil
}

// eraseDuties leaves what a CA has still to confirm of cards that the user has had: nobody
// is notified of it any more.
func eraseDuties(q querier, u *mssp.Subscriber, now time.Time) error {
	duties, err := allOf(q, scanDuty, sqlDutiesOf, string(u.MSISDN))
	for i := range duties {
		if d := &duties[i]; err == nil && d.Step == mssp.DutyCA && d.ICCID != u.ICCID {
			err = orderLost(q, "", d.Serials, "the user was erased", now)
		}
	}
	return err
}

// eraseKeys forgets the keys of a card: who gets it next makes new ones. What the
// built-in CA has not issued is to be revoked where it was.
func eraseKeys(q querier, iccid ota.ICCID, now time.Time) error {
	serials, err := allOf(q, func(r *row) (string, error) { return r.text(), r.err() }, sqlElsewhere, string(iccid))
	if err != nil {
		return err
	}
	if err := orderLost(q, "", serials, "the user was erased", now); err != nil {
		return err
	}
	slots, err := allOf(q, scanInt, `SELECT slot FROM key_pair WHERE iccid = $1`, string(iccid))
	if err != nil {
		return err
	}
	for _, slot := range slots {
		if _, err := q.exec(sqlBlankKey, string(iccid), slot, []byte(nil)); err != nil {
			return err
		}
		q.note(audit.Entry{Action: "key.change", Subject: audit.Card(iccid), After: string(mssp.KeyDeleted), Detail: fmt.Sprint("slot ", slot), Reason: "erased"})
		if err := tableKeyPair.seal(q, string(iccid), slot); err != nil {
			return err
		}
	}
	return nil
}

// EraseMarked erases transactions of persons whose erasure has begun; call it
// again while more. What tells a repeat from a new request stays until retention
// takes it: a provider's transport may still try again.
func (s *Erasures) EraseMarked(ctx context.Context, now time.Time) (gone Erased, more bool, err error) {
	err = s.do(ctx, func(q querier) error {
		gone, more = Erased{}, false
		r, err := q.one(`SELECT msisdn, last FROM erasure ORDER BY msisdn LIMIT 1`)
		if err != nil {
			return notFoundIsNil(err)
		}
		number, last := r.text(), r.int()
		if err := r.err(); err != nil {
			return err
		}
		more = true
		rows, err := allOf(q, scanKept, sqlMarkedTx, number, last, eraseBatch)
		if err != nil {
			return err
		}
		for i := range rows {
			k := &rows[i]
			if _, err := q.exec(`DELETE FROM completion WHERE tx_seq = $1`, k.tx.Seq); err != nil {
				return err
			}
			k.kept |= keptAll &^ keptRepeat // whatever the row says
			if err := erase(q, k, keptAll&^keptRepeat, now, mssp.ByPerson, gone); err != nil && !errors.Is(err, errMoved) {
				return err
			}
		}
		if len(rows) == 0 {
			_, err = q.exec(`DELETE FROM erasure WHERE msisdn = $1`, number)
		}
		noteErased(q, "person", gone)
		return err
	})
	if err == nil {
		s.m.erasedRows(gone)
	}
	return gone, more, err
}
