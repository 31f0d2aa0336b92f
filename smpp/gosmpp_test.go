package smpp

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/fiorix/go-smpp/smpp/pdu"
	"github.com/fiorix/go-smpp/smpp/pdu/pdufield"
	"github.com/fiorix/go-smpp/smpp/pdu/pdutlv"
	"github.com/google/go-cmp/cmp"
)

// go-smpp's codec is the independent check of ours. Known faults of it are
// stepped around: it writes an extra octet into every deliver_sm and splits
// UDHs (so a deliver_sm is shown to it as the submit_sm that it looks like),
// writes parameters in random order (so there is at most one), keeps bodies
// that end too early, and gives sequence number 0 another one.

// theirs decodes a PDU with go-smpp.
func theirs(b []byte) (pdu.Body, error) {
	b = bytes.Clone(b)
	if CommandID(b[7]) == DeliverSM && b[4] == 0 {
		b[7] = byte(SubmitSM)
	}
	return pdu.Decode(bytes.NewReader(b))
}

// fields of a message as go-smpp names them.
func fields(m *Message) map[pdufield.Name]string {
	return map[pdufield.Name]string{
		pdufield.ServiceType: m.ServiceType, pdufield.SourceAddrTON: octet(m.Source.TON), pdufield.SourceAddrNPI: octet(m.Source.NPI),
		pdufield.SourceAddr: m.Source.Addr, pdufield.DestAddrTON: octet(m.Dest.TON), pdufield.DestAddrNPI: octet(m.Dest.NPI),
		pdufield.DestinationAddr: m.Dest.Addr, pdufield.ESMClass: octet(m.ESMClass), pdufield.ProtocolID: octet(m.ProtocolID),
		pdufield.PriorityFlag: octet(m.PriorityFlag), pdufield.ScheduleDeliveryTime: m.ScheduleTime, pdufield.ValidityPeriod: m.ValidityPeriod,
		pdufield.RegisteredDelivery: octet(m.RegisteredDelivery), pdufield.ReplaceIfPresentFlag: octet(m.ReplaceIfPresent),
		pdufield.DataCoding: octet(m.DataCoding), pdufield.SMDefaultMsgID: octet(m.DefaultMessageID),
		pdufield.SMLength: octet(byte(len(m.ShortMessage))), pdufield.ShortMessage: string(m.ShortMessage),
	}
}

func octet(b byte) string { return fmt.Sprint(b) }

func fieldsOf(p pdu.Body) map[pdufield.Name]string {
	out := map[pdufield.Name]string{}
	for k, v := range p.Fields() {
		out[k] = v.String()
	}
	return out
}

// messages of every shape.
func messages() []*Message {
	full := &Message{
		ServiceType: "OTA", Source: Address{5, 0, "Bank"}, Dest: Address{1, 1, "46700000001"}, ESMClass: 0x43, ProtocolID: 0x7F, PriorityFlag: 3,
		ScheduleTime: "261122201500000+", ValidityPeriod: "000000001000000R", RegisteredDelivery: 0x11, ReplaceIfPresent: 1, DataCoding: 0xF6,
		DefaultMessageID: 9, ShortMessage: append([]byte{2, 0x70, 0}, bytes.Repeat([]byte{0, 0xFF}, 68)...),
	}
	payload := full.Clone()
	payload.ShortMessage, payload.TLVs = nil, TLVs{{TagMessagePayload, bytes.Repeat([]byte{0xA5, 0}, 1900)}}
	longest := full.Clone()
	longest.ShortMessage = make([]byte, 254)
	return []*Message{{}, full, payload, longest, {ESMClass: ESMClassReceipt, ShortMessage: []byte("id:1 stat:DELIVRD"), TLVs: TLVs{{TagReceiptedMessageID, []byte("1\x00")}}}}
}

