package esme

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// answer is a response packet from a phone.
func answer() *smpp.Message {
	return &smpp.Message{
		Source: smpp.Address{TON: 1, NPI: 1, Addr: "41790000001"}, Dest: smpp.Address{TON: 1, NPI: 1, Addr: "41790000000"},
		ESMClass: smpp.ESMClassUDHI, ProtocolID: 0x7F, DataCoding: 0xF6, ShortMessage: []byte{2, 0x71, 0, 0x1B, 0, 0xFF},
	}
}

// The acknowledgement waits for the commit; a failure asks for the message again.
func TestDeliver(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		l.in.err = errors.New("disk full")
		if st := l.c.deliver(smpp.DeliverSM, answer()); st != smpp.RxTAppn {
			t.Errorf("not stored, answered with %s", st)
		}
		l.in.err = nil
		if st := l.c.deliver(smpp.DeliverSM, answer()); st != smpp.ROK {
			t.Errorf("stored, answered with %s", st)
		}
		want := bearer.MO{Bearer: "north", Source: "41790000001", Dest: "41790000000", PID: 0x7F, DCS: 0xF6, UDH: []byte{2, 0x71, 0}, UD: []byte{0x1B, 0, 0xFF}}
		if len(l.in.mos) == 1 {
			want.ReceivedAt = l.in.mos[0].ReceivedAt
		}
		if diff := cmp.Diff([]bearer.MO{want}, l.in.mos); diff != "" {
			t.Error(diff)
		}
		// It comes again, because our response was lost: acknowledged, not delivered.
		if st := l.c.deliver(smpp.DeliverSM, answer()); st != smpp.ROK || len(l.in.mos) != 1 {
			t.Errorf("again: %s, delivered %d times", st, len(l.in.mos))
		}
		other := answer()
		other.ShortMessage[5]--
		l.c.deliver(smpp.DeliverSM, other)
		time.Sleep(11 * time.Minute)
		l.c.deliver(smpp.DeliverSM, answer()) // long after: the Inbox decides
		if len(l.in.mos) != 3 {
			t.Errorf("delivered %d times, want 3", len(l.in.mos))
		}
		if n := l.counts.of("again"); n != 1 {
			t.Errorf("counted %v", n)
		}
	})
}

// Many messages are with the Inbox at once, and none of them holds up a
// response or an enquire_link.
func TestDeliverMany(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		l.in.block = make(chan struct{})
		done := make(chan smpp.Status, 90)
		for i := range 90 {
			m := answer()
			m.ShortMessage = append(m.ShortMessage, byte(i))
			go func() { done <- l.c.deliver(smpp.DeliverSM, m) }()
		}
		synctest.Wait()
		l.want(l.submit(l.Context(), 1), "1", nil)
		if o, err := l.c.last().Do(l.Context(), smpp.EnquireLink, nil); err != nil || o.Status != smpp.ROK {
			t.Errorf("enquire_link: %+v, %v", o, err)
		}
		close(l.in.block)
		for range 90 {
			if st := <-done; st != smpp.ROK {
				t.Errorf("answered with %s", st)
			}
		}
		if l.in.most < 50 {
			t.Errorf("only %d at once", l.in.most)
		}
	})
}

// What is worth nothing is acknowledged, so that it does not come for ever.
func TestDeliverWorthless(t *testing.T) {
	noUDH, nobody, empty := answer(), answer(), answer()
	noUDH.ShortMessage = []byte{200, 1, 2}
	nobody.Source = smpp.Address{TON: 5, Addr: "Bank"}
	empty.ShortMessage, empty.ESMClass = nil, 0
	bubble(t, Options{}, nil, func(l *lab) {
		for name, m := range map[string]*smpp.Message{"UDH beyond the end": noUDH, "text as source": nobody} {
			if st := l.c.deliver(smpp.DeliverSM, m); st != smpp.ROK || len(l.in.mos) != 0 {
				t.Errorf("%s: %s, %d delivered", name, st, len(l.in.mos))
			}
		}
		if st := l.c.deliver(smpp.DeliverSM, empty); st != smpp.ROK || len(l.in.mos) != 1 {
			t.Errorf("empty: %s", st)
		}
		if st := l.c.deliver(smpp.SubmitSM, answer()); st != smpp.RInvCmdID {
			t.Errorf("submit_sm to an ESME: %s", st)
		}
		o, err := l.c.last().Do(l.Context(), smpp.QuerySM, &smpp.Query{MessageID: "1"})
		if !errors.Is(err, smpp.RInvCmdID) {
			t.Errorf("query_sm to an ESME: %+v, %v", o, err)
		}
	})
}

