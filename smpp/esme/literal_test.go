package esme

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
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
		{Do: Head, Delay: time.Second, Tries: 2, Slow: true}:             2 * time.Second, // half a segment a second
		{Do: Head, Delay: 3 * time.Second, Tries: 2, Slow: true}:         3 * time.Second,
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
		{"", "/09:@AZ[", "err 09AZ"},
		{"", "`az{", "err az"},
		{"03001f00", "7", "err 7"},
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

// What a deliver_sm is, by esm_class (SMPP 3.4 5.2.12) and alphabet: a header
// where bit 6 says so, and 7-bit text packed as it was on the air (TS 23.038
// 6.1.2.1), behind a header from the next septet on.
func TestDecodeLiterals(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		class, pid, dcs byte
		data            string
		udh, ud         string
		septets         int
		bad             bool
	}{
		"a packet":              {0x40, 0x7F, 0xF6, "027100AABB", "027100", "aabb", 0, false},
		"in another mode":       {0x43, 0x7F, 0xF6, "027100AABB", "027100", "aabb", 0, false},
		"no header, any mode":   {0x03, 0, 0x04, "027100AABB", "", "027100aabb", 0, false},
		"no header, reply path": {0x80, 0, 0x04, "027100AABB", "", "027100aabb", 0, false},
		"nothing but a header":  {0x40, 0, 0x04, "027100", "027100", "", 0, false},
		"header too long":       {0x40, 0, 0x04, "037100", "", "", 0, true},
		"no header at all":      {0x40, 0, 0x04, "", "", "", 0, true},
		"text":                  {0, 0, 0, "48656C6C6F", "", "c8329bfd06", 5, false},
		"text of a part":        {0x40, 0, 0, "0500032A020148656C6C6F", "0500032a0201", "906536fb0d", 12, false},
		"text of no length":     {0, 0, 0, "", "", "", 0, false},
		"UCS2":                  {0, 0, 8, "00480069", "", "00480069", 0, false},
	} {
		data, err := hex.DecodeString(tc.data)
		if err != nil {
			t.Fatal(err)
		}
		m := &smpp.Message{
			Source: smpp.Address{TON: 1, NPI: 1, Addr: "41790000001"}, Dest: smpp.Address{Addr: "4242"},
			ESMClass: tc.class, ProtocolID: tc.pid, DataCoding: tc.dcs, ShortMessage: data,
		}
		mo, err := (&Options{Name: "north"}).decode(m, at)
		if tc.bad {
			if !errors.Is(err, errUDH) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || hex.EncodeToString(mo.UDH) != tc.udh || hex.EncodeToString(mo.UD) != tc.ud || mo.Septets != tc.septets {
			t.Errorf("%s: %x %x, %d septets, %v", name, mo.UDH, mo.UD, mo.Septets, err)
		}
		if mo.Bearer != "north" || mo.Source != "41790000001" || mo.Dest != "4242" || mo.PID != tc.pid || mo.DCS != tc.dcs || !mo.ReceivedAt.Equal(at) {
			t.Errorf("%s: %+v", name, mo)
		}
	}
}

// The borders of a line of the policy.
func TestPolicyBorders(t *testing.T) {
	for line, want := range map[string]Action{
		"ESME_RMSGQFUL tail 1":                   {Do: Tail, Tries: 1},
		"RMSGQFUL tail 1000":                     {Do: Tail, Tries: 1000},
		"20 head":                                {Do: Head, Tries: 3},
		"0x14 busy delay=1h pause=1ns":           {Do: Busy, Tries: 3, Delay: time.Hour, Pause: 1},
		"ESME_RMSGQFUL refuse slow leave":        {Do: Refuse, Tries: 3, Slow: true, Leave: true},
		"ESME_RMSGQFUL tail 2 delay=2s pause=3s": {Do: Tail, Tries: 2, Delay: 2 * time.Second, Pause: 3 * time.Second},
		"ESME_RMSGQFUL tail 0":                   {},
		"ESME_RMSGQFUL tail 1001":                {},
		"ESME_RMSGQFUL tail delay=0s":            {},
		"ESME_RMSGQFUL tail delay=1h0m1s":        {},
		"ESME_RMSGQFUL tail pause=-1s":           {},
		"ESME_RMSGQFUL tail slow=1":              {},
		"ESME_RMSGQFUL tail 2x":                  {},
		"ESME_RMSGQFUL":                          {},
		"ESME_RMSGQFUL sometimes":                {},
		"ESME_ROK busy":                          {},
		"0 busy":                                 {},
		"0x100000000 busy":                       {},
		"ESME_NOTHING busy":                      {},
	} {
		table, err := ParsePolicy(Policy{1: {Do: Busy}}, []string{line})
		bad := want == (Action{})
		if (err != nil) != bad || !bad && (table[0x14] != want || table[1] != (Action{Do: Busy})) {
			t.Errorf("%q: %+v, %v", line, table, err)
		}
	}
	if table, err := ParsePolicy(nil, []string{"0xFFFFFFFF busy"}); err != nil || table[0xFFFFFFFF].Do != Busy {
		t.Errorf("%v, %v", table, err)
	}
}

