package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/simsign/simsign/cmd/internal/vectors"
	"github.com/simsign/simsign/ota"
)

// OTACmd is the codec of secured packets from the shell.
type OTACmd struct {
	Seal          OTASealCmd    `cmd:"" help:"Make a secured packet and print it."`
	Wrap          OTAWrapCmd    `cmd:"" help:"Put a packet as it is into short messages."`
	Open          OTAOpenCmd    `cmd:"" help:"Verify and decipher a secured packet and print its fields."`
	Keys          OTAKeysCmd    `cmd:"" help:"Show the keys of an applet (INT6 version 02)."`
	Respond       OTARespondCmd `cmd:"" help:"Make the TERMINAL RESPONSE of a phone to a proactive command."`
	Show          OTAShowCmd    `cmd:"" help:"Say what octets between a card and its phone or the network are."`
	VerifyVectors OTAVectorsCmd `cmd:"" help:"Run a file of packets with known contents against the codec."`
}

// otaKeys are the flags about keys. Keys on a command line can be read by
// every user of the machine: a file is better.
type otaKeys struct {
	KIcKey  string `name:"kic-key" placeholder:"HEX|@FILE" help:"Key that ciphers."`
	KIDKey  string `name:"kid-key" placeholder:"HEX|@FILE" help:"Key of the checksum."`
	KIc     string `name:"kic" placeholder:"HEX" help:"KIc octet: key set and algorithm, for example 32 (set 3, AES) or 35 (set 3, 3DES with 2 keys)."`
	KID     string `name:"kid" placeholder:"HEX" help:"KID octet: key set and algorithm of the checksum."`
	CMACLen int    `name:"cmac-len" default:"8" help:"Octets of an AES checksum, 8 or 4."`
	Lab     bool   `xor:"policy" help:"Permit packets that are too weak for a live network."`
	Any     bool   `xor:"policy" help:"Permit every packet that octets can make, for tests of what a card or a gateway must refuse."`
}

// Help is a dialogue with an applet.
func (*OTACmd) Help() string {
	return `A partner for whoever writes or tests an applet of INT6: what the server and the
phone say, made by hand. Keys stand in files (@FILE), out of reach of other users.
A request in carriage own, the card's prompt, the user's word, and the answer:

  simsign ota seal --k0 @k0 --tar 4D5353 --inner-cntr 1 --data @request --tpdu envelope
  80 C2 00 00 Lc, and what it printed, to the card; it says 91xx; FETCH 80 12 00 00 xx
  simsign ota show D0...                    what the card wants
  simsign ota respond --text 4711 D0...     80 14 00 00 Lc, and what it printed
  simsign ota open --k0 @k0 --answer --of @request D0...   SEND SHORT MESSAGE, all of them

In carriage packet the request is one of the security domain, the rest is the same:

  simsign ota seal --carriage packet --spi 1600 --kic 12 --kid 12 --kic-key @kic
    --kid-key @kid --tar 4D5353 --cntr 1 --data @request --tpdu envelope

and in response, without --carriage and with --spi 1639, the answer too:

  simsign ota open --spi 1639 --kic 12 --kid 12 --kic-key @kic --kid-key @kid D0...

"simsign card install" writes the parameters with which an applet is installed,
"simsign card emulate" makes a card to compare with, and "simsign card attach
--listen" puts it on TCP; "simsign handset --help" has the wire.`
}

// octets reads the KIc and KID flags; a missing one is 00.
func (k *otaKeys) octets() (kic, kid byte, err error) {
	for _, f := range [...]struct {
		name, value string
		into        *byte
	}{{"--kic", k.KIc, &kic}, {"--kid", k.KID, &kid}} {
		if f.value == "" {
			continue
		}
		b, err := hex.DecodeString(f.value)
		if err != nil || len(b) != 1 {
			return 0, 0, usage("%s needs one octet in hexadecimal, for example 32", f.name)
		}
		*f.into = b[0]
	}
	return kic, kid, nil
}

// keySet makes the key set for these octets. Keys that the packet does not
// need may be left out.
func (k *otaKeys) keySet(c *cli, kic, kid byte, ciphered, cc bool) (*ota.KeySet, error) {
	var keys [2]ota.Key
	for i, f := range [...]struct {
		flag, value string
		octet       byte
		need        bool
	}{{"--kic-key", k.KIcKey, kic, ciphered}, {"--kid-key", k.KIDKey, kid, cc}} {
		if !f.need {
			continue
		}
		if f.value == "" {
			return nil, usage("this packet needs %s", f.flag)
		}
		b, err := c.octets(f.flag, f.value)
		if err != nil {
			return nil, err
		}
		alg, err := ota.AlgorithmOf(f.octet, len(b))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.flag, err)
		}
		keys[i] = ota.Key{Alg: alg, Octets: b}
	}
	return ota.NewKeySet(0, keys[0], keys[1], k.CMACLen)
}

// policy tells how to go on where only the policy stands in the way.
func (k *otaKeys) policy(err error) error {
	switch {
	case k.Any || !errors.Is(err, ota.ErrPolicy) && !errors.Is(err, ota.ErrCounter):
		return err
	case k.Lab || errors.Is(err, ota.ErrCounter):
		return &exitError{Code: exitFailed, Err: err, Hint: "with --any, packets are permitted that a card must refuse"}
	}
	return &exitError{Code: exitFailed, Err: err, Hint: "with --lab, weak packets of test cards are permitted, with --any all of them"}
}

// holds asks the policy, unless everything is permitted.
func (k *otaKeys) holds(checks ...func() error) error {
	for _, check := range checks {
		if err := check(); err != nil && !k.Any {
			return err
		}
	}
	return nil
}

func usage(format string, args ...any) error {
	return &exitError{Code: exitUsage, Err: fmt.Errorf(format, args...)}
}

// octets reads hexadecimal digits from an argument, from @file, or from
// standard input (-). White space between digits does not matter. The error
// does not repeat the value: it may be a key.
func (c *cli) octets(what, value string) ([]byte, error) {
	text := []byte(value)
	var err error
	switch {
	case value == "-":
		text, err = io.ReadAll(c.stdin)
	case strings.HasPrefix(value, "@"):
		text, err = os.ReadFile(value[1:])
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		return nil, usage("%s must be an even number of hexadecimal digits, @FILE or -", what)
	}
	return b, nil
}

// OTAVectorsCmd runs a file of vectors.
type OTAVectorsCmd struct {
	File string `arg:"" placeholder:"FILE" help:"JSON file of vectors."`
}

// Run prints a line for each failure, then the count.
func (k *OTAVectorsCmd) Run(c *cli) error {
	f, err := os.Open(k.File)
	if err != nil {
		return err
	}
	defer f.Close()
	report, err := vectors.Verify(f)
	if err != nil {
		return fmt.Errorf("%s: %w", k.File, err)
	}
	for _, line := range report.Failures {
		c.printf("FAIL %s\n", line)
	}
	c.printf("%d passed, %d failed\n", report.Passed, report.Failed)
	if report.Failed > 0 {
		return &exitError{Code: exitFailed}
	}
	return nil
}
