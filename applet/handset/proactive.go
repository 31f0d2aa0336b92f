package handset

import (
	"fmt"
	"time"
)

// proceed fetches and runs what the card wants until a command must wait for
// the user or the network, or nothing is left. Requirement 3.1-2.
func (h *Handset) proceed() {
	for h.fetch > 0 && h.waiting == waitNothing {
		n := byte(h.fetch)
		h.fetch = 0
		b, sw := h.apdu("FETCH", []byte{0x80, insFetch, 0, 0, n}, span{})
		if !sw.ok() {
			h.log.Error("card did not give its command", "status", sw)
			return
		}
		h.fetched = append(h.fetched[:0], b...)
		c, err := parseCommand(h.fetched)
		h.running = c
		if err != nil {
			h.log.Warn("proactive command cannot be read", "error", err)
			h.respond(DataUnknown, nil)
			continue
		}
		if h.tracing() {
			h.trace(LayerProactive, FromCard, c.kind.String(), h.fetched, c.fields())
		}
		h.execute()
	}
	if h.waiting == waitNothing && h.fetch == 0 {
		h.cardFree()
	}
}

// execute runs h.running. Each handler either responds or sets h.waiting.
func (h *Handset) execute() {
	if f, ok := h.faults.result(h.running.kind); ok {
		h.respond(f.Result, f.Info)
		return
	}
	switch h.running.kind {
	case Refresh:
		h.refresh()
	case MoreTime:
		h.flush() // the card works for long: acknowledgements must not wait
		h.respond(Done, nil)
	case PollInterval:
		h.pollInterval()
	case SetUpEventList:
		h.events = append([]byte(nil), h.running.events...)
		h.respond(Done, nil)
	case SendShortMessage:
		h.sendShortMessage()
	case PlayTone:
		h.respond(Done, nil)
	case DisplayText:
		h.displayText()
	case GetInkey:
		h.getInkey()
	case GetInput:
		h.getInput()
	case SelectItem:
		h.selectItem()
	case SetUpMenu:
		h.setUpMenu()
	case SetUpIdleText:
		h.setUpIdleText()
	case ProvideLocal:
		h.provideLocal()
	case TimerManagement:
		h.timerManagement()
	default:
		h.respond(TypeUnknown, nil)
	}
}

// respond ends the running command. info is the additional information of the
// result.
func (h *Handset) respond(r Result, info []byte) { h.respondWith(r, info, nil, span{}) }

// respondWith adds objects behind the result. secret are the octets of them
// that no trace may show. The devices are always terminal to card, whatever
// the command was for (TS 102 223 6.8).
func (h *Handset) respondWith(r Result, info, objects []byte, secret span) {
	h.waiting = waitNothing
	b := append(h.apduBuf[:0], 0x80, insTerminalResponse, 0, 0, 0,
		comprehension|tagDetails, 3, h.running.number, byte(h.running.kind), h.running.qualifier,
		comprehension|tagDevices, 2, devTerminal, devCard,
		comprehension|tagResult, byte(1+len(info)), byte(r))
	b = append(b, info...)
	if secret.to > 0 {
		secret.from += len(b)
		secret.to += len(b)
	}
	b = append(b, objects...)
	if len(b)-5 > 255 { // Screen.Max prevents it
		h.log.Error("response is too long for the card", "octets", len(b)-5)
		h.apduBuf = b
		h.respond(BeyondCapability, nil)
		return
	}
	b[4] = byte(len(b) - 5)
	h.apduBuf = b
	if h.tracing() {
		fields := []Field{{"result", r.String()}}
		if len(info) > 0 {
			fields = append(fields, Field{"additional", fmt.Sprintf("%X", info)})
		}
		h.trace(LayerProactive, ToCard, "TERMINAL RESPONSE to "+h.running.kind.String(), secret.mask(b)[5:], fields)
	}
	if _, sw := h.apdu("TERMINAL RESPONSE", b, secret); !sw.ok() {
		h.log.Warn("card did not take the response", "command", h.running.kind, "status", sw)
	}
	clear(h.apduBuf[:cap(h.apduBuf)][5:]) // a personal code may have been in it
}

// refresh takes a change of files to notice; a reset of the card has no
// response, the card begins anew (TS 102 223 6.4.7).
func (h *Handset) refresh() {
	const uiccReset = 0x04
	if h.running.qualifier != uiccReset {
		err := h.readUSIM()
		fetch := h.fetch
		if err != nil {
			h.respond(DonePartly, nil)
			return
		}
		h.respond(Done, nil)
		h.fetch = max(h.fetch, fetch)
		return
	}
	h.waiting = waitNothing
	h.change(func(s *State) { s.Menu, s.Idle = Menu{}, "" })
	if err := h.boot(); err != nil {
		h.log.Error("card does not come back after REFRESH", "error", err)
	}
}

// pollInterval takes the card's wish: unit (minutes, seconds, tenths) and
// value, and says what it has become (TS 102 223 6.4.6).
func (h *Handset) pollInterval() {
	d, ok := duration(h.running.duration)
	if !ok {
		h.respond(ValuesMissing, nil)
		return
	}
	if h.poll > 0 {
		h.poll = min(max(d, time.Second), 255*time.Second)
		h.clock.set(timerPoll, h.poll)
	}
	got := byte(min(max(d, time.Second), 255*time.Second) / time.Second)
	h.respondWith(Done, nil, []byte{comprehension | tagDuration, 2, 0x01, got}, span{})
}

// duration reads a duration object (TS 102 223 8.8).
func duration(v []byte) (time.Duration, bool) {
	if len(v) != 2 || v[1] == 0 {
		return 0, false
	}
	unit := [...]time.Duration{time.Minute, time.Second, 100 * time.Millisecond}
	if int(v[0]) >= len(unit) {
		return 0, false
	}
	return unit[v[0]] * time.Duration(v[1]), true
}
