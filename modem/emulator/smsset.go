package emulator

import (
	"slices"
	"strconv"
	"strings"
)

// cmgf is +CMGF (TS 27.005 3.2.3): PDU mode or text mode.
func cmgf(x *execution, c command) final {
	n := 0
	if x.m.set.text {
		n = 1
	}
	switch c.form {
	case test:
		x.info("+CMGF: (0,1)")
	case read:
		x.info("+CMGF: %d", n)
	default:
		if c.args != "" && c.args != "0" && c.args != "1" {
			return failSMS(cmsOperation)
		}
		x.m.set.text = c.args == "1"
	}
	return ok
}

func list(n []int) string {
	s := make([]string, len(n))
	for i, v := range n {
		s[i] = strconv.Itoa(v)
	}
	return "(" + strings.Join(s, ",") + ")"
}

// csms is +CSMS (TS 27.005 3.2.1).
func csms(x *execution, c command) final {
	m := x.m
	switch c.form {
	case test:
		x.info("+CSMS: %s", list(m.o.CSMS))
	case read:
		x.info("+CSMS: %d,1,1,1", m.set.csms)
	default:
		n, err := strconv.Atoi(c.args)
		if err != nil || !slices.Contains(m.o.CSMS, n) {
			return failSMS(cmsOperation)
		}
		m.set.csms = n
		x.info("+CSMS: 1,1,1")
	}
	return ok
}

// cpms is +CPMS (TS 27.005 3.2.2).
func cpms(x *execution, c command) final {
	m := x.m
	switch c.form {
	case test:
		x.info(`+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")`)
		return ok
	case read:
		s := m.set.mem
		x.info(`+CPMS: "%s",%s,"%s",%s,"%s",%s`, s[0], m.mem.usage(m.set.mem[0]), s[1], m.mem.usage(m.set.mem[1]), s[2], m.mem.usage(m.set.mem[2]))
		return ok
	}
	if f := m.sim.noSMS(); f != ok {
		return f
	}
	a := fields(c.args)
	if len(a) == 0 || len(a) > 3 {
		return failSMS(cmsOperation)
	}
	for _, name := range a {
		if m.mem[name] == nil {
			return failSMS(cmsOperation)
		}
	}
	copy(m.set.mem[:], a)
	x.info("+CPMS: %s,%s,%s", m.mem.usage(m.set.mem[0]), m.mem.usage(m.set.mem[1]), m.mem.usage(m.set.mem[2]))
	return ok
}

// cnmi chooses how the host hears of messages (TS 27.005 3.4.1).
func cnmi(x *execution, c command) final {
	m := x.m
	switch c.form {
	case test:
		x.info("+CNMI: (0,1,2),(0,1,2,3),(0,2),%s,(0,1)", list(m.o.DS))
		return ok
	case read:
		n := m.set.cnmi
		x.info("+CNMI: %d,%d,%d,%d,%d", n[0], n[1], n[2], n[3], n[4])
		return ok
	}
	n := m.set.cnmi
	a := fields(c.args)
	if len(a) > len(n) {
		return failSMS(cmsOperation)
	}
	allowed := [5][]int{{0, 1, 2}, {0, 1, 2, 3}, {0, 2}, m.o.DS, {0, 1}}
	for i, s := range a {
		if s == "" {
			continue
		}
		v, err := strconv.Atoi(s)
		if err != nil || !slices.Contains(allowed[i], v) {
			return failSMS(cmsOperation)
		}
		n[i] = v
	}
	m.set.cnmi = n
	if n[0] > 0 {
		held := m.in.buffer
		m.in.buffer = nil
		if n[4] == 0 {
			x.later = held
		}
	}
	return ok
}

// csca is +CSCA (TS 27.005 3.3.1).
func csca(x *execution, c command) final {
	m := x.m
	switch c.form {
	case test:
	case read:
		x.info(`+CSCA: "%s",%d`, m.sim.smsc, toda(m.sim.smsc))
	default:
		a := fields(c.args)
		if len(a) == 0 || len(a[0]) > 21 || strings.Trim(a[0], "+0123456789") != "" {
			return failSMS(cmsText)
		}
		m.sim.smsc = numberOf(a)
	}
	return ok
}

func toda(number string) int {
	if strings.HasPrefix(number, "+") {
		return 145
	}
	return 129
}

// csmp is +CSMP (TS 27.005 3.3.2), the parameters of text mode: first octet, validity, PID, DCS.
func csmp(x *execution, c command) final {
	s := &x.m.set
	switch c.form {
	case test:
		return ok
	case read:
		x.info("+CSMP: %d,%d,%d,%d", s.fo, s.vp, s.pid, s.dcs)
		return ok
	}
	at := []*int{&s.fo, &s.vp, &s.pid, &s.dcs}
	for i, v := range fields(c.args) {
		if v == "" || i >= len(at) {
			continue
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n > 255 {
			return failSMS(cmsText)
		}
		*at[i] = n
	}
	return ok
}
