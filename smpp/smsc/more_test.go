package smsc

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// Headers of the parts of a long message: all elements but the SIM's are
// repeated, and where nothing but headers would fit there is no message.
func TestPartHeaders(t *testing.T) {
	u := userData{udh: unhex("082401AA70002501BB"), data: make([]byte, 140), dcs: 4}
	parts, err := u.split(7)
	if err != nil || len(parts) != 2 || fmt.Sprintf("%x %x", parts[0].udh, parts[1].udh) != "0d00030702012401aa70002501bb 0b00030702022401aa2501bb" {
		t.Errorf("%x, %v", parts, err)
	}
	for _, own := range []string{"0500032A0302", "0608040012" + "0302"} { // a part that is too long for one
		u := userData{udh: unhex(own), data: make([]byte, 140), dcs: 4}
		if _, err := u.split(7); !errors.Is(err, errTooLong) {
			t.Errorf("%s: %v", own, err)
		}
	}
	for n, good := range map[int]bool{131: true, 132: false, 133: false} { // 140 less 5 of concatenation less 4
		udh := append([]byte{byte(n - 1), 0x24, byte(n - 3)}, make([]byte, n-3)...)
		u := userData{udh: udh, data: make([]byte, 141-n), dcs: 4}
		if _, err := u.split(7); (err == nil) != good || err != nil && !errors.Is(err, errUDH) {
			t.Errorf("a header of %d octets: %v", n, err)
		}
	}
}

// deliver_sm of what a handset sends, octet by octet: one septet an octet, behind
// its header.
func TestMOOctets(t *testing.T) {
	for name, tc := range map[string]struct {
		s    sms.Submit
		want string // esm_class protocol_id data_coding short_message
	}{
		"a packet":       {sms.Submit{PID: 0x7F, DCS: 0xF6, UDH: unhex("027100"), UD: unhex("AABB")}, "40 7f f6 027100aabb"},
		"a text":         {sms.Submit{UD: unhex("C8329BFD06"), Septets: 5}, "00 00 00 48656c6c6f"},
		"a part of one":  {sms.Submit{UDH: unhex("0500032A0201"), UD: unhex("906536FB0D"), Septets: 12}, "40 00 00 0500032a020148656c6c6f"},
		"a reply path":   {sms.Submit{DCS: 4, UD: unhex("AA"), ReplyPath: true}, "80 00 04 aa"},
		"a text of UCS2": {sms.Submit{DCS: 8, UD: unhex("0048")}, "00 00 08 0048"},
	} {
		m := moMessage(alice, "1234", &tc.s)
		if have := fmt.Sprintf("%02x %02x %02x %x", m.ESMClass, m.ProtocolID, m.DataCoding, m.ShortMessage); have != tc.want {
			t.Errorf("%s: %s, want %s", name, have, tc.want)
		}
		if m.Source != (smpp.Address{TON: 1, NPI: 1, Addr: string(alice)}) || m.Dest != (smpp.Address{TON: 0, NPI: 1, Addr: "1234"}) {
			t.Errorf("%s: from %+v to %+v", name, m.Source, m.Dest)
		}
	}
	play(t, testOptions(), func(w *world) {
		p := w.phone(alice)
		// To 1234, but with a user data length beyond the end: invalid mandatory information.
		p.link.Queue(&rp.Message{Type: rp.DataMO, Ref: 9, TPDU: unhex("0100048121430004" + "02AA")}) // the answer tells
		p.link.Flush()                                                                               // the answer tells
		if a := <-p.acks; a.Type != rp.ErrorMT || a.Cause != 96 {
			t.Errorf("%+v", a)
		}
	})
}

