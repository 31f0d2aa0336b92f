// Package audit says what was done, by whom, on whom, why and when. An entry is written
// in the commit of the change that it tells of, and carries the hash of the entry before
// it, so that an edit, a removal or a truncation is found.
package audit

import "context"

// Role is what somebody may do (2-2b, 2-2c).
type Role string

// Roles.
const (
	Administrator Role = "administrator" // everything
	Operator      Role = "operator"      // INT3b, cards
	Registration  Role = "registration"  // INT3c: the RA
	CustomerCare  Role = "customer-care" // shows and unblocks; reads no texts
	Auditor       Role = "auditor"       // reads, and the audit log
	System        Role = "system"        // simsign itself
)

// Actor is who does something, and by which door he came.
type Actor struct {
	Name   string `json:"name"` // of the client, the operating system's user, the provider; "simsign" for the program itself
	Role   Role   `json:"role"`
	Door   string `json:"door"`             // cli, int3b, int3c, api, page, card, timer
	Issuer string `json:"issuer,omitempty"` // the card issuer that he acts for; "" for all
}

type actorKey struct{}

// With is a context in which a does what is done.
func With(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// From is who acts in a context: the program itself when nobody has said.
func From(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok {
		return a
	}
	return Actor{Name: "simsign", Role: System, Door: "timer"}
}
