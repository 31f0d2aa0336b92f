package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/operator"
)

// CardEmulateCmd personalises emulated cards.
type CardEmulateCmd struct {
	ConfigFlag
	File string `arg:"" help:"Card file, the one that is imported."`
	MasterFlag
	Out string `default:"." placeholder:"DIR" help:"Folder for the card memories, card-ICCID.journal (the present one)."`
}

// Help explains what the flags do not.
func (*CardEmulateCmd) Help() string {
	return `Makes an emulated card for each card of a card file, as a card maker would
make real ones: with the keys of the file and the applet of its card profile.
"simsign handset --card FILE" is a phone around one, "simsign card attach" puts
one into a virtual reader. Where its SIM menu asks for an unblocking code, that is
` + emulatedUnblocking + `. The files hold keys and codes in clear: tests only.`
}

// Run makes all cards of the file; a card that is there already is left alone.
func (k *CardEmulateCmd) Run(c *cli) error {
	cfg, err := k.load(c)
	if err != nil {
		return err
	}
	text, err := readPrivate("card file", k.File)
	if err != nil {
		return err
	}
	digits, err := k.master()
	if err != nil {
		return err
	}
	var master []byte
	if digits != "" {
		if master, err = operator.ParseMaster(digits); err != nil {
			return err
		}
	}
	profiles := cfg.CardProfiles()
	cards, err := operator.ParseCards(text, profiles, master)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(k.Out, 0o700); err != nil {
		return err
	}
	for _, x := range cards {
		path := filepath.Join(k.Out, "card-"+string(x.Card.ICCID)+".journal")
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already: an emulated card keeps its keys, so remove it yourself or take another --out", path)
		}
		made, err := card.Create(path, card.Options{Profile: emulated(x, profiles[x.Card.Profile], cfg)})
		if err != nil {
			return fmt.Errorf("card %s: %w", x.Card.ICCID, err)
		}
		if err := made.Close(); err != nil {
			return err
		}
		c.printf("%s\n", path)
	}
	return nil
}

// emulated is the profile of a card of the file.
func emulated(x operator.ImportedCard, p mssp.CardProfile, cfg *config.Config) card.Profile {
	out := card.Profile{
		ICCID: x.Card.ICCID, IMSI: cmp.Or(x.Card.IMSI, "001010000000001"), TAR: p.TAR, Lab: p.Lab, Slots: max(4, int(p.Slots)),
		ConcatRef16: p.ConcatRef16, Active: true, UnblockingCode: emulatedUnblocking, ServerAddress: p.ServerAddress,
	}
	for _, a := range p.Algorithms {
		out.Algorithms = append(out.Algorithms, applet.Algorithm(a))
	}
	for i := range out.Codes {
		out.Codes[i] = card.CodeProfile{Min: p.CodeMin[i], Max: p.CodeMax[i]}
	}
	for i, m := range x.Keys {
		out.KeySets = append(out.KeySets, card.KeySet{KVN: m.KVN, KIc: m.KIc, KID: m.KID, CMACLen: m.CMACLen, Counter: x.Last[i]})
	}
	if out.ServerAddress == "" && len(cfg.Bearers) > 0 { // as phones of the first bearer see the service
		out.ServerAddress = "+" + string(cfg.Bearers[0].Number)
	}
	return out
}

// emulatedUnblocking is the unblocking code of every emulated card.
const emulatedUnblocking = "31415926"

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
