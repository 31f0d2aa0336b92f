package trace

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/smpp"
)

// A capture of one enquire_link and its response, octet by octet: the file
// header and the record headers of libpcap, Ethernet, IPv4 (RFC 791) or IPv6 (RFC
// 8200) and TCP (RFC 9293 3.1), with a handshake before the first PDU.
func TestPcapOctets(t *testing.T) {
	moment := time.Date(2026, 11, 22, 20, 0, 0, 123456789, time.UTC) // 6B0349C0 and 075BCD15
	for _, tc := range []struct {
		local, remote string
		frames        []string
	}{
		{"192.0.2.1:40001", "192.0.2.2:2775", []string{
			// SYN, SYN and ACK, ACK: 02 ..01 is us, 02 ..02 the centre
			"020000000002 020000000001 0800 45000028000040004006 b6cc c0000201 c0000202" + "9c410ad7 00000000 00000000 5002ffff 84c60000",
			"020000000001 020000000002 0800 45000028000040004006 b6cc c0000202 c0000201" + "0ad79c41 00000000 00000001 5012ffff 84b50000",
			"020000000002 020000000001 0800 45000028000040004006 b6cc c0000201 c0000202" + "9c410ad7 00000001 00000001 5010ffff 84b60000",
			// PSH and ACK, with the PDU
			"020000000002 020000000001 0800 45000038000040004006 b6bc c0000201 c0000202" + "9c410ad7 00000001 00000001 5018ffff 84690000" + "00000010 00000015 00000000 00000010",
			"020000000001 020000000002 0800 45000038000040004006 b6bc c0000202 c0000201" + "0ad79c41 00000001 00000011 5018ffff 04590000" + "00000010 80000015 00000000 00000010",
		}},
		{"[2001:db8::1]:1", "[2001:db8::2]:2", []string{
			"020000000002 020000000001 86dd 60000000 0014 06 40 20010db8000000000000000000000001 20010db8000000000000000000000002" + "00010002 00000000 00000000 5002ffff 546b0000",
			"020000000001 020000000002 86dd 60000000 0014 06 40 20010db8000000000000000000000002 20010db8000000000000000000000001" + "00020001 00000000 00000001 5012ffff 545a0000",
			"020000000002 020000000001 86dd 60000000 0014 06 40 20010db8000000000000000000000001 20010db8000000000000000000000002" + "00010002 00000001 00000001 5010ffff 545b0000",
			"020000000002 020000000001 86dd 60000000 0024 06 40 20010db8000000000000000000000001 20010db8000000000000000000000002" + "00010002 00000001 00000001 5018ffff 540e0000" + "00000010 00000015 00000000 00000010",
			"020000000001 020000000002 86dd 60000000 0024 06 40 20010db8000000000000000000000002 20010db8000000000000000000000001" + "00020001 00000001 00000011 5018ffff d3fd0000" + "00000010 80000015 00000000 00000010",
		}},
	} {
		r := New(Options{Clock: func() time.Time { return moment }})
		tap := r.Tap("north/1", tcp(tc.local), tcp(tc.remote))
		tap(true, pdu(t, smpp.EnquireLink, 16, nil))
		tap(false, pdu(t, smpp.EnquireLinkResp, 16, nil))
		var file bytes.Buffer
		if err := r.WritePcap(&file, 0); err != nil {
			t.Fatal(err)
		}
		// Nanoseconds, little end first; version 2.4; up to 262144 octets; Ethernet.
		want := "4d3cb2a1 0200 0400 00000000 00000000 00000400 01000000"
		for _, f := range tc.frames {
			n := len(strings.ReplaceAll(f, " ", "")) / 2
			length := hex.EncodeToString([]byte{byte(n), 0, 0, 0})
			want += "c049036b" + "15cd5b07" + length + length + f
		}
		want = strings.ReplaceAll(want, " ", "")
		if have := hex.EncodeToString(file.Bytes()); have != want {
			t.Errorf("%s:\n%s, want\n%s", tc.local, have, want)
		}
	}
}

