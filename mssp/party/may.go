package party

import (
	"slices"

	"github.com/simsign/simsign/mssp/audit"
)

// Operation is what a client asks for.
type Operation string

// Operations.
const (
	RegisterInit      Operation = "register_init"      // INT3c MobileRegistration (5.1)
	RegisterComplete  Operation = "register_complete"  //
	CertificateStatus Operation = "certificate_status" //
	Register          Operation = "register"           // the three, with the built-in CA between them
	UnblockCode       Operation = "unblock_pc"         // INT3b "Unblock PC" (5.3)
	ResetCode         Operation = "reset_pc"           // INT3b "Reset PC" (5.4)
	Identify          Operation = "user_identify"      // record who identified a user, and how
	MarkDevice        Operation = "user_device"        // a user is a device with an owner
	AddUser           Operation = "user_add"           // a number gets a card and a name
	ShowUser          Operation = "user_show"          //
	ListUsers         Operation = "user_list"          //
	AskApplet         Operation = "applet_show"        // asks the card
	ShowCard          Operation = "card_show"          //
	ListCards         Operation = "card_list"          //
	ListTransactions  Operation = "tx_list"            // never with texts
	CardSlots         Operation = "card_slots"         // asks the card
	EmptySlot         Operation = "slot_empty"         // of what is not in force
	Renew             Operation = "renew"              // of a certificate that ends (5.12)
	CallStatus        Operation = "call_status"        // of an own call
	ChangeCard        Operation = "card_change"        // a number gets another card of the same issuer (5.5)

	// INT3c MobileSignatureRegistration: pre-condition calls (5.7 to 5.10), and what the RA
	// notifies when its CA has answered.
	Unregister   Operation = "unregister"
	Revoke       Operation = "revoke"
	Suspend      Operation = "suspend"
	Reactivate   Operation = "reactivate"
	Notification Operation = "notification"

	// The same with the built-in CA, in one call (W-10).
	UnregisterUser Operation = "user_unregister"
	RevokeUser     Operation = "user_revoke"
	SuspendUser    Operation = "user_suspend"
	ReactivateUser Operation = "user_reactivate"
	ListDuties     Operation = "duty_list" // what is left to do of them

	MakePoP          Operation = "pop_make"
	CheckPoP         Operation = "pop_check"
	ShowUnblocking   Operation = "unblocking_code" // shown once
	ActivateApplet   Operation = "applet_activate"
	DeactivateApplet Operation = "applet_deactivate"
	ListExpiring     Operation = "user_expiring"
	ListAudit        Operation = "audit_list"
	VerifyAudit      Operation = "audit_verify"
)

// may is the table: the roles that may do an operation. It drives the code: what does not
// stand here is refused to everybody. A signature is no operation: nobody here can ask for
// one, and no role reads what was signed.
var may = map[Operation][]audit.Role{
	RegisterInit:      {audit.Administrator, audit.Registration},
	RegisterComplete:  {audit.Administrator, audit.Registration},
	CertificateStatus: {audit.Administrator, audit.Registration},
	Register:          {audit.Administrator, audit.Registration},
	UnblockCode:       {audit.Administrator, audit.Operator, audit.CustomerCare},
	ResetCode:         {audit.Administrator, audit.Operator, audit.CustomerCare},
	Identify:          {audit.Administrator, audit.Operator, audit.Registration},
	MarkDevice:        {audit.Administrator, audit.Operator, audit.Registration},
	AddUser:           {audit.Administrator, audit.Operator, audit.Registration},
	ShowUser:          Roles,
	ListUsers:         {audit.Administrator, audit.Operator, audit.Auditor},
	AskApplet:         {audit.Administrator, audit.Operator, audit.CustomerCare, audit.Registration},
	ShowCard:          Roles,
	ListCards:         {audit.Administrator, audit.Operator, audit.Auditor},
	ListTransactions:  {audit.Administrator, audit.Operator, audit.CustomerCare, audit.Auditor},
	CardSlots:         {audit.Administrator, audit.Operator, audit.CustomerCare, audit.Registration},
	EmptySlot:         {audit.Administrator, audit.Operator},
	Renew:             {audit.Administrator, audit.Operator, audit.Registration},
	CallStatus:        Roles,
	ChangeCard:        {audit.Administrator, audit.Operator},

	// "Started by the RA or the operator" (5.7 to 5.10). What a CA has confirmed is said by
	// its RA and by nobody else.
	Unregister:   {audit.Administrator, audit.Operator, audit.Registration},
	Revoke:       {audit.Administrator, audit.Operator, audit.Registration},
	Suspend:      {audit.Administrator, audit.Operator, audit.Registration},
	Reactivate:   {audit.Administrator, audit.Operator, audit.Registration},
	Notification: {audit.Administrator, audit.Registration},

	// Customer care is named as a way to each of the four: a user whose phone was stolen
	// calls there and nowhere else (3.5.9, 3.5.10, 3.5.11: "for both actions"). None of them
	// makes a signature possible that was not before, except the end of a suspension, for
	// which the agent identifies the user, as for a code.
	UnregisterUser: {audit.Administrator, audit.Operator, audit.CustomerCare},
	RevokeUser:     {audit.Administrator, audit.Operator, audit.CustomerCare},
	SuspendUser:    {audit.Administrator, audit.Operator, audit.CustomerCare},
	ReactivateUser: {audit.Administrator, audit.Operator, audit.CustomerCare},
	ListDuties:     {audit.Administrator, audit.Operator, audit.Registration, audit.Auditor},

	// The RA makes the code and checks it (3.5.1-12, 5.1 A 22); who identifies a user at a
	// desk of the operator hands it out too. Customer care registers nobody.
	MakePoP:  {audit.Administrator, audit.Operator, audit.Registration},
	CheckPoP: {audit.Administrator, audit.Registration},
	// "From customer care after identification" (3.5.4-7).
	ShowUnblocking:   {audit.Administrator, audit.Operator, audit.CustomerCare},
	ActivateApplet:   {audit.Administrator, audit.Operator},
	DeactivateApplet: {audit.Administrator, audit.Operator},
	ListExpiring:     {audit.Administrator, audit.Operator, audit.Registration, audit.Auditor},
	ListAudit:        {audit.Administrator, audit.Auditor},
	VerifyAudit:      {audit.Administrator, audit.Auditor},
}

// May reports whether a role may do an operation.
func May(r audit.Role, op Operation) bool { return slices.Contains(may[op], r) }

// Operations are all of them, in the order of their names.
func Operations() []Operation {
	ops := make([]Operation, 0, len(may))
	for op := range may {
		ops = append(ops, op)
	}
	slices.Sort(ops)
	return ops
}
