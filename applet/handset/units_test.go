package handset

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/simsign/simsign/ota/sms"
)

// The numbers of TS 102 223 9.4 and 8.12, and of TS 102 221 10.2.1, written
// down a second time, with what a trace says of them.
func TestNames(t *testing.T) {
	commands := map[CommandType]string{
		0x01: "REFRESH", 0x02: "MORE TIME", 0x03: "POLL INTERVAL", 0x05: "SET UP EVENT LIST", 0x13: "SEND SHORT MESSAGE", 0x20: "PLAY TONE",
		0x21: "DISPLAY TEXT", 0x22: "GET INKEY", 0x23: "GET INPUT", 0x24: "SELECT ITEM", 0x25: "SET UP MENU", 0x26: "PROVIDE LOCAL INFORMATION",
		0x27: "TIMER MANAGEMENT", 0x28: "SET UP IDLE MODE TEXT",
	}
	for n := range 256 {
		want, ok := commands[CommandType(n)]
		if !ok {
			want = fmt.Sprintf("command %02X", n)
		}
		if have := CommandType(n).String(); have != want {
			t.Errorf("command %02X is %q, want %q", n, have, want)
		}
	}
	results := map[Result]string{
		0x00: "performed", 0x01: "performed with partial comprehension", 0x02: "performed with missing information", 0x10: "ended by the user", 0x11: "back",
		0x12: "no response from the user", 0x13: "help wanted", 0x20: "terminal currently unable", 0x21: "network currently unable", 0x22: "not accepted by the user",
		0x30: "beyond the terminal's capabilities", 0x31: "command type not understood", 0x32: "command data not understood", 0x33: "command number not known",
		0x35: "short message not sent", 0x36: "required values are missing",
	}
	for n := range 256 {
		want, ok := results[Result(n)]
		switch {
		case ok:
		case n < 0x10:
			want = "performed, not wholly"
		case n >= 0x20 && n < 0x30:
			want = "currently unable"
		default:
			want = "not performed"
		}
		if have := Result(n).String(); have != fmt.Sprintf("%02X %s", n, want) {
			t.Errorf("result %q, want %q", have, want)
		}
	}
	for sw, want := range map[status]string{
		0x9000: "done", 0x9300: "toolkit is busy", 0x6A82: "no such file", 0x6A86: "wrong P1 P2", 0x6D00: "instruction unknown", 0x6E00: "class unknown", 0x6E01: "error",
		0x9110: "done, a proactive command of 16 octets waits", 0x6105: "5 octets to be had with GET RESPONSE", 0x9F00: "256 octets to be had with GET RESPONSE",
		0x6C0A: "wrong length, 10 octets are there", 0x6700: "wrong length", 0x6200: "warning", 0x63C2: "warning", 0x6F00: "error", 0x9400: "error", 0xA000: "error",
	} {
		if have := sw.meaning(); have != want {
			t.Errorf("%s is %q, want %q", sw, have, want)
		}
	}
}

