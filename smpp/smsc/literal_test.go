package smsc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// Which command can have which fault.
func TestScriptPairs(t *testing.T) {
	all := "drop-before drop-after mute cut stall late dup reorder wrong-seq nack status=RSYSERR unbind receipt-first alert unknown data payload empty lost-ack as-data as-payload collide"
	theirs := "drop-before drop-after mute cut stall late dup reorder wrong-seq nack status=RSYSERR unbind receipt-first alert unknown data payload empty"
	ours := "drop-before drop-after cut late dup unbind alert unknown lost-ack as-data as-payload collide"
	for command, allowed := range map[string]string{
		"bind_transceiver": theirs, "bind_transmitter": theirs, "bind_receiver": theirs, "submit_sm": theirs, "submit_multi": theirs, "data_sm": theirs,
		"query_sm": theirs, "cancel_sm": theirs, "replace_sm": theirs, "deliver_sm": ours, "alert_notification": ours,
		"enquire_link": "", "unbind": "", "outbind": "", "submit_sm_resp": "", "generic_nack": "",
	} {
		for fault := range strings.FieldsSeq(all) {
			_, err := ParseScript(command + " " + fault)
			if want := slices.Contains(strings.Fields(allowed), fault); (err == nil) != want {
				t.Errorf("%s %s: %v", command, fault, err)
			}
		}
	}
	for rule, want := range map[string]Rule{
		"submit_sm late":            {On: 4, Do: Late, For: 500 * time.Millisecond},
		"submit_sm late=1h":         {On: 4, Do: Late, For: time.Hour},
		"submit_sm late=1ns":        {On: 4, Do: Late, For: 1},
		"submit_sm stall":           {On: 4, Do: Stall, For: 500 * time.Millisecond},
		"submit_sm nack":            {On: 4, Do: Nack, Status: 8},
		"submit_sm nack=RMSGQFUL":   {On: 4, Do: Nack, Status: 0x14},
		"submit_sm throttle":        {On: 4, Do: Refuse, Status: 0x58},
		"submit_sm full":            {On: 4, Do: Refuse, Status: 0x14},
		"submit_sm#1 mute":          {On: 4, From: 1, To: 1, Do: Mute},
		"submit_sm#3-3 mute":        {On: 4, From: 3, To: 3, Do: Mute},
		"submit_sm%1 mute":          {On: 4, Every: 1, Do: Mute},
		"submit_sm~1 mute":          {On: 4, Chance: 1, Do: Mute},
		"submit_sm late=1h0m1s":     {},
		"submit_sm late=0s":         {},
		"submit_sm late=-1s":        {},
		"submit_sm mute=1s":         {},
		"submit_sm status":          {},
		"submit_sm status=ROK":      {},
		"submit_sm nack=NOTHING":    {},
		"submit_sm#0 mute":          {},
		"submit_sm#3-2 mute":        {},
		"submit_sm#1- mute":         {},
		"submit_sm%0 mute":          {},
		"submit_sm~0 mute":          {},
		"submit_sm~1.01 mute":       {},
		"submit_sm~NaN mute":        {},
		"seed=18446744073709551616": {},
		"seq=2":                     {},
		"chaos=0":                   {},
		"chaos=2":                   {},
		"submit_sm":                 {},
		"submit_sm  late = 1s":      {},
	} {
		s, err := ParseScript(rule)
		if bad := want == (Rule{}); (err != nil) != bad || !bad && s.Rules[0] != want {
			t.Errorf("%q: %+v, %v", rule, s, err)
		}
	}
}

// Forms of message_id (SMPP 3.4 5.2.23) of the first message, by their names.
func TestIDFormats(t *testing.T) {
	for name, want := range map[string]string{
		"decimal": "1000000001", "hex": "3B9ACA01", "36": "5e55a6e0-0000-4000-8000-00003b9aca01", "64": strings.Repeat("0", 56) + "3b9aca01", "empty": "",
	} {
		f, err := ParseIDFormat(name)
		if err != nil || f.String() != name || f.format(1) != want {
			t.Errorf("%s: %s is %q, %v", name, f, f.format(1), err)
		}
	}
	if _, err := ParseIDFormat("octal"); !errors.Is(err, ErrIDFormat) {
		t.Error(err)
	}
}

