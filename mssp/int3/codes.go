package int3

import (
	"context"
	"time"

	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/mssp/party"
)

// given are the operations about codes that come to a person by another way than his phone,
// and what operator and auditor have beside the procedures.
var given = []operation{
	{
		op: party.MakePoP, path: "/int3c/pop_make", door: "int3c", secret: true, do: (*Desk).makePoP, gives: operator.PoPMade{},
		about: "Make a Proof of Possession code for the next registration of a user, and deliver it by a channel that is not the phone on which he enters it. An earlier one is worth nothing from then on. Of channel screen the answer holds the code, once.",
		fields: []field{
			msisdn,
			{name: "channel", kind: text, must: true, words: []string{"sms", "email", "print", "screen"}, most: 8, about: "how it goes to the user"},
			{name: "to", kind: text, most: 254, about: "another number (sms), or another address than the one recorded (email)"},
		},
	},
	{
		op: party.CheckPoP, path: "/int3c/pop_check", door: "int3c", changes: true, do: (*Desk).checkPoP, gives: PoPChecked{},
		about:  "The RA checks the code that a user has told it by another way than the card (5.1 A 22). The right one is used up, a wrong one counts.",
		fields: []field{msisdn, {name: "pop", kind: text, must: true, most: 32, about: "the code as the user has told it"}},
	},
	{
		op: party.ShowUnblocking, path: "/int3b/unblocking_code", door: "int3b", secret: true, do: (*Desk).unblockingCode, gives: operator.UnblockingCode{},
		about: "The unblocking code of a card, for its holder, who was identified. It is shown once.",
		fields: []field{
			iccid,
			{name: "identified", kind: text, must: true, words: []string{"face-to-face", "portal", "partner", "eid", "kiosk"}, most: 16, about: "how the holder of the card was identified"},
			{name: "reason", kind: text, must: true, most: 200, about: "why it is shown"},
			{name: "again", kind: text, words: []string{"yes"}, most: 3, about: "yes: although it was shown before"},
		},
	},
	{
		op: party.ActivateApplet, path: "/int3b/applet_activate", door: "int3b", changes: true, do: (*Desk).activateApplet, gives: operator.CardInfo{},
		about: "ChangeAppletStatus: the applet of a card is active.", fields: []field{iccid},
	},
	{
		op: party.DeactivateApplet, path: "/int3b/applet_deactivate", door: "int3b", changes: true, do: (*Desk).deactivateApplet, gives: operator.CardInfo{},
		about: "ChangeAppletStatus: the applet of a card is deactivated: it signs nothing until it is activated again.", fields: []field{iccid},
	},
	{
		op: party.ListExpiring, path: "/int3b/user_expiring", door: "int3b", do: (*Desk).listExpiring, gives: []operator.ExpiringInfo{},
		about: "Certificates that end soon and have no successor, in the order of the users' numbers.",
		fields: []field{
			{name: "days", kind: number, most: 3660, about: "within so many days; absent: 30"},
			limit,
		},
	},
	{
		op: party.ListAudit, path: "/int3b/audit_list", door: "int3b", do: (*Desk).listAudit, gives: operator.AuditPage{},
		about: "Entries of the audit log in their order. The records of all pages, one a line, without any filter, are what simsign audit verify --file takes.",
		fields: []field{
			{name: "after", kind: number, most: 1 << 53, about: "begin after the entry of this number: next of the page before"},
			limit,
			{name: "from", kind: text, most: 32, about: "not before this time (RFC 3339)"},
			{name: "to", kind: text, most: 32, about: "before this time"},
			{name: "actor", kind: text, most: 256, about: "what this one did"},
			{name: "action", kind: text, most: 64, about: "this action, or all that begin with it: tx, user.change"},
			{name: "msisdn", kind: text, most: 16, about: "what concerns the user with this number"},
		},
	},
	{
		op: party.VerifyAudit, path: "/int3b/audit_verify", door: "int3b", do: (*Desk).verifyAudit, gives: operator.AuditVerified{},
		about: "Is the audit log as it was written? Hashes and tags of all of it are computed anew; the first bad entry is named.",
	},
}

