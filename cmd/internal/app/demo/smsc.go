package demo

import (
	"crypto/rand"
	"fmt"
	"os"

	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/smpp/smsc"
)

// systemID of the service at the emulated centre.
const systemID = "simsign"

// centre is an emulated message centre between the service and the handsets,
// as between a real operator's box and real ones.
type centre struct {
	smsc    *smsc.SMSC
	network *loopback.Network
	addr    string // of the network
}

// smppBearer is the configuration of the way to the centre. Its password is
// another one at each start.
func (s *site) smppBearer(addr string) (string, error) {
	if err := os.WriteFile(s.path("smsc.password"), []byte(rand.Text()[:8]+"\n"), 0o600); err != nil {
		return "", err
	}
	return fmt.Sprintf(`[[bearer]]
name = "smsc"
kind = "smpp"
number = %q
address = %q
system_id = %q
password_file = "smsc.password"
binds = 2
trace = 1000
trace_messages = true
`, serviceNumber.String(), addr, systemID), nil
}

// startCentre runs the centre that the configuration names, and the network
// behind it.
func (d *Demo) startCentre(cfg *config.Config, o *app.Options) error {
	if !d.o.SMPP {
		return nil
	}
	b := &cfg.Bearers[0]
	password, err := b.Password(os.Getenv)
	if err != nil {
		return err
	}
	c := &centre{network: loopback.NewNetwork(loopback.NetworkOptions{Logger: d.o.Logger, Clock: d.o.Clock, Observer: o.ObserveNetwork})}
	d.onStop(func() { c.network.Close() }) // never fails
	addr, err := c.network.Listen(d.site.network)
	if err != nil {
		return err
	}
	c.addr = addr.String()
	c.smsc, err = smsc.New(smsc.Options{
		Accounts: []smsc.Account{{SystemID: systemID, Password: password, Numbers: []string{serviceNumber.String()}, Window: 100}},
		Network:  c.network, Logger: d.o.Logger, Clock: d.o.Clock, Faults: d.o.Faults,
	})
	if err != nil {
		return err
	}
	d.onStop(func() { c.smsc.Close() }) // never fails
	if _, err := c.smsc.Listen(b.Address); err != nil {
		return err
	}
	d.centre = c
	return nil
}

// Network is the address to which handsets attach.
func (d *Demo) Network() string {
	if d.centre != nil {
		return d.centre.addr
	}
	_, addr := d.App.Network()
	return addr
}

// SMSC is the address of the emulated message centre; "" without one.
func (d *Demo) SMSC() string {
	if d.centre == nil {
		return ""
	}
	return d.site.smsc
}