// Responses that refuse have no body where SMPP 3.4 leaves it out (4.4.2, 4.5.2,
// 4.8.2), whether a script or the centre refuses.
func TestRefusalsAreBare(t *testing.T) {
	bare := func(b smpp.Body) bool {
		switch m := b.(type) {
		case *smpp.MessageResp:
			return m.Bare
		case *smpp.MultiResp:
			return m.Bare
		case *smpp.QueryResp:
			return m.Bare
		case *smpp.BindResp:
			return m.Bare
		}
		return b == nil
	}
	one := smpp.MultiDest{Address: address(alice)}
	for cmd, body := range map[smpp.CommandID]smpp.Body{
		smpp.SubmitSM: text(alice, "x"), smpp.DataSM: asData(text(alice, "x")), smpp.SubmitMulti: &smpp.Multi{Message: *text("", "x"), Dests: []smpp.MultiDest{one}},
		smpp.QuerySM: &smpp.Query{MessageID: "9"}, smpp.CancelSM: &smpp.Cancel{MessageID: "9"}, smpp.ReplaceSM: &smpp.Replace{MessageID: "9"},
	} {
		for _, script := range []string{cmd.String() + " status=RSYSERR", cmd.String() + " nack=RSYSERR"} {
			faulty(t, script, func(w *world, _ *phone, a *app) {
				o, err := a.sess.Do(w.t.Context(), cmd, body)
				if !errors.Is(err, smpp.RSysErr) || !bare(o.Body) {
					t.Errorf("%s: %+v, %v", script, o.Body, err)
				}
			})
		}
	}
	play(t, testOptions(), func(w *world) {
		a := w.bind(smpp.BindTransceiver)
		for _, o := range []smpp.Outcome{
			a.ask(smpp.QuerySM, &smpp.Query{MessageID: "9"}, rQueryFail),
			a.ask(smpp.SubmitMulti, &smpp.Multi{}, rInvNumDests),
			a.ask(smpp.SubmitSM, octets("1", nil), smpp.RInvDstAdr),
			a.ask(smpp.CancelSM, &smpp.Cancel{Source: address("1234"), Dest: address(bob)}, smpp.RInvMsgID), // nothing was ever sent there
			a.ask(smpp.CancelSM, &smpp.Cancel{Source: address("1234"), Dest: smpp.Address{TON: 5, Addr: "Bank"}}, smpp.RInvMsgID),
		} {
			if !bare(o.Body) {
				t.Errorf("%+v", o.Body)
			}
		}
	})
	s, err := ParseScript("chaos=0.5")
	if err != nil {
		t.Fatal(err)
	}
	n := map[smpp.CommandID]int{}
	for _, r := range s.Rules {
		n[r.On]++
		if r.Chance != 0.5 || r.Do == Refuse && r.Status != 0x58 || r.Do == Nack && r.Status != 8 || (r.Do == Late) != (r.For > 0) {
			t.Errorf("%+v", r)
		}
	}
	if n[smpp.SubmitSM] != 15 || n[smpp.DeliverSM] != 8 || len(n) != 2 {
		t.Errorf("faults of chaos: %v", n)
	}
}

// replace_if_present_flag (SMPP 3.4 5.2.18) replaces what has the same source,
// destination and service type, and no other; so many messages at their end can be
// asked for, the newest.
func TestReplacesNoOther(t *testing.T) {
	o := testOptions()
	o.Limits.Finals = 2
	play(t, o, func(w *world) {
		a := w.bind(smpp.BindTransceiver)
		source, service := text(alice, "another source"), text(alice, "another service")
		source.Source.Addr, service.ServiceType = "5678", "X"
		var ids []string
		for _, m := range []*smpp.Message{source, service, text(bob, "another phone"), text(alice, "old")} {
			ids = append(ids, a.submit(m))
		}
		synctest.Wait()
		m := text(alice, "new")
		m.ReplaceIfPresent = 1
		a.submit(m)
		m.ReplaceIfPresent, m.ShortMessage = 2, []byte("no flag") // 2 is reserved
		a.submit(m)
		state := func(id string) smpp.MessageState {
			return smpp.MessageState(a.ask(smpp.QuerySM, &smpp.Query{MessageID: id}, smpp.ROK).Body.(*smpp.QueryResp).State)
		}
		for i, want := range []smpp.MessageState{smpp.StateEnroute, smpp.StateEnroute, smpp.StateEnroute, smpp.StateDeleted} {
			if got := state(ids[i]); got != want {
				t.Errorf("message %d is %v, want %v", i, got, want)
			}
		}
		for _, id := range ids[:2] {
			a.ask(smpp.CancelSM, &smpp.Cancel{MessageID: id}, smpp.ROK)
		}
		for _, id := range ids[:2] {
			if got := state(id); got != smpp.StateDeleted {
				t.Errorf("%v", got)
			}
		}
		a.ask(smpp.QuerySM, &smpp.Query{MessageID: ids[3]}, rQueryFail) // the oldest of three at their end
		p := w.phone(alice)
		time.Sleep(time.Minute)
		p.want("new", "no flag")
	})
}
