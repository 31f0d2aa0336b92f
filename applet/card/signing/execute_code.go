package signing

import "github.com/simsign/simsign/applet"

// manageCode is ManagePersonalCode (INT6 A6; 4-4): the server starts it, the
// user does it.
func (x *execution) manageCode(v applet.ManagePersonalCode) applet.Result {
	k := x.a.codes.get(v.Code)
	if k.Set() == (v.Operation == applet.CodeCreate) {
		return failed(applet.StatusConditions)
	}
	var st applet.StatusWord
	switch v.Operation {
	case applet.CodeUnblock:
		k.Unblock()
		x.tell(strUnblocked, "")
		st = applet.StatusOK
	case applet.CodeChange:
		st = x.changeCode(v.Code)
	default:
		st = x.newCode(v.Code)
	}
	if x.off {
		return failed(statusOff)
	}
	return applet.Result{Status: st, TriesGiven: true, TriesLeft: k.Left()}
}

// newCode creates or resets a code: the new one, twice; then all tries are
// left again (5.4-1).
func (d *dialogue) newCode(ref applet.CodeRef) applet.StatusWord {
	st := d.walk(func() applet.StatusWord { return d.choose(ref, "") })
	d.tellCode(st)
	return st
}

// changeCode asks for the old code first (3.5.5-2).
func (d *dialogue) changeCode(ref applet.CodeRef) applet.StatusWord {
	entered := false
	st := d.walk(
		func() applet.StatusWord { return d.enter(ref, "", oldCodePrompt(ref), &entered) },
		func() applet.StatusWord { return d.choose(ref, "") },
	)
	d.tellCode(st)
	return st
}

// tellCode shows how it ended; what is blocked or not chosen was told before.
func (d *dialogue) tellCode(st applet.StatusWord) {
	switch st {
	case applet.StatusOK:
		d.tell(strCodeSet, "")
	case applet.StatusBlocked, applet.StatusConditions:
	default:
		d.tell(strNotSet, "")
	}
}
