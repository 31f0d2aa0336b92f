package emulator

import (
	"strconv"
	"strings"
)

// handlers are all commands that the modem knows.
func handlers() map[string]handler {
	h := map[string]handler{
		"E": flag(func(s *settings, on bool) { s.echo = on }),
		"V": flag(func(s *settings, on bool) { s.verbose = on }),
		"Q": flag(func(s *settings, on bool) { s.quiet = on }),
		"Z": reset, "&F": reset, "I": ident, "D": dial,
		"A": accept, "H": accept, "L": accept, "M": accept, "X": accept, "O": accept, "T": accept, "P": accept,
		"&A": accept, "&C": accept, "&D": accept, "&K": accept, "&S": accept, "&W": accept, "&H": accept, "&R": accept, "&Q": accept, "&V": accept,

		"+CMEE": number("+CMEE", 0, 2, func(s *settings) *int { return &s.cmee }),
		"+CSCS": cscs, "+CFUN": cfun,
		"+CPIN": cpin, "+CPINR": cpinr, "+CLCK": clck, "+CPWD": cpwd,
		"+CREG": registration("+CREG"), "+CGREG": registration("+CGREG"), "+CEREG": registration("+CEREG"),
		"+COPS": cops, "+CSQ": csq, "+CIND": cind,
		"+CIMI": cimi, "+CCID": ccid, "+ICCID": ccid, "+QCCID": ccid, "^ICCID": ccid, "+CNUM": cnum,
		"+CRSM": crsm, "+CSIM": csim,
		"+CUSATE": cusate, "+CUSATT": cusatt, "+SIMSTATE": simstate,
		"+CPBS": cpbs, "+CPBR": cpbr,

		"+CMGF": cmgf, "+CSMS": csms, "+CPMS": cpms, "+CNMI": cnmi, "+CSCA": csca, "+CSMP": csmp,
		"+CSDH": flagSet("+CSDH", func(s *settings) *bool { return &s.csdh }),
		"+CMMS": number("+CMMS", 0, 2, func(s *settings) *int { return &s.cmms }),
		"+CMGS": cmgs, "+CMGW": cmgw, "+CMSS": cmss, "+CMGL": cmgl, "+CMGR": cmgr, "+CMGD": cmgd, "+CNMA": cnma,
	}
	for name, text := range map[string]func(*Modem) string{
		"+CGMI": func(m *Modem) string { return m.o.Identity.Manufacturer },
		"+CGMM": func(m *Modem) string { return m.o.Identity.Model },
		"+CGMR": func(m *Modem) string { return m.o.Identity.Revision },
		"+CGSN": func(m *Modem) string { return m.o.Identity.IMEI },
		"+GCAP": func(*Modem) string { return "+GCAP: +CGSM" },
		"+CBC":  func(*Modem) string { return "+CBC: 0,95,3900" },
	} {
		h[name] = fixed(text)
		if g := strings.Replace(name, "+C", "+", 1); strings.HasPrefix(g, "+G") {
			h[g] = h[name]
		}
	}
	// Commands that hosts send and whose effect nobody sees here.
	for _, name := range []string{
		"+IPR", "+IFC", "+ICF", "+CLIP", "+CLIR", "+COLP", "+CRC", "+CR", "+CVHU", "+CCWA", "+CSSN", "+CUSD", "+CMOD", "+CGEREP", "+CGATT",
		"+CSCB", "+CTZU", "+CTZR", "+CCLK", "+CMER", "+CGDCONT", "+CGACT", "+CUSATD", "^CURC", "+CSTA", "+CBST", "+FCLASS",
	} {
		h[name] = accept
	}
	return h
}

func accept(x *execution, c command) final {
	switch {
	case c.name == "+CGATT" && c.form == read:
		x.info("+CGATT: 1")
	case c.form == read && strings.HasPrefix(c.name, "+"):
		x.info("%s: 0", c.name)
	}
	return ok
}

func flag(f func(*settings, bool)) handler {
	return func(x *execution, c command) final {
		if c.args != "" && c.args != "0" && c.args != "1" {
			return fail(-1)
		}
		f(&x.m.set, c.args == "1")
		return ok
	}
}

func number(name string, low, high int, at func(*settings) *int) handler {
	return func(x *execution, c command) final {
		v := at(&x.m.set)
		switch c.form {
		case test:
			x.info("%s: (%d-%d)", name, low, high)
		case read:
			x.info("%s: %d", name, *v)
		default:
			n, err := strconv.Atoi(c.args)
			if err != nil || n < low || n > high {
				return fail(cmeParameters)
			}
			*v = n
		}
		return ok
	}
}

