package esme

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

func TestEncodeQuirks(t *testing.T) {
	part := bearer.Segment{ID: 0x10203, Dest: "41790000001", PID: 0x7F, DCS: 0xF6, UDH: []byte{7, 0, 3, 9, 2, 1, 0x70, 0}, UD: []byte{1, 2}}
	text := func(s string) bearer.Segment {
		p, err := sms.EncodeText(s, sms.TextOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return bearer.Segment{Dest: "41790000001", DCS: p[0].DCS, UDH: p[0].UDH, UD: p[0].UD, Septets: p[0].Septets}
	}
	three := byte(3)
	for name, tc := range map[string]struct {
		o    Options
		s    bearer.Segment
		want string // hexadecimal: esm_class protocol_id data_coding | short_message | parameters
	}{
		"as it is":      {Options{}, part, "407ff6|0700030902017000" + "0102|"},
		"DCS 16":        {Options{Quirks: Quirks{DataCoding: map[byte]byte{0xF6: 0x16}}}, part, "407f16|07000309020170000102|"},
		"sar":           {Options{Quirks: Quirks{Long: LongSAR}}, part, "407ff6|02700001" + "02|020c00020009020e000102020f000101"},
		"payload":       {Options{Quirks: Quirks{Long: LongPayload}}, part, "407ff6||0424000a07000309020170000102"},
		"reference":     {Options{Quirks: Quirks{UserRef: true, ESMClass: 3}}, part, "437ff6|07000309020170000102|020400020203"},
		"text":          {Options{}, text("Hi @"), "000000|48692000|"},
		"long text":     {Options{Quirks: Quirks{Long: LongSAR}}, text(strings.Repeat("a", 161)), "000000|" + strings.Repeat("61", 153) + "|020c00020000020e000102020f000101"},
		"UDH, text":     {Options{}, text(strings.Repeat("a", 161)), "400000|050003000201" + strings.Repeat("61", 153) + "|"},
		"long binary":   {Options{}, bearer.Segment{Dest: "41790000001", DCS: 4, UD: make([]byte, 255)}, "000004||042400ff" + strings.Repeat("00", 255)},
		"TON of phones": {Options{Quirks: Quirks{DestTON: &three, DestNPI: &three}}, part, "407ff6|07000309020170000102|"},
	} {
		m, err := tc.o.encode(&tc.s)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var tlvs []byte
		for _, x := range m.TLVs {
			tlvs = append(append(tlvs, byte(x.Tag>>8), byte(x.Tag), byte(len(x.Value)>>8), byte(len(x.Value))), x.Value...)
		}
		got := hex.EncodeToString([]byte{m.ESMClass, m.ProtocolID, m.DataCoding}) + "|" + hex.EncodeToString(m.ShortMessage) + "|" + hex.EncodeToString(tlvs)
		if got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, tc.want)
		}
		if name == "TON of phones" && (m.Dest.TON != 3 || m.Dest.NPI != 3) {
			t.Errorf("%+v", m.Dest)
		}
	}
	for name, s := range map[string]bearer.Segment{
		"UDH too long":     {UDH: []byte{9, 0}},
		"septets too many": {DCS: 0, UD: []byte{1}, Septets: 99},
		"septets too few":  {DCS: 0, UDH: []byte{1, 0}, Septets: 1},
		"payload too long": {DCS: 4, UD: make([]byte, 65536)},
	} {
		if _, err := new(Options).encode(&s); err == nil {
			t.Errorf("%s was encoded", name)
		}
	}
}

// FuzzSAR: the parameters of a long message become the same UDH again.
func FuzzSAR(f *testing.F) {
	f.Add([]byte{7, 0, 3, 9, 2, 1, 0x70, 0})
	f.Add([]byte{8, 8, 4, 1, 2, 3, 3, 0x24, 0})
	f.Fuzz(func(t *testing.T, udh []byte) {
		c, cpi, err := sms.ParseConcat(udh)
		if err != nil || len(udh) > 120 {
			return
		}
		rest, tlvs := udhToSAR(udh)
		c2, cpi2, err := sms.ParseConcat(sarToUDH(rest, tlvs))
		c.Ref16, c2.Ref16 = false, false
		if err != nil || c2 != c || cpi2 != cpi {
			t.Fatalf("%X became %X %v: %+v %v", udh, rest, tlvs, c2, err)
		}
	})
}