// A long PDU goes in segments of 1400 octets, of which the last has PSH, and of a
// PDU the first 4096 octets are kept.
func TestPcapSegments(t *testing.T) {
	for _, tc := range []struct {
		octets   int
		segments string // flags
		kept     int
	}{
		{1400, "18", 1400},
		{1401, "1018", 1401},
		{2800, "1018", 2800},
		{4096, "101018", 4096},
		{4097, "101018", 4096},
		{4201, "10101018", 4096},
	} {
		r := New(Options{Messages: true, Clock: func() time.Time { return at }})
		body := bytes.Repeat([]byte{0xEE}, tc.octets-smpp.HeaderLen)
		r.Tap("a", tcp("192.0.2.1:1"), tcp("192.0.2.2:2"))(true, smpp.AppendFrame(nil, smpp.Header{Command: smpp.SubmitSM}, body))
		var file bytes.Buffer
		if err := r.WritePcap(&file, 0); err != nil {
			t.Fatal(err)
		}
		flags, sum, kept := "", 0, 0
		for b, n := file.Bytes()[24:], 0; len(b) > 0; n++ {
			length := int(b[8]) | int(b[9])<<8
			if n > 2 { // behind the handshake
				flags += hex.EncodeToString(b[16+14+20+13:][:1])
				data := b[16+14+20+20 : 16+length]
				sum += len(data)
				kept += bytes.Count(data, []byte{0xEE})
			}
			b = b[16+length:]
		}
		if flags != tc.segments || sum != tc.octets || kept != tc.kept-smpp.HeaderLen {
			t.Errorf("%d octets: flags %s, %d in the file, %d of them kept", tc.octets, flags, sum, kept)
		}
	}
}

