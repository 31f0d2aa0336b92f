package esme

import (
	"context"
	"crypto/tls"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/smpp"
)

// half is the session of the centre that is bound in one way.
func (c *centre) half(t *testing.T, cmd string) *smpp.Session {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, b := range c.binds {
		if b == cmd {
			return c.boundOn[i]
		}
	}
	t.Fatalf("no %s in %v", cmd, c.binds)
	return nil
}

// One half of a pair dies: the other goes on with what it can do, and the
// half that died comes back alone.
func TestHalfOfAPairDies(t *testing.T) {
	for _, dead := range []string{"bind_transmitter", "bind_receiver"} {
		bubble(t, Options{Mode: Pair}, nil, func(l *lab) {
			l.c.half(l.T, dead).Close()
			synctest.Wait()
			if l.Attached() {
				t.Errorf("%s is gone and it is attached", dead)
			}
			if dead == "bind_transmitter" {
				l.want(l.submit(l.Context(), 1), "", errNotBound)
				o, err := l.c.half(l.T, "bind_receiver").Do(l.Context(), smpp.DeliverSM, answer())
				if err != nil || o.Status != smpp.ROK || len(l.in.mos) != 1 {
					t.Errorf("a message without a transmitter: %+v, %v", o, err)
				}
			} else {
				l.want(l.submit(l.Context(), 1), "1", nil)
			}
			time.Sleep(2 * time.Second)
			if !l.Attached() || len(l.c.binds) != 3 || l.c.binds[2] != dead {
				t.Errorf("binds %v", l.c.binds)
			}
			l.want(l.submit(l.Context(), 2), map[string]string{"bind_transmitter": "1", "bind_receiver": "2"}[dead], nil)
		})
	}
}

// Nothing leaves before the bind is answered.
func TestNothingBeforeTheBind(t *testing.T) {
	bubble(t, Options{}, func(c *centre) {
		c.bind = func(int, *smpp.Bind) smpp.Status {
			time.Sleep(3 * time.Second)
			return smpp.ROK
		}
	}, func(l *lab) {
		l.want(l.submit(l.Context(), 1), "", bearer.ErrBusy)
		if l.Attached() || l.Status().Bound != 0 {
			t.Errorf("bound before the response: %+v", l.Status())
		}
		time.Sleep(4 * time.Second)
		l.want(l.submit(l.Context(), 2), "1", nil)
	})
}

// A whole window is refused with ESME_RINVBNDSTS: one unbind, one new bind,
// and all goes out there.
func TestWindowOfWrongState(t *testing.T) {
	bubble(t, Options{Window: 4}, func(c *centre) {
		c.answer = func(n int, _ *smpp.Message) (int, string) {
			if n <= 4 {
				return int(smpp.RInvBndSts), ""
			}
			return 0, "x"
		}
	}, func(l *lab) {
		began := time.Now()
		l.Pause() // so that the four go out together
		l.q.set(func(q *queue) { q.held = false; q.until = time.Now().Add(time.Second) })
		var chs []chan result
		for id := range int64(4) {
			chs = append(chs, l.submit(l.Context(), id+1))
		}
		time.AfterFunc(time.Second, l.q.wakePumps)
		for _, ch := range chs {
			if r := <-ch; r.err != nil && !strings.Contains(r.err.Error(), errNotBound.Error()) {
				t.Error(r.err)
			}
		}
		time.Sleep(time.Second)
		if d := time.Since(began); !l.Attached() || d > 5*time.Second || len(l.c.binds) != 2 {
			t.Errorf("%v after %v: binds %v", l.Status(), d, l.c.binds)
		}
	})
}

// A centre that takes the connection and never shakes hands is left in time.
func TestSilentHandshake(t *testing.T) {
	bubble(t, Options{DialTimeout: 3 * time.Second, TLS: &tls.Config{ServerName: "x"}}, func(c *centre) { c.mute = true }, func(l *lab) {
		time.Sleep(4 * time.Second)
		if f := l.Status().Fault; !strings.HasPrefix(f, "TLS: ") {
			t.Errorf("fault %q", f)
		}
		if err := l.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
}
