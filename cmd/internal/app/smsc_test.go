package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/smpp"
	"github.com/simsign/simsign/smpp/esme"
)

// noInbox wants nothing.
type noInbox struct{}

func (noInbox) Deliver(context.Context, bearer.MO) error    { return nil }
func (noInbox) Report(context.Context, bearer.Report) error { return nil }

// An operator who stops a slow centre is obeyed for as long as he says: the
// window is empty before the bind goes.
func TestStopWaitsAsLongAsTold(t *testing.T) {
	for name, tc := range map[string]struct {
		wait time.Duration
		err  error
	}{
		"long enough": {30 * time.Second, nil},
		"too short":   {5 * time.Second, bearer.ErrUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := esme.New(esme.Options{
					Name: "north", Bind: smpp.Bind{SystemID: "x"}, Inbox: noInbox{},
					Dial: func(context.Context) (net.Conn, error) {
						a, b := net.Pipe()
						smpp.NewSession(b, smpp.Options{Handler: smpp.HandlerFunc(func(ctx context.Context, r *smpp.Request) {
							if r.Command == smpp.SubmitSM {
								time.Sleep(20 * time.Second)
							}
							r.Reply(smpp.ROK, nil) // the peer may be gone
						})})
						return a, nil
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				sent := make(chan error, 1)
				go func() {
					_, err := s.Submit(t.Context(), bearer.Segment{ID: 1, Dest: "41790000001", UD: []byte("x")})
					sent <- err
				}()
				synctest.Wait()
				o := centres{b: &bearers{smscs: []*smppBearer{{Client: s}}}, log: slog.New(slog.DiscardHandler)}
				st, err := o.Order(t.Context(), "north", "stop", tc.wait)
				if (err == nil) != (tc.err == nil) || st.State != "stopped" {
					t.Errorf("stop: %+v, %v", st, err)
				}
				if err := <-sent; !errors.Is(err, tc.err) {
					t.Errorf("the segment under way: %v", err)
				}
				if st, err := o.Order(t.Context(), "north", "start", time.Second); err != nil || st.State != "running" {
					t.Errorf("start: %+v, %v", st, err)
				}
				if err := s.Stop(t.Context()); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Minute) // what the centre still sleeps
			})
		})
	}
}

// The self-check is asked for when a bearer loses its last bind or has one
// again, and not for anything less.
func TestBearerAsksForCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var sessions []*smpp.Session
		dial := func(context.Context) (net.Conn, error) {
			a, b := net.Pipe()
			mu.Lock()
			defer mu.Unlock()
			sessions = append(sessions, smpp.NewSession(b, smpp.Options{Handler: smpp.HandlerFunc(func(_ context.Context, r *smpp.Request) {
				r.Reply(smpp.ROK, nil)
			})}))
			return a, nil
		}
		var asked atomic.Int64
		c := &smppBearer{}
		var err error
		c.Client, err = esme.New(esme.Options{
			Name: "north", Bind: smpp.Bind{SystemID: "x"}, Inbox: noInbox{}, Binds: 2, Dial: dial,
			Changed: func(esme.Status) { c.watch.changed(c.Fault(), func() { asked.Add(1) }) },
		})
		if err != nil {
			t.Fatal(err)
		}
		want := func(when string, n int64) {
			t.Helper()
			synctest.Wait()
			if asked.Load() != n {
				t.Errorf("%s: asked %d times, want %d", when, asked.Load(), n)
			}
		}
		if err := c.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		want("started, then bound", 2)
		all := func() []*smpp.Session {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(sessions)
		}
		all()[0].Close()
		want("one of two binds is gone", 2)
		time.Sleep(time.Minute)
		want("and is back", 2)
		for _, s := range all() {
			s.Close()
		}
		want("no bind is left", 3)
		time.Sleep(time.Minute)
		want("bound again", 4)
		c.Pause()
		if err := c.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		want("stopped by an operator", 4)
	})
}
