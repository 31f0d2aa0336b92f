package main

import (
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/simsign/simsign/ota"
)

// CardInstallCmd writes what real cards get at the installation of the applet.
type CardInstallCmd struct {
	JSONFlag
	Made CardMaker `embed:""`
	Out  string    `required:"" placeholder:"FILE" help:"The file to be written, mode 0600; one that is there is left alone."`
}

// Help explains what the flags do not.
func (*CardInstallCmd) Help() string {
	return `Writes, for each card of a card file, the parameters of INSTALL [for install] of a
real applet (applet/INT6.md, Installation), as a CSV file with the columns

  iccid        the card
  unblocking   its unblocking code, for the letter that goes with the card
  c9           the value of C9, for the applet: TAR, key, server, codes and so on
  parameters   EA (for the toolkit of the card) and C9, ready for a tool

A quota of memory (EF), where a card wants one, goes in front. There are keys in
the file: it belongs to whoever personalises the cards, and is sent to a card inside
SCP02, SCP03 or a ciphered packet. "simsign card emulate --install FILE"
makes emulated cards from the same octets.`
}

var installColumns = []string{"iccid", "unblocking", "c9", "parameters"}

// Run writes all of them or none.
func (k *CardInstallCmd) Run(c *cli) (err error) {
	profiles, err := k.Made.profiles(c)
	if err != nil {
		return err
	}
	lines := [][]string{installColumns}
	for _, p := range profiles {
		if taken := p.TAR.Taken(); taken != "" {
			return &exitError{
				Code: exitFailed, Err: fmt.Errorf("card %s: no applet can have TAR %s: it belongs to %s (TS 101 220 annex D)", p.ICCID, p.TAR, taken),
				Hint: "give its card profile another tar, for example 4D5353",
			}
		}
		c9, toolkit, err := p.Installation()
		if err != nil {
			return fmt.Errorf("card %s: %w", p.ICCID, err)
		}
		parameters := append([]byte{0xEA, byte(len(toolkit))}, toolkit...)
		parameters = append(append(parameters, 0xC9, byte(len(c9))), c9...)
		lines = append(lines, []string{string(p.ICCID), p.UnblockingCode, upperHex(c9), upperHex(parameters)})
	}
	f, err := os.OpenFile(k.Out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := csv.NewWriter(f).WriteAll(lines); err != nil {
		return err
	}
	return shown(c, k.JSONFlag, map[string]any{"file": k.Out, "cards": len(profiles)}, func(map[string]any) error {
		c.printf("%s  %d %s; there are keys in it\n", k.Out, len(profiles), plural(len(profiles), "card", "cards"))
		return nil
	})
}

func upperHex(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }

// readInstalls reads the C9 of each card.
func readInstalls(path string) (map[ota.ICCID][]byte, error) {
	text, err := readPrivate("file of installations", path)
	if err != nil {
		return nil, err
	}
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("%s is empty", path)
	}
	card, value := slices.Index(lines[0], "iccid"), slices.Index(lines[0], "c9")
	if card < 0 || value < 0 {
		return nil, fmt.Errorf("%s: the first line must name the columns iccid and c9, as \"simsign card install\" writes them", path)
	}
	out := map[ota.ICCID][]byte{}
	for n, l := range lines[1:] {
		iccid, err := ota.ParseICCID(l[card])
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", path, n+2, err)
		}
		c9, err := hex.DecodeString(l[value])
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: c9 is not hexadecimal", path, n+2)
		}
		if out[iccid] != nil {
			return nil, fmt.Errorf("%s, line %d: card %s is there twice", path, n+2, iccid)
		}
		out[iccid] = c9
	}
	return out, nil
}
