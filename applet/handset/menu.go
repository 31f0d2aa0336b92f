package handset

import (
	"errors"
	"fmt"
)

// setUpMenu keeps the card's menu. An empty item removes it (TS 102 223 6.4.8).
func (t *toolkit) setUpMenu() {
	c := &t.running
	m := Menu{Title: alpha(c.alpha), Items: items(c.items)}
	if len(m.Items) == 0 {
		m = Menu{}
	}
	t.view.change(func(s *State) { s.Menu = m })
	t.respond(Done, nil)
}

// setUpIdleText keeps the text of the idle screen; an empty one removes it.
func (t *toolkit) setUpIdleText() {
	idle, _, _, ok := text(t.running.text)
	if !ok {
		t.respond(DataUnknown, nil)
		return
	}
	t.view.change(func(s *State) { s.Idle = idle })
	t.respond(Done, nil)
}

// ErrMenu means that the SIM menu cannot be used now.
var ErrMenu = errors.New("SIM menu is not available")

// SelectMenu is the user's choice in the SIM menu: ENVELOPE (MENU SELECTION)
// (TS 102 223 7.2). help asks for help on the item instead.
func (h *Handset) SelectMenu(item byte, help bool) error {
	var failed error
	err := h.do(func() { failed = h.toolkit.selectMenu(item, help) })
	if err != nil {
		return err
	}
	return failed
}

func (t *toolkit) selectMenu(item byte, help bool) error {
	if t.waiting == waitUser {
		return fmt.Errorf("%w: another screen waits for an answer", ErrMenu)
	}
	found := false
	for _, i := range t.view.state.Menu.Items {
		found = found || i.ID == item
	}
	if !found {
		return fmt.Errorf("%w: no item %d", ErrMenu, item)
	}
	b := append(t.card.buf[:0], 0x80, insEnvelope, 0, 0, 9, berMenu, 7,
		comprehension|tagDevices, 2, devKeypad, devCard, comprehension|tagItemID, 1, item)
	if help {
		b = append(b, comprehension|tagHelp, 0)
		b[4], b[6] = 11, 9
	}
	t.card.buf = b
	if _, sw := t.card.apdu("ENVELOPE (MENU SELECTION)", b, span{}); !sw.ok() {
		return fmt.Errorf("%w: card answers %v", ErrMenu, sw)
	}
	t.proceed()
	return nil
}
