package engine

import (
	"context"
	"errors"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// What a user answers after the end of a transaction goes to nobody. It is not
// nothing: he has entered his code, and is told that it was too late; an operator
// finds it in the log, the trace and the row. All of that happens once, for the first
// late answer of a transaction, in one commit before the network's acknowledgement.
// A code that the late answer says is blocked is blocked.

// lateFor is how long after the end of a transaction the parts of its answer are
// still put together. A prompt on a phone ends before that.
const lateFor = time.Hour

// latePart keeps a part of an answer for which no transaction waits any more,
// where one has ended lately that the card has not answered. It gives the set when it
// is complete with this part, and nil otherwise.
func (x *inbox) latePart(ctx context.Context, mo *bearer.MO, c sms.Concat, cpi sms.CPI) (*store.Joined, error) {
	tx, err := x.o.Store.Unanswered(ctx, mo.Source, x.o.Clock().Add(-lateFor))
	if errors.Is(err, mssp.ErrNotFound) {
		x.m.mo("stray")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	waits, err := x.waitsFor(ctx, &tx, mo, c, cpi)
	if err != nil {
		return nil, err
	}
	if !waits {
		x.m.mo("refused")
		return nil, nil
	}
	res, err := x.o.Store.SaveMO(ctx, *mo, store.ConcatRef{Ref: c.Ref, Ref16: c.Ref16, Part: int(c.Part), Total: int(c.Total)})
	switch {
	case errors.Is(err, store.ErrFlood) || errors.Is(err, store.ErrParts):
		x.m.mo("refused")
		return nil, nil
	case err != nil:
		return nil, err
	case res.Duplicate:
		x.m.mo("duplicate")
	default:
		x.m.mo("part")
	}
	return res.Complete, nil
}

// waitsFor reports whether a part can be one of the answer to a transaction that has ended.
func (x *inbox) waitsFor(ctx context.Context, tx *mssp.Transaction, mo *bearer.MO, c sms.Concat, cpi sms.CPI) (bool, error) {
	r, err := x.request(tx)
	if err != nil {
		return false, nil
	}
	card, err := x.o.Store.Card(ctx, tx.ICCID)
	if err != nil {
		return false, err
	}
	rings, _, err := x.keyrings(ctx, &card, r.Card)
	if err != nil || len(rings) == 0 {
		return false, err
	}
	return x.plausible(&flight{tx: *tx, request: r, ring: rings[0]}, mo, c, cpi) == nil, nil
}

// orphan is a whole message of a packet for which no transaction waits. When it
// is really from a card of ours it is a late answer; from anybody else it is counted.
// Parts of one that is not authentic stay: some may be the card's.
func (x *inbox) orphan(ctx context.Context, j *store.Joined) error {
	iccid, h, result, err := x.openOrphan(ctx, j)
	switch {
	case err != nil:
		return err
	case result == "late":
		if err := x.late(ctx, iccid, &h, j); err != nil {
			return err
		}
		return x.consume(ctx, j.ID)
	}
	x.m.mo(result)
	if j.ID == 0 {
		return nil
	}
	return x.o.Store.SetAside(ctx, *j)
}

// openOrphan looks for what is authentic among what an orphan can be, with
// every key set of the card, and leaves it in j; result is how it is counted.
func (x *inbox) openOrphan(ctx context.Context, j *store.Joined) (iccid ota.ICCID, h carriage.Heard, result string, err error) {
	if !j.Several() && markOf(j.UDH) == sms.NoCPI {
		return "", h, "stray", nil
	}
	_, card, _, err := x.o.Store.Lookup(ctx, j.Source)
	if errors.Is(err, mssp.ErrNotFound) {
		return "", h, "foreign", nil
	}
	if err != nil {
		return "", h, "", err
	}
	rings, why, err := x.keyrings(ctx, &card, card.Profile)
	if err != nil {
		return "", h, "", err
	}
	if why != nil {
		return "", h, "foreign", nil
	}
	result = "stray"
	for _, r := range rings {
		for udh, ud := range j.Choices() { // somebody's part may stand beside the card's, with another mark
			cpi := markOf(udh)
			if cpi == sms.NoCPI || cpi == sms.CommandCPI && card.Carriage == "" {
				continue // only a transaction number would tie it to anything
			}
			result = "forged"
			h, err := r.way.Open(nil, &r.expected, cpi, ud)
			if errors.Is(err, carriage.ErrIdle) {
				result = "por"
			}
			if err == nil && (h.Response == nil || h.Response.Protected) {
				j.UDH, j.UD = udh, ud
				return card.ICCID, h, "late", nil
			}
		}
	}
	return "", h, result, nil
}

// markOf is the mark of a secured packet in a header; sms.NoCPI: there is none.
func markOf(udh []byte) sms.CPI {
	_, cpi, err := sms.ParseConcat(udh)
	if err != nil {
		return sms.NoCPI
	}
	return cpi
}

// late takes something authentic that comes after the end of its transaction, or
// a second time.
func (x *inbox) late(ctx context.Context, iccid ota.ICCID, h *carriage.Heard, j *store.Joined) error {
	tx, _, err := x.o.Store.OpenByPacket(ctx, named(iccid, h))
	if err != nil && !errors.Is(err, mssp.ErrNotFound) {
		return err
	}
	return x.takeLate(ctx, &tx, iccid, h, j)
}

func (x *inbox) takeLate(ctx context.Context, tx *mssp.Transaction, iccid ota.ICCID, h *carriage.Heard, j *store.Joined) error {
	x.m.mo("late")
	counter, err := x.counted(nil, iccid, h, j.UD)
	if err != nil {
		return err
	}
	switch {
	case counter != nil && tx.ID == "":
		// Its transaction may have been erased since: then the counter is used.
		kind, err := x.repeated(ctx, iccid, counter)
		if err == nil && kind == "" {
			x.unasked(iccid, counter)
		}
		return err
	case counter != nil:
		x.log.Info("late answer: it changes nothing", "tx", tx.ID, "state", tx.State, "iccid", iccid, "kvn", h.Set, "cntr", h.Counter.String())
	case h.Response != nil:
		x.log.Info("late answer: it changes nothing", "tx", tx.ID, "state", tx.State, "iccid", iccid, "cntr", h.Response.CNTR.String(), "status", h.Status.String())
	}
	if tx.ID == "" || h.Kind != carriage.Answer {
		return nil
	}
	return x.lateAnswer(ctx, tx, h, j)
}

// lateAnswer takes the applet's answer to a transaction that has ended without it. One to
// a transaction that has been answered is the same again, or a sign of a copied card.
func (x *inbox) lateAnswer(ctx context.Context, tx *mssp.Transaction, h *carriage.Heard, j *store.Joined) error {
	counter, err := x.lateCounter(ctx, tx.ICCID, h, j)
	if err != nil {
		return err
	}
	if !tx.Ended.Unanswered() || !tx.LateAt.IsZero() {
		_, err := x.repeated(ctx, tx.ICCID, counter)
		return err
	}
	a, err := applet.ParseAnswer(h.INT6)
	if err != nil || a.Transaction != tx.AppletTxn {
		return nil
	}
	var l store.Late
	for try := 1; ; try++ {
		if l, err = x.line.judgeLate(ctx, tx, &a); err != nil {
			return err
		}
		l.Heard = counter
		first, texts, err := x.o.Store.AnsweredLate(ctx, l)
		if try < atMost && errors.Is(err, store.ErrChanged) {
			continue
		}
		if err != nil && counter != nil {
			_, err := x.echo(tx.ICCID, counter, err)
			return err
		}
		if err != nil || !first {
			return err
		}
		x.toldOfKeys(counter)
		x.log.Warn("answered after its end: the answer goes to nobody", "tx", tx.ID, "ended", string(tx.Ended), "answer", l.What, "told", len(texts) > 0)
		x.Trace(tx, LayerAnswer, In, "late answer, given to nobody: "+l.What)
		x.line.outbox.sendTexts(texts)
		return nil
	}
}

// lateCounter is counted for who has no keyring at hand.
func (x *inbox) lateCounter(ctx context.Context, iccid ota.ICCID, h *carriage.Heard, j *store.Joined) (*store.Heard, error) {
	if h.Set == 0 {
		return nil, nil
	}
	card, err := x.o.Store.Card(ctx, iccid)
	if err != nil {
		return nil, err
	}
	rings, _, err := x.keyrings(ctx, &card, card.Profile)
	if err != nil {
		return nil, err
	}
	var r *keyring
	if len(rings) > 0 {
		r = rings[0]
	}
	return x.counted(r, iccid, h, j.UD)
}

// judgeLate is what a late answer leaves behind. Only who has done what was asked
// of him is told that it was in vain: who cancelled is content.
func (l *line) judgeLate(ctx context.Context, tx *mssp.Transaction, a *applet.Answer) (store.Late, error) {
	late := store.Late{TxID: tx.ID, At: l.o.Clock(), What: "the applet said " + a.Status().String()}
	r, err := l.request(tx)
	if err != nil { // erased meanwhile, say: then in the language of all
		r = &request{}
		l.log.Info("request of a late answer cannot be read", "tx", tx.ID, "error", err)
	}
	if a.OK() {
		late.What = "the user has agreed"
		switch tx.Kind {
		case mssp.KindSign:
			late.What = "the user has signed, the signature was given to nobody"
			late.Notices = []store.Notice{l.notice(tx.MSISDN, r.Language, notice.Late, string(tx.ID), notice.Facts{})}
		case mssp.KindRegister:
			late.Notices = []store.Notice{l.notice(tx.MSISDN, r.Language, notice.LateRegistration, string(tx.ID), notice.Facts{})}
		}
		return late, nil
	}
	if err != nil {
		return late, nil
	}
	out := Outcome{Finish: saidNo(r, a)}
	if err := l.cardFacts(ctx, &flight{tx: *tx, request: r}, a, &out); err != nil {
		return late, err
	}
	late.Card, late.Notices = out.Card, out.Notices
	return late, nil
}
