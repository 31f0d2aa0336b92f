package modem

import (
	"context"
	"errors"
	"fmt"

	"github.com/simsign/simsign/ota/sms"
)

// Bounds of what is kept for messages that cannot go their way.
const (
	maxHeld    = 1000
	maxHandled = 1000
)

// indications does what the modem has announced.
func (s *session) indications(ctx context.Context) error {
	waiting, moved := s.l.take(), false
	for i, u := range waiting {
		var err error
		switch {
		case u.boot:
			err = fmt.Errorf("%w: %q", ErrReboot, u.name)
		case u.two:
			s.direct(ctx, u)
		case u.name == "+CMTI" || u.name == "+CDSI":
			err = s.stored(ctx, u)
		case u.name == "^SMMEMFULL" || u.name == "+CIEV" && len(u.args) > 0 && u.args[0] == "SMSFULL":
			s.m.log.Warn("memory of the modem is full")
			s.drainAgain = true
		case u.name == "+CREG" || u.name == "+CEREG":
			moved = moved || !s.lateAnswer(u)
		}
		if err != nil {
			s.l.putBack(waiting[i+1:])
			return err
		}
	}
	if moved {
		if err := s.refresh(ctx); err != nil {
			return err
		}
	}
	for range 2 { // a second time for what looked damaged
		if !s.drainAgain {
			break
		}
		s.drainAgain = false
		if err := s.drain(ctx); err != nil {
			return err
		}
	}
	return nil
}

// lateAnswer takes the answer to +CREG? that comes behind its OK (Wavecom); asking
// again because of it would never end. An indication has <stat> first, and
// then an area in four digits. TS 27.007 7.2.
func (s *session) lateAnswer(u urc) bool {
	stat := number(u.args, 1)
	if stat < 0 || len(u.args[1]) > 2 {
		return false
	}
	if c := &s.info; u.name == "+CREG" || !c.Registered {
		c.Registration = stat
		c.Registered, _ = registration(stat)
		s.publish()
	}
	return true
}

// direct takes a message that the modem has not stored.
func (s *session) direct(ctx context.Context, u urc) {
	if u.name == "+CBM" {
		return // cell broadcast: not asked for, not for us
	}
	if u.pdu == "" {
		s.m.log.Error("modem has announced a message and not given it", "indication", u.name)
		s.m.o.Metrics.Received("stuck")
		return
	}
	length := number(u.args, len(u.args)-1)
	if s.handle(ctx, u.pdu, length) {
		return
	}
	if len(s.m.held) >= maxHeld {
		s.m.log.Error("a message is lost: neither modem nor inbox keeps it, and too many wait", "waiting", maxHeld)
		return
	}
	s.m.held = append(s.m.held, heldPDU{u.pdu, length})
}

// deliverPending gives the Inbox what came directly and waits while the session ends:
// the modem has forgotten it. What the Inbox does not take now is held.
func (s *session) deliverPending(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.m.o.DeliverTimeout)
	defer cancel()
	for _, u := range s.l.take() {
		if u.two {
			s.direct(ctx, u)
		}
	}
}

// retryHeld tries again what came directly and was not stored.
func (s *session) retryHeld(ctx context.Context) error {
	held := s.m.held
	s.m.held = nil
	for _, h := range held {
		if ctx.Err() != nil || !s.handle(ctx, h.pdu, h.length) {
			s.m.held = append(s.m.held, h)
		}
	}
	return nil
}

// handle gives one PDU to the Inbox, and reports whether somebody has it now.
func (s *session) handle(ctx context.Context, pdu string, length int) bool {
	ctx, cancel := context.WithTimeout(ctx, s.m.o.DeliverTimeout)
	defer cancel()
	now := s.m.o.Clock()
	in, err := s.m.o.incoming(pdu, length, now)
	if err != nil {
		return s.keep(Raw{Modem: s.m.o.Name, At: now, PDU: pdu, Cause: err})
	}
	if in.report != nil {
		if err := s.m.report(ctx, in.report); err != nil {
			s.m.o.Metrics.StatusReport("again")
			s.m.log.Warn("status report is not stored", "error", err)
			return false
		}
		return true
	}
	if err := s.m.o.Inbox.Deliver(ctx, *in.mo); err != nil {
		s.m.o.Metrics.Received("again")
		s.m.log.Warn("message is not stored: it stays in the modem", "msisdn", in.mo.Source, "error", err)
		return false
	}
	s.m.o.Metrics.Received("stored")
	return true
}

// keep puts aside what nobody can read.
func (s *session) keep(r Raw) bool {
	known := s.m.stuck[r.PDU]
	if s.m.o.Keep != nil {
		err := s.m.o.Keep(r)
		if err == nil {
			s.m.o.Metrics.Received("kept")
			s.m.log.Warn("message cannot be read and is kept as it is", "error", kindOfFault(r.Cause))
			return true
		}
		s.m.log.Error("message that cannot be read is not kept either", "error", err)
	}
	if !known {
		if len(s.m.stuck) >= maxHandled {
			clear(s.m.stuck)
		}
		s.m.stuck[r.PDU] = true
		s.m.o.Metrics.Received("stuck")
		s.m.log.Warn("message cannot be read and stays in the modem", "error", kindOfFault(r.Cause))
	}
	return false
}

// kindOfFault is the kind of fault without what a stranger wrote.
func kindOfFault(err error) error {
	for _, known := range []error{errNoNumber, ErrPDU, sms.ErrTPDU, sms.ErrAddress, sms.ErrUDH} {
		if errors.Is(err, known) {
			return known
		}
	}
	return err
}
