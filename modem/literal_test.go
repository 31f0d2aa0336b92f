package modem

import (
	"testing"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// PDUs for AT+CMGS, octet by octet (TS 27.005 3.1; TS 23.040 9.2.2.2): 00, the
// zero address of the centre; 51 is SMS-SUBMIT (01) with a relative TP-VP (10)
// and a UDH (40); 20 asks for a status report; 00 is the TP-MR, which the modem puts.
func TestPDUOctets(t *testing.T) {
	seg := bearer.Segment{Dest: "46701234567", PID: 0x7F, DCS: 0xF6, UDH: []byte{2, 0x70, 0}, UD: []byte{0xAA, 0x1B}}
	for name, tc := range map[string]struct {
		edit   func(*bearer.Segment)
		want   string
		length int
	}{
		"no validity": {func(*bearer.Segment) {}, "00" + "4100" + "0B916407214365F7" + "7FF6" + "05027000AA1B", 18},
		"90 s":        {func(s *bearer.Segment) { s.Validity = 90 * time.Second }, "00" + "5100" + "0B916407214365F7" + "7FF6" + "00" + "05027000AA1B", 19},
		"15 min":      {func(s *bearer.Segment) { s.Validity = 15 * time.Minute }, "00" + "5100" + "0B916407214365F7" + "7FF6" + "02" + "05027000AA1B", 19},
		"12 h":        {func(s *bearer.Segment) { s.Validity = 12 * time.Hour }, "00" + "5100" + "0B916407214365F7" + "7FF6" + "8F" + "05027000AA1B", 19},
		"1 d":         {func(s *bearer.Segment) { s.Validity = 24 * time.Hour }, "00" + "5100" + "0B916407214365F7" + "7FF6" + "A7" + "05027000AA1B", 19},
		"a report":    {func(s *bearer.Segment) { s.Report = true }, "00" + "6100" + "0B916407214365F7" + "7FF6" + "05027000AA1B", 18},
		"even number": {func(s *bearer.Segment) { s.Dest = "4670123456" }, "00" + "4100" + "0A916407214365" + "7FF6" + "05027000AA1B", 17},
		"no UDH":      {func(s *bearer.Segment) { s.UDH = nil }, "00" + "0100" + "0B916407214365F7" + "7FF6" + "02AA1B", 15},
		"7-bit hello": {func(s *bearer.Segment) {
			s.PID, s.DCS, s.UDH, s.UD, s.Septets = 0, 0, nil, []byte{0xE8, 0x32, 0x9B, 0xFD, 0x06}, 5
		}, "00" + "0100" + "0B916407214365F7" + "0000" + "05E8329BFD06", 18},
		"a full one":   {func(s *bearer.Segment) { s.UD = make([]byte, 137) }, "", 153},
		"one too many": {func(s *bearer.Segment) { s.UD = make([]byte, 138) }, "", 0},
	} {
		s := seg
		tc.edit(&s)
		pdu, length, err := encode(&s)
		if (err != nil) != (tc.length == 0) || length != tc.length || tc.want != "" && pdu != tc.want {
			t.Errorf("%s:\nhave %s, %d, %v\nwant %s, %d", name, pdu, length, err, tc.want, tc.length)
		}
	}
}

// What is cut out of a PDU of the modem: the TPDU behind the address of the centre.
func TestTPDUOf(t *testing.T) {
	for _, tc := range []struct {
		pdu    string
		length int
		want   int // octets; -1: refused
	}{
		{"0004AABB", 3, 3},
		{"0004AABB", -1, 3},
		{"0004AABB", 4, 3}, // counts the address
		{"0004AABB", 2, -1},
		{"0004AABB", 5, -1},
		{"079164070000000004AA", 2, 2},
		{"079164070000000004AA", 10, 2},
		{"0791640700000000", -1, -1}, // nothing behind
		{"08916407000000000", -1, -1},
		{"0891640700000000", -1, -1},
		{"", -1, -1},
		{"00", -1, -1},
		{"0001", 1, 1},
		{"00XX", -1, -1},
	} {
		b, err := tpduOf(tc.pdu, tc.length)
		if err != nil != (tc.want < 0) || err == nil && len(b) != tc.want {
			t.Errorf("%q, %d: %x, %v", tc.pdu, tc.length, b, err)
		}
	}
}

// Where a message comes from, as networks write it. The last digits of the
// numbers differ, so that a prefix also stands inside a number.
func TestNumberOf(t *testing.T) {
	for _, tc := range []struct {
		cc   string
		ton  byte
		text string
		want string // "": refused
	}{
		{"41", sms.TONInternational, "41790041041", "41790041041"},
		{"41", sms.TONInternational, "0041790041041", "41790041041"},
		{"41", sms.TONNational, "790041041", "41790041041"},
		{"41", sms.TONNational, "0790041041", "41790041041"},
		{"41", sms.TONNational, "417900410", "41417900410"}, // national, though it begins like the country
		{"41", sms.TONUnknown, "41790041041", "41790041041"},
		{"41", sms.TONUnknown, "0790041041", "41790041041"},
		{"41", sms.TONUnknown, "0041790041041", "41790041041"},
		{"41", sms.TONUnknown, "790041041", "41790041041"},
		{"41", sms.TONUnknown, "491700000041", "491700000041"}, // long enough to be whole
		{"", sms.TONUnknown, "41790041041", "41790041041"},
		{"", sms.TONUnknown, "0790041041", ""},
		{"", sms.TONAlphanumeric, "INFO", ""},
		{"41", sms.TONAlphanumeric, "0790041041", ""},
	} {
		o := &Options{CountryCode: tc.cc}
		n, err := o.number(sms.Address{TON: tc.ton, NPI: 1, Number: tc.text})
		if err != nil != (tc.want == "") || string(n) != tc.want && err == nil {
			t.Errorf("%q, type %d, country %q: %q, %v", tc.text, tc.ton, tc.cc, n, err)
		}
	}
}

// Codes of +CMS ERROR by what they mean (TS 24.011 E.2, TS 23.040 9.2.3.22,
// TS 27.005 3.2.5), written down once more; what is not there is unclear.
func TestCauses(t *testing.T) {
	classes := map[Class][]int{
		Permanent: {1, 8, 10, 28, 29, 30, 50, 69, 81, 95, 96, 97, 98, 99, 111, 143, 144, 145, 159, 176, 193, 195, 196, 197, 198, 199, 304, 305},
		Later:     {27, 38, 41, 42, 47, 192, 194, 300, 302, 332},
		Site:      {21, 127, 301, 303, 330, 331},
		SIM:       {310, 311, 312, 313, 314, 315, 316, 317, 318},
		Storage:   {208, 211, 320, 321, 322},
		Ours:      {340},
	}
	want := map[int]Class{}
	for class, codes := range classes {
		for _, c := range codes {
			want[c] = class
		}
	}
	mayHave := map[int]bool{38: true, 41: true, 300: true, 332: true}
	for code := range 600 {
		e := &Error{Command: "+CMGS", Kind: "CMS", Code: code}
		if e.Class() != want[code] {
			t.Errorf("%d is %s, want %s", code, e.Class(), want[code])
		}
		if have := e.maybe(); have != (want[code] == Unclear || mayHave[code]) {
			t.Errorf("%d: the network may have it: %v", code, have)
		}
		if _, listed := want[code]; listed == (causes[code].text == "") {
			t.Errorf("%d says %q", code, causes[code].text)
		}
		if c := (&Error{Kind: "CME", Code: code}).Class(); c != Unclear {
			t.Errorf("+CME ERROR %d is %s", code, c)
		}
	}
	for e, text := range map[Error]string{
		{Command: "+CMGS", Kind: "CMS", Code: 42}:                     "AT+CMGS: CMS error 42 (congestion)",
		{Command: "+CMGS", Kind: "CMS", Code: 500}:                    "AT+CMGS: CMS error 500",
		{Command: "+CMGS", Kind: "CMS", Code: 0}:                      "AT+CMGS: CMS error 0",
		{Command: "+CPIN", Kind: "CME", Code: 10}:                     "AT+CPIN: CME error 10 (SIM not inserted)",
		{Command: "+CPIN", Kind: "CME", Code: -1, Text: "SIM failed"}: `AT+CPIN: CME error "SIM failed"`,
		{Command: "+CMGS"}:                                            "AT+CMGS: ERROR",
	} {
		if have := e.Error(); have != text {
			t.Errorf("%q, want %q", have, text)
		}
	}
	if e := (&Error{Kind: "CMS", Code: -1}); e.Class() != Unclear || !e.maybe() {
		t.Errorf("a code in words is %s", e.Class())
	}
	for class, text := range map[Class]string{Unclear: "unclear", Permanent: "permanent", Later: "later", Site: "site", SIM: "sim", Storage: "storage", Ours: "ours"} {
		if class.String() != text {
			t.Errorf("class %d is %q", class, class)
		}
	}
}
