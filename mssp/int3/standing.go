package int3

import (
	"context"
	"encoding/hex"
	"math/big"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/mssp/party"
)

// Members of the calls that change the standing of a user.
var (
	serial = field{name: "serial", kind: text, most: 64, about: "serial number of one certificate, hexadecimal; absent: every certificate of the user"}
	why    = field{
		name: "reason", kind: text, most: 16, words: []string{"unspecified", "lost", "compromise", "changed", "superseded", "ceased", "withdrawn"},
		about: "reason in the revocation list; absent: unspecified",
	}
	note     = field{name: "note", kind: text, most: 200, about: "why, for people"}
	consent  = field{name: "consent", kind: text, must: true, words: []string{"with", "without", "gone"}, most: 16, about: "with: the user is asked on his phone first, and signs; a refusal changes nothing. gone: he has gone to another operator; nothing is sent to his number or card, and no suspension or blocked code stops it"}
	question = field{name: "question", kind: text, most: 400, about: "what he is asked; absent: the question of the service"}
)

// preconditions are the first calls of 5.7 to 5.10, and the second one: between them the
// RA asks its CA.
var preconditions = []operation{
	{
		op: party.Unregister, path: "/int3c/unregister", door: "int3c", changes: true, gives: operator.StandingInfo{}, do: before(mssp.Leaving),
		about:  "MobileSignatureRegistration, Unregister: may the user leave, and does he consent? From a good answer on nothing is signed for him. The RA has its CA revoke each certificate, and notifies; with the last one he has left.",
		fields: []field{msisdn, consent, question, why, note},
	},
	{
		op: party.Revoke, path: "/int3c/revoke", door: "int3c", changes: true, gives: operator.StandingInfo{}, do: before(mssp.Revoking),
		about:  "MobileSignatureRegistration, revoke: the pre-conditions. From a good answer on nothing is signed; revoked is what the RA has notified after its CA's word. Possible at any time while a certificate has not ended.",
		fields: []field{msisdn, serial, why, note},
	},
	{
		op: party.Suspend, path: "/int3c/suspend", door: "int3c", changes: true, gives: operator.StandingInfo{}, do: before(mssp.Suspending),
		about:  "MobileSignatureRegistration, suspend: the pre-conditions. The user is suspended from the good answer on, before the CA is asked.",
		fields: []field{msisdn, serial, note},
	},
	{
		op: party.Reactivate, path: "/int3c/reactivate", door: "int3c", changes: true, gives: operator.StandingInfo{}, do: before(mssp.Reactivating),
		about:  "MobileSignatureRegistration, re-activate: the pre-conditions. The user is active again when the RA has notified. What is revoked stays revoked.",
		fields: []field{msisdn, serial, note},
	},
	{
		op: party.Notification, path: "/int3c/notification", door: "int3c", changes: true, gives: operator.StandingInfo{}, do: (*Desk).notification,
		about: "MobileSignatureRegistration, notification: what the CA has done with a certificate. Taken also when nobody has asked for it here: the CA may act by itself.",
		fields: []field{
			msisdn, must(serial),
			{name: "status", kind: text, must: true, words: []string{"revoked", "suspended", "reactivated"}, most: 16, about: "what the CA has confirmed"},
			why,
		},
	},
}