// Numbers on the wire (SMPP 3.4 5.1.4): as the script wants them, and never one
// under which another request waits.
func TestWireNumbers(t *testing.T) {
	for _, tc := range []struct {
		n       Numbering
		collide bool
		taken   []uint32
		want    uint32
	}{
		{FromOne, false, nil, 5},
		{FromZero, false, nil, 4},
		{FromHigh, false, nil, 0x80000005},
		{Colliding, false, nil, 77},
		{FromOne, true, nil, 77},
		{FromOne, false, []uint32{4, 6}, 5},
		{FromOne, false, []uint32{5}, 5 + 1<<20},
		{FromOne, false, []uint32{5, 5 + 1<<20}, 5 + 2<<20},
		{FromOne, true, []uint32{77}, 77 + 1<<20},
	} {
		w := newWire(nil, tc.n)
		w.theirs = 77
		for _, n := range tc.taken {
			w.back[n] = 1
		}
		if n := w.number(5, tc.collide); n != tc.want {
			t.Errorf("%+v: %08X", tc, n)
		}
	}
}

// What a receipt repeats of a message: up to 20 characters, of text only.
func TestTextOf(t *testing.T) {
	for _, tc := range []struct {
		class, dcs byte
		data       string
		want       string
	}{
		{0, 0, "Hello", "Hello"},
		{0, 0, strings.Repeat("a", 20), strings.Repeat("a", 20)},
		{0, 0, strings.Repeat("a", 21), strings.Repeat("a", 20)},
		{0, 0, "a\nb\x02~", "a.b$."}, // the alphabet of GSM: 02 is $, 7E is u with dots
		{0, 4, "Hello", ""},
		{0, 8, "\x00H", ""},
		{0, 0xF6, "Hello", ""},
		{0x40, 0, "\x02\x70\x00Hello", "Hello"},
		{0x40, 0, "\x09Hello", ""},
	} {
		have := textOf(&smpp.Message{ESMClass: tc.class, DataCoding: tc.dcs, ShortMessage: []byte(tc.data)})
		if have != tc.want {
			t.Errorf("%+v: %q", tc, have)
		}
	}
}

// Who hears of which end (registered_delivery, SMPP 3.4 5.2.17), which refusals
// are for good, and the statuses of user data that cannot be forwarded.
func TestReceiptsAndRefusals(t *testing.T) {
	for want, told := range map[byte]string{0: "no no", 1: "yes yes", 2: "no yes", 3: "yes no", 4: "no no", 5: "yes yes", 0x11: "yes yes"} {
		have := ""
		for _, st := range []smpp.MessageState{smpp.StateDelivered, smpp.StateExpired} {
			have += " " + map[bool]string{true: "yes", false: "no"}[(&message{want: want, state: st}).wanted()]
		}
		if have != " "+told {
			t.Errorf("registered_delivery %d:%s, want %s", want, have, told)
		}
	}
	for st := range smpp.Status(0x100) {
		if have, want := permanent(st), slices.Contains([]smpp.Status{0x65, 0x66, 0x0B, 0x0A, 0x01, 0x02, 0x03}, st); have != want {
			t.Errorf("%v is for good: %v", st, have)
		}
	}
	for err, want := range map[error]smpp.Status{
		errPayload: 0xC1, sms.ErrAddress: 0x0A, errTooLong: 0x01, errUDH: 0x01, sms.ErrUDH: 0x01, sms.ErrTPDU: 0x01, errFault: 0x45,
	} {
		if have := refusal(fmt.Errorf("because: %w", err)); have != want {
			t.Errorf("%v: %v", err, have)
		}
	}
	s := &SMSC{}
	s.o.Limits.RetryFirst, s.o.Limits.RetryMost = 5*time.Second, 5*time.Minute
	for tries, want := range map[int]time.Duration{0: 5 * time.Second, 1: 10 * time.Second, 5: 160 * time.Second, 6: 5 * time.Minute, 100: 5 * time.Minute} {
		if have := s.pause(tries); have != want {
			t.Errorf("after %d failures: %v", tries, have)
		}
	}
	for ton := range byte(8) {
		n, err := destination(smpp.Address{TON: ton, NPI: 1, Addr: "41790000001"})
		if (err == nil) != (ton < 2) || err == nil && n != "41790000001" {
			t.Errorf("type of number %d: %q, %v", ton, n, err)
		}
	}
}

