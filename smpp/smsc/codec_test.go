package smsc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

func TestTimes(t *testing.T) {
	now := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
	for _, tc := range []struct{ in, want string }{
		{"", "0001-01-01T00:00:00Z"},
		{"000000000130000R", "2026-03-14T15:10:56Z"},
		{"010203040506700R", "2027-05-17T19:14:32.7Z"},
		{"260314150926000+", "2026-03-14T15:09:26Z"},
		{"260314150926904+", "2026-03-14T14:09:26.9Z"},
		{"260314150926048-", "2026-03-15T03:09:26Z"},
		{"260314155959000+", "2026-03-14T15:59:59Z"},
		{"260314156000000+", ""},
		{"260314155960000+", ""},
		{"260314230000000+", "2026-03-14T23:00:00Z"},
		{"260230000000000+", ""},
		{"261301000000000+", ""},
		{"260314240000000+", ""},
		{"260314150926049+", ""},
		{"260314150926000", ""},
		{"260314150926000X", ""},
		{"2603141509260x0+", ""},
		{"260314150926000+0", ""},
	} {
		got, err := parseTime(tc.in, now)
		if err != nil {
			if tc.want != "" || !errors.Is(err, errTime) {
				t.Errorf("%q: %v", tc.in, err)
			}
		} else if s := got.UTC().Format(time.RFC3339Nano); s != tc.want {
			t.Errorf("%q: %s, want %q", tc.in, s, tc.want)
		}
	}
	if got := formatTime(now.Add(300 * time.Millisecond)); got != "260314150926300+" {
		t.Errorf("written %s", got)
	}
}

func FuzzTime(f *testing.F) {
	now := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
	for _, s := range []string{"", "000000000130000R", "260314150926904+", "260314150926048-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := parseTime(s, now)
		if err != nil {
			if !errors.Is(err, errTime) {
				t.Errorf("undeclared error %v", err)
			}
			return
		}
		if y := at.UTC().Year(); y < 2000 || y > 2099 { // the form has no others
			return
		}
		if again, err := parseTime(formatTime(at), now); err != nil || !again.Equal(at) {
			t.Errorf("%q is %v, again %v (%v)", s, at, again, err)
		}
	})
}

// The forms in which user data come, and the SMS-DELIVER that they make.
func TestDeliverTPDUs(t *testing.T) {
	long := strings.Repeat("A5", 200)
	for name, tc := range map[string]struct {
		esm, dcs byte
		ud       string
		tlvs     smpp.TLVs
		want     string // DCS UDH UD for each part; lengths instead of long octets
	}{
		"secured":     {0x40, 0xF6, "027000AABBCCDD", nil, "F6 027000 AABBCCDD"},
		"class_2_16":  {0x40, 0x16, "027000AABB", nil, "16 027000 AABB"},
		"octets":      {0, 0x02, "AABB", nil, "04  AABB"},
		"empty":       {0, 0x04, "", nil, "04  "},
		"text":        {0, 0, "68656C6C6F", nil, "00  E8329BFD06"},
		"text_udh":    {0x40, 0, "027100" + "68", nil, "00 027100 8006"},
		"latin1":      {0, 3, "E4F6", nil, "00  7B3E"},
		"latin1_ucs2": {0, 3, "FE", nil, "08  00FE"},
		"ucs2":        {0, 8, "20AC", nil, "08  20AC"},
		"sar": {0, 4, "AA", smpp.TLVs{
			{Tag: smpp.TagSarMsgRefNum, Value: []byte{1, 2}}, tlv8(smpp.TagSarTotalSegments, 3), tlv8(smpp.TagSarSegmentSeqnum, 2),
		}, "04 06080401020302 AA"},
		"sar_secured": {0x40, 0xF6, "027000AA", smpp.TLVs{
			{Tag: smpp.TagSarMsgRefNum, Value: []byte{1, 2}}, tlv8(smpp.TagSarTotalSegments, 3), tlv8(smpp.TagSarSegmentSeqnum, 1),
		}, "F6 080804010203017000 AA"},
		"payload":       {0, 4, "", smpp.TLVs{{Tag: smpp.TagMessagePayload, Value: []byte{1}}}, "04  01"},
		"split":         {0, 4, long, nil, "04 050003070201 134; 04 050003070202 66"},
		"split_secured": {0x40, 0xF6, "027000" + long, nil, "F6 0700030702017000 132; F6 050003070202 68"},
		"split_ports":   {0x40, 4, "0605040B8423F0" + long, nil, "04 0B00030702010504 0B8423F0 128"},
		"split_text":    {0, 0, strings.Repeat("61", 161), nil, "00 050003070201 134; 00 050003070202 8"},
		"split_escape":  {0, 0, strings.Repeat("61", 152) + "1B65" + strings.Repeat("61", 20), nil, "00 050003070201 134; 00 050003070202 20"},
		"split_pair":    {0, 8, strings.Repeat("0061", 66) + "D83DDE00" + strings.Repeat("0061", 10), nil, "08 050003070201 132; 08 050003070202 24"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &smpp.Message{ESMClass: tc.esm, DataCoding: tc.dcs, ProtocolID: 0x7F, ShortMessage: unhex(tc.ud), TLVs: tc.tlvs}
			tpdus, err := deliverTPDUs(m, smpp.Address{Addr: "1234"}, 7, time.Unix(0, 0))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, b := range tpdus {
				d, err := sms.ParseDeliver(b)
				if err != nil || d.PID != 0x7F {
					t.Fatalf("%X: %v", b, err)
				}
				ud := fmt.Sprintf("%X", d.UD)
				if len(tpdus) > 1 {
					ud = fmt.Sprint(len(d.UD))
				}
				got = append(got, fmt.Sprintf("%02X %X %s", d.DCS, d.UDH, ud))
			}
			want := strings.ReplaceAll(tc.want, "0504 0B", "05040B")
			if name == "split_ports" {
				want += "; 04 0B00030702020504" + "0B8423F0 72"
			}
			if s := strings.Join(got, "; "); s != want {
				t.Errorf("got  %s\nwant %s", s, want)
			}
		})
	}
}

