package smsc

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// What is submitted arrives octet for octet, with its PID and DCS.
func TestSubmitExact(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		p, a := w.phone(alice), w.bind(smpp.BindTransceiver)
		if id := a.submit(octets(alice, secured)); id != "1000000001" {
			t.Errorf("id %q", id)
		}
		synctest.Wait()
		d := p.got[0]
		if d.PID != sms.PIDDownload || d.DCS != sms.DCSClass2Data || fmt.Sprintf("%X %X", d.UDH, d.UD) != "027000 AABBCCDD" || d.Originator.Number != "1234" {
			t.Errorf("handset got %+v", d)
		}
		if got := w.events(); got != "accepted ended:DELIVRD" {
			t.Errorf("ledger: %s", got)
		}
		if e := w.ledger[0]; e.ID != "1000000001" || e.SystemID != "esme" || string(e.Message.ShortMessage) != string(secured) || e.At.IsZero() {
			t.Errorf("entry %+v", e)
		}
	})
}

func TestSubmitRefused(t *testing.T) {
	change := func(f func(*smpp.Message)) *smpp.Message {
		m := octets(alice, secured)
		f(m)
		return m
	}
	for name, tc := range map[string]struct {
		m    *smpp.Message
		want smpp.Status
	}{
		"no_destination":     {change(func(m *smpp.Message) { m.Dest.Addr = "" }), smpp.RInvDstAdr},
		"national":           {change(func(m *smpp.Message) { m.Dest.TON = 2 }), smpp.RInvDstAdr},
		"letters":            {change(func(m *smpp.Message) { m.Dest.Addr = "alice" }), smpp.RInvDstAdr},
		"source_letters":     {change(func(m *smpp.Message) { m.Source.Addr = "12z4" }), smpp.RInvSrcAdr},
		"udh_overruns":       {octets(alice, unhex("0570")), smpp.RInvMsgLen},
		"udh_of_nothing":     {octets(alice, nil), smpp.RInvMsgLen},
		"udh_element":        {octets(alice, unhex("027005")), smpp.RInvMsgLen},
		"payload_and_text":   {change(func(m *smpp.Message) { m.TLVs = smpp.TLVs{{Tag: smpp.TagMessagePayload, Value: secured}} }), rOptParNotAllwd},
		"validity_text":      {change(func(m *smpp.Message) { m.ValidityPeriod = "tomorrow" }), smpp.RInvExpiry},
		"validity_past":      {change(func(m *smpp.Message) { m.ValidityPeriod = "990101000000000+" }), smpp.ROK}, // year 2099
		"validity_long_past": {change(func(m *smpp.Message) { m.ValidityPeriod = "000101000000000+" }), smpp.RInvExpiry},
		"validity_nothing":   {change(func(m *smpp.Message) { m.ValidityPeriod = "000000000000000R" }), smpp.RInvExpiry},
		"schedule_text":      {change(func(m *smpp.Message) { m.ScheduleTime = "soon" }), rInvSched},
		"part_of_itself":     {octets(alice, append(unhex("050003010201"), make([]byte, 140)...)), smpp.RInvMsgLen},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, testOptions(), func(w *world) {
				w.bind(smpp.BindTransmitter).ask(smpp.SubmitSM, tc.m, tc.want)
			})
		})
	}
}

