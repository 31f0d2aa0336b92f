package emulator

import (
	"encoding/hex"
	"strings"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// toolkit is the terminal's side of the card's toolkit: it starts the card,
// gives it messages, and fetches its proactive commands (TS 102 223 6.1). The
// lock of the modem guards it.
type toolkit struct {
	forHost bool // Options.HostToolkit: the host performs the commands
	sim     *sim
	host    *host
	radio   *radio

	booted bool
	open   bool // a proactive command waits for its TERMINAL RESPONSE
}

// Terminal profiles: what a modem without a user can do, and what the host's
// telephone can.
const (
	modemProfile = "\x0B\x00\x90\x42"
	hostProfile  = "\x2B\x61\xBF\xE3\x01\x00\x00\x1F\x88"
)

// TP-FCS of an SMS-DELIVER-REPORT (TS 23.040 9.2.3.22).
const (
	fcsBusy     = 0xD4
	fcsDownload = 0xD5
	fcsFull     = 0xD3 // memory capacity exceeded
	fcsNoAck    = 0xFF
)

// Commands of the card that a modem does by itself, or pretends to (TS 102 223 9.4).
const (
	cmdMoreTime = 0x02
	cmdPolling  = 0x03
	cmdEvents   = 0x05
	cmdSend     = 0x13
	cmdMenu     = 0x25
)

// boot starts the card as a terminal does.
func (k *toolkit) boot() {
	if k.sim.card == nil || !k.sim.pin.ready() || k.booted {
		return
	}
	if r, ok := k.sim.card.(interface{ Reset() []byte }); ok {
		r.Reset()
	}
	k.booted, k.open = true, false
	profile := modemProfile
	if k.forHost {
		profile = hostProfile
	}
	k.sim.selectUSIM()
	_, sw := k.sim.apdu(append([]byte{0x80, 0x10, 0, 0, byte(len(profile))}, profile...))
	k.proactive(sw)
}

// proactive follows up a status word: 91xx is a command to fetch (TS 102 221
// 11.2.3).
func (k *toolkit) proactive(sw uint16) {
	if sw>>8 != 0x91 {
		if k.open {
			k.open = false
			if k.forHost {
				k.host.lines("+CUSATEND")
			}
		}
		return
	}
	b, sw := k.sim.apdu([]byte{0x80, 0x12, 0, 0, byte(sw)})
	if sw != 0x9000 && sw>>8 != 0x91 || len(b) == 0 {
		return
	}
	k.open = true
	if k.forHost {
		k.host.lines("+CUSATP: \"" + strings.ToUpper(hex.EncodeToString(b)) + "\"")
		return
	}
	k.perform(b)
}

// perform does what a modem can do without a user; the rest is beyond its
// capabilities (result 30, TS 102 223 8.12).
func (k *toolkit) perform(b []byte) {
	details, _ := findTLV(b, 0x01)
	if len(details) < 3 {
		return
	}
	respond := func(result ...byte) {
		r := append([]byte{0x81, 3}, details[:3]...)
		r = append(r, 0x82, 2, 0x82, 0x81, 0x83, byte(len(result)))
		r = append(r, result...)
		_, sw := k.sim.apdu(append([]byte{0x80, 0x14, 0, 0, byte(len(r))}, r...))
		k.proactive(sw)
	}
	switch details[1] {
	case cmdMoreTime, cmdPolling, cmdEvents, cmdMenu:
		respond(0x00)
	case cmdSend:
		tpdu, ok := findTLV(b, 0x0B)
		if !ok || len(tpdu) < 2 || k.radio.link == nil {
			respond(0x20, 0x04)
			return
		}
		address, _ := findTLV(b, 0x06)
		k.radio.submit(address, tpdu, func(cause rp.Cause, _ []byte) {
			if cause != 0 {
				respond(0x35, byte(cause))
				return
			}
			respond(0x00)
		})
	default:
		respond(0x30)
	}
}

// download gives a message to the card (TS 31.111 7.1.1.1).
func (k *toolkit) download(d delivery) {
	body := []byte{0x82, 2, 0x83, 0x81, 0x06, byte(len(d.sca))}
	body = append(body, d.sca...)
	body = appendLength(append(body, 0x8B), len(d.tpdu))
	body = append(body, d.tpdu...)
	env := append(appendLength([]byte{0xD1}, len(body)), body...)
	data, sw := k.sim.apdu(append([]byte{0x80, 0xC2, 0, 0, byte(len(env))}, env...))
	switch {
	case sw == 0x9000 || sw>>8 == 0x91:
		var report []byte
		if len(data) > 0 {
			r := sms.DeliverReport{Optional: sms.Optional{PI: sms.PIPID | sms.PIDCS | sms.PIUD, PID: sms.PIDDownload, DCS: sms.DCSClass2Data, UD: data}}
			report, _ = r.AppendBinary(nil)
		}
		k.radio.answer(d.ref, 0, report)
	case sw == 0x9300:
		k.radio.refuse(d.ref, rp.ProtocolError, fcsBusy)
	default:
		k.radio.refuse(d.ref, rp.ProtocolError, fcsDownload)
	}
	k.proactive(sw)
}

// cusate is +CUSATE: an ENVELOPE of the host.
func cusate(x *execution, c command) final {
	b, f := x.toolkitArgs(c)
	if f != ok || c.form == test {
		return f
	}
	data, sw := x.m.sim.apdu(append([]byte{0x80, 0xC2, 0, 0, byte(len(b))}, b...))
	if sw != 0x9000 && sw>>8 != 0x91 {
		return fail(cmeSIMFailure)
	}
	if len(data) > 0 {
		x.info(`+CUSATER: "%X"`, data)
	}
	if x.m.kit.open && sw == 0x9000 {
		return ok // the command before still waits for its TERMINAL RESPONSE
	}
	x.follow(sw)
	return final{none: true}
}

// cusatt is +CUSATT: the host's TERMINAL RESPONSE.
func cusatt(x *execution, c command) final {
	b, f := x.toolkitArgs(c)
	if f != ok || c.form == test {
		return f
	}
	_, sw := x.m.sim.apdu(append([]byte{0x80, 0x14, 0, 0, byte(len(b))}, b...))
	if sw != 0x9000 && sw>>8 != 0x91 {
		return fail(cmeSIMFailure)
	}
	x.follow(sw)
	return final{none: true}
}

// follow ends the line before the card's next command is announced.
func (x *execution) follow(sw uint16) {
	x.finish(ok)
	x.m.kit.proactive(sw)
}

func (x *execution) toolkitArgs(c command) ([]byte, final) {
	if f := x.m.sim.unusable(); f != ok {
		return nil, f
	}
	if c.form == test {
		return nil, ok
	}
	if !x.m.o.HostToolkit {
		return nil, fail(cmeNotAllowed)
	}
	b, err := hex.DecodeString(strings.Trim(c.args, `"`))
	if err != nil || len(b) == 0 || len(b) > 255 {
		return nil, fail(cmeParameters)
	}
	return b, ok
}

func appendLength(b []byte, n int) []byte {
	if n > 0x7F {
		b = append(b, 0x81)
	}
	return append(b, byte(n))
}

// findTLV finds an object of a proactive command by its tag, with or without
// the comprehension bit.
func findTLV(b []byte, tag byte) ([]byte, bool) {
	if _, v, _, ok := readTLV(b); ok && b[0] == 0xD0 {
		b = v
	}
	for len(b) > 0 {
		t, v, rest, ok := readTLV(b)
		if !ok {
			return nil, false
		}
		if t&0x7F == tag {
			return v, true
		}
		b = rest
	}
	return nil, false
}

func readTLV(b []byte) (tag byte, v, rest []byte, ok bool) {
	if len(b) < 2 {
		return 0, nil, nil, false
	}
	tag, n := b[0], int(b[1])
	b = b[2:]
	if n == 0x81 && len(b) > 0 {
		n, b = int(b[0]), b[1:]
	} else if n > 0x7F {
		return 0, nil, nil, false
	}
	if n > len(b) {
		return 0, nil, nil, false
	}
	return tag, b[:n], b[n:], true
}
