package card_test

import (
	"bytes"
	"crypto"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// message makes a message with the next transaction number.
func (p *phone) message(cmds ...applet.Command) applet.Message {
	p.tx++
	return applet.Message{Transaction: p.tx, Commands: cmds, Version: p.way.Version()}
}

// seal protects a message with the next counter.
func (p *phone) seal(m applet.Message) []byte {
	p.Helper()
	b, err := m.MarshalBinary()
	if err != nil {
		p.Fatal(err)
	}
	return p.sealOctets(b)
}

func (p *phone) sealOctets(b []byte) []byte {
	p.Helper()
	p.cntr++
	p.hash = applet.RequestHash(b)
	packet, err := p.ks.Seal(nil, &ota.Command{SPI: p.spi, TAR: testTAR, CNTR: p.cntr, Data: b})
	if p.way == (carriage.Own{}) {
		packet, err = p.way.Seal(nil, &carriage.Command{TAR: testTAR, SPI: p.spi, Message: b, Domain: p.ks, DomainCNTR: p.cntr, Applet: p.requestKeys(), AppletCNTR: p.cntr})
	}
	if err != nil {
		p.Fatal(err)
	}
	return packet
}

func segments(t testing.TB, packet []byte, ref uint16) []sms.Part {
	t.Helper()
	parts, err := sms.Split(packet, sms.SplitOptions{CPI: sms.CommandCPI, Ref: ref})
	if err != nil {
		t.Fatal(err)
	}
	return parts
}

// envelope wraps a segment as the terminal does.
func envelope(t testing.TB, part sms.Part) []byte {
	t.Helper()
	d := sms.Deliver{
		Originator: sms.Address{TON: sms.TONInternational, NPI: sms.NPITelephone, Number: "46700000001"},
		PID:        0x7F, DCS: 0xF6, UDH: part.UDH, UD: part.UD,
	}
	tpdu, err := d.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := []byte{0x82, 0x02, 0x83, 0x81, 0x8B}
	if len(tpdu) > 127 {
		b = append(b, 0x81)
	}
	b = append(append(b, byte(len(tpdu))), tpdu...)
	env := []byte{0xD1}
	if len(b) > 127 {
		env = append(env, 0x81)
	}
	env = append(append(env, byte(len(b))), b...)
	return append([]byte{0x80, 0xC2, 0, 0, byte(len(env))}, env...)
}

// deliver brings a packet to the card and keeps what the SMS-DELIVER-REPORT
// of the last segment carried.
func (p *phone) deliver(packet []byte) {
	p.Helper()
	p.report = nil
	for _, part := range segments(p, packet, uint16(p.cntr)&0xFF) {
		if r := p.exchange(envelope(p, part), 0x9000); len(r) > 0 {
			p.report = bytes.Clone(r)
		}
	}
}

// requestKeys and answerKeys are the applet's.
func (p *phone) requestKeys() *ota.KeySet {
	p.Helper()
	ks, err := p.keys.K0.Request(p.keys.Set)
	if err != nil {
		p.Fatal(err)
	}
	return ks
}

func (p *phone) answerKeys() *ota.KeySet {
	p.Helper()
	ks, err := p.keys.K0.Answer(p.keys.Set)
	if err != nil {
		p.Fatal(err)
	}
	return ks
}

// response opens the response packet that was sent since.
func (p *phone) response() ota.Response {
	p.Helper()
	packet := p.joined(sms.ResponseCPI)
	r, err := p.ks.OpenResponse(nil, packet, p.spi)
	if err != nil {
		p.Fatal(err)
	}
	return r
}

// joined is the packet in what was sent since.
func (p *phone) joined(want sms.CPI) []byte {
	p.Helper()
	var parts []sms.Part
	for _, tpdu := range p.sent {
		m, err := sms.ParseSubmit(tpdu)
		if err != nil {
			p.Fatal(err)
		}
		if m.PID != 0x7F || m.DCS != 0xF6 || m.Destination.Number != "46700000001" {
			p.Fatalf("answer to %v with PID %02X DCS %02X", m.Destination, m.PID, m.DCS)
		}
		parts = append(parts, sms.Part{UDH: m.UDH, UD: m.UD})
	}
	p.sent = nil
	packet, kind, err := sms.Join(nil, parts)
	if err != nil || kind != want {
		p.Fatalf("no packet %02X in %d segments: %v", want, len(parts), err)
	}
	return packet
}

// sealedAnswer opens the packet of an answer as the server does; its counter is a new one.
func (p *phone) sealedAnswer() applet.Answer {
	p.Helper()
	e := carriage.Expected{TAR: testTAR, SPI: p.spi, Domain: p.ks, Answers: []*ota.KeySet{p.answerKeys()}}
	h, err := p.way.Open(nil, &e, sms.CommandCPI, p.joined(sms.CommandCPI))
	if err != nil || h.Kind != carriage.Answer || h.Counter <= p.heard {
		p.Fatalf("kind %d, counter %v after %v: %v", h.Kind, h.Counter, p.heard, err)
	}
	p.heard = h.Counter
	a, err := applet.ParseAnswer(h.INT6)
	if err != nil || !bytes.Equal(h.Request, p.hash) {
		p.Fatalf("answer to %X, want %X: %v", h.Request, p.hash, err)
	}
	return a
}

// answer opens the INT6 answer of the present counter.
func (p *phone) answer() applet.Answer {
	p.Helper()
	if p.way != (carriage.Response{}) {
		return p.sealedAnswer()
	}
	r := p.response()
	if r.Status != ota.StatusOK || r.CNTR != p.cntr || r.TAR != testTAR || !r.Protected {
		p.Fatalf("response %v for counter %v, want %v", r.Status, r.CNTR, p.cntr)
	}
	a, err := applet.ParseAnswer(r.Data)
	if err != nil {
		p.Fatal(err)
	}
	return a
}

// do sends commands, plays the script and gives the answer. All of the script
// must have been used.
func (p *phone) do(script []reaction, cmds ...applet.Command) applet.Answer {
	p.Helper()
	p.script, p.screens = script, nil
	m := p.message(cmds...)
	p.deliver(p.seal(m))
	if len(p.script) > 0 {
		p.Fatalf("%d reactions were not asked for; screens %v", len(p.script), p.screens)
	}
	a := p.answer()
	if a.Transaction != m.Transaction {
		p.Fatalf("answer to transaction %d, want %d", a.Transaction, m.Transaction)
	}
	return a
}

// must is do that succeeds.
func (p *phone) must(script []reaction, cmds ...applet.Command) applet.Answer {
	p.Helper()
	a := p.do(script, cmds...)
	if !a.OK() {
		p.Fatalf("status %s; screens %v", a.Status(), p.screens)
	}
	return a
}

// fails is do with a given status.
func (p *phone) fails(want applet.StatusWord, script []reaction, cmds ...applet.Command) applet.Result {
	p.Helper()
	a := p.do(script, cmds...)
	if a.Status() != want {
		p.Fatalf("status %s, want %s; screens %v", a.Status(), want, p.screens)
	}
	return a.Results[len(a.Results)-1]
}

func script(r ...reaction) []reaction { return r }

func (p *phone) state() *applet.State {
	p.Helper()
	return p.must(nil, applet.ChangeAppletStatus{To: applet.StatusReport}).Results[0].State
}

func slotOf(number byte, a applet.Algorithm) applet.Slot {
	s := applet.Slot{Number: number, Usage: applet.UsageAuthentication, Algorithm: a, Code: applet.CodeAuthentication}
	if number == 2 {
		s.Usage, s.Code = applet.UsageNonRepudiation, applet.CodeNonRepudiation
	}
	return s
}

func digest(b []byte) []byte {
	h := crypto.SHA256.New()
	h.Write(b)
	return h.Sum(nil)
}

// enrol makes, registers and confirms the key of a slot with its code.
func (p *phone) enrol(number byte, a applet.Algorithm, code string) crypto.PublicKey {
	p.Helper()
	s := slotOf(number, a)
	r := p.must(nil, applet.SetAuthenticationHandlerData{Slot: s, Operation: applet.HandlerGenerate})
	pub, err := a.ParsePublicKey(r.Results[0].PublicKey)
	if err != nil {
		p.Fatal(err)
	}
	d := digest([]byte("request"))
	r = p.must(script(enter(code), enter(code), enter(code)),
		applet.SignTransaction{Slot: applet.Slot{Number: number}, Mode: applet.ModeRegister, Hash: applet.SHA256, Digest: d})
	if err := applet.Verify(pub, applet.SHA256, d, r.Results[0].Signature); err != nil {
		p.Fatal(err)
	}
	p.must(nil, applet.SetAuthenticationHandlerData{Slot: applet.Slot{Number: number}, Operation: applet.HandlerConfirm})
	return pub
}