// What we write go-smpp reads field for field, and writes as the same octets.
func TestOursIsTheirs(t *testing.T) {
	for i, m := range messages() {
		for _, cmd := range []CommandID{SubmitSM, DeliverSM} {
			b, err := Append(nil, Header{cmd, 0, 7}, m)
			if err != nil {
				t.Fatal(err)
			}
			p, err := theirs(b)
			if err != nil {
				t.Errorf("%s %d: %v", cmd, i, err)
				continue
			}
			if diff := cmp.Diff(fields(m), fieldsOf(p)); diff != "" {
				t.Errorf("%s %d: %s", cmd, i, diff)
			}
			var back bytes.Buffer
			if err := p.SerializeTo(&back); err != nil || !bytes.Equal(back.Bytes()[8:], b[8:]) {
				t.Errorf("%s %d: %v\n%X became\n%X", cmd, i, err, b, back.Bytes())
			}
			for _, x := range m.TLVs {
				if f := p.TLVFields()[pdutlv.Tag(x.Tag)]; f == nil || !bytes.Equal(f.Bytes(), x.Value) {
					t.Errorf("%s %d: parameter %04X is %v", cmd, i, x.Tag, f)
				}
			}
		}
	}
	for cmd, body := range map[CommandID]Body{
		BindReceiver:        &Bind{"id", "secret", "type", 0x34, 1, 2, "^46"},
		BindTransmitter:     &Bind{"id", "secret", "", 0x34, 0, 0, ""},
		BindTransceiver:     &Bind{"fifteen_letters", "12345678", "twelve_chars", 0x50, 255, 255, "^46"},
		BindTransceiverResp: &BindResp{SystemID: "centre", TLVs: TLVs{{TagSCInterfaceVersion, []byte{0x34}}}},
		BindReceiverResp:    &BindResp{SystemID: "centre"},
		SubmitSMResp:        &MessageResp{MessageID: "8b5f5f0e-3f0a-4b7e-9a53-0f6d5e3f7f10"},
		DeliverSMResp:       &MessageResp{},
		QuerySM:             &Query{"77", Address{1, 1, "4670"}},
		EnquireLink:         nil, EnquireLinkResp: nil, Unbind: nil, UnbindResp: nil, GenericNack: nil,
	} {
		b, err := Append(nil, Header{cmd, RThrottled, 7}, body)
		if err != nil {
			t.Fatal(cmd, err)
		}
		p, err := theirs(b)
		if err != nil {
			t.Errorf("%s: %v", cmd, err)
			continue
		}
		var back bytes.Buffer
		if err := p.SerializeTo(&back); err != nil || !bytes.Equal(back.Bytes(), b) {
			t.Errorf("%s: %v\n%X became\n%X", cmd, err, b, back.Bytes())
		}
	}
}

// What go-smpp writes we read field for field.
func TestTheirsIsOurs(t *testing.T) {
	for i, m := range messages() {
		tlvs := pdutlv.Fields{}
		for _, x := range m.TLVs {
			tlvs[pdutlv.Tag(x.Tag)] = x.Value
		}
		p := pdu.NewSubmitSM(tlvs)
		p.Header().Seq = 7
		for k, v := range fields(m) {
			var err error
			switch f := pdufield.New(k, []byte{0}).(type) {
			case *pdufield.Fixed:
				var n int
				fmt.Sscan(v, &n) // made above
				f.Data = byte(n)
				err = p.Fields().Set(k, f)
			default:
				err = p.Fields().Set(k, []byte(v))
			}
			if err != nil {
				t.Fatal(k, err)
			}
		}
		p.Fields().Set(pdufield.SMLength, byte(len(m.ShortMessage))) // an octet
		var b bytes.Buffer
		if err := p.SerializeTo(&b); err != nil {
			t.Fatal(err)
		}
		want, err := Append(nil, Header{SubmitSM, 0, 7}, m)
		if err != nil || !bytes.Equal(want, b.Bytes()) {
			t.Errorf("%d: %v\n ours %X\ntheirs %X", i, err, want, b.Bytes())
			continue
		}
		got, err := Parse(Frame{Header{Command: SubmitSM}, b.Bytes()[HeaderLen:]})
		if err != nil {
			t.Error(i, err)
			continue
		}
		if diff := cmp.Diff(m.Clone(), got.(*Message).Clone()); diff != "" {
			t.Errorf("%d: %s", i, diff)
		}
	}
	p := pdu.NewSubmitSMResp()
	p.Header().Seq = 7
	p.Fields().Set(pdufield.MessageID, "0A1B") // a string
	var b bytes.Buffer
	if err := p.SerializeTo(&b); err != nil {
		t.Fatal(err)
	}
	got, err := Parse(Frame{Header{Command: SubmitSMResp}, b.Bytes()[HeaderLen:]})
	if r, ok := got.(*MessageResp); err != nil || !ok || r.MessageID != "0A1B" {
		t.Errorf("%+v, %v", got, err)
	}
}

// FuzzBoth: a submit_sm body that one of the two codecs reads to its end, the
// other reads as the same fields. Each finds inputs for the other.
func FuzzBoth(f *testing.F) {
	for _, m := range messages() {
		b, err := Append(nil, Header{Command: SubmitSM, Seq: 1}, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[HeaderLen:])
	}
	bare, _ := hex.DecodeString("00010100010100400000000000000000")
	f.Add(bare)
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 4096-HeaderLen {
			return // go-smpp reads no more
		}
		var m Message
		ours := ParseMessage(body, &m)
		p, err := theirs(AppendFrame(nil, Header{Command: SubmitSM, Seq: 1}, body))
		if err != nil {
			if ours == nil && len(m.TLVs) == 0 {
				t.Fatalf("ours reads what theirs does not: %v\n% X", err, body)
			}
			return
		}
		_, whole := p.Fields()[pdufield.ShortMessage]
		if ours != nil {
			var back bytes.Buffer
			if whole && len(p.TLVFields()) == 0 && p.SerializeTo(&back) == nil && bytes.Equal(back.Bytes()[HeaderLen:], body) {
				t.Fatalf("theirs reads what ours does not: %v\n% X", ours, body)
			}
			return
		}
		if diff := cmp.Diff(fields(&m), fieldsOf(p)); diff != "" {
			t.Fatalf("% X\n%s", body, diff)
		}
	})
}
