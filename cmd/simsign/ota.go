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
	Open          OTAOpenCmd    `cmd:"" help:"Verify and decipher a secured packet and print its fields."`
	Keys          OTAKeysCmd    `cmd:"" help:"Show the keys of an applet (INT6 version 02)."`
	Respond       OTARespondCmd `cmd:"" help:"Make the TERMINAL RESPONSE of a phone to a proactive command."`
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
	Lab     bool   `help:"Permit packets that are too weak for a live network."`
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
	if !k.Lab && errors.Is(err, ota.ErrPolicy) {
		return &exitError{Code: exitFailed, Err: err, Hint: "with --lab, weak packets of test cards are permitted"}
	}
	return err
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
