package loopback

import (
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
)

// submitted takes RP-DATA with an SMS-SUBMIT from an endpoint, and answers with
// RP-ACK when the message is stored (TS 24.011 7.3.3); mu is held.
func (n *Network) submitted(p *port, d *rp.Message) {
	from := p.sub
	m := &message{from: from.number}
	cause := n.convert(m, d.TPDU)
	n.observe(Event{Kind: "submit", From: m.from, To: m.to, TPDU: d.TPDU, Cause: cause})
	if cause == 0 && n.centre != nil && n.centre.Takes(m.to) {
		n.forCentre(p, m, d)
		return
	}
	var to *subscriber
	if cause == 0 {
		to, cause = n.admit(from, m)
	}
	if cause != 0 {
		n.reply(p, &rp.Message{Type: rp.ErrorMT, Ref: d.Ref, Cause: cause})
		return
	}
	out := from.lanes[FromEndpoint].judge()
	in := to.lanes[ToEndpoint].judge()
	for _, f := range [...]Fault{out, in} {
		if f.Action == Refuse {
			n.observe(Event{Kind: "fault", From: m.from, To: m.to, Cause: f.Cause})
			n.reply(p, &rp.Message{Type: rp.ErrorMT, Ref: d.Ref, Cause: f.Cause})
			return
		}
	}
	m.seq = n.nextSeq()
	n.stored++
	if out.Action != Unanswered && in.Action != Unanswered {
		var report [submitReportSize]byte
		n.reply(p, &rp.Message{Type: rp.AckMT, Ref: d.Ref, TPDU: submitReport(report[:0], m.scts)})
	}
	if from.lanes[FromEndpoint].idle() && to.lanes[ToEndpoint].idle() {
		n.offer(to, m)
		return
	}
	n.pass(from, FromEndpoint, out, m, func(m *message) { n.left(m, in) })
}

// admit finds the destination and room; mu is held.
func (n *Network) admit(from *subscriber, m *message) (*subscriber, rp.Cause) {
	if from.unreachable {
		return nil, rp.NetworkOutOfOrder
	}
	to := n.subscriber(m.to)
	switch {
	case to == nil && (n.o.Known == nil || n.o.Known(m.to)):
		return nil, rp.Congestion
	case to == nil:
		return nil, rp.UnassignedNumber
	case n.stored >= n.o.MaxStored || len(to.queue) >= n.o.MaxPerEndpoint:
		return nil, rp.Congestion
	}
	return to, 0
}

// pass applies a fault to a message on its way to next; mu is held, and is
// held again when next runs later.
func (n *Network) pass(s *subscriber, d Direction, f Fault, m *message, next func(*message)) {
	l := &s.lanes[d]
	if f.Action != Pass {
		n.observe(Event{Kind: "fault", From: m.from, To: m.to, TPDU: m.tpdu()})
	}
	switch f.Action {
	case Drop:
		if m.done != nil {
			n.end(m, Outcome{Fate: Taken})
		} else {
			n.stored--
		}
		return
	case Delay:
		n.later(f.Delay, func() { next(m) })
		return
	case Reorder:
		if l.held == nil {
			l.held = m
			n.later(reorderWait, func() {
				if l.held == m {
					l.held = nil
					next(m)
				}
			})
			return
		}
	case Duplicate:
		twin := *m
		twin.report, twin.done = false, nil
		n.stored++
		next(m)
		m = &twin
	}
	next(m)
	if held := l.held; held != nil {
		l.held = nil
		next(held)
	}
}

// later runs f after d with mu held, unless the network has closed.
func (n *Network) later(d time.Duration, f func()) {
	time.AfterFunc(d, func() {
		n.mu.Lock()
		if n.closed {
			n.mu.Unlock()
			return
		}
		f()
		n.unlock(nil)
	})
}

func (n *Network) nextSeq() uint64 {
	n.seq++
	return n.seq
}
