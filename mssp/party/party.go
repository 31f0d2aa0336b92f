// Package party says who calls the service beside application providers (W-2): the
// registration authority over INT3c, the operator and his customer care over INT3b, and
// auditors; and for which card issuer (W-8).
//
// A Client is one of them, with a role. An Issuer owns cards; a client that acts for an
// issuer reaches the users of its cards, and of others not even that they exist. A
// client without one acts for all.
//
// It logs in by a password, or by a certificate that is pinned, and never by either of
// them: who knows the password would pass without the certificate.
package party

import (
	"time"

	"github.com/simsign/simsign/mssp/audit"
)

// Issuer is a card issuer (W-8).
type Issuer struct {
	ID   string
	Name string
	// Profiles are the signature profiles (URI) for which its users may be registered;
	// empty: all.
	Profiles []string
	// CA is the certificate (DER) of the CA whose certificates its RA brings; nil: any.
	CA        []byte
	RemovedAt time.Time // not zero: it is gone; its cards stay where they are
	CreatedAt time.Time
	Version   int64 // optimistic lock
}

// Client is who calls INT3b or INT3c.
type Client struct {
	ID           string
	Role         audit.Role
	Issuer       string   // for which it acts; "" for all
	PasswordHash string   // of service.HashPassword or NewPassword; "" when only mutual TLS is allowed
	CertSHA256   []string // pinned client certificates, SHA-256 of the DER in hexadecimal
	Disabled     bool
	RemovedAt    time.Time // not zero: it is gone for good; its history stays, and nobody gets its id
	CreatedAt    time.Time
	Version      int64 // optimistic lock
}

// Roles are those that a client can have.
var Roles = []audit.Role{audit.Administrator, audit.Operator, audit.Registration, audit.CustomerCare, audit.Auditor}
