package handset

import (
	"fmt"
	"time"
)

// Qualifier bits (TS 102 223 8.6).
const (
	displayHighPriority = 0x01
	displayWait         = 0x80

	inputAlphabet = 0x01 // GET INPUT, GET INKEY
	inputUCS2     = 0x02
	inputHidden   = 0x04 // GET INPUT
	inputPacked   = 0x08 // GET INPUT
	inkeyYesNo    = 0x04 // GET INKEY
	helpAvailable = 0x80 // GET INPUT, GET INKEY, SELECT ITEM
)

// dialogue is the screens that the card asks for: the part of the toolkit that
// waits for the user or for a driver in the user's place.
type dialogue struct {
	*toolkit
	screens uint64
	answer  Answer // of a driver, due later
}

// displayText shows a text. With normal priority it gives way to whatever else
// is on the screen (TS 102 223 6.4.1).
func (d *dialogue) displayText() {
	c := &d.running
	s, ok := d.newScreen(KindText)
	if !ok {
		return
	}
	if !s.HighPriority && (d.view.state.OnCall || d.view.state.ScreenBusy) {
		d.respond(TerminalBusy, []byte{ScreenBusy})
		return
	}
	wait := d.o.Timeouts.Text
	if c.qualifier&displayWait == 0 {
		s.Kind, wait = KindNotice, d.o.Timeouts.Notice
	}
	if c.immediate { // sustained text: the card goes on at once
		s.Kind = KindNotice
		d.show(s, wait)
		d.clock.clear(timerPrompt)
		d.clock.set(timerNotice, wait)
		d.respond(Done, nil)
		return
	}
	d.prompt(s, wait)
}

// getInkey asks for one character, or for yes or no (TS 102 223 6.4.2).
func (d *dialogue) getInkey() {
	c := &d.running
	s, ok := d.newScreen(KindInkey)
	if !ok {
		return
	}
	s.Min, s.Max = 1, 1
	s.Digits, s.UCS2 = c.qualifier&inputAlphabet == 0, c.qualifier&inputUCS2 != 0
	if c.qualifier&inkeyYesNo != 0 {
		s.Kind = KindYesNo
	}
	d.prompt(s, d.o.Timeouts.Input)
}

// maxInput is how many octets of input a TERMINAL RESPONSE of 255 has room for.
const maxInput = 239

// getInput asks for a line (TS 102 223 6.4.3).
func (d *dialogue) getInput() {
	c := &d.running
	s, ok := d.newScreen(KindInput)
	if !ok {
		return
	}
	if len(c.respLength) != 2 || c.respLength[1] != 0xFF && c.respLength[0] > c.respLength[1] {
		d.respond(ValuesMissing, nil)
		return
	}
	s.Min, s.Max = int(c.respLength[0]), int(c.respLength[1])
	s.Digits, s.UCS2 = c.qualifier&inputAlphabet == 0, c.qualifier&inputUCS2 != 0
	s.Hidden = c.qualifier&inputHidden != 0
	s.Max = min(s.Max, maxInput)
	if s.UCS2 && !s.Digits {
		s.Max = min(s.Max, maxInput/2)
	}
	if s.Default, _, _, ok = text(c.defaultText); !ok {
		s.Default = ""
	}
	d.prompt(s, d.o.Timeouts.Input)
}

// selectItem lets the user choose (TS 102 223 6.4.9).
func (d *dialogue) selectItem() {
	c := &d.running
	s, ok := d.newScreen(KindSelect)
	if !ok {
		return
	}
	s.Text, s.Octets = alpha(c.alpha), append([]byte(nil), c.alpha...)
	s.Items = items(c.items)
	if len(c.itemID) == 1 {
		s.Selected = c.itemID[0]
	}
	if len(s.Items) == 0 {
		d.respond(DataUnknown, nil)
		return
	}
	d.prompt(s, d.o.Timeouts.Input)
}

// newScreen makes a screen of the running command's text. When the phone
// cannot show it, it has responded and ok is false.
func (d *dialogue) newScreen(k Kind) (s Screen, ok bool) {
	c := &d.running
	if d.view.state.OnCall && k != KindText {
		d.respond(TerminalBusy, []byte{OnCall})
		return s, false
	}
	if !c.hasText && k != KindSelect {
		d.respond(ValuesMissing, nil)
		return s, false
	}
	str, dcs, octets, ok := text(c.text)
	if !ok {
		d.respond(DataUnknown, nil)
		return s, false
	}
	d.screens++
	return Screen{
		ID: d.screens, Kind: k, Text: str, DCS: dcs, Octets: append([]byte(nil), octets...),
		HighPriority: c.kind != DisplayText || c.qualifier&displayHighPriority != 0,
		Help:         c.kind != DisplayText && c.qualifier&helpAvailable != 0,
		Command:      c.kind, Qualifier: c.qualifier,
	}, true
}

