package applet

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/simsign/simsign/ota/sms"
)

// Lengths of keys and signatures, and the hashes, as the standards have them
// (FIPS 186-5, FIPS 180-4): nothing here is computed from the code's own table.
func TestSizes(t *testing.T) {
	for a, want := range map[Algorithm][4]int{ // bits, signature, public key, key in a template
		0x01: {2048, 256, 259, 257}, 0x02: {3072, 384, 387, 385}, 0x03: {4096, 512, 515, 513},
		0x11: {256, 64, 33, 65}, 0x12: {384, 96, 49, 97}, 0x13: {521, 132, 67, 133}, 0: {}, 0x04: {}, 0x10: {}, 0x14: {},
	} {
		if have := [4]int{a.Bits(), a.SignatureLen(), a.PublicKeyLen(), a.TemplateKeyLen()}; have != want || a.Known() != (want[0] != 0) {
			t.Errorf("%s: %v, want %v", a, have, want)
		}
	}
	for h, want := range map[Hash]struct {
		of   crypto.Hash
		size int
		name string
	}{1: {crypto.SHA256, 32, "SHA-256"}, 2: {crypto.SHA384, 48, "SHA-384"}, 3: {crypto.SHA512, 64, "SHA-512"}, 0: {0, 0, "hash 00"}, 4: {0, 0, "hash 04"}} {
		if h.Hash() != want.of || h.Size() != want.size || h.String() != want.name {
			t.Errorf("hash %d: %d, %d octets, %s", h, h.Hash(), h.Size(), h)
		}
		if back, ok := HashOf(want.of); ok != (want.of != 0) || ok && back != h {
			t.Errorf("hash %d comes back as %d, %v", h, back, ok)
		}
	}
	if h, ok := HashOf(crypto.SHA1); h != 0 || ok {
		t.Errorf("SHA-1 is hash %d", h)
	}
}

// What an answer says as a whole is what its last result says.
func TestAnswerStatus(t *testing.T) {
	done, cancelled := Result{Tag: 0xE3, Status: StatusOK}, Result{Tag: 0xE5, Status: StatusCancelled}
	for name, tc := range map[string]struct {
		results []Result
		want    StatusWord
	}{"none": {nil, 0x6F00}, "done": {[]Result{done}, 0x9000}, "done, then cancelled": {[]Result{done, cancelled}, 0x6401}} {
		a := Answer{Transaction: 1, Results: tc.results}
		if a.Status() != tc.want || a.OK() != (tc.want == StatusOK) {
			t.Errorf("%s: %s", name, a.Status())
		}
	}
	a := Answer{Transaction: 1, Results: []Result{done, {Tag: 0xE3, Status: StatusSlotEmpty}}}
	if r := a.Find(TagSetAuthenticationHandlerData); r != &a.Results[1] {
		t.Errorf("the last result of A3 is %+v", r)
	}
	if r := a.Find(TagSignTransaction); r != nil {
		t.Errorf("a result of A5: %+v", r)
	}
	for tries, want := range map[int]StatusWord{0: 0x63C0, 3: 0x63C3, 15: 0x63CF, 16: 0x63CF, 255: 0x63CF} {
		s := StatusWrongCodeTries(tries)
		if n, ok := s.WrongCode(); s != want || !ok || n != min(tries, 15) {
			t.Errorf("%d tries left: %s", tries, s)
		}
	}
	for _, s := range []StatusWord{0x63B3, 0x63D3, 0x64C3, 0x9000} {
		if _, ok := s.WrongCode(); ok {
			t.Errorf("%s is a wrong code", s)
		}
	}
	s := State{Codes: []CodeState{{Code: 1, TriesLeft: 3}, {Code: 2, TriesLeft: 1}}}
	if c := s.FindCode(2); c != &s.Codes[1] {
		t.Errorf("code 2 is %+v", c)
	}
	if c := (&State{Codes: s.Codes[:1]}).FindCode(2); c != nil {
		t.Errorf("a code that is not there: %+v", c)
	}
}

