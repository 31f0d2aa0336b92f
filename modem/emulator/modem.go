package emulator

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
)

// Modem is an emulated modem. All its methods may be called at any time.
type Modem struct {
	o        Options
	log      *slog.Logger
	handlers map[string]handler
	run      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup

	mu       sync.Mutex
	set      settings
	host     host
	plugged  bool
	doors    []door // where hosts come in: to close on Stop and Unplug
	fun      int    // +CFUN
	sim      sim
	mem      memories
	radio    radio
	in       inbound
	kit      toolkit
	signal   int
	errors   bool // ERROR to everything
	covered  bool // the network is within reach
	faults   []fault
	boots    int // resets so far
	lastLine string
}

// door is a way in for hosts that unplugging closes.
type door interface {
	unplug()
	plug() error
	close()
}

// New makes a modem that is switched on and not yet in the network.
func New(o Options) (*Modem, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	m := &Modem{
		o: o, log: o.Logger, handlers: handlers(), set: factory(), plugged: true, fun: 1, covered: true, signal: 21,
		sim: sim{card: o.Card, pin: newPIN(o.PIN, o.PUK), smsc: o.SMSC},
		mem: memories{"SM": newMemory(o.SM), "ME": newMemory(o.ME)},
	}
	m.run, m.cancel = context.WithCancel(context.Background())
	m.host = host{set: &m.set, trace: o.Trace}
	m.radio = radio{o: &m.o, mu: &m.mu, run: m.run, wg: &m.wg, arrived: m.in.arrived, changed: m.registrationChanged, pending: map[byte]func(rp.Cause, []byte){}}
	m.kit = toolkit{forHost: o.HostToolkit, sim: &m.sim, host: &m.host, radio: &m.radio}
	m.in = inbound{o: &m.o, mu: &m.mu, set: &m.set, sim: &m.sim, mem: m.mem, host: &m.host, radio: &m.radio, kit: &m.kit}
	return m, nil
}

// Start boots the card and attaches to the network in the background.
func (m *Modem) Start() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.powerOn()
}

// Stop switches the modem off, closes its ports and waits until nothing runs.
func (m *Modem) Stop() {
	m.mu.Lock()
	m.cancel()
	m.radio.off()
	m.in.ack.drop()
	doors := m.doors
	m.doors = nil
	p := m.host.port
	m.host.port = nil
	m.mu.Unlock()
	for _, d := range doors {
		d.close()
	}
	if p != nil {
		p.close()
	}
	m.wg.Wait()
}

// powerOn is what begins when the SIM is unlocked and the radio is allowed;
// mu is held, as in everything below.
func (m *Modem) powerOn() {
	if !m.o.HostToolkit {
		m.kit.boot()
	}
	m.radioOn()
}

// startToolkit starts the card for a host that is now ready for its commands.
func (m *Modem) startToolkit() {
	if m.o.HostToolkit {
		m.kit.boot()
	}
}

// radioOn begins to attach when the modem may.
func (m *Modem) radioOn() {
	if m.ready() {
		m.radio.on()
	}
}

// ready tells whether the modem may use the network.
func (m *Modem) ready() bool {
	return m.run.Err() == nil && m.fun == 1 && m.sim.pin.ready() && m.sim.card != nil && m.covered
}

// reboot is a reset of the whole modem; memories and the PIN counters stay.
func (m *Modem) reboot() {
	m.boots++
	m.set, m.fun, m.sim.smsc, m.in.buffer = factory(), 1, m.o.SMSC, nil
	m.radio.off()
	m.in.ack.drop()
	m.sim.pin.powerCycle()
	m.kit.booted, m.kit.open = false, false
	if m.o.Reenumerate > 0 {
		m.unplug()
		m.wg.Go(func() {
			if !m.sleep(m.o.Reenumerate) {
				return
			}
			m.Plug()
		})
	} else {
		m.host.lines("RDY", "+CFUN: 1")
		if m.sim.pin.ready() {
			m.host.lines("+CPIN: READY", "SMS Ready")
		}
	}
	m.powerOn()
}

// sleep waits d; false when the modem is stopped.
func (m *Modem) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-m.run.Done():
		return false
	case <-t.C:
		return true
	}
}
