package esme

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// The policy that holds when none is given, written down once more.
func TestDefaultPolicyLiterals(t *testing.T) {
	want := map[smpp.Status]Action{
		0x58: {Do: Head, Pause: time.Second, Tries: 5, Slow: true}, // ESME_RTHROTTLED
		0x14: {Do: Tail, Delay: 2 * time.Second, Tries: 4},         // ESME_RMSGQFUL
		0x08: {Do: Tail, Delay: time.Second, Tries: 3},             // ESME_RSYSERR
		0x64: {Do: Tail, Delay: time.Second, Tries: 3},             // ESME_RX_T_APPN
		0xFF: {Do: Tail, Delay: time.Second, Tries: 3},             // ESME_RUNKNOWNERR
		0xFE: {Do: Tail, Delay: time.Second, Tries: 3},             // ESME_RDELIVERYFAILURE
		0x45: {Do: Tail, Delay: time.Second, Tries: 2},             // ESME_RSUBMITFAIL
		0x04: {Do: Head, Tries: 3, Leave: true},                    // ESME_RINVBNDSTS
	}
	have := DefaultPolicy()
	for st := range smpp.Status(0x500) {
		if have[st] != want[st] {
			t.Errorf("%08X: %+v, want %+v", uint32(st), have[st], want[st])
		}
	}
	for a, longest := range map[Action]time.Duration{
		{Do: Tail, Delay: time.Second, Tries: 3}:                         2 * time.Second,
		{Do: Tail, Delay: time.Second, Tries: 2}:                         time.Second,
		{Do: Tail, Delay: time.Second, Tries: 1}:                         0,
		{Do: Head, Pause: 3 * time.Second, Delay: time.Second, Tries: 2}: 3 * time.Second,
		{Do: Busy, Delay: time.Second, Tries: 9}:                         0,
		{Do: Refuse, Pause: time.Second, Tries: 9}:                       0,
	} {
		if have := a.Longest(); have != longest {
			t.Errorf("%+v: kept for %s, want %s", a, have, longest)
		}
	}
}

// validity_period as the centre reads it (SMPP 3.4 7.1.1.2).
func TestRelativeTimeLiterals(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		-time.Second: "", 0: "", time.Nanosecond: "000000000001000R", time.Second: "000000000001000R", 59 * time.Second: "000000000059000R",
		time.Minute: "000000000100000R", 59 * time.Minute: "000000005900000R", time.Hour: "000000010000000R", 23 * time.Hour: "000000230000000R",
		day: "000001000000000R", 29 * day: "000029000000000R", 30 * day: "000100000000000R", 364 * day: "001204000000000R", 365 * day: "010000000000000R",
		36500 * day: "990000000000000R",
	} {
		if have := relativeTime(d); have != want {
			t.Errorf("%s: %q, want %q", d, have, want)
		}
	}
}

// The validity that a message gets: its own, else the bearer's, else none.
func TestValidityOfMessages(t *testing.T) {
	for _, tc := range []struct {
		own, all time.Duration
		no       bool
		want     string
	}{
		{90 * time.Second, 0, false, "000000000130000R"},
		{90 * time.Second, time.Hour, false, "000000000130000R"},
		{0, time.Hour, false, "000000010000000R"},
		{0, 0, false, ""},
		{90 * time.Second, time.Hour, true, ""},
	} {
		o := &Options{Validity: tc.all, Quirks: Quirks{NoValidity: tc.no}}
		m, err := o.encode(&bearer.Segment{Dest: "41790000001", UD: []byte{1}, Validity: tc.own})
		if err != nil || m.ValidityPeriod != tc.want {
			t.Errorf("%+v: %v, %v", tc, m, err)
		}
	}
}

// A source goes by how a number begins; a prefix that stands inside is none.
func TestSourceByPrefix(t *testing.T) {
	at := func(s string) smpp.Address { return smpp.Address{TON: 1, NPI: 1, Addr: s} }
	rules := SourceRules{{Prefix: "41", Address: at("1")}, {Address: at("0")}, {Prefix: "4179", Address: at("2")}, {Prefix: "4179", Address: at("3")}}
	for number, want := range map[sms.MSISDN]string{"41310000000": "1", "41790000000": "2", "41314179000": "1", "49417900000": "0", "35800004179": "0", "41": "1", "4": "0"} {
		if have := rules.find(number); have != at(want) {
			t.Errorf("%s: %+v, want %s", number, have, want)
		}
	}
	if have := rules[:1].find("49410000000"); have != (smpp.Address{}) {
		t.Errorf("no rule: %+v", have)
	}
}

