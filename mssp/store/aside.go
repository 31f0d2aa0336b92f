package store

import (
	"context"
	"errors"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
)

// A transaction of which the row cannot be understood, or which makes the
// program fail, is set aside: it ends with fault 900, an operator is told, and
// the others go on. Nothing in the row is believed on the way, the number of its
// card neither: whatever card is busy with it is freed, and cards whose queue is
// counted wrongly then are mended.

const (
	sqlFreeAside = `UPDATE card SET busy_tx = '' WHERE busy_tx = $1`

	sqlLockQueue = `UPDATE card SET queued = queued WHERE iccid = $1`

	sqlUnqueueAside = `UPDATE card SET queued = queued - 1 WHERE iccid = $1 AND queued > 0`
)

// SetTxAside ends an open transaction, which is named by its Seq alone. detail is
// what its requester hears; "" stands for a text that says that the row is
// damaged. Applied is false when it has ended meanwhile. Idle are cards with a
// queue and nobody at them, for which SealNext is due.
func (s *Store) SetTxAside(ctx context.Context, tx mssp.Transaction, detail string) (FinishResult, error) {
	return s.setAside(ctx, &Finish{Detail: detail, At: s.clock()}, sqlTxBySeq, tx.Seq)
}

func (s *Store) setAside(ctx context.Context, f *Finish, sql string, key any) (FinishResult, error) {
	var res FinishResult
	err := s.change(ctx, func(w *work) error {
		tx, err := oneTx(w, sql, key)
		if err == nil {
			res, err = aside(w, &tx, f)
		}
		return err
	})
	if err != nil || !res.Applied {
		return res, err
	}
	err = s.asideDone(ctx, &res)
	return res, err
}

// asideDone mends what the wrong row has made wrong around it.
func (s *Store) asideDone(ctx context.Context, res *FinishResult) (err error) {
	if err = s.mend(ctx); err == nil {
		res.Idle, err = readAll(ctx, s.db, func(r *row) (ota.ICCID, error) { return iccidOf(r), r.err() }, sqlIdle)
	}
	return err
}

// aside ends a transaction, whatever its row says.
func aside(w *work, tx *mssp.Transaction, f *Finish) (FinishResult, error) {
	if f.Joined != 0 {
		if _, err := w.exec(sqlConsume, f.Joined); err != nil {
			return FinishResult{}, err
		}
	}
	if _, err := w.exec(sqlLockQueue, string(tx.ICCID)); err != nil {
		return FinishResult{}, err
	}
	waited := tx.State == mssp.Queued
	st, err := w.step(tx, mssp.EventSetAside, f.At)
	if errors.Is(err, mssp.ErrFinal) {
		return FinishResult{Tx: *tx}, nil
	}
	if err != nil {
		return FinishResult{}, err
	}
	fault := asideFault()
	if tx.Status, tx.Detail, tx.Result = fault.Code, f.Detail, nil; tx.Detail == "" {
		tx.Detail = fault.Detail
	}
	if err := w.save(tx, st, packMO(f.MO)); err != nil {
		return FinishResult{}, err
	}
	n, err := w.exec(sqlFreeAside, string(tx.ID))
	if err == nil && n == 0 && waited {
		_, err = w.exec(sqlUnqueueAside, string(tx.ICCID))
	}
	return FinishResult{Applied: true, Aside: true, Tx: *tx}, err
}
