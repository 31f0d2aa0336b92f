package engine

import (
	"context"
	"errors"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
)

// answer opens a complete packet for the transaction now at a card. mo is set
// when it is a single short message that is not stored yet; otherwise j.ID
// names what is stored, and it is consumed. Whatever is not authentic, or
// does not belong to a packet of this transaction, changes nothing (I6).
func (x *inbox) answer(ctx context.Context, f *flight, j *store.Joined, mo *bearer.MO) error {
	h, err := x.open(f, j)
	if err != nil {
		return x.distrust(ctx, f, j, err)
	}
	pk, ok := f.asked(&h)
	if !ok {
		at := f
		if f, pk, err = x.elsewhere(ctx, f, &h, j); err != nil {
			return err
		}
		if f == nil {
			return x.spent(ctx, at, j)
		}
	}
	in := incoming{flight: f, Heard: h, Packet: pk, j: j, mo: mo}
	if h.Response == nil {
		return x.int6(ctx, &in)
	}
	x.traceAnswer(f, h.Response)
	return x.response(ctx, &in)
}

// incoming is something authentic from a card, to a packet of a flight.
type incoming struct {
	*flight
	carriage.Heard
	store.Packet
	j  *store.Joined
	mo *bearer.MO
}

// spent records that a message has ended nothing and is of no more use; what was
// sent beside it in its name stays: the answer may be among that.
func (x *inbox) spent(ctx context.Context, f *flight, j *store.Joined) error {
	if !j.Several() {
		f.noteParts(time.Time{})
		return x.consume(ctx, j.ID)
	}
	x.await(f)
	return x.o.Store.SetAside(ctx, *j)
}

// elsewhere looks in the rows for the packet of an authentic answer that the
// flight in memory does not know. Mostly its transaction is over and the
// answer is late (nil); but when another process has given the card to another
// transaction, or a new attempt was noted after the end of its transaction,
// memory is stale and the rows are right.
func (x *inbox) elsewhere(ctx context.Context, f *flight, h *carriage.Heard, j *store.Joined) (*flight, store.Packet, error) {
	tx, pk, err := x.o.Store.OpenByPacket(ctx, named(f.tx.ICCID, h))
	if err != nil && !errors.Is(err, mssp.ErrNotFound) {
		return nil, pk, err
	}
	if err == nil && !tx.State.Final() {
		f, err = x.line.resume(ctx, tx)
		return f, pk, err
	}
	return nil, pk, x.takeLate(ctx, &tx, f.tx.ICCID, h, j)
}

// distrust counts what is not authentic. It never changes a state: anybody
// can send a short message with any source address. Parts stay, some of them may
// be the card's, and the card is asked again when no more come.
func (x *inbox) distrust(ctx context.Context, f *flight, j *store.Joined, err error) error {
	if errors.Is(err, carriage.ErrIdle) {
		x.m.mo("por")
		return x.spent(ctx, f, j)
	}
	kind := "forged"
	switch {
	case errors.Is(err, carriage.ErrMark):
		kind = "malformed"
	case errors.Is(err, carriage.ErrTAR):
		kind = "stray"
	case errors.Is(err, errOtherTx):
		kind = "mismatch"
	case errors.Is(err, carriage.ErrNoAnswer), errors.Is(err, carriage.ErrForm), errors.Is(err, carriage.ErrKeySet):
		kind = "unexpected"
	case errors.Is(err, ota.ErrUnauthenticated):
		kind = "unauthenticated"
	case errors.Is(err, ota.ErrLength), errors.Is(err, ota.ErrPadding):
		kind = "malformed"
	}
	x.m.mo(kind)
	if kind != "stray" && kind != "mismatch" && !errors.Is(err, carriage.ErrMark) {
		x.m.security(kind)
	}
	x.doubt(f, "answer is not authentic: it changes nothing", "error", err)
	if j.ID == 0 {
		return nil
	}
	x.await(f)
	return x.o.Store.SetAside(ctx, *j)
}

// response acts on an authentic response packet.
func (x *inbox) response(ctx context.Context, in *incoming) error {
	f, j := in.flight, in.j
	switch {
	case in.Kind == carriage.Answer:
		return x.int6(ctx, in)
	case in.Kind == carriage.Arrived:
		x.m.mo("por")
		return x.spent(ctx, f, j)
	case in.Kind == carriage.Shown:
		return x.prompted(ctx, f, j)
	case in.Status == ota.StatusCounterLow:
		if done, err := x.counterLow(ctx, f, in.Packet); done || err != nil {
			x.m.mo("replayed")
			return errors.Join(err, x.spent(ctx, f, j))
		}
	}
	x.m.security(in.Status.String())
	x.log.Warn("card refused the packet", "tx", f.tx.ID, "iccid", f.tx.ICCID, "status", in.Status.String(), "cntr", in.Response.CNTR.String())
	fin := store.Finish{
		TxID: f.tx.ID, Event: mssp.EventRefused, Status: mssp.OTAError,
		Detail: "the user's card refused the secured packet: " + in.Status.String(),
	}
	return x.land(ctx, in, func() (store.Finish, error) {
		fin := fin
		x.line.abort(ctx, &f.tx, f.request, &fin)
		err := x.countBad(ctx, f, &fin)
		return fin, err
	}, nil)
}

// prompted notes that the packet is on the card and the user is being asked.
func (x *inbox) prompted(ctx context.Context, f *flight, j *store.Joined) error {
	x.m.mo("prompted")
	f.mu.Lock()
	again := f.prompted
	f.prompted = true
	f.mu.Unlock()
	if !again {
		if err := x.o.Store.MarkPrompted(ctx, f.tx.ID); err != nil && !errors.Is(err, mssp.ErrEvent) {
			return err
		}
	}
	return x.spent(ctx, f, j)
}

