package demo

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp/operator"
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
	file := d.site.cardFile()
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
	var err error
	if o.Profile, err = d.site.profileOf(u); err != nil {
		return nil, err
	}
	o.PID, o.DCS = d.o.answers.pid, d.o.answers.dcs
	return card.Create(path, o)
}
