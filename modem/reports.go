package modem

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Bounds of the messages that may still be reported.
const (
	maxSent = 4096
	maxWait = 8 * 24 * time.Hour // longer than networks try
	// maxSkew is how far the time of the network may be from ours: time zones
	// of service centres are often wrong.
	maxSkew = 15 * time.Hour
)

// remember notes a message that went out, or may have.
func (s *state) remember(x sent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty = true
	if len(s.data.Sent) >= maxSent {
		s.data.Sent = slices.Delete(s.data.Sent, 0, len(s.data.Sent)-maxSent+1)
	}
	s.data.Sent = append(s.data.Sent, x)
}

// find returns the message that a report is about: the same number, the same
// reference (TS 23.040 9.2.3.6: the modem counts from 0 to 255 and over again),
// and of those the one whose time is the nearest to what the network says, which
// is when it took the message (TS 23.040 9.2.3.11). A message
// whose reference is not known is taken where no other is.
func (s *state) find(r *sms.StatusReport, same func(sms.MSISDN) bool, now time.Time) (sent, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken, terr := r.Time.Time()
	best, bestGap, known := -1, time.Duration(0), false
	for i, x := range s.data.Sent {
		if x.MR >= 0 && x.MR != int(r.Reference) || now.Sub(x.At) > maxWait || !same(x.To) {
			continue
		}
		gap := now.Sub(x.At).Abs()
		if terr == nil {
			if gap = taken.Sub(x.At).Abs(); gap > maxSkew {
				continue
			}
		}
		if k := x.MR >= 0; best < 0 || k && !known || k == known && gap <= bestGap {
			best, bestGap, known = i, gap, k
		}
	}
	if best < 0 {
		return sent{}, false
	}
	return s.data.Sent[best], true
}

// forget takes a message off the list: nothing more will be heard of it.
func (s *state) forget(x sent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.data.Sent, x); i >= 0 {
		s.data.Sent = slices.Delete(s.data.Sent, i, i+1)
		s.dirty = true
	}
}

// same reports whether a number is the one that a network wrote.
func (o *Options) same(n sms.MSISDN, a sms.Address) bool {
	if x, err := o.number(a); err == nil && x == n {
		return true
	}
	tail := strings.TrimLeft(a.Number, "0")
	return a.TON != sms.TONInternational && len(tail) >= 7 && strings.HasSuffix(string(n), tail)
}

// messageID is unique although references come again every 256 messages.
func messageID(mr int, at time.Time) string { return fmt.Sprintf("%d.%d", mr, at.UnixMilli()) }

// report tells the Inbox what a status report says (TP-ST, TS 23.040 9.2.3.15).
// An error leaves it where it is.
func (m *Modem) report(ctx context.Context, r *sms.StatusReport) error {
	now := m.o.Clock()
	outcome := r.Outcome()
	if outcome == sms.OutcomePending || outcome == sms.OutcomeUnknown {
		m.o.Metrics.StatusReport("not final")
		return nil
	}
	x, ok := m.state.find(r, func(n sms.MSISDN) bool { return m.o.same(n, r.Recipient) }, now)
	if !ok {
		m.o.Metrics.StatusReport("unmatched")
		m.log.Info("status report is about no message of ours", "reference", r.Reference, "status", r.Status)
		return nil
	}
	if x.MR < 0 { // its fate was unknown until now
		old := x
		x.MR, x.ID = int(r.Reference), messageID(int(r.Reference), x.At)
		if m.resolver != nil {
			if err := m.resolver.Resolve(ctx, x.Segment, bearer.Receipt{MessageID: x.ID, Bearer: m.o.Name}, nil); err != nil {
				return err
			}
		}
		m.state.forget(old)
		m.state.remember(x)
	}
	rep := bearer.Report{Bearer: m.o.Name, MessageID: x.ID, Dest: x.To, Delivered: outcome == sms.OutcomeDelivered, At: now}
	if !rep.Delivered {
		rep.Cause = fmt.Sprintf("TP-ST %02X", r.Status)
	}
	if err := m.o.Inbox.Report(ctx, rep); err != nil {
		return err
	}
	m.state.forget(x)
	m.o.Metrics.StatusReport("stored")
	return nil
}
