package card_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/ota/sms"
)

// record is one record of a memory file: the length, names with their values
// (FFFF deletes), and a CRC-32.
func record(entries ...string) []byte {
	var b []byte
	for i := 0; i < len(entries); i += 2 {
		b = append(append(b, byte(len(entries[i]))), entries[i]...)
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(entries[i+1]))), entries[i+1]...)
	}
	return framed(b)
}

func framed(b []byte) []byte {
	out := append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(b))
}

func pkcs8(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(der)
}

// TestWrongValues: a memory whose records are whole and hold what no card
// writes is refused with the place that is wrong: the card must not go on with
// tries, keys or answers that it cannot read.
//
// Supports: 3.5.3-2, 5-2
func TestWrongValues(t *testing.T) {
	path, p := create(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "card")
	load := func(b []byte) (*card.Card, error) {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return card.Load(file, card.Options{})
	}
	exchange, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	answer := "\x00\x00\x00\x07\x00\x00\x00\x09\x16\x39\x01\x00\x00\x00\x00\x00\x00\x00\x05"
	for name, tc := range map[string]struct {
		record []byte
		says   string
		is     error
	}{
		"profile is no JSON":        {record("profile", "{"), "profile", card.ErrJournal},
		"profile of no card":        {record("profile", "{}"), "IMSI needs", card.ErrProfile},
		"profile without keys":      {record("profile", `{"ICCID":"8999012345678901234","IMSI":"999010123456789"}`), "no key set", card.ErrProfile},
		"applet data too short":     {record("data", "\x02en\x03\x00"), "applet data of 5 octets", card.ErrJournal},
		"code too short":            {record("code0", strings.Repeat("\x03", 21)), "personal code of 21 octets", card.ErrJournal},
		"code too long":             {record("code1", strings.Repeat("\x03", 23)), "personal code of 23 octets", card.ErrJournal},
		"slot too short":            {record("slotb", "\x01\x11\x01"), "slot of 3 octets", card.ErrJournal},
		"slot without a key":        {record("slotb", "\x01\x11\x01\x01xx"), "key of slot 2", card.ErrJournal},
		"slot with a key of no use": {record("slotb", "\x01\x11\x01\x01"+pkcs8(t, ed25519.NewKeyFromSeed(make([]byte, 32)))), "key of slot 2", card.ErrJournal},
		"slot with no signer":       {record("slotb", "\x01\x11\x01\x01"+pkcs8(t, exchange)), "key of slot 2", card.ErrJournal},
		"answer too short":          {record("answer3", answer), "stored answer of 19 octets", card.ErrJournal},
		"answer of half an address": {record("answer3", answer+"\x03\x91\x21"), "stored answer of 22 octets", card.ErrJournal},
		"answer of no address":      {record("answer3", answer+"\x02\x91\xAF"+"x"), "filler", card.ErrJournal},
		"half a name":               {framed([]byte("\x09abc")), "entry name needs 11 octets, have 3", card.ErrJournal},
		"half a value":              {framed([]byte("\x01a\x00\x05abc")), `value of "a" needs 5 octets, have 3`, card.ErrJournal},
	} {
		c, err := load(append(bytes.Clone(good), tc.record...))
		if c != nil || !errors.Is(err, tc.is) || !strings.Contains(err.Error(), tc.says) || !strings.HasPrefix(err.Error(), file+": ") {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
	}
	// And what a card does write: an answer with and without a sender, a deletion.
	c, err := load(append(append(append(bytes.Clone(good), record("answer3", answer+"\x00")...), record("answer4", answer+"\x03\x91\x21\xF3")...), framed([]byte("\x05slota\xFF\xFF"))...))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p.c = c
	p.boot()
	p.forget()
	if s := p.state(); s.FindSlot(1).Status != applet.SlotEmpty || s.FindCode(1).Status != applet.CodeSet {
		t.Errorf("%+v", s)
	}
}

// TestNothingWaitsAfterReset: a prompt of the menu is gone with the power, and
// with a second TERMINAL PROFILE; nothing of it is fetched later.
func TestNothingWaitsAfterReset(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	menu := []byte{0x80, 0xC2, 0, 0, 9, 0xD3, 7, 0x82, 2, 1, 0x81, 0x90, 1, 1}
	for _, fetch := range []bool{false, true} {
		for _, reset := range []bool{false, true} {
			p.c.Transmit(menu)
			if fetch {
				p.fetchRaw()
			}
			if reset {
				p.c.Reset()
			}
			p.screens = nil
			p.apdu("80 10 00 00 04 FFFFFFDF", 0x9000) // a terminal without SET UP MENU: nothing else waits either
			p.apdu("80 12 00 00 10", 0x6985)
			p.apdu("80 14 00 00 0C 810301238082028281830100", 0x6985)
			if len(p.screens) != 0 {
				t.Errorf("fetched %v, reset %v: the prompt goes on: %v", fetch, reset, p.screens)
			}
			p.state()
		}
	}
}

// TestAnswersToSender: without a server address the answer goes to whoever sent
// the command, after a restart too.
//
// Supports: 3.1-1
func TestAnswersToSender(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card")
	o := card.Options{Profile: profile()}
	o.Active, o.ServerAddress = true, ""
	c, err := card.Create(path, o)
	if err != nil {
		t.Fatal(err)
	}
	p := newPhone(t, c)
	to := func(what, want string) {
		t.Helper()
		if len(p.sent) != 1 {
			t.Fatalf("%s: %d messages", what, len(p.sent))
		}
		if m, err := sms.ParseSubmit(p.sent[0]); err != nil || m.Destination.Number != want || m.Destination.TON != sms.TONInternational {
			t.Errorf("%s: to %+v, %v", what, m.Destination, err)
		}
		p.sent = nil
	}
	p.deliver(p.seal(p.message(applet.ChangeAppletStatus{To: applet.StatusReport})))
	to("at once", "46700000001")
	p.smsFail = []reaction{result(0x20, 4), result(0x20, 4), result(0x20, 4)}
	p.deliver(p.seal(p.message(applet.ChangeAppletStatus{To: applet.StatusReport})))
	p.reload(path, -1)
	to("after a restart", "46700000001")
	p.deliver(p.seal(p.message(applet.SetAppletData{ServerAddress: "+46700000009"})))
	to("to the new address", "46700000009")
	p.deliver(p.seal(p.message(applet.SetAppletData{ServerAddress: "4711"})))
	if m, err := sms.ParseSubmit(p.sent[0]); err != nil || m.Destination != (sms.Address{TON: sms.TONUnknown, NPI: sms.NPITelephone, Number: "4711"}) {
		t.Errorf("to a short number: %+v, %v", m.Destination, err)
	}
}

// TestDurationWhereItFits: a text or a prompt that leaves no room for the
// duration comes without it (256 octets are the most of a command).
//
// Supports: 3.5.3-3
func TestDurationWhereItFits(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	p.must(nil, applet.SetAppletData{SetTimeouts: true, TextTimeout: 60 * time.Second, InputTimeout: 30 * time.Second})
	const prompt = len("\nEnter your personal code")
	for n, want := range map[int]bool{235: true, 236: true, 237: false, 240: false} {
		cmd := signHash(digest([]byte("x")))
		cmd.TextToShow, cmd.Reference = applet.UTF8(strings.Repeat("x", n)), ""
		p.deliverStepwise(p.seal(p.message(cmd)))
		text := hex.EncodeToString(p.fetchRaw())
		if strings.HasSuffix(text, "0402013c") != want {
			t.Errorf("a text of %d octets: ...%s", n, text[len(text)-16:])
		}
		p.boot()
		p.forget()
	}
	for n, want := range map[int]bool{232: true, 233: false, 236: false} {
		cmd := signHash(digest([]byte("x")))
		cmd.TextToShow, cmd.Reference, cmd.Journey = applet.UTF8(strings.Repeat("x", n-prompt)), "", applet.JourneyOneStep
		p.deliverStepwise(p.seal(p.message(cmd)))
		input := hex.EncodeToString(p.fetchRaw())
		if !strings.Contains(input, "91020408") || strings.HasSuffix(input, "0402011e") != want {
			t.Errorf("a prompt of %d octets: ...%s", n, input[len(input)-16:])
		}
		p.boot()
		p.forget()
	}
}

// TestRounds: an answer that the terminal does not send is tried three times at
// once and in five rounds of its polling, in each life of the card; of several
// the oldest goes first (INT6, Results of the terminal).
//
// Supports: 3.1-1
func TestRounds(t *testing.T) {
	path, p := create(t)
	for range 200 {
		p.smsFail = append(p.smsFail, result(0x20, 4))
	}
	p.deliver(p.seal(p.message(applet.ChangeAppletStatus{To: applet.StatusReport})))
	tries := func(what string, want int) {
		t.Helper()
		for range 9 {
			p.apdu("80F2000C00", 0x9000)
		}
		if len(p.tried) != want || len(p.sent) != 0 {
			t.Errorf("%s: tried %d times, want %d", what, len(p.tried), want)
		}
		p.tried = nil
	}
	tries("one answer", 3+5*3)
	p.boot()
	tries("after power on", 5*3)
	var want []uint32
	for range 9 { // nine places are needed, there are eight: the first is given up
		m := p.message(applet.ChangeAppletStatus{To: applet.StatusReport})
		want = append(want, m.Transaction)
		p.deliver(p.seal(m))
	}
	p.smsFail, p.sent = nil, nil
	p.reload(path, -1)
	p.apdu("80F2000C00", 0x9000)
	p.apdu("80F2000C00", 0x9000)
	var have []uint32
	for _, tpdu := range p.sent {
		m, err := sms.ParseSubmit(tpdu)
		if err != nil {
			t.Fatal(err)
		}
		r, err := p.ks.OpenResponse(nil, m.UD, p.spi)
		if err != nil {
			t.Fatal(err)
		}
		a, err := applet.ParseAnswer(r.Data)
		if err != nil {
			t.Fatal(err)
		}
		have = append(have, a.Transaction)
	}
	if !slices.Equal(have, want[1:]) {
		t.Errorf("sent again: %v, want %v", have, want[1:])
	}
}

// TestFormatStays: the length of a code is set once, over restarts too.
//
// Supports: 3.4-4
func TestFormatStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card")
	o := card.Options{Profile: profile()}
	o.Active, o.Codes = true, [2]card.CodeProfile{}
	c, err := card.Create(path, o)
	if err != nil {
		t.Fatal(err)
	}
	p := newPhone(t, c)
	set := applet.SetAppletData{
		Formats: []applet.CodeFormat{{Code: 1, Min: 5, Max: 6}, {Code: 2, Min: 7, Max: 7}},
		Tries:   []applet.CodeTries{{Code: 1, Max: 2}, {Code: 2, Max: 4}},
	}
	p.must(nil, set)
	for range 2 {
		s := p.state()
		if one, two := s.FindCode(1), s.FindCode(2); one.Min != 5 || one.Max != 6 || one.MaxTries != 2 || one.TriesLeft != 2 || two.Min != 7 || two.Max != 7 || two.MaxTries != 4 {
			t.Errorf("%+v", s.Codes)
		}
		p.fails(applet.StatusConditions, nil, set)
		p.reload(path, -1)
		p.forget()
	}
}
