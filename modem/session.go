package modem

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// session is one opening of the port, from the first AT to the end.
type session struct {
	m           *Modem
	recovery    recovery
	l           *link
	info        Info
	mem         string // the memory that +CMGL, +CMGR and +CMGD mean; "" not known
	receiveMem  string // the memory for new messages, as +CPMS took it
	opened      bool   // the port could be opened
	worked      bool   // it came to serving
	failedSends int    // submissions in a row that failed for no fault of theirs
	drainAgain  bool   // look at the memories at the next chance
}

func (s *session) run(ctx context.Context) error {
	s.m.enter(Starting, "")
	port, err := s.m.o.Open()
	if err != nil {
		return err
	}
	s.opened = true
	s.l = newLink(port, linkOptions{
		write: s.m.o.CommandTimeout, prompt: s.m.o.PromptTimeout,
		noise: s.m.o.Metrics.Noise,
	})
	defer func() {
		if !s.l.close() {
			s.m.o.Metrics.PortStranded()
			s.m.log.Error("the driver does not give the port back: unplug the modem or restart the program")
		}
		s.deliverPending(ctx)
	}()
	if err := s.l.synchronize(ctx); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	s.worked = true
	s.publish()
	s.m.mu.Lock()
	s.m.open = true
	s.m.mu.Unlock()
	s.m.enter(Working, "")
	s.m.log.Info("modem works", "manufacturer", s.info.Manufacturer, "model", s.info.Model, "operator", s.info.Operator,
		"iccid", s.info.ICCID, "registered", s.info.Registered, "indications", cnmi(s.info.Indications))
	return s.serve(ctx)
}

// publish shows the Info to others.
func (s *session) publish() {
	s.m.mu.Lock()
	s.m.info = s.info
	s.m.mu.Unlock()
	s.m.changed()
}

// ask runs a command. Its error is an *Error, or the link has ended.
func (s *session) ask(ctx context.Context, cmd string) ([]string, error) {
	return s.l.command(ctx, cmd, s.m.o.CommandTimeout)
}

// try is ask for what a modem may refuse; its error means that the link has ended.
func (s *session) try(ctx context.Context, cmd string) ([]string, bool, error) {
	lines, err := s.ask(ctx, cmd)
	var refused *Error
	if errors.As(err, &refused) {
		return nil, false, nil
	}
	return lines, err == nil, err
}

// need is ask for what must work.
func (s *session) need(ctx context.Context, cmd string) error {
	_, err := s.ask(ctx, cmd)
	var refused *Error
	if errors.As(err, &refused) {
		return fmt.Errorf("%w: %w", ErrRefuses, err)
	}
	return err
}

