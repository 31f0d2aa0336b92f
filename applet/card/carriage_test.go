package card_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// in makes an active card of a carriage.
func in(t *testing.T, way string, change func(*card.Options)) *phone {
	t.Helper()
	return newPhone(t, newCard(t, func(o *card.Options) {
		o.Active, o.Carriage = true, way
		if change != nil {
			change(o)
		}
	}))
}

// kept is in with the card in a file.
func kept(t *testing.T, way string) (string, *phone) {
	t.Helper()
	over = way
	defer func() { over = "" }()
	return create(t)
}

// TestEveryCarriage: what the user and the server meet is the same in each carriage.
//
// Supports: 3.1-2, 3.2-1, 3.3-3, 3.3-4, 3.4-1, 3.5.1-2, 3.5.1-3, 3.5.3-6, 4-5, 4-6, 4-7, 5-2
func TestEveryCarriage(t *testing.T) {
	defer func() { over = "" }()
	for _, over = range []string{"packet", "own"} {
		for name, journey := range map[string]func(*testing.T){
			"register A": TestRegisterA, "register aborted": TestRegisterAborted, "register second aborted": TestRegisterSecondAborted,
			"register refused": TestRegisterRefused, "weak codes": TestWeakCodes, "Luhn": TestLuhn,
			"unblock": TestUnblock, "reset": TestReset, "reset cancelled": TestResetCancelled, "change": TestChange,
			"code format": TestCodeFormat, "manage without code": TestManageWithoutCode, "languages": TestLanguages,
			"every slot": TestEverySlot, "response malformed": TestResponseMalformed, "response to other": TestResponseToOther,
			"response never": TestResponseNever, "entry codings": TestEntryCodings,
		} {
			t.Run(over+" "+name, journey)
		}
	}
}

// TestEveryStrictCarriage: what real limits a user and a server can meet, they do not.
//
// Supports: 3.1-2, 3.3-4, 3.5.3-6, 4-5, 4-7
func TestEveryStrictCarriage(t *testing.T) {
	defer func() { over, tight = "", false }()
	tight = true
	for _, over = range []string{"packet", "own"} {
		for name, journey := range map[string]func(*testing.T){
			"register A": TestRegisterA, "register aborted": TestRegisterAborted, "register second aborted": TestRegisterSecondAborted,
			"reset": TestReset, "reset cancelled": TestResetCancelled, "change": TestChange, "menu": TestMenu, "languages": TestLanguages,
			"response never": TestResponseNever, "every slot": TestEverySlot,
		} {
			t.Run(over+" "+name, journey)
		}
	}
}

var vectorTAR = ota.TAR{'M', 'S', 'S'}

const (
	vectorMessage = "0201020306A50F9001019501029704045061799A0131"
	vectorRequest = "003815160012124D53539566A421C95FBA5CC0917ABB13CBB367E16A2FA5607EF4B3B01356C5712E592A84F8CE8999FCD51E61A5B0B5BC54198E"
	vectorAnswer  = "003815160012124D5353B9D4238FF9D8E52E12CCF773928AB3CB1BA70ACA097168D60034383140921593C5028C0F48D869AB3AE0982B058D8154"
)

