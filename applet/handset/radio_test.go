package handset

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/sms"
)

// A phone that is off attaches nowhere, whatever its coverage.
func TestCoverageOfPhoneThatIsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int64
		h := startReal(t, Options{Card: newFake(t), Poll: -1, Dial: func(context.Context) (net.Conn, error) {
			dials.Add(1)
			return nil, errors.New("nobody is there")
		}})
		set := func(err error) {
			if err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		set(h.SetPower(false))
		before := dials.Load()
		set(h.SetCoverage(false))
		set(h.SetCoverage(true))
		time.Sleep(time.Minute)
		synctest.Wait()
		if dials.Load() != before || !h.Snapshot().Coverage {
			t.Errorf("%d attempts of a phone that is off, coverage %v", dials.Load()-before, h.Snapshot().Coverage)
		}
		set(h.SetCoverage(false))
		set(h.SetPower(true))
		time.Sleep(time.Minute)
		synctest.Wait()
		if dials.Load() != before || h.Snapshot().Coverage || !h.Snapshot().On {
			t.Errorf("%d attempts without coverage", dials.Load()-before)
		}
		set(h.SetCoverage(true))
		time.Sleep(time.Minute)
		synctest.Wait()
		// 50, 100, 200, ... ms, at most half as much again, 5 s at most.
		if n := dials.Load() - before; n < 1+6+7 || n > 1+7+12 {
			t.Errorf("%d attempts in a minute of coverage", n)
		}
		h.Stop()
		if err := h.SetOnCall(true); !errors.Is(err, errStopped) {
			t.Errorf("a stopped phone: %v", err)
		}
		if err := h.SelectMenu(1, false); !errors.Is(err, errStopped) {
			t.Errorf("the menu of a stopped phone: %v", err)
		}
		if err := h.Answer(1, Answer{Action: OK}); !errors.Is(err, errStopped) {
			t.Errorf("an answer to a stopped phone: %v", err)
		}
		if err := (&Handset{}).SetOnCall(true); !errors.Is(err, errStopped) {
			t.Errorf("a phone that was never started: %v", err)
		}
		(&Handset{}).Stop()
	})
}

// rawNetwork plays the network, in octets of TS 24.011.
type rawNetwork struct {
	t   *testing.T
	got chan string
	out chan []byte
}

func newRawNetwork(t *testing.T) *rawNetwork {
	return &rawNetwork{t: t, got: make(chan string, 64), out: make(chan []byte, 64)}
}

func (r *rawNetwork) dial(context.Context) (net.Conn, error) {
	a, b := net.Pipe()
	frame := func() (string, error) {
		var head [2]byte
		if _, err := b.Read(head[:1]); err != nil {
			return "", err
		}
		if _, err := b.Read(head[1:]); err != nil {
			return "", err
		}
		body := make([]byte, int(head[0])<<8|int(head[1]))
		for n := 0; n < len(body); {
			k, err := b.Read(body[n:])
			if err != nil {
				return "", err
			}
			n += k
		}
		return strings.ToUpper(hex.EncodeToString(body)), nil
	}
	go func() {
		if f, err := frame(); err != nil || f != strings.ToUpper(hex.EncodeToString([]byte("SMN\x01"+string(number)))) {
			r.t.Errorf("the phone attaches with %s, %v", f, err)
		}
		b.Write(unhex("0005 534D4E0100"))
		go func() {
			for o := range r.out {
				b.Write(append([]byte{0, byte(len(o))}, o...))
			}
		}()
		for {
			f, err := frame()
			if err != nil {
				return
			}
			r.got <- f
		}
	}()
	return a, nil
}

func (r *rawNetwork) expect(what, want string) {
	r.t.Helper()
	synctest.Wait()
	have := ""
	select {
	case have = <-r.got:
	default:
	}
	if have != want {
		r.t.Errorf("%s: %q\nwant %q", what, have, want)
	}
}

