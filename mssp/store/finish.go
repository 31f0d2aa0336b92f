package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
)

const (
	// sqlLeave locks the card's row and frees the card when this transaction
	// has it.
	sqlLeave = `UPDATE card SET busy_tx = CASE WHEN busy_tx = $1 THEN '' ELSE busy_tx END
	WHERE iccid = (SELECT iccid FROM tx WHERE id = $1) AND ` + sqlFence + `$2` + sqlKept + ` RETURNING busy_tx, queued`

	// sqlCardFacts leaves the rest as it is, so that what an operator has
	// changed since the card was read stays.
	sqlCardFacts = `UPDATE card SET codes = $2, bad_por = $3, state = CASE WHEN $4 = $5 THEN $5 ELSE state END, offers = $7, applet = $8, version = version + 1
	WHERE iccid = $1 AND ($6 = 0 OR version = $6)`

	sqlTxMO = `SELECT mo FROM tx WHERE id = $1`

	sqlConsume = `UPDATE mo_header SET state = 2 WHERE id = $1 AND state < 2`
)

// Finish ends a transaction and starts the next one of its card, all in one
// commit. A transaction that is final stays as it is (I7): Applied is false
// then, and nothing but the consumed answer is changed. mssp.ErrEvent: the
// event cannot happen in its state, and nothing has changed at all. Segments
// that have not left are not sent any more (see ClaimSegments). The seal
// function may be nil only when nothing can be queued behind. ErrNotFound: no
// such transaction. A transaction whose row cannot be understood is set aside
// instead, whatever the event (Aside). ErrChanged: somebody has changed the card or a key since
// the caller has read it; nothing is done, the answer is to be evaluated anew.
// ErrHeard, ErrTwin, ErrOld: nothing is done either, the answer is none.
func (s *Store) Finish(ctx context.Context, f Finish, seal SealFunc) (FinishResult, error) {
	if !s.table.Ends(f.Event) {
		return FinishResult{}, fmt.Errorf("store: Finish by %q, which ends nothing: %w", f.Event, mssp.ErrEvent)
	}
	if f.At.IsZero() {
		f.At = s.clock()
	}
	if f.Event == mssp.EventSetAside {
		return s.setAside(ctx, &f, sqlTxByID, string(f.TxID))
	}
	var res FinishResult
	err := s.change(ctx, func(w *work) (err error) {
		res, err = finish(w, &f, seal)
		return err
	})
	if err == nil && res.Aside {
		err = s.asideDone(ctx, &res)
	}
	return res, err
}

func finish(w *work, f *Finish, seal SealFunc) (FinishResult, error) {
	r, err := w.one(sqlLeave, string(f.TxID), w.me())
	if errors.Is(err, ErrNotFound) && w.fenced(nil) == nil { // no such card
		if tx, err := oneTx(w, sqlTxByID, string(f.TxID)); err == nil {
			return aside(w, &tx, &Finish{At: f.At, Joined: f.Joined})
		}
	}
	if err != nil {
		return FinishResult{}, w.fenced(err)
	}
	idle := r.text() == ""
	queued := r.int()
	if err := r.err(); err != nil {
		return FinishResult{}, err
	}
	if f.Joined != 0 {
		if _, err := w.exec(sqlConsume, f.Joined); err != nil {
			return FinishResult{}, err
		}
	}
	tx, err := oneTx(w, sqlTxByID, string(f.TxID))
	if err != nil {
		return FinishResult{}, err
	}
	if tx.Damage != "" {
		return aside(w, &tx, &Finish{At: f.At, Joined: f.Joined})
	}
	mo := packMO(f.MO)
	was := tx.State
	st, err := w.step(&tx, f.Event, f.At)
	if errors.Is(err, mssp.ErrFinal) {
		return finishedBefore(w, &tx, mo)
	}
	if err != nil {
		return FinishResult{}, err
	}
	if err := hear(w, f.Heard); err != nil {
		return FinishResult{}, err
	}
	tx.Status, tx.Detail, tx.Result, tx.EndedBy = f.Status, f.Detail, f.Result, f.By
	if err := w.save(&tx, st, mo); err != nil {
		return FinishResult{}, err
	}
	res := FinishResult{Applied: true, Tx: tx}
	if err := storeFacts(w, f, &res); err != nil {
		return FinishResult{}, err
	}
	if res.Peace, res.AllPeace, err = unsigned(w, f.Rules, &tx, was, f); err != nil {
		return FinishResult{}, err
	}
	if was == mssp.Queued {
		queued--
		if _, err := w.exec(sqlUnqueue, string(tx.ICCID)); err != nil {
			return FinishResult{}, err
		}
	}
	if idle && queued > 0 && seal != nil {
		res.Next, res.Failed, err = popNext(w, tx.ICCID, f.At, seal)
	}
	return res, err
}

