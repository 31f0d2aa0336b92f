package emulator

import (
	"fmt"
	"strconv"
	"strings"
)

// final is the last answer to a command line.
type final struct {
	code  int  // 0 is OK; else of +CME or +CMS ERROR; -1 is ERROR
	cms   bool // +CMS ERROR
	none  bool // nothing now: a prompt was given, or the answer follows
	exact string
}

var ok = final{}

func fail(cme int) final    { return final{code: cme} }
func failSMS(cms int) final { return final{code: cms, cms: true} }

// Codes of +CME ERROR (TS 27.007 9.2).
const (
	cmeNotAllowed   = 3
	cmeNotSupported = 4
	cmeNoSIM        = 10
	cmePIN          = 11
	cmePUK          = 12
	cmeSIMFailure   = 13
	cmePassword     = 16
	cmeNotFound     = 22
	cmeTextLong     = 24
	cmeNoNetwork    = 30
	cmeParameters   = 50
	cmeUnknown      = 100
)

// Codes of +CMS ERROR (TS 27.005 3.2.5).
const (
	cmsOperation = 302 // not allowed
	cmsPDU       = 304 // invalid PDU mode parameter
	cmsText      = 305
	cmsNoSIM     = 310
	cmsPIN       = 311
	cmsPUK       = 316
	cmsIndex     = 321
	cmsFull      = 322
	cmsNoSMSC    = 330
	cmsNoNetwork = 331
	cmsTimeout   = 332
	cmsNoAck     = 340 // no +CNMA acknowledgement expected
)

// verbose is the text of a code for +CMEE=2.
func verbose(f final) string {
	cme := map[int]string{
		cmeNotAllowed: "operation not allowed", cmeNotSupported: "operation not supported", cmeNoSIM: "SIM not inserted",
		cmePIN: "SIM PIN required", cmePUK: "SIM PUK required", cmeSIMFailure: "SIM failure", cmePassword: "incorrect password",
		cmeNotFound: "not found", cmeTextLong: "text string too long",
		cmeNoNetwork: "no network service", cmeParameters: "incorrect parameters", cmeUnknown: "unknown",
	}
	cms := map[int]string{
		cmsOperation: "operation not allowed", cmsPDU: "invalid PDU mode parameter", cmsText: "invalid text mode parameter",
		cmsNoSIM: "SIM not inserted", cmsPIN: "SIM PIN required", cmsPUK: "SIM PUK required", cmsIndex: "invalid memory index",
		cmsFull: "memory full", cmsNoSMSC: "SMSC address unknown", cmsNoNetwork: "no network service",
		cmsTimeout: "network timeout", cmsNoAck: "no +CNMA acknowledgement expected",
	}
	t := cme
	if f.cms {
		t = cms
	}
	if s, ok := t[f.code]; ok {
		return s
	}
	return strconv.Itoa(f.code)
}

// execution is one command line being run.
type execution struct {
	m     *Modem
	l     *line
	out   []byte
	later []string // unsolicited lines for after the answer
	fault fault
	first bool // what the network sent after its answer waits for ours
}

// handler runs one command; mu is held.
type handler func(x *execution, c command) final

func (x *execution) run(commands []command) {
	m := x.m
	f := ok
	for _, c := range commands {
		x.fault = m.takeFault(c.name)
		f = x.command(c)
		if f.none || f.code != 0 {
			break
		}
	}
	x.finish(f)
}

func (x *execution) command(c command) final {
	m := x.m
	if d, isFault := x.fault.before(m); isFault {
		return d
	}
	h := m.handlers[c.name]
	switch {
	case h != nil:
		return h(x, c)
	case c.name[0] == 'S':
		return register(x, c)
	case strings.IndexByte(extensions, c.name[0]) >= 0: // extended commands have error codes, basic ones have not
		return fail(cmeUnknown)
	}
	return fail(-1)
}

// finish writes what the line gave, and the final result code.
func (x *execution) finish(f final) {
	m := x.m
	defer x.goOn()
	if f.none {
		m.host.raw(x.out)
		x.out = nil
		return
	}
	f = x.fault.after(m, x, f)
	if f.none {
		return
	}
	if !m.set.quiet {
		x.out = append(x.out, m.host.finalCode(f)...)
	}
	m.host.raw(x.out) // in one write: Kannel goes on after +CPIN: READY, and then takes a late OK for the next one
	x.out = nil
	m.host.lines(x.later...)
	x.later = nil
}

// goOn takes what the network has sent behind its answer to a submission.
func (x *execution) goOn() {
	if !x.first {
		return
	}
	x.first = false
	x.m.in.answered()
}

// info adds lines of information to the answer.
func (x *execution) info(format string, args ...any) {
	x.out = append(x.out, x.m.host.framed(fmt.Sprintf(format, args...))...)
}