// The other forms in which a message comes: sar_*, message_payload, data_sm.
func TestDeliverForms(t *testing.T) {
	sar := answer()
	sar.TLVs = smpp.TLVs{{Tag: smpp.TagSarMsgRefNum, Value: []byte{0x12, 0x34}}, {Tag: smpp.TagSarTotalSegments, Value: []byte{2}}, {Tag: smpp.TagSarSegmentSeqnum, Value: []byte{1}}}
	payload := answer()
	payload.TLVs, payload.ShortMessage = smpp.TLVs{{Tag: smpp.TagMessagePayload, Value: append([]byte{2, 0x71, 0}, make([]byte, 300)...)}}, nil
	data := &smpp.Data{
		Source: payload.Source, Dest: payload.Dest, ESMClass: smpp.ESMClassUDHI, DataCoding: 0xF6,
		TLVs: smpp.TLVs{{Tag: smpp.TagMessagePayload, Value: []byte{2, 0x71, 0, 9}}},
	}
	national := answer()
	national.Source = smpp.Address{TON: 2, NPI: 1, Addr: "0790000002"}
	bubble(t, Options{Quirks: Quirks{CountryCode: "41"}}, nil, func(l *lab) {
		l.c.deliver(smpp.DeliverSM, sar)
		l.c.deliver(smpp.DeliverSM, payload)
		l.c.deliver(smpp.DataSM, data)
		l.c.deliver(smpp.DeliverSM, national)
		if len(l.in.mos) != 4 {
			t.Fatalf("%d delivered", len(l.in.mos))
		}
		c, cpi, err := sms.ParseConcat(l.in.mos[0].UDH)
		if err != nil || c != (sms.Concat{Ref: 0x1234, Ref16: true, Total: 2, Part: 1}) || cpi != sms.ResponseCPI {
			t.Errorf("sar: %+v %v %v", c, cpi, err)
		}
		if len(l.in.mos[1].UD) != 300 || string(l.in.mos[2].UD) != "\x09" || l.in.mos[3].Source != "41790000002" {
			t.Errorf("%+v", l.in.mos)
		}
	})
}

// receipt is a deliver_sm about a message of ours.
func receipt(text string, tlvs ...smpp.TLV) *smpp.Message {
	return &smpp.Message{
		Source: smpp.Address{TON: 1, NPI: 1, Addr: "41790000001"}, Dest: smpp.Address{TON: 1, NPI: 1, Addr: "41790000000"},
		ESMClass: smpp.ESMClassReceipt, ShortMessage: []byte(text), TLVs: tlvs,
	}
}

