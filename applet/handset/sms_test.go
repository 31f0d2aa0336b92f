package handset

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// desk is the service's inbox: what phones send comes out of mo.
type desk struct {
	mo      chan bearer.MO
	reports chan bearer.Report
}

func (d *desk) Deliver(_ context.Context, m bearer.MO) error { d.mo <- m; return nil }
func (d *desk) Report(_ context.Context, r bearer.Report) error {
	d.reports <- r
	return nil
}

type site struct {
	net  *loopback.Network
	dial loopback.DialFunc
	desk *desk
	c    *loopback.Client
	acks chan loopback.Event // answers of the phone
	sent chan string         // what the phone sent, in order: its last octet
}

// newSite is a network on a socket.
func newSite(t *testing.T) *site {
	t.Helper()
	return newSiteBy(t, func(n *loopback.Network) loopback.DialFunc {
		addr, err := n.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return loopback.TCP(addr.String())
	})
}

// newSiteBy is a network with a way to it.
func newSiteBy(t *testing.T, way func(*loopback.Network) loopback.DialFunc) *site {
	t.Helper()
	s := &site{desk: &desk{make(chan bearer.MO, 16), make(chan bearer.Report, 16)}, acks: make(chan loopback.Event, 64), sent: make(chan string, 64)}
	s.net = loopback.NewNetwork(loopback.NetworkOptions{
		RetryFirst: time.Hour, // retries come by RP-SMMA or not at all
		Observer: func(e loopback.Event) {
			if (e.Kind == "ack" || e.Kind == "error") && e.From == number {
				s.acks <- e
			}
			if e.Kind == "submit" && e.From == number {
				s.sent <- string(e.TPDU[len(e.TPDU)-1:])
			}
		},
	})
	s.dial = way(s.net)
	var err error
	s.c, err = loopback.NewClient(loopback.ClientOptions{Dial: s.dial, Number: service, Inbox: s.desk, AnswerTimeout: time.Hour})
	if err == nil {
		err = s.c.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.c.Stop(); s.net.Close() })
	return s
}

func (s *site) send(t *testing.T, seg bearer.Segment) {
	t.Helper()
	seg.Dest = number
	if _, err := s.c.Submit(t.Context(), seg); err != nil {
		t.Fatal(err)
	}
}

var secured = bearer.Segment{PID: sms.PIDDownload, DCS: sms.DCSClass2Data, UDH: []byte{2, 0x70, 0}, UD: bytes.Repeat([]byte{0xA5}, 130)}

// What the card answers to an ENVELOPE decides what the network hears.
//
// Supports: 3.1-1, 3.1-2
func TestDownload(t *testing.T) {
	por := "027100" + "000B0AB0001000000000010000"
	for _, c := range []struct {
		name, card, kind, report string
		cause                    rp.Cause
		dcs                      byte
	}{
		{"taken", "", "ack", "", 0, 0xF6},
		{"class 2 in the general group", "", "ack", "", 0, 0x16},
		{"with data", por + "9000", "ack", "40077FF610" + por, 0, 0xF6},
		{"data without header", "01029000", "ack", "00077FF6020102", 0, 0xF6},
		{"busy", "9300", "error", "00D400", rp.ProtocolError, 0xF6},
		{"warning", "6200", "error", "00D500", rp.ProtocolError, 0xF6},
		{"error with data", por + "6300", "error", "40D5077FF610" + por, rp.ProtocolError, 0xF6},
		{"wrong data", "6A80", "error", "00D500", rp.ProtocolError, 0xF6},
		{"exception of an applet", "6F00", "ack", "", 0, 0xF6},
		{"exception with a reason", "6F07", "ack", "", 0, 0xF6},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, card := newSite(t), newFake(t)
			card.answer = unhex(c.card)
			start(t, Options{Card: card, Dial: s.dial, Poll: -1})
			seg := secured
			seg.DCS = c.dcs
			s.send(t, seg)
			e := <-s.acks
			if got := strings.ToUpper(hex.EncodeToString(e.TPDU)); e.Kind != c.kind || e.Cause != c.cause || got != c.report {
				t.Errorf("%s cause %d report %s, want %s %d %s", e.Kind, e.Cause, got, c.kind, c.cause, c.report)
			}
			// D1 81 L, devices network to card, the service centre, the TPDU.
			env := card.envelopes()[0]
			if !bytes.HasPrefix(env[3:], unhex("82028381 060491000000 8B81")) || !bytes.HasSuffix(env, seg.UD) {
				t.Errorf("envelope %X", env)
			}
			if int(env[2]) != len(env)-3 {
				t.Errorf("envelope says %d octets, has %d", env[2], len(env)-3)
			}
		})
	}
}

