package applet

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"
)

func report() Command { return &ChangeAppletStatus{To: 4} }

// What we would write is checked as what we read: each case differs from a
// message that can be written in one thing.
func TestMessageIsChecked(t *testing.T) {
	many := func(n int) (c []Command) {
		for range n {
			c = append(c, report())
		}
		return c
	}
	for name, tc := range map[string]struct {
		m   Message
		err error
	}{
		"one command":          {Message{Transaction: 1, Commands: many(1), ScreenTime: 0}, nil},
		"sixteen commands":     {Message{Transaction: 1, Commands: many(16), ScreenTime: 0}, nil},
		"seventeen commands":   {Message{Transaction: 1, Commands: many(17), ScreenTime: 0}, ErrLength},
		"no command":           {Message{Transaction: 1, Commands: nil, ScreenTime: 0}, ErrLength},
		"transaction number 0": {Message{Transaction: 0, Commands: many(1), ScreenTime: 0}, ErrValue},
		"largest transaction":  {Message{Transaction: 0xFFFFFFFF, Commands: many(1), ScreenTime: 0}, nil},
		"1 s a screen":         {Message{Transaction: 1, Commands: many(1), ScreenTime: time.Second}, nil},
		"255 s a screen":       {Message{Transaction: 1, Commands: many(1), ScreenTime: 255 * time.Second}, nil},
		"256 s a screen":       {Message{Transaction: 1, Commands: many(1), ScreenTime: 256 * time.Second}, ErrValue},
		"half a second":        {Message{Transaction: 1, Commands: many(1), ScreenTime: time.Second / 2}, ErrValue},
		"a second and a half":  {Message{Transaction: 1, Commands: many(1), ScreenTime: 3 * time.Second / 2}, ErrValue},
		"minus a second":       {Message{Transaction: 1, Commands: many(1), ScreenTime: -time.Second}, ErrValue},
	} {
		b, err := tc.m.AppendBinary([]byte("before"))
		if !errors.Is(err, tc.err) || !bytes.HasPrefix(b, []byte("before")) || tc.err != nil && len(b) != len("before") {
			t.Errorf("%s: %x, %v", name, b, err)
		}
		if tc.err == nil {
			if m, err := Parse(b[len("before"):]); err != nil || m.Transaction != tc.m.Transaction || len(m.Commands) != len(tc.m.Commands) {
				t.Errorf("%s: read as %+v, %v", name, m, err)
			}
		}
	}
	for n, want := range map[int]error{16: nil, 17: ErrLength, 0: ErrLength} {
		a := Answer{Transaction: 7}
		for range n {
			a.Results = append(a.Results, Result{Tag: TagChangeAppletStatus.Result(), Status: StatusOK})
		}
		if b, err := a.AppendBinary([]byte{9}); !errors.Is(err, want) || want != nil && len(b) != 1 {
			t.Errorf("an answer of %d results: %x, %v", n, b, err)
		}
	}
}

