package signing

import (
	"strconv"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card/uicc"
)

// unblockingDigits is the length of the unblocking code.
const unblockingDigits = 8

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
func (t *stringTable) menu(second, unblocking bool) uicc.List {
	m := uicc.List{Title: t[strTitle], Items: []uicc.Item{{ID: itemChange, Text: t[strMenuChange]}}}
	if second {
		m.Items = append(m.Items, uicc.Item{ID: itemChangeSign, Text: t[strMenuChangeSign]})
	}
	if unblocking {
		m.Items = append(m.Items, uicc.Item{ID: itemUnblock, Text: t[strMenuUnblock]})
		if second {
			m.Items = append(m.Items, uicc.Item{ID: itemUnblockSign, Text: t[strMenuUnblockSign]})
		}
	}
	m.Items = append(m.Items, uicc.Item{ID: itemAbout, Text: t[strMenuAbout]})
	return m
}

// entries are those of the applet in the card's menu: what is possible, or one for the
// applet, behind which it comes as a list.
func (a *Applet) entries() uicc.List {
	m := a.menu()
	if !a.limits.entries {
		m.Items = []uicc.Item{{ID: itemList, Text: m.Title}}
	}
	return m
}

// longestEntry is how many octets the one entry has at most: INSTALL has said so.
const longestEntry = 20

// entryFits says whether an update of the title still fits the entry.
func (a *Applet) entryFits(updates map[stringID]string) bool {
	return a.limits.entries || len(uicc.AlphaIdentifier(updates[strTitle])) <= longestEntry
}

// menu is what is possible at present.
func (a *Applet) menu() uicc.List {
	second := false
	if a.limits.codes > 1 {
		k := a.codes.get(applet.CodeNonRepudiation)
		lo, _ := k.Format()
		second = a.p.Codes[1].Min != 0 || lo != 0 || k.Set()
	}
	return a.strings.table.menu(second, a.p.Unblocking)
}

// list lets the user choose from the menu; 0 when he does not.
func (d *dialogue) list() byte {
	for range maxHelp {
		uicc.SelectItem(d.h, d.a.menu())
		r := d.send()
		switch st := statusOfResult(r.Result); {
		case d.off:
			return 0
		case st == statusHelp:
			d.tell(strHelp, "")
		case st == applet.StatusOK:
			return r.Item
		default:
			return 0
		}
	}
	return 0
}

// menuChosen is the task of a menu selection.
func (a *Applet) menuChosen(s *session, item byte, help bool) {
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
		_ = a.nv.Commit()
	}
}

// usable says whether a code can be changed or unblocked here.
func (d *dialogue) usable(ref applet.CodeRef) bool {
	if d.a.data.life == applet.AppletActive && d.a.codes.get(ref).Set() {
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
	if !d.a.p.Unblocking || !d.usable(ref) {
		return
	}
	st := d.walk(
		d.enterUnblocking,
		func() applet.StatusWord { return d.choose(ref, d.unblocking) },
	)
	d.tellCode(st)
}

func (d *dialogue) enterUnblocking() applet.StatusWord {
	a, k, lead := d.a, d.a.sys.PIN(unblocking), ""
	for {
		if k.Left() == 0 {
			d.tellUntilRead(strNoUnblocking, "")
			return applet.StatusBlocked
		}
		digits, st := d.ask(below(lead, a.strings.text(strUnblockingCode, "")), unblockingDigits, unblockingDigits, true)
		if st != applet.StatusOK {
			return st
		}
		ok, err := k.Check(digits)
		switch {
		case err != nil:
			return applet.StatusOther
		case ok:
			d.unblocking = digits
			return applet.StatusOK
		}
		lead = a.strings.text(strWrongCode, strconv.Itoa(int(k.Left())))
	}
}

// tellUntilRead shows one of the applet's own strings until it was read.
func (d *dialogue) tellUntilRead(id stringID, value string) {
	_ = d.show(d.a.strings.text(id, value))
}

// lastDigits identify the card to its holder.
func (a *Applet) lastDigits() string {
	i := string(a.p.ICCID)
	return i[len(i)-4:]
}
