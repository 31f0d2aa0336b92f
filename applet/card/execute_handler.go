package card

import "github.com/simsign/simsign/applet"

// setHandler is A3: key pairs and certificates (4-6, 4-9, 4-10).
func (s *session) setHandler(v applet.SetAuthenticationHandlerData) applet.Result {
	c := s.c
	k := c.slot(v.Slot.Number)
	if k == nil {
		return failed(applet.StatusNoMemory)
	}
	switch v.Operation {
	case applet.HandlerGenerate, applet.HandlerReplace:
		if v.Operation == applet.HandlerGenerate && k.status != applet.SlotEmpty {
			return failed(applet.StatusSlotInUse)
		}
		if !c.offers(v.Slot.Algorithm) {
			return failed(applet.StatusNotSupported)
		}
		if st := s.generate(k, v.Slot); st != applet.StatusOK {
			return failed(st)
		}
		return applet.Result{Status: applet.StatusOK, PublicKey: k.public}
	}
	if k.status == applet.SlotEmpty {
		return failed(applet.StatusSlotEmpty)
	}
	switch v.Operation {
	case applet.HandlerDelete:
		c.emptySlot(k)
	case applet.HandlerConfirm:
		// A key becomes usable only at the end of its registration (5.1-10).
		if k.status == applet.SlotGenerated {
			return failed(applet.StatusConditions)
		}
		if k.status != applet.SlotRegistered {
			k.status = applet.SlotRegistered
			c.putSlotStatus(k)
		}
	case applet.HandlerImportCertificate:
		return failed(c.importCertificate(k, v))
	case applet.HandlerDeleteCertificate:
		if k.cert == nil {
			return failed(applet.StatusConditions)
		}
		c.putCertificate(k, nil)
	}
	return failed(applet.StatusOK)
}

// importCertificate stores a certificate (3.3-6), whole or in parts that come
// in order; part 0 begins anew.
func (c *Card) importCertificate(k *slot, v applet.SetAuthenticationHandlerData) applet.StatusWord {
	cert := append([]byte{}, v.Certificate...)
	if p := v.Part; p != nil {
		if p.Offset == 0 {
			c.putStaged(k, nil, 0)
		}
		if int(p.Offset) != len(k.staged) || p.Offset > 0 && int(p.Length) != k.total {
			return applet.StatusConditions
		}
		cert = append(append([]byte{}, k.staged...), cert...)
		if len(cert) < int(p.Length) {
			c.putStaged(k, cert, int(p.Length))
			return applet.StatusOK
		}
	}
	c.putStaged(k, nil, 0)
	c.putCertificate(k, cert)
	return applet.StatusOK
}
