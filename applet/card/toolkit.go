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
	number      byte // of the last proactive command
	running     *session
	queue       []*job
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
// (TS 102 221 11.2.4).
func (t *toolkit) terminalResponse(cmd command) uint16 {
	if !t.fetched || t.running == nil {
		return swConditions
	}
	r, sw := t.parseResponse(cmd.data)
	if sw != swOK {
		return sw
	}
	if t.observe != nil {
		t.observe.see(EventTerminal, commandName(t.pendingType), fmt.Sprintf("result %02X", r.result), t.masked(cmd.data, 0))
	}
	t.pending, t.fetched = t.pending[:0], false
	t.running.reply = r
	t.advance()
	clear(r.text.Octets)
	return swOK
}

// parseResponse takes the TLVs of a TERMINAL RESPONSE. Command details must be
// those of the command that was fetched; the source device is not looked at,
// since terminals differ in it.
func (t *toolkit) parseResponse(b []byte) (reply, uint16) {
	var r reply
	details, result := false, false
	for len(b) > 0 {
		tag, v, rest, ok := readTLV(b)
		if !ok {
			return r, swWrongData
		}
		b = rest
		switch tag {
		case tagCommandDetails:
			if len(v) != 3 || v[0] != t.number || v[1] != t.pendingType {
				return r, swWrongData
			}
			details = true
		case tagResult:
			if len(v) < 1 || result {
				return r, swWrongData
			}
			result, r.result, r.info = true, v[0], append([]byte{}, v[1:]...)
		case tagText:
			r.entry = true
			if len(v) > 0 {
				r.text = applet.Text{Coding: applet.TextCoding(v[0]), Octets: append([]byte{}, v[1:]...)}
			}
		}
	}
	if !details || !result {
		return r, swWrongData
	}
	return r, swOK
}
