package app

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/simsign/simsign/cmd/internal/alert"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/modem"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/bearer/route"
	"github.com/simsign/simsign/ota/sms"
)

// carrier is a bearer that can be started and stopped.
type carrier interface {
	bearer.Attacher
	Start(context.Context) error
	Stop(context.Context) error
	// Fault is why messages cannot pass; nil when they can, or when an operator
	// has stopped it.
	Fault() error
}

// faultWatch knows whether a bearer had a fault at its last change.
type faultWatch struct{ faulty atomic.Bool }

// changed calls tell when there is a fault that was not there before, or no
// fault any more. Most changes are neither: one bind of many comes and goes.
func (w *faultWatch) changed(fault error, tell func()) {
	if now := fault != nil; w.faulty.Swap(now) != now {
		tell()
	}
}

// bearers is what carries messages. It is complete before the engine starts
// and does not change afterwards.
type bearers struct {
	list    []carrier
	smscs   []*smppBearer
	router  *route.Router
	network *loopback.Network
	addr    string
	pins    *modem.PINs // one for all modems; nil when there is none
}

// route picks the bearer for a phone.
func (b *bearers) route(d bearer.Destination) bearer.Bearer {
	if b.router == nil {
		return nil
	}
	return b.router.Route(d)
}

// fault is why messages cannot pass a bearer: for want of a link, or because
// it takes none (package route).
func (b *bearers) fault(c carrier) error {
	if err := c.Fault(); err != nil {
		return err
	}
	return b.router.Fault(c.Name())
}

// awaits reports whether only a message can tell if a bearer works again. Then
// it does not make the service unready any more: a load balancer that sends
// nothing to an unready service would keep it so for ever.
func (b *bearers) awaits(c carrier) bool {
	return c.Attached() && c.Fault() == nil && b.router.Awaits(c.Name())
}

// byCard reports whether the routes of a configuration look at cards.
func byCard(list []config.Bearer) bool {
	var rules []route.Rule
	for i := range list {
		rules = append(rules, list[i].Rule())
	}
	return route.New(rules, nil).ByCard()
}

// reports tells whether any bearer asks for delivery receipts. The emulated network
// has them for nothing, and with them a request says how far it came.
func reports(list []config.Bearer) bool {
	for i := range list {
		if list[i].Kind == "loopback" || list[i].Receipts {
			return true
		}
	}
	return false
}

// patience is how long the engine waits for all bearers of a route: for one
// after the other as long as its own rule says.
func patience(list []config.Bearer) (d time.Duration) {
	for i := range list {
		d += list[i].Rule().Patience
	}
	return d
}

// newBearers opens the emulated network, where it is ours, and makes the
// routes. Nothing is attached yet: a message that is submitted before attach
// finds the network busy and is tried again.
func (a *App) newBearers() error {
	var rules []route.Rule
	for i := range a.cfg.Bearers {
		b := &a.cfg.Bearers[i]
		var c carrier
		var err error
		switch b.Kind {
		case "smpp":
			c, err = a.newSMPP(b)
		case "modem":
			c, err = a.newModem(b)
		default:
			c, err = a.newLoopback(b)
		}
		if err != nil {
			return fmt.Errorf("bearer %s: %w", b.Name, err)
		}
		a.bearers.list = append(a.bearers.list, c)
		r := b.Rule()
		r.Bearer = c
		rules = append(rules, r)
	}
	a.bearers.router = route.New(rules, a.judged)
	return nil
}

// judged hears that a bearer takes nothing although it is attached, or takes
// messages again.
func (a *App) judged(name string, fault error) {
	if fault != nil {
		a.alerts.Raise(alert.Bearer, name, fault.Error())
	} else {
		a.alerts.Clear(alert.Bearer, name)
	}
	a.checkNow()
}

// attach connects every bearer to its network: from now on messages pass,
// both ways.
func (a *App) attach(ctx context.Context) error {
	for _, c := range a.bearers.list {
		if err := c.Start(ctx); err != nil {
			return fmt.Errorf("bearer %s: %w", c.Name(), err)
		}
		a.onClose(c.Stop)
	}
	return nil
}

// loop is a bearer of kind loopback.
type loop struct{ *loopback.Client }

func (l loop) Stop(context.Context) error { l.Client.Stop(); return nil }

// Fault implements carrier.
func (l loop) Fault() error {
	if !l.Attached() {
		return errNotAttached
	}
	return nil
}

func (a *App) newLoopback(b *config.Bearer) (carrier, error) {
	addr := b.Network
	if b.Emulate {
		var err error
		if addr, err = a.emulate(b); err != nil {
			return nil, err
		}
	}
	c, err := loopback.NewClient(loopback.ClientOptions{
		Name: b.Name, Dial: loopback.TCP(addr), Number: sms.MSISDN(b.Number), Inbox: a.engine, Logger: a.log, Clock: a.steady.now,
		Changed: a.checkNow,
	})
	return loop{c}, err
}

// emulate runs the emulated mobile network of a loopback bearer.
func (a *App) emulate(b *config.Bearer) (string, error) {
	n := loopback.NewNetwork(loopback.NetworkOptions{Logger: a.log, Clock: a.o.Clock, Observer: a.o.ObserveNetwork})
	addr, err := n.Listen(b.Network)
	if err != nil {
		return "", fmt.Errorf("emulated network: %w", err)
	}
	a.onClose(func(context.Context) error { return n.Close() })
	a.bearers.network, a.bearers.addr = n, addr.String()
	return addr.String(), nil
}

// Network is the emulated mobile network that runs in this process, and its
// address; nil when none does.
func (a *App) Network() (*loopback.Network, string) { return a.bearers.network, a.bearers.addr }
