package main

// RAStandingFlags are common to the calls that change a user's standing.
type RAStandingFlags struct {
	RAFlags
	RAUserFlag
	BuiltIn bool   `help:"With the built-in CA, in one call (INT3b: operator, customer care); otherwise the pre-condition call of an RA, which asks its CA and notifies."`
	Note    string `placeholder:"TEXT" help:"Why, as a note."`
}

// mode sends the call of a mode: INT3c, or INT3b with the built-in CA.
func (k *RAStandingFlags) mode(c *cli, mode string, m map[string]any, then func(*raAnswer) error) error {
	path := "/int3c/" + mode
	if k.BuiltIn {
		path = "/int3b/user_" + mode
	}
	m["msisdn"], m["note"] = k.MSISDN, k.Note
	return k.callThen(c, path, m, then)
}

func noMore(*raAnswer) error { return nil }

// RASuspendCmd suspends.
type RASuspendCmd struct {
	RAStandingFlags
	CertificateFlag
}

// Run sends it.
func (k *RASuspendCmd) Run(c *cli) error {
	return k.mode(c, "suspend", map[string]any{"serial": k.Certificate}, noMore)
}

// RAReactivateCmd ends a suspension.
type RAReactivateCmd struct {
	RAStandingFlags
	CertificateFlag
}

// Run sends it.
func (k *RAReactivateCmd) Run(c *cli) error {
	return k.mode(c, "reactivate", map[string]any{"serial": k.Certificate}, noMore)
}

// RARevokeCmd revokes.
type RARevokeCmd struct {
	RAStandingFlags
	CertificateFlag
	ReasonFlag
}

// Run sends it.
func (k *RARevokeCmd) Run(c *cli) error {
	return k.mode(c, "revoke", map[string]any{"serial": k.Certificate, "reason": k.Reason}, noMore)
}

// RAUnregisterCmd lets a user leave.
type RAUnregisterCmd struct {
	RAStandingFlags
	ReasonFlag
	Consent  bool   `xor:"consent" help:"Ask the user first, who signs that he leaves."`
	Gone     bool   `xor:"consent" help:"He has gone to another operator: nothing is sent to number or card, and no suspension or blocked code stops it."`
	Question string `placeholder:"TEXT" help:"What he is asked (the question of the service)."`
	Signed   string `placeholder:"FILE" help:"Write what he has signed (CMS, PEM) into this file."`
}

// Run sends it.
func (k *RAUnregisterCmd) Run(c *cli) error {
	m := map[string]any{"consent": "without", "question": k.Question, "reason": k.Reason}
	switch {
	case k.Consent:
		m["consent"] = "with"
	case k.Gone:
		m["consent"] = "gone"
	}
	return k.mode(c, "unregister", m, writeSigned(k.Signed))
}

// RANotifyCmd is a notification.
type RANotifyCmd struct {
	RAFlags
	RAUserFlag
	Certificate string `required:"" placeholder:"SERIAL" help:"Serial number of the certificate."`
	Status      string `required:"" enum:"revoked,suspended,reactivated" placeholder:"WORD" help:"What the CA has confirmed: ${enum}."`
	Reason      string `default:"" enum:",unspecified,lost,compromise,changed,superseded,ceased,withdrawn" placeholder:"WORD" help:"Reason of a revocation: ${enum}."`
}

// Run sends it.
func (k *RANotifyCmd) Run(c *cli) error {
	return k.call(c, "/int3c/notification", map[string]any{"msisdn": k.MSISDN, "serial": k.Certificate, "status": k.Status, "reason": k.Reason})
}

// RADutiesCmd lists what is left to do.
type RADutiesCmd struct {
	RAFlags
	Limit int `placeholder:"N" help:"At most so many (1000)."`
}

// Run sends it.
func (k *RADutiesCmd) Run(c *cli) error {
	return k.question(c, "/int3b/duty_list", map[string]any{"limit": k.Limit})
}
