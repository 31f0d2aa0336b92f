package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/operator"
)

// limits shows what protects a user from requests now, a line each.
func (c *cli) limits(limits []operator.LimitInfo) {
	for _, l := range limits {
		var what []string
		if l.Damaged {
			what = append(what, "the row cannot be read, all requests are refused: simsign user lift")
		}
		if !l.Peace.IsZero() {
			what = append(what, "left in peace until "+l.Peace.UTC().Format(time.RFC3339))
		}
		if l.Unsigned > 0 {
			what = append(what, fmt.Sprintf("%d requests not signed within ten minutes", l.Unsigned))
		}
		if l.Prompts > 0 {
			what = append(what, fmt.Sprintf("%d requests within a minute", l.Prompts))
		}
		who := string(l.AP)
		if who == "" {
			who = "all providers"
		}
		c.printf("limit         %s: %s\n", who, strings.Join(what, ", "))
	}
}

// UserLiftCmd lifts the limits of a user.
type UserLiftCmd struct {
	ConfigFlag
	JSONFlag
	UserFlag
	AP string `name:"ap" placeholder:"AP_ID" help:"Only what counts of this application provider (all)."`
}

// Help tells what counts.
func (*UserLiftCmd) Help() string {
	return `A provider whose requests a user was shown and has cancelled or left unanswered
too often does not reach him for a while, and after more of them nobody does
([limits] of the configuration). "simsign user show" tells what counts now; this
takes it away, of one provider or of all.`
}

// Run lifts them and shows what is left.
func (k *UserLiftCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		u, err := b.LiftLimits(c.ctx, operator.Lift{MSISDN: k.MSISDN, AP: mssp.APID(k.AP)})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, u, func(u operator.UserInfo) error {
			c.printf("%s: lifted\n", u.MSISDN)
			c.limits(u.Limits)
			return nil
		})
	})
}
