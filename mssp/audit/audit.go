// Package audit says what was done, by whom, on whom, why and when. An entry is written
// in the commit of the change that it tells of (package store): each edge of the state
// table has exactly one, and a commit that fails leaves none. A person stands there by a
// keyed pseudonym beside his masked number; no text, code or key stands there at all.
//
// The hash of a record is SHA-256 over the hash before it, its number, its time and its
// octets; so everybody can check a chain, an export too. Beside it stands a tag, made of the
// hash with a key of the installation: whoever writes in the database without having that
// key can neither change, insert, swap nor remove an entry, nor make the chain anew. What
// he can do is put the whole back as it was earlier, or cut off its end. That is found by
// anchors: number and hash of the newest record, in the log, and signed with Ed25519 in a
// file. Whoever has the keys of the installation can make all of it anew, but not what was
// taken away before: the copies of the anchors, and of the log, contradict him.
//
// Entries that retention has cut off at the beginning leave one that says up to which
// number and hash: the chain verifies from there.
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
	Provider      Role = "provider"      // of applications: asks for signatures
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

// Self is the program itself: its timers.
var Self = Actor{Name: "simsign", Role: System, Door: "timer"}

// From is who acts in a context: the program itself when nobody has said.
func From(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok {
		return a
	}
	return Self
}