// TestVectors: the octets of the specification, which a Java applet has made too.
//
// Supports: 3.1-2, 4-5
func TestVectors(t *testing.T) {
	p := in(t, "packet", func(o *card.Options) { o.TAR = vectorTAR })
	slot := slotOf(1, applet.ECDSAP256)
	slot.Usage = applet.UsageNonRepudiation
	seal := func(octets []byte) []byte {
		p.cntr++
		b, err := p.ks.Seal(nil, &ota.Command{SPI: p.spi, TAR: vectorTAR, CNTR: p.cntr, Data: octets})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, cmds := range [][]applet.Command{
		{
			applet.SetAuthenticationHandlerData{Slot: slot, Operation: applet.HandlerGenerate},
			applet.SignTransaction{Slot: applet.Slot{Number: 1}, Mode: applet.ModeRegister, Hash: applet.SHA256, Digest: digest(nil)},
		},
		{applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: 1}, Operation: applet.HandlerConfirm}},
	} {
		p.script = script(enter(testCode), enter(testCode), enter(testCode))
		b, err := p.message(cmds...).MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		p.deliver(seal(b))
	}
	p.sent = nil // their counters were 1 and 2
	p.script = script(result(0x10))
	p.deliver(seal(unhex(t, vectorMessage)))
	if text := p.screens[len(p.screens)-1].text; text != "Pay\nReference: 1" {
		t.Errorf("shown %q", text)
	}
	if m, err := sms.ParseSubmit(p.sent[0]); err != nil || !bytes.Equal(m.UDH, unhex(t, "027000")) {
		t.Errorf("header %X, %v", m.UDH, err)
	}
	if have := p.joined(sms.CommandCPI); !bytes.Equal(have, unhex(t, vectorAnswer)) {
		t.Errorf("answer %X", have)
	}

	p = in(t, "own", func(o *card.Options) { o.TAR = vectorTAR })
	p.deliver(unhex(t, "00480D000000004D5353000000000000"+vectorRequest))
	h, err := carriage.Own{}.Open(nil, &carriage.Expected{TAR: vectorTAR, Answers: []*ota.KeySet{p.answerKeys()}}, sms.CommandCPI, p.joined(sms.CommandCPI))
	want := append(unhex(t, "0201020306E504B0026A88B710"), applet.RequestHash(unhex(t, vectorMessage))...)
	if err != nil || h.Counter != 1 || h.Set != 1 || !bytes.Equal(h.INT6, want) || p.report != nil {
		t.Errorf("answer %X, counter %v, %v", h.INT6, h.Counter, err)
	}
}

// quiet says what came of a packet that must change nothing: no screen, no message, no
// report, and with a file not an octet of it.
func (p *phone) quiet(t *testing.T, what, path string, packet []byte) {
	t.Helper()
	before, _ := os.ReadFile(path)
	p.sent, p.screens, p.script = nil, nil, nil
	p.deliver(packet)
	after, _ := os.ReadFile(path)
	if len(p.sent)+len(p.screens)+len(p.report) > 0 || !bytes.Equal(before, after) {
		t.Errorf("%s: %d messages, screens %v, report %X, file changed: %v", what, len(p.sent), p.screens, p.report, !bytes.Equal(before, after))
	}
}

// bare is data in a packet without security.
func bare(data []byte) []byte {
	n := 14 + len(data)
	return append([]byte{byte(n >> 8), byte(n), 0x0D, 0, 0, 0, 0, testTAR[0], testTAR[1], testTAR[2], 0, 0, 0, 0, 0, 0}, data...)
}