func TestReceipts(t *testing.T) {
	const text = "id:00000000A1 sub:001 dlvrd:000 submit date:2611222015 done date:2611222016 stat:EXPIRED err:01B text:secret"
	id := func(s string) smpp.TLV { return smpp.TLV{Tag: smpp.TagReceiptedMessageID, Value: []byte(s)} }
	state := func(s smpp.MessageState) smpp.TLV { return smpp.TLV{Tag: smpp.TagMessageState, Value: []byte{byte(s)}} }
	unmarked, swapped, bare, ucs2 := receipt(text, id("5\x00"), state(2)), receipt(text), receipt(text), receipt("")
	unmarked.ESMClass = 0
	swapped.Source, swapped.Dest = swapped.Dest, swapped.Source
	bare.Source, bare.Dest = smpp.Address{}, smpp.Address{}
	ucs2.DataCoding = 8
	ucs2.ShortMessage, _ = sms.AppendUCS2(nil, text)
	mode := receipt(text)
	mode.ESMClass |= 0x03
	binary := receipt(text)
	binary.DataCoding = 4
	plain := receipt(text)
	plain.ESMClass = 0
	hex := Quirks{ReceiptIDs: IDHex}
	expired := bearer.Report{Bearer: "north", MessageID: "161", Dest: "41790000001", Cause: "EXPIRED err 01B"}
	noDest := expired
	noDest.Dest = ""
	byText := expired
	byText.Text = true
	from := func(ton byte, addr string) *smpp.Message {
		m := receipt(text)
		m.ESMClass, m.Source = 0, smpp.Address{TON: ton, Addr: addr}
		return m
	}
	quirk := Quirks{PlainReceipts: true, ReceiptIDs: IDHex, CountryCode: "41"}
	for name, tc := range map[string]struct {
		m    *smpp.Message
		q    Quirks
		want *bearer.Report // nil: none
		mo   bool
	}{
		"text":                {receipt(text), hex, &expired, false},
		"ids as text":         {receipt(text), Quirks{}, &bearer.Report{Bearer: "north", MessageID: "00000000A1", Dest: "41790000001", Cause: "EXPIRED err 01B"}, false},
		"with a mode":         {mode, hex, &expired, false},
		"binary coding":       {binary, hex, &expired, false},
		"UCS2":                {ucs2, hex, &expired, false},
		"addresses exchanged": {swapped, hex, &expired, false},
		"no addresses":        {bare, hex, &noDest, false},
		"parameters":          {receipt("", id("77\x00"), state(2)), Quirks{}, &bearer.Report{Bearer: "north", MessageID: "77", Dest: "41790000001", Delivered: true}, false},
		"parameters win": {
			receipt(text, id("78"), state(8), smpp.TLV{Tag: smpp.TagNetworkErrorCode, Value: []byte{3, 0, 42}}),
			Quirks{},
			&bearer.Report{Bearer: "north", MessageID: "78", Dest: "41790000001", Cause: "REJECTD network error 3/42"}, false,
		},
		"parameter as in the response, text decimal": {
			receipt("id:0000000161 stat:EXPIRED err:01B", id("A1\x00"), state(3)),
			Quirks{ResponseIDs: IDHex, ReceiptIDs: IDDec},
			&expired, false,
		},
		"parameter as the text": {
			receipt("id:0000000161 stat:EXPIRED err:01B", id("161\x00"), state(3)),
			Quirks{ResponseIDs: IDHex, ReceiptIDs: IDDec},
			&expired, false,
		},
		"state parameter of no state":      {receipt(text, id("A1\x00"), state(0)), hex, &expired, false},
		"no state":                         {receipt("id:1 err:000", id("1\x00")), Quirks{}, nil, false},
		"no bit but an id":                 {unmarked, Quirks{}, &bearer.Report{Bearer: "north", MessageID: "5", Dest: "41790000001", Delivered: true}, false},
		"no bit, forged":                   {plain, Quirks{}, nil, true},
		"no bit, quirk":                    {plain, Quirks{PlainReceipts: true, ReceiptIDs: IDHex}, &byText, false},
		"no bit, from a name":              {from(5, "INFO"), quirk, nil, false},
		"no bit, from a name of digits":    {from(5, "41790000001"), quirk, nil, false},
		"no bit, from a short code":        {from(3, "42"), quirk, nil, false},
		"no bit, from nobody":              {from(0, ""), quirk, nil, false},
		"no bit, from a pattern":           {from(0, "%"), quirk, nil, false},
		"no bit, from the national number": {from(2, "0790000001"), quirk, &byText, false},
		"no bit, of an unknown kind":       {from(0, "+41790000001"), quirk, &byText, false},
		"by reference": {
			receipt(text, smpp.TLV{Tag: smpp.TagUserMessageRef, Value: []byte{1, 0}}),
			Quirks{UserRef: true},
			&bearer.Report{Bearer: "north", MessageID: "ref256", Dest: "41790000001", Cause: "EXPIRED err 01B"}, false,
		},
		"not final":  {receipt("id:1 stat:ENROUTE"), Quirks{}, nil, false},
		"no receipt": {receipt("hello"), Quirks{}, nil, false},
		"no id":      {receipt("", state(2)), Quirks{}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Options{Quirks: tc.q}, nil, func(l *lab) {
				l.in.err = errors.New("disk full")
				if st := l.c.deliver(smpp.DeliverSM, tc.m); (st == smpp.RxTAppn) != (tc.want != nil || tc.mo) {
					t.Errorf("not stored, answered with %s", st)
				}
				l.in.err = nil
				if st := l.c.deliver(smpp.DeliverSM, tc.m); st != smpp.ROK {
					t.Errorf("answered with %s", st)
				}
				if (len(l.in.mos) == 1) != tc.mo {
					t.Errorf("delivered as a message: %+v", l.in.mos)
				}
				counted, times := ReceiptMalformed, 2 // of two
				switch {
				case tc.want != nil:
					counted, times = ReceiptStored, 1
				case tc.mo:
					counted, times = Stored, 1
				case name == "not final":
					counted = ReceiptNotFinal
				}
				if n := l.counts.of(string(counted)); n != times {
					t.Errorf("%s is counted %d times, want %d: %v", counted, n, times, l.counts.n)
				}
				var got *bearer.Report
				if len(l.in.reports) > 0 {
					got = &l.in.reports[0]
					got.At = time.Time{}
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
				if got != nil && strings.Contains(got.Cause, "secret") {
					t.Error("the cause holds the text of the message")
				}
			})
		})
	}
}

// alert_notification: the phone is back.
func TestAlert(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		go l.c.last().Go(l.Context(), smpp.AlertNotification, &smpp.Alert{Source: smpp.Address{TON: 1, NPI: 1, Addr: "41790000001"}}, func(smpp.Outcome) {})
		synctest.Wait()
		if len(l.in.alerts) != 1 || l.in.alerts[0] != "41790000001" {
			t.Errorf("%v", l.in.alerts)
		}
	})
}
