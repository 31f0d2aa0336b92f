package main

import (
	"errors"
	"fmt"
	"io/fs"

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

// CheckCmd tells everything that is wrong with a configuration file. It opens
// no database and no network connection.
type CheckCmd struct {
	ConfigFlag
	Example bool `help:"Print a commented example and stop."`
}

// Run prints a summary when the file is right.
func (k *CheckCmd) Run(c *cli) error {
	if k.Example {
		c.printf("%s", configs.Example)
		return nil
	}
	cfg, err := k.load(c)
	if err != nil {
		return err
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
		c.printf("  card       %s: TAR %s, SPI %s%s\n", p.Name, p.TAR, p.SPI, lab)
	}
	for _, p := range cfg.SignatureProfiles() {
		c.printf("  profile    %s: %s\n", p.URI, p.Usage)
	}
	return nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
