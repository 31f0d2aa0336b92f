package card_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/ota"
)

func create(t *testing.T) (string, *phone) {
	t.Helper()
	return createWith(t, func(*card.Options) {})
}

func createWith(t *testing.T, change func(*card.Options)) (string, *phone) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "card")
	o := card.Options{Profile: profile()}
	o.Active, o.Carriage, o.Keys.K0 = true, over, testKey
	change(&o)
	c, err := card.Create(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return path, newPhone(t, c)
}

// reload kills the card and starts it anew from the file, or from the first n
// octets of it. A process that is killed lets go of its file; this one is
// alive, so the card is loaded from a copy in the file's place.
func (p *phone) reload(path string, n int64) {
	p.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path+".copy", b, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".copy", path)
	}
	if err != nil {
		p.Fatal(err)
	}
	if n >= 0 {
		if err := os.Truncate(path, n); err != nil {
			p.Fatal(err)
		}
	}
	c, err := card.Load(path, card.Options{})
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { c.Close() })
	p.c = c
	p.boot()
}

// forget drops what the card sent again after a restart: the mark of the last
// answer was not yet written, and the server gets it twice.
func (p *phone) forget() { p.sent = nil }

func size(t testing.TB, path string) int64 {
	t.Helper()
	i, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return i.Size()
}

