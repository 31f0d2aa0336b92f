package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// edge names an edge of the state table.
type edge struct {
	state mssp.State
	event mssp.Event
}

// scenario lets an event happen to a transaction of which start is the state,
// and says what must have become of it.
type scenario struct {
	start func(l *lifeLab) mssp.TransID
	act   func(l *lifeLab, id mssp.TransID) error
	next  mssp.State
	check func(l *lifeLab, tx mssp.Transaction) error // beyond the state
}

// The life of a transaction, once more and by hand: one scenario for each edge.
var scenarios = map[edge]scenario{
	{mssp.New, mssp.EventAccepted}: {unstored, acceptOne, mssp.Queued, attempts(0)},

	{mssp.Queued, mssp.EventTurn}:       {queued, turn, mssp.Sending, attempts(1)},
	{mssp.Queued, mssp.EventTurnedAway}: {queued, finishBy(mssp.EventTurnedAway), mssp.Failed, ended},
	{mssp.Queued, mssp.EventUndeliver}:  {queued, turnThatFails, mssp.Failed, ended},
	{mssp.Queued, mssp.EventExpired}:    {queued, finishBy(mssp.EventExpired), mssp.Failed, ended},
	{mssp.Queued, mssp.EventCancelled}:  {queued, finishBy(mssp.EventCancelled), mssp.Failed, ended},

	{mssp.Queued, mssp.EventSetAside}:   {queued, setAside, mssp.Failed, aside},
	{mssp.Sending, mssp.EventSetAside}:  {sending, setAside, mssp.Failed, aside},
	{mssp.Waiting, mssp.EventSetAside}:  {waiting, setAside, mssp.Failed, aside},
	{mssp.Prompted, mssp.EventSetAside}: {prompted, setAside, mssp.Failed, aside},

	{mssp.Sending, mssp.EventSent}:      {sending, sent, mssp.Waiting, nothingMore},
	{mssp.Sending, mssp.EventPrompted}:  {sending, prompt, mssp.Prompted, nothingMore},
	{mssp.Sending, mssp.EventReattempt}: {sending, reattempt, mssp.Sending, attempts(2)},
	{mssp.Sending, mssp.EventAnswered}:  {sending, finishBy(mssp.EventAnswered), mssp.Done, ended},
	{mssp.Sending, mssp.EventRefused}:   {sending, finishBy(mssp.EventRefused), mssp.Failed, ended},
	{mssp.Sending, mssp.EventUndeliver}: {sending, finishBy(mssp.EventUndeliver), mssp.Failed, ended},
	{mssp.Sending, mssp.EventExpired}:   {sending, finishBy(mssp.EventExpired), mssp.Failed, ended},
	{mssp.Sending, mssp.EventCancelled}: {sending, finishBy(mssp.EventCancelled), mssp.Failed, ended},

	{mssp.Waiting, mssp.EventSent}:      {waiting, sentAgain, mssp.Waiting, nothingMore},
	{mssp.Waiting, mssp.EventPrompted}:  {waiting, prompt, mssp.Prompted, nothingMore},
	{mssp.Waiting, mssp.EventReattempt}: {waiting, reattempt, mssp.Sending, attempts(2)},
	{mssp.Waiting, mssp.EventAnswered}:  {waiting, finishBy(mssp.EventAnswered), mssp.Done, ended},
	{mssp.Waiting, mssp.EventRefused}:   {waiting, finishBy(mssp.EventRefused), mssp.Failed, ended},
	{mssp.Waiting, mssp.EventUndeliver}: {waiting, finishBy(mssp.EventUndeliver), mssp.Failed, ended},
	{mssp.Waiting, mssp.EventExpired}:   {waiting, finishBy(mssp.EventExpired), mssp.Failed, ended},
	{mssp.Waiting, mssp.EventCancelled}: {waiting, finishBy(mssp.EventCancelled), mssp.Failed, ended},

	{mssp.Prompted, mssp.EventSent}:      {prompted, sent, mssp.Prompted, nothingMore},
	{mssp.Prompted, mssp.EventPrompted}:  {prompted, prompt, mssp.Prompted, nothingMore},
	{mssp.Prompted, mssp.EventReattempt}: {prompted, reattempt, mssp.Sending, attempts(2)},
	{mssp.Prompted, mssp.EventAnswered}:  {prompted, finishBy(mssp.EventAnswered), mssp.Done, ended},
	{mssp.Prompted, mssp.EventRefused}:   {prompted, finishBy(mssp.EventRefused), mssp.Failed, ended},
	{mssp.Prompted, mssp.EventExpired}:   {prompted, finishBy(mssp.EventExpired), mssp.Failed, ended},
	{mssp.Prompted, mssp.EventCancelled}: {prompted, finishBy(mssp.EventCancelled), mssp.Failed, ended},
}

