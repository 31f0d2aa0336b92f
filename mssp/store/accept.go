package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
)

const (
	// sqlEnter locks the card's row and claims the card when it is idle and
	// nobody waits; otherwise it takes a place in the queue.
	sqlEnter = `UPDATE card SET
	busy_tx = CASE WHEN busy_tx = '' AND queued = 0 THEN $2 ELSE busy_tx END,
	queued = CASE WHEN busy_tx = '' AND queued = 0 THEN 0 ELSE queued + 1 END,
	holder = CASE WHEN busy_tx = '' AND queued = 0 THEN $3 ELSE holder END
	WHERE iccid = $1 AND ` + sqlFence + `$3` + sqlKept + ` RETURNING busy_tx, queued`

	sqlInsertTx = `INSERT INTO tx (id, kind, ap, ap_trans_id, instant, once, request_hash, msisdn, iccid, mode, profile, applet_txn,
	state, status, detail, attempt, created_at, sent_at, deadline, finished_at, version, request, int6, result, mo,
	observer, observer_data, ended, tag)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, 1, $21, $22, $23, $24, $25, $26, $27, $28)
	ON CONFLICT DO NOTHING RETURNING seq, COALESCE((SELECT s.iccid FROM subscriber s WHERE s.msisdn = tx.msisdn), tx.iccid)`
)

// Accept takes a transaction in: one commit stores it and, when it is its
// turn at the card at once, the sealed packet too. A request that an earlier
// one stands against (see Earlier) changes nothing and answers that one
// (Duplicate, I12). When the SealFunc refuses with a *mssp.Fault the
// transaction is stored as failed with that fault. The error is ErrNotFound
// for a card that is not there and ErrExists for an ID that is taken.
//
// CreatedAt must be set; it is also the time of the packet.
//
// A transaction that prompts its user counts against his number (p; nil: it
// does not). The error may then be the *mssp.Fault with which the rules refuse
// it, and nothing is stored.
func (s *Store) Accept(ctx context.Context, tx mssp.Transaction, p *Prompt, seal SealFunc) (AcceptResult, error) {
	if tx.CreatedAt.IsZero() {
		tx.CreatedAt = s.clock()
	}
	var res AcceptResult
	err := s.change(ctx, func(w *work) (err error) {
		res, err = accept(w, tx, p, seal)
		return err
	})
	return res, err
}

func accept(w *work, tx mssp.Transaction, p *Prompt, seal SealFunc) (AcceptResult, error) {
	now := tx.CreatedAt
	r, err := w.one(sqlEnter, string(tx.ICCID), string(tx.ID), w.me())
	if err != nil {
		return AcceptResult{}, w.fenced(fmt.Errorf("store: card of the transaction: %w", err))
	}
	mine := r.text() == string(tx.ID)
	ahead := int(r.int())
	if err := r.err(); err != nil {
		return AcceptResult{}, err
	}
	tx.State, tx.Version, tx.Attempt = mssp.New, 1, 0
	accepted, err := w.step(&tx, mssp.EventAccepted, now)
	if err != nil {
		return AcceptResult{}, err
	}
	var sd sealed
	var turn step
	if mine {
		if sd, turn, err = takeTurn(w, &tx, seal, now); err != nil {
			return AcceptResult{}, err
		}
	}
	if err := insertTx(w, &tx); errors.Is(err, ErrExists) {
		return acceptedBefore(w, tx, mine)
	} else if err != nil {
		return AcceptResult{}, err
	}
	if err := w.box.b.room(); err != nil { // it is new, and what is left is for the others
		return AcceptResult{}, err
	}
	w.record(&tx, accepted.Change)
	if p != nil {
		if err := p.count(w, tx.MSISDN, tx.AP, now); err != nil {
			return AcceptResult{}, err
		}
	}
	res := AcceptResult{Tx: tx, Ahead: ahead}
	if !mine {
		res.Own, err = waitingOf(w, &tx)
		return res, err
	}
	w.record(&tx, turn.Change)
	if turn.effect == mssp.EffectSubmit {
		res.Dispatched, err = storeSealed(w, &tx, sd, now)
		return res, err
	}
	if err := completed(w, &tx); err != nil {
		return AcceptResult{}, err
	}
	_, err = w.exec(sqlTurn, string(tx.ICCID), "", 0, w.me())
	return res, err
}

// waitingOf counts what waits of the same provider before a transaction in the queue
// of its card.
func waitingOf(q querier, tx *mssp.Transaction) (int, error) {
	r, err := q.one(`SELECT COUNT(*) FROM tx WHERE state = 'queued' AND iccid = $1 AND seq < $2 AND ap = $3`, string(tx.ICCID), tx.Seq, string(tx.AP))
	if err != nil {
		return 0, err
	}
	return int(r.int()), r.err()
}