// What holds where nothing is said, and how the connections are named.
func TestDefaultsOfOptions(t *testing.T) {
	o := Options{Name: "north", Address: "smsc.example.net:2775", Bind: smpp.Bind{SystemID: "x"}, Inbox: &inbox{}}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for what, v := range map[string][2]time.Duration{
		"dial": {c.o.DialTimeout, 10 * time.Second}, "bind": {c.o.BindTimeout, 10 * time.Second}, "response": {c.o.ResponseTimeout, 30 * time.Second},
		"write": {c.o.WriteTimeout, 10 * time.Second}, "enquire after": {c.o.EnquireInterval, 30 * time.Second}, "enquire": {c.o.EnquireTimeout, 10 * time.Second},
		"retry": {c.o.RetryFirst, 500 * time.Millisecond}, "retry at most": {c.o.RetryMost, 30 * time.Second}, "deliver": {c.o.DeliverTimeout, 20 * time.Second},
		"drain": {c.o.DrainTimeout, 10 * time.Second}, "seen": {c.o.Seen, 10 * time.Minute},
	} {
		if v[0] != v[1] {
			t.Errorf("%s: %v, want %v", what, v[0], v[1])
		}
	}
	if c.o.Binds != 1 || c.o.Window != 10 || c.o.Queue != 1000 || c.o.Inbound != 256 || c.o.Bind.InterfaceVersion != 0x34 || c.pace.limit() != 0 {
		t.Errorf("%+v", c.o)
	}
	for mode, want := range map[Mode]string{
		Transceiver: "north/1 north/2", Pair: "north/1-tx north/1-rx north/2-tx north/2-rx", Transmitter: "north/1-tx north/2-tx", Receiver: "north/1-rx north/2-rx",
	} {
		o.Mode, o.Binds = mode, 2
		c, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, l := range c.links {
			names = append(names, l.name)
		}
		if have := strings.Join(names, " "); have != want {
			t.Errorf("mode %d: %s, want %s", mode, have, want)
		}
	}
	for change, good := range map[*Options]bool{
		{Window: 1000, Binds: 1000}: true, {Window: 1001}: false, {Binds: 1001}: false, {Mode: Receiver + 1}: false,
	} {
		o := *change
		o.Name, o.Address, o.Bind.SystemID, o.Inbox = "north", "smsc.example.net:2775", "x", &inbox{}
		if err := o.complete(); (err == nil) != good {
			t.Errorf("window %d, binds %d, mode %d: %v", o.Window, o.Binds, o.Mode, err)
		}
	}
	// What a bind had under way when it ended is no error of the operator's.
	for err, want := range map[error]slog.Level{context.Canceled: slog.LevelDebug, context.DeadlineExceeded: slog.LevelError, errNotBound: slog.LevelError} {
		if have := failed(err); have != want {
			t.Errorf("%v is %s", err, have)
		}
	}
}

// The tap has the PDUs of each connection, under the name of it.
func TestTap(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	tap := func(bind string, _, _ net.Addr) func(bool, []byte) {
		return func(out bool, pdu []byte) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprint(bind, " ", out, " ", hex.EncodeToString(pdu[4:8])))
		}
	}
	bubble(t, Options{Tap: tap}, nil, func(l *lab) { l.want(l.submit(l.Context(), 1), "1", nil) })
	want := []string{"north/1 true 00000009", "north/1 false 80000009", "north/1 true 00000004", "north/1 false 80000004", "north/1 true 00000006", "north/1 false 80000006"}
	if !slices.Equal(seen, want) {
		t.Errorf("%q, want %q", seen, want)
	}
}
