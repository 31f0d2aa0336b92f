package main

import (
	"cmp"
	"encoding/pem"
	"os"
	"strings"
	"time"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/operator"
)

// StandingFlags are common to the procedures that change a user's standing.
type StandingFlags struct {
	ConfigFlag
	UserFlag
	JSONFlag
	Note string `placeholder:"TEXT" help:"Why, as a note."`
	By   string `placeholder:"NAME" help:"Who has asked for it (the user of the shell)."`
}

// CertificateFlag is one certificate of a user.
type CertificateFlag struct {
	Certificate string `placeholder:"SERIAL" help:"Only the certificate with this serial number (all of the user)."`
}

// ReasonFlag is why certificates are revoked.
type ReasonFlag struct {
	Reason string `default:"unspecified" enum:"unspecified,lost,compromise,changed,superseded,ceased,withdrawn" placeholder:"WORD" help:"Reason in the revocation list: ${enum}."`
}

func (k *StandingFlags) change(c *cli, r operator.StandingRequest) error {
	if k.By == "" {
		k.By = shellUser()
	}
	r.MSISDN, r.Note, r.By = k.MSISDN, k.Note, k.By
	return k.administer(c, func(b admin.Backend) error {
		s, err := b.ChangeStanding(c.ctx, r)
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, s, c.standing)
	})
}

// standing shows how it is with a user.
func (c *cli) standing(s operator.StandingInfo) error {
	c.printf("%s: %s\n", cmp.Or(s.MSISDN, "a user who was erased"), s.State)
	for _, x := range s.Certificates {
		state := x.State
		if x.State == string(mssp.KeyRevoking) {
			state = "revocation pending: nothing is signed, the CA has not confirmed"
		}
		c.printf("certificate   %s %s\n", x.Serial, state)
	}
	c.duties(s.Open)
	return nil
}

// duties shows what is left to do, a line each.
func (c *cli) duties(ds []operator.DutyInfo) {
	what := map[string]string{"ca": "the CA has not confirmed", "card": "the card is not seen to", "tell": "the user is not told"}
	for _, d := range ds {
		line := d.Procedure + ": " + what[d.Step]
		if !d.Own && d.Step == "ca" {
			line += ", whom another RA asks"
		}
		if d.Failure != "" {
			line += " (" + d.Failure + ")"
		}
		c.printf("open          %s, since %s\n", line, d.Since.UTC().Format(time.RFC3339))
	}
}

// UserSuspendCmd suspends.
type UserSuspendCmd struct {
	StandingFlags
	CertificateFlag
}

// Help says what follows.
func (*UserSuspendCmd) Help() string {
	return `The user is suspended at once, before the CA is asked: no request is accepted, what he
signs meanwhile is given to nobody, revocation list and OCSP say certificateHold. If the CA
refuses or is silent he stays suspended, and the service asks it again ("simsign ra work").
What is done on his card is in [procedures] of the configuration.`
}

// Run suspends.
func (k *UserSuspendCmd) Run(c *cli) error {
	return k.change(c, operator.StandingRequest{Procedure: mssp.Suspending, Certificate: k.Certificate})
}

// UserReactivateCmd ends a suspension.
type UserReactivateCmd struct {
	StandingFlags
	CertificateFlag
}

// Help says what is refused.
func (*UserReactivateCmd) Help() string {
	return `The user is active again once the CA has confirmed. What is revoked stays revoked: such a
user registers anew. Make sure that it is the user who asks, by other means than his
signature.`
}

// Run re-activates.
func (k *UserReactivateCmd) Run(c *cli) error {
	return k.change(c, operator.StandingRequest{Procedure: mssp.Reactivating, Certificate: k.Certificate})
}

// UserRevokeCmd revokes.
type UserRevokeCmd struct {
	StandingFlags
	CertificateFlag
	ReasonFlag
}

// Help says that it is always possible.
func (*UserRevokeCmd) Help() string {
	return `From now on nothing is signed with the certificates, and no signature that is on its way is
given away; "revoked" they are when the CA has confirmed, for good. This is possible at any
time: a user who is suspended, whose code is blocked or whose phone is off is revoked all
the same.`
}

// Run revokes.
func (k *UserRevokeCmd) Run(c *cli) error {
	return k.change(c, operator.StandingRequest{Procedure: mssp.Revoking, Certificate: k.Certificate, Reason: k.Reason})
}

