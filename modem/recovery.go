package modem

import (
	"context"
	"errors"
	"time"
)

// run runs sessions until ctx ends.
func (m *Modem) run(ctx context.Context) {
	failures, useless, unserving := 0, 0, 0
	for {
		s := &session{m: m, recovery: recoveryAfter(useless)}
		began := time.Now()
		err := s.run(ctx)
		m.close()
		m.save()
		if ctx.Err() != nil {
			m.enter(Stopped, "")
			return
		}
		// A modem that worked and was unplugged, or has restarted, is in order.
		if s.worked && (time.Since(began) > time.Minute || errors.Is(err, errPort) || errors.Is(err, ErrReboot)) {
			failures, useless = 0, 0
		}
		failures++
		switch {
		case s.worked && errors.Is(err, ErrRefuses): // no network, or nothing goes out
			useless = firstReset + 2*(unserving%2)
			unserving++
		case s.opened && !errors.Is(err, ErrPIN) && !errors.Is(err, errPort):
			useless++
		}
		m.o.Metrics.SessionEnd(endReason(err))
		m.fault(err)
		pause := min(m.o.RetryFirst<<min(failures-1, 10), m.o.RetryMost)
		if errors.Is(err, errReset) {
			pause = m.o.ResetPause
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
	}
}

// save stores the state when it has changed.
func (m *Modem) save() {
	if err := m.state.save(); err != nil {
		m.log.Error("state of the modem is not kept", "error", err)
	}
}

// recovery is what a session begins with.
type recovery byte

const (
	reopen recovery = iota
	softReset
	hardReset
)

// errReset ends the session that has reset the modem.
var errReset = errors.New("modem was reset")

// firstReset is how many sessions in a row may fail before the modem is reset.
const firstReset = 3

// recoveryAfter is what to do after so many sessions in a row that had a port and no
// luck: open it again, then in turn switch the radio off and on and restart
// the modem, each followed by a session without.
func recoveryAfter(useless int) recovery {
	if useless < firstReset {
		return reopen
	}
	return [4]recovery{softReset, reopen, hardReset, reopen}[(useless-firstReset)%4]
}