// insertTx stores a new transaction and sets its Seq; ErrExists when its id or
// the AP's id for it is taken.
func insertTx(q querier, tx *mssp.Transaction) error {
	tag, err := q.authority().endTag(tx)
	if err != nil {
		return err
	}
	r, err := q.one(sqlInsertTx, string(tx.ID), string(tx.Kind), string(tx.AP), tx.APTransID, tx.Instant, tx.Once, tx.RequestHash,
		string(tx.MSISDN), string(tx.ICCID), string(tx.Mode), tx.Profile, tx.AppletTxn,
		string(tx.State), int64(tx.Status), tx.Detail, tx.Attempt, tx.CreatedAt, tx.SentAt, tx.Deadline, tx.FinishedAt,
		tx.Request, tx.INT6, tx.Result, []byte(nil), tx.Observer.Name, tx.Observer.Data, string(tx.Ended), tag)
	if errors.Is(err, ErrNotFound) {
		return ErrExists
	}
	if err != nil {
		return fmt.Errorf("store: insert the transaction: %w", err)
	}
	tx.Seq = r.int()
	if card := r.text(); r.err() == nil && card != string(tx.ICCID) { // whoever asks has read of the card that the number had
		return toNewCard.fault(tx.Kind)
	}
	return r.err()
}

// acceptedBefore gives back the place at the card and answers the transaction
// that was first.
func acceptedBefore(w *work, tx mssp.Transaction, mine bool) (AcceptResult, error) {
	err := error(nil)
	if mine {
		_, err = w.exec(sqlTurn, string(tx.ICCID), "", 0, w.me())
	} else {
		_, err = w.exec(sqlUnqueue, string(tx.ICCID))
	}
	if err != nil {
		return AcceptResult{}, err
	}
	first, err := earlier(w, RequestOf(&tx))
	if !errors.Is(err, ErrNotFound) {
		return AcceptResult{Tx: first, Duplicate: true}, err
	}
	switch _, err = oneTx(w, sqlTxByID, string(tx.ID)); {
	case err == nil:
		err = fmt.Errorf("store: transaction id: %w", ErrExists)
	case errors.Is(err, ErrNotFound):
		err = errMoved // an open one has ended since the insertion
	}
	return AcceptResult{}, err
}

const sqlUnqueue = `UPDATE card SET queued = queued - 1 WHERE iccid = $1`

// SealNext gives an idle card with a queue to its next transaction: the sweep
// after a restart, or after a card that was suspended works again. Nothing is
// dispatched when the card is busy or nobody waits. The transactions whose
// seal failed are final now.
func (s *Store) SealNext(ctx context.Context, iccid ota.ICCID, now time.Time, seal SealFunc) (*Dispatched, []mssp.Transaction, error) {
	var d *Dispatched
	var failed []mssp.Transaction
	err := s.change(ctx, func(w *work) error {
		d, failed = nil, nil
		r, err := w.one(sqlLockCard, string(iccid), w.me())
		if err != nil {
			return w.fenced(err)
		}
		busy, queued := r.text(), r.int()
		if err := r.err(); err != nil || busy != "" || queued == 0 {
			return err
		}
		d, failed, err = popNext(w, iccid, now, seal)
		return err
	})
	return d, failed, err
}

const sqlDropSegments = `UPDATE segment SET state = 'dropped' WHERE tx_seq = $1 AND state IN ('queued', 'ambiguous')`

// Reattempt seals a new packet, under a new counter, for the transaction that
// is at the card; segments of the earlier packet that wait are dropped.
// ErrFinal: it has ended or is not at the card. An error of the SealFunc, a
// fault too, changes nothing.
func (s *Store) Reattempt(ctx context.Context, id mssp.TransID, seal SealFunc) (*Dispatched, error) {
	var d *Dispatched
	now := s.clock()
	err := s.change(ctx, func(w *work) error {
		n, err := w.exec(`UPDATE card SET queued = queued WHERE busy_tx = $1
			AND iccid = (SELECT iccid FROM tx WHERE id = $1) AND `+sqlFence+`$2`+sqlKept, string(id), w.me())
		if err != nil {
			return err
		}
		if n == 0 {
			return w.fenced(ErrFinal)
		}
		tx, err := oneTx(w, sqlTxByID, string(id))
		if err != nil {
			return err
		}
		sd, err := callSeal(w, &tx, seal)
		if err != nil {
			return err
		}
		if sd.fault != nil {
			return sd.fault
		}
		st, err := w.step(&tx, mssp.EventReattempt, now)
		if err != nil {
			return err
		}
		if _, err := w.exec(sqlDropSegments, tx.Seq); err != nil {
			return err
		}
		if err := w.save(&tx, st, nil); err != nil {
			return err
		}
		d, err = storeSealed(w, &tx, sd, now)
		return err
	})
	return d, err
}