// Packed text: seven spare bits at the end hold CR, which is none of the text
// (TS 23.038 6.1.2.3.1); a CR anywhere else is.
func TestPackedText(t *testing.T) {
	for octets, want := range map[string]string{
		"31d98c56b3dd1a": "1234567", "31d98c56b3dd70": "12345678", "31d90c": "123", "315903": "12\r", "0d": "\r",
		"31d98c56b3dd7031d98c56b3dd1a": "123456781234567",
	} {
		have, err := Text{TextPacked, must(hex.DecodeString(octets))}.Decode()
		if err != nil || have != want {
			t.Errorf("%s: %q, %v, want %q", octets, have, err, want)
		}
	}
	for _, text := range []string{"1234567\r", "\r", "123\r", "abcdefgh", "abcdefghabcdefg\r"} {
		septets, err := sms.AppendGSM(nil, text)
		if err != nil {
			t.Fatal(err)
		}
		want := text
		if len(septets)%8 == 0 {
			want = strings.TrimSuffix(text, "\r")
		}
		if have, err := (Text{TextPacked, sms.PackSeptets(nil, septets, 0)}).Decode(); err != nil || have != want {
			t.Errorf("%q: %q, %v", text, have, err)
		}
	}
}

// What the server must not send is refused when it writes, not first by the
// card: each case differs from what may be sent in one thing.
func TestWritingIsChecked(t *testing.T) {
	sign := func(change func(*SignTransaction)) Command {
		c := SignTransaction{Slot: Slot{Number: 1}, Mode: ModeSign, TextToSign: UTF8("pay"), TextToShow: UTF8("bank")}
		change(&c)
		return c
	}
	register := func(change func(*SignTransaction)) Command {
		c := SignTransaction{
			Slot: Slot{1, UsageNonRepudiation, ECDSAP256, 2}, Mode: ModeRegister, PoP: PoPChecked,
			Template: &Template{[]TemplatePart{{Hole: Literal, Octets: []byte{0x30}}, {Hole: HolePublicKey}, {Hole: HolePoP, Digits: 4}}},
		}
		change(&c)
		return c
	}
	for name, tc := range map[string]struct {
		c    Command
		want error
	}{
		"sign":                 {sign(func(*SignTransaction) {}), nil},
		"register":             {register(func(*SignTransaction) {}), nil},
		"24 characters":        {sign(func(c *SignTransaction) { c.Reference = strings.Repeat("7", 24) }), nil},
		"25 characters":        {sign(func(c *SignTransaction) { c.Reference = strings.Repeat("7", 25) }), ErrLength},
		"a reference of two":   {sign(func(c *SignTransaction) { c.Reference = "4\n7" }), ErrValue},
		"1024 octets":          {sign(func(c *SignTransaction) { c.TextToSign = UTF8(strings.Repeat("x", 1024)) }), nil},
		"1025 octets":          {sign(func(c *SignTransaction) { c.TextToSign = UTF8(strings.Repeat("x", 1025)) }), ErrLength},
		"1024 octets shown":    {sign(func(c *SignTransaction) { c.TextToShow = UTF8(strings.Repeat("x", 1024)) }), nil},
		"1025 octets shown":    {sign(func(c *SignTransaction) { c.TextToShow = UTF8(strings.Repeat("x", 1025)) }), ErrLength},
		"shown is no text":     {sign(func(c *SignTransaction) { c.TextToShow = Text{TextGSM, []byte{0x80}} }), ErrValue},
		"signed is no text":    {sign(func(c *SignTransaction) { c.TextToSign = Text{TextGSM, []byte{0x80}} }), ErrValue},
		"an unknown hash":      {sign(func(c *SignTransaction) { c.Hash = 4 }), ErrUnsupported},
		"mode 0":               {sign(func(c *SignTransaction) { c.Mode = 0 }), ErrValue},
		"mode 4":               {sign(func(c *SignTransaction) { c.Mode = 4 }), ErrValue},
		"journey 3":            {sign(func(c *SignTransaction) { c.Journey = 3 }), ErrValue},
		"slot 0":               {sign(func(c *SignTransaction) { c.Slot.Number = 0 }), ErrValue},
		"sign, described":      {sign(func(c *SignTransaction) { c.Slot = Slot{1, UsageNonRepudiation, ECDSAP256, 2} }), ErrConflict},
		"sign with a code":     {sign(func(c *SignTransaction) { c.PoP = PoPAsk }), ErrConflict},
		"nothing to sign":      {sign(func(c *SignTransaction) { c.TextToSign = Text{} }), ErrMissing},
		"two to sign":          {sign(func(c *SignTransaction) { c.Digest, c.Hash = make([]byte, 32), SHA256 }), ErrConflict},
		"PoP 3":                {register(func(c *SignTransaction) { c.PoP = 3 }), ErrValue},
		"PoP not asked for":    {register(func(c *SignTransaction) { c.PoP = PoPNone }), ErrConflict},
		"a template of no key": {register(func(c *SignTransaction) { c.Template.Parts = c.Template.Parts[:1] }), ErrMissing},
		"usage 3":              {register(func(c *SignTransaction) { c.Slot.Usage = 3 }), ErrValue},
		"usage 0":              {register(func(c *SignTransaction) { c.Slot.Usage = 0 }), ErrValue},
		"no algorithm":         {register(func(c *SignTransaction) { c.Slot.Algorithm = 0 }), ErrValue},
		"code 3":               {register(func(c *SignTransaction) { c.Slot.Code = 3 }), ErrValue},
		"code 0":               {register(func(c *SignTransaction) { c.Slot.Code = 0 }), ErrValue},
		"change of code 2":     {ManagePersonalCode{CodeChange, 2}, nil},
		"change of code 3":     {ManagePersonalCode{CodeChange, 3}, ErrValue},
		"operation 5":          {ManagePersonalCode{5, 1}, ErrValue},
		"operation 0":          {ManagePersonalCode{0, 1}, ErrValue},
		"status 4":             {ChangeAppletStatus{4}, nil},
		"status 5":             {ChangeAppletStatus{5}, ErrValue},
		"status 0":             {ChangeAppletStatus{0}, ErrValue},
		"15 tries of a PoP":    {SetAppletData{PoPTries: 15}, nil},
		"16 tries of a PoP":    {SetAppletData{PoPTries: 16}, ErrValue},
		"what 3":               {GetAuthenticationHandlerData{Slot: 1, What: 3}, nil},
		"what 4":               {GetAuthenticationHandlerData{Slot: 1, What: 4}, ErrValue},
		"what 0":               {GetAuthenticationHandlerData{Slot: 1}, ErrValue},
		"what of slot 0":       {GetAuthenticationHandlerData{What: 1}, ErrValue},
		"20 digits":            {SetAppletData{ServerAddress: "+12345678901234567890"}, nil},
		"and 16 tries":         {SetAppletData{ServerAddress: "+1", PoPTries: 16}, ErrValue},
		"a certificate of 1":   {SetAuthenticationHandlerData{Slot: Slot{Number: 1}, Operation: HandlerImportCertificate, Certificate: []byte{0x30}}, nil},
		"21 digits":            {SetAppletData{ServerAddress: "+123456789012345678901"}, ErrLength},
	} {
		b, err := Message{Transaction: 7, Commands: []Command{ChangeAppletStatus{StatusReport}, tc.c}, ScreenTime: 0}.MarshalBinary()
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
			continue
		}
		if err != nil {
			if len(b) != 0 || !strings.HasPrefix(err.Error(), "command 2 ("+tc.c.Tag().String()+"): ") {
				t.Errorf("%s: %x, %v", name, b, err)
			}
			continue
		}
		m, err := Parse(b)
		if err != nil {
			t.Errorf("%s is written and not read: %v", name, err)
			continue
		}
		if again, err := m.MarshalBinary(); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s: written again as %x, %v", name, again, err)
		}
	}
}

