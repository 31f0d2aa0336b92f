package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp/operator"
)

// APCmd manages application providers.
type APCmd struct {
	Add      APAddCmd      `cmd:"" help:"Register an application provider; prints its password once."`
	List     APListCmd     `cmd:"" help:"List the application providers."`
	Show     APShowCmd     `cmd:"" help:"Show an application provider with everything that it may do."`
	Edit     APEditCmd     `cmd:"" help:"Change what an application provider is called and may do."`
	Password APPasswordCmd `cmd:"" help:"Give an application provider a new password; prints it once."`
	Disable  APDisableCmd  `cmd:"" help:"Take an application provider out of service."`
	Enable   APEnableCmd   `cmd:"" help:"Put an application provider back into service."`
	Remove   APRemoveCmd   `cmd:"" help:"Remove an application provider for good."`
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
	Octets       []string `placeholder:"URI" help:"Signature profile under which it may have hashes and octets signed, which no user can read; several are possible (none)."`
	OtherDisplay bool     `help:"Its DataToBeDisplayed may differ from the text that is signed, where the profile permits it too."`
	Certificates bool     `help:"MSS_ProfileQuery gives it users' names and certificates."`
	UniqueIDs    bool     `name:"unique-ids" help:"It never uses an AP_TransID again: refuse one that comes with a new Instant."`
}

// Run prints the AP_ID and the password in a form that a shell can read.
func (k *APAddCmd) Run(c *cli) error {
	req := operator.APRequest{
		Name: k.Name, ID: k.ID, NoPass: k.NoPassword, Profiles: k.Profile, Prefixes: digits(k.Prefix),
		APSwitches: operator.APSwitches{Octets: k.Octets, OtherDisplay: k.OtherDisplay, Certificates: k.Certificates, UniqueIDs: k.UniqueIDs},
	}
	var err error
	if req.Password, err = givenPassword(c, k.PasswordFile, k.NoPassword); err != nil {
		return err
	}
	if req.Certs, err = certificatePins(k.Cert); err != nil {
		return err
	}
	return k.administer(c, func(b admin.Backend) error {
		ap, err := b.AddAP(c.ctx, req)
		if err != nil {
			return err
		}
		c.printf("AP_ID=%s\n", ap.ID)
		c.showPassword(ap.Password)
		return c.tellSameName(b, ap.APInfo)
	})
}

// tellSameName says whom users cannot tell from a provider.
func (c *cli) tellSameName(b admin.Backend, ap operator.APInfo) error {
	all, err := b.APs(c.ctx, operator.Page{})
	for _, other := range all {
		if other.Name == ap.Name && other.ID != ap.ID && other.Removed.IsZero() {
			fmt.Fprintf(c.stderr, "%s has the same name: users cannot tell the two apart.\n", other.ID)
		}
	}
	return err
}

// showPassword prints a password that was made.
func (c *cli) showPassword(made string) {
	if made == "" {
		return
	}
	c.printf("AP_PWD=%s\n", made)
	fmt.Fprintln(c.stderr, "The password is shown this once; only its hash is stored.")
}

// digits are prefixes as they are stored: without the plus.
func digits(prefixes []string) (out []string) {
	for _, p := range prefixes {
		out = append(out, strings.TrimPrefix(p, "+"))
	}
	return out
}

// givenPassword is the password in a file, "" where one is to be made.
func givenPassword(c *cli, file string, none bool) (string, error) {
	if file == "" {
		return "", nil
	}
	if none {
		return "", errors.New("--no-password and --password-file exclude each other")
	}
	return readSecret(c, file)
}

// readSecret reads the first line of a file, which holds something.
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
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", fmt.Errorf("password: the first line of %s is empty", file)
	}
	return line, nil
}

func certificatePins(files []string) (pins []string, err error) {
	for _, file := range files {
		pin, err := certificatePin(file)
		if err != nil {
			return nil, err
		}
		pins = append(pins, pin)
	}
	return pins, nil
}

// certificatePin is the SHA-256 of the first certificate of a PEM file: the one
// of the client, before those above it.
func certificatePin(file string) (string, error) {
	certs, err := config.PEMCertificates(file)
	if err != nil {
		return "", fmt.Errorf("certificate: %w", err)
	}
	sum := sha256.Sum256(certs[0].Raw)
	return hex.EncodeToString(sum[:]), nil
}

// APListCmd lists application providers.
type APListCmd struct {
	ConfigFlag
	Removed bool `help:"Also those that were removed."`
}

// Run prints one line each.
func (k *APListCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		aps, err := b.APs(c.ctx, operator.Page{})
		if err != nil {
			return err
		}
		t := c.table("AP_ID", "NAME", "PASSWORD", "CERTIFICATES", "STATE", "MAY")
		for _, ap := range aps {
			if ap.Removed.IsZero() || k.Removed {
				t.row(ap.ID, ap.Name, yesNo(ap.Password), len(ap.Certs), apState(ap), apMay(ap))
			}
		}
		return t.flush()
	})
}

func apState(ap operator.APInfo) string {
	switch {
	case !ap.Removed.IsZero():
		return "removed"
	case ap.Disabled:
		return "disabled"
	}
	return "active"
}

// apMay names the switches that are on, as the flags are called.
func apMay(ap operator.APInfo) string {
	var on []string
	for _, s := range []struct {
		name string
		on   bool
	}{
		{"octets", len(ap.Octets) > 0}, {"other-display", ap.OtherDisplay}, {"certificates", ap.Certificates}, {"unique-ids", ap.UniqueIDs},
	} {
		if s.on {
			on = append(on, s.name)
		}
	}
	return cmp.Or(strings.Join(on, ","), "-")
}
