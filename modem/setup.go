package modem

import (
	"context"
	"fmt"
	"time"
)

// setUp chooses PDU mode (TS 27.005 3.2.3), memories and indications.
func (s *session) setUp(ctx context.Context) error {
	if err := s.need(ctx, "+CMGF=0"); err != nil {
		return err
	}
	// Phase 2 without acknowledgements (TS 27.005 3.2.1): with them (1) a modem
	// that waits for +CNMA in vain turns its indications off (TS 27.005 3.4.4).
	// +CMMS=2 keeps the link between segments (TS 27.005 3.5.6).
	for _, cmd := range []string{"+CSMS=0", "+CREG=1", "+CEREG=1", "+CMMS=2"} {
		if _, _, err := s.try(ctx, cmd); err != nil {
			return err
		}
	}
	if err := s.memories(ctx); err != nil {
		return err
	}
	lines, _, err := s.try(ctx, "+CNMI=?")
	if err != nil {
		return err
	}
	var can [][]string
	for _, l := range lines {
		can = choices(l)
	}
	s.info.Polling = true
	for _, v := range indicationsOf(can) {
		_, ok, err := s.try(ctx, "+CNMI="+cnmi(v))
		if err != nil {
			return err
		}
		if ok {
			s.info.Indications, s.info.Polling, s.info.Reports = v, false, v[3] != 0
			break
		}
	}
	if s.info.Polling {
		s.m.log.Warn("modem takes no setting of +CNMI: messages are found by looking, status reports not at all")
	}
	return s.centre(ctx)
}

// memories chooses where messages are stored, and which are emptied. TS 27.005
// 3.2.2.
func (s *session) memories(ctx context.Context) error {
	lines, _, err := s.try(ctx, "+CPMS=?")
	if err != nil {
		return err
	}
	var can [][]string
	for _, l := range lines {
		can = choices(l)
	}
	empty, receive := memoriesOf(can)
	s.info.Memories = empty
	for _, cmd := range []string{
		fmt.Sprintf(`+CPMS="%s","%s","%s"`, receive, receive, receive),
		fmt.Sprintf(`+CPMS="%s","%s"`, receive, receive),
		fmt.Sprintf(`+CPMS="%s"`, receive),
	} {
		_, ok, err := s.try(ctx, cmd)
		if err != nil {
			return err
		}
		if ok {
			s.mem, s.receiveMem = receive, receive
			return nil
		}
	}
	s.m.log.Warn("modem takes no setting of +CPMS: only the memory that it has chosen is read")
	s.mem, s.info.Memories = receive, []string{receive}
	return nil
}

// centre looks whether the SIM knows its service centre (TS 27.005 3.3.1).
func (s *session) centre(ctx context.Context) error {
	lines, ok, err := s.try(ctx, "+CSCA?")
	if err != nil || !ok {
		return err
	}
	for _, l := range lines {
		s.info.SMSC = fields(l)[0]
	}
	switch {
	case s.info.SMSC != "":
	case s.m.o.SMSC == "":
		s.m.log.Warn("SIM has no address of a service centre: set smsc")
	default:
		if _, ok, err = s.try(ctx, `+CSCA="+`+s.m.o.SMSC+`",145`); ok {
			s.info.SMSC = "+" + s.m.o.SMSC
		}
	}
	return err
}

// refresh asks for everything that changes: registration (TS 27.007 7.2, TS 27.007
// 10.1.22), signal (TS 27.007 8.5), operator (TS 27.007 7.3).
func (s *session) refresh(ctx context.Context) error {
	c := &s.info
	for _, cmd := range []string{"+CREG?", "+CEREG?"} {
		lines, ok, err := s.try(ctx, cmd)
		if err != nil {
			return err
		}
		for _, l := range lines {
			c.Registration = number(fields(l), 1)
		}
		if c.Registered, _ = registration(c.Registration); ok && c.Registered {
			break
		}
	}
	lines, _, err := s.try(ctx, "+CSQ")
	if err != nil {
		return err
	}
	for _, l := range lines {
		c.Signal = signal(number(fields(l), 0))
	}
	if lines, _, err = s.try(ctx, "+COPS?"); err != nil {
		return err
	}
	for _, l := range lines {
		c.Operator = ""
		if f := fields(l); len(f) > 2 {
			c.Operator = f[2][:min(len(f[2]), 40)]
		}
	}
	s.publish()
	return s.network()
}

// network notes whether there is one; without for too long, the session ends.
func (s *session) network() error {
	now := time.Now()
	switch since := s.m.since; {
	case s.info.Registered && !since.IsZero():
		s.m.since = time.Time{}
		s.m.log.Info("modem is in a network again", "operator", s.info.Operator)
	case s.info.Registered:
	case since.IsZero():
		_, words := registration(s.info.Registration)
		s.m.since = now
		s.m.log.Warn("modem is in no network", "state", words, "signal", s.info.Signal)
	case now.Sub(since) > s.m.o.Unregistered:
		s.m.since = now
		return fmt.Errorf("%w: no network for %v", ErrRefuses, s.m.o.Unregistered)
	}
	return nil
}

// poll is the periodic look: indications can be lost, and modems forget
// their settings without a word.
func (s *session) poll(ctx context.Context) error {
	if err := s.refresh(ctx); err != nil {
		return err
	}
	if err := s.restoreSettings(ctx); err != nil {
		return err
	}
	if err := s.retryHeld(ctx); err != nil {
		return err
	}
	return s.drain(ctx)
}

// restoreSettings sets PDU mode and indications again where the modem has lost them.
func (s *session) restoreSettings(ctx context.Context) error {
	if lines, ok, err := s.try(ctx, "+CMGF?"); err != nil {
		return err
	} else if ok && len(lines) > 0 && number(fields(lines[0]), 0) == 1 {
		s.m.log.Warn("modem has forgotten PDU mode")
		if err := s.need(ctx, "+CMGF=0"); err != nil {
			return err
		}
	}
	if s.info.Polling {
		return nil
	}
	lines, ok, err := s.try(ctx, "+CNMI?")
	if err != nil || !ok || len(lines) == 0 {
		return err
	}
	f, want := fields(lines[len(lines)-1]), s.info.Indications
	for i, v := range want[:4] {
		if number(f, i) == v {
			continue
		}
		s.m.o.Metrics.IndicationsLost()
		s.m.log.Warn("modem has forgotten how to announce messages", "found", fmt.Sprintf("%.20q", f))
		_, _, err := s.try(ctx, "+CNMI="+cnmi(want))
		return err
	}
	return nil
}