// The state table runs the transactions: each scenario holds with the table,
// on both engines, and none holds when its edge is missing, leads elsewhere or
// has another effect.
func TestLifecycle(t *testing.T) {
	for s, events := range mssp.NewLifecycle() {
		for e := range events {
			if scenarios[edge{s, e}].act == nil {
				t.Errorf("%q takes %s, and no scenario shows it", s, e)
			}
		}
	}
	onBoth(t, func(l *lab) {
		ll := &lifeLab{lab: l}
		for at, sc := range scenarios {
			if err := ll.run(sc, mssp.NewLifecycle()); err != nil {
				t.Errorf("%s while %q: %v", at.event, at.state, err)
			}
		}
	})
	broken := brokenLab(t)
	for at, sc := range scenarios {
		for what, life := range breakages(at) {
			if err := broken.run(sc, life); err == nil {
				t.Errorf("%s while %q, %s: nobody notices", at.event, at.state, what)
			}
		}
	}
}

// breakages are tables in which one edge is wrong.
func breakages(at edge) map[string]mssp.Lifecycle {
	out := map[string]mssp.Lifecycle{}
	right := mssp.NewLifecycle()[at.state][at.event]
	removed := mssp.NewLifecycle()
	delete(removed[at.state], at.event)
	out["without it"] = removed
	for _, s := range mssp.States() {
		if s == right.Next || s == mssp.New {
			continue
		}
		l := mssp.NewLifecycle()
		l[at.state][at.event] = mssp.Edge{Next: s, Effect: right.Effect}
		out["to "+string(s)] = l
	}
	for _, e := range []mssp.Effect{mssp.NoEffect, mssp.EffectSubmit, mssp.EffectReply} {
		if e == right.Effect {
			continue
		}
		l := mssp.NewLifecycle()
		l[at.state][at.event] = mssp.Edge{Next: right.Next, Effect: e}
		out["with effect "+string(e)] = l
	}
	return out
}

// An event that does not fit changes nothing, whoever brings it.
func TestLifecycleRefuses(t *testing.T) {
	starts := map[mssp.State]func(*lifeLab) mssp.TransID{
		mssp.Queued: queued, mssp.Sending: sending, mssp.Waiting: waiting, mssp.Prompted: prompted,
		mssp.Done: endedBy(mssp.EventAnswered), mssp.Failed: endedBy(mssp.EventExpired),
	}
	acts := map[mssp.Event]func(*lifeLab, mssp.TransID) error{
		mssp.EventSent: sent, mssp.EventPrompted: prompt, mssp.EventReattempt: reattempt,
		mssp.EventTurnedAway: finishBy(mssp.EventTurnedAway), mssp.EventAnswered: finishBy(mssp.EventAnswered),
		mssp.EventRefused: finishBy(mssp.EventRefused), mssp.EventUndeliver: finishBy(mssp.EventUndeliver),
		mssp.EventExpired: finishBy(mssp.EventExpired), mssp.EventCancelled: finishBy(mssp.EventCancelled), mssp.EventSetAside: setAside,
	}
	onBoth(t, func(l *lab) {
		ll := &lifeLab{lab: l}
		for s, start := range starts {
			for e, act := range acts {
				if _, _, err := mssp.NewLifecycle().Step(s, e); err == nil {
					continue
				}
				ll.newCard()
				id := start(ll)
				before := l.transaction(id)
				err := act(ll, id)
				if after := l.transaction(id); after.State != s || after.Version != before.Version {
					t.Errorf("%s while %s made it %s", e, s, after.State)
				}
				if !s.Final() && err == nil && e != mssp.EventSent { // no segment of a queued one can be sent
					t.Errorf("%s while %s is taken in silence", e, s)
				}
			}
		}
	})
}