// prompt shows a screen and asks the driver; without its answer the command
// waits for the user, at most as long as the card says or a phone would.
func (d *dialogue) prompt(s Screen, wait time.Duration) {
	if most, ok := duration(d.running.duration); ok {
		wait = most
	}
	d.waiting = waitUser
	d.show(s, wait)
	if d.o.Driver == nil {
		return
	}
	a, ok := d.o.Driver.Prompt(s)
	if !ok {
		return
	}
	if a.After > 0 {
		d.answer = a
		d.clock.set(timerDriver, a.After)
		return
	}
	if err := s.check(a); err != nil {
		d.log.Warn("driver's answer does not fit the screen", "error", err)
		return
	}
	d.answered(&s, a)
}

// show puts s on the screen.
func (d *dialogue) show(s Screen, wait time.Duration) {
	s.Until = time.Now().Add(wait)
	d.clock.set(timerPrompt, wait)
	d.clock.clear(timerNotice)
	d.view.change(func(st *State) { st.Screen = &s })
}

// clearScreen ends a screen and everything that was to happen to it.
func (d *dialogue) clearScreen() {
	d.clock.clear(timerPrompt)
	d.clock.clear(timerDriver)
	d.clock.clear(timerNotice)
	d.answer = Answer{}
	d.view.change(func(s *State) { s.Screen = nil })
}

// Answer is what the user does with the screen of that ID. It returns
// ErrScreenGone when the phone shows another one or none, and ErrInput when
// the phone would not take the input; the screen then stays.
func (h *Handset) Answer(screen uint64, a Answer) error {
	var failed error
	err := h.do(func() {
		s := h.view.state.Screen
		if s == nil || s.ID != screen {
			failed = ErrScreenGone
			return
		}
		if failed = s.check(a); failed != nil {
			return
		}
		if h.toolkit.waiting != waitUser { // the command was answered already
			h.dialogue.clearScreen()
			return
		}
		h.dialogue.answered(s, a)
		h.toolkit.proceed()
	})
	if err != nil {
		return err
	}
	return failed
}

// answered gives the user's answer to the card. The caller proceeds.
func (d *dialogue) answered(s *Screen, a Answer) {
	d.clearScreen()
	switch a.Action {
	case Cancel:
		d.respond(EndedByUser, nil)
		return
	case Back:
		d.respond(Backward, nil)
		return
	case Help:
		d.respond(HelpRequired, nil)
		return
	}
	var buf [8 + 2*255]byte
	objects := buf[:0]
	var secret span
	switch s.Kind {
	case KindInput:
		objects, secret = appendInput(objects, a.Input, d.running.qualifier&inputPacked != 0, s.UCS2 && !s.Digits)
		if !s.Hidden {
			secret = span{}
		}
	case KindInkey:
		objects, _ = appendInput(objects, a.Input, false, s.UCS2 && !s.Digits)
	case KindYesNo:
		yes := byte(1)
		if a.No {
			yes = 0
		}
		objects = append(objects, comprehension|tagText, 2, codingOctets, yes)
	case KindSelect:
		objects = append(objects, comprehension|tagItemID, 1, a.Item)
	}
	d.respondWith(Done, nil, objects, secret)
	clear(buf[:])
}

// promptExpired is what a phone does when its user does nothing.
func (d *dialogue) promptExpired() {
	if d.waiting != waitUser {
		return
	}
	notice := d.view.state.Screen.Kind == KindNotice
	d.clearScreen()
	if notice {
		d.respond(Done, nil)
	} else {
		d.respond(NoResponse, nil)
	}
	d.proceed()
}

// driverDue gives a driver's answer that was made to wait.
func (d *dialogue) driverDue() {
	s := d.view.state.Screen
	if d.waiting != waitUser || s == nil {
		return
	}
	if err := s.check(d.answer); err != nil {
		d.log.Warn("driver's answer does not fit the screen", "error", err)
		return
	}
	d.answered(s, d.answer)
	d.proceed()
}

func items(objects [][]byte) []Item {
	var out []Item
	for _, o := range objects {
		if len(o) > 0 {
			out = append(out, Item{ID: o[0], Text: alpha(o[1:])})
		}
	}
	return out
}

// String hides nothing: a screen holds no input.
func (s *Screen) String() string { return fmt.Sprintf("%s %q", s.Kind, s.Text) }
