package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
)

// APCmd manages application providers.
type APCmd struct {
	Add     APAddCmd     `cmd:"" help:"Register an application provider; prints its password once."`
	List    APListCmd    `cmd:"" help:"List the application providers."`
	Disable APDisableCmd `cmd:"" help:"Take an application provider out of service."`
	Enable  APEnableCmd  `cmd:"" help:"Put an application provider back into service."`
}

// APAddCmd registers an application provider.
type APAddCmd struct {
	ConfigFlag
	Name         string   `arg:"" help:"Name that users see on the handset."`
	ID           string   `name:"id" placeholder:"URI" help:"AP_ID (made from the name)."`
	PasswordFile string   `placeholder:"FILE" help:"Take the password from a file; - is standard input (made)."`
	NoPassword   bool     `help:"Client certificate only."`
	Cert         []string `placeholder:"FILE" help:"Client certificate, PEM; several are possible."`
	Profile      []string `placeholder:"URI" help:"Signature profile that it may use; several are possible (all)."`
	Prefix       []string `placeholder:"DIGITS" help:"Beginning of the numbers that it may reach; several are possible (all)."`
}

// Run prints the AP_ID and the password in a form that a shell can read.
func (k *APAddCmd) Run(c *cli) error {
	req := operator.APRequest{Name: k.Name, ID: k.ID, NoPass: k.NoPassword, Profiles: k.Profile}
	for _, p := range k.Prefix {
		req.Prefixes = append(req.Prefixes, strings.TrimPrefix(p, "+"))
	}
	if k.NoPassword && k.PasswordFile != "" {
		return errors.New("--no-password and --password-file exclude each other")
	}
	if k.PasswordFile != "" {
		password, err := readSecret(c, k.PasswordFile)
		if err != nil {
			return err
		}
		req.Password = password
	}
	for _, file := range k.Cert {
		pin, err := certificatePin(file)
		if err != nil {
			return err
		}
		req.Certs = append(req.Certs, pin)
	}
	return k.administer(c, func(b admin.Backend) error {
		ap, err := b.AddAP(c.ctx, req)
		if err != nil {
			return err
		}
		c.printf("AP_ID=%s\n", ap.ID)
		if ap.Password != "" {
			c.printf("AP_PWD=%s\n", ap.Password)
			fmt.Fprintln(c.stderr, "The password is shown this once; only its hash is stored.")
		}
		return nil
	})
}

// readSecret reads the first line of a file.
func readSecret(c *cli, file string) (string, error) {
	var b []byte
	var err error
	if file == "-" {
		b, err = io.ReadAll(io.LimitReader(c.stdin, 4096))
	} else {
		b, err = os.ReadFile(file)
	}
	if err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}

// certificatePin is the SHA-256 of the first certificate of a PEM file.
func certificatePin(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("certificate: %w", err)
	}
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			return "", fmt.Errorf("certificate: %s holds none in PEM", file)
		}
		if block.Type == "CERTIFICATE" {
			sum := sha256.Sum256(block.Bytes)
			return hex.EncodeToString(sum[:]), nil
		}
	}
}

// APListCmd lists application providers.
type APListCmd struct{ ConfigFlag }

// Run prints one line each.
func (k *APListCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		aps, err := b.APs(c.ctx, operator.Page{})
		if err != nil {
			return err
		}
		t := c.table("AP_ID", "NAME", "PASSWORD", "CERTIFICATES", "STATE")
		for _, ap := range aps {
			t.row(ap.ID, ap.Name, yesNo(ap.Password), ap.Certs, apState(ap))
		}
		return t.flush()
	})
}

func apState(ap operator.APInfo) string {
	if ap.Disabled {
		return "disabled"
	}
	return "active"
}

// APDisableCmd takes an application provider out of service.
type APDisableCmd struct {
	ConfigFlag
	ID string `arg:"" help:"AP_ID."`
}

// Run disables it.
func (k *APDisableCmd) Run(c *cli) error { return k.set(c, false) }

// APEnableCmd puts an application provider back into service.
type APEnableCmd struct{ APDisableCmd }

// Run enables it.
func (k *APEnableCmd) Run(c *cli) error { return k.set(c, true) }

func (k *APDisableCmd) set(c *cli, enable bool) error {
	return k.administer(c, func(b admin.Backend) error {
		ap, err := b.DisableAP(c.ctx, operator.APDisable{ID: k.ID, Enable: enable})
		if err != nil {
			return err
		}
		c.printf("%s is %s\n", ap.ID, apState(ap))
		return nil
	})
}
