package mssp

import (
	"time"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Procedure is one of those that change whether a user's certificates are good.
type Procedure string

// Procedures.
const (
	Revoking     Procedure = "revoke"      // 5.8
	Suspending   Procedure = "suspend"     // 5.9
	Reactivating Procedure = "reactivate"  // 5.10
	Leaving      Procedure = "unregister"  // 5.7
	Superseding  Procedure = "supersede"   // 5.12-3: of a certificate that another one has taken the place of
	Changing     Procedure = "change-card" // 5.5
)

// Procedures lists every one.
func Procedures() []Procedure {
	return []Procedure{Revoking, Suspending, Reactivating, Leaving, Superseding, Changing}
}

// Leads is the status that the procedure gives certificates.
func (p Procedure) Leads() CertStatus {
	switch p {
	case Suspending:
		return CertSuspended
	case Reactivating:
		return CertValid
	}
	return CertRevoked
}

// DutyStep is what of a duty comes next.
type DutyStep string

// Steps of a duty, in their order.
const (
	DutyCA   DutyStep = "ca"   // the CA has not confirmed each certificate
	DutyCard DutyStep = "card" // what the policy says is not done on the card
	DutyTell DutyStep = "tell" // the user was not told
	DutyDone DutyStep = "done"
)

// Duty is what is left to do of a procedure that was accepted: it stands in a row until
// the CA has confirmed, the card was seen to and the user told, across restarts.
type Duty struct {
	ID        string
	MSISDN    sms.MSISDN // "" of a user who was erased
	ICCID     ota.ICCID
	Procedure Procedure
	Step      DutyStep
	// Serials are the certificates that the CA has not confirmed. All says that the
	// procedure is about every certificate of the user, and so about his service.
	Serials []string
	All     bool
	Reason  int    // RFC 5280 CRLReason
	Own     bool   // the built-in RA asks the CA; otherwise another RA does, and notifies
	Note    string // of who asked: why
	By      string // who asked
	// Tries counts the failures of the present step, Failure is the last one, DueAt
	// when it is tried again.
	Tries     int
	Failure   string
	DueAt     time.Time
	CreatedAt time.Time
	EndedAt   time.Time
	Version   int64 // optimistic lock
}
