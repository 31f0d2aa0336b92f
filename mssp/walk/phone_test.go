package walk

import (
	"fmt"
	"strings"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Results of a terminal (TS 102 223 8.12).
const (
	pressedOK = 0x00
	cancelled = 0x10
	noAnswer  = 0x12
)

// phone is an emulated card in a phone whose user answers at once. It is called under the
// lock of the laboratory.
type phone struct {
	w      *world
	u      *user
	card   *card.Card
	iccid  ota.ICCID
	server *ota.KeySet // as the server has it
	own    *ota.KeySet // the test's
	cntr   ota.CNTR
	txn    uint32

	parts   map[uint16][]sms.Part
	op      string // that the card does now
	at      mssp.TransID
	deaf    map[uint32]bool
	screens []string // that the user has seen
	sent    []bearer.MO
}

// Receive takes a segment.
func (p *phone) Receive(s bearer.Segment) ([]bearer.MO, error) {
	k, _, err := sms.ParseConcat(s.UDH)
	p.w.ok(err)
	part := sms.Part{UDH: s.UDH, UD: s.UD}
	if k.Total > 1 {
		for _, have := range p.parts[k.Ref] {
			if string(have.UDH) == string(part.UDH) {
				return nil, nil
			}
		}
		if p.parts[k.Ref] = append(p.parts[k.Ref], part); len(p.parts[k.Ref]) < int(k.Total) {
			return nil, nil
		}
	}
	parts := []sms.Part{part}
	if k.Total > 1 {
		parts = p.parts[k.Ref]
		delete(p.parts, k.Ref)
	}
	packet, _, err := sms.Join(nil, parts)
	p.w.ok(err)
	cmd, err := p.server.Open(nil, packet)
	p.w.ok(err)
	m, err := applet.Parse(cmd.Data)
	p.w.ok(err)
	return p.takes(&cmd, &m, parts)
}

// takes is the whole packet: what happens on its way, on the card, and on the way back.
func (p *phone) takes(cmd *ota.Command, m *applet.Message, parts []sms.Part) ([]bearer.MO, error) {
	p.identify(m)
	does := p.w.step(site{kind: sending, what: p.op, screen: matters(m)}, p.at)
	if p.op == "reset" && (does == "card error" || does == "no memory") {
		p.u.was = true // it keeps the code: it is not asked for ever
	}
	switch does {
	case "lost":
		p.deaf[m.Transaction] = true
	case "no network":
		return nil, bearer.ErrRefused
	case "card refuses the packet":
		return p.says(cmd, ota.StatusSecurityLevel, nil), nil
	case "card error":
		return p.fails(cmd, m, applet.StatusOther), nil
	case "no memory":
		return p.fails(cmd, m, applet.StatusNoMemory), nil
	}
	if p.deaf[m.Transaction] {
		return nil, nil
	}
	p.sent = nil
	for _, part := range parts {
		p.envelope(part)
	}
	out := p.sent
	if p.u.lose == p.op {
		p.deaf[m.Transaction] = true
		p.w.lock.Lock()
		p.w.late = true
		p.w.lock.Unlock()
		return nil, nil
	}
	switch p.w.step(site{kind: answering, what: p.op}, p.at) {
	case "lost":
		p.deaf[m.Transaction] = true
		return nil, nil
	case "unreadable":
		return p.says(cmd, ota.StatusOK, []byte{1, 2, 3}), nil
	case "wrong":
		return p.wrong(cmd, out), nil
	}
	return out, nil
}

// matters is a command that is not in each message of its operation.
func matters(m *applet.Message) string {
	for _, c := range m.Commands {
		if _, ok := c.(applet.SetAppletData); ok {
			return "SetAppletData"
		}
	}
	return ""
}

// identify finds the operation of a message in the row of its transaction.
func (p *phone) identify(m *applet.Message) {
	txs, err := p.w.Store.Transactions(ctx, store.TransactionFilter{ICCID: p.u.iccid, Open: true})
	p.w.ok(err)
	for i := range txs {
		if txs[i].AppletTxn == m.Transaction {
			op, _, err := p.w.Engine.Procedure(&txs[i])
			p.w.ok(err)
			p.op, p.at = op, txs[i].ID
		}
	}
}

// fails is an answer of the applet that has done nothing.
func (p *phone) fails(cmd *ota.Command, m *applet.Message, w applet.StatusWord) []bearer.MO {
	b, err := applet.Answer{Transaction: m.Transaction, Results: []applet.Result{{Tag: m.Commands[0].Tag().Result(), Status: w}}}.MarshalBinary()
	p.w.ok(err)
	return p.says(cmd, ota.StatusOK, b)
}

// wrong is the answer of the card with something in it that the server must not take.
func (p *phone) wrong(cmd *ota.Command, mos []bearer.MO) []bearer.MO {
	packet := p.last(mos)
	r, err := p.server.OpenResponse(nil, packet, enginetest.SPI)
	p.w.ok(err)
	a, err := applet.ParseAnswer(r.Data)
	p.w.ok(err)
	for i := range a.Results {
		x := &a.Results[i]
		if len(x.Signature) > 0 {
			x.Signature[3] ^= 1
		}
		if len(x.PublicKey) > 0 {
			x.PublicKey[5] ^= 1
		}
	}
	b, err := a.MarshalBinary()
	p.w.ok(err)
	return p.says(cmd, ota.StatusOK, b)
}

// last is the last packet that the card has sent: before it, it says that one will come.
func (p *phone) last(mos []bearer.MO) []byte {
	var parts []sms.Part
	for _, mo := range mos {
		part := sms.Part{UDH: mo.UDH, UD: mo.UD}
		k, _, err := sms.ParseConcat(mo.UDH)
		p.w.ok(err)
		if k.Total <= 1 || k.Part == 1 {
			parts = nil
		}
		parts = append(parts, part)
	}
	packet, _, err := sms.Join(nil, parts)
	p.w.ok(err)
	return packet
}

// says is a response packet that the card has not sent.
func (p *phone) says(cmd *ota.Command, st ota.ResponseStatus, data []byte) []bearer.MO {
	b, err := p.server.SealResponse(nil, enginetest.SPI, &ota.Response{TAR: cmd.TAR, CNTR: cmd.CNTR, Status: st, Data: data})
	p.w.ok(err)
	parts, err := sms.Split(b, sms.SplitOptions{CPI: sms.ResponseCPI, Ref: 77})
	p.w.ok(err)
	var out []bearer.MO
	for _, x := range parts {
		out = append(out, p.mo(x.UDH, x.UD))
	}
	return out
}

func (p *phone) mo(udh, ud []byte) bearer.MO {
	return bearer.MO{Bearer: "fake", Source: p.u.number, PID: 0x7F, DCS: 0xF6, UDH: udh, UD: ud}
}

// envelope brings a segment to the card and does what the card wants then.
func (p *phone) envelope(part sms.Part) {
	d := sms.Deliver{
		Originator: sms.Address{TON: sms.TONInternational, NPI: sms.NPITelephone, Number: "46700000001"},
		PID:        0x7F, DCS: 0xF6, UDH: part.UDH, UD: part.UD,
	}
	tpdu, err := d.AppendBinary(nil)
	p.w.ok(err)
	p.exchange(command(0xC2, tlv(0xD1, append([]byte{0x82, 0x02, 0x83, 0x81}, tlv(0x8B, tpdu)...))))
}

func command(ins byte, data []byte) []byte {
	return append([]byte{0x80, ins, 0, 0, byte(len(data))}, data...)
}

func tlv(tag byte, v []byte) []byte {
	b := []byte{tag}
	if len(v) > 127 {
		b = append(b, 0x81)
	}
	return append(append(b, byte(len(v))), v...)
}

// exchange is one command, with everything that the card wants after it.
func (p *phone) exchange(apdu []byte) {
	sw := status(p.card.Transmit(apdu))
	if sw>>8 == 0x61 {
		sw = status(p.card.Transmit([]byte{0x80, 0xC0, 0, 0, byte(sw)}))
	}
	for sw>>8 == 0x91 {
		r := p.card.Transmit([]byte{0x80, 0x12, 0, 0, byte(sw)})
		reply, off := p.reacts(r[:len(r)-2])
		if off {
			p.boot()
			return
		}
		sw = status(p.card.Transmit(reply))
	}
}

func status(r []byte) uint16 { n := len(r) - 2; return uint16(r[n])<<8 | uint16(r[n+1]) }

// boot switches the phone on.
func (p *phone) boot() {
	p.card.Reset()
	p.exchange(command(0x10, []byte(strings.Repeat("\xFF", 20))))
}

// reacts does a proactive command; off: the phone was switched off.
func (p *phone) reacts(cmd []byte) (reply []byte, off bool) {
	body := cmd[2:]
	if cmd[1] == 0x81 {
		body = cmd[3:]
	}
	var details, tpdu []byte
	var text string
	for len(body) > 0 {
		n, at := int(body[1]), 2
		if n == 0x81 {
			n, at = int(body[2]), 3
		}
		switch v := body[at : at+n]; body[0] & 0x7F {
		case 0x01:
			details = v
		case 0x0D:
			s, err := applet.Text{Coding: applet.TextCoding(v[0]), Octets: v[1:]}.Decode()
			p.w.ok(err)
			text = s
		case 0x0B:
			tpdu = v
		}
		body = body[at+n:]
	}
	input, result := "", byte(pressedOK)
	switch kind := details[1]; {
	case kind == 0x13:
		m, err := sms.ParseSubmit(tpdu)
		p.w.ok(err)
		p.sent = append(p.sent, p.mo(append([]byte{}, m.UDH...), append([]byte{}, m.UD...)))
	case kind == 0x21 && details[2]&0x80 == 0:
		p.screens = append(p.screens, text)
	case kind == 0x21, kind == 0x23:
		p.screens = append(p.screens, text)
		if input, result, off = p.user(text); off {
			return nil, true
		}
	}
	b := append([]byte{0x81, 0x03}, details...)
	b = append(b, 0x82, 0x02, 0x82, 0x81, 0x83, 0x01, result)
	if input != "" {
		b = append(append(b, 0x8D, byte(1+len(input)), 0x04), input...)
	}
	return command(0x14, b), false
}

// screenOf is what the user is asked for.
func screenOf(text string) string {
	for _, k := range []struct{ has, is string }{
		{"registration code", "pop"}, {"new code again", "again"}, {"Choose", "new"}, {"Enter your", "code"},
	} {
		if strings.Contains(text, k.has) {
			return k.is
		}
	}
	return "text"
}

// user is what the user does at a screen.
func (p *phone) user(text string) (input string, result byte, off bool) {
	what := screenOf(text)
	input = p.right(what, strings.Contains(text, "signature code"))
	does := p.w.step(site{kind: screen, what: p.op, screen: what}, p.at)
	if does == "" {
		does = p.u.keeps[what] // a mistake that he makes again and again
	}
	switch does {
	case "cancels":
		return "", cancelled, false
	case "does not answer":
		return "", noAnswer, false
	case "is switched off":
		return "", 0, true
	case "enters what is wrong":
		p.u.keeps[what] = does
		return wrongEntry(what, input), pressedOK, false
	case "was given another code": // of which the check digit is right
		return "12345674", pressedOK, false
	}
	if what == "again" {
		p.u.codes[len(input) == 6] = input
	}
	return input, pressedOK, false
}

// right is what the user enters who does what he is asked for: each time another code of his.
func (p *phone) right(what string, signs bool) string {
	u := p.u
	switch what {
	case "pop":
		return u.pop
	case "code":
		return u.codes[signs]
	case "new":
		if u.n++; signs {
			u.last = fmt.Sprint(714936 + 17*u.n)
		} else {
			u.last = fmt.Sprint(2580 + 17*u.n)
		}
		return u.last
	case "again":
		return u.last
	}
	return ""
}

func wrongEntry(what, right string) string {
	switch what {
	case "pop":
		return "12345675"
	case "new":
		return "1111" // too simple
	}
	return fmt.Sprintf("%0*d", len(right), 97531)[:len(right)]
}

// state asks the card behind the back of the server.
func (p *phone) state() applet.State {
	p.txn++
	p.cntr++
	b, err := applet.Message{Transaction: 0xE0000000 + p.txn, Commands: []applet.Command{applet.ChangeAppletStatus{To: applet.StatusReport}}}.MarshalBinary()
	p.w.ok(err)
	packet, err := p.own.Seal(nil, &ota.Command{SPI: enginetest.SPI, TAR: enginetest.TAR, CNTR: p.cntr, Data: b})
	p.w.ok(err)
	parts, err := sms.Split(packet, sms.SplitOptions{CPI: sms.CommandCPI, Ref: 200})
	p.w.ok(err)
	p.sent = nil
	for _, part := range parts {
		p.envelope(part)
	}
	r, err := p.own.OpenResponse(nil, p.last(p.sent), enginetest.SPI)
	p.w.ok(err)
	a, err := applet.ParseAnswer(r.Data)
	p.w.ok(err)
	return *a.Results[0].State
}
