package card_test

import (
	"bytes"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/ota"
)

// reported opens the response packet of the SMS-DELIVER-REPORT; nil when the
// card was silent.
func (p *phone) reported(spi ota.SPI) *ota.Response {
	p.Helper()
	if p.report == nil {
		return nil
	}
	if !bytes.HasPrefix(p.report, []byte{0x02, 0x71, 0x00}) {
		p.Fatalf("report %X", p.report)
	}
	r, err := p.ks.OpenResponse(nil, p.report[3:], spi)
	if err != nil {
		p.Fatal(err)
	}
	return &r
}

func (p *phone) packet(spi ota.SPI, tar ota.TAR, cntr ota.CNTR, m applet.Message) []byte {
	p.Helper()
	b, err := m.MarshalBinary()
	if err != nil {
		p.Fatal(err)
	}
	packet, err := p.ks.Seal(nil, &ota.Command{SPI: spi, TAR: tar, CNTR: cntr, Data: b})
	if err != nil {
		p.Fatal(err)
	}
	return packet
}

// TestLowSecurity: every SPI1 below CC, ciphering and counter is refused with
// 0A and asks the user nothing.
//
// Supports: 3.5.3-6
func TestLowSecurity(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	accepted := 0
	for spi1 := range 0x20 {
		spi := ota.SPI{byte(spi1), 0x21}
		p.cntr += 2
		packet, err := p.ks.Seal(nil, &ota.Command{SPI: spi, TAR: testTAR, CNTR: p.cntr, Data: unhex(t, "01 00000900 A103800104")})
		if spi1&3 == 3 {
			if err == nil {
				t.Fatal("digital signature sealed")
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		p.sent, p.screens = nil, nil
		p.deliver(packet)
		switch {
		case spi1 == 0x16, spi1 == 0x1E:
			accepted++ // 1E: exactly one higher, which p.cntr is not
		default:
			if r := p.reported(spi.PlainPoR()); r == nil || r.Status != ota.StatusSecurityLevel || r.CNTR != 0 {
				t.Errorf("SPI1 %02X: %+v", spi1, r)
			}
			if len(p.sent) != 0 {
				t.Errorf("SPI1 %02X: the card sent a message", spi1)
			}
		}
		if len(p.screens) != 0 {
			t.Errorf("SPI1 %02X: the user was asked", spi1)
		}
	}
	if accepted != 2 {
		t.Errorf("%d accepted", accepted)
	}
}

// TestMSLBelowDefault: a card for laboratories may go lower, others not.
func TestMSLBelowDefault(t *testing.T) {
	o := card.Options{Profile: profile()}
	o.MSL = 0x12
	if _, err := card.New(o); err == nil {
		t.Fatal("MSL 12 without Lab")
	}
	p := newPhone(t, newCard(t, func(o *card.Options) { o.MSL, o.Lab = 0x02, true }))
	p.spi = ota.SPI{0x02, 0x21}
	p.deliver(p.packet(p.spi, testTAR, 0, p.message(applet.ChangeAppletStatus{To: applet.StatusReport})))
	if r := p.response(); r.Status != ota.StatusOK {
		t.Fatalf("%+v", r)
	}
}

// TestRefusedPackets: what is wrong with a packet, and what the card says.
// Unauthenticated packets are answered in clear and never by a short message.
//
// Supports: 3.5.3-6
func TestRefusedPackets(t *testing.T) {
	spi := ota.SPI{0x16, 0x39}
	m := func(p *phone) applet.Message { return p.message(applet.ChangeAppletStatus{To: applet.StatusInitial}) }
	for name, tc := range map[string]struct {
		make   func(p *phone) []byte
		status ota.ResponseStatus
		submit bool // authenticated: on the way of SPI2
		silent bool
	}{
		"checksum": {status: ota.StatusIntegrity, make: func(p *phone) []byte {
			b := p.seal(m(p))
			b[len(b)-1] ^= 1
			return b
		}},
		"unknown_key_set": {status: ota.StatusUnidentified, make: func(p *phone) []byte {
			b := p.seal(m(p))
			b[5], b[6] = 0x52, 0x52
			return b
		}},
		"two_key_sets": {status: ota.StatusUnidentified, make: func(p *phone) []byte {
			b := p.seal(m(p))
			b[6] = 0x52
			return b
		}},
		"des_in_kic": {status: ota.StatusUnidentified, make: func(p *phone) []byte {
			b := p.seal(m(p))
			b[5] = 0x11
			return b
		}},
		"tar": {status: ota.StatusTARUnknown, submit: true, make: func(p *phone) []byte {
			p.cntr++
			return p.packet(spi, ota.TAR{1, 2, 3}, p.cntr, m(p))
		}},
		"counter_equal": {status: ota.StatusCounterLow, submit: true, make: func(p *phone) []byte {
			return p.packet(spi, testTAR, p.cntr, m(p))
		}},
		"counter_low": {status: ota.StatusCounterLow, submit: true, make: func(p *phone) []byte {
			return p.packet(spi, testTAR, 3, m(p))
		}},
		"length": {silent: true, make: func(p *phone) []byte {
			b := p.seal(m(p))
			b[1]++
			return b
		}},
		"por_not_wanted": {silent: true, make: func(p *phone) []byte {
			b := p.packet(ota.SPI{0x16, 0x00}, testTAR, p.cntr+1, m(p))
			b[len(b)-1] ^= 1
			return b
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t)
			p.state() // the card has seen p.cntr
			p.deliver(tc.make(p))
			switch {
			case tc.silent:
				if p.report != nil || len(p.sent) > 0 {
					t.Fatalf("not silent: %X", p.report)
				}
			case tc.submit:
				if r := p.response(); r.Status != tc.status || !r.Protected {
					t.Fatalf("%+v", r)
				}
			default:
				if r := p.reported(spi); r == nil || r.Status != tc.status || r.Protected || r.CNTR != 0 || len(p.sent) > 0 {
					t.Fatalf("%+v, %d sent", r, len(p.sent))
				}
			}
			if p.cntr++; p.state().LifeCycle != applet.AppletActive {
				t.Fatal("the refused packet had an effect")
			}
		})
	}
}

// TestMute: a card may be told to say nothing to strangers.
func TestMute(t *testing.T) {
	p := newPhone(t, newCard(t, func(o *card.Options) { o.Mute = true }))
	b := p.seal(p.message(applet.ChangeAppletStatus{To: applet.StatusReport}))
	b[len(b)-1] ^= 1
	p.deliver(b)
	if p.report != nil || len(p.sent) > 0 {
		t.Fatal("not mute")
	}
}

// TestCounterNext: mode 3 takes exactly the next one.
func TestCounterNext(t *testing.T) {
	p := newPhone(t, newCard(t, func(o *card.Options) { o.MSL = 0x1E }))
	p.spi, p.cntr = ota.SPI{0x1E, 0x39}, 0
	p.state()
	p.cntr++
	p.deliver(p.seal(p.message(applet.ChangeAppletStatus{To: applet.StatusReport})))
	if r := p.response(); r.Status != ota.StatusCounterHigh {
		t.Fatalf("%+v", r)
	}
	p.cntr -= 2
	p.state()
}

// TestCounterBlocked: after FFFFFFFFFF nothing is accepted any more.
func TestCounterBlocked(t *testing.T) {
	p := fresh(t)
	p.cntr = ota.MaxCNTR - 1
	p.state()
	p.cntr--
	p.deliver(p.seal(p.message(applet.ChangeAppletStatus{To: applet.StatusReport})))
	if r := p.response(); r.Status != ota.StatusCounterBlocked {
		t.Fatalf("%+v", r)
	}
}

// TestDeliveryReport: with SPI2 39 the report says 0B and the answer follows;
// with SPI2 19 a short answer that needs nobody comes in the report itself,
// and any other after 0B.
func TestDeliveryReport(t *testing.T) {
	p := fresh(t)
	p.enrol(1, applet.ECDSAP256, testCode)
	sign := signHash(digest([]byte("x")))
	p.must(script(ok(), enter(testCode)), sign)
	if r := p.reported(p.spi); r == nil || r.Status != ota.StatusFollowsInSubmit || r.CNTR != p.cntr || !r.Protected {
		t.Fatalf("%+v", r)
	}
	p.spi = ota.SPI{0x16, 0x19}
	p.deliver(p.seal(p.message(applet.ChangeAppletStatus{To: applet.StatusReport})))
	r := p.reported(p.spi)
	if r == nil || r.Status != ota.StatusOK || len(p.sent) != 0 {
		t.Fatalf("%+v", r)
	}
	if a, err := applet.ParseAnswer(r.Data); err != nil || !a.OK() {
		t.Fatalf("%+v %v", a, err)
	}
	p.must(script(ok(), enter(testCode)), sign)
	if r := p.reported(p.spi); r == nil || r.Status != ota.StatusFollowsInSubmit {
		t.Fatalf("%+v", r)
	}
	// No answer wanted: the command runs all the same.
	p.spi = ota.SPI{0x16, 0x00}
	p.deliver(p.seal(p.message(applet.SetAppletData{Language: "fi"})))
	if p.report != nil || len(p.sent) > 0 {
		t.Fatal("an answer that nobody wanted")
	}
	p.spi = ota.SPI{0x16, 0x39}
	if p.state().Language != "fi" {
		t.Fatal("the command did not run")
	}
}

// TestKeySets: a packet names its key set; each has a counter of its own, and
// the answer comes under the same keys.
func TestKeySets(t *testing.T) {
	second := card.KeySet{
		KVN:     5,
		KIc:     ota.Key{Alg: ota.TripleDES2, Octets: []byte("0123456789abcdef")},
		KID:     ota.Key{Alg: ota.TripleDES3, Octets: []byte("0123456789abcdefghijklmn")},
		Counter: 500,
	}
	p := newPhone(t, newCard(t, func(o *card.Options) { o.KeySets = append(o.KeySets, second) }))
	p.state()
	ks, err := ota.NewKeySet(second.KVN, second.KIc, second.KID, 0)
	if err != nil {
		t.Fatal(err)
	}
	first := p.ks
	p.ks = ks
	p.deliver(p.seal(p.message(applet.ChangeAppletStatus{To: applet.StatusReport}))) // 102, below 500
	if r := p.response(); r.Status != ota.StatusCounterLow {
		t.Fatalf("%+v", r)
	}
	p.cntr = 500
	p.state()
	p.ks, p.cntr = first, 102
	p.state()
}
