package emulator

// Tries of a SIM: at the PIN, and at the PUK (TS 51.011 8.9, TS 51.011 8.13).
const (
	pinTries = 3
	pukTries = 10
)

// pinState is the lock of the SIM. It outlives resets, as in the card.
type pinState struct {
	pin, puk      string
	enabled, open bool
	tries, puks   int
}

func newPIN(pin, puk string) pinState {
	return pinState{pin: pin, puk: puk, enabled: pin != "", open: pin == "", tries: pinTries, puks: pukTries}
}

func (p *pinState) powerCycle()   { p.open = !p.enabled && p.tries > 0 }
func (p *pinState) ready() bool   { return p.open }
func (p *pinState) blocked() bool { return p.tries == 0 }

func (p *pinState) name() string {
	switch {
	case p.open:
		return "READY"
	case p.blocked():
		return "SIM PUK"
	}
	return "SIM PIN"
}

// enter compares a PIN and counts.
func (p *pinState) enter(pin string) final {
	if pin == p.pin && !p.blocked() {
		p.tries = pinTries
		return ok
	}
	p.tries = max(0, p.tries-1)
	if p.blocked() {
		p.open = false
		return fail(cmePUK)
	}
	return fail(cmePassword)
}

func (p *pinState) unblock(puk, pin string) bool {
	if p.puks == 0 {
		return false
	}
	if puk != p.puk {
		p.puks--
		return false
	}
	p.pin, p.tries, p.puks, p.enabled = pin, pinTries, pukTries, true
	return true
}

// PINTries are what the SIM has left: attempts at the PIN, and at the PUK.
func (m *Modem) PINTries() (pin, puk int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sim.pin.tries, m.sim.pin.puks
}

// cpin is +CPIN (TS 27.007 8.3).
func cpin(x *execution, c command) final {
	m := x.m
	if m.sim.card == nil {
		return fail(cmeNoSIM)
	}
	switch c.form {
	case test:
		return ok
	case read:
		x.info("+CPIN: %s", m.sim.pin.name())
		return ok
	case set:
	default:
		return fail(cmeParameters)
	}
	a := fields(c.args)
	switch {
	case m.sim.pin.ready():
		return fail(cmeNotAllowed)
	case len(a) == 2 && m.sim.pin.blocked():
		if !m.sim.pin.unblock(a[0], a[1]) {
			return fail(cmePassword)
		}
	case len(a) == 1 && !m.sim.pin.blocked():
		if f := m.sim.pin.enter(a[0]); f != ok {
			return f
		}
	case m.sim.pin.blocked():
		return fail(cmePUK)
	default:
		return fail(cmeParameters)
	}
	m.sim.pin.open = true
	m.powerOn()
	return ok
}

// cpinr is +CPINR (TS 27.007 8.65): attempts that are left.
func cpinr(x *execution, c command) final {
	if x.m.sim.card == nil {
		return fail(cmeNoSIM)
	}
	if c.form == test {
		return ok
	}
	x.info("+CPINR: SIM PIN,%d,%d", x.m.sim.pin.tries, pinTries)
	x.info("+CPINR: SIM PUK,%d,%d", x.m.sim.pin.puks, pukTries)
	return ok
}

// clck is +CLCK (TS 27.007 7.4): the PIN lock; other facilities are unlocked and stay so.
func clck(x *execution, c command) final {
	m, a := x.m, fields(c.args)
	switch {
	case c.form == test:
		x.info(`+CLCK: ("SC")`)
		return ok
	case len(a) < 2:
		return fail(cmeParameters)
	case m.sim.card == nil:
		return fail(cmeNoSIM)
	case a[1] == "2":
		on := 0
		if a[0] == "SC" && m.sim.pin.enabled {
			on = 1
		}
		x.info("+CLCK: %d", on)
		return ok
	case a[0] != "SC" || len(a) < 3 || a[1] != "0" && a[1] != "1":
		return fail(cmeNotSupported)
	}
	if f := m.sim.pin.enter(a[2]); f != ok {
		return f
	}
	m.sim.pin.enabled = a[1] == "1"
	return ok
}

// cpwd is +CPWD (TS 27.007 7.5): another PIN.
func cpwd(x *execution, c command) final {
	m, a := x.m, fields(c.args)
	switch {
	case c.form == test:
		x.info(`+CPWD: ("SC",8)`)
		return ok
	case m.sim.card == nil:
		return fail(cmeNoSIM)
	case len(a) != 3 || a[0] != "SC" || len(a[2]) < 4 || len(a[2]) > 8:
		return fail(cmeParameters)
	}
	if f := m.sim.pin.enter(a[1]); f != ok {
		return f
	}
	m.sim.pin.pin = a[2]
	return ok
}
