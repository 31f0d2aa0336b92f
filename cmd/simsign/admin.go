package main

import (
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp/operator"
)

// administer runs f on the running service, over its socket, or, where none
// runs, on the database itself.
func (k *ConfigFlag) administer(c *cli, f func(admin.Backend) error) error {
	cfg, err := k.load(c)
	if err != nil {
		return err
	}
	client, err := admin.Dial(c.ctx, cfg.Admin.Socket)
	switch {
	case err == nil:
		if err := f(client); err == nil || c.ctx.Err() == nil {
			return err
		}
		return &exitError{Code: exitStopped, Err: errors.New("stopped waiting; what the service has begun goes on")}
	case errors.Is(err, os.ErrPermission):
		return &exitError{Code: exitFailed, Err: err, Hint: "run this as the user of the service, for example: sudo -u simsign simsign ..."}
	}
	err = offline(c, cfg, f)
	if errors.Is(err, operator.ErrNotRunning) {
		return &exitError{Code: exitFailed, Err: err, Hint: "start it: simsign serve -c " + k.Config}
	}
	return storeHint(err)
}

// offline opens the database and closes it again.
func offline(c *cli, cfg *config.Config, f func(admin.Backend) error) (err error) {
	log := slog.New(slog.DiscardHandler)
	core, err := app.OpenCore(c.ctx, cfg, app.CoreOptions{Logger: log, Clock: time.Now, Getenv: os.Getenv})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, core.Close()) }()
	return f(core.Admin(cfg, log, time.Now))
}
