package card

import (
	"time"

	"github.com/simsign/simsign/applet"
)

// execute runs one INT6 command.
func (s *session) execute(cmd applet.Command) applet.Result {
	c := s.c
	switch v := cmd.(type) {
	case applet.ChangeAppletStatus:
		return c.changeStatus(v)
	case applet.GetAuthenticationHandlerData:
		return c.getData(v)
	}
	if c.data.life == applet.AppletDeactivated {
		return failed(applet.StatusConditions)
	}
	switch v := cmd.(type) {
	case applet.SetAppletData:
		return failed(c.setData(v))
	case applet.SetAuthenticationHandlerData:
		return s.setHandler(v)
	}
	// The rest speaks with the user: only an active applet does.
	if c.data.life != applet.AppletActive {
		return failed(applet.StatusConditions)
	}
	switch v := cmd.(type) {
	case applet.SignTransaction:
		return s.sign(v)
	case applet.ManagePersonalCode:
		return s.manageCode(v)
	}
	return failed(applet.StatusNotSupported)
}

// failed is a result with a status only (which may be 9000).
func failed(st applet.StatusWord) applet.Result { return applet.Result{Status: st} }

// changeStatus is A1 (4-3): the life cycle of the applet is its own (3.2-6).
func (c *Card) changeStatus(v applet.ChangeAppletStatus) applet.Result {
	switch v.To {
	case applet.StatusActivate:
		c.data.life = applet.AppletActive
		c.putData()
	case applet.StatusDeactivate:
		if c.data.life == applet.AppletInstalled {
			return failed(applet.StatusConditions)
		}
		c.data.life = applet.AppletDeactivated
		c.putData()
	case applet.StatusInitial:
		for i := range c.slots {
			c.emptySlot(&c.slots[i])
		}
		c.initialise()
	}
	return applet.Result{Status: applet.StatusOK, State: c.reportState()}
}

// initialise forgets data, strings and codes: as after installation.
func (c *Card) initialise() {
	c.install()
	c.forgetStrings()
	c.putAll()
	c.loadStrings()
}

// setData is A2 (4-1, 4-2): everything is checked before anything is set.
func (c *Card) setData(v applet.SetAppletData) applet.StatusWord {
	for _, f := range v.Formats {
		// Set once, before the first code is chosen (3.4-4).
		if k := c.code(f.Code); k.min != 0 || k.set {
			return applet.StatusConditions
		}
	}
	language := c.data.language
	if v.Language != "" {
		language = v.Language
	}
	updates, st := checkStrings(v.Strings)
	if st != applet.StatusOK {
		return st
	}
	if len(updates) > 0 && !c.menuFits(language, updates) {
		return applet.StatusWrongLength
	}
	for _, f := range v.Formats {
		k := c.code(f.Code)
		k.min, k.max = f.Min, f.Max
		c.putCode(int(f.Code - 1))
	}
	for _, t := range v.Tries {
		// Never more tries than are left: that would be an unblocking.
		k := c.code(t.Code)
		if k.tries = t.Max; !k.set {
			k.left = t.Max
		}
		k.left = min(k.left, t.Max)
		c.putCode(int(t.Code - 1))
	}
	c.updateStrings(language, updates)
	d := &c.data
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
	c.putData()
	if v.Language != "" || len(v.Strings) > 0 {
		c.loadStrings()
		c.refreshMenu()
	}
	return applet.StatusOK
}

// getData is A4 (4-8).
func (c *Card) getData(v applet.GetAuthenticationHandlerData) applet.Result {
	r := applet.Result{Status: applet.StatusOK}
	if v.What == applet.WhatState {
		r.State = c.reportState()
		return r
	}
	k := c.slot(v.Slot)
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