// TestOwnRefuses: whatever is not sealed under the applet's request keys exactly as it must
// be changes nothing, and nobody is asked.
//
// Supports: 3.1-2, 3.3-3, 3.5.3-6
func TestOwnRefuses(t *testing.T) {
	path, p := kept(t, "own")
	p.enrol(1, applet.ECDSAP256, testCode)
	sign, err := p.message(signHash(digest([]byte("x")))).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	p.state()
	keys, foreign := p.requestKeys(), carriage.CardKey{9}
	seal := func(ks *ota.KeySet, c ota.Command) []byte {
		c.Data = sign
		if c.TAR == (ota.TAR{}) {
			c.TAR = testTAR
		}
		b, err := ks.Seal(nil, &c)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	spi, next := ota.SPI{0x16, 0x00}, p.cntr+1
	good := seal(keys, ota.Command{SPI: spi, CNTR: next})
	other := func(k carriage.CardKey, set byte) *ota.KeySet {
		ks, err := k.Request(set)
		if err != nil {
			t.Fatal(err)
		}
		return ks
	}
	p.deliver(bare(nil)) // the mark of the last answer is written with whatever comes next
	for what, inner := range map[string][]byte{
		"a bare message":          sign,
		"nothing":                 nil,
		"under the domain's keys": seal(p.ks, ota.Command{SPI: spi, CNTR: next}),
		"under answer keys":       seal(p.answerKeys(), ota.Command{SPI: spi, CNTR: next}),
		"under a foreign key":     seal(other(foreign, 1), ota.Command{SPI: spi, CNTR: next}),
		"under another set":       seal(other(testKey, 2), ota.Command{SPI: spi, CNTR: next}),
		"SPI2 21":                 seal(keys, ota.Command{SPI: ota.SPI{0x16, 0x21}, CNTR: next}),
		"SPI1 1E":                 seal(keys, ota.Command{SPI: ota.SPI{0x1E, 0}, CNTR: next}),
		"SPI1 12, in clear":       seal(keys, ota.Command{SPI: ota.SPI{0x12, 0}, CNTR: next}),
		"SPI1 18, no CC":          seal(keys, ota.Command{SPI: ota.SPI{0x18, 0}, CNTR: next}),
		"SPI1 00":                 seal(keys, ota.Command{SPI: ota.SPI{0, 0x16}, CNTR: next}),
		"another TAR":             seal(keys, ota.Command{SPI: spi, CNTR: next, TAR: vectorTAR}),
		"the counter before":      seal(keys, ota.Command{SPI: spi, CNTR: p.cntr}),
		"counter 0":               seal(keys, ota.Command{SPI: spi}),
		"the last counter":        seal(keys, ota.Command{SPI: spi, CNTR: ota.MaxCNTR}),
		"an octet behind":         append(bytes.Clone(good), 0),
		"a packet in a packet":    bare(good),
	} {
		p.quiet(t, what, path, bare(inner))
	}
	for i := range good {
		p.quiet(t, "cut", path, bare(good[:i]))
		bad := bytes.Clone(good)
		bad[i] ^= 1 << (i % 8)
		p.quiet(t, "another octet", path, bare(bad))
	}
	for spi2 := byte(1); spi2 < 0x40; spi2++ { // anybody could have it answer
		packet := bare(good)
		packet[4], packet[5], packet[6] = spi2, 0x12, 0x12
		p.sent, p.screens = nil, nil
		p.deliver(packet)
		if r := p.reported(ota.SPI{0, spi2}.PlainPoR()); len(p.sent)+len(p.screens) > 0 || r != nil && r.Protected {
			t.Errorf("SPI 00%02X around it: %d messages, screens %v, report %+v", spi2, len(p.sent), p.screens, r)
		}
	}
	for _, spi1 := range []byte{0x01, 0x02, 0x06, 0x12} { // no counter, or in clear
		packet, err := p.ks.Seal(nil, &ota.Command{SPI: ota.SPI{spi1, 0}, TAR: testTAR, CNTR: 1 << 20, Data: good})
		if err != nil {
			t.Fatal(err)
		}
		if p.deliver(packet); len(p.sent)+len(p.screens) > 0 {
			t.Errorf("SPI1 %02X around it: %d messages, screens %v", spi1, len(p.sent), p.screens)
		}
	}
	p.script = script(ok(), enter(testCode))
	p.hash = applet.RequestHash(sign)
	p.deliver(bare(good)) // none of them has used it
	if a := p.answer(); !a.OK() {
		t.Fatal(a.Status())
	}
	p.deliver(bare(nil))
	p.quiet(t, "the same again", path, bare(good))
}

// TestOwnInsideTheDomain: with MSL 16 only a packet of the domain reaches the applet, and
// its holder cannot forge what is in it.
//
// Supports: 3.1-2, 3.5.3-6
func TestOwnInsideTheDomain(t *testing.T) {
	p := in(t, "own", func(o *card.Options) { o.MSL = 0x16 })
	p.deliver(p.seal(p.message(applet.ChangeAppletStatus{To: applet.StatusReport})))
	if len(p.sent) > 0 {
		t.Fatal("a packet without security was taken")
	}
	p.spi = ota.SPI{0x16, 0x00}
	if p.state() == nil {
		t.Fatal("no state")
	}
	b, err := p.message(applet.ChangeAppletStatus{To: applet.StatusInitial}).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	p.cntr++
	forged, err := p.ks.Seal(nil, &ota.Command{SPI: p.spi, TAR: testTAR, CNTR: p.cntr, Data: b})
	if err != nil {
		t.Fatal(err)
	}
	p.quiet(t, "a message of the domain alone", "", forged)
	for _, k := range []func(*card.Options){
		func(o *card.Options) { o.Keys.K0 = carriage.CardKey{} },
		func(o *card.Options) { o.Keys.Set = 16 },
		func(o *card.Options) { o.Carriage = "delegated" },
		func(o *card.Options) { o.MSL = 0x12 },
		func(o *card.Options) { o.MSL, o.KeySets = 0x16, nil },
		func(o *card.Options) { o.Carriage, o.KeySets = "packet", nil },
		func(o *card.Options) { o.Carriage, o.KeySets = "", nil },
	} {
		o := card.Options{Profile: profile()}
		o.Carriage, o.Keys.K0 = "own", testKey
		if k(&o); o.Carriage == "" {
			o.Keys = card.AppletKeys{}
		}
		if _, err := card.New(o); err == nil {
			t.Errorf("made: carriage %q, set %d, MSL %02X, %d key sets", o.Carriage, o.Keys.Set, o.MSL, len(o.KeySets))
		}
	}
	if in(t, "own", func(o *card.Options) { o.KeySets = nil }).state() == nil {
		t.Error("a card without keys of the domain says nothing")
	}
}

// TestPacketLooksItself: a card whose level was set wrong at its installation is not
// open to everybody: the applet reads SPI1 bit by bit, and KIc and KID.
//
// Supports: 3.5.3-6
func TestPacketLooksItself(t *testing.T) {
	key := func(a ota.Algorithm, n int) ota.Key {
		return ota.Key{Alg: a, Octets: bytes.Repeat([]byte{0x31, 0x53, 0x75, 0x97}, n/4)}
	}
	p := in(t, "packet", func(o *card.Options) {
		o.Lab, o.MSL = true, 0x01
		o.KeySets = append(o.KeySets, card.KeySet{KVN: 2, KIc: key(ota.DES, 8), KID: key(ota.DES, 8)}, card.KeySet{KVN: 3, KIc: key(ota.AES128, 16), KID: key(ota.DES, 8)},
			card.KeySet{KVN: 4, KIc: key(ota.DESECB, 8), KID: key(ota.AES128, 16)})
	})
	report := []byte("\x02\x00\x00\x00\x01\xA1\x03\x80\x01\x04")
	taken := 0
	for spi1 := range byte(0x20) {
		if spi1&3 == 0 || spi1&3 == 3 {
			continue // below this MSL, or a signature
		}
		p.cntr++
		packet, err := p.ks.Seal(nil, &ota.Command{SPI: ota.SPI{spi1, 0x21}, TAR: testTAR, CNTR: p.cntr, Data: report})
		if err != nil {
			t.Fatal(err)
		}
		p.sent = nil
		p.deliver(packet)
		answers := 0
		for _, tpdu := range p.sent {
			if m, err := sms.ParseSubmit(tpdu); err == nil && bytes.Contains(m.UDH, []byte{0x70, 0x00}) { // in the first segment
				answers++
			}
		}
		if answers != 0 {
			taken++
		}
		if good := spi1 == 0x16 || spi1 == 0x1E; good != (answers == 1) || !good && spi1&3 == 1 && len(p.sent) > 0 {
			t.Errorf("SPI1 %02X: %d messages, %d answers", spi1, len(p.sent), answers)
		}
	}
	if taken != 2 {
		t.Errorf("%d levels were taken", taken)
	}
	for _, k := range p.c.Profile().KeySets[1:] {
		ks, err := ota.NewKeySet(k.KVN, k.KIc, k.KID, 0)
		if err != nil {
			t.Fatal(err)
		}
		packet, err := ks.Seal(nil, &ota.Command{SPI: ota.SPI{0x16, 0x00}, TAR: testTAR, CNTR: 1, Data: report})
		if err != nil {
			t.Fatal(err)
		}
		p.quiet(t, k.KIc.Alg.String(), "", packet)
	}
}

// TestHandedOver: the OTA layer says that it has handed the packet over, without data, on the
// way that SPI2 asks for, before anybody is asked; the answer comes whatever SPI2 was.
//
// Supports: 3.1-2, 5-2
func TestHandedOver(t *testing.T) {
	for _, tc := range []struct {
		spi2   byte
		report bool
		sent   int // response packets by short message
	}{{0x00, false, 0}, {0x19, true, 0}, {0x39, false, 1}, {0x1A, false, 0}, {0x3A, false, 0}} {
		p := in(t, "packet", nil)
		p.enrol(1, applet.ECDSAP256, testCode)
		p.spi = ota.SPI{0x16, tc.spi2}
		m := p.message(signHash(digest([]byte("x"))))
		p.script, p.screens = script(ok(), enter(testCode)), nil
		p.deliver(p.seal(m))
		r := p.reported(p.spi)
		if (r != nil) != tc.report || r != nil && (r.Status != ota.StatusOK || len(r.Data) > 0 || r.CNTR != p.cntr || !r.Protected) {
			t.Errorf("%02X: report %+v", tc.spi2, r)
		}
		if len(p.sent) != tc.sent+1 {
			t.Fatalf("%02X: %d messages", tc.spi2, len(p.sent))
		}
		answer := p.sent[tc.sent:]
		if tc.sent > 0 {
			p.sent = p.sent[:1]
			if r := p.response(); r.Status != ota.StatusOK || len(r.Data) > 0 || r.CNTR != p.cntr || !r.Protected {
				t.Errorf("%02X: %+v", tc.spi2, r)
			}
		}
		p.sent = answer
		if a := p.answer(); !a.OK() || a.Transaction != m.Transaction {
			t.Errorf("%02X: %s", tc.spi2, a.Status())
		}
		// What the OTA layer refuses it says as before.
		p.deliver(p.packet(p.spi, testTAR, p.cntr, m))
		if want := tc.spi2 != 0; want != (len(p.report)+len(p.sent) > 0) {
			t.Errorf("%02X: a counter that was used: report %X, %d messages", tc.spi2, p.report, len(p.sent))
		}
	}
}

// TestVersionOfCarriage: packet and own speak version 02 only, response 01 only.
//
// Supports: 3.1-2
func TestVersionOfCarriage(t *testing.T) {
	for way, message := range map[string]string{"response": "0200000001A103800104", "packet": "0100000001A103800104", "own": "0100000001A103800104"} {
		p := in(t, way, nil)
		for _, m := range []string{message, "0300000001A103800104"} {
			p.deliver(p.sealOctets(unhex(t, m)))
			a := p.answer()
			if a.Version != p.way.Version() || len(a.Results) != 1 || a.Results[0].Tag != applet.TagMessage || a.Status() != applet.StatusNotSupported {
				t.Errorf("%s, %s: %+v", way, m, a)
			}
			if want := uint32(1); strings.HasPrefix(m, "03") == (a.Transaction == want) {
				t.Errorf("%s, %s: number %d", way, m, a.Transaction)
			}
		}
	}
}

// TestOldFile: a file of a card that knows of no carriage is one of response.
//
// Supports: 3.1-2
func TestOldFile(t *testing.T) {
	profile := profile()
	profile.Active = true
	b, err := json.Marshal(profile)
	if err != nil {
		t.Fatal(err)
	}
	var old map[string]any
	if err := json.Unmarshal(b, &old); err != nil {
		t.Fatal(err)
	}
	for name := range old {
		if slices.Contains([]string{"Carriage", "Keys", "Level", "Strict"}, name) {
			delete(old, name)
		}
	}
	if b, err = json.Marshal(old); err != nil {
		t.Fatal(err)
	}
	path, p := kept(t, "")
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	header, _, _ := bytes.Cut(file, []byte("\n"))
	if err := os.WriteFile(path, append(append(header, '\n'), record("profile", string(b))...), 0o600); err != nil {
		t.Fatal(err)
	}
	p.reload(path, -1)
	p.enrol(1, applet.ECDSAP256, testCode)
	p.signs(testCode)
	if got := p.c.Profile(); got.Carriage != "response" || got.Keys != (card.AppletKeys{}) {
		t.Fatalf("%q %v", got.Carriage, got.Keys)
	}
}