// Lengths at their borders, octet by octet (INT6, Message).
func TestLengthOctets(t *testing.T) {
	for n, want := range map[int]string{0: "00", 1: "01", 0x7F: "7f", 0x80: "8180", 0xFF: "81ff", 0x100: "820100", 0x1FF: "8201ff"} {
		value := bytes.Repeat([]byte{0xAB}, n)
		whole := append(bytes.Clone(append([]byte{0xC0}, must(hex.DecodeString(want))...)), value...)
		if b := appendTLV(nil, 0xC0, value...); !bytes.Equal(b, whole) {
			t.Errorf("%d octets begin with %x, want c0%s", n, b[:min(4, len(b))], want)
		}
		b, at := openTLV(nil, 0xC0)
		if b = closeTLV(append(b, value...), at); !bytes.Equal(b, whole) {
			t.Errorf("%d octets, closed, begin with %x, want c0%s", n, b[:min(4, len(b))], want)
		}
		tag, v, rest, err := readTLV(append(whole, 0xEE))
		if tag != 0xC0 || !bytes.Equal(v, value) || !bytes.Equal(rest, []byte{0xEE}) || err != nil {
			t.Errorf("%d octets: %x %d %x, %v", n, tag, len(v), rest, err)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Server addresses that are written (A2/86).
func TestAddressIsChecked(t *testing.T) {
	for text, want := range map[string]error{
		"1": nil, "+1": nil, "12345678901234567890": nil, "+12345678901234567890": nil,
		"123456789012345678901": ErrLength, "+": ErrLength, "12/4": ErrValue, "12:4": ErrValue, "+1+": ErrValue,
	} {
		if err := checkAddress(text); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

// A template that is written has at most eight parts.
func TestTemplateParts(t *testing.T) {
	for n, want := range map[int]error{7: nil, 8: nil, 9: ErrLength} {
		tmpl := &Template{Parts: []TemplatePart{{Hole: Literal, Octets: []byte{0x30}}, {Hole: HolePublicKey}}}
		for len(tmpl.Parts) < n {
			tmpl.Parts = append(tmpl.Parts, TemplatePart{Hole: Literal, Octets: []byte{1}})
		}
		if err := tmpl.check(); !errors.Is(err, want) {
			t.Errorf("%d parts: %v", n, err)
		}
		if _, err := parseTemplate(tmpl.append(nil)); !errors.Is(err, want) {
			t.Errorf("%d parts read: %v", n, err)
		}
	}
}

// A report of the card's state in octets (INT6, B5), and what is refused of it.
func TestStateOctets(t *testing.T) {
	good := "02" + "656e" + "0211" + "01" + "01" + "010203030408" + "02" + "010111010201" + "020000000000"
	s, err := parseState(must(hex.DecodeString(good)))
	if err != nil {
		t.Fatal(err)
	}
	if s.LifeCycle != 2 || s.Language != "en" || len(s.Algorithms) != 2 || len(s.Codes) != 1 || len(s.Slots) != 2 {
		t.Errorf("%+v", s)
	}
	if c := s.Codes[0]; c.Code != 1 || c.Status != 2 || c.TriesLeft != 3 || c.MaxTries != 3 || c.Min != 4 || c.Max != 8 {
		t.Errorf("code %+v", c)
	}
	if k := s.FindSlot(1); k == nil || k.Usage != 1 || k.Algorithm != 0x11 || k.Code != 1 || k.Status != 2 || !k.Certificate {
		t.Errorf("slot 1: %+v", k)
	}
	if k := s.FindSlot(2); k == nil || k.Status != SlotEmpty || k.Certificate {
		t.Errorf("slot 2: %+v", k)
	}
	if k := s.FindSlot(3); k != nil {
		t.Errorf("slot 3: %+v", k)
	}
	if b := s.append(nil); hex.EncodeToString(b) != good {
		t.Errorf("written as %x", b)
	}
	for name, tc := range map[string]struct {
		was, is string
		err     error
	}{
		"life cycle 0":             {"02656e", "00656e", ErrValue},
		"life cycle 3":             {"02656e", "03656e", nil},
		"life cycle 4":             {"02656e", "04656e", ErrValue},
		"a capital":                {"656e", "456e", ErrValue},
		"a capital behind":         {"656e", "654e", ErrValue},
		"code 0":                   {"010203030408", "000203030408", ErrValue},
		"code status 3":            {"010203030408", "010303030408", ErrValue},
		"slot status 4":            {"010111010201", "010111010401", ErrValue},
		"certificate 2":            {"010111010201", "010111010202", ErrValue},
		"an empty slot of a usage": {"020000000000", "020111010000", ErrValue},
		"a slot of no usage":       {"020000000000", "020000000100", ErrValue},
		"an octet more":            {"020000000000", "02000000000000", ErrLength},
		"an octet less":            {"020000000000", "0200000000", ErrLength},
	} {
		if strings.Count(good, tc.was) != 1 {
			t.Fatalf("%s: %q stands %d times", name, tc.was, strings.Count(good, tc.was))
		}
		if _, err := parseState(must(hex.DecodeString(strings.Replace(good, tc.was, tc.is, 1)))); !errors.Is(err, tc.err) {
			t.Errorf("%s: %v, want %v", name, err, tc.err)
		}
	}
	// Cut anywhere, it is no state.
	for n := range len(good) / 2 {
		if _, err := parseState(must(hex.DecodeString(good[:2*n]))); !errors.Is(err, ErrLength) {
			t.Errorf("%d octets: %v", n, err)
		}
	}
}

// The digits of a proof of possession in an answer, at both ends.
func TestPoPDigits(t *testing.T) {
	for text, want := range map[string]error{
		"0123456789": nil, "1234": nil, "1234567890123456": nil, "123": ErrLength, "12345678901234567": ErrLength, "12/4": ErrValue, "12:4": ErrValue,
	} {
		var r Result
		if err := r.parsePart(tagPoPCode, []byte(text)); !errors.Is(err, want) || want == nil && r.PoP != text {
			t.Errorf("%q: %q, %v", text, r.PoP, err)
		}
	}
}

// Verify looks at the length before it looks at the key.
func TestVerifyChecks(t *testing.T) {
	k := newTestKey(t, ECDSAP256)
	for name, tc := range map[string]struct {
		hash   Hash
		digest int
		raw    int
		err    error
	}{
		"digest one short": {SHA256, 31, 64, ErrLength}, "digest one long": {SHA256, 33, 64, ErrLength}, "unknown hash": {9, 32, 64, ErrLength},
		"signature one short": {SHA256, 32, 63, ErrSignature}, "no signature": {SHA256, 32, 64, ErrSignature},
	} {
		if err := Verify(k.Public(), tc.hash, make([]byte, tc.digest), make([]byte, tc.raw)); !errors.Is(err, tc.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Verify("no key", SHA256, make([]byte, 32), make([]byte, 64)); !errors.Is(err, ErrUnsupported) {
		t.Errorf("no key: %v", err)
	}
	// r and s of the field's length, and one bit more.
	for first, want := range map[byte]error{0xFF: nil, 1: ErrSignature} {
		body := append([]byte{2, 33, 0, first}, make([]byte, 31)...)
		if first == 1 {
			body[2], body[3] = 1, 0
		}
		body = append(body, 2, 1, 1)
		if _, err := ECDSAP256.SignatureFromASN1(append([]byte{0x30, byte(len(body))}, body...)); !errors.Is(err, want) {
			t.Errorf("r begins with %x: %v", body[2:4], err)
		}
	}
}

// The tags by name, and those of no command by number.
func TestTagNames(t *testing.T) {
	for tag, want := range map[Tag]string{
		0xA1: "ChangeAppletStatus", 0xA2: "SetAppletData", 0xA3: "SetAuthenticationHandlerData", 0xA4: "GetAuthenticationHandlerData",
		0xA5: "SignTransaction", 0xA6: "ManagePersonalCode", 0xE1: "ChangeAppletStatus result", 0xE6: "ManagePersonalCode result", 0xE0: "Message", 0xA7: "SetKeys", 0xE7: "SetKeys result", 0xA8: "tag A8", 0xE8: "tag E8",
	} {
		if have := tag.String(); have != want {
			t.Errorf("%02X: %q, want %q", byte(tag), have, want)
		}
	}
}

// Errors and their status words, and lengths that are wrong in one way only.
func TestSmallBorders(t *testing.T) {
	if StatusOf(nil) != StatusOK || StatusOf(ErrLength) != StatusWrongLength || StatusOf(ErrVersion) != StatusNotSupported || StatusOf(ErrTag) != StatusMalformed {
		t.Error("status words of errors")
	}
	for text, want := range map[string]error{"c0820001": ErrNotMinimal, "c08200": ErrLength, "c08101": ErrNotMinimal, "c081": ErrLength, "c0": ErrLength, "c000": nil, "c080": ErrLength} {
		if _, _, _, err := readTLV(must(hex.DecodeString(text))); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	if s, err := parseState(must(hex.DecodeString("02656e000000"))); err != nil || len(s.Algorithms)+len(s.Codes)+len(s.Slots) != 0 {
		t.Errorf("a state without anything: %+v, %v", s, err)
	}
	for slot, want := range map[byte]error{1: nil, 0: ErrValue} {
		m := Message{Transaction: 1, Commands: []Command{SetAuthenticationHandlerData{Slot: Slot{Number: slot}, Operation: HandlerDelete}}}
		if _, err := m.MarshalBinary(); !errors.Is(err, want) {
			t.Errorf("slot %d is written: %v", slot, err)
		}
	}
	raw, err := ECDSAP256.SignatureFromASN1([]byte{0x30, 6, 2, 1, 0, 2, 1, 0})
	if err != nil || !bytes.Equal(raw, make([]byte, 64)) {
		t.Errorf("r and s of 0 are numbers of the field: %x, %v", raw, err)
	}
}

// What the server writes into A2 and A3, at its borders; each case differs in
// one thing from what is written.
func TestSettingsAreChecked(t *testing.T) {
	part := func(offset, length uint16) *Range { return &Range{Offset: offset, Length: length} }
	for name, tc := range map[string]struct {
		c    Command
		want error
	}{
		"255 seconds":       {SetAppletData{SetTimeouts: true, TextTimeout: 255 * time.Second, InputTimeout: time.Second}, nil},
		"256 seconds":       {SetAppletData{SetTimeouts: true, TextTimeout: 256 * time.Second}, ErrValue},
		"half a second":     {SetAppletData{SetTimeouts: true, InputTimeout: time.Second / 2}, ErrValue},
		"minus a second":    {SetAppletData{SetTimeouts: true, InputTimeout: -time.Second}, ErrValue},
		"1 try":             {SetAppletData{Tries: []CodeTries{{1, 1}}}, nil},
		"15 tries":          {SetAppletData{Tries: []CodeTries{{2, 15}}}, nil},
		"no try":            {SetAppletData{Tries: []CodeTries{{1, 0}}}, ErrValue},
		"16 tries":          {SetAppletData{Tries: []CodeTries{{1, 16}}}, ErrValue},
		"tries of code 3":   {SetAppletData{Tries: []CodeTries{{3, 1}}}, ErrValue},
		"4 to 16":           {SetAppletData{Formats: []CodeFormat{{1, 4, 16}}}, nil},
		"16 to 16":          {SetAppletData{Formats: []CodeFormat{{1, 16, 16}}}, nil},
		"3 to 16":           {SetAppletData{Formats: []CodeFormat{{1, 3, 16}}}, ErrValue},
		"4 to 17":           {SetAppletData{Formats: []CodeFormat{{1, 4, 17}}}, ErrValue},
		"8 to 7":            {SetAppletData{Formats: []CodeFormat{{1, 8, 7}}}, ErrValue},
		"a certificate":     {SetAuthenticationHandlerData{Slot: Slot{Number: 1}, Operation: HandlerImportCertificate, Certificate: make([]byte, 10)}, nil},
		"no certificate":    {SetAuthenticationHandlerData{Slot: Slot{Number: 1}, Operation: HandlerImportCertificate}, ErrMissing},
		"the longest":       {SetAuthenticationHandlerData{Slot: Slot{Number: 1}, Operation: HandlerImportCertificate, Certificate: make([]byte, MaxCertificate)}, nil},
		"one octet more":    {SetAuthenticationHandlerData{Slot: Slot{Number: 1}, Operation: HandlerImportCertificate, Certificate: make([]byte, MaxCertificate+1)}, ErrLength},
		"the last part":     {SetAuthenticationHandlerData{Slot: Slot{Number: 1}, Operation: HandlerImportCertificate, Certificate: make([]byte, 10), Part: part(90, 100)}, nil},
		"past the last":     {SetAuthenticationHandlerData{Slot: Slot{Number: 1}, Operation: HandlerImportCertificate, Certificate: make([]byte, 10), Part: part(91, 100)}, ErrLength},
		"part of too much":  {SetAuthenticationHandlerData{Slot: Slot{Number: 1}, Operation: HandlerImportCertificate, Certificate: make([]byte, 10), Part: part(0, MaxCertificate+1)}, ErrLength},
		"with a delete":     {SetAuthenticationHandlerData{Slot: Slot{Number: 1}, Operation: HandlerDelete, Certificate: make([]byte, 10)}, ErrConflict},
		"parts of nothing":  {SetAuthenticationHandlerData{Slot: Slot{Number: 1}, Operation: HandlerDelete, Part: part(0, 1)}, ErrConflict},
		"half a described":  {SetAuthenticationHandlerData{Slot: Slot{Number: 1, Algorithm: ECDSAP256}, Operation: HandlerDelete}, ErrValue},
		"described, delete": {SetAuthenticationHandlerData{Slot: Slot{1, UsageAuthentication, ECDSAP256, 1}, Operation: HandlerDelete}, ErrConflict},
		"generate":          {SetAuthenticationHandlerData{Slot: Slot{1, UsageAuthentication, ECDSAP256, 1}, Operation: HandlerGenerate}, nil},
		"generate what":     {SetAuthenticationHandlerData{Slot: Slot{Number: 1}, Operation: HandlerGenerate}, ErrMissing},
	} {
		b, err := Message{Transaction: 1, Commands: []Command{tc.c}, ScreenTime: 0}.MarshalBinary()
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: %x, %v, want %v", name, b[:min(len(b), 40)], err, tc.want)
		}
		if err == nil {
			if _, err := Parse(b); err != nil {
				t.Errorf("%s: %x is written and not read: %v", name, b[:min(len(b), 40)], err)
			}
		}
	}
}

// The parameter that is missing is named, not only that one is.
func TestMissingIsNamed(t *testing.T) {
	for text, tag := range map[string]string{"0101020304A100": "tag 80", "0101020304A503" + "A30101": "tag"} {
		if _, err := Parse(must(hex.DecodeString(text))); err == nil || !strings.Contains(err.Error(), tag) {
			t.Errorf("%s: %v does not name %s", text, err, tag)
		}
	}
	bad := "0101020304" + "A103800101" + "A700"
	if m, err := Parse(must(hex.DecodeString(bad))); err == nil || m.Transaction != 0x01020304 || m.Commands != nil {
		t.Errorf("a message that is refused names its transaction: %+v, %v", m, err)
	}
	seen := map[string]StatusWord{}
	for _, s := range []StatusWord{
		StatusOK, StatusCancelled, StatusNoAnswer, StatusBusy, StatusInterrupted, StatusWrongLength, StatusSecurity, StatusBlocked, StatusConditions,
		StatusMalformed, StatusNotSupported, StatusNoMemory, StatusSlotEmpty, StatusSlotInUse, StatusOther,
	} {
		_, text, _ := strings.Cut(s.String(), " ")
		if other, twice := seen[text]; twice || text == "" || strings.Contains(text, "unknown") {
			t.Errorf("%04X says %q, as %04X does", uint16(s), text, uint16(other))
		}
		seen[text] = s
	}
}
