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

	mu      sync.Mutex
	set     settings
	port    *port
	plugged bool
	doors   []door // where hosts come in: to close on Stop and Unplug
	fun     int    // +CFUN
	pin     pinState
	mem     map[string]*memory
	smsc    string
	signal  int
	silent  bool // reads and says nothing
	errors  bool // ERROR to everything
	covered bool // the network is within reach
	faults  []fault
	buffer  []string // indications held back by +CNMI mode 0
	sent    int      // messages that the network took
	boots   int      // resets so far

	radio    radio
	mr, ref  byte // TP-MR and RP reference of the last submission
	pending  map[byte]func(rp.Cause, []byte)
	ack      ackState
	answers  int        // submissions that the network has answered and the host has not heard of
	behind   []delivery // what the network sent after these answers
	refused  bool       // a delivery, for lack of room
	kit      toolkit
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
		o: o, log: o.Logger, handlers: handlers(), set: factory(), plugged: true, fun: 1, covered: true, signal: 21, smsc: o.SMSC,
		mem:     map[string]*memory{"SM": newMemory(o.SM), "ME": newMemory(o.ME)},
		pending: map[byte]func(rp.Cause, []byte){},
	}
	m.pin = newPIN(o.PIN, o.PUK)
	m.run, m.cancel = context.WithCancel(context.Background())
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
	m.radioOff()
	m.ack.drop()
	doors := m.doors
	m.doors = nil
	p := m.port
	m.port = nil
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
		m.bootCard()
	}
	m.radioOn()
}

// ready tells whether the modem may use the network.
func (m *Modem) ready() bool {
	return m.run.Err() == nil && m.fun == 1 && m.pin.ready() && m.o.Card != nil && m.covered
}

// reboot is a reset of the whole modem; memories and the PIN counters stay.
func (m *Modem) reboot() {
	m.boots++
	m.set, m.fun, m.smsc, m.buffer = factory(), 1, m.o.SMSC, nil
	m.radioOff()
	m.ack.drop()
	m.pin.powerCycle()
	m.kit = toolkit{}
	if m.o.Reenumerate > 0 {
		m.unplug()
		m.wg.Go(func() {
			if !m.sleep(m.o.Reenumerate) {
				return
			}
			m.Plug()
		})
	} else {
		m.lines("RDY", "+CFUN: 1")
		if m.pin.ready() {
			m.lines("+CPIN: READY", "SMS Ready")
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
