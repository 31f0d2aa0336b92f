package loopback

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// What holds when nobody says otherwise.
func TestDefaults(t *testing.T) {
	o := NewNetwork(NetworkOptions{}).o
	if o.MaxEndpoints != 10_000 || o.MaxStored != 20_000 || o.MaxPerEndpoint != 1_000 || o.Validity != 24*time.Hour ||
		o.RetryFirst != 2*time.Second || o.RetryMost != 5*time.Minute || o.AnswerTimeout != 2*time.Minute {
		t.Errorf("%+v", o)
	}
	c, err := NewClient(ClientOptions{Dial: TCP("127.0.0.1:1"), Number: service, Inbox: &inbox{}})
	if err != nil || c.Name() != "loopback" || c.o.Concurrency != 256 || c.o.AnswerTimeout != 30*time.Second || c.o.RetryMost != 10*time.Second {
		t.Errorf("%+v, %v", c.o, err)
	}
}

// A phone that is full is tried after 2 s and then twice as long each time, 5
// minutes at most, until the message is too old; then the sender hears of it.
func TestRetryTimes(t *testing.T) {
	bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
		start := time.Now()
		var at []time.Duration
		newPhone(t, w.net, alice, func(int) *rp.Message {
			at = append(at, time.Since(start))
			return &rp.Message{Type: rp.ErrorMO, Cause: rp.MemoryExceeded}
		})
		s := seg(alice, "x")
		s.Report, s.Validity = true, 20*time.Minute
		submit(t, w, s)
		var want []time.Duration
		for next, wait := time.Duration(0), 2*time.Second; next < 20*time.Minute; wait = min(2*wait, 5*time.Minute) {
			want = append(want, next)
			next += wait
		}
		time.Sleep(20*time.Minute - time.Second)
		if len(w.inbox.got()) != 0 || w.net.Waiting(alice) != 1 {
			t.Errorf("a second before its end: reports %+v, %d wait", w.inbox.got(), w.net.Waiting(alice))
		}
		time.Sleep(2 * time.Second)
		if r := w.inbox.got(); len(r) != 1 || r[0].Cause != "TP-ST 46" || w.net.Waiting(alice) != 0 {
			t.Errorf("after its end: reports %+v, %d wait", r, w.net.Waiting(alice))
		}
		if !slices.Equal(at, want) {
			t.Errorf("tried after %v, want %v", at, want)
		}
	})
}

// Until when a message is kept: as long as its sender says, in each format of
// TP-VP (TS 23.040 9.2.3.12), or as long as the network keeps any.
func TestKeptUntil(t *testing.T) {
	for name, tc := range map[string]struct {
		v    sms.Validity
		want time.Duration
	}{
		"nothing said": {sms.Validity{}, 24 * time.Hour},
		"relative":     {sms.Validity{Format: sms.ValidityRelative, Relative: 1}, 10 * time.Minute},
		"seconds":      {sms.Validity{Format: sms.ValidityEnhanced, Enhanced: [7]byte{2, 90}}, 90 * time.Second},
		"no seconds":   {sms.Validity{Format: sms.ValidityEnhanced, Enhanced: [7]byte{2, 0}}, 24 * time.Hour},
		"absolute":     {sms.Validity{Format: sms.ValidityAbsolute, Absolute: sms.Timestamp{0x00, 0x10, 0x10, 0x10}}, time.Hour},
		"no such time": {sms.Validity{Format: sms.ValidityAbsolute, Absolute: sms.Timestamp{0xFF}}, 24 * time.Hour},
	} {
		bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
			p := newPhone(t, w.net, bob, nil)
			s := sms.Submit{Destination: addressOf(alice), DCS: sms.DCS8Bit, UD: []byte("x"), Validity: tc.v}
			if a := p.submit(s); a.Type != rp.AckMT {
				t.Fatalf("%s: %+v", name, a)
			}
			time.Sleep(tc.want - time.Millisecond)
			if w.net.Waiting(alice) != 1 {
				t.Errorf("%s: given up before %s", name, tc.want)
			}
			time.Sleep(tickFloor + time.Millisecond)
			if w.net.Waiting(alice) != 0 {
				t.Errorf("%s: kept for longer than %s", name, tc.want)
			}
		})
	}
}

