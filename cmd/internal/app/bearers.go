package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

// carrier is a bearer with its route.
type carrier struct {
	*loopback.Client
	prefixes []string // none: what no other takes
}

// bearers is the route table. It is complete before the engine starts and
// does not change afterwards.
type bearers struct {
	list    []carrier
	network *loopback.Network
	addr    string
}

// route picks the bearer with the longest prefix of the number.
func (b *bearers) route(d bearer.Destination) bearer.Bearer {
	number := d.MSISDN
	var best bearer.Bearer
	longest := -1
	for _, c := range b.list {
		if len(c.prefixes) == 0 && longest < 0 {
			best, longest = c.Client, 0
		}
		for _, p := range c.prefixes {
			if len(p) > longest && strings.HasPrefix(string(number), p) {
				best, longest = c.Client, len(p)
			}
		}
	}
	return best
}

// newBearers opens the emulated network, where it is ours, and makes the
// route table. Nothing is attached yet: a message that is submitted before
// attach finds the network busy and is tried again.
func (a *App) newBearers() error {
	for i := range a.cfg.Bearers {
		b := &a.cfg.Bearers[i]
		addr := b.Network
		if b.Emulate {
			var err error
			if addr, err = a.emulate(b); err != nil {
				return err
			}
		}
		c, err := loopback.NewClient(loopback.ClientOptions{
			Name: b.Name, Dial: loopback.TCP(addr), Number: sms.MSISDN(b.Number), Inbox: a.engine, Logger: a.log, Clock: a.o.Clock,
		})
		if err != nil {
			return fmt.Errorf("bearer %s: %w", b.Name, err)
		}
		route := carrier{Client: c}
		for _, p := range b.Prefixes {
			route.prefixes = append(route.prefixes, string(p))
		}
		a.bearers.list = append(a.bearers.list, route)
	}
	return nil
}

// attach connects every bearer to its network: from now on messages pass,
// both ways.
func (a *App) attach(ctx context.Context) error {
	for _, c := range a.bearers.list {
		if err := c.Start(ctx); err != nil {
			return fmt.Errorf("bearer %s: %w", c.Name(), err)
		}
		a.onClose(func(context.Context) error { c.Stop(); return nil })
	}
	return nil
}

// emulate runs the emulated mobile network of a loopback bearer.
func (a *App) emulate(b *config.Bearer) (string, error) {
	n := loopback.NewNetwork(loopback.NetworkOptions{Logger: a.log, Clock: a.o.Clock, Observer: a.o.ObserveNetwork})
	addr, err := n.Listen(b.Network)
	if err != nil {
		return "", fmt.Errorf("bearer %s: emulated network: %w", b.Name, err)
	}
	a.onClose(func(context.Context) error { return n.Close() })
	a.bearers.network, a.bearers.addr = n, addr.String()
	return addr.String(), nil
}

// Network is the emulated mobile network that runs in this process, and its
// address; nil when none does.
func (a *App) Network() (*loopback.Network, string) { return a.bearers.network, a.bearers.addr }
