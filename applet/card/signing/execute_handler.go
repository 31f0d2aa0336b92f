package signing

import (
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card/uicc"
)

// setHandler is SetAuthenticationHandlerData (INT6 A3): key pairs and
// certificates (4-6, 4-9, 4-10).
func (x *execution) setHandler(v applet.SetAuthenticationHandlerData) applet.Result {
	slots := &x.a.slots
	k := slots.get(v.Slot.Number)
	if k == nil {
		return failed(applet.StatusNoMemory)
	}
	switch v.Operation {
	case applet.HandlerGenerate, applet.HandlerReplace:
		if v.Operation == applet.HandlerGenerate && k.status != applet.SlotEmpty {
			return failed(applet.StatusSlotInUse)
		}
		if !slots.offers(v.Slot.Algorithm) {
			return failed(applet.StatusNotSupported)
		}
		if st := x.generate(k, v.Slot); st != applet.StatusOK {
			return failed(st)
		}
		return applet.Result{Status: applet.StatusOK, PublicKey: k.public}
	}
	if k.status == applet.SlotEmpty {
		return failed(applet.StatusSlotEmpty)
	}
	switch v.Operation {
	case applet.HandlerDelete:
		if k.status == applet.SlotRegistering && !x.a.p.Faults.KeepsCodes { // the server ends its registration (5.1-16)
			x.a.undo(k)
		} else {
			slots.empty(k)
		}
	case applet.HandlerConfirm:
		// A key becomes usable only at the end of its registration (5.1-10).
		if k.status == applet.SlotGenerated {
			return failed(applet.StatusConditions)
		}
		if k.status != applet.SlotRegistered {
			k.status = applet.SlotRegistered
			slots.putStatus(k)
		}
	case applet.HandlerImportCertificate:
		return failed(slots.importCertificate(k, v))
	case applet.HandlerDeleteCertificate:
		if k.cert == nil {
			return failed(applet.StatusConditions)
		}
		slots.putCertificate(k, nil)
	}
	return failed(applet.StatusOK)
}

// generate makes a pair on the card (3.3-4). RSA takes time: the terminal is
// told so before, and again every second for as long as a real card would
// take.
func (x *execution) generate(k *slot, d applet.Slot) applet.StatusWord {
	x.wait(d.Algorithm)
	if x.off {
		return statusOff
	}
	return x.a.slots.generate(k, d)
}

// wait sends MORE TIME while a real card would be busy.
func (x *execution) wait(a applet.Algorithm) {
	var delay time.Duration
	if x.a.em.KeygenDelay != nil {
		delay = x.a.em.KeygenDelay(a)
	}
	if a.RSA() && !x.asked && x.a.sys.Has(uicc.FacilityMoreTime) {
		x.moreTime()
		x.send()
	}
	for delay > 0 && !x.off {
		step := min(delay, time.Second)
		x.a.em.Sleep(step)
		if delay -= step; x.a.sys.Has(uicc.FacilityMoreTime) {
			x.moreTime()
			x.send()
		}
	}
}
