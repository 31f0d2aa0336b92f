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
	itemList        = 6 // all of them, where the menu has one entry
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

// append writes the objects of SET UP MENU (TS 102 223 6.6.7).
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
func (a *signingApplet) showMenu(s *session) {
	m := a.menu()
	if !a.limits.entries { // one entry for the applet; what is behind it comes as a list
		m.items = []menuItem{{itemList, m.title}}
	}
	a.tk.setUpMenu(m)
	s.send()
}

// menu is what is possible at present.
func (a *signingApplet) menu() menu {
	second := false
	if a.limits.codes > 1 {
		k := a.codes.get(applet.CodeNonRepudiation)
		second = a.opt.Codes[1].Min != 0 || k.min != 0 || k.set
	}
	return a.strings.table.menu(second, a.opt.UnblockingCode != "")
}

// list lets the user choose from the menu; 0 when he does not.
func (d *dialogue) list() byte {
	for range maxHelp {
		d.tk.selectItem(d.a.menu())
		r := d.send()
		switch st := statusOfResult(r.result); {
		case d.off:
			return 0
		case st == statusHelp:
			d.tell(strHelp, "")
		case st == applet.StatusOK:
			return r.item
		default:
			return 0
		}
	}
	return 0
}

// refreshMenu sets the menu up again after the language changed.
func (a *signingApplet) refreshMenu() {
	if a.tk.profile != nil && a.tk.has(facilitySetUpMenu) && !a.tk.full() {
		a.tk.enqueue(&job{run: a.showMenu})
	}
}

// menuChosen is the job of a menu selection.
func (a *signingApplet) menuChosen(s *session, item byte, help bool) {
	d := dialogue{session: s, a: a}
	if item == itemList && !help {
		item = d.list()
	}
	switch {
	case help:
		d.tell(strHelp, "")
	case item == itemChange:
		d.menuChange(applet.CodeAuthentication)
	case item == itemChangeSign:
		d.menuChange(applet.CodeNonRepudiation)
	case item == itemUnblock:
		d.menuUnblock(applet.CodeAuthentication)
	case item == itemUnblockSign:
		d.menuUnblock(applet.CodeNonRepudiation)
	case item == itemAbout:
		d.tellUntilRead(strAbout, a.lastDigits())
	}
	if !s.off {
		// A failure shows in the next command: the memory stays failed.
		_ = a.nv.commit()
	}
}

// usable says whether a code can be changed or unblocked here.
func (d *dialogue) usable(ref applet.CodeRef) bool {
	if d.a.data.life == applet.AppletActive && d.a.codes.get(ref).set {
		return true
	}
	d.tellUntilRead(strNotAvailable, "")
	return false
}

func (d *dialogue) menuChange(ref applet.CodeRef) {
	if d.usable(ref) {
		d.changeCode(ref)
	}
}

// menuUnblock asks for the unblocking code, whose tries are counted like
// those of a personal code, and then for a new personal code.
func (d *dialogue) menuUnblock(ref applet.CodeRef) {
	if d.a.opt.UnblockingCode == "" || !d.usable(ref) {
		return
	}
	st := d.walk(
		d.enterUnblocking,
		func() applet.StatusWord { return d.choose(ref, d.a.opt.UnblockingCode) },
	)
	d.tellCode(st)
}

func (d *dialogue) enterUnblocking() applet.StatusWord {
	a, lead := d.a, ""
	for {
		if a.codes.unblocks == 0 {
			d.tellUntilRead(strNoUnblocking, "")
			return applet.StatusBlocked
		}
		digits, st := d.ask(below(lead, a.strings.text(strUnblockingCode, "")), unblockingCodeLength, unblockingCodeLength, true)
		if st != applet.StatusOK {
			return st
		}
		ok, err := a.codes.verifyUnblocking(digits)
		switch {
		case err != nil:
			return applet.StatusOther
		case ok:
			return applet.StatusOK
		}
		lead = a.strings.text(strWrongCode, strconv.Itoa(int(a.codes.unblocks)))
	}
}

// tellUntilRead shows one of the applet's own strings until it was read.
func (d *dialogue) tellUntilRead(id stringID, value string) {
	_ = d.show(d.a.strings.text(id, value))
}

// lastDigits identify the card to its holder.
func (a *signingApplet) lastDigits() string {
	i := string(a.opt.ICCID)
	return i[len(i)-4:]
}
