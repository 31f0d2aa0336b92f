package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/ota"
)

// CardEmulateCmd personalises emulated cards.
type CardEmulateCmd struct {
	JSONFlag
	Made      CardMaker `embed:""`
	Install   string    `placeholder:"FILE" help:"Install the applet of each card with what \"card install\" has written for it."`
	Strict    bool      `help:"Hold the applet to the limits of the toolkit of the standards."`
	SIM       bool      `name:"sim" help:"Make SIMs of the second generation, which know class A0 alone."`
	Neighbour string    `name:"second-applet" placeholder:"TAR" help:"Install a second applet beside it, which tries what messages to this TAR say: see how far one gets."`
	Pair      []string  `placeholder:"USAGE" enum:"authentication,non-repudiation" help:"Give each card a key pair that was made beforehand, for ${enum}; more than once for more pairs."`
	Blank     bool      `help:"Leave the applet as its installation does: not active, its codes without a length, no number of the service."`
	Fault     []string  `placeholder:"NAME" enum:"activation,data,codes" help:"Let the applet refuse its activation, refuse its data, or keep codes when its last pair is deleted (${enum})."`
	Out       string    `default:"." placeholder:"DIR" help:"Folder for the card memories, card-ICCID.journal (the present one)."`
}

// Help explains what the flags do not.
func (*CardEmulateCmd) Help() string {
	return `Makes an emulated card for each card of a card file, as a card maker would
make real ones: with the keys of the file and the applet of its card profile.
"simsign handset --card FILE" is a phone around one, "simsign card attach" puts
one into a virtual reader. Each card has the unblocking code of its line (column
unblock), or else one of its own that is printed and nowhere else. The files hold keys and codes in clear:
tests only.

A pair that was made beforehand is in the first free slot and has the first algorithm of the
card profile. Its public key is printed; the private key never leaves the card. The first
registration of that usage takes it ("simsign user register", register_init).

--fault and --blank are for trying what the service does with such cards.

The second applet has the calls of a toolkit applet and a code of its own. Its messages,
in packets of the security domain (simsign ota seal --tar), are one octet and what it needs:

  01 BEGINNING      names in memory        05 DATA    a response packet
  02 NAME           a value                06 TEXT    on the screen
  03 LEN NAME DATA  write one              07 TEXT    a prompt; the entry is "entry"
  04 CODE CALL DIGITS   00 state, 01 check, 02 compare, 03 set, 04 unblock, 05 remove,
                        06 format; codes count from 00

The response packet that SPI asks for says 01 and what came of it, or 00.`
}

// Run makes all cards of the file or none; a card that is there already is left alone.
func (k *CardEmulateCmd) Run(c *cli) error {
	var second ota.TAR
	if k.Neighbour != "" {
		var err error
		if second, err = ota.ParseTAR(k.Neighbour); err != nil {
			return &exitError{Code: exitUsage, Err: fmt.Errorf("--second-applet: %w", err)}
		}
	}
	var installs map[ota.ICCID][]byte
	if k.Install != "" {
		var err error
		if installs, err = readInstalls(k.Install); err != nil {
			return err
		}
	}
	profiles, err := k.Made.profiles(c)
	if err != nil {
		return err
	}
	paths := make([]string, len(profiles))
	for i := range profiles { // nothing is made before all can be
		p := &profiles[i]
		p.Strict, p.SIM, p.Neighbour = k.Strict, k.SIM, second
		if paths[i], err = k.prepare(p, installs); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(k.Out, 0o700); err != nil {
		return err
	}
	all := make([]emulated, 0, len(profiles))
	for i, p := range profiles {
		made, err := card.Create(paths[i], card.Options{Profile: p})
		if err != nil {
			return fmt.Errorf("card %s: %w", p.ICCID, err)
		}
		pairs, err := pairsOf(made)
		if err := errors.Join(err, made.Close()); err != nil {
			return err
		}
		e := emulated{string(p.ICCID), paths[i], p.UnblockingCode, pairs}
		if all = append(all, e); !k.JSON {
			c.emulated(&e)
		}
	}
	return shown(c, k.JSONFlag, all, func([]emulated) error { return nil })
}

// emulated is a card that was made.
type emulated struct {
	ICCID          string `json:"iccid"`
	File           string `json:"file"`
	UnblockingCode string `json:"unblockingCode,omitempty"`
	Pairs          []pair `json:"pairs,omitempty"`
}

// prepare completes a profile and says where its card will be.
func (k *CardEmulateCmd) prepare(p *card.Profile, installs map[ota.ICCID][]byte) (path string, err error) {
	path = filepath.Join(k.Out, "card-"+string(p.ICCID)+".journal")
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is there already: an emulated card keeps its keys, so remove it yourself or take another --out", path)
	}
	if k.Install != "" {
		c9, ok := installs[p.ICCID]
		if !ok {
			return "", fmt.Errorf("%s has no line for card %s", k.Install, p.ICCID)
		}
		if err := p.Install(c9); err != nil {
			return "", fmt.Errorf("%s: card %s: %w", k.Install, p.ICCID, err)
		}
	}
	if err := k.shape(p); err != nil {
		return "", fmt.Errorf("card %s: %w", p.ICCID, err)
	}
	if _, _, err := p.Installation(); err != nil {
		return "", fmt.Errorf("card %s: %w", p.ICCID, err)
	}
	return path, nil
}

// readPrivate reads a file of keys, when only its owner can.
func readPrivate(what, path string) (string, error) {
	hint := "a file with the key is wanted"
	if what == "card file" {
		hint = "a CSV file of cards and their keys is wanted; README has an example"
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", &exitError{Code: exitFailed, Err: fmt.Errorf("%s: %w", what, err), Hint: hint}
	case info.IsDir():
		return "", &exitError{Code: exitFailed, Err: fmt.Errorf("%s: %s is a folder", what, path), Hint: hint}
	}
	if m := info.Mode().Perm(); m&0o077 != 0 {
		return "", &exitError{Code: exitFailed, Err: fmt.Errorf("%s holds card keys and has mode %04o: others can read it", path, m), Hint: "chmod 0600 " + path}
	}
	text, err := os.ReadFile(path)
	return string(text), err
}
