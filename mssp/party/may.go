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
