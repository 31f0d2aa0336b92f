package modem

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

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
			s.again = true
		case u.name == "+CREG" || u.name == "+CEREG":
			moved = moved || !s.late(u)
		}
		if err != nil {
			s.l.putBack(waiting[i+1:])
			return err
		}
	}
	if moved {
		if err := s.look(ctx); err != nil {
			return err
		}
	}
	for range 2 { // a second time for what looked damaged
		if !s.again {
			break
		}
		s.again = false
		if err := s.drain(ctx); err != nil {
			return err
		}
	}
	return nil
}

// late takes the answer to +CREG? that comes behind its OK (Wavecom); asking
// again because of it would never end. An indication has <stat> first, and
// then an area in four digits. TS 27.007 7.2.
func (s *session) late(u urc) bool {
	stat := number(u.args, 1)
	if stat < 0 || len(u.args[1]) > 2 {
		return false
	}
	if c := &s.chart; u.name == "+CREG" || !c.Registered {
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

// rescue gives the Inbox what came directly and waits while the session ends:
// the modem has forgotten it. What the Inbox does not take now is held.
func (s *session) rescue(ctx context.Context) {
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

// stored fetches a message that was announced by memory and index.
func (s *session) stored(ctx context.Context, u urc) error {
	index := number(u.args, 1)
	if len(u.args) < 2 || index < 0 || len(u.args[0]) != 2 {
		s.again = true // "+CMTI: ,-1" of SIM7000: somewhere, something
		return nil
	}
	if ok, err := s.choose(ctx, u.args[0]); err != nil || !ok {
		s.again = err == nil
		return err
	}
	lines, ok, err := s.try(ctx, "+CMGR="+strconv.Itoa(index))
	if err != nil {
		return err
	}
	pdu, length := "", -1
	for _, l := range lines {
		if strings.HasPrefix(l, "+CMGR:") {
			f := fields(l)
			if isText(f, 0) {
				return s.pduMode(ctx)
			}
			length = number(f, len(f)-1)
		} else if pdu == "" || isHex(l) {
			pdu = l
		}
	}
	if !ok || pdu == "" {
		s.again = true // another memory than it says, or already taken
		return nil
	}
	return s.take(ctx, index, pdu, length)
}

// choose makes a memory the one that is read.
func (s *session) choose(ctx context.Context, mem string) (bool, error) {
	if s.mem == mem {
		return true, nil
	}
	// Some take all three or none; the others stay what they are.
	for _, cmd := range []string{`+CPMS="` + mem + `"`, fmt.Sprintf(`+CPMS="%s","%s","%s"`, mem, s.into, s.into)} {
		if _, ok, err := s.try(ctx, cmd); ok || err != nil {
			if ok {
				s.mem = mem
			}
			return ok, err
		}
	}
	return false, nil
}

// drain empties the memories: what the Inbox has is deleted, the rest stays
// and is tried again at the next look.
func (s *session) drain(ctx context.Context) error {
	all := s.chart.Memories
	if s.chart.Indications[3] == 2 {
		all = append(all[:len(all):len(all)], "SR") // status reports that are stored
	}
	s.chart.Stored, s.chart.Places = 0, 0
	for _, mem := range all {
		if ok, err := s.choose(ctx, mem); err != nil {
			return err
		} else if !ok {
			continue
		}
		if err := s.empty(ctx, mem); err != nil {
			return err
		}
	}
	s.publish()
	return nil
}

func (s *session) empty(ctx context.Context, mem string) error {
	lines, err := s.l.command(ctx, "+CMGL=4", s.m.o.ListTimeout)
	var refused *Error
	if errors.As(err, &refused) {
		s.m.log.Info("a memory of the modem cannot be listed", "memory", mem, "error", err)
		return nil
	} else if err != nil {
		return err
	}
	there := map[string]bool{}
	index, length := -1, -1
	for _, l := range lines {
		if strings.HasPrefix(l, "+CMGL:") {
			f := fields(l)
			if isText(f, 1) {
				return s.pduMode(ctx)
			}
			index, length = number(f, 0), number(f, len(f)-1)
			if stat := number(f, 1); stat == 2 || stat == 3 {
				index = -1 // messages to be sent, of somebody else
			}
			continue
		}
		if index < 0 {
			continue
		}
		there[key(mem, index, l)] = true
		if err := s.take(ctx, index, l, length); err != nil {
			return err
		}
		index = -1
	}
	// What is no longer there need not be remembered.
	for _, known := range []map[string]bool{s.m.handled, s.m.damaged} {
		maps.DeleteFunc(known, func(k string, _ bool) bool { return strings.HasPrefix(k, mem+" ") && !there[k] })
	}
	if lines, _, err = s.try(ctx, "+CPMS?"); err != nil {
		return err
	}
	for _, l := range lines {
		f := fields(l)
		s.chart.Stored += max(0, number(f, 1))
		s.chart.Places += max(0, number(f, 2))
	}
	return nil
}

func key(mem string, index int, pdu string) string { return fmt.Sprintf("%s %d %s", mem, index, pdu) }

// take stores one message of the present memory and deletes it then.
func (s *session) take(ctx context.Context, index int, pdu string, length int) error {
	k := key(s.mem, index, pdu)
	if !s.m.handled[k] {
		if _, err := s.m.o.incoming(pdu, length, time.Time{}); err != nil && !errors.Is(err, errNobody) && s.suspect(k) {
			return nil
		}
		if !s.handle(ctx, pdu, length) {
			return ctx.Err()
		}
		if len(s.m.handled) >= maxHandled {
			clear(s.m.handled) // then they come twice, and the Inbox knows them
		}
		s.m.handled[k] = true
	}
	_, ok, err := s.try(ctx, "+CMGD="+strconv.Itoa(index))
	if ok {
		delete(s.m.handled, k)
	}
	return err
}

// suspect reports whether a PDU that cannot be read is seen for the first
// time: the line may have done it, or another line came in between, so it
// stays in the modem and is read again. What is the same then is so in the modem.
func (s *session) suspect(k string) bool {
	if s.m.damaged[k] {
		return false
	}
	if len(s.m.damaged) >= maxHandled {
		clear(s.m.damaged)
	}
	s.m.damaged[k] = true
	s.again = true
	s.m.o.Metrics.Noise(1)
	return true
}

// isText reports whether <stat> is a word as in text mode ("REC UNREAD"), and
// no number as in PDU mode. TS 27.005 3.1.
func isText(f []string, i int) bool { return i < len(f) && f[i] != "" && number(f, i) < 0 }

// pduMode sets PDU mode again in a modem that has just answered in text mode:
// what it showed is no message, only what it makes of one.
func (s *session) pduMode(ctx context.Context) error {
	s.again = true
	s.m.log.Warn("modem has forgotten PDU mode")
	return s.need(ctx, "+CMGF=0")
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
			s.m.log.Warn("message cannot be read and is kept as it is", "error", cause1(r.Cause))
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
		s.m.log.Warn("message cannot be read and stays in the modem", "error", cause1(r.Cause))
	}
	return false
}

// cause1 is the kind of fault without what a stranger wrote.
func cause1(err error) error {
	for _, known := range []error{errNobody, ErrPDU, sms.ErrTPDU, sms.ErrAddress, sms.ErrUDH} {
		if errors.Is(err, known) {
			return known
		}
	}
	return err
}