// A message has at most 4096 octets, whichever side counts.
func TestLongestMessage(t *testing.T) {
	build := func(last int) ([]byte, error) {
		var m Message
		m.Transaction = 1
		for _, n := range []int{1024, 1024, 1024, last} {
			m.Commands = append(m.Commands, SignTransaction{Slot: Slot{Number: 1}, Mode: ModeSign, TextToSign: UTF8(strings.Repeat("x", n))})
		}
		return m.MarshalBinary()
	}
	some, err := build(600)
	if err != nil {
		t.Fatal(err)
	}
	longest := 600 + 4096 - len(some)
	b, err := build(longest)
	if err != nil || len(b) != 4096 {
		t.Fatalf("%d octets, %v", len(b), err)
	}
	if _, err := Parse(b); err != nil {
		t.Errorf("4096 octets are not read: %v", err)
	}
	if _, err := Parse(append(b, 0xC0)); !errors.Is(err, ErrLength) || !strings.Contains(err.Error(), "at most 4096 octets, have 4097") {
		t.Errorf("4097 octets are read: %v", err)
	}
	if b, err := build(longest + 1); !errors.Is(err, ErrLength) || len(b) != 0 || !strings.Contains(err.Error(), "at most 4096 octets, have 4097") {
		t.Errorf("%d octets are written, %v", len(b), err)
	}
}

