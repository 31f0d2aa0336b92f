package card_test

import (
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/ota"
)

// FuzzTransmit plays octets as a terminal gone mad: each chunk is an APDU
// (length octet first). No sequence panics, every response has a status word,
// and the code that the user chose still signs afterwards.
func FuzzTransmit(f *testing.F) {
	f.Add([]byte{5, 0x80, 0xF2, 0, 0, 0, 7, 0, 0xA4, 0, 4, 2, 0x3F, 0})
	f.Add([]byte("\x15\x80\xC2\x00\x00\x10\xD1\x0E\x82\x02\x83\x81\x8B\x08\x44\x00\x00\x7F\xF6\x00\x00\x00"))
	f.Add([]byte("\x0E\x80\xC2\x00\x00\x09\xD3\x07\x82\x02\x01\x81\x90\x01\x01\x05\x80\x12\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := fresh(t)
		m := p.message(applet.ManagePersonalCode{Operation: applet.CodeCreate, Code: applet.CodeAuthentication})
		p.deliverStepwise(p.seal(m)) // something is going on
		for len(b) > 0 {
			n := min(int(b[0]), len(b)-1)
			if r := p.c.Transmit(b[1 : 1+n]); len(r) < 2 || len(r) > 258 {
				t.Fatalf("response of %d octets", len(r))
			}
			b = b[1+n:]
		}
		p.boot()
		p.sent = nil
		p.cntr++
		p.script = script(enter(testCode), enter(testCode), enter(testCode), enter(testCode))
		p.deliver(p.seal(m))
		if len(p.sent) == 0 {
			t.Fatal("the card does not answer any more")
		}
	})
}

// FuzzMessages seals octets as an INT6 message: whatever the server sends,
// the card answers, unless it waits for the user.
func FuzzMessages(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x10\x00\xA1\x03\x80\x01\x04"))
	f.Add([]byte("\x01\x00\x00\x10\x01\xA6\x06\x9D\x01\x01\x9E\x01\x01"))
	f.Add([]byte("\x01\x00\x00\x10\x02\xA3\x09\x90\x04\x01\x01\x11\x01\x91\x01\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 900 {
			return
		}
		c, err := card.New(card.Options{Profile: fuzzProfile()})
		if err != nil {
			t.Fatal(err)
		}
		p := newPhone(t, c)
		sw := p.deliverStepwise(p.sealOctets(b))
		for range 200 {
			if sw>>8 != 0x91 {
				break
			}
			p.script = script(enter("2580"))
			sw = p.fetch(byte(sw))
		}
		if sw != 0x9000 || len(p.sent) == 0 {
			t.Fatalf("%04X, %d messages", sw, len(p.sent))
		}
		if r := p.response(); r.Status != ota.StatusOK {
			t.Fatalf("%+v", r)
		} else if _, err := applet.ParseAnswer(r.Data); err != nil {
			t.Fatal(err)
		}
	})
}

// fuzzProfile has no RSA: making pairs would take all the time.
func fuzzProfile() card.Profile {
	p := profile()
	p.Active, p.Algorithms = true, []applet.Algorithm{applet.ECDSAP256}
	return p
}

// FuzzOwn: octets in a packet without security, to a card of carriage own. Nothing that
// its applet has no keys for has any effect.
func FuzzOwn(f *testing.F) {
	f.Add(unhex(f, vectorRequest))
	f.Add(unhex(f, "0200000001A103800103"))
	p := newPhone(f, newCard(f, func(o *card.Options) { o.Active, o.Carriage = true, "own" }))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 900 {
			return
		}
		p.TB = t
		p.quiet(t, "anybody's octets", "", bare(b))
	})
}

// FuzzSealed is FuzzMessages for an applet that seals its answers: each has the hash of
// its message.
func FuzzSealed(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x10\x00\xA1\x03\x80\x01\x04"))
	f.Add([]byte("\x02\x00\x00\x10\x01\xA7\x03\x89\x01\x01"))
	f.Add(unhex(f, vectorMessage))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 900 {
			return
		}
		o := card.Options{Profile: fuzzProfile()}
		o.Carriage, o.Keys.K0 = "packet", testKey
		c, err := card.New(o)
		if err != nil {
			t.Fatal(err)
		}
		p := newPhone(t, c)
		sw := p.deliverStepwise(p.sealOctets(b))
		for range 200 {
			if sw>>8 != 0x91 {
				break
			}
			p.script = script(enter("2580"))
			sw = p.fetch(byte(sw))
		}
		if sw != 0x9000 || len(p.sent) == 0 {
			t.Fatalf("%04X, %d messages", sw, len(p.sent))
		}
		if p.sealedAnswer().Version != applet.Version2 {
			t.Fatal("another version")
		}
	})
}
