package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
)

// This file is the one place where the state of a transaction changes. A job
// reads the row, asks the state table (mssp.Lifecycle) for the next state, and
// stores it under the version that it has read. An event that the table does
// not permit changes nothing; it is counted and logged.

// Change is one step in the life of a transaction.
type Change struct {
	Tx    mssp.TransID
	Event mssp.Event
	From  mssp.State
	To    mssp.State
}

// refusal is an event that did not fit.
type refusal struct {
	tx  mssp.TransID
	in  mssp.State
	e   mssp.Event
	why error
}

// work is one run of a job that may change states. A job can run more than
// once, so what happened is kept here and told when its commit is through.
type work struct {
	querier
	life    mssp.Lifecycle
	box     *Boxes // on behalf of this one
	changes []Change
	refused []refusal
}

func (w *work) begin(q querier) { w.querier, w.changes, w.refused = q, w.changes[:0], w.refused[:0] }

// me is the number under which the work holds what it takes.
func (w *work) me() int64 { return w.box.me.Start }

// fenced is why a statement has changed nothing: the fence, or the reason given.
func (w *work) fenced(reason error) error { return w.box.fenced(w, reason) }

// change runs a business transaction that may change states: one commit.
func (d *db) change(ctx context.Context, f func(*work) error) error {
	w := &work{life: d.table, box: d.boxes}
	err := d.hold(ctx, func(q querier) error {
		w.begin(q)
		return f(w)
	})
	d.tell(w, err)
	return err
}

// tell counts and logs what a job did, once its end is known.
func (d *db) tell(w *work, err error) {
	for _, r := range w.refused {
		d.m.refusedEvent(r.e)
		level := d.o.Logger.Info
		if errors.Is(r.why, mssp.ErrFinal) { // a second answer, say: everyday life
			level = d.o.Logger.Debug
		}
		level("event does not fit: it changes nothing", "tx", r.tx, "event", string(r.e), "state", string(r.in))
	}
	if err != nil {
		return
	}
	for _, c := range w.changes {
		d.m.changed(&c)
		d.o.Logger.Debug("transaction changed", "tx", c.Tx, "event", string(c.Event), "from", string(c.From), "to", string(c.To))
	}
}

// recorder makes the job that stores outcomes for which nobody waits, and
// what has to hear how it ended.
type recorder func([]SegmentOutcome) (run func(querier) error, told func(error))

func (d *db) outcomes(o []SegmentOutcome) (run func(querier) error, told func(error)) {
	w, now, written := &work{life: d.table, box: d.boxes}, d.clock(), 0
	ctx := audit.With(context.Background(), audit.Actor{Name: "network", Role: audit.System, Door: "network"})
	run = d.audited(ctx, &written, func(q querier) error {
		w.begin(q)
		return recordOutcomes(w, o, now)
	})
	return run, func(err error) {
		if err == nil {
			d.m.audited(written)
		}
		d.tell(w, err)
	}
}

// step is an edge of the state table that a transaction is about to take.
type step struct {
	Change
	effect mssp.Effect
}

// step takes a transaction over an edge, in memory: save or insertTx stores
// it. The error is mssp.ErrFinal or mssp.ErrEvent.
func (w *work) step(tx *mssp.Transaction, e mssp.Event, now time.Time) (step, error) {
	next, effect, err := w.life.Step(tx.State, e)
	if err != nil {
		w.refused = append(w.refused, refusal{tx.ID, tx.State, e, err})
		return step{}, err
	}
	st := step{Change{tx.ID, e, tx.State, next}, effect}
	tx.State = next
	switch effect {
	case mssp.EffectSubmit:
		if tx.Attempt++; tx.SentAt.IsZero() {
			tx.SentAt = now
		}
	case mssp.EffectReply:
		tx.FinishedAt, tx.Ended = now, e
	}
	return st, nil
}

const (
	sqlSaveState = `UPDATE tx SET state = $3, version = version + 1 WHERE seq = $1 AND version = $2
	AND ` + sqlFence + `$4` + sqlKept

	sqlSaveSubmit = `UPDATE tx SET state = $3, attempt = $4, sent_at = $5, version = version + 1 WHERE seq = $1 AND version = $2`

	sqlSaveEnd = `UPDATE tx SET state = $3, status = $4, detail = $5, result = $6, finished_at = $7, mo = $8, ended = $9, ended_by = $10, tag = $11, version = version + 1
	WHERE seq = $1 AND version = $2`

	// sqlSetAside writes over a row of which nothing can be believed, and over
	// whatever would keep the others from being read.
	sqlSetAside = `UPDATE tx SET state = $2, status = $3, detail = $4, result = $5, finished_at = $6, created_at = $7, tag = $8,
	sent_at = 0, attempt = $9, deadline = $6, applet_txn = 0, version = 1, ended = $11, ended_by = '', late = '', late_at = 0 WHERE seq = $1 AND ` + sqlFence + `$10` + sqlKept
)