// However a message is refused, the card can say of which one it speaks.
func TestRefusedIsNamed(t *testing.T) {
	const head, report = "0101020304", "A103800104"
	for name, tc := range map[string]struct {
		octets, says string
		want         error
	}{
		"cut":                 {head + report + "A1", "need 2 octets, have 1", ErrLength},
		"screen time of 0":    {head + report + "D70100", "00 is not within 01 to FF", ErrValue},
		"screen time twice":   {head + "D7010A" + report + "D7010A", "tag D7", ErrDuplicate},
		"17 commands":         {head + strings.Repeat(report, 17), "more than 16 commands", ErrLength},
		"no command":          {head, "no command", ErrMissing},
		"only a vendor's":     {head + "C00101", "no command", ErrMissing},
		"the second":          {head + report + "A103800105", "command 2 (ChangeAppletStatus): tag 80: ", ErrValue},
		"a capital behind":    {head + "A204" + "83026141", "two small letters", ErrValue},
		"a capital":           {head + "A204" + "83024161", "two small letters", ErrValue},
		"16 tries of a PoP":   {head + "A203" + "850110", "10 is not within 01 to 0F", ErrValue},
		"no hash":             {head + "A508" + "900101" + "950101" + "9600", "33 octets or more, have 0", ErrLength},
		"an algorithm only":   {head + "A509" + "900101" + "950101" + "960101", "33 octets or more, have 1", ErrLength},
		"a range of three":    {head + "A40B" + "900101" + "930101" + "9403000000", "a range needs 4 octets, have 3", ErrLength},
		"a range of five":     {head + "A40D" + "900101" + "930101" + "94050000000000", "a range needs 4 octets, have 5", ErrLength},
		"code 3 of a slot":    {head + "A309" + "900401011103" + "910101", "03 is not within 01 to 02", ErrValue},
		"slot of 2":           {head + "A307" + "90020101" + "910103", "1 or 4 octets, have 2", ErrLength},
		"half a template":     {head + "A50B" + "900101" + "950103" + "9803013002"[:10], "need", ErrLength},
		"address of 12":       {head + "A20E" + "860C91" + strings.Repeat("21", 11), "2 to 11 octets, have 12", ErrLength},
		"tries of code 3":     {head + "A204" + "82020303", "03 is not within 01 to 02", ErrValue},
		"string without text": {head + "A203" + "840101", "id and coding, 2 octets, have 1", ErrLength},
		"string twice":        {head + "A20A" + "8403130461" + "8403130462", "string 13", ErrDuplicate},
	} {
		m, err := Parse(must(hex.DecodeString(tc.octets)))
		if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) || m.Transaction != 0x01020304 || len(m.Commands) != 0 {
			t.Errorf("%s: %+v, %v, want %v with %q", name, m, err, tc.want, tc.says)
		}
	}
	for octets, says := range map[string]string{"01010203": "needs 5 octets, have 4", "03010203040000": "version 03, known are 01 and 02", "00010203040000": "version 00, known are 01 and 02", "0100000000" + report: "transaction number 0 is reserved"} {
		if m, err := Parse(must(hex.DecodeString(octets))); err == nil || !strings.Contains(err.Error(), says) || m.Transaction != 0 {
			t.Errorf("%s: %+v, %v", octets, m, err)
		}
	}
	if m, err := Parse(must(hex.DecodeString(head + "A20D" + "860B91" + strings.Repeat("21", 10)))); err != nil || m.Commands[0].(SetAppletData).ServerAddress != "+"+strings.Repeat("12", 10) {
		t.Errorf("20 digits: %+v, %v", m, err)
	}
}

