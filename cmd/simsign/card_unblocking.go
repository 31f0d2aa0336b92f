package main

import (
	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
)

// CardUnblockingCmd shows the unblocking code of a card.
type CardUnblockingCmd struct {
	ConfigFlag
	JSONFlag
	ICCID      string `name:"iccid" required:"" placeholder:"DIGITS" help:"Number of the card."`
	Identified string `required:"" enum:"face-to-face,portal,partner,eid,kiosk" help:"How its holder was identified: ${enum}."`
	Reason     string `required:"" placeholder:"TEXT" help:"Why it is shown."`
	By         string `placeholder:"NAME" help:"Who asks (the user of the shell)."`
	Again      bool   `help:"Show it although it was shown before."`
}

// Help says where the code comes from.
func (*CardUnblockingCmd) Help() string {
	return `A card whose line in the card file has an unblocking code (column unblock) lets its
holder unblock his personal code in the SIM menu. Customer care shows the code to him
once, when he is identified; when and to whom is kept and in the audit log. What was
shown is shown again only with --again.`
}

// Run shows it.
func (k *CardUnblockingCmd) Run(c *cli) error {
	if k.By == "" {
		k.By = shellUser()
	}
	return k.administer(c, func(b admin.Backend) error {
		u, err := b.UnblockingCode(c.ctx, operator.UnblockingQuestion{ICCID: k.ICCID, Identified: k.Identified, Reason: k.Reason, By: k.By, Again: k.Again})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, u, func(u operator.UnblockingCode) error {
			c.printf("unblocking code  %s (it is shown this once)\n", u.Code)
			return nil
		})
	})
}
