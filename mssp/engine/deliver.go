package engine

import (
	"context"
	"errors"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Deliver takes a short message from a phone (bearer.Inbox). It returns nil,
// and so lets the network forget the message, once the message is stored, or
// is known not to matter: a message from a number that nobody waits for is
// counted and stored nowhere, so no flood of them can fill memory or disk.
// The source address only says where to look; what the message is worth, its
// checksum says.
func (e *Engine) Deliver(ctx context.Context, mo bearer.MO) error {
	c, cpi, err := sms.ParseConcat(mo.UDH)
	if err != nil {
		e.m.mo("malformed")
		e.log.Info("short message refused", "msisdn", mo.Source, "bearer", mo.Bearer, "error", err)
		return nil
	}
	if c.Total <= 1 && cpi == sms.NoCPI {
		e.m.mo("plain") // a text that somebody sent to our number
		return nil
	}
	f, err := e.flightOf(ctx, mo.Source)
	if err != nil {
		return err
	}
	e.traceMO(f, &mo, c)
	if f == nil {
		return e.stray(ctx, &mo, c, cpi)
	}
	if c.Total <= 1 {
		return e.answer(ctx, f, &store.Joined{Source: mo.Source, UDH: mo.UDH, UD: mo.UD, At: mo.ReceivedAt}, &mo)
	}
	return e.part(ctx, f, mo, c)
}

// part stores a part of an answer; the one that makes it complete is
// acknowledged only after the whole has been used.
func (e *Engine) part(ctx context.Context, f *flight, mo bearer.MO, c sms.Concat) error {
	res, err := e.o.Store.SaveMO(ctx, mo, store.ConcatRef{Ref: c.Ref, Ref16: c.Ref16, Part: int(c.Part), Total: int(c.Total)})
	if errors.Is(err, store.ErrFlood) || errors.Is(err, store.ErrParts) {
		e.m.mo("refused")
		e.log.Warn("part of a short message refused", "msisdn", mo.Source, "tx", f.tx.ID, "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case res.Duplicate:
		e.m.mo("duplicate")
	case res.Conflict:
		e.m.mo("conflict")
		e.log.Warn("part of a short message contradicts an earlier one", "msisdn", mo.Source, "tx", f.tx.ID, "part", c.Part, "of", c.Total)
	case res.Complete == nil:
		e.m.mo("part")
		now := e.o.Clock()
		f.noteParts(now)
		e.poke(now.Add(e.o.PartialAfter))
	default:
		e.m.mo("part")
		f.noteParts(time.Time{})
		if err := e.answer(ctx, f, res.Complete, nil); err != nil {
			// It is stored: acknowledge it, and use it again soon.
			e.log.Error("using an answer", "tx", f.tx.ID, "error", err)
			e.retry.add(*res.Complete)
			e.poke(e.o.Clock().Add(e.o.RetryFirst))
		}
	}
	return nil
}

// stray is a message of a packet for which no transaction waits. When it is
// really from a card of ours it is a late answer: it is told in the log and
// changes nothing (I6, I7). From anybody else it is counted.
func (e *Engine) stray(ctx context.Context, mo *bearer.MO, c sms.Concat, cpi sms.CPI) error {
	if c.Total > 1 || cpi != sms.ResponseCPI {
		e.m.mo("stray")
		return nil
	}
	_, card, _, err := e.o.Store.Lookup(ctx, mo.Source)
	if errors.Is(err, mssp.ErrNotFound) {
		e.m.mo("foreign")
		return nil
	}
	if err != nil {
		return err
	}
	p, ok := e.o.CardProfiles[card.Profile]
	if !ok {
		e.m.mo("foreign")
		return nil
	}
	sets, err := e.o.Store.KeySets(ctx, card.ICCID)
	if err != nil {
		return err
	}
	for _, ks := range sets {
		set, err := e.keySet(&p, ks)
		if err != nil {
			continue
		}
		r, err := set.OpenResponse(nil, mo.UD, p.SPI)
		if err != nil || !r.Protected {
			continue
		}
		return e.late(ctx, card.ICCID, &r)
	}
	e.m.mo("forged")
	return nil
}

// late tells of an authentic answer that comes after the end of its
// transaction, or a second time.
func (e *Engine) late(ctx context.Context, iccid ota.ICCID, r *ota.Response) error {
	tx, _, err := e.o.Store.OpenByPacket(ctx, iccid, r.TAR, r.CNTR)
	if err != nil && !errors.Is(err, mssp.ErrNotFound) {
		return err
	}
	e.tellLate(&tx, iccid, r)
	return nil
}

func (e *Engine) tellLate(tx *mssp.Transaction, iccid ota.ICCID, r *ota.Response) {
	e.m.mo("late")
	e.log.Info("late answer: it changes nothing", "tx", tx.ID, "state", tx.State, "iccid", iccid, "cntr", r.CNTR.String(), "status", r.Status.String())
}
