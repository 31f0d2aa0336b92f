package card

import (
	"strconv"

	"github.com/simsign/simsign/applet"
)

// menu is the card's menu: a title, and items that are identified by their
// position.
type menu struct {
	title string
	items []menuItem
}

type menuItem struct {
	id   byte
	text string
}

// Items of the menu (3.4-2, 3.5.4-3, 3.5.5-2).
const (
	itemChange      = 1
	itemChangeSign  = 2
	itemUnblock     = 3
	itemUnblockSign = 4
	itemAbout       = 5
)

// menu lists what is possible: the second code only where it is used, and
// unblocking only where there is an unblocking code.
func (t *stringTable) menu(second, unblocking bool) menu {
	m := menu{title: t[strTitle], items: []menuItem{{itemChange, t[strMenuChange]}}}
	if second {
		m.items = append(m.items, menuItem{itemChangeSign, t[strMenuChangeSign]})
	}
	if unblocking {
		m.items = append(m.items, menuItem{itemUnblock, t[strMenuUnblock]})
		if second {
			m.items = append(m.items, menuItem{itemUnblockSign, t[strMenuUnblockSign]})
		}
	}
	m.items = append(m.items, menuItem{itemAbout, t[strMenuAbout]})
	return m
}

// append writes the objects of SET UP MENU.
func (m menu) append(b []byte) []byte {
	b = appendTLV(b, required|tagAlpha, alphaIdentifier(m.title)...)
	for _, it := range m.items {
		a := alphaIdentifier(it.text)
		b = appendHead(b, required|tagItem, 1+len(a))
		b = append(append(b, it.id), a...)
	}
	return b
}

// showMenu is the job of SET UP MENU.
func (s *session) showMenu() {
	c := s.c
	second := c.opt.Codes[1].Min != 0 || c.codes[1].min != 0 || c.codes[1].set
	c.setUpMenu(c.strings.menu(second, c.opt.UnblockingCode != ""))
	s.send()
}

// refreshMenu sets the menu up again after the language changed.
func (c *Card) refreshMenu() {
	if c.profile != nil && c.terminalHas(facilitySetUpMenu) && !c.full() {
		c.enqueue(&job{run: (*session).showMenu})
	}
}

// menuChosen is the job of a menu selection.
func (s *session) menuChosen(item byte, help bool) {
	switch {
	case help:
		s.tell(strHelp, "")
	case item == itemChange:
		s.menuChange(applet.CodeAuthentication)
	case item == itemChangeSign:
		s.menuChange(applet.CodeNonRepudiation)
	case item == itemUnblock:
		s.menuUnblock(applet.CodeAuthentication)
	case item == itemUnblockSign:
		s.menuUnblock(applet.CodeNonRepudiation)
	case item == itemAbout:
		s.tellUntilRead(strAbout, s.c.lastDigits())
	}
	if !s.off {
		// A failure shows in the next command: the memory stays failed.
		_ = s.c.nv.commit()
	}
}

// usable says whether a code can be changed or unblocked here.
func (s *session) usable(ref applet.CodeRef) bool {
	if s.c.data.life == applet.AppletActive && s.c.code(ref).set {
		return true
	}
	s.tellUntilRead(strNotAvailable, "")
	return false
}

func (s *session) menuChange(ref applet.CodeRef) {
	if s.usable(ref) {
		s.changeCode(ref)
	}
}

// menuUnblock asks for the unblocking code, whose tries are counted like
// those of a personal code, and then for a new personal code.
func (s *session) menuUnblock(ref applet.CodeRef) {
	if s.c.opt.UnblockingCode == "" || !s.usable(ref) {
		return
	}
	st := s.walk(
		s.enterUnblocking,
		func() applet.StatusWord { return s.choose(ref, s.c.opt.UnblockingCode) },
	)
	s.tellCode(st)
}

func (s *session) enterUnblocking() applet.StatusWord {
	c, lead := s.c, ""
	for {
		if c.unblocks == 0 {
			s.tellUntilRead(strNoUnblocking, "")
			return applet.StatusBlocked
		}
		digits, st := s.ask(below(lead, c.text(strUnblockingCode, "")), unblockingCodeLength, unblockingCodeLength, true)
		if st != applet.StatusOK {
			return st
		}
		ok, err := c.verifyUnblocking(digits)
		switch {
		case err != nil:
			return applet.StatusOther
		case ok:
			return applet.StatusOK
		}
		lead = c.text(strWrongCode, strconv.Itoa(int(c.unblocks)))
	}
}

// tellUntilRead shows one of the applet's own strings until it was read.
func (s *session) tellUntilRead(id stringID, value string) {
	_ = s.show(s.c.text(id, value))
}

// lastDigits identify the card to its holder.
func (c *Card) lastDigits() string {
	i := string(c.opt.ICCID)
	return i[len(i)-4:]
}
