package card

import (
	"fmt"

	"github.com/simsign/simsign/applet"
)

// toolkit is the card's side of the card application toolkit (TS 102 223): the
// proactive command that waits or is out, and the jobs that issue them.
type toolkit struct {
	observe     observer
	profile     []byte // TERMINAL PROFILE; nil before it came
	pending     []byte // proactive command that waits for FETCH
	pendingType byte
	fetched     bool // pending was fetched and waits for TERMINAL RESPONSE
	polls       int  // STATUS since pending waits
	number      byte // of the last proactive command
	running     *session
	queue       []*job
	most        int // jobs that wait behind the running one
}

// normalEnd is 9000, or 91xx with the length of the command that waits
// (TS 102 221 10.2.1.1). Before TERMINAL PROFILE nothing is announced.
func (t *toolkit) normalEnd() uint16 {
	if len(t.pending) == 0 || t.fetched || t.profile == nil {
		return swOK
	}
	return 0x9100 | uint16(len(t.pending)&0xFF)
}

// reply is a TERMINAL RESPONSE (TS 102 223 6.8).
type reply struct {
	result byte
	info   []byte // additional information of the result, e.g. a cause
	entry  bool   // there is a text, perhaps an empty one
	text   applet.Text
	item   byte // that was selected
}

// Facilities in TERMINAL PROFILE (TS 102 223 5.2): octet << 8 | bit.
const (
	facilityMoreTime  = 2<<8 | 0x08
	facilitySetUpMenu = 3<<8 | 0x20
)

// has is false only when the profile is long enough to say no.
func (t *toolkit) has(facility int) bool {
	octet := facility >> 8
	return octet >= len(t.profile) || t.profile[octet]&byte(facility) != 0
}

// fetch hands out the proactive command that waits (TS 102 221 11.2.3).
func (t *toolkit) fetch(cmd command) ([]byte, uint16) {
	if len(t.pending) == 0 || t.fetched || t.profile == nil {
		return nil, swConditions
	}
	data, sw := exactly(cmd, t.pending)
	t.fetched = sw == swOK
	return data, sw
}

// terminalResponse gives the outcome to the session that waits for it
// (TS 102 221 11.2.4). One to another command, or to none, is refused and the command
// stays; one to the right command ends it, also when the rest of it cannot be read.
func (t *toolkit) terminalResponse(cmd command) uint16 {
	if !t.fetched || t.running == nil {
		return swConditions
	}
	if n, ok := responseNumber(cmd.data); !ok || n != t.number {
		return swWrongData
	}
	r, ok := t.parseResponse(cmd.data)
	detail := fmt.Sprintf("result %02X", r.result)
	if !ok {
		clear(r.text.Octets)
		r, detail = reply{result: resultMalformed}, "malformed"
	}
	if t.observe != nil {
		t.observe.see(EventTerminal, commandName(t.pendingType), detail, t.masked(cmd.data, 0))
	}
	t.answered(r)
	return swOK
}

// answered ends the command that waits, and goes on with what it has become.
func (t *toolkit) answered(r reply) {
	t.pending, t.fetched, t.polls = t.pending[:0], false, 0
	t.running.reply = r
	t.advance()
	clear(r.text.Octets)
}

// maxPolls is how many STATUS a command waits to be fetched and answered; then it
// counts as not answered, so that a terminal that forgot it does not keep the
// card from everything else. Terminals poll every 30 seconds unless they are told
// otherwise, also while the user is asked, and no screen waits longer than 255: a quarter of an
// hour is far above that, and a terminal that polls every 10 seconds still has time.
const maxPolls = 30

// polled counts the STATUS for which a command waits.
func (t *toolkit) polled() {
	if len(t.pending) == 0 || t.running == nil || t.profile == nil {
		return
	}
	if t.polls++; t.polls < maxPolls {
		return
	}
	t.observe.see(EventTerminal, commandName(t.pendingType), "never answered", nil)
	t.answered(reply{result: resultNoResponse})
}

// responseNumber is the command number in a TERMINAL RESPONSE; all behind it may be
// missing.
func responseNumber(b []byte) (byte, bool) {
	for {
		tag, v, rest, ok := readTLV(b)
		switch {
		case !ok && len(b) > 2 && b[0]&^required == tagCommandDetails:
			return b[2], true // cut behind the number
		case !ok:
			return 0, false
		case tag == tagCommandDetails && len(v) > 0:
			return v[0], true
		}
		b = rest
	}
}

// parseResponse takes the TLVs of a TERMINAL RESPONSE; each that is read may be there
// once. Command details must be those of the command that was fetched; the
// source device is not looked at, since terminals differ in it.
func (t *toolkit) parseResponse(b []byte) (r reply, ok bool) {
	details, result := false, false
	for len(b) > 0 {
		tag, v, rest, ok := readTLV(b)
		if !ok {
			return r, false
		}
		b = rest
		switch tag {
		case tagCommandDetails:
			if len(v) != 3 || v[0] != t.number || v[1] != t.pendingType || details {
				return r, false
			}
			details = true
		case tagResult:
			if len(v) < 1 || result {
				return r, false
			}
			result, r.result, r.info = true, v[0], append([]byte{}, v[1:]...)
		case tagItemID:
			if len(v) != 1 || r.item != 0 {
				return r, false
			}
			r.item = v[0]
		case tagText:
			if r.entry {
				return r, false
			}
			r.entry = true
			if len(v) > 0 {
				r.text = applet.Text{Coding: applet.TextCoding(v[0]), Octets: append([]byte{}, v[1:]...)}
			}
		}
	}
	return r, details && result
}
