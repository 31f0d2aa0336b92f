package card_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/ota/sms"
)

// TestSealedOnce: an answer that is asked for again, under any counter, has the same octets
// and another concatenation reference; the user is asked once.
//
// Supports: 5-2, 3.5.3-6
func TestSealedOnce(t *testing.T) {
	for _, way := range []string{"packet", "own"} {
		over = way
		path, p := createWith(t, func(o *card.Options) { o.ConcatRef16 = true })
		over = ""
		p.enrol(1, applet.ECDSAP256, testCode)
		cmd := signHash(digest([]byte("x")))
		m := p.message(cmd, applet.GetAuthenticationHandlerData{Slot: 1, What: applet.WhatState}) // in two segments
		p.script = script(ok(), enter(testCode))
		p.deliver(p.seal(m))
		first := p.sent[0]
		if m, err := sms.ParseSubmit(first); err != nil || len(p.sent) != 2 || bytes.Contains(m.UDH, []byte{0x08, 0x04}) || !bytes.Contains(m.UDH, []byte{0x70, 0x00}) {
			t.Fatalf("%s: header %X, %v", way, m.UDH, err)
		}
		packet := p.joined(sms.CommandCPI)
		for range 3 {
			p.deliver(p.seal(m))
			again := p.sent[0]
			if have := p.joined(sms.CommandCPI); !bytes.Equal(have, packet) {
				t.Fatalf("%s: other octets\n%X\n%X", way, have, packet)
			}
			if bytes.Equal(again, first) {
				t.Fatalf("%s: the same reference", way)
			}
			first = again
			p.reload(path, -1)
			p.forget()
		}
		if p.state() == nil { // the next counter is another one
			t.Fatal("no state")
		}
	}
}

// TestNumberUsedTwice: a transaction number stands for one message. Another one with it
// is refused, whether the first is over or at work, and does not harm its answer.
//
// Supports: 5-2, 3.5.3-5
func TestNumberUsedTwice(t *testing.T) {
	for _, way := range []string{"packet", "own"} {
		path, p := kept(t, way)
		p.enrol(1, applet.ECDSAP256, testCode)
		refused := func(what string) {
			t.Helper()
			if a := p.answer(); len(a.Results) != 1 || a.Results[0].Tag != applet.TagMessage || a.Status() != applet.StatusConditions {
				t.Fatalf("%s, %s: %+v", way, what, a)
			}
		}
		m := p.message(signHash(digest([]byte("x"))))
		p.script = script(ok(), enter(testCode))
		p.deliver(p.seal(m))
		packet := p.joined(sms.CommandCPI)
		other := m
		other.Commands = []applet.Command{signHash(digest([]byte("y")))}
		p.screens = nil
		p.deliver(p.seal(other))
		p.heard = 0
		refused("over")
		p.reload(path, -1)
		p.forget()
		third := m
		third.ScreenTime = 20e9
		p.deliver(p.seal(third))
		refused("after a restart")
		p.deliver(p.seal(m))
		if have := p.joined(sms.CommandCPI); !bytes.Equal(have, packet) || len(p.screens) > 0 {
			t.Fatalf("%s: %X, screens %v", way, have, p.screens)
		}
		// While the user is asked.
		m = p.message(signHash(digest([]byte("z"))))
		p.deliverStepwise(p.seal(m))
		text, hash := p.fetchRaw(), p.hash
		other.Transaction = m.Transaction
		p.deliverStepwise(p.seal(other))
		p.script, p.screens = script(enter(testCode)), nil
		p.apduAfter(p.respondRaw(text, ok()))
		if len(p.sent) != 2 || len(p.screens) != 1 {
			t.Fatalf("%s: %d messages, screens %v", way, len(p.sent), p.screens)
		}
		second, otherHash := p.sent[1:], p.hash
		p.sent, p.hash = p.sent[:1], hash
		if a := p.answer(); !a.OK() {
			t.Fatal(a.Status())
		}
		p.sent, p.hash = second, otherHash
		refused("at work")
	}
}