// sar_* parameters and the element that they stand for, in octets (TS 23.040
// 9.2.3.24.1 and .8; SMPP 3.4 5.3.2.22 to .24).
func TestSARLiterals(t *testing.T) {
	tlvs := func(total, part byte) smpp.TLVs {
		return smpp.TLVs{{Tag: 0x020C, Value: []byte{0x12, 0x34}}, {Tag: 0x020E, Value: []byte{total}}, {Tag: 0x020F, Value: []byte{part}}}
	}
	for _, tc := range []struct {
		udh  string
		tlvs smpp.TLVs
		want string
	}{
		{"", tlvs(3, 2), "06080412340302"},
		{"027000", tlvs(3, 2), "08080412340302" + "7000"},
		{"00", tlvs(3, 2), "06080412340302"},
		{"", tlvs(2, 1), "06080412340201"},
		{"", tlvs(1, 1), ""},
		{"", tlvs(0, 1), ""},
		{"", tlvs(3, 2)[:2], ""},
		{"", tlvs(3, 2)[1:], ""},
		{"0500032A0302", tlvs(3, 2), "0500032A0302"}, // it has one
	} {
		udh, err := hex.DecodeString(tc.udh)
		if err != nil {
			t.Fatal(err)
		}
		want, err := hex.DecodeString(tc.want)
		if err != nil {
			t.Fatal(err)
		}
		if have := sarToUDH(udh, tc.tlvs); hex.EncodeToString(have) != hex.EncodeToString(want) {
			t.Errorf("%s with %v: %x, want %x", tc.udh, tc.tlvs, have, want)
		}
	}
	for text, want := range map[string]struct {
		rest        string
		ref         string
		total, part byte
	}{
		"0500032A0302":   {"", "002a", 3, 2},
		"06080412340302": {"", "1234", 3, 2},
	} {
		udh, err := hex.DecodeString(text)
		if err != nil {
			continue
		}
		rest, tlvs := udhToSAR(udh)
		if hex.EncodeToString(rest) != want.rest || len(tlvs) != 3 || tlvs[0].Tag != 0x020C || hex.EncodeToString(tlvs[0].Value) != want.ref ||
			tlvs[1].Tag != 0x020E || tlvs[1].Value[0] != want.total || tlvs[2].Tag != 0x020F || tlvs[2].Value[0] != want.part {
			t.Errorf("%s: %x, %v", text, rest, tlvs)
		}
	}
}

// What is said of a failed delivery: three octets of network_error_code (SMPP
// 3.4 5.3.2.31), else the field of the text, of which only letters and digits.
func TestNetworkErrorLiterals(t *testing.T) {
	for _, tc := range []struct {
		value string
		text  string
		want  string
	}{
		{"03001f", "", "network error 3/31"},
		{"030102", "9", "network error 3/258"},
		{"0300", "12", "err 12"},
		{"", "", ""},
		{"", "000", ""},
		{"", "a;b\n", "err ab"},
		{"", "123456789", "err 12345678"},
	} {
		var tlvs smpp.TLVs
		if tc.value != "" {
			v, err := hex.DecodeString(tc.value)
			if err != nil {
				t.Fatal(err)
			}
			tlvs = smpp.TLVs{{Tag: smpp.TagNetworkErrorCode, Value: v}}
		}
		if have := networkError(tlvs, tc.text); have != tc.want {
			t.Errorf("%s, %q: %q, want %q", tc.value, tc.text, have, tc.want)
		}
	}
}

// Which texts are 7-bit text, and which octets pass as they are.
func TestIsTextLiterals(t *testing.T) {
	for _, tc := range []struct {
		pid, dcs byte
		udh, ud  string
		want     bool
	}{
		{0, 0, "", "Hello", true},
		{0, 0, "", "\x7f", true},
		{0, 0, "", "\x80", false},
		{0, 1, "", "Hello", false},
		{0, 0x0F, "", "Hello", false},
		{0, 0x10, "", "Hello", true},
		{0, 4, "", "Hello", false},
		{0, 0xF6, "", "Hello", false},
		{0x7F, 0, "", "Hello", false},
		{0, 0, "\x02\x70\x00", "Hello", false},
		{0, 0, "\x05\x00\x03\x2a\x02\x01", "Hello", true},
	} {
		mo := &bearer.MO{PID: tc.pid, DCS: tc.dcs, UDH: []byte(tc.udh), UD: []byte(tc.ud)}
		if have := isText(mo); have != tc.want {
			t.Errorf("%+v: %v", tc, have)
		}
	}
}
