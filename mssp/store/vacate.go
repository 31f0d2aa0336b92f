package store

import (
	"errors"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
)

// ErrUnderWay: a bearer has a message for the card just now, and may still send it. What
// becomes of it is known within the time that a bearer has; ask again then.
var ErrUnderWay = errors.New("a message for the card is being handed to the network")

const (
	sqlOpenOfCard = `SELECT ` + txCols + ` FROM tx WHERE iccid = $1 AND finished_at = 0 ORDER BY seq`

	sqlVacate = `UPDATE card SET busy_tx = '', queued = 0 WHERE iccid = $1`

	sqlDropOfCard = `UPDATE segment SET state = 'dropped' WHERE state IN ('queued', 'ambiguous')
	AND tx_seq IN (SELECT seq FROM tx WHERE iccid = $1 AND finished_at = 0)`

	// sqlAtBearer finds a segment that somebody alive hands to a bearer: of what is open at
	// the card, or has ended a short while ago.
	sqlAtBearer = `SELECT s.id FROM tx t JOIN segment s ON s.tx_seq = t.seq WHERE t.iccid = $1 AND t.finished_at = 0 AND s.state = 'sent' AND ` + sqlAlive + `
	UNION ALL SELECT s.id FROM tx t JOIN segment s ON s.tx_seq = t.seq WHERE t.msisdn = $2 AND t.msisdn <> '' AND t.iccid = $1 AND t.finished_at > $3
	AND s.state = 'sent' AND ` + sqlAlive + ` LIMIT 1`

	// sqlAlive: this box, or another one on the same database.
	sqlAlive = `(s.holder = $4 OR $5 = 1 AND s.holder IN (SELECT start FROM box))`
)

// settledAfter is more than the time that bearers have for a packet. What is older and
// still counts as sent has lost its outcome, and keeps nobody from anything.
const settledAfter = 10 * time.Minute

// nothingLeaves drops what waits in the outbox for a card, and is ErrUnderWay while a bearer
// has some of it. The order matters: what somebody claims meanwhile is not dropped, and
// found as sent by the second statement.
func nothingLeaves(w *work, s *Situation, now time.Time) error {
	if _, err := w.exec(sqlDropOfCard, string(s.Card.ICCID)); err != nil {
		return err
	}
	shared := 0
	if w.box.b.shared() {
		shared = 1
	}
	_, err := w.one(sqlAtBearer, string(s.Card.ICCID), string(s.User.MSISDN), now.Add(-settledAfter), w.me(), shared)
	if err == nil {
		return ErrUnderWay
	}
	return notFoundIsNil(err)
}

// leaving is why a user has left his card.
type leaving struct{ by, why string }

var (
	toNewCard  = leaving{"simsign user change-card", "the user has changed to a new card, with which they must register anew"}
	toOperator = leaving{"simsign user unregister", "the user has changed to another operator"}
)

// fault is what who waits for a card hears that its number has left.
func (l leaving) fault(k mssp.Kind) *mssp.Fault {
	code := mssp.CardBlocked
	switch k {
	case mssp.KindSign:
		code = mssp.NoKeyFound
	case mssp.KindRegister, mssp.KindHandler:
		code = mssp.RegistrationNOK
	}
	return mssp.Faultf(code, "%s", l.why)
}

// vacate ends what is open at a card: nothing of it is sent again.
func vacate(w *work, iccid ota.ICCID, l leaving, now time.Time) ([]mssp.Transaction, error) {
	open, err := allOf(w, scanTx, sqlOpenOfCard, string(iccid))
	if err != nil {
		return nil, err
	}
	var ended []mssp.Transaction
	for i := range open {
		tx := &open[i]
		if tx.Damage != "" {
			if _, err := aside(w, tx, &Finish{At: now}); err != nil {
				return nil, err
			}
			continue
		}
		st, err := w.step(tx, mssp.EventCancelled, now)
		if err != nil {
			return nil, err
		}
		f := l.fault(tx.Kind)
		tx.Status, tx.Detail, tx.EndedBy = f.Code, f.Detail, l.by
		if err := w.save(tx, st, nil); err != nil {
			return nil, err
		}
		if _, err := w.exec(sqlDropSegments, tx.Seq); err != nil {
			return nil, err
		}
		ended = append(ended, *tx)
	}
	_, err = w.exec(sqlVacate, string(iccid))
	return ended, err
}
