package emulator

import (
	"fmt"
	"slices"
	"strconv"
)

// registered is <stat> of +CREG (TS 27.007 7.2): 1 is the home network, 2 is searching.
func (m *Modem) registered() int {
	switch {
	case m.radio.link != nil:
		return 1
	case m.fun != 1 || m.sim.card == nil || !m.sim.pin.ready():
		return 0
	}
	return 2
}

// registrationChanged: the modem is in the network, or no longer.
func (m *Modem) registrationChanged() {
	if m.radio.link == nil {
		m.in.drop()
	}

	for _, name := range []string{"+CREG", "+CGREG", "+CEREG"} {
		if mode := m.set.reg[name]; mode > 0 {
			m.host.lines(name + ": " + m.registration(mode))
		}
	}
}

func (m *Modem) registration(mode int) string {
	stat := m.registered()
	if mode == 2 && stat == 1 {
		return fmt.Sprintf(`%d,"0001","00000001"`, stat)
	}
	return strconv.Itoa(stat)
}

func registration(name string) handler {
	return func(x *execution, c command) final {
		m := x.m
		switch c.form {
		case test:
			x.info("%s: (0-2)", name)
		case read:
			mode := m.set.reg[name]
			x.info("%s: %d,%s", name, mode, m.registration(mode))
		default:
			n, err := strconv.Atoi(c.args)
			if err != nil || n < 0 || n > 2 {
				return fail(cmeParameters)
			}
			m.set.reg[name] = n
		}
		return ok
	}
}

// cops is +COPS (TS 27.007 7.3).
func cops(x *execution, c command) final {
	m := x.m
	name := m.o.Operator
	switch c.form {
	case test:
		x.info(`+COPS: (2,"simsign test","simsign","%s"),,(0,1,3),(0,2)`, name)
	case read:
		if m.registered() != 1 {
			x.info("+COPS: 0")
			break
		}
		if m.set.s[copsFormat] == 2 {
			x.info(`+COPS: 0,2,"%s"`, name)
		} else {
			x.info(`+COPS: 0,%d,"simsign test"`, m.set.s[copsFormat])
		}
	default:
		a := fields(c.args)
		if len(a) == 0 || !slices.Contains([]string{"0", "1", "3"}, a[0]) || len(a) > 1 && a[1] != "0" && a[1] != "2" {
			return fail(cmeParameters)
		}
		if len(a) > 1 {
			m.set.s[copsFormat], _ = strconv.Atoi(a[1])
		}
	}
	return ok
}

// copsFormat is where the format of +COPS? is kept, beside the S registers.
const copsFormat = -1

// csq is +CSQ (TS 27.007 8.5).
func csq(x *execution, c command) final {
	if c.form == test {
		x.info("+CSQ: (0-31,99),(0-7,99)")
		return ok
	}
	rssi := x.m.signal
	if !x.m.covered {
		rssi = 99
	}
	x.info("+CSQ: %d,99", rssi)
	return ok
}
