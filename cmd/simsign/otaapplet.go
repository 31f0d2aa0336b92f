package main

import (
	"fmt"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
)

// appletFlags are about the keys of an applet of INT6 version 02.
type appletFlags struct {
	K0     string `name:"k0" placeholder:"HEX|@FILE" help:"K0 of the applet (INT6 version 02): a request of carriage own, or with --answer an answer."`
	Set    byte   `name:"set" default:"1" help:"Key set of the applet, 1 to 15 (${default})."`
	Answer bool   `help:"An answer of the applet, not a request."`
}

// key reads K0.
func (k *appletFlags) key(c *cli) (key carriage.CardKey, err error) {
	b, err := c.octets("--k0", k.K0)
	if err != nil {
		return key, err
	}
	if len(b) != len(key) {
		return key, usage("--k0 needs %d octets, has %d", len(key), len(b))
	}
	return carriage.CardKey(b), nil
}

// keys are those of the direction that is wanted.
func (k *appletFlags) keys(c *cli) (*ota.KeySet, error) {
	key, err := k.key(c)
	if err != nil {
		return nil, err
	}
	if k.Answer {
		return key.Answer(k.Set)
	}
	return key.Request(k.Set)
}

// OTAKeysCmd shows the keys that come from K0.
type OTAKeysCmd struct {
	K0         string `name:"k0" placeholder:"HEX|@FILE" xor:"from" help:"K0 of the applet."`
	Master     string `placeholder:"HEX|@FILE" xor:"from" help:"Master key of the operator, with --iccid and --generation."`
	ICCID      string `name:"iccid" placeholder:"DIGITS" help:"The card, for --master."`
	Generation byte   `default:"1" help:"Which installation of the applet on the card (${default}), for --master."`
	Set        byte   `name:"set" default:"1" help:"Key set, 1 to 15 (${default})."`
}

// Help says what the output is.
func (*OTAKeysCmd) Help() string {
	return `For whoever writes or tests an applet: prints K0 and the keys that come from it
(INT6, Keys of the applet), in clear. They are the values for --kic-key and
--kid-key of a packet that "simsign ota seal" does not make by itself.`
}

// Run prints a key a line.
func (k *OTAKeysCmd) Run(c *cli) error {
	key, err := k.k0(c)
	if err != nil {
		return err
	}
	all, err := key.Derived(k.Set)
	if err != nil {
		return err
	}
	c.printf("K0             %X\n", key[:])
	for i, name := range [...]string{"request cipher", "request check", "answer cipher", "answer check", "wrap", "wrap check"} {
		c.printf("K%d %-14s %X\n", i+1, name, all[i])
	}
	return nil
}

func (k *OTAKeysCmd) k0(c *cli) (carriage.CardKey, error) {
	switch {
	case k.K0 != "":
		return (&appletFlags{K0: k.K0}).key(c)
	case k.Master == "" || k.ICCID == "":
		return carriage.CardKey{}, usage("give --k0, or --master with --iccid")
	}
	master, err := c.octets("--master", k.Master)
	if err != nil {
		return carriage.CardKey{}, err
	}
	iccid, err := ota.ParseICCID(k.ICCID)
	if err != nil {
		return carriage.CardKey{}, fmt.Errorf("--iccid: %w", err)
	}
	return carriage.DeriveCardKey(master, k.Generation, iccid)
}

// withRequest is an answer with the hash of its request at its end (tag B7).
func withRequest(answer, request []byte) []byte {
	hash := applet.RequestHash(request)
	return append(append(answer, 0xB7, byte(len(hash))), hash...)
}

// inner opens what is sealed under keys of an applet in the data of a packet.
func (k *appletFlags) inner(c *cli, tar ota.TAR, data []byte) error {
	keys, err := k.keys(c)
	if err != nil {
		return err
	}
	cmd, err := carriage.OpenRequest(nil, func(set byte) *ota.KeySet {
		if set != k.Set {
			return nil
		}
		return keys
	}, tar, data)
	if err != nil {
		return fmt.Errorf("in it: %w", err)
	}
	c.printf("in it, under the applet's request keys\n")
	c.commandFields(&cmd)
	return nil
}

// answer opens an answer packet as the server does.
func (k *appletFlags) answer(c *cli, packet []byte) error {
	keys, err := k.keys(c)
	if err != nil {
		return err
	}
	h, err := ota.ParseHeader(packet)
	if err != nil {
		return err
	}
	cmd, err := carriage.OpenRequest(nil, func(set byte) *ota.KeySet {
		if set != k.Set {
			return nil
		}
		return keys
	}, h.TAR, packet)
	if err != nil {
		return err
	}
	c.printf("answer packet\n")
	c.commandFields(&cmd)
	request, err := applet.Bound(cmd.Data)
	if err != nil {
		return err
	}
	c.printf("  request  %X\n", request)
	return nil
}