// A message that the card was too busy for comes again when it is free.
func TestBusyCardGetsItAgain(t *testing.T) {
	s, card := newSite(t), newFake(t, "D00F 8103012181 82028102 8D0404484921")
	card.answer = []byte{0x93, 0x00}
	h := start(t, Options{Card: card, Dial: s.dial, Poll: -1})
	screen := onScreen(h)
	s.send(t, secured) // a prompt does not keep the phone from answering
	if e := <-s.acks; e.Kind != "error" {
		t.Fatalf("phone answered %s while the card was busy", e.Kind)
	}
	card.mu.Lock()
	card.answer = nil
	card.mu.Unlock()
	if err := h.Answer(screen.ID, Answer{Action: OK}); err != nil {
		t.Fatal(err)
	}
	if e := <-s.acks; e.Kind != "ack" {
		t.Errorf("phone answered %s", e.Kind)
	}
	if len(card.envelopes()) != 2 {
		t.Errorf("card saw %d envelopes, want 2", len(card.envelopes()))
	}
}

// A card that is busy without a command is left alone until the network tries
// again by itself.
func TestBusyWithoutCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, card := newSiteBy(t, pipes), newFake(t)
		card.answer = []byte{0x93, 0x00}
		start(t, Options{Card: card, Dial: s.dial, Poll: -1})
		s.send(t, secured)
		synctest.Wait()
		equal(t, "envelopes", len(card.envelopes()), 1)
		time.Sleep(6 * time.Minute) // the longest that a network leaves it, and some
		synctest.Wait()
		equal(t, "envelopes after a try of the network", len(card.envelopes()), 2)
	})
}

// Without service 28 the card is not bothered.
func TestNoDownloadService(t *testing.T) {
	s, card := newSite(t), newFake(t)
	h := start(t, Options{Card: card, Dial: s.dial})
	if err := h.do(func() { h.card.services[3] &^= 0x08 }); err != nil {
		t.Fatal(err)
	}
	s.send(t, secured)
	<-s.acks
	if len(card.envelopes()) != 0 || len(h.Snapshot().Inbox) != 1 {
		t.Errorf("%d envelopes, %d messages in the inbox", len(card.envelopes()), len(h.Snapshot().Inbox))
	}
}

func TestInbox(t *testing.T) {
	s, card := newSite(t), newFake(t)
	h := start(t, Options{Card: card, Dial: s.dial})
	long := strings.Repeat("Ihr Zertifikat ist bereit. ", 12)
	ucs2 := strings.Repeat("Ваш код заблокирован. ", 8)
	for i, text := range []string{"short", long, ucs2} {
		parts, err := sms.EncodeText(text, sms.TextOptions{Ref: uint16(i)})
		if err != nil {
			t.Fatal(err)
		}
		for j := range parts { // the last first, and one twice
			p := parts[len(parts)-1-j]
			seg := bearer.Segment{DCS: p.DCS, UDH: p.UDH, UD: p.UD, Septets: p.Septets}
			s.send(t, seg)
			if len(parts) > 1 && j == 0 {
				s.send(t, seg)
			}
		}
	}
	st := until(h, func(s State) bool { return len(s.Inbox) == 3 })
	for i, want := range []string{"short", long, ucs2} {
		if st.Inbox[i].Text != want || st.Inbox[i].From != "9000" {
			t.Errorf("message %d from %s: %q", i, st.Inbox[i].From, st.Inbox[i].Text)
		}
	}
	if len(card.envelopes()) != 0 {
		t.Error("card was given a plain message")
	}
}

// Supports: 3.1-2
func TestSendShortMessage(t *testing.T) {
	good := tlvHex(0xD0, "8103011300 82028183 8B0F 41 55 04 81 09 00 7F F6 06 027100 010203")
	withCentre := tlvHex(0xD0, "8103011300 82028183 0607919471016700F0 8B0F 41 55 04 81 09 00 7F F6 06 027100 010203")
	packText := tlvHex(0xD0, "8103011301 82028183 8B11 01 55 04 81 09 00 00 F4 08"+hex.EncodeToString([]byte("hellohel")))
	for _, c := range []struct {
		name, command string
		fault         *loopback.Fault
		off           bool
		want          string // of the TERMINAL RESPONSE, after the devices
		ud            string // what arrives; "" is nothing
	}{
		{"sent", good, nil, false, "830100", "010203"},
		{"with service centre", withCentre, nil, false, "830100", "010203"},
		{"packed by the phone", packText, nil, false, "830100", "E8329BFD4697D9"},
		{"refused", good, &loopback.Fault{Action: loopback.Refuse, Cause: rp.CallBarred}, false, "8302350A", ""},
		{"no coverage", good, nil, true, "83022004", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, card := newSite(t), newFake(t)
			h := start(t, Options{Card: card, Dial: s.dial, Poll: -1})
			until(h, func(s State) bool { return s.Attached })
			if c.fault != nil {
				s.net.SetFaults(number, loopback.FromEndpoint, *c.fault)
			}
			if c.off {
				if err := h.SetCoverage(false); err != nil {
					t.Fatal(err)
				}
			}
			card.give(h, c.command)
			if got := card.wait(1)[0]; !strings.HasSuffix(got, c.want) {
				t.Errorf("response %s, want %s", got, c.want)
			}
			if c.ud == "" {
				return
			}
			m := <-s.desk.mo
			if got := strings.ToUpper(hex.EncodeToString(m.UD)); got != c.ud || m.Source != number {
				t.Errorf("arrived from %v: %s, want %s", m.Source, got, c.ud)
			}
		})
	}
}