// wholes are 5.7 to 5.10 with the built-in CA, in one call. What it has not confirmed, and
// certificates of another CA, are open in the answer.
var wholes = []operation{
	{
		op: party.UnregisterUser, path: "/int3b/user_unregister", door: "int3b", changes: true, gives: operator.StandingInfo{}, do: whole(mssp.Leaving),
		about:  "A user leaves, with the built-in CA: all his certificates are revoked.",
		fields: []field{msisdn, consent, question, why, note},
	},
	{
		op: party.RevokeUser, path: "/int3b/user_revoke", door: "int3b", changes: true, gives: operator.StandingInfo{}, do: whole(mssp.Revoking),
		about: "The certificates of a user are revoked, with the built-in CA: for good, and at any time.", fields: []field{msisdn, serial, why, note},
	},
	{
		op: party.SuspendUser, path: "/int3b/user_suspend", door: "int3b", changes: true, gives: operator.StandingInfo{}, do: whole(mssp.Suspending),
		about: "A user is suspended, with the built-in CA.", fields: []field{msisdn, serial, note},
	},
	{
		op: party.ReactivateUser, path: "/int3b/user_reactivate", door: "int3b", changes: true, gives: operator.StandingInfo{}, do: whole(mssp.Reactivating),
		about: "The suspension of a user ends, with the built-in CA.", fields: []field{msisdn, serial, note},
	},
	{
		op: party.ListDuties, path: "/int3b/duty_list", door: "int3b", do: (*Desk).listDuties, gives: []operator.DutyInfo{},
		about: "What is left to do of suspensions, re-activations and revocations: what a CA has not confirmed, what is not done on a card, who is not told.", fields: []field{limit},
	},
}

type doer = func(*Desk, context.Context, *party.Client, message) (any, error)

// before is a pre-condition call: the client's own RA goes on with it.
func before(p mssp.Procedure) doer {
	return func(d *Desk, ctx context.Context, c *party.Client, m message) (any, error) {
		return d.standing(ctx, c, m, p, true)
	}
}

// whole is a procedure with the built-in CA.
func whole(p mssp.Procedure) doer {
	return func(d *Desk, ctx context.Context, c *party.Client, m message) (any, error) {
		return d.standing(ctx, c, m, p, false)
	}
}

func (d *Desk) standing(ctx context.Context, c *party.Client, m message, p mssp.Procedure, foreign bool) (any, error) {
	if _, _, _, err := d.user(ctx, c, m.text("msisdn")); err != nil {
		return nil, err
	}
	cert, err := serialOf(m)
	if err != nil {
		return nil, err
	}
	r := operator.StandingRequest{
		MSISDN: m.text("msisdn"), Procedure: p, Certificate: cert, Reason: m.text("reason"), Note: m.text("note"), By: c.ID, Foreign: foreign,
		Gone: m.text("consent") == "gone",
	}
	if m.text("consent") == "with" {
		if r.Question = m.text("question"); r.Question == "" {
			r.Question = d.o.Question
		}
	} else if m.text("question") != "" {
		return nil, no("bad-request", "question: nobody is asked without consent")
	}
	return d.o.Operator.ChangeStanding(ctx, r)
}

// notification is the second call (5.7-13, 5.8-7, 5.9-7, 5.10-7).
func (d *Desk) notification(ctx context.Context, c *party.Client, m message) (any, error) {
	if _, _, _, err := d.user(ctx, c, m.text("msisdn")); err != nil {
		return nil, err
	}
	cert, err := serialOf(m)
	if err != nil {
		return nil, err
	}
	status := map[string]mssp.CertStatus{"revoked": mssp.CertRevoked, "suspended": mssp.CertSuspended, "reactivated": mssp.CertValid}[m.text("status")]
	if m.text("reason") != "" && status != mssp.CertRevoked {
		return nil, no("bad-request", "reason: is that of a revocation")
	}
	return d.o.Operator.NotifyStanding(ctx, operator.StandingNotice{
		MSISDN: m.text("msisdn"), Certificate: cert, Status: status, Reason: m.text("reason"), By: c.ID,
	})
}

// serialOf is the serial number of a message as certificates are stored under it.
func serialOf(m message) (string, error) {
	s := m.text("serial")
	if s == "" {
		return "", nil
	}
	n, ok := new(big.Int).SetString(s, 16)
	if !ok || n.Sign() <= 0 {
		return "", no("bad-request", "serial: is no number in hexadecimal")
	}
	return hex.EncodeToString(n.Bytes()), nil
}

func (d *Desk) listDuties(ctx context.Context, c *party.Client, m message) (any, error) {
	return d.o.Operator.Duties(ctx, page(c, m))
}