// start finds out what is there and sets it up.
func (s *session) start(ctx context.Context) error {
	for _, f := range []func(context.Context) error{
		s.reset, s.identify, s.unlock, s.setUp, s.refresh, s.settle, s.drain,
	} {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

// settle is a moment without a command: where a late final code has been taken
// for that of the first one, the last one comes now, and ends the session
// before a message is deleted for the answer to another command.
func (s *session) settle(ctx context.Context) error { return s.rest(ctx, 100*time.Millisecond) }

// reset does what the recovery asks for, with +CFUN (TS 27.007 8.2). After a hard reset the port may be another one.
func (s *session) reset(ctx context.Context) error {
	switch s.recovery {
	case softReset:
		s.m.o.Metrics.Reset("soft")
		s.m.log.Warn("turning the radio of the modem off and on")
		for _, cmd := range []string{"+CFUN=0", "+CFUN=1"} {
			if _, err := s.l.command(ctx, cmd, 3*s.m.o.CommandTimeout); err != nil && s.l.cause() != nil {
				return err
			}
		}
	case hardReset:
		s.m.o.Metrics.Reset("hard")
		s.m.log.Warn("restarting the modem")
		s.l.command(ctx, "+CFUN=1,1", s.m.o.CommandTimeout) // it may be gone before it answers
		return errReset
	}
	return nil
}

// identify asks who is there (TS 27.007 5.1 to 5.4), with numbers for errors (TS
// 27.007 9.1). A modem that will not say may still work.
func (s *session) identify(ctx context.Context) error {
	s.info.Registration, s.info.PINTries = -1, -1
	if _, _, err := s.try(ctx, "+CMEE=1"); err != nil {
		return err
	}
	for _, q := range []struct {
		cmd string
		to  *string
	}{
		{"+CGMI", &s.info.Manufacturer},
		{"+CGMM", &s.info.Model},
		{"+CGMR", &s.info.Revision},
		{"+CGSN", &s.info.IMEI},
	} {
		lines, _, err := s.try(ctx, q.cmd)
		if err != nil {
			return err
		}
		if len(lines) > 0 {
			v := strings.TrimSpace(strings.TrimPrefix(lines[0], q.cmd+":"))
			*q.to = strings.Trim(v[:min(len(v), 60)], `" `)
		}
	}
	if strings.Contains(strings.ToLower(s.info.Manufacturer), "huawei") {
		if _, _, err := s.try(ctx, "^CURC=0"); err != nil { // no ^RSSI every few seconds
			return err
		}
	}
	// EF ICCID can be read before the PIN (TS 102 221 13.2), with +CRSM where
	// the modem has no command of its own (TS 27.007 8.18).
	for _, cmd := range []string{"+CCID", "+QCCID", "^ICCID?", "+CICCID", "+ICCID", "+CRSM=176,12258,0,0,10"} {
		lines, ok, err := s.try(ctx, cmd)
		if err != nil {
			return err
		}
		if ok && strings.HasPrefix(cmd, "+CRSM") {
			s.info.ICCID = iccidOf(lines)
		} else if ok {
			s.info.ICCID = iccidIn(lines)
		}
		if s.info.ICCID != "" {
			break
		}
	}
	s.publish()
	return nil
}

// unlock enters the PIN where the SIM wants one (TS 27.007 8.3): once. The attempt is noted
// durably before it is made, and only success takes the note away, so that no
// number of restarts brings the SIM to its PUK.
func (s *session) unlock(ctx context.Context) error {
	lock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	pins := s.m.o.PINs
	switch {
	case lock == "READY":
		return pins.ready(&s.info)
	case lock == "":
		return nil // the modem does not say; what follows will
	case strings.HasPrefix(lock, "NOT "): // NOT READY, NOT INSERTED: in the words of some vendors
		return fmt.Errorf("%w: the SIM is %s", ErrRefuses, strings.ToLower(lock))
	case lock != "SIM PIN":
		return fmt.Errorf("%w: it wants %s; enter it by hand", ErrPIN, lock)
	case s.m.o.PIN == "":
		return fmt.Errorf("%w: none is configured (pin_file; for a probe --pin-file)", ErrPIN)
	case !pins.tried(&s.info).IsZero():
		return fmt.Errorf("%w: one was tried at %s without success; unlock the SIM by hand (simsign modem probe --pin-file)",
			ErrPIN, pins.tried(&s.info).UTC().Format(time.RFC3339))
	}
	if lines, ok, err := s.try(ctx, "+CPINR"); err != nil {
		return err
	} else if ok {
		s.info.PINTries = triesIn(lines)
	}
	if n := s.info.PINTries; n >= 0 && n < 2 {
		return fmt.Errorf("%w: only %d attempts are left; enter it by hand", ErrPIN, n)
	}
	if err := pins.note(&s.info, s.m.o.Clock()); err != nil {
		return fmt.Errorf("%w: that it was tried cannot be noted: %w", ErrPIN, err)
	}
	var refused *Error
	if _, err := s.ask(ctx, `+CPIN="`+s.m.o.PIN+`"`); errors.As(err, &refused) {
		s.m.log.Error("the SIM has refused its PIN; it is not tried again", "iccid", s.info.ICCID)
		left := ""
		if s.info.PINTries > 0 {
			left = fmt.Sprintf("; it had %d attempts left before", s.info.PINTries)
		}
		return fmt.Errorf("%w: it was refused: %w%s", ErrPIN, refused, left)
	} else if err != nil {
		return err
	}
	// The SIM takes a moment to become ready.
	for range 10 {
		if lock, err = s.lock(ctx); err != nil {
			return err
		}
		if lock == "READY" {
			return pins.ready(&s.info)
		}
		if err := s.rest(ctx, time.Second); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: after the PIN it wants %s", ErrPIN, lock)
}

// busySIM is how many seconds a SIM may be busy after the modem has started.
const busySIM = 10

// lock is what the SIM waits for; "" when the modem does not say, twice. 10, 13,
// 14 and 15 are errors about a SIM that is missing, failed, busy or wrong. TS
// 27.007 9.2.1.
func (s *session) lock(ctx context.Context) (string, error) {
	for try := 0; ; try++ {
		lines, err := s.ask(ctx, "+CPIN?")
		var refused *Error
		if !errors.As(err, &refused) {
			for _, l := range lines {
				s.info.Lock = fields(l)[0]
			}
			return s.info.Lock, err
		}
		switch code := refused.Code; {
		case code == 10:
			return "", fmt.Errorf("%w: no SIM is inserted", ErrRefuses)
		case code == 13 || code == 15 || code == 14 && try >= busySIM:
			return "", fmt.Errorf("%w: the SIM is not ready: %w", ErrRefuses, err)
		case code != 14 && try > 0:
			return "", nil
		}
		if err := s.rest(ctx, time.Second); err != nil {
			return "", err
		}
	}
}

// triesIn reads "+CPINR: SIM PIN,3,3"; -1: not there. TS 27.007 8.65.
func triesIn(lines []string) int {
	for _, l := range lines {
		if f := fields(l); f[0] == "SIM PIN" {
			return number(f, 1)
		}
	}
	return -1
}

// rest waits, unless the link ends before.
func (s *session) rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-s.l.dead:
		return s.l.cause()
	case <-ctx.Done():
		return ctx.Err()
	}
}
