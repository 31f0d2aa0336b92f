package signing

import (
	"time"

	"github.com/simsign/simsign/applet"
)

// execute runs one INT6 command of a message.
func (x *execution) execute(cmd applet.Command, r *received) applet.Result {
	a := x.a
	switch v := cmd.(type) {
	case applet.ChangeAppletStatus:
		res := a.changeStatus(v)
		return a.offer(res, r, v.To == applet.StatusReport)
	case applet.GetAuthenticationHandlerData:
		res := a.getData(v)
		return a.offer(res, r, v.What == applet.WhatState)
	}
	if a.data.life == applet.AppletDeactivated {
		return failed(applet.StatusConditions)
	}
	switch v := cmd.(type) {
	case applet.SetAppletData:
		return failed(a.setData(v))
	case applet.SetAuthenticationHandlerData:
		return x.setHandler(v)
	case applet.SetKeys:
		return failed(a.keys.change(r.message.Transaction, v))
	}
	// The rest speaks with the user: only an active applet does.
	if a.data.life != applet.AppletActive {
		return failed(applet.StatusConditions)
	}
	switch v := cmd.(type) {
	case applet.SignTransaction:
		return x.sign(v)
	case applet.ManagePersonalCode:
		return x.manageCode(v)
	}
	return failed(applet.StatusNotSupported)
}

// failed is a result with a status only (which may be 9000).
func failed(st applet.StatusWord) applet.Result { return applet.Result{Status: st} }

// changeStatus is ChangeAppletStatus (INT6 A1; 4-3): the life cycle of the
// applet is its own (3.2-6).
func (a *Applet) changeStatus(v applet.ChangeAppletStatus) applet.Result {
	switch v.To {
	case applet.StatusActivate:
		if a.p.Faults.NoActivation {
			return failed(applet.StatusOther)
		}
		a.data.life = applet.AppletActive
		a.putData()
	case applet.StatusDeactivate:
		if a.data.life == applet.AppletInstalled {
			return failed(applet.StatusConditions)
		}
		a.data.life = applet.AppletDeactivated
		a.putData()
	case applet.StatusInitial:
		a.slots.emptyAll()
		a.initialise()
	}
	return applet.Result{Status: applet.StatusOK, State: a.report()}
}

// setData is SetAppletData (INT6 A2; 4-1, 4-2): everything is checked before
// anything is set.
func (a *Applet) setData(v applet.SetAppletData) applet.StatusWord {
	if a.p.Faults.NoData {
		return applet.StatusNoMemory
	}
	for _, f := range v.Formats {
		// Set once, before the first code is chosen (3.4-4).
		if k := a.codes.get(f.Code); k.formatted() || k.Set() {
			return applet.StatusConditions
		}
	}
	for _, t := range v.Tries {
		if !a.limits.anyTries && a.codes.get(t.Code).Set() {
			return applet.StatusConditions
		}
	}
	language := a.data.language
	if v.Language != "" {
		language = v.Language
	}
	updates, st := checkStrings(v.Strings)
	if st != applet.StatusOK {
		return st
	}
	if len(updates) > 0 && (!a.strings.menuFits(language, updates) || !a.entryFits(updates)) {
		return applet.StatusWrongLength
	}
	for _, f := range v.Formats {
		k := a.codes.get(f.Code)
		k.Configure(f.Min, f.Max, k.Tries())
	}
	for _, t := range v.Tries {
		// Never more tries than are left: that would be an unblocking.
		k := a.codes.get(t.Code)
		lo, hi := k.Format()
		k.Configure(lo, hi, t.Max)
	}
	a.strings.update(language, updates)
	d := &a.data
	d.language = language
	if v.PoPTries != 0 {
		d.popTries = v.PoPTries
	}
	if v.ServerAddress != "" {
		d.server = v.ServerAddress
	}
	if v.SetTimeouts {
		d.textSeconds, d.inputSeconds = byte(v.TextTimeout/time.Second), byte(v.InputTimeout/time.Second)
	}
	a.putData()
	if v.Language != "" || len(v.Strings) > 0 {
		a.strings.load(d.language)
		a.sys.SetMenu(a.entries())
	}
	return applet.StatusOK
}

// getData is GetAuthenticationHandlerData (INT6 A4; 4-8).
func (a *Applet) getData(v applet.GetAuthenticationHandlerData) applet.Result {
	r := applet.Result{Status: applet.StatusOK}
	if v.What == applet.WhatState {
		r.State = a.report()
		return r
	}
	k := a.slots.get(v.Slot)
	if k == nil || k.status == applet.SlotEmpty {
		return failed(applet.StatusSlotEmpty)
	}
	octets := k.public
	if v.What == applet.WhatCertificate {
		if octets = k.cert; octets == nil {
			return failed(applet.StatusConditions)
		}
	} else if v.Part == nil {
		r.PublicKey = octets
		return r
	}
	from, n := 0, len(octets)
	if v.Part != nil {
		from, n = int(v.Part.Offset), int(v.Part.Length)
	}
	if from >= len(octets) {
		return failed(applet.StatusWrongLength)
	}
	n = min(n, len(octets)-from)
	r.Part = &applet.Part{Offset: uint16(from), Total: uint16(len(octets)), Octets: octets[from : from+n]}
	return r
}
