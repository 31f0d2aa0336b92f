package main

import (
	"encoding/json"
	"time"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
)

// UserExpiringCmd lists users to invite for a renewal.
type UserExpiringCmd struct {
	ConfigFlag
	Days  int  `default:"30" help:"Whose certificates end within so many days (${default})."`
	Limit int  `default:"1000" help:"At most so many (${default})."`
	JSON  bool `name:"json" help:"As JSON."`
}

// Help says what the service does by itself.
func (*UserExpiringCmd) Help() string {
	return `The users whose certificates are valid and end soon, without those who have another
one of the same usage that is valid for longer. The service itself invites them by text
message, at the times that expiry_reminders says in the section [messages], once each.
A user renews by "simsign user renew", or "simsign user register": another pair is made,
and the present one serves until the new one is registered.`
}

// Run prints a line for each certificate.
func (k *UserExpiringCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		list, err := b.Expiring(c.ctx, operator.ExpiringQuestion{Days: k.Days, Limit: k.Limit})
		if err != nil {
			return err
		}
		if k.JSON {
			return json.NewEncoder(c.stdout).Encode(list)
		}
		t := c.table("MSISDN", "NAME", "STATE", "SLOT", "USAGE", "CERTIFICATE", "ENDS")
		for _, e := range list {
			t.row(e.MSISDN, e.Name, e.State, e.Slot, e.Usage, e.Serial, e.NotAfter.Format(time.DateOnly))
		}
		return t.flush()
	})
}
