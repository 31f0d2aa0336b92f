package handset

import (
	"fmt"
	"log/slog"
	"time"
)

// toolkit is the terminal's side of the card application toolkit: it fetches
// what the card wants, has it done by the part of the phone that can, and
// responds. One command runs at a time.
type toolkit struct {
	o        *Options
	log      *slog.Logger
	trace    *tracer
	card     *simSession
	view     *view
	clock    *deadlines
	faults   *faults
	radio    *radio
	dialogue *dialogue
	sender   *sender
	receiver *receiver

	running command
	waiting wait // what the running command waits for
	poll    time.Duration
	fetched []byte
}

// wait is what the running proactive command waits for.
type wait int

const (
	waitNothing wait = iota // no command runs
	waitUser
	waitNetwork
)

// proceed fetches and runs what the card wants until a command must wait for
// the user or the network, or nothing is left. Requirement 3.1-2.
func (t *toolkit) proceed() {
	for t.card.fetch > 0 && t.waiting == waitNothing {
		n := byte(t.card.fetch)
		t.card.fetch = 0
		b, sw := t.card.apdu("FETCH", []byte{0x80, insFetch, 0, 0, n}, span{})
		if !sw.ok() {
			t.log.Error("card did not give its command", "status", sw)
			return
		}
		t.fetched = append(t.fetched[:0], b...)
		c, err := parseCommand(t.fetched)
		t.running = c
		if err != nil {
			t.log.Warn("proactive command cannot be read", "error", err)
			t.respond(DataUnknown, nil)
			continue
		}
		if t.trace.on() {
			t.trace.see(LayerProactive, FromCard, c.kind.String(), t.fetched, c.fields())
		}
		t.execute()
	}
	if t.waiting == waitNothing && t.card.fetch == 0 {
		t.receiver.cardFree()
	}
}

// execute runs t.running. Each handler either responds or sets t.waiting.
func (t *toolkit) execute() {
	if f, ok := t.faults.result(t.running.kind); ok {
		t.respond(f.Result, f.Info)
		return
	}
	if r, ok := t.running.strictResult(); !ok && t.o.Strict {
		t.respond(r, nil)
		return
	}
	switch t.running.kind {
	case Refresh:
		t.refresh()
	case MoreTime:
		t.radio.flush() // the card works for long: acknowledgements must not wait
		t.respond(Done, nil)
	case PollInterval:
		t.pollInterval()
	case SetUpEventList:
		t.respond(Done, nil) // no event that a card could wait for happens to this phone
	case SendShortMessage:
		t.sender.sendShortMessage()
	case PlayTone:
		t.respond(Done, nil)
	case DisplayText:
		t.dialogue.displayText()
	case GetInkey:
		t.dialogue.getInkey()
	case GetInput:
		t.dialogue.getInput()
	case SelectItem:
		t.dialogue.selectItem()
	case SetUpMenu:
		t.setUpMenu()
	case SetUpIdleText:
		t.setUpIdleText()
	case ProvideLocal:
		t.provideLocal()
	case TimerManagement:
		t.timerManagement()
	default:
		t.respond(TypeUnknown, nil)
	}
}

// respond ends the running command. info is the additional information of the
// result.
func (t *toolkit) respond(r Result, info []byte) { t.respondWith(r, info, nil, span{}) }

// respondWith adds objects behind the result. secret are the octets of them
// that no trace may show. The devices are always terminal to card, whatever
// the command was for (TS 102 223 6.8).
func (t *toolkit) respondWith(r Result, info, objects []byte, secret span) {
	t.waiting = waitNothing
	if r == Done && t.running.icon && t.o.Strict {
		r = IconMissing
	}
	b := append(t.card.buf[:0], 0x80, insTerminalResponse, 0, 0, 0,
		comprehension|tagDetails, 3, t.running.number, byte(t.running.kind), t.running.qualifier,
		comprehension|tagDevices, 2, devTerminal, devCard,
		comprehension|tagResult, byte(1+len(info)), byte(r))
	b = append(b, info...)
	if secret.to > 0 {
		secret.from += len(b)
		secret.to += len(b)
	}
	b = append(b, objects...)
	if len(b)-5 > 255 { // Screen.Max prevents it
		t.log.Error("response is too long for the card", "octets", len(b)-5)
		t.card.buf = b
		t.respond(BeyondCapability, nil)
		return
	}
	b[4] = byte(len(b) - 5)
	t.card.buf = b
	if t.trace.on() {
		fields := []Field{{"result", r.String()}}
		if len(info) > 0 {
			fields = append(fields, Field{"additional", fmt.Sprintf("%X", info)})
		}
		t.trace.see(LayerProactive, ToCard, "TERMINAL RESPONSE to "+t.running.kind.String(), secret.mask(b)[5:], fields)
	}
	if _, sw := t.card.apdu("TERMINAL RESPONSE", b, secret); !sw.ok() {
		t.log.Warn("card did not take the response", "command", t.running.kind, "status", sw)
	}
	clear(t.card.buf[:cap(t.card.buf)][5:]) // a personal code may have been in it
}

// refresh takes a change of files to notice; a reset of the card has no
// response, the card begins anew (TS 102 223 6.4.7).
func (t *toolkit) refresh() {
	const uiccReset = 0x04
	if t.running.qualifier != uiccReset {
		err := t.card.readUSIM()
		fetch := t.card.fetch
		if err != nil {
			t.respond(DonePartly, nil)
			return
		}
		t.respond(Done, nil)
		t.card.fetch = max(t.card.fetch, fetch)
		return
	}
	t.waiting = waitNothing
	t.view.change(func(s *State) { s.Menu, s.Idle = Menu{}, "" })
	if err := t.card.boot(t.view); err != nil {
		t.log.Error("card does not come back after REFRESH", "error", err)
	}
}

// pollInterval takes the card's wish: unit (minutes, seconds, tenths) and
// value, and says what it has become (TS 102 223 6.4.6).
func (t *toolkit) pollInterval() {
	d, ok := duration(t.running.duration)
	if !ok {
		t.respond(ValuesMissing, nil)
		return
	}
	if t.poll > 0 {
		t.poll = min(max(d, time.Second), 255*time.Second)
		t.clock.set(timerPoll, t.poll)
	}
	got := byte(min(max(d, time.Second), 255*time.Second) / time.Second)
	t.respondWith(Done, nil, []byte{comprehension | tagDuration, 2, 0x01, got}, span{})
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

// pollCard is the STATUS with which an idle phone asks whether the card wants something.
func (t *toolkit) pollCard() {
	if t.poll > 0 {
		t.clock.set(timerPoll, t.poll)
	}
	if t.waiting == waitNothing {
		t.card.apdu("STATUS", []byte{0x80, insStatus, 0, 0x0C, 0}, span{})
		t.proceed()
	}
}