func (d *Desk) makePoP(ctx context.Context, c *party.Client, m message) (any, error) {
	if _, _, _, err := d.user(ctx, c, m.text("msisdn")); err != nil {
		return nil, err
	}
	return d.o.Operator.MakePoP(ctx, operator.PoPRequest{MSISDN: m.text("msisdn"), Channel: m.text("channel"), To: m.text("to")})
}

// PoPChecked says that a code was right.
type PoPChecked struct {
	Right bool `json:"right"`
}

func (d *Desk) checkPoP(ctx context.Context, c *party.Client, m message) (any, error) {
	u, _, _, err := d.user(ctx, c, m.text("msisdn"))
	if err != nil {
		return nil, err
	}
	if err := d.o.Registrar.CheckPoP(ctx, u.MSISDN, m.text("pop")); err != nil {
		return nil, err
	}
	return PoPChecked{Right: true}, nil
}

func (d *Desk) unblockingCode(ctx context.Context, c *party.Client, m message) (any, error) {
	if _, err := d.card(ctx, c, m.text("iccid")); err != nil {
		return nil, err
	}
	return d.o.Operator.UnblockingCode(ctx, operator.UnblockingQuestion{
		ICCID: m.text("iccid"), Identified: m.text("identified"), By: c.ID, Reason: m.text("reason"), Again: m.text("again") == "yes",
	})
}

func (d *Desk) activateApplet(ctx context.Context, c *party.Client, m message) (any, error) {
	if _, err := d.card(ctx, c, m.text("iccid")); err != nil {
		return nil, err
	}
	return d.o.Operator.ActivateCard(ctx, operator.CardName{ICCID: m.text("iccid")})
}

func (d *Desk) deactivateApplet(ctx context.Context, c *party.Client, m message) (any, error) {
	if _, err := d.card(ctx, c, m.text("iccid")); err != nil {
		return nil, err
	}
	return d.o.Operator.DeactivateCard(ctx, operator.CardName{ICCID: m.text("iccid")})
}

func (d *Desk) listExpiring(ctx context.Context, c *party.Client, m message) (any, error) {
	q := operator.ExpiringQuestion{Days: 30, Limit: m.number("limit"), Issuer: c.Issuer}
	if _, ok := m["days"]; ok {
		q.Days = m.number("days")
	}
	return d.o.Operator.Expiring(ctx, q)
}

// ofAll: the audit log is one chain, and no issuer's.
func ofAll(c *party.Client) error {
	if c.Issuer != "" {
		return no("policy", "the audit log is that of all issuers: a client without an issuer reads it")
	}
	return nil
}

func (d *Desk) listAudit(ctx context.Context, c *party.Client, m message) (any, error) {
	if err := ofAll(c); err != nil {
		return nil, err
	}
	q := operator.AuditQuestion{After: int64(m.number("after")), Limit: m.number("limit"), MSISDN: m.text("msisdn"), Filter: audit.Filter{Actor: m.text("actor"), Action: m.text("action")}}
	for name, at := range map[string]*time.Time{"from": &q.Filter.From, "to": &q.Filter.To} {
		s := m.text(name)
		if s == "" {
			continue
		}
		var err error
		if *at, err = time.Parse(time.RFC3339, s); err != nil {
			return nil, no("bad-request", name+": is no time as in 2026-11-30T12:00:00Z")
		}
	}
	return d.o.Audit.List(ctx, q)
}

func (d *Desk) verifyAudit(ctx context.Context, c *party.Client, _ message) (any, error) {
	if err := ofAll(c); err != nil {
		return nil, err
	}
	return d.o.Audit.Verify(ctx)
}
