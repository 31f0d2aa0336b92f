package modem

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// stored fetches a message that was announced by memory and index: +CMGR (TS
// 27.005 4.2).
func (s *session) stored(ctx context.Context, u urc) error {
	index := number(u.args, 1)
	if len(u.args) < 2 || index < 0 || len(u.args[0]) != 2 {
		s.drainAgain = true // "+CMTI: ,-1" of SIM7000: somewhere, something
		return nil
	}
	if ok, err := s.selectMemory(ctx, u.args[0]); err != nil || !ok {
		s.drainAgain = err == nil
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
		s.drainAgain = true // another memory than it says, or already taken
		return nil
	}
	return s.take(ctx, index, pdu, length)
}

// selectMemory makes a memory the one that is read, <mem1>. TS 27.005 3.2.2.
func (s *session) selectMemory(ctx context.Context, mem string) (bool, error) {
	if s.mem == mem {
		return true, nil
	}
	// Some take all three or none; the others stay what they are.
	for _, cmd := range []string{`+CPMS="` + mem + `"`, fmt.Sprintf(`+CPMS="%s","%s","%s"`, mem, s.receiveMem, s.receiveMem)} {
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
	all := s.info.Memories
	if s.info.Indications[3] == 2 {
		all = append(all[:len(all):len(all)], "SR") // status reports that are stored
	}
	s.info.Stored, s.info.Places = 0, 0
	for _, mem := range all {
		if ok, err := s.selectMemory(ctx, mem); err != nil {
			return err
		} else if !ok {
			continue
		}
		if err := s.emptyMemory(ctx, mem); err != nil {
			return err
		}
	}
	s.publish()
	return nil
}

// emptyMemory lists what is in the present memory, +CMGL with <stat> 4 (TS 27.005
// 4.1), and takes it.
func (s *session) emptyMemory(ctx context.Context, mem string) error {
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
		s.info.Stored += max(0, number(f, 1))
		s.info.Places += max(0, number(f, 2))
	}
	return nil
}

func key(mem string, index int, pdu string) string { return fmt.Sprintf("%s %d %s", mem, index, pdu) }

// take stores one message of the present memory and deletes it then, with +CMGD
// (TS 27.005 3.5.4).
func (s *session) take(ctx context.Context, index int, pdu string, length int) error {
	k := key(s.mem, index, pdu)
	if !s.m.handled[k] {
		if _, err := s.m.o.incoming(pdu, length, time.Time{}); err != nil && !errors.Is(err, errNoNumber) && s.suspect(k) {
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
	s.drainAgain = true
	s.m.o.Metrics.Noise(1)
	return true
}

// isText reports whether <stat> is a word as in text mode ("REC UNREAD"), and
// no number as in PDU mode. TS 27.005 3.1.
func isText(f []string, i int) bool { return i < len(f) && f[i] != "" && number(f, i) < 0 }

// pduMode sets PDU mode again in a modem that has just answered in text mode:
// what it showed is no message, only what it makes of one.
func (s *session) pduMode(ctx context.Context) error {
	s.drainAgain = true
	s.m.log.Warn("modem has forgotten PDU mode")
	return s.need(ctx, "+CMGF=0")
}
