package loopback

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// centre is a service centre for one number that writes everything down.
type centre struct {
	mu   sync.Mutex
	log  []string
	late func(rp.Cause) // the answer that it has not given yet
}

func (c *centre) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = append(c.log, fmt.Sprintf(format, args...))
}

func (c *centre) take() []string {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.log
	c.log = nil
	return l
}

func (c *centre) hooks(answer bool) *Centre {
	return &Centre{
		Takes: func(to sms.MSISDN) bool { return to == "1234" },
		Submit: func(from, to sms.MSISDN, tpdu []byte, a func(rp.Cause)) {
			s, err := sms.ParseSubmit(tpdu)
			c.note("%s to %s: %s %v", string(from), string(to), s.UD, err)
			c.mu.Lock()
			c.late = a
			c.mu.Unlock()
			if answer {
				a(0)
			}
		},
		Available: func(n sms.MSISDN) { c.note("available %s", string(n)) },
	}
}

func (c *centre) forward(n *Network, to sms.MSISDN, text string) {
	d := sms.Deliver{Originator: addressOf("1234"), DCS: sms.DCS8Bit, UD: []byte(text)}
	tpdu, err := d.AppendBinary(nil)
	if err != nil {
		c.note("%v", err)
	}
	n.Forward("1234", to, tpdu, func(o Outcome) { c.note("%s: %d cause %d", text, o.Fate, o.Cause) })
}

func withCentre(t *testing.T, o NetworkOptions, f func(t *testing.T, n *Network, c *centre)) {
	synctest.Test(t, func(t *testing.T) {
		n, c := NewNetwork(o), &centre{}
		n.SetCentre(c.hooks(true))
		f(t, n, c)
		n.Close()
	})
}

func TestForward(t *testing.T) {
	o := NetworkOptions{Known: func(n sms.MSISDN) bool { return n != bob }, AnswerTimeout: time.Minute}
	withCentre(t, o, func(t *testing.T, n *Network, c *centre) {
		c.forward(n, bob, "nobody")
		c.forward(n, alice, "off")
		equal(t, "before the attach", c.take(), "nobody: 5 cause 1", "off: 1 cause 0")
		answers := map[int]*rp.Message{
			1: {Type: rp.AckMO},
			2: {Type: rp.ErrorMO, Cause: rp.MemoryExceeded},
			3: {Type: rp.ErrorMO, Cause: rp.ProtocolError},
		}
		p := newPhone(t, n, alice, func(k int) *rp.Message { return answers[k] })
		for _, text := range []string{"one", "two", "three", "four"} {
			c.forward(n, alice, text)
			synctest.Wait()
		}
		equal(t, "attached", c.take(), "available 41791110001", "one: 0 cause 0", "two: 2 cause 22", "three: 3 cause 111")
		time.Sleep(2 * time.Minute) // "four" stays without an answer: the phone is cut off
		equal(t, "silent", c.take(), "four: 4 cause 0")
		<-p.done
		if n.stored != 0 {
			t.Errorf("%d messages are left in the store", n.stored)
		}
	})
}

func TestForwardUnreachable(t *testing.T) {
	withCentre(t, NetworkOptions{}, func(t *testing.T, n *Network, c *centre) {
		p := newPhone(t, n, alice, nil)
		synctest.Wait()
		n.SetReachable(alice, false)
		c.forward(n, alice, "dark")
		n.SetReachable(alice, true)
		p.link.Queue(&rp.Message{Type: rp.SMMA, Ref: 1})
		p.link.Flush()
		equal(t, "events", c.take(), "available 41791110001", "dark: 1 cause 0", "available 41791110001", "available 41791110001")
	})
}

func TestForwardFaults(t *testing.T) {
	withCentre(t, NetworkOptions{}, func(t *testing.T, n *Network, c *centre) {
		p := newPhone(t, n, alice, nil)
		synctest.Wait()
		n.SetFaults(alice, ToEndpoint, Fault{Nth: 1, Action: Drop}, Fault{Nth: 2, Action: Duplicate}, Fault{Nth: 3, Action: Refuse},
			Fault{Nth: 4, Action: Unanswered}, Fault{Nth: 5, Action: Delay, Delay: time.Second})
		for _, text := range []string{"drop", "twice", "refuse", "unanswered", "delay"} {
			c.forward(n, alice, text)
			synctest.Wait()
		}
		time.Sleep(2 * time.Second)
		equal(t, "fates", c.take(), "available 41791110001", "drop: 0 cause 0", "twice: 0 cause 0", "refuse: 2 cause 41", "unanswered: 4 cause 0", "delay: 0 cause 0")
		equal(t, "phone", p.texts(), "twice", "twice", "unanswered", "delay")
		if n.stored != 0 {
			t.Errorf("%d messages are left in the store", n.stored)
		}
	})
}

func TestSubmitToCentre(t *testing.T) {
	withCentre(t, NetworkOptions{}, func(t *testing.T, n *Network, c *centre) {
		p := newPhone(t, n, alice, nil)
		if a := p.send("1234", "hello"); a.Type != rp.AckMT || a.Ref != 7 || submitReportStamp(a.TPDU) == (sms.Timestamp{}) {
			t.Errorf("answer %+v, want RP-ACK with a time stamp", a)
		}
		equal(t, "centre", c.take(), "available 41791110001", "41791110001 to 1234: hello <nil>")
		newPhone(t, n, bob, nil)
		if a := p.send(bob, "direct"); a.Type != rp.AckMT {
			t.Errorf("answer %+v", a)
		}
		equal(t, "centre", c.take(), "available 41791110002")

		n.SetCentre(c.hooks(false))
		go func() {
			time.Sleep(time.Second)
			c.mu.Lock()
			late := c.late
			c.mu.Unlock()
			late(rp.Congestion)
			late(0) // too late: one answer only
		}()
		if a := p.send("1234", "later"); a.Type != rp.ErrorMT || a.Cause != rp.Congestion {
			t.Errorf("answer %+v, want RP-ERROR 42", a)
		}
		n.SetCentre(nil)
		if a := p.send("1234", "stored"); a.Type != rp.AckMT || n.Waiting("1234") != 1 {
			t.Errorf("answer %+v: without a centre the number is one as any other", a)
		}
	})
}

func TestSubmitToCentreFaults(t *testing.T) {
	withCentre(t, NetworkOptions{}, func(t *testing.T, n *Network, c *centre) {
		p := newPhone(t, n, alice, nil)
		synctest.Wait()
		n.SetFaults(alice, FromEndpoint, Fault{Nth: 1, Action: Drop}, Fault{Nth: 2, Action: Refuse}, Fault{Nth: 3, Action: Reorder}, Fault{Nth: 4, Action: Duplicate})
		for i, want := range []rp.Type{rp.AckMT, rp.ErrorMT, rp.AckMT, rp.AckMT} {
			if a := p.send("1234", fmt.Sprint(i+1)); a.Type != want {
				t.Errorf("message %d: %+v, want %v", i+1, a, want)
			}
		}
		n.SetReachable(alice, false)
		if a := p.send("1234", "dark"); a.Cause != rp.NetworkOutOfOrder {
			t.Errorf("answer %+v, want cause 38", a)
		}
		equal(t, "centre", c.take(), "available 41791110001", "41791110001 to 1234: 4 <nil>", "41791110001 to 1234: 4 <nil>", "41791110001 to 1234: 3 <nil>")
		if n.stored != 0 {
			t.Errorf("%d messages are left in the store", n.stored)
		}
	})
}
