package engine

import (
	"context"
	"errors"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
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
	if r, err := x.request(&tx); err != nil || x.plausible(&flight{tx: tx, request: r}, mo, c, cpi) != nil {
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

// orphan is a whole message of a packet for which no transaction waits. When it
// is really from a card of ours it is a late answer; from anybody else it is counted.
// Parts of one that is not authentic stay: some may be the card's.
func (x *inbox) orphan(ctx context.Context, j *store.Joined) error {
	card, r, result, err := x.openOrphan(ctx, j)
	switch {
	case err != nil:
		return err
	case result == "late":
		if err := x.late(ctx, card, r); err != nil {
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

// openOrphan looks for the authentic response among what an orphan can be, with
// every key set of the card; result is how it is counted.
func (x *inbox) openOrphan(ctx context.Context, j *store.Joined) (iccid ota.ICCID, r *ota.Response, result string, err error) {
	if _, cpi, err := sms.ParseConcat(j.UDH); err != nil || j.ID == 0 && cpi != sms.ResponseCPI {
		return "", nil, "stray", nil
	}
	_, card, _, err := x.o.Store.Lookup(ctx, j.Source)
	if errors.Is(err, mssp.ErrNotFound) {
		return "", nil, "foreign", nil
	}
	if err != nil {
		return "", nil, "", err
	}
	p, ok := x.o.CardProfiles[card.Profile]
	if !ok {
		return "", nil, "foreign", nil
	}
	sets, err := x.o.Store.KeySets(ctx, card.ICCID)
	if err != nil {
		return "", nil, "", err
	}
	for _, ks := range sets {
		set, err := x.keySet(&p, ks)
		if err != nil {
			continue
		}
		for _, ud := range j.Choices() {
			if r, err := set.OpenResponse(nil, ud, p.SPI); err == nil && r.Protected {
				return card.ICCID, &r, "late", nil
			}
		}
	}
	return "", nil, "forged", nil
}

// late takes an authentic packet that comes after the end of its transaction, or
// a second time.
func (x *inbox) late(ctx context.Context, iccid ota.ICCID, r *ota.Response) error {
	tx, _, err := x.o.Store.OpenByPacket(ctx, iccid, r.TAR, r.CNTR)
	if err != nil && !errors.Is(err, mssp.ErrNotFound) {
		return err
	}
	return x.takeLate(ctx, &tx, iccid, r)
}

func (x *inbox) takeLate(ctx context.Context, tx *mssp.Transaction, iccid ota.ICCID, r *ota.Response) error {
	x.m.mo("late")
	x.log.Info("late answer: it changes nothing", "tx", tx.ID, "state", tx.State, "iccid", iccid, "cntr", r.CNTR.String(), "status", r.Status.String())
	if tx.ID == "" || r.Status != ota.StatusOK || len(r.Data) == 0 {
		return nil
	}
	return x.lateAnswer(ctx, tx, r.Data)
}

// lateAnswer takes the applet's answer to a transaction that has ended without it.
func (x *inbox) lateAnswer(ctx context.Context, tx *mssp.Transaction, data []byte) error {
	if !tx.Ended.Unanswered() || !tx.LateAt.IsZero() {
		return nil
	}
	a, err := applet.ParseAnswer(data)
	if err != nil || a.Transaction != tx.AppletTxn {
		return nil
	}
	var l store.Late
	for try := 1; ; try++ {
		if l, err = x.line.judgeLate(ctx, tx, &a); err != nil {
			return err
		}
		first, texts, err := x.o.Store.AnsweredLate(ctx, l)
		if try < atMost && errors.Is(err, store.ErrChanged) {
			continue
		}
		if err != nil || !first {
			return err
		}
		x.log.Warn("answered after its end: the answer goes to nobody", "tx", tx.ID, "ended", string(tx.Ended), "answer", l.What, "told", len(texts) > 0)
		x.Trace(tx, LayerAnswer, In, "late answer, given to nobody: "+l.What)
		x.line.outbox.sendTexts(texts)
		return nil
	}
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
			late.Texts = l.text(tx.MSISDN, r.Language, TextLate, "")
		case mssp.KindRegister:
			late.Texts = l.text(tx.MSISDN, r.Language, TextLateRegistration, "")
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
	late.Card, late.Texts = out.Card, out.Texts
	return late, nil
}
