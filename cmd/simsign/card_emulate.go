package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/ota"
)

// CardEmulateCmd personalises emulated cards.
type CardEmulateCmd struct {
	ConfigFlag
	File string `arg:"" help:"Card file, the one that is imported."`
	MasterFlag
	Carriage  string `placeholder:"NAME" help:"How messages travel to the applet: response, packet or own, in place of the card profile's."`
	Level     int    `placeholder:"1-3" help:"How much of INT6 the card does (3): 1 and 2 are what real cards give to an applet."`
	Strict    bool   `help:"Hold the applet to the limits of the toolkit of the standards."`
	SIM       bool   `name:"sim" help:"Make SIMs of the second generation, which know class A0 alone."`
	Neighbour string `name:"second-applet" placeholder:"TAR" help:"Install a second applet beside it, which tries what messages to this TAR say: see how far one gets."`
	Out       string `default:"." placeholder:"DIR" help:"Folder for the card memories, card-ICCID.journal (the present one)."`

	second ota.TAR
}

// Help explains what the flags do not.
func (*CardEmulateCmd) Help() string {
	return `Makes an emulated card for each card of a card file, as a card maker would
make real ones: with the keys of the file and the applet of its card profile.
"simsign handset --card FILE" is a phone around one, "simsign card attach" puts
one into a virtual reader. Each card has an unblocking code of its own, for its SIM
menu, which is printed and nowhere else. The files hold keys and codes in clear:
tests only.`
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
	if k.Level < 0 || k.Level > 3 {
		return &exitError{Code: exitUsage, Err: fmt.Errorf("--level must be 1 to 3, is %d", k.Level)}
	}
	if k.Neighbour != "" {
		if k.second, err = ota.ParseTAR(k.Neighbour); err != nil {
			return &exitError{Code: exitUsage, Err: fmt.Errorf("--second-applet: %w", err)}
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
		profile, err := k.emulated(x, profiles[x.Card.Profile], cfg)
		if err != nil {
			return fmt.Errorf("card %s: %w", x.Card.ICCID, err)
		}
		made, err := card.Create(path, card.Options{Profile: profile})
		if err != nil {
			return fmt.Errorf("card %s: %w", x.Card.ICCID, err)
		}
		if err := made.Close(); err != nil {
			return err
		}
		c.printf("%s\n  unblocking code %s\n", path, profile.UnblockingCode)
	}
	return nil
}

// emulated is the profile of a card of the file.
func (k *CardEmulateCmd) emulated(x operator.ImportedCard, p mssp.CardProfile, cfg *config.Config) (card.Profile, error) {
	out := card.Profile{
		ICCID: x.Card.ICCID, IMSI: cmp.Or(x.Card.IMSI, "001010000000001"), TAR: p.TAR, Lab: p.Lab, Slots: max(4, int(p.Slots)),
		ConcatRef16: p.ConcatRef16, Active: true, UnblockingCode: unblockingCode(), ServerAddress: p.ServerAddress,
		Carriage: cmp.Or(k.Carriage, x.Card.Carriage, carriage.Response{}.Name()), Level: applet.Level(k.Level), Strict: k.Strict,
		Neighbour: k.second, SIM: k.SIM,
	}
	if out.Level == applet.Level1 {
		out.Slots = max(2, int(p.Slots))
	}
	for _, a := range p.Algorithms {
		if a := applet.Algorithm(a); out.Level == 0 || out.Level == applet.Level3 || a == applet.ECDSAP256 || a == applet.RSA2048 {
			out.Algorithms = append(out.Algorithms, a)
		}
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
	way, err := carriage.Of(out.Carriage)
	if err != nil || !way.Needs(p.SPI).Answer {
		return out, err
	}
	if x.Applet == nil {
		return out, fmt.Errorf("carriage %s needs k0, which this card of the file has not", out.Carriage)
	}
	out.Keys = card.AppletKeys{K0: x.Applet.Key, Set: x.Applet.Set, Generation: x.Applet.Generation}
	if way.Needs(p.SPI).Domain {
		out.MSL = ota.SPI1Default
	}
	return out, nil
}

// unblockingCode is 8 random digits.
func unblockingCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(100_000_000))
	if err != nil {
		panic(err) // the system has no random numbers
	}
	return fmt.Sprintf("%08d", n)
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
