package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
)

// APShowCmd shows an application provider.
type APShowCmd struct {
	ConfigFlag
	ID string `arg:"" help:"AP_ID."`
}

// Run prints what is known of it, but no secret.
func (k *APShowCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		ap, err := b.ProviderInfo(c.ctx, operator.APName{ID: k.ID})
		if err != nil {
			return err
		}
		c.showAP(ap)
		return nil
	})
}

func (c *cli) showAP(ap operator.APInfo) {
	list := func(l []string, none string) string { return cmp.Or(strings.Join(l, ", "), none) }
	c.printf("AP_ID          %s\nname           %s\nstate          %s\npassword       %s\n", ap.ID, ap.Name, apState(ap), yesNo(ap.Password))
	c.printf("certificates   %s\nprofiles       %s\nprefixes       %s\n", list(ap.Certs, "none"), list(ap.Profiles, "all"), list(ap.Prefixes, "all"))
	c.printf("octets         %s\nother-display  %s\n", list(ap.Octets, "none"), yesNo(ap.OtherDisplay))
	c.printf("user certs     %s\nunique-ids     %s\n", yesNo(ap.Certificates), yesNo(ap.UniqueIDs))
	c.printf("created        %s\n", ap.Created.Format(time.DateTime))
	if !ap.Removed.IsZero() {
		c.printf("removed        %s\n", ap.Removed.Format(time.DateTime))
	}
	c.printf("version        %d\n", ap.Version)
}

// APEditCmd changes an application provider.
type APEditCmd struct {
	ConfigFlag
	ID           string   `arg:"" help:"AP_ID."`
	Name         *string  `placeholder:"NAME" help:"Name that users see on the handset."`
	Cert         []string `placeholder:"FILE" help:"Client certificates, PEM, in place of those that are there; none: no certificate."`
	Profile      []string `placeholder:"URI" help:"Signature profiles that it may use, in place of those that are there; all: no limit."`
	Prefix       []string `placeholder:"DIGITS" help:"Beginnings of the numbers that it may reach, in place of those that are there; all: no limit."`
	Octets       []string `placeholder:"URI" help:"Signature profiles under which it may have hashes and octets signed, in place of those that are there; none: none."`
	OtherDisplay *bool    `negatable:"" help:"Its DataToBeDisplayed may differ from the text that is signed, where the profile permits it too."`
	Certificates *bool    `negatable:"" help:"MSS_ProfileQuery gives it users' names and certificates."`
	UniqueIDs    *bool    `name:"unique-ids" negatable:"" help:"It never uses an AP_TransID again: refuse one that comes with a new Instant."`
	Version      int64    `placeholder:"N" help:"Change it only if it is still this version (simsign ap show)."`
}

// Help says what stays.
func (*APEditCmd) Help() string {
	return `What no flag names stays as it is. All of it is one change: the next request of
the provider meets it as a whole. AP_ID and history stay.`
}

// Run changes what was given.
func (k *APEditCmd) Run(c *cli) error {
	req := operator.APEdit{
		ID: k.ID, Version: k.Version, Name: k.Name, OtherDisplay: k.OtherDisplay, Certificates: k.Certificates, UniqueIDs: k.UniqueIDs,
	}
	var err error
	if req.Profiles, err = replaced("--profile", k.Profile, "all"); err != nil {
		return err
	}
	if req.Prefixes, err = replaced("--prefix", digits(k.Prefix), "all"); err != nil {
		return err
	}
	if req.Octets, err = replaced("--octets", k.Octets, "none"); err != nil {
		return err
	}
	if req.Certs, err = replaced("--cert", k.Cert, "none"); err != nil {
		return err
	}
	if req.Certs != nil {
		if *req.Certs, err = certificatePins(*req.Certs); err != nil {
			return err
		}
	}
	if req == (operator.APEdit{ID: k.ID, Version: k.Version}) {
		return &exitError{Code: exitUsage, Err: errors.New("nothing to change: name at least one of the flags of simsign ap edit --help")}
	}
	return k.administer(c, func(b admin.Backend) error {
		ap, err := b.EditAP(c.ctx, req)
		if err != nil {
			return err
		}
		c.showAP(ap)
		return c.tellSameName(b, ap)
	})
}

// replaced is the list in place of the one that is there: nil where the flag was
// not given, empty for the word that says so.
func replaced(flag string, given []string, empty string) (*[]string, error) {
	if len(given) == 0 {
		return nil, nil
	}
	for _, x := range given {
		if x != empty {
			continue
		}
		if len(given) > 1 {
			return nil, &exitError{Code: exitUsage, Err: fmt.Errorf("%s %s and another value exclude each other", flag, empty)}
		}
		given = []string{}
	}
	return &given, nil
}

// APPasswordCmd gives an application provider a new password.
type APPasswordCmd struct {
	ConfigFlag
	ID           string `arg:"" help:"AP_ID."`
	PasswordFile string `placeholder:"FILE" help:"Take the password from a file; - is standard input (made)."`
	NoPassword   bool   `help:"No password from now on: client certificate only."`
}

// Help says what becomes of the former one.
func (*APPasswordCmd) Help() string {
	return `The former password opens nothing from this moment on, in a running service
too. A password that is made has 130 random bits.`
}

// Run prints the password that was made.
func (k *APPasswordCmd) Run(c *cli) error {
	password, err := givenPassword(c, k.PasswordFile, k.NoPassword)
	if err != nil {
		return err
	}
	return k.administer(c, func(b admin.Backend) error {
		ap, err := b.SetPassword(c.ctx, operator.APPassword{ID: k.ID, Password: password, NoPass: k.NoPassword})
		if err != nil {
			return err
		}
		c.printf("AP_ID=%s\n", ap.ID)
		c.showPassword(ap.Password)
		return nil
	})
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

// APRemoveCmd removes an application provider.
type APRemoveCmd struct {
	ConfigFlag
	ID string `arg:"" help:"AP_ID."`
}

// Help says what removing means.
func (*APRemoveCmd) Help() string {
	return `From this moment on nobody can log in as the provider: to the service it is
unknown, and its password and certificates are forgotten. Transactions that are
open are cancelled (where no service runs they end by themselves), and their
signatures are given to nobody. What it has asked for stays on record, and so does its AP_ID, which no other provider can
have: it would be answered about the transactions of this one. To stop a
provider for a while: simsign ap disable.`
}

// Run removes it.
func (k *APRemoveCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		ap, err := b.RemoveAP(c.ctx, operator.APName{ID: k.ID})
		if err != nil {
			return err
		}
		c.printf("%s is removed\n", ap.ID)
		if ap.Cancelled > 0 {
			c.printf("%d of its transactions were open and are cancelled\n", ap.Cancelled)
		}
		if ap.Open > 0 {
			c.printf("%d of its transactions are open; their signatures will be given to nobody\n", ap.Open)
		}
		return nil
	})
}
