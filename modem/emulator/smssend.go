package emulator

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// prompt asks for a message text; then goes on with it when the host has
// ended it with ^Z.
func (x *execution) prompt(text bool, then func(y *execution, body []byte) final) final {
	m := x.m
	f := x.fault
	e := &entry{text: text, done: func(body []byte) {
		y := &execution{m: m, l: x.l, fault: f}
		y.finish(then(y, body))
	}}
	x.l.entry = e
	m.host.raw(x.out)
	x.out = nil
	if f.Action != NoPrompt {
		m.host.raw([]byte("\r\n> "))
	}
	return final{none: true}
}

// cmgs is +CMGS (TS 27.005 3.5.1, 4.3).
func cmgs(x *execution, c command) final {
	return x.compose(c, func(y *execution, msg message) final { return y.send("+CMGS", msg) })
}

// cmgw is +CMGW (TS 27.005 3.5.3): the message goes into the second memory.
func cmgw(x *execution, c command) final {
	stat, f := x.m.set.storedAs(fields(c.args))
	if f != ok {
		return f
	}
	return x.compose(c, func(y *execution, msg message) final {
		msg.status = stat
		i := y.m.mem[y.m.set.mem[1]].put(&msg)
		if i == 0 {
			return failSMS(cmsFull)
		}
		y.info("+CMGW: %d", i)
		return ok
	})
}

// storedAs is <stat> of +CMGW, which comes after the length, or in text mode
// after the type of the number: as a message that is still to be sent.
func (s *settings) storedAs(a []string) (status, final) {
	i, n := 1, -1
	if s.text {
		i = 2
	}
	switch {
	case len(a) <= i || a[i] == "":
		return unsent, ok
	case s.text:
		n = slices.Index(statusNames[:all], a[i])
	default:
		n = slices.Index([]string{"0", "1", "2", "3"}, a[i])
	}
	if n < 0 {
		return 0, failSMS(cmsOperation)
	}
	return status(n), ok
}

// compose reads a message from the host, in either mode.
func (x *execution) compose(c command, then func(*execution, message) final) final {
	m := x.m
	if c.form == test {
		return ok
	}
	if f := m.sim.noSMS(); f != ok {
		return f
	}
	a := fields(c.args)
	if m.set.text {
		to := numberOf(a)
		return x.prompt(true, func(y *execution, body []byte) final {
			msg, f := m.set.fromText(to, string(body))
			if f != ok {
				return f
			}
			return then(y, msg)
		})
	}
	if len(a) == 0 {
		return failSMS(cmsPDU)
	}
	n, err := strconv.Atoi(a[0])
	if err != nil || n < 7 || n > rp.MaxTPDU {
		return failSMS(cmsPDU)
	}
	return x.prompt(false, func(y *execution, body []byte) final {
		msg, good := fromPDU(string(body), n)
		if !good {
			return failSMS(cmsPDU)
		}
		return then(y, msg)
	})
}

// fromPDU reads service centre and TPDU; n is the length of the TPDU alone.
func fromPDU(text string, n int) (message, bool) {
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) < 1 || len(b) < 1+int(b[0]) || len(b)-1-int(b[0]) != n {
		return message{}, false
	}
	return message{sca: b[1 : 1+b[0]], tpdu: b[1+b[0]:]}, true
}

// send submits a message and waits for the network; mu is given up meanwhile.
func (x *execution) send(name string, msg message) final {
	m := x.m
	switch {
	case m.radio.link == nil:
		return failSMS(cmsNoNetwork)
	case len(msg.tpdu) < 2 || msg.tpdu[0]&3 != 1:
		return failSMS(cmsPDU)
	}
	if _, err := sms.ParseSubmit(msg.tpdu); err != nil {
		return failSMS(cmsPDU)
	}
	sca := msg.sca
	if len(sca) == 0 {
		if sca = dialled(m.sim.smsc); sca == nil {
			return failSMS(cmsNoSMSC)
		}
	}
	type answer struct {
		cause rp.Cause
		tpdu  []byte
	}
	done, waits := make(chan answer, 1), true
	mr := m.radio.submit(sca, msg.tpdu, func(cause rp.Cause, tpdu []byte) {
		if waits && !x.first {
			x.first = true
			m.in.answers++
		}
		done <- answer{cause, append([]byte(nil), tpdu...)}
	})
	p := m.host.port
	a, came := wait(m, done)
	waits = false
	switch {
	case m.host.port != p: // the host that asked has gone
		return final{none: true}
	case !came:
		return failSMS(cmsTimeout)
	case a.cause != 0:
		return failSMS(int(a.cause))
	case m.o.AckPDU && m.set.csms == 1 && len(a.tpdu) > 0:
		x.info(`%s: %d,"%X"`, name, mr, a.tpdu) // without the address of the centre
	default:
		x.info("%s: %d", name, mr)
	}
	return ok
}

// cmss is +CMSS (TS 27.005 3.5.2): a stored message, perhaps to another number.
func cmss(x *execution, c command) final {
	m := x.m
	if c.form == test {
		return ok
	}
	a := fields(c.args)
	if len(a) == 0 {
		return failSMS(cmsIndex)
	}
	i, _ := strconv.Atoi(a[0])
	msg := m.mem[m.set.mem[1]].at(i)
	if msg == nil {
		return failSMS(cmsIndex)
	}
	out := *msg
	if len(a) > 1 {
		s, err := sms.ParseSubmit(out.tpdu)
		if err != nil {
			return failSMS(cmsOperation)
		}
		s.Destination = addressOf(numberOf(a[1:]))
		if out.tpdu, err = s.AppendBinary(nil); err != nil {
			return failSMS(cmsText)
		}
	}
	f := x.send("+CMSS", out)
	if f == ok {
		msg.status = sent
	}
	return f
}

// numberOf is a number and its type as hosts write them: 145 is the + of an
// international one (TS 27.005 3.1, <toda>).
func numberOf(a []string) string {
	switch {
	case len(a) == 0:
		return ""
	case len(a) > 1 && a[1] == "145" && !strings.HasPrefix(a[0], "+"):
		return "+" + a[0]
	}
	return a[0]
}

// dialled is an address as the RP layer has it: type octet and digits; nil
// when there is no number.
func dialled(number string) []byte {
	if strings.Trim(number, "+") == "" {
		return nil
	}
	b, err := addressOf(number).AppendValue(nil)
	if err != nil {
		return nil
	}
	return b
}

// addressOf reads a number as people write it.
func addressOf(number string) sms.Address {
	if n, found := strings.CutPrefix(number, "+"); found {
		return sms.Address{TON: sms.TONInternational, NPI: sms.NPITelephone, Number: n}
	}
	return sms.Address{TON: sms.TONUnknown, NPI: sms.NPITelephone, Number: number}
}

// addressText is the reverse.
func addressText(a sms.Address) string {
	if a.TON == sms.TONInternational {
		return "+" + a.Number
	}
	return a.Number
}

// wait gives up mu until a value comes, the network's time is over or the
// modem stops; the lock is held again afterwards.
func wait[T any](m *Modem, c <-chan T) (v T, came bool) {
	m.mu.Unlock()
	defer m.mu.Lock()
	t := time.NewTimer(m.o.Answer)
	defer t.Stop()
	select {
	case v = <-c:
		return v, true
	case <-t.C:
	case <-m.run.Done():
	}
	return v, false
}