// lifeLab plays each scenario with a card of its own.
type lifeLab struct {
	*lab
	n     int
	iccid ota.ICCID
}

// brokenLab has a store that nobody checks at the end.
func brokenLab(t *testing.T) *lifeLab {
	l := &lab{T: t, dsn: filepath.Join(t.TempDir(), "broken.db")}
	l.open()
	t.Cleanup(func() { l.Close() })
	return &lifeLab{lab: l}
}

func (l *lifeLab) newCard() {
	l.n++
	l.iccid = ota.ICCID(fmt.Sprintf("8941030000000%06d", l.n))
	importCard(l, l.Store, l.iccid)
}

// run plays a scenario. The way to its start is walked with the whole table.
func (l *lifeLab) run(sc scenario, life mssp.Lifecycle) error {
	l.newCard()
	l.SetLifecycle(mssp.NewLifecycle())
	id := sc.start(l)
	refused := l.refused()
	l.SetLifecycle(life)
	if err := sc.act(l, id); err != nil {
		return err
	}
	if l.refused() != refused {
		return errors.New("it was refused")
	}
	tx, err := l.Transaction(ctx, id)
	if err != nil {
		return err
	}
	if tx.Damage != "" {
		return errors.New(tx.Damage)
	}
	if tx.State != sc.next {
		return fmt.Errorf("it is %q and not %q", tx.State, sc.next)
	}
	return sc.check(l, tx)
}