// What is blanked of each command, character by character; what follows it in
// the same PDU stays.
func TestRedactOctets(t *testing.T) {
	number := smpp.Address{TON: 1, NPI: 1, Addr: "41790000001"}
	bind := &smpp.Bind{SystemID: "id", Password: "geheim", SystemType: "VMA", AddressRange: "^41"}
	for name, tc := range map[string]struct {
		cmd      smpp.CommandID
		body     smpp.Body
		want     string // of the body
		messages bool
	}{
		"bind_receiver":              {smpp.BindReceiver, bind, "id\x00******\x00VMA\x00\x00\x00\x00^41\x00", true},
		"bind_transmitter":           {smpp.BindTransmitter, bind, "id\x00******\x00VMA\x00\x00\x00\x00^41\x00", false},
		"bind_transceiver":           {smpp.BindTransceiver, bind, "id\x00******\x00VMA\x00\x00\x00\x00^41\x00", false},
		"outbind":                    {smpp.Outbind, &smpp.OutbindBody{SystemID: "c", Password: "pw"}, "c\x00**\x00", true},
		"bind_transceiver_resp":      {smpp.BindTransceiverResp, &smpp.BindResp{SystemID: "centre"}, "centre\x00", false},
		"query_sm_resp":              {smpp.QuerySMResp, &smpp.QueryResp{MessageID: "41790000001", State: 2}, "41790000001\x00\x00\x02\x00", false},
		"query_sm, a short number":   {smpp.QuerySM, &smpp.Query{MessageID: "m", Source: smpp.Address{Addr: "4179000"}}, "m\x00\x00\x004179000\x00", false},
		"query_sm, one more":         {smpp.QuerySM, &smpp.Query{MessageID: "m", Source: smpp.Address{Addr: "41790001"}}, "m\x00\x00\x00417***01\x00", false},
		"query_sm, all is kept":      {smpp.QuerySM, &smpp.Query{MessageID: "m", Source: number}, "m\x00\x01\x0141790000001\x00", true},
		"replace_sm":                 {smpp.ReplaceSM, &smpp.Replace{MessageID: "m", Source: number, ShortMessage: []byte("text")}, "m\x00\x01\x01417******01\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00", false},
		"submit_multi_resp":          {smpp.SubmitMultiResp, &smpp.MultiResp{MessageID: "m", Failed: []smpp.Unsuccess{{Address: number, Status: 0x01020304}, {Address: number, Status: 5}}}, "m\x00\x02\x01\x01417******01\x00\x01\x02\x03\x04\x01\x01417******01\x00\x00\x00\x00\x05", false},
		"submit_multi":               {smpp.SubmitMulti, &smpp.Multi{Message: smpp.Message{Source: number, ShortMessage: []byte("text")}, Dests: []smpp.MultiDest{{Address: number}, {List: "everybody"}, {Address: number}}}, "\x00\x01\x01417******01\x00\x03\x01\x01\x01417******01\x00\x02everybody\x00\x01\x01\x01417******01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00", false},
		"submit_sm, header stays":    {smpp.SubmitSM, &smpp.Message{ESMClass: 0x40, ShortMessage: []byte("\x02\x70\x00ab")}, "\x00\x00\x00\x00\x00\x00\x00\x40\x00\x00\x00\x00\x00\x00\x00\x00\x05\x02\x70\x00\x00\x00", false},
		"submit_sm, no header":       {smpp.SubmitSM, &smpp.Message{ESMClass: 0x03, ShortMessage: []byte("\x02\x70\x00ab")}, "\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00", false},
		"submit_sm, only a header":   {smpp.SubmitSM, &smpp.Message{ESMClass: 0x40, ShortMessage: []byte("\x02\x70\x00")}, "\x00\x00\x00\x00\x00\x00\x00\x40\x00\x00\x00\x00\x00\x00\x00\x00\x03\x02\x70\x00", false},
		"submit_sm, too long a one":  {smpp.SubmitSM, &smpp.Message{ESMClass: 0x40, ShortMessage: []byte("\x03\x70\x00")}, "\x00\x00\x00\x00\x00\x00\x00\x40\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00", false},
		"deliver_sm, a receipt":      {smpp.DeliverSM, &smpp.Message{ESMClass: 0x04, ShortMessage: []byte("id:1 stat:DELIVRD text:ab")}, "\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x19id:1 stat:DELIVRD text:\x00\x00", false},
		"deliver_sm, without a text": {smpp.DeliverSM, &smpp.Message{ESMClass: 0x04, ShortMessage: []byte("id:1 stat:DELIVRD text:")}, "\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x17id:1 stat:DELIVRD text:", false},
		"deliver_sm, no receipt":     {smpp.DeliverSM, &smpp.Message{ESMClass: 0x04, ShortMessage: []byte("abc")}, "\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00", false},
		"deliver_sm, not marked":     {smpp.DeliverSM, &smpp.Message{ShortMessage: []byte("id:1 stat:DELIVRD")}, strings.Repeat("\x00", 16) + "\x11" + strings.Repeat("\x00", 17), false},
		"data_sm": {
			smpp.DataSM,
			&smpp.Data{ESMClass: 0x40, TLVs: smpp.TLVs{
				{Tag: 0x0424, Value: []byte("\x02\x70\x00ab")},
				{Tag: 0x001E, Value: []byte("1")},
				{Tag: 0x0427, Value: []byte{2}},
				{Tag: 0x0423, Value: []byte{3, 0, 8}},
				{Tag: 0x0204, Value: []byte{0, 1}},
				{Tag: 0x020C, Value: []byte{0, 2}},
				{Tag: 0x020E, Value: []byte{3}},
				{Tag: 0x020F, Value: []byte{4}},
				{Tag: 0x020A, Value: []byte{0, 5}},
				{Tag: 0x020B, Value: []byte{0, 6}},
				{Tag: 0x0381, Value: []byte("41790000001")},
				{Tag: 0x1400, Value: []byte("x")},
			}},
			"\x00\x00\x00\x00\x00\x00\x00\x40\x00\x00" + "\x04\x24\x00\x05\x02\x70\x00\x00\x00" + "\x00\x1E\x00\x011" + "\x04\x27\x00\x01\x02" + "\x04\x23\x00\x03\x03\x00\x08" +
				"\x02\x04\x00\x02\x00\x01" + "\x02\x0C\x00\x02\x00\x02" + "\x02\x0E\x00\x01\x03" + "\x02\x0F\x00\x01\x04" + "\x02\x0A\x00\x02\x00\x05" + "\x02\x0B\x00\x02\x00\x06" +
				"\x03\x81\x00\x0B" + strings.Repeat("\x00", 11) + "\x14\x00\x00\x01\x00",
			false,
		},
	} {
		c := pdu(t, tc.cmd, 1, tc.body)
		redact(c, tc.messages)
		if have := string(c[smpp.HeaderLen:]); have != tc.want {
			t.Errorf("%s:\n%q, want\n%q", name, have, tc.want)
		}
	}
}

// A recorder of which nothing is said keeps a thousand PDUs of a bind.
func TestDefaults(t *testing.T) {
	r := New(Options{})
	tap, began := r.Tap("a", nil, nil), time.Now()
	for range 1001 {
		tap(true, pdu(t, smpp.EnquireLink, 1, nil))
	}
	if n := r.Len(); n != 1000 {
		t.Errorf("%d are kept", n)
	}
	if e := r.snapshot()[0]; e.n != 2 || e.at.Before(began) || e.at.After(time.Now()) {
		t.Errorf("the oldest is number %d of %v", e.n, e.at)
	}
}
