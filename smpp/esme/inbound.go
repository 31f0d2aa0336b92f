package esme

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/simsign/simsign/smpp"
)

// ServeSMPP takes the requests of the centre: deliver_sm (SMPP 3.4 4.6), data_sm
// (4.7), alert_notification (4.12). Each runs on a worker of the
// session, so that many deliveries are with the Inbox at once and share its
// commits.
func (l *link) ServeSMPP(ctx context.Context, r *smpp.Request) {
	var status smpp.Status
	switch b := r.Body.(type) {
	case *smpp.Message:
		if r.Command != smpp.DeliverSM {
			r.Reply(smpp.RInvCmdID, nil) // the session has ended
			return
		}
		status = l.take(ctx, b)
	case *smpp.Data:
		status = l.take(ctx, b.Message())
	case *smpp.Alert:
		l.alert(ctx, b)
		return
	default: // outbind has no answer; the rest is not for an ESME
		r.Reply(smpp.RInvCmdID, nil) // the session has ended, or no answer exists
		return
	}
	if err := r.Reply(status, &smpp.MessageResp{}); err != nil {
		l.log.Debug("response to deliver_sm did not leave: it will come again", "sequence", r.Seq, "error", err)
	}
}

// take stores a message and says what to answer (SMPP 3.4 4.6.2): ESME_ROK only when the Inbox
// has it, or when it is worth nothing to anybody and will never be.
func (l *link) take(ctx context.Context, m *smpp.Message) smpp.Status {
	c := l.c
	if !c.begin() {
		return smpp.RxTAppn // stopping: it comes again
	}
	defer c.end()
	ctx, cancel := context.WithTimeout(ctx, c.o.DeliverTimeout)
	defer cancel()
	if c.o.isReceipt(m) {
		return l.receipt(ctx, m)
	}
	mo, err := c.o.decode(m, c.o.Clock())
	if err != nil {
		kind := Malformed
		if errors.Is(err, errNobody) {
			kind = Nobody
		}
		c.o.Metrics.Inbound(kind)
		l.limitedLog.Warn(l.log, "message from a phone refused", "error", err)
		return smpp.ROK
	}
	d := digest(m)
	if c.seen.has(d, time.Now()) {
		c.o.Metrics.Inbound(Again)
		return smpp.ROK
	}
	if err := c.o.Inbox.Deliver(ctx, mo); err != nil {
		c.o.Metrics.Inbound(Failed)
		l.log.Log(ctx, failed(err), "message from a phone was not stored: it shall come again", "msisdn", mo.Source, "error", err)
		return smpp.RxTAppn
	}
	c.seen.add(d, time.Now())
	c.o.Metrics.Inbound(Stored)
	return smpp.ROK
}

// failed is how loud to say that the Inbox has not stored something: what a
// bind had under way when it ended needs no lines of its own.
func failed(err error) slog.Level {
	if errors.Is(err, context.Canceled) {
		return slog.LevelDebug
	}
	return slog.LevelError
}

func (l *link) receipt(ctx context.Context, m *smpp.Message) smpp.Status {
	c := l.c
	r, final, err := c.o.report(m, c.o.Clock())
	switch {
	case err != nil:
		c.o.Metrics.Inbound(ReceiptMalformed)
		l.limitedLog.Warn(l.log, "delivery receipt cannot be read", "error", err)
		return smpp.ROK
	case !final:
		c.o.Metrics.Inbound(ReceiptNotFinal)
		return smpp.ROK
	}
	if err := c.o.Inbox.Report(ctx, r); err != nil {
		c.o.Metrics.Inbound(Failed)
		l.log.Log(ctx, failed(err), "delivery receipt was not stored: it shall come again", "message", r.MessageID, "error", err)
		return smpp.RxTAppn
	}
	c.o.Metrics.Inbound(ReceiptStored)
	return smpp.ROK
}

// alert: a phone is back (SMPP 3.4 4.12). There is no answer.
func (l *link) alert(ctx context.Context, a *smpp.Alert) {
	l.c.o.Metrics.Inbound(Alerted)
	number, err := l.c.o.Quirks.number(a.Source)
	if err != nil || l.c.alerter == nil {
		return
	}
	if err := l.c.alerter.Alert(ctx, number); err != nil {
		l.log.Warn("alert_notification", "msisdn", number, "error", err)
	}
}

// maxSeen bounds the messages that are recognised when they come again.
const maxSeen = 8192

// seen remembers what was acknowledged in the last minutes. It is a filter in
// front of the Inbox, which recognises repeated messages itself, and may forget.
type seen struct {
	keep time.Duration
	mu   sync.Mutex
	at   map[[16]byte]time.Time
	ring [][16]byte
	next int
}

func newSeen(keep time.Duration) *seen {
	return &seen{keep: keep, at: make(map[[16]byte]time.Time)}
}

func (s *seen) has(d [16]byte, now time.Time) bool {
	if s.keep < 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.at[d]
	return ok && now.Sub(at) < s.keep
}

func (s *seen) add(d [16]byte, now time.Time) {
	if s.keep < 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.at[d]; ok {
		s.at[d] = now
		return
	}
	if len(s.ring) < maxSeen {
		s.ring = append(s.ring, d)
	} else {
		delete(s.at, s.ring[s.next])
		s.ring[s.next] = d
		s.next = (s.next + 1) % maxSeen
	}
	s.at[d] = now
}

// digest identifies a message: addresses, coding, every octet and parameter.
func digest(m *smpp.Message) (d [16]byte) {
	c := *m
	c.ServiceType, c.PriorityFlag, c.ScheduleTime, c.ValidityPeriod, c.RegisteredDelivery = "", 0, "", "", 0
	b, err := smpp.Append(nil, smpp.Header{Command: smpp.DeliverSM}, &c)
	if err != nil {
		// Longer fields than we may send: still all that identifies it.
		b = append(b, c.Source.Addr...)
		b = append(append(b, 0), c.Dest.Addr...)
		b = append(append(b, 0, c.ESMClass, c.ProtocolID, c.DataCoding), c.ShortMessage...)
		for _, t := range c.TLVs {
			b = append(append(b, byte(t.Tag>>8), byte(t.Tag)), t.Value...)
		}
	}
	sum := sha256.Sum256(b)
	copy(d[:], sum[:])
	return d
}