// What a trace shows of a proactive command and of a short message.
func TestTraceFields(t *testing.T) {
	c, err := parseCommand(unhex("D034 8103072484 82028182 850454697465 8D03044869 91020408 84020114 8F0201 43 8F0202 55 90 01 02 8500 AB00 17030458 59 19020507"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Field{{"number", "7"}, {"qualifier", "84"}, {"text", "Hi"}, {"DCS", "04"}, {"alpha", "Tite"}, {"length", "4 to 8"}, {"duration", "20s"}, {"item", "1 C"}, {"item", "2 U"}}
	if d := cmp.Diff(want, c.fields()); d != "" {
		t.Error(d)
	}
	if c.device != 0x82 || !c.immediate || hex.EncodeToString(c.itemID) != "02" || string(c.defaultText) != "\x04XY" {
		t.Errorf("%+v", c)
	}
	none, err := parseCommand(unhex("D009 8103012180 82028102"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Field{{"number", "1"}, {"qualifier", "80"}}, none.fields()); d != "" {
		t.Error(d)
	}
	submit := unhex("41 55 04 81 09 00 7F F6 06 027100 010203")
	want = []Field{{"TP-MR", "85"}, {"to", "9000"}, {"TP-PID", "7F"}, {"TP-DCS", "F6"}, {"UDH", "027100"}, {"part", "1 of 1"}, {"packet", "response"}, {"user data", "3 octets"}}
	if d := cmp.Diff(want, submitFields(submit)); d != "" {
		t.Error(d)
	}
	if f := submitFields(submit[:5]); f != nil {
		t.Errorf("half a message: %v", f)
	}
	d, err := sms.ParseDeliver(unhex("04 04 81 09 00 00 04 00101000000000 02 0102"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Field{{"from", "9000"}, {"TP-PID", "00"}, {"TP-DCS", "04"}, {"user data", "2 octets"}}, deliverFields(&d)); d != "" {
		t.Error(d)
	}
}

// Objects and commands of a card that cannot be read, each for one reason.
func TestUnreadable(t *testing.T) {
	for octets, says := range map[string]string{
		"":                                  "begins with D0",
		"D1":                                "begins with D0",
		"D109 8103012180 82028102":          "begins with D0",
		"D082 0009":                         "length octet 82",
		"D081":                              "length octet 81",
		"D00A 8103012180 82028102":          "of 10 octets, have 9",
		"D0810A 8103012180 82028102":        "of 10 octets, have 9",
		"D009 82028102 8103012180":          "details (3 octets) must come first",
		"D008 81020121 82028102":            "details (3 octets) must come first",
		"D000":                              "no command details",
		"D00A 8103012180 82028102 8D":       "need 2 octets, have 1",
		"D00B 8103012180 82028102 8D81":     "length octet 81",
		"D00C 8103012180 82028102 8D8201":   "length octet 82",
		"D00C 8103012180 82028102 8D0204":   "tag 0D needs 2 octets, have 1",
		"D00D 8103012180 82028102 8D810204": "tag 0D needs 2 octets, have 1",
		"D00B 8103012180 82028102 7F00":     "tag 7F is reserved",
		"D00B 8103012180 82028102 FF00":     "tag FF is reserved",
		"D00B 8103012180 82028102 0000":     "tag 00 is reserved",
	} {
		if _, err := parseCommand(unhex(octets)); !errors.Is(err, errTLV) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", octets, err, says)
		}
	}
	for _, octets := range []string{"D009 8103012180 82028102", "D08109 8103012180 82028102", "D00D 8103012180 82028102 8D810104", "D009 0103012180 02028102 FF", "D0818A 8103012180 82028102 8D7F" + strings.Repeat("04", 127)} {
		if c, err := parseCommand(unhex(octets)); err != nil || c.kind != DisplayText || c.device != 0x02 || c.number != 1 || c.qualifier != 0x80 {
			t.Errorf("%s: %+v, %v", octets, c, err)
		}
	}
}

// Files of a USIM: the service table (TS 31.102 4.2.8) and the service centre
// in EF.SMSP (TS 31.102 4.2.25).
func TestUSIMFiles(t *testing.T) {
	for n, want := range map[int]bool{1: false, 2: true, 8: false, 9: true, 28: true, 27: false, 32: false, 33: false} {
		if have := ust(unhex("02010008")).has(n); have != want {
			t.Errorf("service %d: %v", n, have)
		}
	}
	const before = "FFFFFFFFFFFFFFFFFFFFFFFFFD" + "FFFFFFFFFFFFFFFFFFFFFFFF"
	for centre, want := range map[string]string{
		"07" + "91947101670000" + "FFFFFFFF": "91947101670000", "02" + "8121" + strings.Repeat("FF", 9): "8121", "0B" + "91" + strings.Repeat("21", 10): "91" + strings.Repeat("21", 10),
		"01" + "91" + strings.Repeat("FF", 10): "", "00" + strings.Repeat("FF", 11): "", "0C" + "91" + strings.Repeat("21", 10): "", "FF" + strings.Repeat("FF", 11): "",
		"07" + "9194710167FF00" + "FFFFFFFF": "",
	} {
		record := unhex(before + centre + "FFFFFF")
		if have := smscOf(record); strings.ToUpper(hex.EncodeToString(have)) != want {
			t.Errorf("%s: %X", centre, have)
		}
		if have := smscOf(record[len(record)-15:]); strings.ToUpper(hex.EncodeToString(have)) != want {
			t.Errorf("%s without a name: %X", centre, have)
		}
	}
	if have := smscOf(make([]byte, 14)); have != nil {
		t.Errorf("14 octets: %X", have)
	}
}

// Texts of each coding (TS 102 223 8.15), and what is none.
func TestTextCodings(t *testing.T) {
	for octets, want := range map[string]string{
		"": "", "04": "", "0448690A1B65": "Hi\n€", "0441427A": "ABz", "043F3B00": "?;@", "042402": "¤$", "045B": "Ä", "0440": "¡", "0460": "¿", "047B": "ä", "081234": "ሴ",
		"00C834": "Hi", "0031D98C56B3DD1A": "1234567", "0031D98C56B3DD70": "12345678", "000D": "\r", "F448": "H", "F048": "H",
	} {
		if have, _, _, ok := text(unhex(octets)); !ok || have != want {
			t.Errorf("%s: %q, %v, want %q", octets, have, ok, want)
		}
	}
	for _, octets := range []string{"0C41", "0841", "FC41"} {
		if have, dcs, rest, ok := text(unhex(octets)); ok || have != "" || dcs != unhex(octets)[0] || len(rest) != 1 {
			t.Errorf("%s: %q", octets, have)
		}
	}
	// Packing by the phone (TS 102 223 6.4.10): with a header, fill bits.
	for in, want := range map[string]string{
		"01 55 04 81 0900 00 F4 05 68656C6C6F": "01 55 04 81 0900 00 F0 05 E8329BFD06", "01 55 04 81 0900 00 04 05 68656C6C6F": "01 55 04 81 0900 00 00 05 E8329BFD06",
		"01 55 04 81 0900 00 F5 05 68656C6C6F": "01 55 04 81 0900 00 F1 05 E8329BFD06", "01 55 04 81 0900 00 15 05 68656C6C6F": "01 55 04 81 0900 00 11 05 E8329BFD06",
		"41 55 04 81 0900 00 04 0B 050003070201 68656C6C6F": "41 55 04 81 0900 00 00 0C 050003070201 D06536FB0D",
	} {
		if have, ok := pack(unhex(in)); !ok || hex.EncodeToString(have) != hex.EncodeToString(unhex(want)) {
			t.Errorf("%s: %x, %v", in, have, ok)
		}
	}
	for _, in := range []string{"", "0155", "00 55 04 81 0900 00 F4 05 68656C6C6F"} {
		if have, ok := pack(unhex(in)); ok || have != nil {
			t.Errorf("%q is packed as %x", in, have)
		}
	}
}

// Parts of plain messages are joined by sender, reference, its width and the
// count, within an hour, and of sixteen messages at once (TS 23.040 9.2.3.24.1).
func TestJoinParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var v view
		b := &inbox{view: &v, clock: time.Now}
		put := func(from, udh, text string) {
			ton := byte(1)
			if len(from) < 6 {
				ton = 0
			}
			b.plain(&sms.Deliver{Originator: sms.Address{TON: ton, NPI: 1, Number: from}, DCS: sms.DCSUCS2, UDH: unhex(udh), UD: unhex(text)})
		}
		take := func(what, want string) {
			t.Helper()
			have := ""
			for _, m := range v.state.Inbox {
				have += m.From + ":" + m.Text + " "
			}
			if v.state.Inbox = nil; have != want {
				t.Errorf("%s: %q, want %q", what, have, want)
			}
		}
		const a, z = "0041", "005A"
		put("41790000001", "0500030702 02", z)
		put("41790000002", "0500030702 01", a)
		put("41790000001", "0500030802 01", a)
		put("41790000001", "0608040007 02 01", a)
		put("41790000001", "0500030703 01", a)
		take("others", "")
		put("41790000001", "0500030702 02", z)
		take("the same again", "")
		put("41790000001", "0500030702 01", a)
		take("both parts", "+41790000001:AZ ")
		put("41790000001", "0500030702 01", a)
		take("another with the same reference", "")
		put("41790000002", "0500030702 02", z)
		take("of the other sender", "+41790000002:AZ ")
		time.Sleep(time.Hour)
		put("41790000001", "0500030702 02", z)
		take("an hour later", "")
		put("9000", "0500030101 01", a)
		take("one of one, by a short number", "9000:A ")
		b.plain(&sms.Deliver{Originator: sms.Address{TON: 5, Number: "shop"}, DCS: sms.DCS8Bit, UD: []byte{1}})
		take("data", "shop:(a message that this phone cannot show) ")

		b.joins = nil
		for n := range 17 {
			put("41790000001", fmt.Sprintf("0500 03 %02X 02 01", n), a)
		}
		put("41790000001", "0500030002 02", z) // the seventeenth has taken its place
		put("41790000001", "0500030202 02", z)
		take("the first of seventeen is forgotten", "+41790000001:AZ ")

		for range maxInbox + 3 {
			put("9000", "", a)
		}
		if n := len(v.state.Inbox); n != 100 {
			t.Errorf("%d messages are kept", n)
		}
		put("9000", "", z)
		if n := len(v.state.Inbox); n != 100 || v.state.Inbox[99].Text != "Z" {
			t.Errorf("%d messages are kept", n)
		}
	})
}