// storeFacts stores what the answer proved and the texts to the user.
func storeFacts(q querier, f *Finish, res *FinishResult) error {
	if err := stillSigns(q, &res.Tx, f.Signed); err != nil {
		return err
	}
	if err := anew(q, f, res.Tx.ICCID); err != nil {
		return err
	}
	if f.Card != nil {
		if err := putCardFacts(q, f.Card); err != nil {
			return err
		}
	}
	if f.Forget != 0 && (f.Heard == nil || f.Heard.KVN != f.Forget) {
		if err := retire(q, res.Tx.ICCID, []byte{f.Forget}); err != nil {
			return err
		}
	}
	for i := range f.Keys {
		if err := putKeyPair(q, &f.Keys[i], f.At); err != nil {
			return err
		}
	}
	if f.PoP != nil {
		if err := endPoP(q, res.Tx.MSISDN, f.PoP); err != nil {
			return err
		}
	}
	if f.Heard != nil && f.Heard.Anew {
		if err := emptySlots(q, res.Tx.ICCID, f.Keys, f.At); err != nil {
			return err
		}
	}
	var err error
	res.Texts, err = tell(q, f.Notices, f.At)
	return err
}

// anew has what the applet of a former installation has told forgotten, when an answer is
// the first of a new one and tells nothing itself.
func anew(q querier, f *Finish, iccid ota.ICCID) error {
	if f.Heard == nil || !f.Heard.Anew || f.Card != nil {
		return nil
	}
	c, err := oneOf(q, scanCard, sqlHoldCard, string(iccid))
	if err != nil {
		return err
	}
	c.Applet, c.CodeSet, c.Blocked = mssp.AppletUnknown, [2]bool{}, [2]bool{}
	return putCardFacts(q, &c)
}

func putCardFacts(q querier, c *mssp.Card) error {
	was, err := oneOf(q, scanCard, sqlHoldCard, string(c.ICCID))
	if err != nil {
		return err // what is there is not made good by being written beside
	}
	n, err := q.exec(sqlCardFacts, string(c.ICCID), codeBits(c), c.BadPoR, c.State, mssp.CardSuspended, c.Version, hex.EncodeToString([]byte(c.Offers)), string(c.Applet))
	if err == nil && n > 0 {
		noteFacts(q, &was, c)
		return tableCard.seal(q, string(c.ICCID))
	}
	if err != nil {
		return err
	}
	have, err := oneOf(q, scanCard, sqlHoldCard, string(c.ICCID))
	if err != nil {
		return err
	}
	return &Changed[mssp.Card]{Row: have}
}

// finishedBefore answers who comes after the end.
func finishedBefore(q querier, tx *mssp.Transaction, mo []byte) (FinishResult, error) {
	res := FinishResult{Tx: *tx}
	if mo == nil {
		return res, nil
	}
	r, err := q.one(sqlTxMO, string(tx.ID))
	if err != nil {
		return FinishResult{}, err
	}
	res.Redelivered = bytes.Equal(r.blob(), mo)
	return res, r.err()
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