// TestInterruptedSealed: what power interrupted is answered after the next TERMINAL
// PROFILE, in the packet in which it is answered ever after.
//
// Supports: 3.5.3-6, 5-2
func TestInterruptedSealed(t *testing.T) {
	for _, way := range []string{"packet", "own"} {
		path, p := kept(t, way)
		p.enrol(1, applet.ECDSAP256, testCode)
		m := p.message(signHash(digest([]byte("x"))))
		p.deliverStepwise(p.seal(m))
		p.fetchRaw()
		p.reload(path, -1)
		packets := p.sent // the answer before it, whose mark was not written, and this one
		p.sent = packets[len(packets)-1:]
		packet := p.joined(sms.CommandCPI)
		p.sent = packets[len(packets)-1:]
		if a := p.answer(); a.Status() != applet.StatusInterrupted || a.Transaction != m.Transaction {
			t.Fatalf("%s: %+v", way, a)
		}
		p.deliver(p.seal(m))
		if have := p.joined(sms.CommandCPI); !bytes.Equal(have, packet) {
			t.Fatalf("%s: %X", way, have)
		}
	}
}

// TestCounterBeforeUse: when the phone gets the answer to send, its counter is durable: power
// that goes at that moment brings the same octets again, and the next answer has
// another counter.
//
// Supports: 3.5.3-6, 5-2
func TestCounterBeforeUse(t *testing.T) {
	for _, way := range []string{"packet", "own"} {
		path, p := kept(t, way)
		for range 9 { // the place of the answer has been another's
			p.state()
		}
		p.deliverStepwise(p.seal(p.message(manage(applet.CodeUnblock))))
		send := p.fetchRaw()
		p.reload(path, -1)
		if len(p.sent) != 1 || !bytes.Contains(send, p.sent[0]) {
			t.Fatalf("%s: %X\nagain %X", way, send, p.sent)
		}
		p.answer() // keeps the counter
		if a := p.do(nil, manage(applet.CodeUnblock)); a.Status() != applet.StatusConditions {
			t.Fatal(a.Status())
		}
	}
}

// TestUnreadableNumber: what has no number that can be read is answered by its hash alone,
// and the same octets again from memory.
//
// Supports: 5-2
func TestUnreadableNumber(t *testing.T) {
	p := in(t, "packet", nil)
	for _, m := range []string{"02", "0200000000A103800104", "02FFFFFF"} {
		p.deliver(p.sealOctets(unhex(t, m)))
		packet := p.joined(sms.CommandCPI)
		c, err := p.answerKeys().Open(nil, packet)
		if err != nil || binary.BigEndian.Uint32(c.Data[1:]) != 0 || c.Data[5] != byte(applet.TagMessage) || !bytes.HasSuffix(c.Data, p.hash) {
			t.Fatalf("%s: %X, %v", m, c.Data, err)
		}
		p.deliver(p.sealOctets(unhex(t, m)))
		if have := p.joined(sms.CommandCPI); !bytes.Equal(have, packet) {
			t.Fatalf("%s: %X", m, have)
		}
	}
}

// TestSealedMemoryDamaged: keys and answers that no card writes are refused.
//
// Supports: 3.5.3-2, 5-2
func TestSealedMemoryDamaged(t *testing.T) {
	path, p := kept(t, "own")
	p.state()
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head := strings.Repeat("\x00", 19) + "\x00" // an answer's transaction, place, SPI, KVN, counter, no sender
	for what, r := range map[string][]byte{
		"keys cut":             record("applet keys", "\x01"+strings.Repeat("k", 16)),
		"no confirmed set":     record("applet keys", "\x00"+strings.Repeat("k", 16)+strings.Repeat("\x00", 17)),
		"set 16":               record("applet keys", "\x10"+strings.Repeat("k", 16)+strings.Repeat("\x00", 17)),
		"new set 16":           record("applet keys", "\x01"+strings.Repeat("k", 16)+"\x10"+strings.Repeat("k", 16)),
		"an answer, no hash":   record("answer0", head+"\x00"),
		"an answer, what kind": record("answer0", head+"\x02"+strings.Repeat("h", 8)+"x"),
	} {
		copied := path + strings.ReplaceAll(what, " ", "-")
		if err := os.WriteFile(copied, append(append([]byte{}, good...), r...), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := card.Load(copied, card.Options{}); !errors.Is(err, card.ErrJournal) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
