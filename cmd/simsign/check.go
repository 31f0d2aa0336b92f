package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/configs"
)

// ConfigFlag is the -c of every command that reads the configuration.
type ConfigFlag struct {
	Config string `short:"c" default:"simsign.toml" placeholder:"FILE" help:"Configuration file (${default})."`
}

// load reads the file. What is wrong with it goes to standard error, one line
// a fault.
func (f *ConfigFlag) load(c *cli) (*config.Config, error) {
	cfg, err := config.Load(f.Config)
	var faults *config.Faults
	if errors.As(err, &faults) {
		fmt.Fprintln(c.stderr, faults)
		return nil, fmt.Errorf("%s: %d %s", f.Config, len(faults.List), plural(len(faults.List), "fault", "faults"))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &exitError{Code: exitFailed, Err: err, Hint: "begin with: simsign check --example > simsign.toml, or name the file with -c"}
	}
	return cfg, err
}

// CheckCmd tells everything that is wrong with a configuration file, and what is
// dangerous in it. It opens no network connection; a database of SQLite is read,
// also beside a service.
type CheckCmd struct {
	ConfigFlag
	Example bool `help:"Print a commented example and stop."`
	Data    bool `help:"Look at every row of the database too, also beside a service. Exit code 3 when one is damaged."`
	Adopt   bool `help:"With --data: take rows that somebody has changed by hand as they are. The service is stopped."`
}

// Run prints a summary when the file is right.
func (k *CheckCmd) Run(c *cli) error {
	if k.Example {
		c.printf("%s", configs.Example)
		return nil
	}
	if k.Adopt && !k.Data {
		return &exitError{Code: exitUsage, Err: errAdoptAlone}
	}
	cfg, err := k.load(c)
	if err != nil {
		return err
	}
	if k.Data {
		return k.data(c, cfg)
	}
	c.printf("%s: no faults\n", k.Config)
	c.printf("  data       %s\n", cfg.Data)
	c.printf("  listeners  api %s, ca %s, metrics %s\n", cfg.API.Listen, cfg.CA.Listen, cfg.Metrics.Listen)
	for _, b := range cfg.Bearers {
		c.printf("  bearer     %s (%s)\n", b.Name, b.Kind)
	}
	for _, card := range cfg.Cards {
		p := cfg.CardProfiles()[card.Name]
		lab := ""
		if p.Lab {
			lab = ", LAB: weak packets are permitted"
		}
		way := "carriage " + p.Way().Name()
		if p.ByKey {
			way = "carriage packet with k0, response without"
			if err := (carriage.Response{}).Security(p.SPI, p.Lab).CheckSPI(p.SPI); err != nil {
				way = fmt.Sprintf("carriage packet with k0; a card without is sent nothing (%v)", err)
			}
		}
		c.printf("  card       %s: TAR %s, SPI %s, %s%s\n", p.Name, p.TAR, p.SPI, way, lab)
	}
	for _, p := range cfg.SignatureProfiles() {
		c.printf("  profile    %s: %s\n", p.URI, p.Usage)
	}
	return k.dangers(c, cfg)
}

// dangers prints what is dangerous in the file and, when it is there, in a
// database of SQLite.
func (k *CheckCmd) dangers(c *cli, cfg *config.Config) error {
	now := time.Now()
	list := append(cfg.Dangers(), app.ShortOfDescriptors(cfg)...)
	certs, err := cfg.Certificates(now)
	if err != nil {
		return err
	}
	for _, x := range certs {
		c.printf("  ends       %s on %s\n", x.Key, x.Until.UTC().Format(time.DateOnly))
		if d, near := app.EndsSoon(x.Key, x.Until, now, "put a new one into "+x.Path); near {
			list = append(list, d)
		}
	}
	if _, there := os.Stat(cfg.Store.DSN); there == nil && !cfg.Store.Postgres() {
		var stored []config.Danger
		var unread error
		stored, unread, err = app.CheckStored(c.ctx, cfg, now)
		list = append(list, stored...)
		if unread != nil {
			c.printf("  database   was not looked at: %v\n", unread)
		}
	}
	for _, d := range list {
		c.printf("  DANGER     %s: %s: %s\n", cmp.Or(d.Key, k.Config), d.What, d.Advice)
	}
	return err
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
