package main

import (
	"time"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
)

// UserIdentifyCmd records an identification.
type UserIdentifyCmd struct {
	ConfigFlag
	JSONFlag
	UserFlag
	How      string    `required:"" enum:"face-to-face,portal,partner,eid,kiosk" help:"How: ${enum}."`
	By       string    `placeholder:"NAME" help:"Who has identified the person (the user of the shell)."`
	At       time.Time `placeholder:"TIME" help:"When, as 2026-11-30T16:05:00Z (now)."`
	Email    string    `placeholder:"ADDRESS" help:"Private e-mail address of the user."`
	Document string    `placeholder:"TEXT" help:"Reference of the document that was shown, as a note."`
}

// Help says what it is for.
func (*UserIdentifyCmd) Help() string {
	return `A person is identified before he is registered: at a shop with a document, at a
portal, by the strong authentication of a partner, by an electronic identity card,
at a kiosk. This records who has done it, how and when. Where the configuration has
[registration], a user of whom nobody has recorded it is not registered.

The record is shown by "simsign user show", goes with the person (simsign user
erase), and is replaced when he is identified again.`
}

// Run records it and shows what is recorded.
func (k *UserIdentifyCmd) Run(c *cli) error {
	if k.By == "" {
		k.By = shellUser()
	}
	return k.administer(c, func(b admin.Backend) error {
		u, err := b.IdentifyUser(c.ctx, operator.Identification{MSISDN: k.MSISDN, How: k.How, By: k.By, At: k.At, Email: k.Email, Document: k.Document})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, u, func(u operator.UserInfo) error {
			c.printf("%s\n", u.MSISDN)
			c.identity(u.Identity)
			return nil
		})
	})
}

// identity shows who has identified a user.
func (c *cli) identity(i *operator.IdentityInfo) {
	if i == nil {
		return
	}
	c.printf("identified    %s, by %s, %s\n", i.How, i.By, i.At.UTC().Format(time.RFC3339))
	if i.Document != "" {
		c.printf("document      %s\n", i.Document)
	}
	if i.Email != "" {
		c.printf("e-mail        %s\n", i.Email)
	}
}
