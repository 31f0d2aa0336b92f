package main

import (
	"encoding/pem"
	"os"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
)

// UserRenewCmd renews a certificate that ends.
type UserRenewCmd struct {
	ConfigFlag
	UserFlag
	JSONFlag
	Usage     string `default:"authentication" enum:"authentication,non-repudiation" help:"Usage of the key: ${enum} (${default})."`
	Algorithm string `placeholder:"NAME" help:"Algorithm of the new key (the first of the card profile)."`
	Question  string `placeholder:"TEXT" help:"What the user is asked ([procedures] of the configuration)."`
	Early     bool   `help:"Also when the certificate does not end soon (renew_within of the section [procedures])."`
	Signed    string `placeholder:"FILE" help:"Write what he has signed (CMS, PEM) into this file."`
	Note      string `placeholder:"TEXT" help:"Why, as a note."`
	By        string `placeholder:"NAME" help:"Who has asked for it (the user of the shell)."`
}

// Help says what happens in which order.
func (*UserRenewCmd) Help() string {
	return `The user is asked on his phone, and signs with the certificate that is still valid, that he
wants another one; then another key pair is made on his card and registered. The present one
serves until then, and is left to expire or revoked as [procedures] of the configuration says.
A card without a free slot is refused before the user is asked, and so is a certificate that
has ended: such a user registers again ("simsign user register").`
}

// Run waits until the user has done it.
func (k *UserRenewCmd) Run(c *cli) error {
	if k.By == "" {
		k.By = shellUser()
	}
	return k.administer(c, func(b admin.Backend) error {
		waiting(c)
		r, err := b.Renew(c.ctx, operator.RenewRequest{
			MSISDN: k.MSISDN, Usage: k.Usage, Algorithm: k.Algorithm, Question: k.Question, Early: k.Early, Note: k.Note, By: k.By,
		})
		if err != nil {
			return err
		}
		if k.Signed != "" {
			if err := os.WriteFile(k.Signed, pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: r.Signed}), 0o600); err != nil {
				return err
			}
		}
		return shown(c, k.JSONFlag, r, c.renewed)
	})
}

func (c *cli) renewed(r operator.Renewed) error {
	c.printf("slot %d, %s, %s, %s%s\n", r.Key.Slot, r.Key.Usage, r.Key.Algorithm, r.Key.State, certificate(r.Key))
	after := "serves until it expires"
	if r.Revoked {
		after = "is revoked as superseded"
	}
	c.printf("the certificate before, %s, %s\n", r.Before, after)
	return nil
}
