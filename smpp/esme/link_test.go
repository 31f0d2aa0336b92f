package esme

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/smpp"
)

// A transmitter and a receiver make one bind; both must be up.
func TestPair(t *testing.T) {
	bubble(t, Options{Mode: Pair, Binds: 2}, nil, func(l *lab) {
		slices.Sort(l.c.binds)
		if got := l.c.binds; !slices.Equal(got, []string{"bind_receiver", "bind_receiver", "bind_transmitter", "bind_transmitter"}) || !l.Attached() {
			t.Errorf("%v, attached %v", got, l.Attached())
		}
		l.want(l.submit(l.Context(), 1), "1", nil)
	})
	bubble(t, Options{Mode: Pair}, func(c *centre) {
		c.bind = func(n int, _ *smpp.Bind) smpp.Status {
			if n%2 == 0 {
				return smpp.RBindFail
			}
			return smpp.ROK
		}
	}, func(l *lab) {
		if l.Attached() {
			t.Error("attached with one of two connections")
		}
		if st := l.Status(); st.Bound != 1 || st.Binds != 2 || st.Fault == "" {
			t.Errorf("%+v", st)
		}
	})
}

// Nobody there, a bind that is refused, one that is never answered: tried
// again with growing pauses, for ever.
func TestReconnect(t *testing.T) {
	refuse := func(st smpp.Status) func(*centre) {
		return func(c *centre) { c.bind = func(int, *smpp.Bind) smpp.Status { return st } }
	}
	for name, tc := range map[string]struct {
		prepare  func(*centre)
		min, max int // attempts in the first 20 seconds
	}{
		"nobody listens":              {func(c *centre) { c.refuse = true }, 5, 8},
		"says nothing":                {func(c *centre) { c.mute = true }, 3, 4},
		"refuses for now":             {refuse(smpp.RAlyBnd), 5, 8},
		"does not know the password":  {refuse(smpp.RInvPaswd), 1, 1},
		"does not know the system_id": {refuse(smpp.RInvSysID), 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Options{BindTimeout: 4 * time.Second}, tc.prepare, func(l *lab) {
				attempts := func() int {
					l.c.mu.Lock()
					defer l.c.mu.Unlock()
					return l.c.dialled
				}
				time.Sleep(20 * time.Second)
				if n := attempts(); n < tc.min || n > tc.max {
					t.Errorf("%d attempts in 20 seconds", n)
				}
				time.Sleep(280 * time.Second)
				if n := attempts(); n < 8 || n > 25 {
					t.Errorf("%d attempts in 5 minutes", n)
				}
				if l.Attached() || l.counts.of("bind failed") < 8 {
					t.Error("not counted")
				}
				l.c.mu.Lock()
				l.c.refuse, l.c.mute, l.c.bind = false, false, nil
				l.c.mu.Unlock()
				time.Sleep(time.Minute)
				l.want(l.submit(l.Context(), 1), "1", nil)
			})
		})
	}
}

// A centre that unbinds gets its answer; we come back.
func TestCentreUnbinds(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		if err := l.c.last().Unbind(l.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		l.want(l.submit(l.Context(), 1), "1", nil)
		if len(l.c.binds) != 2 {
			t.Errorf("%d binds", len(l.c.binds))
		}
	})
}

// Stop waits for the window and for the messages that are being stored, then
// unbinds; Start begins again.
func TestStop(t *testing.T) {
	bubble(t, Options{}, func(c *centre) {
		c.answer = func(int, *smpp.Message) (int, string) { return -1, "" }
	}, func(l *lab) {
		l.in.block = make(chan struct{})
		sent := l.submit(l.Context(), 1)
		stored := make(chan smpp.Status, 1)
		go func() { stored <- l.c.deliver(smpp.DeliverSM, answer()) }()
		synctest.Wait()
		stopped := make(chan error, 1)
		go func() { stopped <- l.Stop(context.Background()) }()
		synctest.Wait()
		if st := l.c.deliver(smpp.DeliverSM, receipt("id:1 stat:DELIVRD")); st != smpp.RxTAppn {
			t.Errorf("a message while stopping: %s", st)
		}
		if _, err := l.Submit(l.Context(), packet(2)); !errors.Is(err, bearer.ErrBusy) {
			t.Errorf("a segment while stopping: %v", err)
		}
		close(l.in.block)
		if st := <-stored; st != smpp.ROK {
			t.Errorf("a message that was being stored: %s", st)
		}
		l.c.asked[0].Reply(smpp.ROK, &smpp.MessageResp{MessageID: "1"})
		l.want(sent, "1", nil)
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if err := l.c.last().Err(); err == nil || err.Error() != "peer has unbound" {
			t.Errorf("the centre saw: %v", err)
		}
		if st := l.Status(); st.State != "stopped" || st.Bound != 0 {
			t.Errorf("%+v", st)
		}
		l.c.mu.Lock()
		l.c.answer = nil
		l.c.mu.Unlock()
		if err := l.Start(l.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		l.want(l.submit(l.Context(), 3), "2", nil)
	})
}

// Stop has a limit: what has no response by then is unknown.
func TestStopInTime(t *testing.T) {
	bubble(t, Options{DrainTimeout: 5 * time.Second}, func(c *centre) {
		c.answer = func(int, *smpp.Message) (int, string) { return -1, "" }
	}, func(l *lab) {
		sent := l.submit(l.Context(), 1)
		began := time.Now()
		l.Stop(context.Background()) // it may say so
		if d := time.Since(began); d > 6*time.Second {
			t.Errorf("took %v", d)
		}
		l.want(sent, "", bearer.ErrUnknown)
	})
}

// Drain waits for the window, keeps the binds, and takes nothing until Resume.
func TestDrain(t *testing.T) {
	bubble(t, Options{Window: 1, ResponseTimeout: time.Hour}, func(c *centre) {
		c.answer = func(int, *smpp.Message) (int, string) { return -1, "" }
	}, func(l *lab) {
		sent, waits := l.submit(l.Context(), 1), l.submit(l.Context(), 2)
		ctx, cancel := context.WithTimeout(l.Context(), time.Second)
		defer cancel()
		if err := l.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("drained with a segment on its way: %v", err)
		}
		l.want(waits, "", errHeld)
		drained := make(chan error, 1)
		go func() { drained <- l.Drain(l.Context()) }()
		synctest.Wait()
		l.c.asked[0].Reply(smpp.ROK, &smpp.MessageResp{MessageID: "1"})
		l.want(sent, "1", nil)
		if err := <-drained; err != nil {
			t.Error(err)
		}
		if st := l.Status(); st.State != "paused" || st.Bound != 1 {
			t.Errorf("%+v", st)
		}
		if st := l.c.deliver(smpp.DeliverSM, answer()); st != smpp.ROK {
			t.Errorf("a message while drained: %s", st)
		}
		l.c.answer = nil
		l.Resume()
		l.want(l.submit(l.Context(), 3), "2", nil)
	})
}