// What a phone had not answered comes again in the order in which it was
// accepted, whatever references it had.
func TestOrderAfterReattach(t *testing.T) {
	bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
		first := newPhone(t, w.net, alice, func(int) *rp.Message { return nil })
		for i := range 5 {
			if i == 3 { // the reference of the second is free for the fourth
				first.link.Queue(&rp.Message{Type: rp.AckMO, Ref: 1})
				first.link.Flush()
				synctest.Wait()
			}
			submit(t, w, seg(alice, fmt.Sprint(i+1)))
			synctest.Wait()
		}
		equal(t, "first", first.texts(), "1", "2", "3", "4", "5")
		second := newPhone(t, w.net, alice, nil)
		synctest.Wait()
		equal(t, "second", second.texts(), "1", "3", "4", "5")
		if w.stored() != 0 {
			t.Errorf("%d messages are still counted", w.stored())
		}
	})
}

// What comes while an earlier message waits for a phone that was full waits
// behind it.
func TestOrderBehindHeld(t *testing.T) {
	bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
		p := newPhone(t, w.net, alice, func(k int) *rp.Message {
			if k == 1 {
				return &rp.Message{Type: rp.ErrorMO, Cause: rp.MemoryExceeded}
			}
			return &rp.Message{Type: rp.AckMO}
		})
		submit(t, w, seg(alice, "1"))
		synctest.Wait()
		submit(t, w, seg(alice, "2"))
		synctest.Wait()
		equal(t, "at once", p.texts(), "1")
		time.Sleep(3 * time.Second)
		equal(t, "later", p.texts(), "1", "1", "2")
	})
}

// A phone that has 256 messages unanswered gets no more until it answers, and
// is cut off after two minutes; one that answers all stays for ever.
func TestUnanswered(t *testing.T) {
	bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
		p := newPhone(t, w.net, alice, func(int) *rp.Message { return nil })
		good := newPhone(t, w.net, bob, nil)
		for i := range 300 {
			submit(t, w, seg(alice, fmt.Sprint(i)))
		}
		submit(t, w, seg(bob, "x"))
		synctest.Wait()
		if n := len(p.texts()); n != 256 || w.net.Waiting(alice) != 300 {
			t.Errorf("%d messages are with the phone, %d wait", n, w.net.Waiting(alice))
		}
		time.Sleep(2*time.Minute - time.Second)
		if !w.net.Attached(alice) {
			t.Error("cut off before two minutes have passed")
		}
		time.Sleep(2 * time.Second)
		if w.net.Attached(alice) || w.net.Waiting(alice) != 300 {
			t.Errorf("attached %v, %d messages wait", w.net.Attached(alice), w.net.Waiting(alice))
		}
		time.Sleep(12 * time.Hour)
		submit(t, w, seg(bob, "y"))
		synctest.Wait()
		equal(t, "the other", good.texts(), "x", "y")
	})
}

// A segment that nobody answers costs the client its link, after 30 s and a
// quarter at most; the answer is unknown.
func TestClientUnanswered(t *testing.T) {
	bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
		w.net.SetFaults(service, FromEndpoint, Fault{Nth: 2, Action: Unanswered})
		submit(t, w, seg(alice, "1"))
		time.Sleep(time.Hour)
		s := w.c.session.Load()
		began := time.Now()
		_, err := w.c.Submit(t.Context(), seg(alice, "2"))
		if took := time.Since(began); err == nil || took < 30*time.Second || took > 38*time.Second {
			t.Errorf("%v after %s", err, took)
		}
		time.Sleep(time.Second)
		if now := w.c.session.Load(); now == nil || now == s {
			t.Error("there is no new link")
		}
		submit(t, w, seg(alice, "3"))
	})
}

