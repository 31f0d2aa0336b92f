package demo

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/ota"
)

// prepare does to an empty database what an operator would do before the
// first start: CA, application provider, cards, users.
func (d *Demo) prepare(ctx context.Context, cfg *config.Config) (fresh bool, err error) {
	if d.site.Ready {
		return false, nil
	}
	core, err := app.OpenCore(ctx, cfg, app.CoreOptions{Logger: d.o.Logger, Clock: d.o.Clock, Getenv: os.Getenv})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, core.Close()) }()
	a := core.Admin(cfg, d.o.Logger, d.o.Clock)
	ca, err := a.InitCA(ctx, operator.CARequest{Name: "simsign demo CA", Organization: "simsign demo", Test: true, UnderRoot: true})
	if err != nil {
		return false, fmt.Errorf("demo CA: %w", err)
	}
	if err := os.WriteFile(d.CAFile(), ca.PEM(), 0o600); err != nil {
		return false, err
	}
	ap, err := a.AddAP(ctx, operator.APRequest{Name: APName, ID: APID})
	if err != nil {
		return false, fmt.Errorf("demo AP: %w", err)
	}
	d.site.Password = ap.Password
	file := d.site.cardFile(d.o.Users)
	if err := os.WriteFile(d.site.path("cards.csv"), []byte(file), 0o600); err != nil {
		return false, err
	}
	if _, err := a.ImportCards(ctx, operator.CardImport{CSV: file}); err != nil {
		return false, err
	}
	for _, u := range d.o.Users {
		if _, err := a.AddUser(ctx, operator.UserRequest{MSISDN: u.Number.String(), ICCID: string(u.ICCID), Name: u.Name, Language: u.Language}); err != nil {
			return false, fmt.Errorf("user %s: %w", u.Name, err)
		}
	}
	return true, nil
}

// openCard loads a user's card, or personalises it as a card maker would.
func (d *Demo) openCard(u User) (*card.Card, error) {
	path := d.site.path(cardName(u))
	o := card.Options{Logger: d.o.Logger}
	if _, err := os.Stat(path); err == nil {
		return card.Load(path, o)
	}
	k, err := hex.DecodeString(d.site.Keys[string(u.ICCID)])
	if err != nil || len(k) != 32 {
		return nil, errors.New("demo.json holds no keys for card " + string(u.ICCID))
	}
	alg, err := applet.ParseAlgorithm(u.Algorithm)
	if err != nil {
		return nil, err
	}
	o.Profile = card.Profile{
		ICCID: u.ICCID, IMSI: u.IMSI, ServiceProvider: "simsign demo", TAR: ota.TAR{0xB0, 0x00, 0x01},
		KeySets:    []card.KeySet{{KVN: 1, KIc: ota.Key{Alg: ota.AES128, Octets: k[:16]}, KID: ota.Key{Alg: ota.AES128, Octets: k[16:]}}},
		Algorithms: []applet.Algorithm{alg, applet.ECDSAP256, applet.ECDSAP384, applet.RSA2048, applet.RSA3072},
		Codes:      [2]card.CodeProfile{{Min: 4, Max: 8, Tries: 3}, {Min: minSign, Max: 8, Tries: 3}},
		Language:   u.Language, Active: true, UnblockingCode: UnblockingCode, ServerAddress: serviceNumber.String(),
		PID: d.o.answers.pid, DCS: d.o.answers.dcs,
	}
	return card.Create(path, o)
}