func flagSet(name string, at func(*settings) *bool) handler {
	return func(x *execution, c command) final {
		v := at(&x.m.set)
		n := 0
		if *v {
			n = 1
		}
		f := number(name, 0, 1, func(*settings) *int { return &n })(x, c)
		*v = n == 1
		return f
	}
}

func fixed(text func(*Modem) string) handler {
	return func(x *execution, c command) final {
		if c.form != test {
			x.info("%s", text(x.m))
		}
		return ok
	}
}

// reset is Z and &F (ITU-T V.250 6.1.1, ITU-T V.250 6.1.2).
func reset(x *execution, _ command) final {
	x.m.set = factory()
	return ok
}

func ident(x *execution, _ command) final {
	i := x.m.o.Identity
	x.info("%s", i.Manufacturer)
	x.info("%s", i.Model)
	x.info("Revision: %s", i.Revision)
	return ok
}

// dial refuses: this modem makes no calls.
func dial(*execution, command) final { return final{code: -1, exact: "NO CARRIER"} }

// register is an S register; 3, 4 and 5 are line end, line feed and backspace
// (ITU-T V.250 6.2.1 to 6.2.3).
func register(x *execution, c command) final {
	n, err := strconv.Atoi(c.name[1:])
	if err != nil || n > 255 {
		return fail(-1)
	}
	s := &x.m.set
	special := map[int]*byte{3: &s.s3, 4: &s.s4, 5: &s.s5}[n]
	switch c.form {
	case read:
		v := s.s[n]
		if special != nil {
			v = int(*special)
		}
		x.info("%03d", v)
	case set:
		v, err := strconv.Atoi(c.args)
		if err != nil || v > 255 || special != nil && v > 127 {
			return fail(-1)
		}
		if special != nil {
			*special = byte(v)
		} else {
			s.s[n] = v
		}
	}
	return ok
}

// cscs is +CSCS (TS 27.007 5.5): the character set of texts.
func cscs(x *execution, c command) final {
	switch c.form {
	case test:
		x.info(`+CSCS: ("IRA","GSM","UCS2")`)
	case read:
		x.info(`+CSCS: "%s"`, x.m.set.cscs)
	default:
		switch v := strings.Trim(c.args, `"`); v {
		case "IRA", "GSM", "UCS2":
			x.m.set.cscs = v
		default:
			return fail(cmeNotSupported)
		}
	}
	return ok
}

// cfun is +CFUN (TS 27.007 8.2): the power of the radio; with ,1 it resets the
// modem.
func cfun(x *execution, c command) final {
	m := x.m
	switch c.form {
	case test:
		x.info("+CFUN: (0,1,4),(0,1)")
		return ok
	case read:
		x.info("+CFUN: %d", m.fun)
		return ok
	}
	a := fields(c.args)
	if len(a) < 1 || len(a) > 2 {
		return fail(cmeParameters)
	}
	n, err := strconv.Atoi(a[0])
	if err != nil || n != 0 && n != 1 && n != 4 {
		return fail(cmeNotSupported)
	}
	if len(a) == 2 && a[1] == "1" {
		m.host.final(ok)
		m.reboot()
		return final{none: true}
	}
	m.fun = n
	if n == 1 {
		m.radioOn()
		m.startToolkit()
	} else {
		m.radio.off()
	}
	return ok
}

// cind is +CIND (TS 27.007 8.9): a summary of what a telephone shows.
func cind(x *execution, c command) final {
	switch c.form {
	case test:
		x.info(`+CIND: ("battchg",(0-5)),("signal",(0-5)),("service",(0,1)),("call",(0,1)),("roam",(0,1)),("smsfull",(0,1))`)
	case read:
		service := 0
		if x.m.registered() == 1 {
			service = 1
		}
		x.info("+CIND: 5,4,%d,0,0,0", service)
	}
	return ok
}

// cpbs is +CPBS (TS 27.007 8.11).
func cpbs(x *execution, c command) final {
	switch c.form {
	case test:
		x.info(`+CPBS: ("SM","ME")`)
	case read:
		x.info(`+CPBS: "%s",0,100`, x.m.set.pbStore)
	default:
		x.m.set.pbStore = strings.Trim(c.args, `"`)
	}
	return ok
}

// cpbr is +CPBR (TS 27.007 8.12): an empty phone book of 100 places.
func cpbr(x *execution, c command) final {
	if c.form == test {
		x.info("+CPBR: (1-100),40,20")
		return ok
	}
	return fail(cmeNotFound)
}
