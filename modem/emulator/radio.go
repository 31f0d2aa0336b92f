package emulator

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/bearer/loopback/rp"
)

// radio is the attachment to the network.
type radio struct {
	cancel context.CancelFunc
	link   *loopback.Link
}

// radioOn begins to attach when the modem may; mu is held.
func (m *Modem) radioOn() {
	if m.o.Dial == nil || m.radio.cancel != nil || !m.ready() {
		return
	}
	ctx, cancel := context.WithCancel(m.run)
	m.radio.cancel = cancel
	m.wg.Go(func() { m.stayAttached(ctx) })
}

func (m *Modem) radioOff() {
	if m.radio.cancel == nil {
		return
	}
	m.radio.cancel()
	m.radio.cancel = nil
	if m.radio.link != nil {
		m.radio.link.Flush()
		m.radio.link.Close()
		m.detached()
	}
}

// detached: whoever waits for an answer will not get it.
func (m *Modem) detached() {
	m.radio.link = nil
	for ref, done := range m.pending {
		delete(m.pending, ref)
		done(rp.NetworkOutOfOrder, nil)
	}
	m.ack.drop()
	m.behind = nil
	m.announceRegistration()
}

func (m *Modem) stayAttached(ctx context.Context) {
	const first, most = 50 * time.Millisecond, 5 * time.Second
	pause := first
	for ctx.Err() == nil {
		link, err := loopback.Attach(ctx, m.o.Dial, m.o.Number)
		if err == nil {
			pause = first
			err = m.attached(ctx, link)
		}
		if ctx.Err() != nil {
			return
		}
		m.log.Warn("emulated modem is not attached", "error", err)
		t := time.NewTimer(pause + rand.N(pause/2))
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
		pause = min(2*pause, most)
	}
}

// attached reads what the network sends until the link ends.
func (m *Modem) attached(ctx context.Context, link *loopback.Link) error {
	stop := context.AfterFunc(ctx, func() { link.Close() })
	defer stop()
	defer link.Close()
	m.mu.Lock()
	if ctx.Err() != nil {
		m.mu.Unlock()
		return ctx.Err()
	}
	m.radio.link = link
	m.announceRegistration()
	m.mu.Unlock()
	for {
		msg, err := link.Next()
		m.mu.Lock()
		if err != nil || m.radio.link != link {
			if m.radio.link == link {
				m.detached()
			}
			m.mu.Unlock()
			return err
		}
		m.received(msg)
		m.mu.Unlock()
		link.Flush()
	}
}

// received takes an RP message; mu is held.
func (m *Modem) received(msg rp.Message) {
	switch msg.Type {
	case rp.DataMT:
		sca := append([]byte(nil), msg.Address...)
		m.arrived(delivery{ref: msg.Ref, message: message{sca: sca, tpdu: append([]byte(nil), msg.TPDU...)}})
	case rp.AckMT, rp.ErrorMT:
		if done := m.pending[msg.Ref]; done != nil {
			delete(m.pending, msg.Ref)
			if msg.Type == rp.ErrorMT {
				done(max(msg.Cause, 1), nil)
			} else {
				done(0, msg.TPDU)
			}
		}
	}
}

// answer tells the network what became of a delivery; mu is held.
func (m *Modem) answer(ref byte, cause rp.Cause, tpdu []byte) {
	if m.radio.link == nil {
		return
	}
	msg := rp.Message{Type: rp.AckMO, Ref: ref, TPDU: tpdu}
	if cause != 0 {
		msg.Type, msg.Cause = rp.ErrorMO, cause
		m.refused = m.refused || cause == rp.MemoryExceeded
	}
	m.queue(&msg)
}

func (m *Modem) queue(msg *rp.Message) {
	l := m.radio.link
	if l == nil {
		return
	}
	if l.Queue(msg) != nil {
		l.Close()
		return
	}
	if m.run.Err() == nil {
		m.wg.Go(func() { l.Flush() }) //nolint:errcheck // never holds mu while the network does not read; the reader hears of errors
	}
}

// roomAgain tells the network that refused messages may come.
func (m *Modem) roomAgain() {
	if m.refused && m.radio.link != nil {
		m.refused = false
		m.ref++
		m.queue(&rp.Message{Type: rp.SMMA, Ref: m.ref})
	}
}

// submit sends a TPDU with a TP-MR of the modem and calls done once, with mu
// held: cause 0 is success. It returns the TP-MR.
func (m *Modem) submit(sca, tpdu []byte, done func(rp.Cause, []byte)) byte {
	m.mr++
	m.ref++
	tpdu = append([]byte(nil), tpdu...)
	tpdu[1] = m.mr
	ref := m.ref
	m.pending[ref] = done
	m.queue(&rp.Message{Type: rp.DataMO, Ref: ref, Address: sca, TPDU: tpdu})
	return m.mr
}

// registered is <stat> of +CREG: 1 is the home network, 2 is searching.
func (m *Modem) registered() int {
	switch {
	case m.radio.link != nil:
		return 1
	case m.fun != 1 || m.o.Card == nil || !m.pin.ready():
		return 0
	}
	return 2
}

func (m *Modem) announceRegistration() {
	for _, name := range []string{"+CREG", "+CGREG", "+CEREG"} {
		if mode := m.set.reg[name]; mode > 0 {
			m.lines(name + ": " + m.registration(mode))
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
		if len(a) == 0 || !strings.Contains("0123", a[0]) {
			return fail(cmeParameters)
		}
		if len(a) > 1 && a[0] == "3" {
			m.set.s[copsFormat], _ = strconv.Atoi(a[1])
		}
	}
	return ok
}

// copsFormat is where the format of +COPS? is kept, beside the S registers.
const copsFormat = -1

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