// What a phone says to its network and hears of it, in octets: RP-DATA with the
// service centre of the command or else of the card, and an answer to each
// message that comes (TS 24.011 7.3).
func TestRadioOctets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, c := newRawNetwork(t), newFake(t)
		h := startReal(t, Options{Card: c, Poll: -1, Dial: r.dial})
		synctest.Wait()
		if !h.Snapshot().Attached {
			t.Fatal("not attached")
		}
		const centre = "07" + "91947101670000"
		tpdu := func(mr int) string { return fmt.Sprintf("01%02X0481090000040131", mr) }
		last := func(want string) {
			t.Helper()
			synctest.Wait()
			said := c.said()
			if !strings.HasSuffix(said[len(said)-1], want) {
				t.Errorf("response %s, want %s", said[len(said)-1], want)
			}
		}
		c.give(h, tlvHex(0xD0, "8103011300 82028183 8B0A"+tpdu(0x55)))
		r.expect("centre of the card", "0001"+"00"+centre+"0A"+tpdu(1))
		r.out <- unhex("0302") // of another message
		r.out <- unhex("0000" + "000001AA")
		synctest.Wait()
		if n := len(c.said()); n != 0 {
			t.Errorf("%d responses before the answer", n)
		}
		r.out <- unhex("0301")
		last("830100")
		c.give(h, tlvHex(0xD0, "8103011300 82028183 8605 91214365F7 8B0A"+tpdu(0x55)))
		r.expect("centre of the command", "0002"+"00"+"0591214365F7"+"0A"+tpdu(2))
		r.out <- unhex("0502" + "012A")
		last("8302352A")
		c.give(h, tlvHex(0xD0, "8103011300 82028183 860B91"+strings.Repeat("21", 10)+"8B0A"+tpdu(0x55)))
		r.expect("the longest centre", "0003"+"00"+"0B91"+strings.Repeat("21", 10)+"0A"+tpdu(3))
		r.out <- unhex("0303")
		last("830100")
		c.give(h, tlvHex(0xD0, "8103011300 82028183 860C"+strings.Repeat("21", 12)+"8B0A"+tpdu(0x55)))
		r.expect("a centre that is too long", "0004"+"00"+centre+"0A"+tpdu(4))
		r.out <- unhex("0504" + "0100") // a refusal without a cause is still one
		last("83023501")
		const from, at = "040481" + "0900", "00101000000000"
		for _, tc := range []struct{ name, in, answer string }{
			{"status report", "0107" + "00" + "00" + "19" + "06050B911497110100F2" + at + at + "00", "0207"},
			{"plain message", "0108" + "00" + "00" + "12" + from + "0004" + at + "03010203", "0208"},
			{"cannot be read", "0109" + "00" + "00" + "11" + from + "0004" + at + "030102", "0409" + "016F" + "4103" + "00FF00"},
			{"packet of the card", "010A" + "00" + "00" + "12" + from + "7FF6" + at + "03010203", "020A"},
			{"class 2, other PID", "010B" + "00" + "00" + "12" + from + "00F6" + at + "03010203", "020B"},
			{"download, class 1", "010C" + "00" + "00" + "12" + from + "7FF5" + at + "03010203", "020C"},
			{"an answer, no query", "0344", ""},
		} {
			r.out <- unhex(tc.in)
			r.expect(tc.name, tc.answer)
		}
		if n := len(c.envelopes()); n != 1 {
			t.Errorf("%d envelopes, one message is for the card", n)
		}
		if n := len(h.Snapshot().Inbox); n != 3 {
			t.Errorf("%d messages are for people, want 3", n)
		}
		// Switched off and on, it counts from the beginning.
		for _, on := range []bool{false, true} {
			if err := h.SetPower(on); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		c.give(h, tlvHex(0xD0, "8103011300 82028183 8B0A"+tpdu(0x55)))
		r.expect("after a restart", "0001"+"00"+centre+"0A"+tpdu(1))
		close(r.out)
		h.Stop()
	})
}

// An envelope in octets, with the lengths at the border of one octet (TS
// 102 223 7.1.1.2).
func TestEnvelopeOctets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, c := newRawNetwork(t), newFake(t)
		h := startReal(t, Options{Card: c, Poll: -1, Dial: r.dial})
		synctest.Wait()
		for n := 80; n < 140; n++ {
			d := sms.Deliver{Originator: sms.Address{Number: "9000", NPI: 1}, PID: 0x7F, DCS: 0xF6, UD: make([]byte, n)}
			tpdu, err := d.AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			r.out <- append([]byte{1, 0, 0, 0, byte(len(tpdu))}, tpdu...)
			synctest.Wait()
			<-r.got
			length := func(n int) string {
				if n > 0x7F {
					return fmt.Sprintf("81%02x", n)
				}
				return fmt.Sprintf("%02x", n)
			}
			body := "82028381" + "060491000000" + "8b" + length(len(tpdu)) + hex.EncodeToString(tpdu)
			e := c.envelopes()
			if have := hex.EncodeToString(e[len(e)-1]); have != "d1"+length(len(body)/2)+body {
				t.Errorf("%d octets: %s", n, have)
			}
		}
		close(r.out)
		h.Stop()
	})
}
