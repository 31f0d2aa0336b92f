package int3

import (
	"context"
	"reflect"
	"slices"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/mssp/party"
)

// operation is a row of the table.
type operation struct {
	op      party.Operation
	path    string
	door    string // of the audit log: int3c, int3b
	about   string
	fields  []field
	changes bool // it is a call, which may last, and which a request id finds again
	secret  bool // it changes something, and its answer is given once and kept nowhere: it is no call
	do      func(d *Desk, ctx context.Context, c *party.Client, m message) (any, error)
	gives   any // an example of its data; nil: none
}

// Members that several operations have.
var (
	msisdn    = field{name: "msisdn", kind: text, must: true, most: 16, about: "telephone number, international, with or without a plus"}
	profile   = field{name: "profile", kind: text, must: true, most: 1024, about: "signature profile (URI)"}
	usage     = field{name: "usage", kind: text, words: []string{mssp.Authentication.String(), mssp.NonRepudiation.String()}, most: 32, about: "usage of the key"}
	slot      = field{name: "slot", kind: number, most: 255, about: "key slot; absent: the first that fits"}
	algorithm = field{name: "algorithm", kind: text, most: 32, about: "algorithm of the key, as in P-256; absent: the first of the card"}
	flow      = field{name: "flow", kind: text, words: []string{"A", "B"}, most: 1, about: "A: the pair is made beforehand; B: during register_complete; absent: A"}
	pop       = field{name: "pop", kind: text, most: 32, about: "Proof of Possession code that the user was given: the card asks for it, and another one refuses the registration. The word made: the one of pop_make, which this service checks"}
	display   = field{name: "display", kind: text, most: 640, about: "text of the prompt; absent: that of the applet"}
	iccid     = field{name: "iccid", kind: text, must: true, most: 20, about: "number of the card"}
	after     = field{name: "after", kind: text, most: 64, about: "begin after this one"}
	limit     = field{name: "limit", kind: number, most: 1000, about: "at most so many; absent: 1000"}
	request   = field{name: "request", kind: text, most: 64, about: "your own id of this request: when it comes again within a day, with the same message, it gets the answer of the first"}
	wait      = field{name: "wait", kind: number, most: mostWait, about: "seconds that the answer may take; then it is pending, and call_status has it later; absent: 60"}
)

// must is a member without which a message is refused.
func must(f field) field {
	f.must = true
	return f
}

