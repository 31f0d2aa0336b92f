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

// displayText shows a text. With normal priority it gives way to whatever else
// is on the screen (TS 102 223 6.4.1).
func (h *Handset) displayText() {
	c := &h.running
	s, ok := h.newScreen(KindText)
	if !ok {
		return
	}
	if !s.HighPriority && (h.view.state.OnCall || h.view.state.ScreenBusy) {
		h.respond(TerminalBusy, []byte{ScreenBusy})
		return
	}
	wait := h.o.Timeouts.Text
	if c.qualifier&displayWait == 0 {
		s.Kind, wait = KindNotice, h.o.Timeouts.Notice
	}
	if c.immediate { // sustained text: the card goes on at once
		s.Kind = KindNotice
		h.show(s, wait)
		h.clock.clear(timerPrompt)
		h.clock.set(timerNotice, wait)
		h.respond(Done, nil)
		return
	}
	h.prompt(s, wait)
}

func (h *Handset) getInkey() {
	c := &h.running
	s, ok := h.newScreen(KindInkey)
	if !ok {
		return
	}
	s.Min, s.Max = 1, 1
	s.Digits, s.UCS2 = c.qualifier&inputAlphabet == 0, c.qualifier&inputUCS2 != 0
	if c.qualifier&inkeyYesNo != 0 {
		s.Kind = KindYesNo
	}
	h.prompt(s, h.o.Timeouts.Input)
}

// maxInput is how many octets of input a TERMINAL RESPONSE of 255 has room for.
const maxInput = 239

func (h *Handset) getInput() {
	c := &h.running
	s, ok := h.newScreen(KindInput)
	if !ok {
		return
	}
	if len(c.respLength) != 2 || c.respLength[1] != 0xFF && c.respLength[0] > c.respLength[1] {
		h.respond(ValuesMissing, nil)
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
	h.prompt(s, h.o.Timeouts.Input)
}

func (h *Handset) selectItem() {
	c := &h.running
	s, ok := h.newScreen(KindSelect)
	if !ok {
		return
	}
	s.Text, s.Octets = alpha(c.alpha), append([]byte(nil), c.alpha...)
	s.Items = items(c.items)
	if len(c.itemID) == 1 {
		s.Selected = c.itemID[0]
	}
	if len(s.Items) == 0 {
		h.respond(DataUnknown, nil)
		return
	}
	h.prompt(s, h.o.Timeouts.Input)
}

// newScreen makes a screen of the running command's text. When the phone
// cannot show it, it has responded and ok is false.
func (h *Handset) newScreen(k Kind) (s Screen, ok bool) {
	c := &h.running
	if h.view.state.OnCall && k != KindText {
		h.respond(TerminalBusy, []byte{OnCall})
		return s, false
	}
	if !c.hasText && k != KindSelect {
		h.respond(ValuesMissing, nil)
		return s, false
	}
	str, dcs, octets, ok := text(c.text)
	if !ok {
		h.respond(DataUnknown, nil)
		return s, false
	}
	h.screens++
	return Screen{
		ID: h.screens, Kind: k, Text: str, DCS: dcs, Octets: append([]byte(nil), octets...),
		HighPriority: c.kind != DisplayText || c.qualifier&displayHighPriority != 0,
		Help:         c.kind != DisplayText && c.qualifier&helpAvailable != 0,
		Command:      c.kind, Qualifier: c.qualifier,
	}, true
}

// prompt shows a screen and asks the driver; without its answer the command
// waits for the user, at most as long as the card says or a phone would.
func (h *Handset) prompt(s Screen, wait time.Duration) {
	if d, ok := duration(h.running.duration); ok {
		wait = d
	}
	h.waiting = waitUser
	h.show(s, wait)
	if h.o.Driver == nil {
		return
	}
	a, ok := h.o.Driver.Prompt(s)
	if !ok {
		return
	}
	if a.After > 0 {
		h.answer = a
		h.clock.set(timerDriver, a.After)
		return
	}
	if err := s.check(a); err != nil {
		h.log.Warn("driver's answer does not fit the screen", "error", err)
		return
	}
	h.answered(&s, a)
}

// show puts s on the screen.
func (h *Handset) show(s Screen, wait time.Duration) {
	s.Until = time.Now().Add(wait)
	h.clock.set(timerPrompt, wait)
	h.clock.clear(timerNotice)
	h.change(func(st *State) { st.Screen = &s })
}

// clearScreen ends a screen and everything that was to happen to it.
func (h *Handset) clearScreen() {
	h.clock.clear(timerPrompt)
	h.clock.clear(timerDriver)
	h.clock.clear(timerNotice)
	h.answer = Answer{}
	h.change(func(s *State) { s.Screen = nil })
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
		if h.waiting != waitUser { // the command was answered already
			h.clearScreen()
			return
		}
		h.answered(s, a)
		h.proceed()
	})
	if err != nil {
		return err
	}
	return failed
}

// answered gives the user's answer to the card. The caller proceeds.
func (h *Handset) answered(s *Screen, a Answer) {
	h.clearScreen()
	switch a.Action {
	case Cancel:
		h.respond(EndedByUser, nil)
		return
	case Back:
		h.respond(Backward, nil)
		return
	case Help:
		h.respond(HelpRequired, nil)
		return
	}
	var buf [8 + 2*255]byte
	objects := buf[:0]
	var secret span
	switch s.Kind {
	case KindInput:
		objects, secret = appendInput(objects, a.Input, h.running.qualifier&inputPacked != 0, s.UCS2 && !s.Digits)
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
	h.respondWith(Done, nil, objects, secret)
	clear(buf[:])
}

// promptExpired is what a phone does when its user does nothing.
func (h *Handset) promptExpired() {
	if h.waiting != waitUser {
		return
	}
	notice := h.view.state.Screen.Kind == KindNotice
	h.clearScreen()
	if notice {
		h.respond(Done, nil)
	} else {
		h.respond(NoResponse, nil)
	}
	h.proceed()
}

// driverDue gives a driver's answer that was made to wait.
func (h *Handset) driverDue() {
	s := h.view.state.Screen
	if h.waiting != waitUser || s == nil {
		return
	}
	if err := s.check(h.answer); err != nil {
		h.log.Warn("driver's answer does not fit the screen", "error", err)
		return
	}
	h.answered(s, h.answer)
	h.proceed()
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