// give lets a booted card want something.
func (c *fakeCard) give(h *Handset, commands ...string) {
	c.mu.Lock()
	for _, s := range commands {
		c.pending = append(c.pending, unhex(s))
	}
	c.mu.Unlock()
	if err := h.do(h.toolkit.pollCard); err != nil {
		c.t.Error(err)
	}
}

func tlvHex(tag byte, body string) string {
	b := unhex(body)
	return fmt.Sprintf("%02X%02X%X", tag, len(b), b)
}

// Four messages, the second hit; the card hears that all were sent. Time is
// fake: what waits for its time comes after what does not.
func TestSegmentFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault SegmentFault
		want  string
	}{
		{"none", SegmentFault{Nth: 9, Action: Drop}, "1234"},
		{"drop", SegmentFault{Nth: 2, Action: Drop}, "134"},
		{"duplicate", SegmentFault{Nth: 2, Action: Duplicate}, "12234"},
		{"reorder", SegmentFault{Nth: 2, Action: Reorder}, "1324"},
		{"delay", SegmentFault{Nth: 2, Action: Delay, Delay: 50 * time.Millisecond}, "1342"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, card := newSiteBy(t, pipes), newFake(t)
				h := start(t, Options{Card: card, Dial: s.dial, Poll: -1})
				until(h, func(s State) bool { return s.Attached })
				h.SetSegments(c.fault)
				var commands []string
				for i := range 4 {
					commands = append(commands, tlvHex(0xD0, fmt.Sprintf("8103011300 82028183 8B0A 01 55 04 81 09 00 00 04 01 3%d", i+1)))
				}
				card.give(h, commands...)
				for i, r := range card.wait(4) {
					if !strings.HasSuffix(r, "830100") {
						t.Errorf("response %d: %s", i, r)
					}
				}
				got := ""
				for range c.want {
					got += <-s.sent
				}
				equal(t, "arrived", got, c.want)
			})
		})
	}
}

// A phone that was off gets what waited for it.
func TestOffAndOn(t *testing.T) {
	s, card := newSite(t), newFake(t)
	h := start(t, Options{Card: card, Dial: s.dial})
	until(h, func(s State) bool { return s.Attached })
	if err := h.SetPower(true); err != nil || card.count(&card.resets) != 1 || !h.Snapshot().Attached { // it is on
		t.Errorf("switched on twice: %v, %d resets", err, card.count(&card.resets))
	}
	if err := h.SetPower(false); err != nil {
		t.Fatal(err)
	}
	if st := h.Snapshot(); st.On || st.Attached {
		t.Errorf("phone is on %v, attached %v", st.On, st.Attached)
	}
	s.send(t, secured)
	if err := h.SetPower(true); err != nil {
		t.Fatal(err)
	}
	<-s.acks
	if card.count(&card.resets) != 3 || len(card.envelopes()) != 1 {
		t.Errorf("%d resets, %d envelopes", card.count(&card.resets), len(card.envelopes()))
	}
}

// Supports: 3.5.5-2
func TestMenu(t *testing.T) {
	card := newFake(t, tlvHex(0xD0, "8103012500 82028182 850353494D 8F0201 43 8F0202 55"))
	h := start(t, Options{Card: card})
	st := until(h, func(s State) bool { return len(s.Menu.Items) == 2 })
	equal(t, "menu", st.Menu, Menu{Title: "SIM", Items: []Item{{1, "C"}, {2, "U"}}})
	if err := h.SelectMenu(3, false); !errors.Is(err, ErrMenu) {
		t.Errorf("an item that is not there: %v", err)
	}
	for _, help := range []bool{false, true} {
		if err := h.SelectMenu(2, help); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "envelopes", fmt.Sprintf("%X", card.envelopes()), "[D30782020181900102 D309820201819001029500]")
}
