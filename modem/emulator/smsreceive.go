package emulator

import (
	"fmt"
	"sync"
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

// inbound takes what comes from the network to the host, to a memory or to the
// card. The lock of the modem guards it.
type inbound struct {
	o     *Options
	mu    *sync.Mutex // of the modem
	set   *settings
	sim   *sim
	mem   memories
	host  *host
	radio *radio
	kit   *toolkit

	ack     ackState
	answers int        // submissions that the network has answered and the host has not heard of
	behind  []delivery // what the network sent after these answers
	buffer  []string   // indications held back by +CNMI mode 0
}

// Receive takes a TPDU as if the network had sent it, whatever is in it.
func (m *Modem) Receive(tpdu []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.in.arrived(delivery{message: message{sca: dialled(m.sim.smsc), tpdu: append([]byte(nil), tpdu...)}})
}

// drop: the link to the network has ended, and with it what waits for an answer.
func (in *inbound) drop() {
	in.ack.drop()
	in.behind = nil
}

// answered: a host has heard of the network's answer to a submission. What
// came behind the answer may come now: a host that hears of it before would not
// know what a report is about.
func (in *inbound) answered() {
	if in.answers--; in.answers > 0 {
		return
	}
	behind := in.behind
	in.behind = nil
	for _, d := range behind {
		in.arrived(d)
	}
}

// arrived decides where a message goes (TS 27.005 3.4.1).
func (in *inbound) arrived(d delivery) {
	if in.answers > 0 {
		in.behind = append(in.behind, d)
		return
	}
	if in.ack.now != nil {
		in.ack.queue = append(in.ack.queue, d)
		return
	}
	mt, ds := in.set.cnmi[1], in.set.cnmi[3]
	if d.report() {
		switch ds {
		case 1:
			in.direct("+CDS", d)
		case 2:
			in.store(in.set.mem[2], "+CDSI", true, d)
		default:
			in.radio.answer(d.ref, 0, nil)
		}
		return
	}
	p, err := sms.ParseDeliver(d.tpdu)
	forCard := err == nil && sms.Class2(p.DCS)
	if forCard && p.PID == sms.PIDDownload {
		if !in.o.HostToolkit && in.kit.booted {
			in.kit.download(d)
			return
		}
		forCard = !in.o.HostToolkit // the host's telephone takes it to the card
	}
	switch {
	case forCard: // class 2 of another PID is for the SIM's memory
		in.store("SM", "+CMTI", mt > 0, d)
	case mt == 2, mt == 3 && err == nil && class3(p.DCS):
		in.direct("+CMT", d)
	default:
		in.store(in.set.mem[2], "+CMTI", mt > 0, d)
	}
}

// class3: the message is for the host (TS 23.038 4).
func class3(dcs byte) bool {
	return dcs&3 == 3 && (dcs >= 0xF0 || dcs < 0x80 && dcs&0x10 != 0)
}

// store keeps a message and may announce it.
func (in *inbound) store(memory, code string, announce bool, d delivery) {
	msg := d.message
	i := in.mem[memory].put(&msg)
	if i == 0 {
		in.radio.refuse(d.ref, rp.MemoryExceeded, fcsFull)
		return
	}
	in.radio.answer(d.ref, 0, nil)
	if announce {
		in.indicate(fmt.Sprintf(`%s: "%s",%d`, code, memory, i))
	}
}

// direct hands a message to the host. With +CSMS=1 the network has its answer
// only when the host has given +CNMA.
func (in *inbound) direct(code string, d delivery) {
	if in.set.text {
		in.indicate(code + ": " + in.set.toText(&d.message, in.sim.smsc, false))
	} else {
		alpha := ""
		if code == "+CMT" {
			alpha = ","
		}
		in.indicate(fmt.Sprintf("%s: %s%d\r\n%s", code, alpha, len(d.tpdu), d.pdu()))
	}
	if in.set.csms == 0 {
		in.radio.answer(d.ref, 0, nil)
		return
	}
	in.ack.now = &d
	in.ack.timer = time.AfterFunc(in.o.AckWait, func() { in.unacknowledged(&d) })
}

// unacknowledged: the host did not say +CNMA. The network hears of it, and the
// modem routes nothing to the host any more (TS 27.005 3.4.4).
func (in *inbound) unacknowledged(d *delivery) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ack.now != d {
		return
	}
	in.set.cnmi[1], in.set.cnmi[3] = 0, 0
	in.acknowledge(rp.ProtocolError)
}

// acknowledge answers the delivery that waits and goes on with the next.
func (in *inbound) acknowledge(cause rp.Cause) {
	d, rest := in.ack.now, in.ack.queue
	in.ack.drop()
	if cause == 0 {
		in.radio.answer(d.ref, 0, nil)
	} else {
		in.radio.refuse(d.ref, cause, fcsNoAck)
	}
	for i, next := range rest {
		if in.ack.now != nil {
			in.ack.queue = append(in.ack.queue, rest[i:]...)
			return
		}
		in.arrived(next)
	}
}

// indicate writes an indication, or holds it back while <mode> is 0.
func (in *inbound) indicate(line string) {
	const held = 16
	if in.set.cnmi[0] > 0 {
		in.host.lines(line)
	} else if len(in.buffer) < held {
		in.buffer = append(in.buffer, line)
	}
}

// cnma is +CNMA: in PDU mode n is 0 or 1 for success, 2 for failure, and a
// report of so many octets may follow (TS 27.005 3.4.4, TS 27.005 4.6).
func cnma(x *execution, c command) final {
	m := x.m
	if c.form == test {
		if !m.set.text {
			x.info("+CNMA: (0-2)")
		}
		return ok
	}
	end := func(x *execution, cause rp.Cause) final {
		if m.set.csms == 0 || m.in.ack.now == nil {
			return failSMS(cmsNoAck)
		}
		x.finish(ok) // before the next message comes
		if m.in.ack.now != nil {
			m.in.acknowledge(cause)
		}
		return final{none: true}
	}
	a := fields(c.args)
	cause := rp.Cause(0)
	switch {
	case len(a) == 0:
	case m.set.text || a[0] != "0" && a[0] != "1" && a[0] != "2":
		return failSMS(cmsOperation)
	case a[0] == "2":
		cause = rp.ProtocolError
	}
	if len(a) < 2 || a[1] == "0" {
		return end(x, cause)
	}
	return x.prompt(false, func(y *execution, _ []byte) final { return end(y, cause) })
}