// counterLow decides about "CNTR low". When the packet has been sent more
// than once, or the card has already said that it has it, the card only
// refuses a replay of ours: that must not fail the transaction. Otherwise the
// card's counter is ahead of ours, and one new attempt jumps over it (same
// INT6 message: nobody is asked twice). done is false when the card is still
// not content after that.
func (x *inbox) counterLow(ctx context.Context, f *flight, pk store.Packet) (done bool, err error) {
	f.mu.Lock()
	prompted, jumped := f.prompted, f.jumped
	last := f.packets[len(f.packets)-1].CNTR == pk.CNTR
	f.mu.Unlock()
	if prompted || !last {
		return true, nil
	}
	segs, err := x.o.Store.Segments(ctx, f.tx.ID)
	if err != nil {
		return false, err
	}
	for i := range segs {
		if segs[i].CNTR == pk.CNTR && segs[i].Tries > 1 {
			return true, nil
		}
	}
	if jumped {
		return false, nil
	}
	x.log.Warn("card's counter is ahead of ours: one new attempt", "tx", f.tx.ID, "iccid", f.tx.ICCID)
	return true, x.line.reattempt(ctx, f, counterJump)
}

// counterJump is the step over a card's counter that answers "counter low" (F17).
const counterJump = 1 << 16

// maxBad is how many security errors in a row suspend a card (3.1 of the
// same text: it keeps a card from being questioned for its keys).
const maxBad = 10

// countBad counts an authentic security error of a card, and suspends it
// after too many.
func (x *inbox) countBad(ctx context.Context, f *flight, fin *store.Finish) error {
	card, err := x.o.Store.Card(ctx, f.tx.ICCID)
	if err != nil {
		return err
	}
	if card.BadPoR++; card.BadPoR >= maxBad {
		card.State = mssp.CardSuspended
		x.log.Error("card suspended after security errors", "iccid", f.tx.ICCID, "errors", card.BadPoR)
	}
	fin.Card = &card
	return nil
}

// int6 reads the applet's answer. Its transaction number is 0 when the applet
// could not read the message; then the counter of the response packet alone
// says which one that was.
func (x *inbox) int6(ctx context.Context, in *incoming) error {
	f, data := in.flight, in.INT6
	a, err := applet.ParseAnswer(data)
	if err == nil && a.Transaction != f.tx.AppletTxn && a.Transaction != 0 {
		x.m.mo("mismatch")
		if in.Heard.Request != nil { // it names our request: no applet of ours does that
			x.m.security("mismatch")
		}
		x.log.Warn("answer is for another transaction: it changes nothing", "tx", f.tx.ID)
		return x.spent(ctx, f, in.j)
	}
	judge := func() (store.Finish, error) { return x.line.evaluate(ctx, f, &a) }
	if err == nil && a.Version != f.ring.way.Version() {
		err = applet.ErrVersion
	}
	if err != nil {
		x.log.Warn("answer of the applet cannot be read", "tx", f.tx.ID, "error", err)
		judge = func() (store.Finish, error) {
			fin := failure(mssp.Faultf(mssp.OTAError, "the answer of the user's card cannot be read"))
			x.line.abort(ctx, &f.tx, f.request, &fin)
			return fin, nil
		}
	} else {
		x.traceINT6(f, &a, data)
	}
	late := func(tx *mssp.Transaction) error { return x.lateAnswer(ctx, tx, &in.Heard, in.j) }
	if err := x.land(ctx, in, judge, late); err != nil {
		return err
	}
	x.m.mo("answer")
	return nil
}

// land ends the transaction of a flight by an answer, which judge reads. late takes
// one that comes after the end; nil: nothing is lost with it.
func (x *inbox) land(ctx context.Context, in *incoming, judge func() (store.Finish, error), late func(*mssp.Transaction) error) error {
	f, j := in.flight, in.j
	counter, err := x.counted(f.ring, f.tx.ICCID, &in.Heard, j.UD)
	if err != nil {
		return err
	}
	res, err := x.line.conclude(ctx, func() (store.Finish, error) {
		fin, err := x.line.guard(f.tx.ID, judge)
		fin.TxID, fin.MO, fin.Joined, fin.Heard = f.tx.ID, in.mo, j.ID, counter
		return fin, err
	})
	if errors.Is(err, mssp.ErrEvent) { // it has no packet at the card: nothing can be an answer
		x.m.mo("mismatch")
		return x.spent(ctx, f, j)
	}
	if counter != nil && err != nil {
		kind, err := x.echo(f.tx.ICCID, counter, err)
		if err != nil {
			return err
		}
		x.m.mo(kind)
		return x.spent(ctx, f, j)
	}
	if err != nil {
		return err
	}
	if res.Applied {
		x.toldOfKeys(counter)
		return nil
	}
	return x.tooLate(ctx, in, &res, late)
}

// tooLate is an answer to a transaction that has ended already.
func (x *inbox) tooLate(ctx context.Context, in *incoming, res *store.FinishResult, late func(*mssp.Transaction) error) error {
	f := in.flight
	x.flights.drop(f.tx.ID)
	if res.Tx.State.Final() {
		x.line.waiters.wake(res.Tx) // who trusted the flight has not looked at the row
	}
	if res.Redelivered {
		x.m.mo("duplicate")
		return nil
	}
	x.m.mo("late")
	x.log.Info("late answer: it changes nothing", "tx", f.tx.ID, "state", res.Tx.State)
	if late != nil {
		if err := late(&res.Tx); err != nil {
			return err
		}
	}
	return x.spent(ctx, f, in.j)
}
