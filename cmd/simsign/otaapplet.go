package main

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"

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
	return appletKey(c, "--k0", k.K0)
}

func appletKey(c *cli, flag, value string) (key carriage.CardKey, err error) {
	b, err := c.octets(flag, value)
	if err != nil {
		return key, err
	}
	if len(b) != len(key) {
		return key, usage("%s needs %d octets, has %d", flag, len(key), len(b))
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

	Next        string `name:"next" placeholder:"HEX|@FILE" help:"A new K0: print tag 88 of an A7 that brings it, with --next-set and --transaction."`
	NextSet     byte   `name:"next-set" placeholder:"N" help:"Its key set."`
	Transaction string `placeholder:"HEX" help:"The transaction number of that message, 8 digits."`
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
	if k.Next == "" && k.NextSet == 0 && k.Transaction == "" {
		return nil
	}
	return k.wrap(c, key)
}

// wrap prints a new key as A7 carries it.
func (k *OTAKeysCmd) wrap(c *cli, key carriage.CardKey) error {
	number, err := strconv.ParseUint(k.Transaction, 16, 32)
	if err != nil || len(k.Transaction) != 8 || k.Next == "" || k.NextSet == 0 {
		return usage("a new key needs --next, --next-set and --transaction with 8 hexadecimal digits")
	}
	fresh, err := appletKey(c, "--next", k.Next)
	if err != nil {
		return err
	}
	w, err := key.Wrap(k.Set, uint32(number), k.NextSet, fresh)
	if err != nil {
		return err
	}
	c.printf("A7 tag 88         %X%02X%X%X\n", []byte{0x88, byte(1 + len(w.Key) + len(w.Check))}, w.Set, w.Key, w.Check)
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

// sealApplet makes a packet under keys of the applet, in the one form that INT6 permits unless
// another is asked for, and around a request the packet that brings it.
func (k *OTASealCmd) sealApplet(c *cli, cmd *ota.Command) ([]byte, error) {
	inner, err := k.inner(cmd)
	if err != nil {
		return nil, err
	}
	if k.Answer {
		if k.Of != "" {
			request, err := c.octets("--of", k.Of)
			if err != nil {
				return nil, err
			}
			inner.Data = withRequest(inner.Data, request)
		}
	}
	sealed, err := k.sealInner(c, inner)
	if err != nil || k.Answer {
		return sealed, err
	}
	outer := *cmd
	outer.Data, outer.PCNTRAnyway = sealed, false
	return k.sealDomain(c, &outer, carriage.Own{}.Security(cmd.SPI, k.Lab))
}

// inner is the packet under the applet's keys as the flags have it.
func (k *OTASealCmd) inner(cmd *ota.Command) (*ota.Command, error) {
	spi, kic, kid, tar, cntr := k.InnerSPI, k.InnerKIc, k.InnerKID, k.InnerTAR, k.Inner
	if k.Answer {
		spi, kic, kid, tar, cntr = cmp.Or(k.SPI, "1600"), k.KIc, k.KID, "", k.CNTR
	}
	octets := otaKeys{KIc: kic, KID: kid}
	out := &ota.Command{TAR: cmd.TAR, CNTRAnyway: true, PCNTR: cmd.PCNTR, PCNTRAnyway: cmd.PCNTRAnyway, Data: cmd.Data}
	var err error
	if out.SPI, err = ota.ParseSPI(spi); err != nil {
		return nil, fmt.Errorf("--inner-spi: %w", err)
	}
	if out.CNTR, err = ota.ParseCNTR(cntr); err != nil {
		return nil, fmt.Errorf("--inner-cntr: %w", err)
	}
	if tar != "" {
		if out.TAR, err = ota.ParseTAR(tar); err != nil {
			return nil, fmt.Errorf("--inner-tar: %w", err)
		}
	}
	if out.KIc, out.KID, err = octets.octets(); err != nil {
		return nil, fmt.Errorf("under the applet's keys: %w", err)
	}
	own := k.Set<<4 | ota.AES128.Nibble()
	if kic == "" {
		out.KIc = own
	}
	if kid == "" {
		out.KID = own
	}
	return out, k.holds(func() error {
		if out.SPI != (ota.SPI{ota.SPI1Default, 0}) || out.KIc != own || out.KID != own || out.TAR != cmd.TAR {
			return fmt.Errorf("%w: a packet under an applet's keys has SPI 1600, KIc and KID %02X, and the TAR of the applet", ota.ErrPolicy, own)
		}
		return ota.Security{Apart: true}.CheckCommand(out)
	}, func() error { return checkPCNTR(out) })
}

// sealInner seals with the keys of --set, whatever KIc and KID say.
func (k *OTASealCmd) sealInner(c *cli, inner *ota.Command) ([]byte, error) {
	key, err := k.key(c)
	if err != nil {
		return nil, err
	}
	all, err := key.Derived(k.Set)
	if err != nil {
		return nil, err
	}
	at := 0
	if k.Answer {
		at = 2
	}
	ks, err := ota.NewKeySet(0, ota.Key{Alg: ota.AES128, Octets: all[at][:]}, ota.Key{Alg: ota.AES128, Octets: all[at+1][:]}, k.CMACLen)
	if err != nil {
		return nil, err
	}
	return sealAny(ks, inner)
}

// inner opens what is sealed under keys of an applet in the data of a packet.
func (k *OTAOpenCmd) inner(c *cli, tar ota.TAR, data []byte) error {
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
func (k *OTAOpenCmd) answer(c *cli, packet []byte) error {
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
	if k.Of == "" {
		return nil
	}
	of, err := c.octets("--of", k.Of)
	if err != nil {
		return err
	}
	if want := applet.RequestHash(of); !bytes.Equal(request, want[:]) {
		return fmt.Errorf("it answers another request: the hash of this one is %X", want)
	}
	c.printf("           that is this request\n")
	return nil
}
