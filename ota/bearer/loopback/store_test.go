package loopback

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

func submit(t *testing.T, w *world, s bearer.Segment) {
	t.Helper()
	if _, err := w.c.Submit(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

// What is sent to a phone that is off waits for it, until it is too old.
func TestStoreAndForward(t *testing.T) {
	bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
		old, young := seg(alice, "old"), seg(alice, "young")
		old.Validity, young.Validity = 80*time.Second, 10*time.Minute
		old.Report = true
		submit(t, w, old)
		submit(t, w, young)
		time.Sleep(2 * time.Minute)
		if n := w.net.Waiting(alice); n != 1 {
			t.Errorf("%d messages wait, want 1", n)
		}
		p := newPhone(t, w.net, alice, nil)
		synctest.Wait()
		equal(t, "phone", p.texts(), "young")
		if len(w.inbox.got()) != 1 || w.inbox.got()[0].Delivered {
			t.Errorf("reports: %+v, want one of a failure", w.inbox.got())
		}
		if n := w.stored(); n != 0 {
			t.Errorf("%d messages are still counted", n)
		}
	})
}

func TestBounds(t *testing.T) {
	bubble(t, NetworkOptions{MaxPerEndpoint: 2, MaxEndpoints: 3}, func(t *testing.T, w *world) {
		submit(t, w, seg(alice, "1"))
		submit(t, w, seg(alice, "2"))
		if _, err := w.c.Submit(t.Context(), seg(alice, "3")); !errors.Is(err, bearer.ErrBusy) {
			t.Errorf("third message to one phone: %v", err)
		}
		submit(t, w, seg(bob, "1"))
		if _, err := w.c.Submit(t.Context(), seg("41791110003", "1")); !errors.Is(err, bearer.ErrBusy) {
			t.Errorf("message to a fourth number: %v", err)
		}
		if _, err := Attach(t.Context(), pipe(w.net), "41791110003"); !errors.Is(err, ErrAttach) {
			t.Errorf("attach of a fourth number: %v", err)
		}
	})
}

func TestStatusReport(t *testing.T) {
	bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
		newPhone(t, w.net, alice, func(n int) *rp.Message {
			if n == 1 {
				return &rp.Message{Type: rp.AckMO}
			}
			return &rp.Message{Type: rp.ErrorMO, Cause: rp.ProtocolError}
		})
		s := seg(alice, "x")
		s.Report = true
		var ids [2]string
		for i := range ids {
			r, err := w.c.Submit(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			ids[i] = r.MessageID
		}
		synctest.Wait()
		if n := len(w.inbox.got()); n != 2 {
			t.Fatalf("%d reports, want 2", n)
		}
		for _, r := range w.inbox.got() { // handed over side by side, in no order
			if want := ids[0]; r.Dest != alice || r.Delivered != (r.MessageID == want) || !r.Delivered && r.MessageID != ids[1] {
				t.Errorf("report %+v of the messages %s", r, ids)
			}
		}
	})
}

// A phone that cannot take a message now gets it again.
func TestRetry(t *testing.T) {
	busy, err := (&sms.DeliverReport{Failed: true, Cause: 0xD4}).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		answer rp.Message
		again  bool
	}{
		{"memory exceeded", rp.Message{Type: rp.ErrorMO, Cause: rp.MemoryExceeded}, true},
		{"toolkit busy", rp.Message{Type: rp.ErrorMO, Cause: rp.ProtocolError, TPDU: busy}, true},
		{"protocol error", rp.Message{Type: rp.ErrorMO, Cause: rp.ProtocolError}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
				first := func(n int) *rp.Message {
					if n == 1 {
						a := c.answer
						return &a
					}
					return &rp.Message{Type: rp.AckMO}
				}
				p := newPhone(t, w.net, alice, first)
				submit(t, w, seg(alice, "x"))
				synctest.Wait()
				equal(t, "at once", p.texts(), "x")
				time.Sleep(10 * time.Second)
				if got := len(p.texts()) == 2; got != c.again {
					t.Errorf("came again: %v, want %v", got, c.again)
				}
			})
		})
	}
}

// RP-SMMA makes the network try at once.
func TestMemoryAvailable(t *testing.T) {
	bubble(t, NetworkOptions{RetryFirst: time.Hour}, func(t *testing.T, w *world) {
		p := newPhone(t, w.net, alice, func(n int) *rp.Message {
			if n == 1 {
				return &rp.Message{Type: rp.ErrorMO, Cause: rp.MemoryExceeded}
			}
			return &rp.Message{Type: rp.AckMO}
		})
		submit(t, w, seg(alice, "x"))
		synctest.Wait()
		p.link.Queue(&rp.Message{Type: rp.SMMA, Ref: 9})
		p.link.Flush()
		if a := <-p.acks; a.Type != rp.AckMT || a.Ref != 9 {
			t.Errorf("answer to RP-SMMA: %+v", a)
		}
		synctest.Wait()
		equal(t, "phone", p.texts(), "x", "x")
	})
}