// Whatever an application submits makes TPDUs that can be read, or a declared
// error; and binary user data come out as they went in.
func FuzzDeliverTPDUs(f *testing.F) {
	f.Add(byte(0x40), byte(0xF6), []byte("\x02\x70\x00secured"), false)
	f.Add(byte(0), byte(0), []byte("text"), true)
	f.Add(byte(0x40), byte(0), []byte("\x05\x00\x03\x01\x02\x01text"), true)
	f.Add(byte(0), byte(3), bytes.Repeat([]byte{0xFE}, 300), true)
	f.Fuzz(func(t *testing.T, esm, dcs byte, ud []byte, payload bool) {
		m := &smpp.Message{ESMClass: esm, DataCoding: dcs, ShortMessage: ud}
		if payload {
			m = asPayload(m)
		}
		tpdus, err := deliverTPDUs(m, smpp.Address{Addr: "1234"}, 1, time.Unix(0, 0))
		if err != nil {
			if !errors.Is(err, errUDH) && !errors.Is(err, errTooLong) && !errors.Is(err, sms.ErrTPDU) && !errors.Is(err, sms.ErrUDH) {
				t.Errorf("undeclared error %v", err)
			}
			return
		}
		var all []byte
		for _, b := range tpdus {
			d, err := sms.ParseDeliver(b)
			if err != nil {
				t.Fatalf("%X: %v", b, err)
			}
			if len(tpdus) == 1 {
				all = append(all, d.UDH...)
			}
			all = append(all, d.UD...)
		}
		want := ud
		if len(tpdus) > 1 && esm&0x40 != 0 {
			want = ud[1+int(ud[0]):]
		}
		if sms.AlphabetOf(dcs) == sms.AlphabetData && !bytes.Equal(all, want) {
			t.Errorf("user data %X became %X", want, all)
		}
	})
}

// pieces is a connection that gives octets in small pieces.
type pieces struct {
	net.Conn
	b []byte
	n int
}

func (p *pieces) Read(b []byte) (int, error) {
	n := min(p.n, len(b), len(p.b))
	if n == 0 {
		return 0, errFault
	}
	copy(b, p.b[:n])
	p.b = p.b[n:]
	return n, nil
}

// Sequence numbers are translated however the octets come; all else stays.
func FuzzWireRead(f *testing.F) {
	stream := smpp.AppendFrame(nil, smpp.Header{Command: smpp.DeliverSMResp, Seq: 0x80000001}, []byte{0})
	stream = smpp.AppendFrame(stream, smpp.Header{Command: smpp.SubmitSM, Seq: 0x80000001}, []byte("body"))
	stream = smpp.AppendFrame(stream, smpp.Header{Command: smpp.DeliverSMResp, Seq: 0x80000002}, []byte{0})
	for n := 1; n < 20; n++ {
		f.Add(stream, n)
	}
	f.Add(append([]byte{0, 0, 0, 1}, stream...), 3)
	f.Fuzz(func(t *testing.T, stream []byte, n int) {
		if n < 1 {
			return
		}
		w := newWire(&pieces{b: stream, n: n}, FromHigh)
		w.back[0x80000001], w.back[0x80000002] = 1, 2
		want := bytes.Clone(stream)
		seen := map[uint32]bool{}
		for rest := want; len(rest) >= smpp.HeaderLen; {
			size := binary.BigEndian.Uint32(rest)
			if seq := binary.BigEndian.Uint32(rest[12:]); rest[4]&0x80 != 0 {
				own := uint32(0)
				if !seen[seq] && (seq == 0x80000001 || seq == 0x80000002) {
					own, seen[seq] = seq&0xFF, true
				}
				binary.BigEndian.PutUint32(rest[12:], own)
			}
			if size < smpp.HeaderLen || int64(size) > int64(len(rest)) {
				break
			}
			rest = rest[size:]
		}
		var got []byte
		buf := make([]byte, 64)
		for {
			k, err := w.Read(buf)
			got = append(got, buf[:k]...)
			if err != nil {
				break
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("in pieces of %d\n got %X\nwant %X", n, got, want)
		}
	})
}