// UserUnregisterCmd lets a user leave.
type UserUnregisterCmd struct {
	StandingFlags
	ReasonFlag
	Consent  bool   `xor:"consent" help:"Ask the user first, who signs that he leaves."`
	Gone     bool   `xor:"consent" help:"He has gone to another operator, with number or card: nothing is sent to them any more, and no suspension or blocked code stops it."`
	Question string `placeholder:"TEXT" help:"What he is asked ([procedures] of the configuration)."`
	Signed   string `placeholder:"FILE" help:"Write what he has signed (CMS, PEM) into this file."`
}

// Help says what is asked and what stays.
func (*UserUnregisterCmd) Help() string {
	return `All certificates of the user are revoked, and with the last one he has left. With --consent
he is asked on his phone first and signs; a refusal changes nothing. A user whose service is
suspended or whose code is blocked is revoked instead ("simsign user revoke"). What is kept
of him stays until "simsign user erase".

A change of operator: while his card still works here, he leaves like anybody else, and is
told; once number or card are gone, --gone ends everything here and sends nothing. The new
operator adds him with the card that he has from there ("simsign user add"), identifies him
and registers him ("simsign user register"), as anybody who is new.`
}

// Run lets him leave.
func (k *UserUnregisterCmd) Run(c *cli) error {
	r := operator.StandingRequest{Procedure: mssp.Leaving, Reason: k.Reason, Gone: k.Gone}
	if k.Consent {
		cfg, err := k.load(c)
		if err != nil {
			return err
		}
		if r.Question = cfg.Procedures.Question; k.Question != "" {
			r.Question = k.Question
		}
	}
	if k.By == "" {
		k.By = shellUser()
	}
	r.MSISDN, r.Note, r.By = k.MSISDN, k.Note, k.By
	return k.administer(c, func(b admin.Backend) error {
		s, err := b.ChangeStanding(c.ctx, r)
		if err != nil {
			return err
		}
		if k.Signed != "" && s.Signed != nil {
			if err := os.WriteFile(k.Signed, pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: s.Signed}), 0o600); err != nil {
				return err
			}
		}
		return shown(c, k.JSONFlag, s, c.standing)
	})
}

// RAWorkCmd lists duties.
type RAWorkCmd struct {
	ConfigFlag
	JSONFlag
}

// Run lists them.
func (k *RAWorkCmd) Run(c *cli) error {
	return k.administer(c, func(b admin.Backend) error {
		ds, err := b.Duties(c.ctx, operator.Page{})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, ds, func(ds []operator.DutyInfo) error {
			t := c.table("MSISDN", "PROCEDURE", "STEP", "SINCE", "TRIES", "CERTIFICATES", "FAILURE")
			for _, d := range ds {
				t.row(d.MSISDN, d.Procedure, d.Step, d.Since.UTC().Format(time.RFC3339), d.Tries, strings.Join(d.Certificates, " "), d.Failure)
			}
			return t.flush()
		})
	})
}

// RAConfirmCmd is a notification.
type RAConfirmCmd struct {
	ConfigFlag
	JSONFlag
	ReasonFlag
	MSISDN      string `name:"msisdn" placeholder:"NUMBER" help:"Telephone number, international (none: of a user who was erased)."`
	By          string `placeholder:"NAME" help:"Who says it (the user of the shell)."`
	Certificate string `required:"" placeholder:"SERIAL" help:"Serial number of the certificate."`
	Status      string `required:"" enum:"revoked,suspended,valid" placeholder:"WORD" help:"What it is now: ${enum}."`
}

// Help says when it is needed.
func (*RAConfirmCmd) Help() string {
	return `The built-in CA is asked by the service itself. For a certificate of another CA its RA says
here what that CA has confirmed, also when nobody has asked for it here. What is revoked
stays revoked. "simsign ra work" lists what is waited for; without a number there, the user
was erased: then it is confirmed without a number.`
}

// Run notes it.
func (k *RAConfirmCmd) Run(c *cli) error {
	if k.By == "" {
		k.By = shellUser()
	}
	return k.administer(c, func(b admin.Backend) error {
		s, err := b.NotifyStanding(c.ctx, operator.StandingNotice{MSISDN: k.MSISDN, Certificate: k.Certificate, Status: mssp.CertStatus(k.Status), Reason: k.Reason, By: k.By})
		if err != nil {
			return err
		}
		return shown(c, k.JSONFlag, s, c.standing)
	})
}
