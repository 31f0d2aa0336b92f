package demo

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/modem/emulator"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer/loopback"
)

// overModem puts an emulated modem with a SIM of its own between the service
// and the network of the handsets.
func overModem(t *testing.T, pty bool) func(*Demo, *config.Config) error {
	return func(d *Demo, cfg *config.Config) error {
		c := &centre{network: loopback.NewNetwork(loopback.NetworkOptions{})}
		d.onStop(func() { c.network.Close() }) // never fails
		addr, err := c.network.Listen(d.site.network)
		if err != nil {
			return err
		}
		c.addr = addr.String()
		d.centre = c
		key := ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{1}, 16)}
		sim, err := card.New(card.Options{Profile: card.Profile{
			ICCID: "8941010000000000991", IMSI: "228990000000099", TAR: ota.TAR{0xB0, 0, 1}, SMSC: "+0000001",
			KeySets: []card.KeySet{{KVN: 1, KIc: key, KID: key}},
		}})
		if err != nil {
			return err
		}
		d.onStop(func() { sim.Close() }) // in memory
		emu, err := emulator.New(emulator.Options{Number: serviceNumber, Dial: loopback.TCP(c.addr), Card: sim})
		if err != nil {
			return err
		}
		emu.Start()
		d.onStop(emu.Stop)
		device := ""
		if pty {
			device = filepath.Join(t.TempDir(), "modem")
			if err := emu.OpenPTY(device); err != nil {
				t.Skip(err)
			}
		} else {
			at, err := emu.Listen("127.0.0.1:0")
			if err != nil {
				return err
			}
			device = "tcp://" + at.String()
		}
		b := config.Bearer{Name: "stick", Kind: "modem", Number: config.Number(serviceNumber), Priority: 1}
		b.Device, b.Baud, b.Receipts = device, 115200, true
		cfg.Bearers = []config.Bearer{b}
		return nil
	}
}

// The whole loop over a GSM modem, on a serial server and on a tty: both users
// are registered and sign.
//
// Supports: 1-1
func TestOverModem(t *testing.T) {
	for name, pty := range map[string]bool{"tcp": false, "tty": true} {
		t.Run(name, func(t *testing.T) {
			o := Options{Data: t.TempDir(), Auto: Code, Plain: true, adjust: overModem(t, pty)}
			// Answers with 7F and class 2 go into the SIM of the modem and are lost.
			o.answers.dcs = 0x04
			d := startDemo(t, o)
			for _, u := range d.o.Users {
				signOnce(t, d.Client(), u.Number)
			}
		})
	}
}
