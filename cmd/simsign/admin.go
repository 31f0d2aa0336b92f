package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/mssp/store"
)

// inTurn is how long a command waits for another one that has the database open:
// each has it for a moment.
const inTurn = 30 * time.Second

// administer runs f on the running service, over its socket, or, where none
// runs, on the database itself, when no other command has it.
func (k *ConfigFlag) administer(c *cli, f func(admin.Backend) error) error {
	cfg, err := k.load(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.ctx, inTurn)
	defer cancel()
	for {
		err := k.once(c, cfg, f)
		if !errors.Is(err, store.ErrLocked) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (k *ConfigFlag) once(c *cli, cfg *config.Config, f func(admin.Backend) error) error {
	client, err := admin.Dial(c.ctx, cfg.Admin.Socket)
	switch {
	case err == nil:
		if err := f(client); err == nil || c.ctx.Err() == nil {
			return refusal(err)
		}
		return &exitError{Code: exitStopped, Err: errors.New("stopped waiting; what the service has begun goes on")}
	case errors.Is(err, os.ErrPermission):
		return &exitError{Code: exitFailed, Err: err, Hint: "run this as the user of the service, for example: sudo -u simsign simsign ..."}
	}
	err = offline(c, cfg, f)
	if errors.Is(err, operator.ErrNotRunning) {
		return &exitError{Code: exitFailed, Err: err, Hint: "start it: simsign serve -c " + k.Config}
	}
	return refusal(storeHint(err))
}

// refusal shows what was refused with whole numbers, as the operator gave them,
// and what can be done.
func refusal(err error) error {
	r, ok := errors.AsType[*operator.Refusal](err)
	if !ok {
		return err
	}
	return &exitError{Code: exitFailed, Err: whole{r}, Hint: map[operator.Reason]string{
		operator.NoSuchUser:        "simsign user list shows the users",
		operator.UserAsked:         "simsign tx list shows it, simsign tx cancel ends it",
		operator.NoSuchProvider:    "simsign ap list shows the providers",
		operator.NoSuchTransaction: "simsign tx list --all shows the transactions",
		operator.NoSuchCard:        "simsign card list shows the cards",
		operator.NumberTaken:       "simsign user show --msisdn " + r.MSISDN.String() + " shows who has it",
		operator.CardTaken:         "simsign user show --msisdn " + r.MSISDN.String() + " shows who has it; take another card",
		operator.ProviderChanged:   "simsign ap show shows it as it is now",
		operator.ProviderRemoved:   "a new provider needs another --id; simsign ap list --removed shows those that are taken",
		operator.NoSuchIssuer:      "simsign issuer list shows the card issuers",
		operator.NoSuchClient:      "simsign client list shows the clients",
		operator.ProviderExists:    "give it another --id, or use the one that is there: simsign ap list",
	}[r.Reason]}
}

// whole is a refusal as it stands on a terminal.
type whole struct{ *operator.Refusal }

func (w whole) Error() string { return w.Whole() }

// offline opens the database and closes it again.
func offline(c *cli, cfg *config.Config, f func(admin.Backend) error) (err error) {
	log := slog.New(slog.DiscardHandler)
	core, err := app.OpenCore(c.ctx, cfg, app.CoreOptions{Logger: log, Clock: time.Now, Getenv: os.Getenv})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, core.Close()) }()
	err = f(core.Admin(cfg, log, time.Now))
	return errors.Join(err, core.Store.Audit(c.ctx, admin.Call(strings.ReplaceAll(c.command, " ", "/"), nil, err)))
}
