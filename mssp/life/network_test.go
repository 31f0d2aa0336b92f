package life

import (
	"bytes"
	"errors"

	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

func (w *world) user(n sms.MSISDN) *user {
	for _, u := range w.users {
		if u.number == n {
			return u
		}
	}
	return nil
}

// line does something to the lines, while the engine may be sending.
func (w *world) line(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// submit takes a segment for a card as the network does.
func (w *world) submit(s bearer.Segment) error {
	u := w.user(s.Dest)
	if u == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &u.down
	if l.busy > 0 {
		l.busy--
		return bearer.ErrBusy
	}
	tpdu, err := sms.Deliver{
		Originator: sms.Address{TON: sms.TONInternational, NPI: sms.NPITelephone, Number: "4600"}, PID: s.PID, DCS: s.DCS,
		UDH: bytes.Clone(s.UDH), UD: bytes.Clone(s.UD),
	}.AppendBinary(nil)
	if err != nil {
		return err
	}
	l.put(message{tpdu: tpdu})
	if l.unknown > 0 {
		l.unknown--
		return bearer.ErrUnknown
	}
	return nil
}

// put lets a message go its way, or what befalls it.
func (l *line) put(m message) {
	switch {
	case l.lose > 0:
		l.lose--
	case l.late > 0:
		l.late--
		l.delayed = append(l.delayed, m)
	case l.twice > 0:
		l.twice--
		l.queue = append(l.queue, m, m)
	default:
		l.queue = append(l.queue, m)
	}
}

func (l *line) take() []message {
	q := l.queue
	l.queue = nil
	return q
}

// arrive lets what was late arrive.
func (l *line) arrive() {
	l.queue, l.delayed = append(l.queue, l.delayed...), nil
}

// pump delivers until nothing moves.
func (w *world) pump() {
	for range 200 {
		w.look()
		moved := false
		for _, u := range w.users {
			w.mu.Lock()
			down := u.down.take()
			w.mu.Unlock()
			for _, m := range down {
				moved = true
				u.deliver(m.tpdu)
			}
			for _, m := range u.sent {
				moved = true
				u.up.put(message{mo: m})
			}
			u.sent = nil
			for _, m := range u.up.take() {
				moved = true
				mo := bearer.MO{Bearer: "fake", Source: u.number, Dest: "4600", PID: m.mo.PID, DCS: m.mo.DCS, UDH: m.mo.UDH, UD: m.mo.UD}
				if err := w.Engine.Deliver(bg, mo); errors.Is(err, store.ErrNotWritten) { // the network has it still
					u.up.queue = append(u.up.queue, m)
				} else if err != nil {
					w.bad("a message was not taken: %v", err)
				}
			}
		}
		if !moved {
			return
		}
	}
	w.bad("messages go to and fro without end")
}
