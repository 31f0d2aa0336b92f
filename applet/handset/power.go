package handset

import "fmt"

// SetPower switches the phone on or off. Off is a loss of power for the card:
// a dialogue is over, and the network keeps messages until the phone is back.
func (h *Handset) SetPower(on bool) error {
	var failed error
	err := h.do(func() {
		if on == h.view.state.On {
			return
		}
		if !on {
			h.powerOff()
			return
		}
		if failed = h.powerOn(); failed != nil {
			h.powerOff()
		}
	})
	if err != nil {
		return err
	}
	return failed
}

func (h *Handset) powerOn() error {
	if err := h.card.boot(&h.view); err != nil {
		return fmt.Errorf("handset cannot start the card: %w", err)
	}
	h.view.change(func(s *State) { s.On = true })
	if h.toolkit.poll > 0 {
		h.clock.set(timerPoll, h.toolkit.poll)
	}
	if h.view.state.Coverage {
		h.radio.on()
	}
	h.toolkit.proceed()
	return nil
}

// powerOff is also the end of the phone.
func (h *Handset) powerOff() {
	h.radio.flush()
	h.toolkit.waiting = waitNothing
	h.radio.off()
	h.radio.wg.Wait() // it waits for nothing that only this goroutine could give
	h.sender.reset()
	h.card.fetch, h.receiver.refused, h.inbox.joins = 0, false, nil
	for i := range h.clock.at {
		h.clock.clear(i)
	}
	switch card := h.o.Card.(type) {
	case interface{ Off() }:
		card.Off()
	case interface{ Reset() []byte }: // which is without power for a moment
		card.Reset()
	}
	h.view.change(func(s *State) {
		s.On, s.Attached, s.Screen, s.Idle, s.Menu = false, false, nil, "", Menu{}
	})
}

// SetCoverage takes the phone out of coverage or back. Sending then fails
// with "no service", and the network keeps messages.
func (h *Handset) SetCoverage(yes bool) error {
	return h.do(func() {
		h.view.change(func(s *State) { s.Coverage = yes })
		switch {
		case !yes:
			h.radio.flush()
			h.radio.off()
		case h.view.state.On:
			h.radio.on()
		}
	})
}

// SetOnCall makes the phone busy with a call: prompts are answered with
// "currently unable, busy on call".
func (h *Handset) SetOnCall(yes bool) error {
	return h.do(func() { h.view.change(func(s *State) { s.OnCall = yes }) })
}

// SetScreenBusy makes the user do something else, see State.
func (h *Handset) SetScreenBusy(yes bool) error {
	return h.do(func() { h.view.change(func(s *State) { s.ScreenBusy = yes }) })
}