// table is the interface.
var table = []operation{
	{
		op: party.RegisterInit, path: "/int3c/register_init", door: "int3c", changes: true, do: (*Desk).registerInit, gives: Enrolment{},
		about:  "MobileRegistration, register_init: may this user be registered for this profile? Flow A: the public key of the pair, made if there is none.",
		fields: []field{msisdn, profile, usage, algorithm, slot, flow},
	},
	{
		op: party.RegisterComplete, path: "/int3c/register_complete", door: "int3c", changes: true, do: (*Desk).registerComplete, gives: Enrolment{},
		about:  "MobileRegistration, register_complete: the user enters his codes, the card signs the certificate request, which the answer holds.",
		fields: []field{msisdn, profile, must(usage), algorithm, slot, flow, pop, display},
	},
	{
		op: party.CertificateStatus, path: "/int3c/certificate_status", door: "int3c", changes: true, do: (*Desk).certificateStatus, gives: Enrolment{},
		about: "MobileRegistration, certificate_status: the CA has issued the certificate, or refused it. Created without a certificate is no refusal: it is fetched from the repository of the CA, and where none has it the pair waits for it.",
		fields: []field{
			msisdn, usage, slot,
			{name: "status", kind: text, must: true, words: []string{"created", "refused"}, most: 16, about: "what the CA has done"},
			{name: "certificate", kind: octets, most: 16 << 10, about: "the certificate (DER)"},
		},
	},
	{
		op: party.Register, path: "/int3c/register", door: "int3c", changes: true, do: (*Desk).register, gives: Enrolment{},
		about: "The whole registration with the built-in CA: register_init, register_complete, issue, certificate_status.",
		fields: []field{
			msisdn, profile, usage, algorithm, slot, flow, pop, display,
			{name: "pair", kind: text, words: []string{"another", "same"}, most: 8, about: "same: another certificate for the pair whose own has expired, where the policy permits it; the user does nothing. Absent: another"},
		},
	},
	{
		op: party.UnblockCode, path: "/int3b/unblock_pc", door: "int3b", changes: true, do: (*Desk).unblock,
		about:  "MobileSignatureRegistration, Unblock PC: the tries of a personal code are at their maximum again; the code stays.",
		fields: []field{msisdn, must(usage)},
	},
	{
		op: party.ResetCode, path: "/int3b/reset_pc", door: "int3b", changes: true, do: (*Desk).reset,
		about:  "MobileSignatureRegistration, Reset PC: the user chooses a new personal code on the handset.",
		fields: []field{msisdn, must(usage)},
	},
	{
		op: party.AddUser, path: "/int3c/user_add", door: "int3c", changes: true, do: (*Desk).addUser, gives: operator.UserInfo{},
		about: "A number gets a card and the name that certificates will carry.",
		fields: []field{
			msisdn, iccid,
			{name: "name", kind: text, must: true, most: 256, about: "name in certificates, as verified"},
			{name: "serial", kind: text, most: 64, about: "stable identity in certificates; absent: one is made"},
			{name: "language", kind: text, most: 2, about: "of texts to the user, ISO 639-1"},
		},
	},
	{
		op: party.Identify, path: "/int3c/user_identify", door: "int3c", changes: true, do: (*Desk).identify, gives: operator.UserInfo{},
		about: "Record who has identified a user, and how, before he is registered.",
		fields: []field{
			msisdn,
			{name: "how", kind: text, must: true, words: []string{"face-to-face", "portal", "partner", "eid", "kiosk"}, most: 16, about: "how he was identified"},
			{name: "by", kind: text, must: true, most: 128, about: "who has identified him"},
			{name: "email", kind: text, most: 254, about: "his private address"},
			{name: "document", kind: text, most: 200, about: "reference of what he has shown"},
		},
	},
	{
		op: party.MarkDevice, path: "/int3c/user_device", door: "int3c", changes: true, do: (*Desk).markDevice, gives: operator.UserInfo{},
		about: "A user is a device: what tells a person something goes to its owner. Or it is a person again.",
		fields: []field{
			msisdn,
			{name: "kind", kind: text, words: []string{"device", "person"}, most: 8, about: "what the user is; absent: a device"},
			{name: "owner", kind: text, most: 20, about: "number of its owner, a user who is no device: his phone gets the notices"},
			{name: "email", kind: text, most: 254, about: "e-mail address of the owner"},
		},
	},
	{
		op: party.ShowUser, path: "/int3b/user_show", door: "int3b", do: (*Desk).showUser, gives: operator.UserInfo{},
		about: "A user with state, codes and keys.", fields: []field{msisdn},
	},
	{
		op: party.ListUsers, path: "/int3b/user_list", door: "int3b", do: (*Desk).listUsers, gives: []operator.UserInfo{},
		about: "Users in the order of their numbers.", fields: []field{after, limit},
	},
	{
		op: party.AskApplet, path: "/int3b/applet_show", door: "int3b", changes: true, do: (*Desk).askApplet, gives: operator.AppletInfo{},
		about: "What the applet says of itself; the card is asked, and the user does nothing.", fields: []field{msisdn},
	},
	{
		op: party.ShowCard, path: "/int3b/card_show", door: "int3b", do: (*Desk).showCard, gives: operator.CardDetail{},
		about: "A card, without its keys.", fields: []field{iccid},
	},
	{
		op: party.ListCards, path: "/int3b/card_list", door: "int3b", do: (*Desk).listCards, gives: []operator.CardInfo{},
		about: "Cards in the order of their numbers.", fields: []field{after, limit},
	},
	{
		op: party.ListTransactions, path: "/int3b/tx_list", door: "int3b", do: (*Desk).listTransactions, gives: []operator.TxInfo{},
		about: "Transactions of a card, newest first, without what was signed.", fields: []field{iccid, limit},
	},
	{
		op: party.CardSlots, path: "/int3b/card_slots", door: "int3b", changes: true, do: (*Desk).cardSlots, gives: operator.CardSlots{},
		about: "The key slots of a card: what the card says, which is asked, beside what is known here.", fields: []field{iccid},
	},
	{
		op: party.EmptySlot, path: "/int3b/slot_empty", door: "int3b", changes: true, do: (*Desk).emptySlot, gives: operator.CardSlots{},
		about:  "Delete what a card holds in a slot: what has no row here, was aborted, or whose certificate has ended. A pair in force stays.",
		fields: []field{iccid, {name: "slot", kind: number, must: true, most: 255, about: "key slot, from 1 on"}},
	},
	{
		op: party.Renew, path: "/int3c/renew", door: "int3c", changes: true, do: (*Desk).renew, gives: operator.Renewed{},
		about: "Lifetime extension: the user signs with the certificate that is still valid, and a registration makes another pair.",
		fields: []field{
			msisdn, must(usage), algorithm,
			{name: "question", kind: text, most: 640, about: "what the user is asked; absent: that of the service"},
			{name: "when", kind: text, words: []string{"ending", "early"}, most: 16, about: "early: also when the certificate does not end soon; absent: ending"},
		},
	},
	{
		op: party.ChangeCard, path: "/int3b/card_change", door: "int3b", changes: true, do: (*Desk).changeCard, gives: operator.StandingInfo{},
		about:  "A user gets another card of the same issuer: the number belongs to it at once, the certificates of the old card are revoked, and nothing is sent to that any more. Then he is registered with the new one.",
		fields: []field{msisdn, iccid, {name: "note", kind: text, most: 200, about: "why, for people"}},
	},
	{
		op: party.CallStatus, path: "/int3/call_status", door: "int3c",
		about:  "The answer of a call that was pending.",
		fields: []field{{name: "call", kind: text, must: true, most: 64, about: "id of the call"}, wait},
	},
}

// operations are the table by path, with the members that every call has.
var operations = func() map[string]*operation {
	all := map[string]*operation{}
	rows := slices.Concat(table, preconditions, wholes, given)
	for i := range rows {
		o := &rows[i]
		if o.changes {
			o.fields = append(slices.Clip(o.fields), request, wait)
		}
		all[o.path] = o
	}
	return all
}

// data is the type of the data of an answer; nil when it has none.
func (o *operation) data() reflect.Type {
	if o.gives == nil {
		return nil
	}
	return reflect.TypeOf(o.gives)
}
