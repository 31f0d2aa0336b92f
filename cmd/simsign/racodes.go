package main

// RAPoPCmd makes a Proof of Possession code.
type RAPoPCmd struct {
	RAFlags
	RAUserFlag
	Channel string `required:"" enum:"sms,email,print,screen" help:"How it goes to the user: ${enum}."`
	To      string `placeholder:"WHERE" help:"Another number (sms), or another address than the one recorded (email)."`
}

// Run sends it.
func (k *RAPoPCmd) Run(c *cli) error {
	return k.question(c, "/int3c/pop_make", map[string]any{"msisdn": k.MSISDN, "channel": k.Channel, "to": k.To})
}

// RAPoPCheckCmd checks a code.
type RAPoPCheckCmd struct {
	RAFlags
	RAUserFlag
	Code string `arg:"" help:"The code as the user has told it."`
}

// Run sends it.
func (k *RAPoPCheckCmd) Run(c *cli) error {
	return k.call(c, "/int3c/pop_check", map[string]any{"msisdn": k.MSISDN, "pop": k.Code})
}

// RAUnblockingCmd shows the unblocking code of a card.
type RAUnblockingCmd struct {
	RAFlags
	ICCID      string `name:"iccid" required:"" placeholder:"DIGITS" help:"Number of the card."`
	Identified string `required:"" enum:"face-to-face,portal,partner,eid,kiosk" help:"How its holder was identified: ${enum}."`
	Reason     string `required:"" placeholder:"TEXT" help:"Why it is shown."`
	Again      bool   `help:"Show it although it was shown before."`
}

// Run sends it.
func (k *RAUnblockingCmd) Run(c *cli) error {
	m := map[string]any{"iccid": k.ICCID, "identified": k.Identified, "reason": k.Reason}
	if k.Again {
		m["again"] = "yes"
	}
	return k.question(c, "/int3b/unblocking_code", m)
}

// RAActivateCmd activates an applet.
type RAActivateCmd struct {
	RAFlags
	ICCID string `arg:"" help:"Number of the card."`
}

// Run sends it.
func (k *RAActivateCmd) Run(c *cli) error {
	return k.call(c, "/int3b/applet_activate", map[string]any{"iccid": k.ICCID})
}

// RADeactivateCmd deactivates an applet.
type RADeactivateCmd struct {
	RAFlags
	ICCID string `arg:"" help:"Number of the card."`
}

// Run sends it.
func (k *RADeactivateCmd) Run(c *cli) error {
	return k.call(c, "/int3b/applet_deactivate", map[string]any{"iccid": k.ICCID})
}

// RAExpiringCmd lists users to invite for a renewal.
type RAExpiringCmd struct {
	RAFlags
	Days  int `default:"30" help:"Whose certificates end within so many days (${default})."`
	Limit int `placeholder:"N" help:"At most so many (1000)."`
}

// Run sends it.
func (k *RAExpiringCmd) Run(c *cli) error {
	return k.question(c, "/int3b/user_expiring", map[string]any{"days": k.Days, "limit": k.Limit})
}

// RAAuditCmd reads the audit log.
type RAAuditCmd struct {
	RAFlags
	After  int    `placeholder:"N" help:"Begin after this entry."`
	Limit  int    `placeholder:"N" help:"At most so many (1000)."`
	From   string `placeholder:"TIME" help:"Not before this time (RFC 3339)."`
	To     string `placeholder:"TIME" help:"Before this time."`
	MSISDN string `name:"msisdn" placeholder:"NUMBER" help:"What concerns the user with this number."`
	Actor  string `placeholder:"NAME" help:"What this one did."`
	Action string `placeholder:"ACTION" help:"This action, or all that begin with it."`
}

// Run sends it.
func (k *RAAuditCmd) Run(c *cli) error {
	return k.question(c, "/int3b/audit_list", map[string]any{
		"after": k.After, "limit": k.Limit, "from": k.From, "to": k.To, "msisdn": k.MSISDN, "actor": k.Actor, "action": k.Action,
	})
}

// RAVerifyCmd verifies the audit log.
type RAVerifyCmd struct{ RAFlags }

// Run sends it.
func (k *RAVerifyCmd) Run(c *cli) error {
	return k.question(c, "/int3b/audit_verify", map[string]any{})
}

// question is a call that has no id and waits for nobody.
func (k *RAFlags) question(c *cli, path string, m map[string]any) error {
	k.Request, k.Wait = "", 0
	return k.call(c, path, m)
}