// The store is bounded in messages and octets, an account by its rate.
func TestBounds(t *testing.T) {
	o := testOptions()
	o.Limits.Messages, o.Limits.PerAccount, o.NoAlerts = 3, 2, true
	o.Accounts = append(o.Accounts, Account{SystemID: "slow", Rate: 2})
	play(t, o, func(w *world) {
		a := w.bind(smpp.BindTransmitter)
		for range 3 {
			a.submit(octets(alice, secured))
		}
		a.ask(smpp.SubmitSM, octets(alice, secured), smpp.RMsgQFul)
		p := w.phone(alice)
		p.want("027000AABBCCDD", "027000AABBCCDD", "027000AABBCCDD")
		a.submit(octets(alice, secured)) // room again

		slow := w.dial()
		if _, err := slow.sess.BindAs(w.t.Context(), smpp.BindTransmitter, smpp.Bind{SystemID: "slow"}); err != nil {
			w.t.Fatal(err)
		}
		slow.submit(octets(bob, secured))
		slow.submit(octets(bob, secured))
		slow.ask(smpp.SubmitSM, octets(bob, secured), smpp.RThrottled)
		time.Sleep(time.Second)
		slow.submit(octets(bob, secured))

		// Nobody is bound who receives: two messages of handsets wait, the third finds no room.
		for i, want := range []rp.Type{rp.AckMT, rp.AckMT, rp.ErrorMT} {
			if got := p.send("1234", nil, []byte("x")); got.Type != want {
				w.t.Errorf("message %d: %v, want %v", i, got.Type, want)
			}
		}
	})
	// A message that wants a receipt has a place for it, or is refused.
	o = testOptions()
	o.Limits.PerAccount = 2
	play(t, o, func(w *world) {
		w.phone(alice)
		a, m := w.bind(smpp.BindTransmitter), octets(alice, secured)
		m.RegisteredDelivery = 1
		a.submit(m)
		a.submit(m)
		a.ask(smpp.SubmitSM, m, smpp.RMsgQFul)
		a.submit(octets(alice, secured))
		if got := w.bind(smpp.BindReceiver).take(); len(got) != 2 {
			w.t.Errorf("receipts %q", got)
		}
		a.submit(m)
	})
	o = testOptions()
	o.Limits.Octets = 1000
	play(t, o, func(w *world) {
		a := w.bind(smpp.BindTransmitter)
		a.submit(octets(alice, secured))
		m := octets(alice, nil)
		m.ESMClass, m.TLVs = 0, smpp.TLVs{{Tag: smpp.TagMessagePayload, Value: make([]byte, 900)}}
		a.ask(smpp.SubmitSM, m, smpp.RMsgQFul)
	})
}

func TestMessageIDs(t *testing.T) {
	for _, tc := range []struct {
		name string
		n    int
		want string
	}{
		{"decimal", 10, "1000000001"},
		{"hex", 8, "3B9ACA01"},
		{"36", 36, "5e55a6e0-0000-4000-8000-00003b9aca01"},
		{"64", 64, strings.Repeat("0", 56) + "3b9aca01"},
		{"empty", 0, ""},
	} {
		f, err := ParseIDFormat(tc.name)
		if err != nil || f.String() != tc.name {
			t.Fatalf("%s: %v %v", tc.name, f, err)
		}
		o := testOptions()
		o.IDs = f
		play(t, o, func(w *world) {
			a := w.bind(smpp.BindTransmitter)
			if got := a.submit(octets(alice, secured)); got != tc.want || len(got) != tc.n {
				t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
			}
			if tc.want != "" && a.submit(octets(alice, secured)) == tc.want {
				t.Errorf("%s: the same id twice", tc.name)
			}
		})
	}
	if _, err := ParseIDFormat("roman"); err == nil {
		t.Error("roman ids")
	}
}

func TestSubmitMulti(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		pa, pb, a := w.phone(alice), w.phone(bob), w.bind(smpp.BindTransceiver)
		m := &smpp.Multi{Message: *text("", "hello"), Dests: []smpp.MultiDest{
			{Address: address(alice)}, {List: "everybody"}, {Address: smpp.Address{Addr: "x"}}, {Address: address(bob)},
		}}
		m.RegisteredDelivery = 1
		o := a.ask(smpp.SubmitMulti, m, smpp.ROK)
		resp := o.Body.(*smpp.MultiResp)
		if resp.MessageID != "1000000001" || len(resp.Failed) != 2 || resp.Failed[0].Status != rInvDLName || resp.Failed[1].Status != smpp.RInvDstAdr {
			t.Errorf("response %+v", resp)
		}
		pa.want("hello")
		pb.want("hello")
		if got := a.take(); len(got) != 2 {
			t.Errorf("receipts: %q", got)
		}
		a.ask(smpp.SubmitMulti, &smpp.Multi{}, rInvNumDests)
	})
}

