package emulator

import (
	"fmt"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// delivery is a TPDU from the network that wants an answer.
type delivery struct {
	message
	ref byte
}

func (d *delivery) report() bool { return len(d.tpdu) > 0 && d.tpdu[0]&3 == 2 }

// ackState is what waits for +CNMA: one delivery at the host, others behind.
type ackState struct {
	now   *delivery
	queue []delivery
	timer *time.Timer
}

func (a *ackState) drop() {
	if a.timer != nil {
		a.timer.Stop()
	}
	*a = ackState{}
}

// Receive takes a TPDU as if the network had sent it, whatever is in it.
func (m *Modem) Receive(tpdu []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.arrived(delivery{message: message{sca: dialled(m.smsc), tpdu: append([]byte(nil), tpdu...)}})
}

// arrived decides where a message goes (TS 27.005 3.4.1); mu is held.
func (m *Modem) arrived(d delivery) {
	if m.answers > 0 {
		m.behind = append(m.behind, d)
		return
	}
	if m.ack.now != nil {
		m.ack.queue = append(m.ack.queue, d)
		return
	}
	mt, ds := m.set.cnmi[1], m.set.cnmi[3]
	if d.report() {
		switch ds {
		case 1:
			m.direct("+CDS", d)
		case 2:
			m.store(m.set.mem[2], "+CDSI", true, d)
		default:
			m.answer(d.ref, 0, nil)
		}
		return
	}
	p, err := sms.ParseDeliver(d.tpdu)
	forCard := err == nil && sms.Class2(p.DCS)
	if forCard && p.PID == sms.PIDDownload {
		if !m.o.HostToolkit && m.kit.booted {
			m.download(d)
			return
		}
		forCard = !m.o.HostToolkit // the host's telephone takes it to the card
	}
	switch {
	case forCard: // class 2 of another PID is for the SIM's memory
		m.store("SM", "+CMTI", mt > 0, d)
	case mt == 2, mt == 3 && err == nil && class3(p.DCS):
		m.direct("+CMT", d)
	default:
		m.store(m.set.mem[2], "+CMTI", mt > 0, d)
	}
}

func class3(dcs byte) bool {
	return dcs&0xF0 == 0xF0 && dcs&3 == 3 || dcs&0xC0 == 0 && dcs&0x13 == 0x13
}

// store keeps a message and may announce it.
func (m *Modem) store(memory, code string, announce bool, d delivery) {
	msg := d.message
	i := m.mem[memory].put(&msg)
	if i == 0 {
		m.refuse(d.ref, rp.MemoryExceeded, fcsFull)
		return
	}
	m.answer(d.ref, 0, nil)
	if announce {
		m.indicate(fmt.Sprintf(`%s: "%s",%d`, code, memory, i))
	}
}

// direct hands a message to the host. With +CSMS=1 the network has its answer
// only when the host has given +CNMA.
func (m *Modem) direct(code string, d delivery) {
	if m.set.text {
		head, body := m.toText(&d.message)
		if body != "" {
			head += "\r\n" + body
		}
		m.indicate(code + ": " + head)
	} else {
		alpha := ""
		if code == "+CMT" {
			alpha = ","
		}
		m.indicate(fmt.Sprintf("%s: %s%d\r\n%s", code, alpha, len(d.tpdu), d.pdu()))
	}
	if m.set.csms == 0 {
		m.answer(d.ref, 0, nil)
		return
	}
	m.ack.now = &d
	m.ack.timer = time.AfterFunc(m.o.AckWait, func() { m.unacknowledged(&d) })
}

// unacknowledged: the host did not say +CNMA. The network hears of it, and the
// modem routes nothing to the host any more (TS 27.005 3.4.4).
func (m *Modem) unacknowledged(d *delivery) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ack.now != d {
		return
	}
	m.set.cnmi[1], m.set.cnmi[3] = 0, 0
	m.acknowledge(rp.ProtocolError)
}

// acknowledge answers the delivery that waits and goes on with the next.
func (m *Modem) acknowledge(cause rp.Cause) {
	d, rest := m.ack.now, m.ack.queue
	m.ack.drop()
	if cause == 0 {
		m.answer(d.ref, 0, nil)
	} else {
		m.refuse(d.ref, cause, fcsNoAck)
	}
	for i, next := range rest {
		if m.ack.now != nil {
			m.ack.queue = append(m.ack.queue, rest[i:]...)
			return
		}
		m.arrived(next)
	}
}

// indicate writes an indication, or holds it back while <mode> is 0.
func (m *Modem) indicate(line string) {
	const held = 16
	if m.set.cnmi[0] > 0 {
		m.lines(line)
	} else if len(m.buffer) < held {
		m.buffer = append(m.buffer, line)
	}
}

// cnma is +CNMA: in PDU mode n is 0 or 1 for success, 2 for failure, and a
// report of so many octets may follow (TS 27.005 3.4.4, 4.7).
func cnma(x *execution, c command) final {
	m := x.m
	if c.form == test {
		if !m.set.text {
			x.info("+CNMA: (0-2)")
		}
		return ok
	}
	end := func(x *execution, cause rp.Cause) final {
		if m.set.csms == 0 || m.ack.now == nil {
			return failSMS(cmsNoAck)
		}
		x.finish(ok) // before the next message comes
		if m.ack.now != nil {
			m.acknowledge(cause)
		}
		return final{none: true}
	}
	a := fields(c.args)
	cause := rp.Cause(0)
	if len(a) > 0 && a[0] == "2" {
		cause = rp.ProtocolError
	}
	if len(a) < 2 || m.set.text || a[1] == "0" {
		return end(x, cause)
	}
	return x.prompt(false, func(y *execution, _ []byte) final { return end(y, cause) })
}
