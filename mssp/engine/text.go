package engine

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// text makes the segments of a message to a user in his language.
func (c *core) text(to sms.MSISDN, language string, k notice.Kind, day time.Time) []bearer.Segment {
	return c.segments(to, c.o.Texts.Text(language, k, day))
}

func (c *core) segments(to sms.MSISDN, s string) []bearer.Segment {
	sum := sha256.Sum256([]byte(string(to) + s))
	parts, err := sms.EncodeText(s, sms.TextOptions{Ref: uint16(sum[0])})
	if err != nil {
		c.log.Error("encoding a text message", "error", err)
		return nil
	}
	segs := make([]bearer.Segment, len(parts))
	for i, p := range parts {
		segs[i] = bearer.Segment{Dest: to, DCS: p.DCS, UDH: p.UDH, UD: p.UD, Septets: p.Septets}
	}
	return segs
}

// Text makes the segments of a message to a user in his language, for a commit that
// stores them; day is for messages that tell one. SendTexts submits what was stored.
func (e *Engine) Text(to sms.MSISDN, language string, k notice.Kind, day time.Time) []bearer.Segment {
	return e.text(to, language, k, day)
}

// SendTexts submits text messages that a commit has stored.
func (e *Engine) SendTexts(out []store.Outbound) { e.outbox.sendTexts(out) }

// Say sends a text that is nobody else's business. It goes out of the database as soon as
// the network has it (RecordOutcomes), or after life.
func (e *Engine) Say(ctx context.Context, to sms.MSISDN, text string, life time.Duration) error {
	segs := e.segments(to, text)
	for i := range segs {
		segs[i].Validity = life
	}
	out, err := e.o.Store.EnqueueText(ctx, segs)
	if err == nil {
		e.outbox.sendTexts(out)
	}
	return err
}

// Tell sends a text message to a user.
func (e *Engine) Tell(ctx context.Context, number sms.MSISDN, language string, k notice.Kind) error {
	out, err := e.o.Store.EnqueueText(ctx, e.text(number, language, k, time.Time{}))
	if err == nil {
		e.outbox.sendTexts(out)
	}
	return err
}
