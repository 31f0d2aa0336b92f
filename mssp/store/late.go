package store

import (
	"context"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota/sms"
)

// Late is an answer of a card that came after the end of its transaction.
type Late struct {
	TxID    mssp.TransID
	At      time.Time
	What    string     // what it said, for the operator
	Notices []Notice   // to the user
	Card    *mssp.Card // facts that it proves, as in Finish
	Heard   *Heard     // as in Finish
}

const (
	sqlLate = `UPDATE tx SET late = $2, late_at = $3, version = version + 1 WHERE id = $1 AND finished_at <> 0 AND late_at = 0`

	// sqlUnanswered has the index tx_late, which holds these conditions.
	sqlUnanswered = `SELECT ` + txCols + ` FROM tx WHERE msisdn = $1 AND finished_at >= $2
	AND sent_at <> 0 AND late_at = 0 AND ended IN ('expired', 'cancelled', 'undeliver') ORDER BY finished_at DESC LIMIT 1`
)

// AnsweredLate notes the first late answer of a transaction, with the texts that
// tell the user, in one commit. first is false when there was one before: nothing is
// done then. ErrChanged: somebody has changed the card meanwhile.
func (s *Store) AnsweredLate(ctx context.Context, l Late) (first bool, texts []Outbound, err error) {
	err = s.do(ctx, func(q querier) error {
		n, err := q.exec(sqlLate, string(l.TxID), l.What, l.At)
		if first, texts = n > 0, nil; err != nil || !first {
			return err
		}
		q.note(audit.Entry{Action: "tx.late", Subject: audit.Tx(string(l.TxID), ""), Detail: l.What})
		if err := hear(q, l.Heard); err != nil {
			return err
		}
		if l.Heard != nil && l.Heard.Anew {
			if err := emptySlots(q, l.Heard.ICCID, nil, l.At); err != nil {
				return err
			}
		}
		if l.Card != nil {
			if err := putCardFacts(q, l.Card); err != nil {
				return err
			}
		}
		texts, err = tell(q, l.Notices, l.At)
		return err
	})
	if err != nil {
		return false, nil, err
	}
	return first, texts, nil
}

// Unanswered is the last transaction of a number that has ended since then without
// a word of the card, and of which none has come later; ErrNotFound when there is none.
func (s *Store) Unanswered(ctx context.Context, n sms.MSISDN, since time.Time) (tx mssp.Transaction, err error) {
	err = s.read(ctx, func(q querier) error {
		tx, err = oneTx(q, sqlUnanswered, string(n), since)
		return err
	})
	return tx, err
}
