package main

import (
	"cmp"
	"fmt"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/ota"
)

// CardMaker personalises the cards of a file, real ones and emulated ones alike.
type CardMaker struct {
	ConfigFlag
	File string `arg:"" help:"Card file, the one that is imported."`
	MasterFlag
	Carriage string `placeholder:"NAME" help:"How messages travel to the applet: response, packet or own, in place of the card profile's."`
	Level    int    `placeholder:"1-3" help:"How much of INT6 the cards do, in place of the column level of the file (3): 1 and 2 are what real cards give to an applet."`
}

// profiles are those of all cards of the file, each with an unblocking code of its own.
func (k *CardMaker) profiles(c *cli) ([]card.Profile, error) {
	cfg, err := k.load(c)
	if err != nil {
		return nil, err
	}
	text, err := readPrivate("card file", k.File)
	if err != nil {
		return nil, err
	}
	digits, err := k.master()
	if err != nil {
		return nil, err
	}
	var master []byte
	if digits != "" {
		if master, err = operator.ParseMaster(digits); err != nil {
			return nil, err
		}
	}
	if k.Level < 0 || k.Level > 3 {
		return nil, &exitError{Code: exitUsage, Err: fmt.Errorf("--level must be 1 to 3, is %d", k.Level)}
	}
	profiles := cfg.CardProfiles()
	cards, err := operator.ParseCards(text, profiles, master)
	if err != nil {
		return nil, err
	}
	out := make([]card.Profile, 0, len(cards))
	for _, x := range cards {
		x.Level = cmp.Or(byte(k.Level), x.Level)
		p, err := k.profile(x, profiles[x.Card.Profile], cfg)
		if err != nil {
			return nil, fmt.Errorf("card %s: %w", x.Card.ICCID, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// profile is that of a card of the file.
func (k *CardMaker) profile(x operator.ImportedCard, p mssp.CardProfile, cfg *config.Config) (card.Profile, error) {
	out := card.Profile{
		ICCID: x.Card.ICCID, IMSI: cmp.Or(x.Card.IMSI, "001010000000001"), TAR: p.TAR, Lab: p.Lab, Slots: max(4, int(p.Slots)),
		ConcatRef16: p.ConcatRef16, Active: true, UnblockingCode: cmp.Or(x.Unblocking, card.NewUnblockingCode()), ServerAddress: p.ServerAddress,
		Carriage: cmp.Or(k.Carriage, x.Card.Carriage, carriage.Response{}.Name()), Level: applet.Level(x.Level),
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
	if p.OneCode {
		out.Codes[1], out.OneCode = card.CodeProfile{}, true
	}
	for i, m := range x.Keys {
		out.KeySets = append(out.KeySets, card.KeySet{KVN: m.KVN, KIc: m.KIc, KID: m.KID, CMACLen: m.CMACLen, Counter: x.Last[i]})
	}
	if out.ServerAddress != "" {
		out.ServerAddress = "+" + out.ServerAddress
	} else if len(cfg.Bearers) > 0 { // as phones of the first bearer see the service
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