func TestRelativeTime(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "", -1: "", 1: "000000000001000R", time.Minute: "000000000100000R", 25 * time.Hour: "000001010000000R",
		40 * 24 * time.Hour: "000110000000000R", 400 * 24 * time.Hour: "010105000000000R",
	} {
		if got := relativeTime(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestAddressesAndIDs(t *testing.T) {
	for s, want := range map[string]smpp.Address{
		"": {}, "+41790000000": {TON: 1, NPI: 1, Addr: "41790000000"}, "4242": {TON: 3, Addr: "4242"}, "Bank": {TON: 5, Addr: "Bank"},
		"0790000000": {NPI: 1, Addr: "0790000000"},
	} {
		if got := ParseAddress(s); got != want {
			t.Errorf("%q: %+v", s, got)
		}
	}
	for _, tc := range []struct {
		f    IDFormat
		a, b string
		same bool
	}{
		{IDHex, "0A1", "a1", true},
		{IDDec, "0161 ", "161", true},
		{IDText, "0161", "161", false},
		{IDText, " x\x00", "x", true},
		{IDHex, "8b5f5f0e-3f0a", "8B5F5F0E-3F0A", false},
		{IDHex, "FFFFFFFFFFFFFFFFFF", "0xFFFFFFFFFFFFFFFFFF", true},
		{IDDec, "-1", "1", false},
	} {
		if got := tc.f.normal(tc.a) == tc.f.normal(tc.b); got != tc.same {
			t.Errorf("%q and %q: the same is %v", tc.a, tc.b, got)
		}
	}
	if IDHex.normal("A1") != IDDec.normal("161") {
		t.Error("hexadecimal in the response, decimal in the receipt")
	}
	rules := SourceRules{{Address: smpp.Address{Addr: "all"}}, {Prefix: "4179", Address: smpp.Address{Addr: "north"}}, {Prefix: "41", Address: smpp.Address{Addr: "swiss"}}}
	for n, want := range map[sms.MSISDN]string{"41790000001": "north", "41440000001": "swiss", "372000": "all"} {
		if got := rules.find(n).Addr; got != want {
			t.Errorf("%v: source %s, want %s", n, got, want)
		}
	}
}

func TestParsePolicy(t *testing.T) {
	p, err := ParsePolicy(DefaultPolicy(), []string{"ESME_RTHROTTLED head 5 pause=3s slow", "0x40B busy", "RMSGQFUL refuse", "ESME_RSYSERR tail 2 delay=500ms leave"})
	if err != nil {
		t.Fatal(err)
	}
	for st, want := range map[smpp.Status]Action{
		smpp.RThrottled: {Do: Head, Tries: 5, Pause: 3 * time.Second, Slow: true},
		0x40B:           {Do: Busy, Tries: 3},
		smpp.RMsgQFul:   {Do: Refuse, Tries: 3},
		smpp.RSysErr:    {Do: Tail, Tries: 2, Delay: 500 * time.Millisecond, Leave: true},
	} {
		if p[st] != want {
			t.Errorf("%s: %+v", st, p[st])
		}
	}
	if DefaultPolicy()[0x40B] == p[0x40B] {
		t.Error("the default has changed")
	}
	for _, bad := range []string{"", "ESME_RTHROTTLED", "ESME_RNONSENSE busy", "ESME_ROK busy", "0 busy", "0x40B maybe", "0x40B head 0", "0x40B head 2000", "0x40B head delay=x", "0x40B head delay=-1s", "0x40B head pause", "0x40B head fast"} {
		if _, err := ParsePolicy(nil, []string{bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// FuzzDecode: a deliver_sm of any content is decoded without a fault, and
// what it was made of is kept octet for octet.
func FuzzDecode(f *testing.F) {
	b, _ := smpp.Append(nil, smpp.Header{Command: smpp.DeliverSM}, answer())
	f.Add(b[smpp.HeaderLen:])
	b, _ = smpp.Append(nil, smpp.Header{Command: smpp.DeliverSM}, receipt("id:1 stat:DELIVRD", smpp.TLV{Tag: smpp.TagNetworkErrorCode, Value: []byte{1, 2, 3}}))
	f.Add(b[smpp.HeaderLen:])
	o := Options{Name: "x", Source: SourceRules{{Address: smpp.Address{Addr: "1"}}}, Quirks: Quirks{PlainReceipts: true, CountryCode: "41", ReceiptIDs: IDHex}}
	f.Fuzz(func(t *testing.T, body []byte) {
		var m smpp.Message
		if smpp.ParseMessage(body, &m) != nil {
			return
		}
		digest(&m)
		if o.isReceipt(&m) {
			if r, _, err := o.report(&m, time.Time{}); err == nil && r.MessageID == "" {
				t.Fatalf("%+v", r)
			}
			return
		}
		mo, err := o.decode(&m, time.Time{})
		if err != nil {
			return
		}
		data := mo.UD
		if header := (len(mo.UDH)*8 + 6) / 7; mo.Septets > 0 {
			data = sms.UnpackSeptets(nil, mo.UD, header*7-len(mo.UDH)*8, mo.Septets-header)
		}
		whole := append(bytes.Clone(mo.UDH), data...)
		if _, sar := m.TLVs.Get(smpp.TagSarMsgRefNum); !sar && !bytes.Equal(whole, m.UserData()) {
			t.Fatalf("%X became %X", m.UserData(), whole)
		}
	})
}
