package main

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp/operator"
)

// IssuerCmd manages card issuers.
type IssuerCmd struct {
	Add    IssuerAddCmd    `cmd:"" help:"Make a card issuer, which owns cards and has clients of its own."`
	List   IssuerListCmd   `cmd:"" help:"List the card issuers."`
	Show   IssuerShowCmd   `cmd:"" help:"Show a card issuer."`
	Edit   IssuerEditCmd   `cmd:"" help:"Change a card issuer."`
	Assign IssuerAssignCmd `cmd:"" help:"Give cards to a card issuer."`
	Remove IssuerRemoveCmd `cmd:"" help:"Remove a card issuer: nobody acts for it any more."`
}

// IssuerID names a card issuer.
type IssuerID struct {
	ID string `arg:"" name:"id" help:"Id of the card issuer."`
}

// IssuerAddCmd makes a card issuer.
type IssuerAddCmd struct {
	ConfigFlag
	IssuerID
	Name    string   `required:"" help:"Its name."`
	Profile []string `placeholder:"URI" help:"Signature profile for which its users may be registered; several are possible (all)."`
	CA      string   `name:"ca" placeholder:"FILE" help:"Certificate (PEM) of the CA whose certificates its RA brings; others are refused (any)."`
}

// Run says that it is there.
func (k *IssuerAddCmd) Run(c *cli) error {
	req := operator.IssuerRequest{ID: k.ID, Name: k.Name, Profiles: k.Profile}
	var err error
	if req.CA, err = caFile(k.CA); err != nil {
		return err
	}
	return k.administer(c, func(b admin.Backend) error {
		v, err := b.AddIssuer(c.ctx, req)
		if err != nil {
			return err
		}
		c.printf("card issuer %s is there: simsign card import --issuer %s, simsign client add --issuer %s\n", v.ID, v.ID, v.ID)
		return nil
	})
}

// caFile is the first certificate of a PEM file; nil where none is named.
func caFile(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	certs, err := config.PEMCertificates(path)
	if err != nil {
		return nil, err
	}
	return certs[0].Raw, nil
}

// IssuerListCmd lists card issuers.
type IssuerListCmd struct {
	ConfigFlag
	JSONFlag
	Removed bool `help:"Also those that were removed."`
}

// Run prints one line each.
func (k *IssuerListCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		all, err := issuersOf(c, b, k.Removed)
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, all, func(all []operator.IssuerInfo) error {
			t := c.table("ID", "NAME", "PROFILES", "CA", "STATE")
			for _, v := range all {
				t.row(v.ID, v.Name, cmp.Or(strings.Join(v.Profiles, ","), "all"), cmp.Or(v.CA, "any"), partyState(false, v.Removed))
			}
			return t.flush()
		})
	})
}

// issuersOf are the issuers, with those that were removed where they are wanted.
func issuersOf(c *cli, b admin.Backend, removed bool) ([]operator.IssuerInfo, error) {
	all, err := b.Issuers(c.ctx, operator.Page{})
	some := []operator.IssuerInfo{}
	for _, v := range all {
		if removed || v.Removed.IsZero() {
			some = append(some, v)
		}
	}
	return some, err
}

func partyState(disabled bool, removed time.Time) string {
	switch {
	case !removed.IsZero():
		return "removed"
	case disabled:
		return "disabled"
	}
	return "active"
}

// IssuerShowCmd shows a card issuer.
type IssuerShowCmd struct {
	ConfigFlag
	JSONFlag
	IssuerID
}

// Run prints what is known of it.
func (k *IssuerShowCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		all, err := issuersOf(c, b, true)
		if err != nil {
			return err
		}
		for _, v := range all {
			if v.ID == k.ID {
				return shown(c, k.JSONFlag, v, c.showIssuer)
			}
		}
		return &operator.Refusal{Reason: operator.NoSuchIssuer, Party: k.ID}
	})
}

func (c *cli) showIssuer(v operator.IssuerInfo) error {
	t := c.table("issuer", v.ID)
	t.row("name", v.Name)
	t.row("profiles", cmp.Or(strings.Join(v.Profiles, ", "), "all"))
	t.row("ca", cmp.Or(v.CA, "any"))
	t.row("state", partyState(false, v.Removed))
	return t.flush()
}

// IssuerEditCmd changes a card issuer.
type IssuerEditCmd struct {
	ConfigFlag
	IssuerID
	Name    *string  `placeholder:"NAME" help:"Its name."`
	Profile []string `placeholder:"URI" help:"Signature profiles for which its users may be registered, in place of those that are there; all: no limit."`
	CA      string   `name:"ca" placeholder:"FILE" help:"Certificate (PEM) of the CA whose certificates its RA brings; any: no limit."`
}

// Run changes what was given.
func (k *IssuerEditCmd) Run(c *cli) error {
	req := operator.IssuerEdit{ID: k.ID, Name: k.Name}
	var err error
	if req.Profiles, err = replaced("--profile", k.Profile, "all"); err != nil {
		return err
	}
	switch k.CA {
	case "":
	case "any":
		req.CA = &[]byte{} // no nil: JSON has that for what does not change
	default:
		der, err := caFile(k.CA)
		if err != nil {
			return err
		}
		req.CA = &der
	}
	if req == (operator.IssuerEdit{ID: k.ID}) {
		return &exitError{Code: exitUsage, Err: errors.New("nothing to change: name at least one of the flags of simsign issuer edit --help")}
	}
	return k.administer(c, func(b admin.Backend) error {
		v, err := b.EditIssuer(c.ctx, req)
		if err != nil {
			return err
		}
		return c.showIssuer(v)
	})
}

// IssuerAssignCmd gives cards to an issuer.
type IssuerAssignCmd struct {
	ConfigFlag
	ID    string   `arg:"" help:"Id of the card issuer; none: of nobody."`
	ICCID []string `arg:"" name:"iccid" help:"Numbers of the cards."`
}

// Run says whose they are.
func (k *IssuerAssignCmd) Run(c *cli) error {
	if k.ID == "none" {
		k.ID = ""
	}
	return k.administer(c, func(b admin.Backend) error {
		for _, iccid := range k.ICCID {
			card, err := b.AssignCard(c.ctx, operator.CardOwner{ICCID: iccid, Issuer: k.ID})
			if err != nil {
				return err
			}
			c.printf("card %s: %s\n", card.ICCID, cmp.Or(card.Issuer, "no issuer"))
		}
		return nil
	})
}

// IssuerRemoveCmd removes a card issuer.
type IssuerRemoveCmd struct {
	ConfigFlag
	IssuerID
}

// Help says what stays.
func (*IssuerRemoveCmd) Help() string {
	return `From this moment on none of its clients can log in, and it gets no cards. The
cards that it has, and their users, stay where they are: simsign issuer assign
gives them to another one.`
}

// Run removes it.
func (k *IssuerRemoveCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		v, err := b.RemoveIssuer(c.ctx, operator.PartyName{ID: k.ID})
		if err != nil {
			return err
		}
		c.printf("%s is removed\n", v.ID)
		return nil
	})
}