// An answer that the server could not read is not written, and one that has
// too much is not read.
func TestAnswerIsChecked(t *testing.T) {
	done := "E104B0029000"
	for octets, want := range map[string]error{
		"0101020304" + strings.Repeat(done, 16): nil, "0101020304" + strings.Repeat(done, 17): ErrLength, "0301020304" + done: ErrVersion,
		"01010203": ErrLength, "0101020304" + "E104B0029000" + "E1": ErrLength, "0101020304" + "DF00" + done: nil,
	} {
		a, err := ParseAnswer(must(hex.DecodeString(octets)))
		if !errors.Is(err, want) || want != nil && len(a.Results) != 0 {
			t.Errorf("%s: %+v, %v", octets, a, err)
		}
	}
	for name, r := range map[string]Result{
		"a command": {Tag: 0xA1, Status: StatusOK}, "16 tries": {Tag: 0xE5, Status: StatusBlocked, TriesGiven: true, TriesLeft: 16},
		"letters": {Tag: 0xE5, Status: StatusOK, PoP: "12a4"}, "no language": {Tag: 0xE1, Status: StatusOK, State: &State{LifeCycle: 1, Language: "e1"}},
	} {
		if b, err := (Answer{Transaction: 7, Results: []Result{r}}).AppendBinary([]byte{9}); err == nil || !bytes.Equal(b, []byte{9}) {
			t.Errorf("%s: %x, %v", name, b, err)
		}
	}
	// The part of a certificate behind its first 256 octets, in octets.
	part := Answer{Transaction: 0x01020304, Results: []Result{{Tag: 0xE4, Status: StatusOK, Part: &Part{Offset: 0x0123, Total: 0x0125, Octets: []byte{0xAA, 0xBB}}}}}
	if b, err := part.MarshalBinary(); err != nil || hex.EncodeToString(b) != "0101020304"+"e40c"+"b0029000"+"b60601230125aabb" {
		t.Errorf("%x, %v", b, err)
	}
	if r, err := parseResult(0xE5, must(hex.DecodeString("B30101")), Version1); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "tag B0 is needed") {
		t.Errorf("no status word: %+v, %v", r, err)
	}
}

// A template is filled with a key of its algorithm and a code of its length, or not at all.
func TestFillIsChecked(t *testing.T) {
	tmpl := &Template{[]TemplatePart{{Hole: Literal, Octets: []byte{0x30}}, {Hole: HolePublicKey}, {Hole: HolePoP, Digits: 4}}}
	rsa := bytes.Repeat([]byte{0xAB}, 259)
	if b, err := tmpl.Fill(nil, RSA2048, rsa, "1234"); err != nil || hex.EncodeToString(b) != "3000"+strings.Repeat("ab", 256)+"31323334" {
		t.Errorf("%x, %v", b, err)
	}
	for name, tc := range map[string]struct {
		alg  Algorithm
		key  []byte
		pop  string
		want error
	}{
		"a key of 258": {RSA2048, rsa[:258], "1234", ErrKey}, "a key of 260": {RSA2048, append(rsa, 1), "1234", ErrKey}, "a short point": {ECDSAP256, make([]byte, 32), "1234", ErrKey},
		"no algorithm": {0, nil, "1234", ErrKey}, "3 digits": {RSA2048, rsa, "123", ErrLength}, "5 digits": {RSA2048, rsa, "12345", ErrLength},
	} {
		if b, err := tmpl.Fill(nil, tc.alg, tc.key, tc.pop); b != nil || !errors.Is(err, tc.want) {
			t.Errorf("%s: %x, %v", name, b, err)
		}
	}
	if n := tmpl.PoPDigits(); n != 4 {
		t.Errorf("%d digits", n)
	}
}