// errMoved: between the reading of a transaction and its writing another
// process has changed it. The job runs again and sees what is there now.
var errMoved = errors.New("store: the transaction has changed meanwhile")

// save stores a transaction after its step, if nobody has changed it since it
// was read. mo is the single-segment answer that ended it.
func (w *work) save(tx *mssp.Transaction, st step, mo []byte) error {
	var n int64
	var err error
	switch {
	case tx.Damage != "":
		n, err = w.saveAside(tx)
	case st.effect == mssp.EffectReply:
		var tag []byte
		if tag, err = w.authority().endTag(tx); err == nil {
			n, err = w.exec(sqlSaveEnd, tx.Seq, tx.Version, string(tx.State), int64(tx.Status), tx.Detail, tx.Result, tx.FinishedAt, mo, string(tx.Ended), tx.EndedBy, tag)
		}
	case st.effect == mssp.EffectSubmit:
		n, err = w.exec(sqlSaveSubmit, tx.Seq, tx.Version, string(tx.State), tx.Attempt, tx.SentAt)
	case st.From == st.To:
		return nil // it has happened before: nothing to store
	default:
		n, err = w.exec(sqlSaveState, tx.Seq, tx.Version, string(tx.State), w.me())
	}
	if err != nil {
		return fmt.Errorf("store: change a transaction: %w", err)
	}
	if n == 0 {
		return w.fenced(errMoved)
	}
	tx.Version++
	w.record(tx, st.Change)
	if st.effect == mssp.EffectReply && tx.Damage == "" { // else nobody knows whom to tell
		return completed(w, tx)
	}
	return nil
}

// saveAside stores the end of a transaction whose row cannot be understood: what
// is damaged of it is replaced, so that it can be read from now on.
func (w *work) saveAside(tx *mssp.Transaction) (int64, error) {
	if tx.CreatedAt.IsZero() {
		tx.CreatedAt = tx.FinishedAt
	}
	tx.SentAt, tx.Deadline, tx.AppletTxn, tx.Version, tx.EndedBy = time.Time{}, tx.FinishedAt, 0, 0, ""
	tag, err := w.authority().endTag(tx)
	if err != nil {
		return 0, err
	}
	n, err := w.exec(sqlSetAside, tx.Seq, string(tx.State), int64(tx.Status), tx.Detail, tx.Result, tx.FinishedAt, tx.CreatedAt, tag, tx.Attempt, w.me(), string(tx.Ended))
	return n, err
}

// record notes a change that this job stores. Every change passes here, in
// the transaction of the database that makes it, and leaves its entry in the audit
// log there.
func (w *work) record(tx *mssp.Transaction, c Change) {
	w.changes = append(w.changes, c)
	w.note(txEntry(tx, &c))
}

// sqlAllTaken: the open transactions among these that have no segment left
// that the network has not taken.
const sqlAllTaken = `SELECT seq, id, state, version FROM tx WHERE seq = $1 AND finished_at = 0
	AND NOT EXISTS (SELECT 1 FROM segment WHERE tx_seq = $1 AND state NOT IN ('accepted', 'dropped'))`

// sent tells transactions that the network has taken a segment of theirs; it
// is an event for those of which it was the last.
func (w *work) sent(seqs []int64, now time.Time) error {
	for _, seq := range seqs {
		err := w.sentOne(seq, now)
		for errors.Is(err, errMoved) { // it alone is looked at again, not all that is stored with it
			err = w.sentOne(seq, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *work) sentOne(seq int64, now time.Time) error {
	r, err := w.one(sqlAllTaken, seq)
	if err != nil {
		return notFoundIsNil(err)
	}
	tx := mssp.Transaction{Seq: r.int(), ID: mssp.TransID(r.text()), State: mssp.State(r.text()), Version: r.int()}
	if err := r.err(); err != nil {
		return err
	}
	st, err := w.step(&tx, mssp.EventSent, now)
	if err != nil {
		return nil // refused, and noted; what became of the segment is true all the same
	}
	if st.effect != mssp.NoEffect {
		return fmt.Errorf("store: the state table lets %s have an effect", mssp.EventSent)
	}
	return w.save(&tx, st, nil)
}
