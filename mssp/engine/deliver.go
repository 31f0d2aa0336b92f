package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// inbox takes what the networks bring: messages from phones, delivery reports,
// late responses.
type inbox struct {
	*core
	line  *line
	retry retryList // joined answers that could not be used yet
}

// deliver takes a short message from a phone. It returns nil,
// and so lets the network forget the message, once the message is stored, or
// is known not to matter: a message from a number that nobody waits for is
// counted and stored nowhere, so no flood of them can fill memory or disk.
// The source address only says where to look; what the message is worth, its
// checksum says.
func (x *inbox) deliver(ctx context.Context, mo bearer.MO) error {
	ctx = audit.With(ctx, audit.Actor{Name: "card", Role: audit.System, Door: "card"})
	c, cpi, err := sms.ParseConcat(mo.UDH)
	if err != nil {
		x.m.mo("malformed")
		x.log.Debug("short message refused", "msisdn", mo.Source, "bearer", mo.Bearer, "error", err)
		return nil
	}
	if c.Total <= 1 && cpi == sms.NoCPI {
		x.m.mo("plain") // a text that somebody sent to our number
		return nil
	}
	f, err := x.line.flightOf(ctx, mo.Source)
	if err != nil {
		return err
	}
	x.traceMO(f, &mo, c)
	if f == nil {
		return x.stray(ctx, &mo, c, cpi)
	}
	if c.Total <= 1 {
		return x.answer(ctx, f, &store.Joined{Source: mo.Source, UDH: mo.UDH, UD: mo.UD, At: mo.ReceivedAt}, &mo)
	}
	return x.part(ctx, f, mo, c, cpi)
}

// part stores a part of an answer; the one that makes it complete is
// acknowledged only after the whole has been used. What shows at once that it
// is no answer claims nothing.
func (x *inbox) part(ctx context.Context, f *flight, mo bearer.MO, c sms.Concat, cpi sms.CPI) error {
	if err := x.plausible(f, &mo, c, cpi); err != nil {
		x.m.mo("refused")
		x.doubt(f, "part of a short message refused", "error", err)
		return nil
	}
	res, err := x.o.Store.SaveMO(ctx, mo, store.ConcatRef{Ref: c.Ref, Ref16: c.Ref16, Part: int(c.Part), Total: int(c.Total)})
	if errors.Is(err, store.ErrFlood) || errors.Is(err, store.ErrParts) {
		x.m.mo("refused")
		x.doubt(f, "part of a short message refused", "error", err)
		x.await(f) // it may have been the card's: the card is asked again
		return nil
	}
	if err != nil {
		return err
	}
	if res.Dropped > 0 {
		x.m.mos.WithLabelValues("refused").Add(float64(res.Dropped))
		x.doubt(f, "incomplete short messages had to go for a new one", "sets", res.Dropped)
	}
	if res.Conflict {
		x.m.mo("conflict")
		x.doubt(f, "part of a short message contradicts an earlier one: both are kept", "part", c.Part, "of", c.Total)
	}
	switch {
	case res.Duplicate:
		x.m.mo("duplicate")
	case res.Complete == nil:
		x.m.mo("part")
		x.await(f)
	default:
		x.m.mo("part")
		if err := x.answer(ctx, f, res.Complete, nil); err != nil {
			// It is stored: acknowledge it, and use it again soon.
			f.noteParts(time.Time{})
			x.log.Error("using an answer", "tx", f.tx.ID, "error", err)
			x.retry.add(*res.Complete)
			x.alarm.poke(x.o.Clock().Add(x.o.RetryFirst))
		}
	}
	return nil
}

// doubt logs what anybody can provoke, as often as he likes, by messages in the
// name of the user: a few lines, the metrics count all.
func (x *inbox) doubt(f *flight, msg string, args ...any) {
	told, last := f.doubt()
	if !told {
		return
	}
	if last {
		msg += "; more of these are only counted"
	}
	x.log.Warn(msg, append([]any{"msisdn", f.tx.MSISDN, "tx", f.tx.ID}, args...)...)
}

// await lets the time run after which the card is asked again, because parts of
// an answer are there and no answer. It runs from the first of them: what others
// send in the meantime puts it off no further.
func (x *inbox) await(f *flight) {
	now := x.o.Clock()
	f.noteParts(now)
	x.alarm.poke(now.Add(x.o.PartialAfter))
}

// plausible says what is wrong with a first part that cannot be the beginning
// of an answer that we wait for: without the mark of a packet, of another length than
// its total can have, for another application, weaker than the card profile.
// All of it can be written by anybody, and keeps out only who does not care.
func (x *inbox) plausible(f *flight, mo *bearer.MO, c sms.Concat, cpi sms.CPI) error {
	if c.Part != 1 {
		return nil
	}
	start, err := f.ring.way.Begin(&f.ring.expected, cpi, mo.UD)
	if err != nil {
		return err
	}
	if most := len(mo.UD) + (int(c.Total)-1)*sms.MaxUserData; start.Len > most {
		return fmt.Errorf("%w: packet of %d octets in %d parts, at most %d fit", ota.ErrLength, start.Len, c.Total, most)
	}
	if start.TAR != f.ring.expected.TAR && !f.knows(start.TAR) {
		return fmt.Errorf("%w: %s", carriage.ErrTAR, start.TAR)
	}
	return nil
}

// stray is a message of a packet for which no transaction waits: a late answer,
// which changes no end (I6, I7), or nothing of ours.
func (x *inbox) stray(ctx context.Context, mo *bearer.MO, c sms.Concat, cpi sms.CPI) error {
	if c.Total <= 1 {
		return x.orphan(ctx, &store.Joined{Source: mo.Source, UDH: mo.UDH, UD: mo.UD, At: mo.ReceivedAt})
	}
	j, err := x.latePart(ctx, mo, c, cpi)
	if j == nil {
		return err
	}
	if err := x.orphan(ctx, j); err != nil {
		x.log.Error("using a late answer", "msisdn", mo.Source, "error", err)
		x.retry.add(*j)
		x.alarm.poke(x.o.Clock().Add(x.o.RetryFirst))
	}
	return nil
}
