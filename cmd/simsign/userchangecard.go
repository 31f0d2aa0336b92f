package main

import (
	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
)

// UserChangeCardCmd gives a number its new card.
type UserChangeCardCmd struct {
	ConfigFlag
	JSONFlag
	UserFlag
	ICCID string `name:"iccid" required:"" placeholder:"DIGITS" help:"Number of the new card, which has been imported."`
	Note  string `placeholder:"TEXT" help:"Why, as a note."`
	By    string `placeholder:"NAME" help:"Who has asked for it (the user of the shell)."`
}

// Help says what becomes of the old card.
func (*UserChangeCardCmd) Help() string {
	return `For a new card of the same operator, lost phones and blocked codes included. The new card must be
free and of the issuer of the old one. At once the number belongs to it: the old card is
asked nothing any more, requests that were open at it end, and its certificates are revoked
(superseded) as soon as the CA has confirmed. Nothing is sent to the old card, not even a
deactivation. Then register the user with the new card ("simsign user register"); he chooses
a code there. Make sure that it is the user who asks, by other means than his signature. At
a change of operator he leaves here instead ("simsign user unregister", with --gone once
number or card are gone), and is registered there as anybody who is new.`
}

// Run changes it.
func (k *UserChangeCardCmd) Run(c *cli) error {
	if k.By == "" {
		k.By = shellUser()
	}
	return k.administer(c, func(b admin.Backend) error {
		s, err := b.ChangeUserCard(c.ctx, operator.CardChange{MSISDN: k.MSISDN, ICCID: k.ICCID, Note: k.Note, By: k.By})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, s, func(s operator.StandingInfo) error {
			c.printf("%s has card %s: register him with it (simsign user register)\n", s.MSISDN, s.ICCID)
			return c.standing(s)
		})
	})
}
