package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/operator"
)

// CardShowCmd shows a card.
type CardShowCmd struct {
	ConfigFlag
	JSONFlag
	ICCID string `arg:"" help:"Number of the card."`
	Ask   bool   `help:"Ask the card first what it can do, over the air."`
}

// Run prints what is known of it.
func (k *CardShowCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		d, err := b.ShowCard(c.ctx, operator.CardQuestion{ICCID: k.ICCID, Ask: k.Ask})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, &d, c.showCard)
	})
}

func (c *cli) showCard(d *operator.CardDetail) error {
	t := c.table("card", d.ICCID)
	t.row("imsi", d.IMSI)
	t.row("user", d.MSISDN)
	t.row("profile", d.Profile)
	t.row("state", d.State)
	t.row("carriage", d.Carriage)
	if d.Issuer != "" {
		t.row("issuer", d.Issuer)
	}
	t.row("applet", cmp.Or(d.Applet, "it has not told its state (--ask)"))
	if d.OneCode {
		t.row("codes", "one, for both usages")
	}
	for _, n := range d.Emptying {
		t.row("to be emptied", fmt.Sprintf("slot %d, whose registration has ended, with the next contact", n))
	}
	for _, s := range d.Keys {
		counters := ", counter " + s.Counter
		if s.Applet {
			counters += ", of answers " + s.Answers
		}
		t.row(keySetName(s.Applet, s.KVN), s.What+counters)
	}
	if o := d.Offers; o != nil {
		t.row("offers", fmt.Sprintf("level %d, carriage %s, applet %s, API %s", o.Level, strings.Join(o.Carriages, " "), o.Applet, o.API))
		t.row("", fmt.Sprintf("requests of %d octets, answers of %d, %d waiting", o.LongestRequest, o.LongestAnswer, o.Waiting))
		t.row("", fmt.Sprintf("%d key slots, %d personal %s, %s", o.Slots, o.Codes, plural(o.Codes, "code", "codes"), strings.Join(o.Hashes, " ")))
		for _, a := range o.Algorithms {
			t.row("", a)
		}
	} else if d.Carriage != "response" {
		t.row("offers", "the card has not said (--ask)")
	}
	return t.flush()
}
