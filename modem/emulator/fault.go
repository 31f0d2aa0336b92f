package emulator

import (
	"strings"
	"time"
)

// Action is what a Fault does to a command.
type Action int

// The actions. In all but Mute, Instead and NoPrompt the command takes effect.
const (
	Mute       Action = iota + 1 // swallow the command: no effect, no answer
	Late                         // answer after Delay; what comes meanwhile waits
	LoseFinal                    // give no answer at all
	NoPrompt                     // wait for a message text without saying so
	Instead                      // no effect, and Text as the final result code ("+CMS ERROR: 38")
	Afterwards                   // Text in the place of the final result code
	Before                       // write Text, raw, before the answer: NULs, garbage
	Between                      // write Text as a line between information and final result code
)

// Fault hits single commands.
type Fault struct {
	Command string // "+CMGS"; "" is any
	Nth     int    // 1 is the next such command; 0 is every one
	Action  Action
	Delay   time.Duration
	Text    string
}

type fault struct {
	Fault
	seen int
}

// SetFaults replaces all faults and counts anew; none clears them.
func (m *Modem) SetFaults(faults ...Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = nil
	for _, f := range faults {
		m.faults = append(m.faults, fault{Fault: f})
	}
}

// takeFault is the first fault that hits this command; mu is held.
func (m *Modem) takeFault(name string) fault {
	var hit fault
	for i := range m.faults {
		f := &m.faults[i]
		if f.Command != "" && f.Command != name {
			continue
		}
		f.seen++
		if hit.Action == 0 && (f.Nth == 0 || f.Nth == f.seen) {
			hit = *f
		}
	}
	return hit
}

// before answers in the place of the command when the fault does.
func (f fault) before(m *Modem) (final, bool) {
	switch f.Action {
	case Mute:
		return final{none: true}, true
	case Instead:
		return final{code: -1, exact: f.Text}, true
	case Before:
		m.host.raw([]byte(f.Text))
	}
	return final{}, false
}

// after changes the answer of a command that has taken effect; mu is held,
// and given up while the answer is late.
func (f fault) after(m *Modem, x *execution, r final) final {
	switch f.Action {
	case LoseFinal:
		x.out = nil
		return final{none: true}
	case Afterwards:
		x.out = nil
		return final{code: -1, exact: f.Text}
	case Between:
		x.info("%s", strings.ReplaceAll(f.Text, "\n", ""))
	case Late:
		p := m.host.port
		x.goOn()
		m.mu.Unlock()
		m.sleep(f.Delay)
		m.mu.Lock()
		if m.host.port != p {
			return final{none: true}
		}
	}
	return r
}

// Inject writes octets to the host as they are, for example a burst of NULs.
func (m *Modem) Inject(b []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.host.raw(b)
}

// Unsolicited writes lines that nobody asked for, for example "^RSSI: 18".
func (m *Modem) Unsolicited(lines ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.host.lines(lines...)
}

// SetSilent makes the modem read and say nothing, as one whose firmware hangs.
func (m *Modem) SetSilent(yes bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.host.silent = yes
}

// SetErrors makes the modem answer every command with ERROR.
func (m *Modem) SetErrors(yes bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.errors = yes
}

// SetRegistered takes the modem out of the network's reach or back.
func (m *Modem) SetRegistered(yes bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.covered = yes; yes {
		m.radioOn()
	} else {
		m.radio.off()
	}
}

// SetSignal is what +CSQ says: 0 to 31, 99 is not known.
func (m *Modem) SetSignal(rssi int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.signal = rssi
}

// ResetIndications sets +CNMI to 0,0,0,0,0 without a word.
func (m *Modem) ResetIndications() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set.cnmi = [5]int{}
}

// Reboot is a reset in mid-run: settings are those of the factory, with echo.
func (m *Modem) Reboot() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reboot()
}

// Unplug takes the modem from the bus: ports vanish, hosts get an error.
func (m *Modem) Unplug() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unplug()
}

func (m *Modem) unplug() {
	m.plugged = false
	for _, d := range m.doors {
		d.unplug()
	}
	if m.host.port != nil {
		m.host.port.close()
		m.host.port = nil
	}
	m.set = factory()
}

// Plug brings the modem back, at the same place.
func (m *Modem) Plug() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.plugged || m.run.Err() != nil {
		return nil
	}
	m.plugged = true
	for _, d := range m.doors {
		if err := d.plug(); err != nil {
			return err
		}
	}
	return nil
}
