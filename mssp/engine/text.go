package engine

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// notice is a text to a user, in his language, about one thing: it is given once. That about a
// device goes to the phone of its owner, in his language, and says which device (W-7).
func (c *core) notice(to sms.MSISDN, language string, k notice.Kind, about string, f notice.Facts) store.Notice {
	n := store.Notice{To: to, Kind: k, About: about}
	ctx := context.Background() // of no caller: what is told has happened
	d, err := c.o.Store.Device(ctx, to)
	if errors.Is(err, mssp.ErrNotFound) {
		n.Text = c.segments(to, c.o.Texts.Text(language, k, f))
		return n
	}
	var device, owner mssp.Subscriber
	if err == nil && d.Owner != "" {
		device, _, _, err = c.o.Store.Lookup(ctx, to)
		if err == nil {
			owner, _, _, err = c.o.Store.Lookup(ctx, d.Owner)
		}
	}
	switch {
	case err != nil:
		c.log.Error("nobody is told what became of a device: its owner cannot be read", "msisdn", to, "error", err)
	case d.Owner != "" && owner.State != mssp.SubscriberRemoved:
		n.Text = c.segments(d.Owner, device.Name+", "+to.String()+": "+c.o.Texts.Text(owner.Language, k, f))
	}
	return n
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

// Notice is a text to a user, in his language, for the commit of what it tells of; day is
// for kinds that tell one. SendTexts submits what was stored.
func (e *Engine) Notice(to sms.MSISDN, language string, k notice.Kind, about string, day time.Time) store.Notice {
	return e.notice(to, language, k, about, notice.Facts{Day: day})
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
