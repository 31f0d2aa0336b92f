package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
)

// The card's row is the lock of its queue: a job that may change the queue
// updates it before it reads anything else, so that on PostgreSQL the jobs of
// one card run one after the other (SQLite has one writer anyway).
const (
	sqlSealKeys = `SELECT k.iccid, k.kvn, k.keys, k.counter, ` + joinedCardCols + ` FROM keyset k JOIN card c ON c.iccid = k.iccid
	WHERE k.iccid = $1 ORDER BY k.kvn >= 16, k.kvn DESC`

	sqlBurn = `UPDATE keyset SET counter = $3 WHERE iccid = $1 AND kvn = $2`

	sqlPacket = `INSERT INTO packet (iccid, cntr, kvn, tar, tx_seq, attempt, sealed_at, request) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

	sqlNextQueued = `SELECT ` + txCols + ` FROM tx WHERE iccid = $1 AND state = 'queued' ORDER BY seq LIMIT 1`

	sqlTurn = `UPDATE card SET busy_tx = $2, queued = queued - $3, holder = $4 WHERE iccid = $1`
)

// sealKeys are the keys that new packets use: of the security domain the key set with the
// highest key version, so that importing a newer set is the whole rotation, and those of the
// applet. ErrAltered: whether the card is suspended is not known, since its row is not
// ours.
func sealKeys(q querier, iccid ota.ICCID) (ks mssp.CardKeys, suspended bool, err error) {
	var card mssp.Card
	err = q.each(sqlSealKeys, func(r *row) (err error) {
		one := mssp.KeySet{ICCID: iccidOf(r)}
		one.Applet, one.KVN = versionOf(r)
		one.Keys, one.Counter = r.blob(), r.blob()
		if card.ICCID == "" {
			if card, err = scanCard(r); err != nil {
				return err
			}
		}
		switch {
		case one.Applet:
			ks.Applet = append(ks.Applet, one)
		case ks.KVN == 0:
			ks.KeySet = one
		}
		return r.err()
	}, string(iccid))
	if err == nil && card.ICCID == "" { // it has no key: its carriage says whether it needs one
		card, err = oneOf(q, scanCard, sqlCard, string(iccid))
	}
	ks.Carriage, ks.Offers = card.Carriage, card.Offers
	return ks, card.State == mssp.CardSuspended, err
}

// sealed is what one call of a SealFunc came to.
type sealed struct {
	Sealed
	ks    mssp.CardKeys
	fault *mssp.Fault // the transaction fails with it
}

// callSeal gives the transaction and its key set to the SealFunc. A card that
// was suspended while the transaction waited gets no packet, and neither does one
// whose row is not ours: it may be suspended, and whoever comes behind at the card
// must not be kept.
func callSeal(q querier, tx *mssp.Transaction, seal SealFunc) (sealed, error) {
	ks, suspended, err := sealKeys(q, tx.ICCID)
	if errors.Is(err, ErrAltered) {
		q.authority().raise(tableCard.name+" "+masked("iccid", string(tx.ICCID)), "is damaged, or somebody has changed it: nothing is sent to this card (simsign check --data says what to do)")
		return sealed{fault: &mssp.Fault{
			Code: mssp.InternalError, Err: errors.Join(mssp.ErrSetAside, err),
			Detail: "what is stored of the user's card is damaged: the transaction was set aside; tell the operator",
		}}, nil
	}
	if err != nil {
		return sealed{}, err
	}
	if suspended {
		return sealed{fault: mssp.Faultf(mssp.CardBlocked, "the user's card is suspended after security errors: the operator must release it")}, nil
	}
	fault, err := silent(q, tx)
	if err != nil || fault != nil {
		return sealed{fault: fault}, err
	}
	out, err := seal(tx, ks)
	switch {
	case errors.As(err, &fault):
		return sealed{fault: fault}, nil
	case err != nil:
		return sealed{}, err
	case len(out.Segments) == 0 || out.Packet.Applet && out.Applet == nil || out.Packet.KVN != 0 && !out.Packet.Applet && len(out.Counter) == 0:
		return sealed{}, errors.New("store: a SealFunc must return the counter of its packet and at least one segment")
	}
	return sealed{Sealed: out, ks: ks}, nil
}

// storeSealed burns the counter and stores the packet and its segments. The
// transaction must have its Seq, ID, Attempt and Deadline.
func storeSealed(w *work, tx *mssp.Transaction, sd sealed, now time.Time) (*Dispatched, error) {
	if err := burn(w, tx.ICCID, &sd); err != nil {
		return nil, fmt.Errorf("store: burn the counter: %w", err)
	}
	p := sd.Packet
	switch {
	case p.Applet:
		p.KVN = sd.Applet.KVN
	case len(sd.Counter) > 0:
		p.KVN = sd.ks.KVN
	default: // the carriage has no counter of ours: attempts of transactions count
		p.KVN, p.CNTR = 0, ota.CNTR(tx.Seq)<<8|ota.CNTR(tx.Attempt&0xFF)
	}
	p.TxID, p.ICCID, p.Attempt, p.SealedAt = tx.ID, tx.ICCID, tx.Attempt, now
	if _, err := w.exec(sqlPacket, string(p.ICCID), int64(p.CNTR), kvnNumber(p.Applet, p.KVN), tarNumber(p.TAR), tx.Seq, p.Attempt, now, requestText(p.Request)); err != nil {
		// A unique violation here is invariant I3 at work.
		return nil, fmt.Errorf("store: packet: %w", err)
	}
	out := make([]Outbound, len(sd.Segments))
	for i, seg := range sd.Segments {
		seg.For = string(tx.AP)
		out[i] = Outbound{
			Segment: seg, TxID: tx.ID, ICCID: tx.ICCID, CNTR: p.CNTR,
			Part: i + 1, Parts: len(sd.Segments), State: SegQueued, NextAt: now, ExpiresAt: tx.Deadline,
		}
		if sd.Claim {
			out[i].State, out[i].Tries = SegSent, 1
		}
	}
	if err := insertSegments(w, tx.Seq, w.me(), out); err != nil {
		return nil, err
	}
	return &Dispatched{Tx: *tx, Packet: p, Segments: out}, nil
}

// burn stores the counters that a packet has used.
func burn(w *work, iccid ota.ICCID, sd *sealed) error {
	one := func(applet bool, kvn byte, counter []byte) error {
		n, err := w.exec(sqlBurn, string(iccid), kvnNumber(applet, kvn), counter)
		if err == nil && n != 1 {
			err = fmt.Errorf("%d rows instead of 1", n)
		}
		return err
	}
	if len(sd.Counter) > 0 {
		if err := one(false, sd.ks.KVN, sd.Counter); err != nil {
			return err
		}
	}
	if sd.Applet == nil {
		return nil
	}
	return one(true, sd.Applet.KVN, sd.Applet.Counter)
}

// takeTurn seals for a transaction whose turn has come, and takes the step
// that this makes: on its way, or failed with the fault of the SealFunc.
func takeTurn(w *work, tx *mssp.Transaction, seal SealFunc, now time.Time) (sealed, step, error) {
	sd := sealed{fault: asideFault()}
	if tx.Damage == "" {
		var err error
		if sd, err = callSeal(w, tx, seal); err != nil {
			return sd, step{}, err
		}
	}
	e := mssp.EventTurn
	if sd.fault != nil {
		e = mssp.EventUndeliver
		if errors.Is(sd.fault, mssp.ErrSetAside) {
			e = mssp.EventSetAside
		}
		tx.Status, tx.Detail = sd.fault.Code, sd.fault.Detail
	}
	st, err := w.step(tx, e, now)
	return sd, st, err
}

// asideFault is what is heard of a transaction whose row cannot be understood.
func asideFault() *mssp.Fault {
	return &mssp.Fault{
		Code: mssp.InternalError, Err: mssp.ErrSetAside,
		Detail: "what is stored of this transaction is damaged: it was set aside and nothing is done for it; ask again",
	}
}

// popNext gives the card, which must be idle, to its first queued transaction
// whose seal succeeds. It sets the turn in the card's row.
func popNext(w *work, iccid ota.ICCID, now time.Time, seal SealFunc) (*Dispatched, []mssp.Transaction, error) {
	var failed []mssp.Transaction
	for {
		tx, err := oneTx(w, sqlNextQueued, string(iccid))
		if errors.Is(err, ErrNotFound) {
			_, err = w.exec(sqlTurn, string(iccid), "", len(failed), w.me())
			return nil, failed, err
		}
		if err != nil {
			return nil, nil, err
		}
		sd, st, err := takeTurn(w, &tx, seal, now)
		if err == nil && tx.State == mssp.Queued {
			err = fmt.Errorf("store: the state table leaves %s in the queue after %s", tx.ID, st.Event)
		}
		if err == nil {
			err = w.save(&tx, st, nil)
		}
		if err != nil {
			return nil, nil, err
		}
		if st.effect != mssp.EffectSubmit {
			failed = append(failed, tx)
			continue
		}
		if _, err := w.exec(sqlTurn, string(iccid), string(tx.ID), len(failed)+1, w.me()); err != nil {
			return nil, nil, err
		}
		d, err := storeSealed(w, &tx, sd, now)
		return d, failed, err
	}
}
