package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/bearer"
)

const (
	// sqlLeave locks the card's row and frees the card when this transaction
	// has it.
	sqlLeave = `UPDATE card SET busy_tx = CASE WHEN busy_tx = $1 THEN '' ELSE busy_tx END
	WHERE iccid = (SELECT iccid FROM tx WHERE id = $1) RETURNING busy_tx, queued`

	sqlFinish = `UPDATE tx SET state = $2, status = $3, detail = $4, result = $5, finished_at = $6, mo = $7, version = version + 1
	WHERE id = $1 AND finished_at = 0 RETURNING ` + txCols

	// sqlCardFacts leaves the rest as it is, so that what an operator has
	// changed since the card was read stays.
	sqlCardFacts = `UPDATE card SET codes = $2, bad_por = $3, state = CASE WHEN $4 = $5 THEN $5 ELSE state END WHERE iccid = $1`

	sqlTxMO = `SELECT mo FROM tx WHERE id = $1`

	sqlConsume = `UPDATE mo_header SET state = 2 WHERE id = $1 AND state < 2`
)

// Finish ends a transaction and starts the next one of its card, all in one
// commit. A transaction that is final stays as it is (I7): Applied is false
// then, and nothing but the consumed answer is changed. Segments that have
// not left are not sent any more (see ClaimSegments). The seal function may
// be nil only when nothing can be queued behind. ErrNotFound: no such
// transaction.
func (s *Store) Finish(ctx context.Context, f Finish, seal SealFunc) (FinishResult, error) {
	if !f.State.Final() {
		return FinishResult{}, fmt.Errorf("store: Finish with state %q, which is not final", f.State)
	}
	if f.At.IsZero() {
		f.At = s.clock()
	}
	var res FinishResult
	err := s.do(ctx, func(q querier) (err error) {
		res, err = finish(q, &f, seal)
		return err
	})
	return res, err
}

func finish(q querier, f *Finish, seal SealFunc) (FinishResult, error) {
	r, err := q.one(sqlLeave, string(f.TxID))
	if err != nil {
		return FinishResult{}, err
	}
	idle := r.text() == ""
	queued := r.int()
	if err := r.err(); err != nil {
		return FinishResult{}, err
	}
	if f.Joined != 0 {
		if _, err := q.exec(sqlConsume, f.Joined); err != nil {
			return FinishResult{}, err
		}
	}
	mo := packMO(f.MO)
	tx, err := oneTx(q, sqlFinish, string(f.TxID), string(f.State), int64(f.Status), f.Detail, f.Result, f.At, mo)
	if errors.Is(err, ErrNotFound) {
		return finishedBefore(q, f.TxID, mo)
	}
	if err != nil {
		return FinishResult{}, err
	}
	res := FinishResult{Applied: true, Tx: tx}
	if err := storeFacts(q, f, &res); err != nil {
		return FinishResult{}, err
	}
	if tx.Attempt == 0 { // it was still queued
		queued--
		if _, err := q.exec(sqlUnqueue, string(tx.ICCID)); err != nil {
			return FinishResult{}, err
		}
	}
	if idle && queued > 0 && seal != nil {
		res.Next, res.Failed, err = popNext(q, tx.ICCID, f.At, seal)
	}
	return res, err
}

// storeFacts stores what the answer proved and the texts to the user.
func storeFacts(q querier, f *Finish, res *FinishResult) error {
	if f.Card != nil {
		c := f.Card
		if _, err := q.exec(sqlCardFacts, string(c.ICCID), codeBits(*c), c.BadPoR, c.State, mssp.CardSuspended); err != nil {
			return err
		}
	}
	for i := range f.Keys {
		if err := putKeyPair(q, &f.Keys[i], f.At); err != nil {
			return err
		}
	}
	res.Texts = textOutbound(f.Texts, f.At)
	return insertSegments(q, 0, res.Texts)
}

func finishedBefore(q querier, id mssp.TransID, mo []byte) (FinishResult, error) {
	var res FinishResult
	if mo != nil {
		r, err := q.one(sqlTxMO, string(id))
		if err != nil {
			return FinishResult{}, err
		}
		res.Redelivered = bytes.Equal(r.blob(), mo)
	}
	var err error
	res.Tx, err = oneTx(q, sqlTxByID, string(id))
	return res, err
}

// packMO is a short message as the tx row keeps it: the evidence of what was
// answered, and how a redelivery is recognised. A number has at most 15
// digits, so its length has a bit left for texts: their count of septets
// follows, without which two that differ by a last '@' would be one.
func packMO(mo *bearer.MO) []byte {
	if mo == nil {
		return nil
	}
	b := make([]byte, 0, 3+len(mo.Source)+len(mo.UDH)+len(mo.UD))
	if mo.Septets > 0 {
		b = append(b, 0x80|byte(len(mo.Source)), byte(mo.Septets))
	} else {
		b = append(b, byte(len(mo.Source)))
	}
	b = append(b, mo.Source...)
	b = append(b, byte(len(mo.UDH)))
	b = append(b, mo.UDH...)
	return append(b, mo.UD...)
}
