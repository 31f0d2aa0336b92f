package loopback

import (
	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// Centre is a service centre outside this network, as an SMSC behind SMPP is.
// It stores and forwards by its own rules: messages of phones to its numbers
// are handed to it, and what it forwards is tried once, with the outcome told.
// All of it runs without a lock of the network; nothing may block.
type Centre struct {
	// Takes says which numbers it answers for. This one is called with a lock
	// held and must not call the network.
	Takes func(to sms.MSISDN) bool
	// Submit gets an SMS-SUBMIT of a phone. answer tells the phone, then or
	// later: 0 is RP-ACK, everything else RP-ERROR.
	Submit func(from, to sms.MSISDN, tpdu []byte, answer func(rp.Cause))
	// Available hears that a phone attached, is in coverage or has room again.
	Available func(number sms.MSISDN)
}

// SetCentre connects a service centre; nil takes it away.
func (n *Network) SetCentre(c *Centre) {
	n.mu.Lock()
	defer n.unlock(nil)
	n.centre = c
}

// Fate is what became of a forwarded message.
type Fate int

// The fates. After Absent and Full a try makes sense when Centre.Available
// names the number, after Lost at any time: the phone may have it already.
const (
	Taken   Fate = iota // the phone has it
	Absent              // switched off or out of coverage
	Full                // the phone or the network has no room now
	Refused             // never
	Lost                // the phone went away without an answer
	Unknown             // no such number
)

// Outcome is the fate of a forwarded message and what the phone said.
type Outcome struct {
	Fate  Fate
	Cause rp.Cause // of Full and Refused
}

// Forward sends an SMS-DELIVER or SMS-STATUS-REPORT to a phone and calls done
// once with what became of it, maybe before Forward returns. from is for the
// Observer alone.
func (n *Network) Forward(from, to sms.MSISDN, tpdu []byte, done func(Outcome)) {
	n.mu.Lock()
	defer n.unlock(nil)
	m := &message{from: from, to: to, done: done, expires: n.now().Add(n.o.Validity), seq: n.nextSeq()}
	if !m.write(append(m.buf[:0], tpdu...), nil) {
		n.after = append(n.after, func() { done(Outcome{Refused, rp.InvalidMandatory}) })
		return
	}
	n.stored++
	s := n.subscriber(to)
	switch {
	case s == nil && (n.o.Known == nil || n.o.Known(to)), n.stored > n.o.MaxStored:
		n.end(m, Outcome{Full, rp.Congestion})
		return
	case s == nil:
		n.end(m, Outcome{Unknown, rp.UnassignedNumber})
		return
	}
	f := s.lanes[ToEndpoint].judge()
	switch f.Action {
	case Refuse:
		n.observe(Event{Kind: "fault", From: from, To: to, Cause: f.Cause})
		n.end(m, refusal(f.Cause, nil))
	case Unanswered:
		twin := *m
		twin.done = nil
		n.stored++
		n.offer(s, &twin)
		n.end(m, Outcome{Fate: Lost})
	default:
		n.pass(s, ToEndpoint, f, m, n.arrived)
	}
}

// arrived is the last step of a message on its way to a phone; mu is held.
func (n *Network) arrived(m *message) {
	s := n.subs[m.to]
	switch {
	case m.done == nil:
		n.offer(s, m)
	case !s.reachable():
		n.end(m, Outcome{Fate: Absent})
	case !n.send(s, m):
		n.end(m, Outcome{Full, rp.Congestion})
	}
}

// end tells the centre the fate of its message; mu is held.
func (n *Network) end(m *message, o Outcome) {
	n.stored--
	n.after = append(n.after, func() { m.done(o) })
}

// refusal reads an RP-ERROR of a phone: RP-Cause (TS 24.011 8.2.5.4) and the
// SMS-DELIVER-REPORT with it (TS 23.040 9.2.2.1a).
func refusal(c rp.Cause, report []byte) Outcome {
	if c.Temporary() || reportIsTemporary(report) {
		return Outcome{Full, c}
	}
	return Outcome{Refused, c}
}

// submission is an SMS-SUBMIT on its way to the centre.
type submission struct {
	tpdu     []byte
	port     *port
	ref      byte
	answered bool
}

// forCentre takes an SMS-SUBMIT that is for the centre; mu is held.
func (n *Network) forCentre(p *port, m *message, d *rp.Message) {
	m.submit = &submission{tpdu: append([]byte(nil), d.TPDU...), port: p, ref: d.Ref}
	f := p.sub.lanes[FromEndpoint].judge()
	switch {
	case p.sub.unreachable:
		n.answerSubmit(m, rp.NetworkOutOfOrder)
		return
	case n.stored >= n.o.MaxStored:
		n.answerSubmit(m, rp.Congestion)
		return
	case f.Action == Refuse:
		n.observe(Event{Kind: "fault", From: m.from, To: m.to, Cause: f.Cause})
		n.answerSubmit(m, f.Cause)
		return
	case f.Action == Unanswered:
		m.submit.answered = true
	case f.Action != Pass:
		n.answerSubmit(m, 0)
	}
	n.stored++
	n.pass(p.sub, FromEndpoint, f, m, func(m *message) { n.left(m, Fault{}) })
}

// left is where a message goes when it has left its sender; mu is held. in is
// the fault that waits for it at the other end.
func (n *Network) left(m *message, in Fault) {
	if m.submit == nil {
		n.pass(n.subs[m.to], ToEndpoint, in, m, n.arrived)
		return
	}
	n.stored--
	centre := n.centre
	if centre == nil {
		n.answerSubmit(m, rp.NetworkOutOfOrder)
		return
	}
	n.after = append(n.after, func() {
		centre.Submit(m.from, m.to, m.submit.tpdu, func(c rp.Cause) {
			n.mu.Lock()
			defer n.unlock(nil)
			n.answerSubmit(m, c)
		})
	})
}

// answerSubmit answers the phone once; mu is held.
func (n *Network) answerSubmit(m *message, c rp.Cause) {
	s := m.submit
	if s.answered || s.port.sub.port != s.port {
		return
	}
	s.answered = true
	if c != 0 {
		n.reply(s.port, &rp.Message{Type: rp.ErrorMT, Ref: s.ref, Cause: c})
		return
	}
	var report [submitReportSize]byte
	n.reply(s.port, &rp.Message{Type: rp.AckMT, Ref: s.ref, TPDU: submitReport(report[:0], m.scts)})
}

// available tells the centre that a number can be reached; mu is held.
func (n *Network) available(number sms.MSISDN) {
	if c := n.centre; c != nil && c.Available != nil {
		n.after = append(n.after, func() { c.Available(number) })
	}
}