func TestDataSM(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		p, a := w.phone(alice), w.bind(smpp.BindTransceiver)
		d := asData(octets(alice, secured))
		if id := a.ask(smpp.DataSM, d, smpp.ROK).MessageID(); id == "" {
			t.Error("no id")
		}
		p.want("027000AABBCCDD")
	})
}

// A message that waits can be asked for, cancelled and replaced.
func TestManage(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		a := w.bind(smpp.BindTransceiver)
		src := octets(alice, nil).Source
		state := func(id string) smpp.MessageState {
			return smpp.MessageState(a.ask(smpp.QuerySM, &smpp.Query{MessageID: id, Source: src}, smpp.ROK).Body.(*smpp.QueryResp).State)
		}
		one, two, three := a.submit(text(alice, "one")), a.submit(text(alice, "two")), a.submit(text(alice, "three"))
		synctest.Wait() // what is on its way cannot be cancelled
		a.ask(smpp.ReplaceSM, &smpp.Replace{MessageID: two, Source: src, ShortMessage: []byte("TWO"), RegisteredDelivery: 1}, smpp.ROK)
		a.ask(smpp.CancelSM, &smpp.Cancel{MessageID: one, Source: src}, smpp.ROK)
		a.ask(smpp.CancelSM, &smpp.Cancel{MessageID: one, Source: src}, rCancelFail)
		a.ask(smpp.CancelSM, &smpp.Cancel{MessageID: "nonsense", Source: src}, smpp.RInvMsgID)
		a.ask(smpp.CancelSM, &smpp.Cancel{MessageID: three, Source: smpp.Address{Addr: "5678"}}, smpp.RInvMsgID)
		a.ask(smpp.ReplaceSM, &smpp.Replace{MessageID: "nonsense", Source: src}, smpp.RInvMsgID)
		a.ask(smpp.QuerySM, &smpp.Query{MessageID: "nonsense"}, rQueryFail)
		for id, want := range map[string]smpp.MessageState{one: smpp.StateDeleted, two: smpp.StateEnroute, three: smpp.StateEnroute} {
			if got := state(id); got != want {
				t.Errorf("state of %s: %v, want %v", id, got, want)
			}
		}
		p := w.phone(alice)
		p.want("three", "TWO")
		if got := a.take(); len(got) != 2 || !strings.HasPrefix(got[1], "receipt id:"+two) || !strings.Contains(got[1], "text:TWO") {
			t.Errorf("application got %q", got)
		}
		if got := state(two); got != smpp.StateDelivered {
			t.Errorf("state %v", got)
		}
		a.ask(smpp.ReplaceSM, &smpp.Replace{MessageID: two, Source: src}, rReplaceFail)

		// Without an id: all of that source and destination.
		x, y := a.submit(text(bob, "x")), a.submit(text(bob, "y"))
		synctest.Wait()
		a.ask(smpp.CancelSM, &smpp.Cancel{Source: src, Dest: address(bob)}, smpp.ROK)
		if state(x) != smpp.StateDeleted || state(y) != smpp.StateDeleted {
			t.Errorf("states %v and %v", state(x), state(y))
		}

		time.Sleep(w.o.Limits.Keep + time.Second) // then it is forgotten
		a.ask(smpp.QuerySM, &smpp.Query{MessageID: two, Source: src}, rQueryFail)
		// bob has never come back, and the account shall hear when he does.
		if len(w.byID) != 0 || len(w.subs) != 1 || w.pending != 0 || w.octets != 0 || len(w.timeline) != 0 {
			t.Errorf("left: %d ids, %d subscribers, %d messages, %d octets, %d events", len(w.byID), len(w.subs), w.pending, w.octets, len(w.timeline))
		}
	})
}

// replace_if_present_flag takes the place of an older one that waits.
func TestReplaceIfPresent(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		a := w.bind(smpp.BindTransceiver)
		a.submit(text(alice, "old"))
		other := text(alice, "other service")
		other.ServiceType = "X"
		a.submit(other)
		m := text(alice, "new")
		m.ReplaceIfPresent = 1
		synctest.Wait() // what is on its way cannot be replaced
		a.submit(m)
		w.phone(alice).want("other service", "new")
	})
}
