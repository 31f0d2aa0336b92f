package handset

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback"
)

// pipes dials a network without sockets, so that time can be fake.
func pipes(n *loopback.Network) loopback.DialFunc {
	return func(context.Context) (net.Conn, error) {
		a, b := net.Pipe()
		n.Serve(b)
		return a, nil
	}
}

// An idle phone polls; the card may ask for another interval.
func TestPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFake(t)
		h := startReal(t, Options{Card: c})
		time.Sleep(65 * time.Second)
		synctest.Wait()
		equal(t, "STATUS in 65 s", c.count(&c.status), 2)
		h.Stop()
	})
}

// A phone that has found service again asks the card at once: it may hold an
// answer that could not be sent.
func TestPollWithService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFake(t)
		h := startReal(t, Options{Card: c, Dial: pipes(loopback.NewNetwork(loopback.NetworkOptions{}))})
		synctest.Wait()
		before := c.count(&c.status)
		for _, on := range []bool{false, true} {
			if err := h.SetCoverage(on); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		equal(t, "STATUS", c.count(&c.status)-before, 1)
		h.Stop()
	})
}

func TestPollInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFake(t, "D00D 8103010300 82028182 84020105")
		h := startReal(t, Options{Card: c})
		time.Sleep(26 * time.Second)
		synctest.Wait()
		equal(t, "STATUS in 26 s", c.count(&c.status), 5)
		for command, want := range map[string]int{"840201FF": 1, "84020201": 255} { // 255 s, and 0.1 s which is 1 s
			c.give(h, tlvHex(0xD0, "8103010300 82028182"+command))
			before := c.count(&c.status)
			time.Sleep(255*time.Second + time.Millisecond)
			synctest.Wait()
			equal(t, "STATUS in 255 s after "+command, c.count(&c.status)-before, want)
		}
		h.Stop()
	})
}

// The network never answers a message: result 21.
func TestNetworkTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFake(t)
		n := loopback.NewNetwork(loopback.NetworkOptions{})
		h := startReal(t, Options{Card: c, Poll: -1, Dial: pipes(n)})
		synctest.Wait()
		n.SetFaults(number, loopback.FromEndpoint, loopback.Fault{Action: loopback.Unanswered})
		c.give(h, tlvHex(0xD0, "8103011300 82028183 8B0A 01 55 04 81 09 00 00 04 01 31"))
		began := time.Now()
		if got := c.wait(1)[0]; !strings.HasSuffix(got, "83022100") {
			t.Errorf("response %s", got)
		}
		equal(t, "after", time.Since(began), 45*time.Second)
		h.Stop()
		n.Close()
	})
}

// The link breaks while the card waits for the network: 20 04, and the phone
// is back by itself.
func TestLinkBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFake(t)
		n := loopback.NewNetwork(loopback.NetworkOptions{})
		var last net.Conn
		h := startReal(t, Options{Card: c, Poll: -1, Dial: func(context.Context) (net.Conn, error) {
			a, b := net.Pipe()
			last = a
			n.Serve(b)
			return a, nil
		}})
		synctest.Wait()
		n.SetFaults(number, loopback.FromEndpoint, loopback.Fault{Action: loopback.Unanswered})
		c.give(h, tlvHex(0xD0, "8103011300 82028183 8B0A 01 55 04 81 09 00 00 04 01 31"))
		synctest.Wait()
		last.Close()
		if got := c.wait(1)[0]; !strings.HasSuffix(got, "83022004") {
			t.Errorf("response %s", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if !h.Snapshot().Attached {
			t.Error("phone does not come back")
		}
		h.Stop()
		n.Close()
	})
}

// A timer of the card: started, read, and told when it has run out.
func TestCardTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFake(t, "D011 8103012700 82028182 A40103 A503001000")
		h := startReal(t, Options{Card: c, Poll: -1})
		time.Sleep(20 * time.Second)
		c.give(h, "D00C 8103012702 82028182 A40103")
		equal(t, "responses", c.wait(2), []string{
			"810301270082028281830100A40103", "810301270282028281830100A40103A503000004",
		})
		time.Sleep(39 * time.Second)
		synctest.Wait()
		equal(t, "envelopes too early", len(c.envelopes()), 0)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if e := c.envelopes(); len(e) != 1 || !strings.HasPrefix(string(e[0]), string(unhex("D70C82028281A40103"))) {
			t.Errorf("envelopes %X", e)
		}
		h.Stop()
	})
}

// An automatic user who thinks leaves time to somebody else.
func TestThink(t *testing.T) {
	const text = "D00F 8103012181 82028102 8D0404484921"
	for _, byHand := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := newFake(t, text)
			h := startReal(t, Options{Card: c, Poll: -1, Driver: &Auto{Think: Think{Read: 2 * time.Second}}})
			time.Sleep(time.Second)
			s := onScreen(h)
			want := "830100"
			if byHand {
				want = "830110"
				if err := h.Answer(s.ID, Answer{Action: Cancel}); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if got := c.said(); len(got) != 1 || !strings.HasSuffix(got[0], want) {
				t.Errorf("responses %s, want one of %s", got, want)
			}
			h.Stop()
		})
	}
}

// REFRESH with reset: the card begins anew and gets no response.
func TestRefreshReset(t *testing.T) {
	c := newFake(t, "D009 8103010104 82028182")
	h, err := New(Options{Card: resetting{c}, Number: number})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer h.Stop()
	equal(t, "resets", c.count(&c.resets), 2)
	equal(t, "responses", c.said(), []string{})
}

// resetting forgets its command at a reset, as cards do.
type resetting struct{ *fakeCard }

func (r resetting) Reset() []byte {
	r.mu.Lock()
	if r.fetched {
		r.pending, r.fetched = nil, false
	}
	r.mu.Unlock()
	return r.fakeCard.Reset()
}

// deadCard answers nothing right.
type deadCard struct{ answer []byte }

func (d deadCard) Transmit([]byte) []byte { return d.answer }

func TestDeadCard(t *testing.T) {
	for _, answer := range [][]byte{nil, {0x90}, {0x6F, 0x00}, {0x6A, 0x82}, {0x61, 0x10}, {0x6C, 0x01}, {0x90, 0x00}} {
		h, err := New(Options{Card: deadCard{answer}, Number: number})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot start the card") {
			t.Errorf("card that answers %X: %v", answer, err)
		}
		h.Stop()
		if err := h.SetPower(true); err == nil {
			t.Error("a stopped phone was switched on")
		}
	}
}

// switchable can be without power.
type switchable struct {
	*fakeCard
	offs int
}

func (s *switchable) Off() { s.offs++ }

// A card that can be without power is so while the phone is off, and is not started for it.
func TestPowerOff(t *testing.T) {
	c := &switchable{fakeCard: newFake(t)}
	h := start(t, Options{Card: c, Number: number})
	for range 2 {
		if err := h.SetPower(false); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "losses of power", c.offs, 1)
	equal(t, "starts", c.count(&c.resets), 1)
	if err := h.SetPower(true); err != nil {
		t.Fatal(err)
	}
	equal(t, "starts", c.count(&c.resets), 2)
}
