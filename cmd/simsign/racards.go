package main

import (
	"encoding/base64"
	"encoding/pem"
	"os"
)

// RARenewCmd renews a certificate that ends.
type RARenewCmd struct {
	RAFlags
	RAUserFlag
	RAUsageFlag
	Algorithm string `placeholder:"NAME" help:"Algorithm of the new key (the first of the card)."`
	Question  string `placeholder:"TEXT" help:"What the user is asked (the question of the service)."`
	Early     bool   `help:"Also when the certificate does not end soon."`
	Signed    string `placeholder:"FILE" help:"Write what he has signed (CMS, PEM) into this file."`
}

// Run sends it.
func (k *RARenewCmd) Run(c *cli) error {
	m := map[string]any{"msisdn": k.MSISDN, "usage": k.Usage, "algorithm": k.Algorithm, "question": k.Question}
	if k.Early {
		m["when"] = "early"
	}
	return k.callThen(c, "/int3c/renew", m, writeSigned(k.Signed))
}

// writeSigned writes what a user has signed into a file, if there is one.
func writeSigned(file string) func(*raAnswer) error {
	return func(a *raAnswer) error {
		cms, err := base64.StdEncoding.DecodeString(a.text("signed"))
		if file == "" || err != nil || len(cms) == 0 {
			return err
		}
		return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: cms}), 0o600)
	}
}

// RAChangeCardCmd gives a user another card.
type RAChangeCardCmd struct {
	RAFlags
	RAUserFlag
	ICCID string `name:"iccid" required:"" placeholder:"DIGITS" help:"Number of the new card."`
	Note  string `placeholder:"TEXT" help:"Why, as a note."`
}

// Run sends it.
func (k *RAChangeCardCmd) Run(c *cli) error {
	return k.call(c, "/int3b/card_change", map[string]any{"msisdn": k.MSISDN, "iccid": k.ICCID, "note": k.Note})
}

// RAAppletCmd asks an applet.
type RAAppletCmd struct {
	RAFlags
	RAUserFlag
}

// Run sends it.
func (k *RAAppletCmd) Run(c *cli) error {
	return k.call(c, "/int3b/applet_show", map[string]any{"msisdn": k.MSISDN})
}

// RAListFlags are a part of a list.
type RAListFlags struct {
	After string `placeholder:"NUMBER" help:"Begin after this one."`
	Limit int    `placeholder:"N" help:"At most so many (1000)."`
}

func (k *RAListFlags) members() map[string]any {
	return map[string]any{"after": k.After, "limit": k.Limit}
}

// RAUsersCmd lists users.
type RAUsersCmd struct {
	RAFlags
	RAListFlags
}

// Run sends it.
func (k *RAUsersCmd) Run(c *cli) error { return k.question(c, "/int3b/user_list", k.members()) }

// RACardsCmd lists cards.
type RACardsCmd struct {
	RAFlags
	RAListFlags
}

// Run sends it.
func (k *RACardsCmd) Run(c *cli) error { return k.question(c, "/int3b/card_list", k.members()) }

// RACardCmd shows a card.
type RACardCmd struct {
	RAFlags
	ICCID string `arg:"" help:"Number of the card."`
}

// Run sends it.
func (k *RACardCmd) Run(c *cli) error {
	return k.question(c, "/int3b/card_show", map[string]any{"iccid": k.ICCID})
}

// RATransactionsCmd lists transactions.
type RATransactionsCmd struct {
	RAFlags
	ICCID string `arg:"" help:"Number of the card."`
	Limit int    `placeholder:"N" help:"At most so many (1000)."`
}

// Run sends it.
func (k *RATransactionsCmd) Run(c *cli) error {
	return k.question(c, "/int3b/tx_list", map[string]any{"iccid": k.ICCID, "limit": k.Limit})
}

// RASlotsCmd shows key slots.
type RASlotsCmd struct {
	RAFlags
	ICCID string `arg:"" help:"Number of the card."`
}

// Run sends it.
func (k *RASlotsCmd) Run(c *cli) error {
	return k.call(c, "/int3b/card_slots", map[string]any{"iccid": k.ICCID})
}

// RAEmptySlotCmd empties a key slot.
type RAEmptySlotCmd struct {
	RAFlags
	ICCID string `arg:"" help:"Number of the card."`
	Slot  int    `arg:"" help:"Key slot, from 1 on."`
}

// Run sends it.
func (k *RAEmptySlotCmd) Run(c *cli) error {
	return k.call(c, "/int3b/slot_empty", map[string]any{"iccid": k.ICCID, "slot": k.Slot})
}
