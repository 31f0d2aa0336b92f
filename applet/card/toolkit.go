package card

import (
	"fmt"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card/uicc"
)

// toolkit is the card's side of the card application toolkit (TS 102 223): the
// proactive command that waits or is out, the session that has issued it, and what waits
// for the next one.
type toolkit struct {
	observe observer
	applet  uicc.Applet
	profile []byte // TERMINAL PROFILE; nil before it came

	pending          []byte // proactive command that waits for FETCH
	pendingType      byte
	pendingQualifier byte
	fetched          bool // pending was fetched and waits for TERMINAL RESPONSE
	polls            int  // STATUS since pending waits
	number           byte // of the last proactive command
	running          *session
	queue            []task
	wanted           bool // the applet asks for the handler
	polling          bool // the applet asks for STATUS
	menu             uicc.List
}

// The terminal's results that the card itself gives (TS 102 223 8.12).
const (
	resultNoResponse = 0x12 // of the user; also of a terminal that says nothing (maxPolls)
	resultMalformed  = 0x36 // values are missing: also a TERMINAL RESPONSE that cannot be read
)

// normalEnd is 9000, or 91xx with the length of the command that waits
// (TS 102 221 10.2.1.1). Before TERMINAL PROFILE nothing is announced.
func (t *toolkit) normalEnd() uint16 {
	if len(t.pending) == 0 || t.fetched || t.profile == nil {
		return swOK
	}
	return 0x9100 | uint16(len(t.pending)&0xFF)
}

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
	detail := fmt.Sprintf("result %02X", r.Result)
	if !ok {
		clear(r.Text.Octets)
		r, detail = uicc.Response{Result: resultMalformed}, "malformed"
	}
	if t.observe != nil {
		t.observe.see(EventTerminal, uicc.CommandName(t.pendingType), detail, t.masked(cmd.data, 0))
	}
	t.answered(r)
	return swOK
}

// answered ends the command that waits, and goes on with what it has become.
func (t *toolkit) answered(r uicc.Response) {
	t.pending, t.fetched, t.polls = t.pending[:0], false, 0
	t.running.reply = r
	t.advance()
	clear(r.Text.Octets)
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
	t.observe.see(EventTerminal, uicc.CommandName(t.pendingType), "never answered", nil)
	t.answered(uicc.Response{Result: resultNoResponse})
}

// responseNumber is the command number in a TERMINAL RESPONSE; all behind it may be
// missing.
func responseNumber(b []byte) (byte, bool) {
	for {
		tag, v, rest, ok := uicc.ReadTLV(b)
		switch {
		case !ok && len(b) > 2 && b[0]&^uicc.Required == uicc.TagCommandDetails:
			return b[2], true // cut behind the number
		case !ok:
			return 0, false
		case tag == uicc.TagCommandDetails && len(v) > 0:
			return v[0], true
		}
		b = rest
	}
}

// parseResponse takes the TLVs of a TERMINAL RESPONSE; each that is read may be there
// once. Command details must be those of the command that was fetched; the
// source device is not looked at, since terminals differ in it.
func (t *toolkit) parseResponse(b []byte) (r uicc.Response, ok bool) {
	details, result := false, false
	for len(b) > 0 {
		tag, v, rest, ok := uicc.ReadTLV(b)
		if !ok {
			return r, false
		}
		b = rest
		switch tag {
		case uicc.TagCommandDetails:
			if len(v) != 3 || v[0] != t.number || v[1] != t.pendingType || details {
				return r, false
			}
			details = true
		case uicc.TagResult:
			if len(v) < 1 || result {
				return r, false
			}
			result, r.Result, r.Info = true, v[0], append([]byte{}, v[1:]...)
		case uicc.TagItemID:
			if len(v) != 1 || r.Item != 0 {
				return r, false
			}
			r.Item = v[0]
		case uicc.TagText:
			if r.Entry {
				return r, false
			}
			r.Entry = true
			if len(v) > 0 {
				r.Text = applet.Text{Coding: applet.TextCoding(v[0]), Octets: append([]byte{}, v[1:]...)}
			}
		}
	}
	return r, details && result
}

// secret says whether the command that waits asks for a code.
func (t *toolkit) secret() bool {
	return t.running != nil && t.pendingType == uicc.CmdGetInput && t.pendingQualifier&uicc.InputHidden != 0
}

// showMenu is the task of SET UP MENU.
func (t *toolkit) showMenu(h uicc.Handler) {
	uicc.SetUpMenu(h, t.menu)
	h.Send()
}

// pollSeconds is how often an applet that has something left is polled.
const pollSeconds = 30

func pollInterval(h uicc.Handler) {
	uicc.PollInterval(h, pollSeconds)
	h.Send()
}