// So many connections at once and no more: those that hold a number, and 64.
func TestConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork(NetworkOptions{MaxEndpoints: 2})
		var conns []net.Conn
		for range 67 {
			a, b := net.Pipe()
			n.Serve(b)
			conns = append(conns, a)
		}
		synctest.Wait()
		for i, c := range conns {
			c.SetReadDeadline(time.Now().Add(-1))
			_, err := c.Read(make([]byte, 1))
			if refused := err != nil && !isTimeout(err); refused != (i == 66) {
				t.Errorf("connection %d: %v", i+1, err)
			}
		}
		time.Sleep(attachTimeout + time.Second)
		n.mu.Lock()
		left := len(n.conns)
		n.mu.Unlock()
		if left != 0 {
			t.Errorf("%d connections that said nothing are still there", left)
		}
		a := attachRaw(t, n, alice)
		time.Sleep(time.Hour)
		if !n.Attached(alice) {
			t.Error("an attached phone that says nothing is cut off")
		}
		a.conn.Close()
		n.Close()
		c, d := net.Pipe()
		n.Serve(d)
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a network that is closed serves")
		}
	})
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

// A centre and a network that is full, or loses the centre while a message is
// on its way to it.
func TestCentreBounds(t *testing.T) {
	withCentre(t, NetworkOptions{MaxStored: 1, Known: func(n sms.MSISDN) bool { return n != bob }}, func(t *testing.T, n *Network, c *centre) {
		p := newPhone(t, n, alice, func(int) *rp.Message { return nil })
		c.take()
		c.forward(n, alice, "kept")
		c.forward(n, alice, "no room")
		c.forward(n, bob, "nobody")
		equal(t, "full", c.take(), "no room: 2 cause 42", "nobody: 2 cause 42")
		if a := p.send("1234", "no room"); a.Cause != rp.Congestion {
			t.Errorf("answer %+v, want cause 42", a)
		}
		n.o.MaxStored = 300
		for i := range 256 {
			c.forward(n, alice, fmt.Sprint(i))
		}
		equal(t, "256 are unanswered", c.take(), "255: 2 cause 42")
		n.Forward("1234", alice, make([]byte, tpduMax+1), func(o Outcome) { c.note("too long: %d cause %d", o.Fate, o.Cause) })
		equal(t, "too long", c.take(), "too long: 3 cause 96")
		p.link.Close()
		if gone := c.take(); len(gone) != 256 || gone[0] != "kept: 4 cause 0" || gone[255] != "254: 4 cause 0" {
			t.Errorf("gone: %q", gone)
		}
		if n.stored != 0 {
			t.Errorf("%d messages are left in the store", n.stored)
		}
	})
	withCentre(t, NetworkOptions{}, func(t *testing.T, n *Network, c *centre) {
		p := newPhone(t, n, alice, nil)
		n.SetFaults(alice, FromEndpoint, Fault{Nth: 1, Action: Delay, Delay: time.Second}, Fault{Nth: 2, Action: Unanswered})
		p.send("1234", "on its way") // acknowledged, as delayed messages are
		n.SetCentre(nil)
		time.Sleep(2 * time.Second)
		n.SetCentre(c.hooks(true))
		equal(t, "the centre is gone", c.take(), "available 41791110001")
		tpdu, err := (&sms.Submit{Destination: addressOf("1234"), DCS: sms.DCS8Bit, UD: []byte("mute")}).AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		p.link.Queue(&rp.Message{Type: rp.DataMO, Ref: 9, TPDU: tpdu})
		p.link.Flush()
		equal(t, "the centre has it", c.take(), "41791110001 to 1234: mute <nil>")
		if len(p.acks) != 0 {
			t.Errorf("the phone hears %+v", <-p.acks)
		}
	})
}

// A message of the network's numbers goes out as it came in, whatever its size.
func TestLongestSegment(t *testing.T) {
	bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
		p := newPhone(t, w.net, "417911100011112", nil) // 15 digits
		s := bearer.Segment{Dest: "417911100011112", DCS: sms.DCSClass2Data, PID: sms.PIDDownload, UDH: []byte{2, 0x70, 0}, UD: make([]byte, 137)}
		submit(t, w, s)
		synctest.Wait()
		if got := p.texts(); len(got) != 1 || len(got[0]) != 137 {
			t.Errorf("%d messages arrived", len(got))
		}
	})
}