// refused counts the events that did not fit.
func (l *lifeLab) refused() (n float64) {
	families, err := l.reg.Gather()
	l.ok(err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "simsign_store_tx_events_refused_total" {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

// newTx is a request for the card of this run.
func (l *lifeLab) newTx() mssp.Transaction {
	tx := newTx()
	tx.ICCID = l.iccid
	return tx
}

// Ways to a state.

// unstored is an id that is free, while another transaction has the card.
func unstored(l *lifeLab) mssp.TransID {
	l.accept(l.newTx())
	return mssp.TransID(fmt.Sprintf("hnew%d", txCount.Add(1)))
}

func queued(l *lifeLab) mssp.TransID {
	l.accept(l.newTx())
	return l.accept(l.newTx()).Tx.ID
}

func sending(l *lifeLab) mssp.TransID { return l.accept(l.newTx()).Tx.ID }

func waiting(l *lifeLab) mssp.TransID {
	id := sending(l)
	l.ok(sent(l, id))
	return id
}

func prompted(l *lifeLab) mssp.TransID {
	id := sending(l)
	l.ok(prompt(l, id))
	return id
}

func endedBy(e mssp.Event) func(*lifeLab) mssp.TransID {
	return func(l *lifeLab) mssp.TransID {
		id := sending(l)
		l.ok(finishBy(e)(l, id))
		return id
	}
}

// What can happen.

func acceptOne(l *lifeLab, id mssp.TransID) error {
	tx := l.newTx()
	tx.ID = id
	_, err := l.Accept(ctx, tx, nil, seal)
	return err
}

// turn ends what is at the card, so that this one is next.
func turn(l *lifeLab, id mssp.TransID) error { return l.turnWith(id, seal) }

func turnThatFails(l *lifeLab, id mssp.TransID) error {
	return l.turnWith(id, func(*mssp.Transaction, mssp.CardKeys) (store.Sealed, error) { return store.Sealed{}, errFault })
}

func (l *lifeLab) turnWith(id mssp.TransID, seal store.SealFunc) error {
	txs, err := l.Transactions(ctx, store.TransactionFilter{ICCID: l.iccid, Open: true, AtCard: true})
	l.ok(err)
	f := store.Finish{TxID: txs[0].ID, Event: mssp.EventExpired, At: epoch}
	r, err := l.Finish(ctx, f, seal)
	if err == nil && r.Next == nil && len(r.Failed) == 0 {
		return errors.New("nobody was next")
	}
	return err
}

func sent(l *lifeLab, id mssp.TransID) error {
	segs, err := l.Segments(ctx, id)
	l.ok(err)
	outcomes := make([]store.SegmentOutcome, len(segs))
	for i, s := range segs {
		outcomes[i] = store.SegmentOutcome{ID: s.ID, State: store.SegAccepted, Route: "r", MessageID: "m"}
	}
	return l.RecordOutcomes(ctx, outcomes)
}

// sentAgain: a segment was ambiguous, went out once more, and was taken then.
func sentAgain(l *lifeLab, id mssp.TransID) error {
	l.ok(l.Ambiguous(id))
	return sent(l, id)
}

func prompt(l *lifeLab, id mssp.TransID) error { return l.MarkPrompted(ctx, id) }

func reattempt(l *lifeLab, id mssp.TransID) error {
	d, err := l.Reattempt(ctx, id, seal)
	if err == nil && (len(d.Segments) == 0 || d.Packet.Attempt != 2) {
		return fmt.Errorf("attempt %d with %d segments", d.Packet.Attempt, len(d.Segments))
	}
	return err
}

func setAside(l *lifeLab, id mssp.TransID) error {
	r, err := l.SetTxAside(ctx, l.transaction(id), "why")
	if err == nil && !r.Applied {
		return errors.New("it was not applied")
	}
	return err
}

func finishBy(e mssp.Event) func(*lifeLab, mssp.TransID) error {
	return func(l *lifeLab, id mssp.TransID) error {
		r, err := l.Finish(ctx, store.Finish{TxID: id, Event: e, Status: mssp.OTAError, Detail: "why", At: epoch.Add(time.Second)}, seal)
		if err == nil && !r.Applied {
			return errors.New("it was not applied")
		}
		return err
	}
}

// What must have become of it, beyond the state.

func nothingMore(_ *lifeLab, tx mssp.Transaction) error {
	if !tx.FinishedAt.IsZero() || tx.Attempt > 1 {
		return fmt.Errorf("finished at %v, attempt %d", tx.FinishedAt, tx.Attempt)
	}
	return nil
}

func attempts(n int) func(*lifeLab, mssp.Transaction) error {
	return func(l *lifeLab, tx mssp.Transaction) error {
		packets, err := l.Packets(ctx, tx.ID)
		if err != nil || tx.Attempt != n || len(packets) != n || !tx.FinishedAt.IsZero() {
			return fmt.Errorf("attempt %d, %d packets, finished at %v, %v", tx.Attempt, len(packets), tx.FinishedAt, err)
		}
		return nil
	}
}

// aside is ended, with the fault of what cannot be understood.
func aside(l *lifeLab, tx mssp.Transaction) error {
	if tx.Status != mssp.InternalError || tx.Detail != "why" {
		return fmt.Errorf("status %d, %q", tx.Status, tx.Detail)
	}
	if _, _, err := l.SealNext(ctx, l.iccid, epoch, seal); err != nil { // who waits behind it has his turn
		return err
	}
	tx.Status = mssp.OTAError
	return ended(l, tx)
}

// ended: the end is noted, with its reason, and the card is not his any more.
func ended(l *lifeLab, tx mssp.Transaction) error {
	if tx.FinishedAt.IsZero() || tx.Status != mssp.OTAError {
		return fmt.Errorf("finished at %v with status %d", tx.FinishedAt, tx.Status)
	}
	next, err := l.Accept(ctx, l.newTx(), nil, seal)
	if err != nil {
		return err
	}
	open, err := l.Transactions(ctx, store.TransactionFilter{ICCID: l.iccid, Open: true})
	if err == nil && next.Ahead != len(open)-1 {
		err = fmt.Errorf("%d are before the next one, %d are open", next.Ahead, len(open))
	}
	return err
}