// TestRestart: keys, codes, tries, counters, strings and answers survive a
// process that was killed.
//
// Supports: 3.5.3-2, 3.3-2
func TestRestart(t *testing.T) {
	path, p := create(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	p.enrol(2, applet.RSA2048, otherCode)
	p.must(nil, applet.SetAppletData{Language: "fi", Strings: []applet.StringUpdate{{ID: 2, Text: applet.UTF8("Koodi")}}})
	p.fails(0x63C2, script(ok(), enter("1"), result(0x10)), signHash(digest([]byte("x"))))
	m := p.message(signHash(digest([]byte("x"))))
	p.script = script(ok(), enter(testCode))
	p.deliver(p.seal(m))
	first := p.answer()
	low := p.seal(p.message(applet.ChangeAppletStatus{To: applet.StatusReport}))
	p.state()
	before := p.state()
	p.reload(path, -1)
	p.forget()
	if after := p.state(); after.Language != "fi" || before.FindSlot(2).Status != after.FindSlot(2).Status || after.FindSlot(1).Status != applet.SlotRegistered {
		t.Fatalf("%+v", after)
	}
	p.deliver(low)
	if r := p.response(); r.Status != ota.StatusCounterLow {
		t.Fatalf("replay after restart: %+v", r)
	}
	p.deliver(p.seal(m))
	if !bytes.Equal(p.answer().Results[0].Signature, first.Results[0].Signature) {
		t.Fatal("the transaction was not remembered")
	}
	p.must(script(ok(), enter(testCode)), signHash(digest([]byte("y"))))
	if p.screens[1].text != "Koodi" {
		t.Fatalf("screens %v", p.screens)
	}
	p.must(script(ok(), enter(otherCode)), applet.SignTransaction{
		Slot: applet.Slot{Number: 2}, Mode: applet.ModeSign, TextToSign: applet.UTF8("Pay"),
	})
}

// TestTriesBeforeComparison: cutting the power after a wrong code wins no try.
//
// Supports: 3.5.3-2, 3.4-3
func TestTriesBeforeComparison(t *testing.T) {
	path, p := create(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	ask := func() {
		p.deliverStepwise(p.seal(p.message(signHash(digest([]byte("x"))))))
		p.respondRaw(p.fetchRaw(), ok())
		p.respondRaw(p.fetchRaw(), enter("1111"))
		p.reload(path, -1)
		p.forget() // that it was interrupted
	}
	for i := range 2 {
		ask()
		if left := p.state().FindCode(applet.CodeAuthentication).TriesLeft; int(left) != 2-i {
			t.Fatalf("%d tries left", left)
		}
	}
	ask()
	p.fails(applet.StatusBlocked, nil, signHash(digest([]byte("x"))))
}

// TestRestartWhileAsking: power goes while the user is asked, at the text or at
// the code. After the next TERMINAL PROFILE the card answers that what it showed is
// gone, once, under the counter of the last packet, and shows nothing; asked again, it
// says the same from memory. The next transaction is asked as ever.
func TestRestartWhileAsking(t *testing.T) {
	for name, again := range map[string]bool{"asked once": false, "asked twice": true} {
		path, p := create(t)
		p.enrol(1, applet.ECDSAP256, testCode)
		m := p.message(signHash(digest([]byte("x"))))
		packet := p.seal(m)
		p.deliverStepwise(packet)
		shown := p.fetchRaw()
		if again {
			packet = p.seal(m)
			p.deliverStepwise(packet)
		} else {
			p.respondRaw(shown, ok())
			p.fetchRaw()
		}
		p.screens = nil
		p.reload(path, -1)
		gone := func(when string) {
			t.Helper()
			r := p.response()
			a, err := applet.ParseAnswer(r.Data)
			if err != nil || a.Transaction != m.Transaction || a.Status() != applet.StatusInterrupted || r.CNTR != p.cntr || len(p.screens) > 0 {
				t.Fatalf("%s, %s: %+v, %v, screens %v", name, when, r, err, p.screens)
			}
		}
		gone("after the profile")
		p.boot() // sent: it is not sent again
		if len(p.sent) > 0 {
			t.Fatalf("%s: sent twice", name)
		}
		p.deliver(packet)
		if r := p.response(); r.Status != ota.StatusCounterLow {
			t.Fatalf("%s: %+v", name, r)
		}
		p.deliver(p.seal(m))
		gone("asked again")
		p.signs(testCode)
	}
}

// TestInterruptedPlace: an answer takes the place of what was kept for it, so a
// card that is switched off later says what the user did.
func TestInterruptedPlace(t *testing.T) {
	path, p := create(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	m := p.message(signHash(digest([]byte("x"))))
	p.script = script(ok(), enter(testCode))
	p.deliver(p.seal(m))
	first := p.answer()
	p.reload(path, -1)
	p.forget()
	p.deliver(p.seal(m))
	if again := p.answer(); !again.OK() || !bytes.Equal(again.Results[0].Signature, first.Results[0].Signature) {
		t.Fatalf("%+v", again)
	}
}

// TestRestartBeforeSent: the user has signed and power goes before the answer
// is sent, or half of it: it is sent after the next TERMINAL PROFILE, the same
// octets.
//
// Supports: 3.1-1
func TestRestartBeforeSent(t *testing.T) {
	path, p := create(t)
	p.enrol(1, applet.RSA2048, testCode)
	p.deliverStepwise(p.seal(p.message(signHash(digest([]byte("x"))))))
	p.respondRaw(p.fetchRaw(), ok())
	p.respondRaw(p.fetchRaw(), enter(testCode))
	part := p.fetchRaw() // the first SEND SHORT MESSAGE
	p.respondRaw(part, ok())
	p.screens = nil
	p.reload(path, -1)
	if a := p.answer(); !a.OK() || len(p.screens) > 0 {
		t.Fatalf("%+v", a)
	}
	if !bytes.Contains(part, p.tried[len(p.tried)-3]) {
		t.Fatal("other octets than before")
	}
	// What was sent is known after the next record.
	p.state()
	p.tried = nil
	p.reload(path, -1)
	if len(p.tried) > 1 { // the mark of the last one rides with the next record
		t.Fatalf("%d messages again", len(p.tried))
	}
}

// TestTornJournal: the file is cut anywhere in its last record: that change
// did not happen, everything before did, and the card goes on.
func TestTornJournal(t *testing.T) {
	path, p := create(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	p.state()
	before := size(t, path)
	p.must(nil, applet.SetAppletData{Language: "fi"}) // two records: counter, then the rest
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := before; n < int64(len(whole)); n++ {
		cut := filepath.Join(t.TempDir(), "cut")
		if err := os.WriteFile(cut, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := card.Load(cut, card.Options{})
		if err != nil {
			t.Fatalf("%d octets: %v", n, err)
		}
		q := newPhone(t, c)
		q.forget()
		q.cntr, q.tx = p.cntr, p.tx
		if s := q.state(); s.Language != "en" || s.FindSlot(1).Status != applet.SlotRegistered {
			t.Fatalf("%d octets: %+v", n, s)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if c, err = card.Load(cut, card.Options{}); err != nil {
			t.Fatalf("%d octets, then more: %v", n, err)
		}
		c.Close()
	}
}

// TestDamagedFile: what is not a card, or damaged before its end, is refused.
func TestDamagedFile(t *testing.T) {
	path, p := create(t)
	p.state()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(whole[:bytes.IndexByte(whole, '\n')]), "TEST ONLY") {
		t.Fatalf("first line %q", whole[:80])
	}
	if i, err := os.Stat(path); err != nil || i.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v %v", i.Mode(), err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for name, b := range map[string][]byte{
		"empty": nil, "other_file": []byte("hello\nworld"), "header_only": whole[:bytes.IndexByte(whole, '\n')+1], "bit_flipped_inside": flipped,
	} {
		f := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(f, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := card.Load(f, card.Options{}); !errors.Is(err, card.ErrJournal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := card.Create(path, card.Options{Profile: profile()}); !errors.Is(err, os.ErrExist) {
		t.Errorf("a card was overwritten: %v", err)
	}
	if _, err := card.Load(filepath.Join(t.TempDir(), "none"), card.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestOneHandset: a card is in one handset at a time; two would fork its
// counters and tries.
func TestOneHandset(t *testing.T) {
	path, _ := create(t)
	if _, err := card.Load(path, card.Options{}); !errors.Is(err, card.ErrInUse) {
		t.Errorf("second handset, made here: %v, want ErrInUse", err)
	}
	c, err := card.Create(path+"2", card.Options{Profile: profile()})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err = card.Load(path+"2", card.Options{}); err != nil {
		t.Fatalf("free again: %v", err)
	}
	defer c.Close()
	if _, err := card.Load(path+"2", card.Options{}); !errors.Is(err, card.ErrInUse) {
		t.Errorf("second handset, loaded: %v, want ErrInUse", err)
	}
}

// TestCompaction: a long life does not fill the disk.
func TestCompaction(t *testing.T) {
	path, p := create(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	largest := int64(0)
	imp := applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: 1}, Operation: applet.HandlerImportCertificate, Certificate: bytes.Repeat([]byte{0x30}, 900)}
	for range 2000 {
		p.must(nil, imp)
		largest = max(largest, size(t, path))
	}
	if now := size(t, path); largest > 1<<20+4096 || now == largest {
		t.Fatalf("largest %d, now %d", largest, now)
	}
	p.reload(path, -1)
	p.forget()
	p.signs(testCode)
}

// TestMemoryFails: when the memory cannot be written the card does nothing
// more.
func TestMemoryFails(t *testing.T) {
	for _, way := range []string{"", "packet", "own"} {
		_, p := kept(t, way)
		p.enrol(1, applet.ECDSAP256, testCode)
		if err := p.c.Close(); err != nil { // the file is closed: writing fails
			t.Fatal(err)
		}
		p.exchange(unhex(t, "801000000401010101"), 0x9000)
		p.script = script(ok())
		if sw := p.deliverStepwise(p.seal(p.message(signHash(digest([]byte("x")))))); sw != 0x6581 {
			t.Fatalf("%q: %04X", way, sw)
		}
		p.apdu("80F2000C00", 0x6581)
	}
}

// TestProfile: every fault of a profile is told at once.
//
// Supports: 4-1, 3.3-1
func TestProfile(t *testing.T) {
	if _, err := card.New(card.Options{Profile: profile()}); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*card.Options){
		"iccid":            func(o *card.Options) { o.ICCID = "12" },
		"imsi":             func(o *card.Options) { o.IMSI = "1" },
		"slots":            func(o *card.Options) { o.Slots = 3 },
		"slots_many":       func(o *card.Options) { o.Slots = 17 },
		"algorithm":        func(o *card.Options) { o.Algorithms = []applet.Algorithm{0x77} },
		"code_short":       func(o *card.Options) { o.Codes[0].Min = 3 },
		"code_min_max":     func(o *card.Options) { o.Codes[0].Min = 9 },
		"tries":            func(o *card.Options) { o.Codes[0].Tries = 16 },
		"unblocking":       func(o *card.Options) { o.UnblockingCode = "1234" },
		"language":         func(o *card.Options) { o.Language = "EN" },
		"server":           func(o *card.Options) { o.ServerAddress = "+46x" },
		"smsc":             func(o *card.Options) { o.SMSC = "+" },
		"msl":              func(o *card.Options) { o.MSL = 0x06 },
		"no_keys":          func(o *card.Options) { o.KeySets = nil },
		"key_set_0":        func(o *card.Options) { o.KeySets[0].KVN = 0 },
		"key_set_twice":    func(o *card.Options) { o.KeySets = append(o.KeySets, aesKeys(1)) },
		"key_length":       func(o *card.Options) { o.KeySets[0].KIc.Octets = make([]byte, 15) },
		"single_des":       func(o *card.Options) { o.KeySets[0].KIc = ota.Key{Alg: ota.DES, Octets: make([]byte, 8)} },
		"3des_equal_halfs": func(o *card.Options) { o.KeySets[0].KIc = ota.Key{Alg: ota.TripleDES2, Octets: make([]byte, 16)} },
	} {
		o := card.Options{Profile: profile()}
		change(&o)
		path := filepath.Join(t.TempDir(), "card")
		if _, err := card.Create(path, o); !errors.Is(err, card.ErrProfile) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: a file is left", name)
		}
	}
}

// TestThreeRecords: a signature writes the counter, the try counter and the
// result, each by one record, and no more.
func TestThreeRecords(t *testing.T) {
	path, p := create(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	records := func() (n int) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for b = b[bytes.IndexByte(b, '\n')+1:]; len(b) > 0; n++ {
			b = b[8+binary.BigEndian.Uint32(b):]
		}
		return n
	}
	before := records()
	p.signs(testCode)
	if n := records() - before; n != 3 {
		t.Fatalf("%d records", n)
	}
}
