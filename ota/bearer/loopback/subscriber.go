package loopback

import (
	"fmt"
	"slices"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// subscriber is a number of the network, attached or not, with the messages
// that wait for it.
type subscriber struct {
	number      sms.MSISDN
	port        *port      // nil while nobody is attached
	queue       []*message // in order of acceptance
	unreachable bool       // fault knob: off or out of coverage, whatever the endpoint believes
	lanes       [2]lane
}

func (s *subscriber) reachable() bool { return s.port != nil && !s.unreachable }

// release lets held messages go at the next pump.
func (s *subscriber) release() {
	for _, m := range s.queue {
		m.held = false
	}
}

// subscriber finds or makes the entry of a number; nil when there is no such
// number or no room. mu is held.
func (n *Network) subscriber(number sms.MSISDN) *subscriber {
	if s := n.subs[number]; s != nil {
		return s
	}
	if len(n.subs) >= n.o.MaxEndpoints || n.o.Known != nil && !n.o.Known(number) {
		return nil
	}
	s := &subscriber{number: number}
	n.subs[number] = s
	return s
}

// register attaches p under number; an older attachment ends.
func (n *Network) register(p *port, number sms.MSISDN) (attachStatus, error) {
	n.mu.Lock()
	defer n.unlock(nil)
	if n.o.Known != nil && !n.o.Known(number) {
		return attachNumber, fmt.Errorf("%w: that number is none of this network", ErrAttach)
	}
	s := n.subscriber(number)
	if s == nil || n.closed {
		return attachTooMany, fmt.Errorf("%w: no room for another endpoint", ErrAttach)
	}
	if s.port != nil {
		n.unplug(s.port)
	}
	p.sub, s.port = s, p
	p.out.buf = appendAttachAnswer(p.out.buf, attachOK, "")
	p.touched = true
	n.touched = append(n.touched, p)
	n.observe(Event{Kind: "attach", From: number})
	s.release()
	n.pump(s)
	n.available(number)
	return attachOK, nil
}

// detach is called when the connection of p has ended.
func (n *Network) detach(p *port) {
	n.mu.Lock()
	defer n.unlock(nil)
	if p.sub.port == p {
		n.unplug(p)
	}
}

// unplug takes p from its subscriber; what it had not answered waits for the
// next attach, in the old order. mu is held.
func (n *Network) unplug(p *port) {
	s := p.sub
	s.port = nil
	p.conn.Close()
	n.observe(Event{Kind: "detach", From: s.number})
	if p.inflight.used == 0 {
		return
	}
	for ref := range p.inflight.byRef {
		switch m := p.inflight.take(byte(ref)); {
		case m == nil:
		case m.done != nil:
			n.end(m, Outcome{Fate: Lost})
		default:
			s.queue = append(s.queue, m)
		}
	}
	slices.SortStableFunc(s.queue, func(a, b *message) int {
		if a.seq < b.seq {
			return -1
		}
		return 1
	})
	n.arm(n.now())
}

// offer sends m or lets it wait; mu is held.
func (n *Network) offer(s *subscriber, m *message) {
	if len(s.queue) == 0 && !m.held && s.reachable() && n.send(s, m) {
		return
	}
	n.observe(Event{Kind: "store", From: m.from, To: m.to, TPDU: m.tpdu()})
	s.queue = append(s.queue, m)
	n.arm(m.due())
}

// pump sends what may go; mu is held.
func (n *Network) pump(s *subscriber) {
	if len(s.queue) == 0 || !s.reachable() {
		return
	}
	keep := s.queue[:0]
	for _, m := range s.queue {
		if m.held || !n.send(s, m) {
			keep = append(keep, m)
		}
	}
	clear(s.queue[len(keep):])
	s.queue = keep
}

// send puts m on the wire as RP-DATA (TS 24.011 7.3.1); false when 256 others wait for an answer.
func (n *Network) send(s *subscriber, m *message) bool {
	ref, ok := s.port.inflight.add(m)
	if !ok {
		return false
	}
	m.sent = n.now()
	n.observe(Event{Kind: "deliver", From: m.from, To: m.to, TPDU: m.tpdu()})
	n.reply(s.port, &rp.Message{Type: rp.DataMT, Ref: ref, Address: centreAddress, TPDU: m.tpdu()})
	if n.timerAt.IsZero() {
		n.arm(m.sent.Add(n.o.AnswerTimeout))
	}
	return true
}

// answered handles RP-ACK (TS 24.011 7.3.3) and RP-ERROR (TS 24.011 7.3.4) of an
// endpoint; mu is held.
func (n *Network) answered(p *port, a *rp.Message) {
	m := p.inflight.take(a.Ref)
	if m == nil {
		n.log.Debug("network got an answer without a question", "msisdn", p.sub.number, "ref", a.Ref)
		return
	}
	if a.Type == rp.AckMO {
		n.observe(Event{Kind: "ack", From: m.to, To: m.from, TPDU: a.TPDU})
		if m.done != nil {
			n.end(m, Outcome{Fate: Taken})
		} else {
			n.finish(m, statusReceived)
		}
	} else {
		n.observe(Event{Kind: "error", From: m.to, To: m.from, TPDU: a.TPDU, Cause: a.Cause})
		switch o := refusal(a.Cause, a.TPDU); {
		case m.done != nil:
			n.end(m, o)
		case o.Fate == Full:
			n.hold(p.sub, m)
		default:
			n.finish(m, statusRefused)
		}
	}
	n.pump(p.sub)
}

// hold keeps a message that the endpoint could not take now.
func (n *Network) hold(s *subscriber, m *message) {
	wait := n.o.RetryFirst << min(m.tries, 16)
	m.tries++
	m.held = true
	m.notBefore = n.now().Add(min(wait, n.o.RetryMost))
	s.queue = append(s.queue, m)
	n.arm(m.due())
}
