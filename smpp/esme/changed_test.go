package esme

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/smpp"
)

// Whoever waits for a state is told when it comes and need not ask.
func TestChanged(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		heard := 0
		want := func(when string, states ...string) {
			l.Helper()
			synctest.Wait()
			var got []string
			for _, s := range l.told.since(heard) {
				text := fmt.Sprint(s.State, " ", s.Bound)
				if s.Fault != "" {
					text += " " + s.Fault
				}
				got = append(got, text)
			}
			if heard += len(got); !slices.Equal(got, states) {
				l.Errorf("%s: %q, want %q", when, got, states)
			}
		}
		want("start", "running 0", "running 1")
		l.c.last().Close()
		want("the centre closes", "running 0 peer closed the connection")
		l.c.mu.Lock()
		l.c.bind = func(n int, _ *smpp.Bind) smpp.Status {
			if n == 2 {
				return smpp.RBindFail
			}
			return smpp.ROK
		}
		l.c.mu.Unlock()
		time.Sleep(5 * time.Second)
		want("refused, then bound again", "running 0 bind_transceiver refused: ESME_RBINDFAIL (0x0D): bind failed", "running 1")
		l.Pause()
		want("pause", "paused 1")
		l.Resume()
		want("resume", "running 1")
		if err := l.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		want("stop", "stopping 1", "stopping 0", "stopped 0")
		l.Stop(context.Background())
		want("stop again")
		if err := l.Start(t.Context()); err != nil {
			t.Error(err)
		}
		want("start again", "running 0", "running 1")
	})
}

// With many binds that come and go at once, what was told last is how it is.
func TestChangedLast(t *testing.T) {
	bubble(t, Options{Mode: Pair, Binds: 20}, nil, func(l *lab) {
		last := func() Status { all := l.told.since(0); return all[len(all)-1] }
		for range 20 {
			l.c.mu.Lock()
			sessions := slices.Clone(l.c.sessions)
			l.c.mu.Unlock()
			for _, s := range sessions {
				go s.Close()
			}
			synctest.Wait()
			if s := last(); s != l.Status() || s.Bound != 0 {
				t.Fatalf("told %+v, is %+v", s, l.Status())
			}
			time.Sleep(time.Minute)
			if s := last(); s != l.Status() || s.Bound != 40 {
				t.Fatalf("told %+v, is %+v", s, l.Status())
			}
		}
	})
}