// submit_multi (SMPP 3.4 4.5) says of each destination why it was not taken, and
// of a request that nobody can do why not.
func TestMultiRefusals(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		a := w.bind(smpp.BindTransceiver)
		multi := func(schedule string, dests ...smpp.MultiDest) *smpp.Multi {
			m := &smpp.Multi{Message: *text(alice, "x"), Dests: dests}
			m.Message.Dest, m.ScheduleTime = smpp.Address{}, schedule
			return m
		}
		one := smpp.MultiDest{Address: smpp.Address{TON: 1, NPI: 1, Addr: string(alice)}}
		a.ask(smpp.SubmitMulti, multi(""), 0x33)
		a.ask(smpp.SubmitMulti, multi("tomorrow", one), 0x61)
		o := a.ask(smpp.SubmitMulti, multi("", smpp.MultiDest{List: "all"}, one, smpp.MultiDest{Address: smpp.Address{TON: 5, Addr: "Bank"}}), smpp.ROK)
		failed := o.Body.(*smpp.MultiResp).Failed
		if len(failed) != 2 || failed[0].Status != 0x34 || failed[1].Status != 0x0B || failed[1].Addr != "Bank" {
			t.Errorf("%+v", failed)
		}
		if n, _ := w.Waiting(); n != 1 {
			t.Errorf("%d messages wait", n)
		}
		m := text(alice, "x")
		m.ScheduleTime = "tomorrow"
		a.ask(smpp.SubmitSM, m, 0x61)
		m.ScheduleTime, m.ValidityPeriod = "", "tomorrow"
		a.ask(smpp.SubmitSM, m, 0x62)
		a.ask(smpp.QuerySM, &smpp.Query{MessageID: "9"}, 0x67)
		a.ask(smpp.CancelSM, &smpp.Cancel{MessageID: "9"}, 0x0C)
	})
}

// The place of a receipt is free again when nobody wants it, and nothing that
// has ended waits for its time any more.
func TestNothingIsLeft(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		p, a := w.phone(alice), w.bind(smpp.BindTransceiver)
		for range 3 {
			m := text(alice, "x")
			m.RegisteredDelivery = 2 // of failures only
			a.submit(m)
		}
		p.want("x", "x", "x")
		if messages, requests := w.Waiting(); messages != 0 || requests != 0 {
			t.Errorf("%d messages and %d requests wait", messages, requests)
		}
		p.send("1234", unhex("027100"), unhex("112233"))
		synctest.Wait()
		w.SMSC.mu.Lock()
		defer w.SMSC.mu.Unlock()
		if n := len(w.SMSC.timeline); n != 3 { // until the three messages are forgotten
			t.Errorf("%d times are waited for, want 3", n)
		}
	})
}

// What blocked a subscriber goes with the last of his messages: the next one is
// tried at once, and pauses begin anew.
func TestBlockedNoMore(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		p, a := w.phone(alice), w.bind(smpp.BindTransceiver)
		p.say = func(n int) *rp.Message {
			if n > 3 {
				return &rp.Message{Type: rp.AckMO}
			}
			return &rp.Message{Type: rp.ErrorMO, Cause: rp.Congestion}
		}
		id := a.submit(text(alice, "one"))
		time.Sleep(6 * time.Second) // the second try, after 5 s
		synctest.Wait()
		a.ask(smpp.CancelSM, &smpp.Cancel{MessageID: id}, smpp.ROK)
		a.submit(text(alice, "two"))
		synctest.Wait()
		p.want("one", "one", "two")
		p.mu.Lock()
		p.say = nil
		p.mu.Unlock()
		time.Sleep(5*time.Second - time.Millisecond)
		p.want()
		time.Sleep(2 * time.Millisecond)
		p.want("two")
	})
}