// A second attach under the same number replaces the first; what the first
// had not answered goes to the second.
func TestReplaced(t *testing.T) {
	bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
		silent := func(int) *rp.Message { return nil }
		first := newPhone(t, w.net, alice, silent)
		submit(t, w, seg(alice, "1"))
		submit(t, w, seg(alice, "2"))
		synctest.Wait()
		second := newPhone(t, w.net, alice, nil)
		<-first.done
		synctest.Wait()
		equal(t, "first", first.texts(), "1", "2")
		equal(t, "second", second.texts(), "1", "2")
	})
}

// A phone that answers nothing is cut off, and gets its messages at the next attach.
func TestSilentPhone(t *testing.T) {
	bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
		p := newPhone(t, w.net, alice, func(int) *rp.Message { return nil })
		submit(t, w, seg(alice, "x"))
		<-p.done
		if n := w.net.Waiting(alice); n != 1 {
			t.Errorf("%d messages wait, want 1", n)
		}
	})
}

// Nothing is acknowledged before the inbox has it; the network tries again.
func TestInboxRefuses(t *testing.T) {
	bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
		w.inbox.answer = func(n int) error {
			if n < 3 {
				return errors.New("disk is full")
			}
			return nil
		}
		p := newPhone(t, w.net, alice, nil)
		p.send(service, "x")
		synctest.Wait()
		if n := w.net.Waiting(service); n != 1 {
			t.Errorf("%d messages wait after a refusal, want 1", n)
		}
		time.Sleep(time.Minute)
		equal(t, "service", w.inbox.texts(), "x", "x", "x")
		if n := w.net.Waiting(service); n != 0 {
			t.Errorf("%d messages wait, want 0", n)
		}
	})
}

// The client comes back by itself, and what waited for it arrives.
func TestReconnect(t *testing.T) {
	bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
		w.c.session.Load().link.Close()
		synctest.Wait()
		if _, err := w.c.Submit(t.Context(), seg(alice, "x")); !errors.Is(err, bearer.ErrBusy) {
			t.Errorf("Submit while detached: %v", err)
		}
		p := newPhone(t, w.net, alice, nil)
		p.send(service, "waits")
		time.Sleep(time.Second)
		equal(t, "service", w.inbox.texts(), "waits")
		submit(t, w, seg(alice, "again"))
		synctest.Wait()
		equal(t, "phone", p.texts(), "again")
	})
}

// Deliveries reach the inbox side by side, so that their commits can group;
// an inbox that takes its time keeps neither submits nor their answers.
func TestConcurrentDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowInbox{open: make(chan struct{})}
		n := NewNetwork(NetworkOptions{})
		c, err := NewClient(ClientOptions{Dial: pipe(n), Number: service, Inbox: slow, Concurrency: 100})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		p := newPhone(t, n, alice, nil)
		for range 150 {
			p.send(service, "x")
		}
		synctest.Wait()
		if got := slow.inside.Load(); got != 100 {
			t.Errorf("%d deliveries at once, want 100", got)
		}
		if _, err := c.Submit(t.Context(), seg(alice, "y")); err != nil {
			t.Errorf("Submit: %v", err)
		}
		close(slow.open)
		synctest.Wait()
		if n.Waiting(service) != 0 || slow.done.Load() != 150 {
			t.Errorf("%d delivered, %d wait", slow.done.Load(), n.Waiting(service))
		}
		c.Stop()
		n.Close()
	})
}

type slowInbox struct {
	open         chan struct{}
	inside, done atomic.Int32
}

func (s *slowInbox) Deliver(context.Context, bearer.MO) error {
	s.inside.Add(1)
	<-s.open
	s.inside.Add(-1)
	s.done.Add(1)
	return nil
}

func (s *slowInbox) Report(context.Context, bearer.Report) error { return nil }

// A phone that does not read is cut off and hinders nobody for long.
func TestPeerThatDoesNotRead(t *testing.T) {
	bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
		a, b := net.Pipe()
		w.net.Serve(b)
		go a.Write(appendAttach(nil, alice)) // and then reads nothing, not even the answer
		time.Sleep(writeTimeout + time.Second)
		if w.net.Attached(alice) {
			t.Error("it is still attached")
		}
		a.Close()
	})
}
