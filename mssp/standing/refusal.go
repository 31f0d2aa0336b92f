package standing

import "fmt"

// Reason is why a call was refused, in one word.
type Reason string

// Reasons.
const (
	NotRegistered  Reason = "not-registered"
	NotActive      Reason = "not-active"
	AppletInactive Reason = "applet-inactive"
	CodeBlocked    Reason = "code-blocked"
	NoCertificate  Reason = "no-certificate" // none that has not ended
	RevokedForGood Reason = "revoked"        // W-6
	NotHis         Reason = "not-his"        // the certificate is no one of this user
	Nothing        Reason = "nothing-to-do"
	Declined       Reason = "declined" // the user has not consented
	BadReason      Reason = "bad-reason"
	NotYet         Reason = "not-yet"   // the certificate does not end soon
	UnderWay       Reason = "under-way" // the same is being done
	OtherIssuer    Reason = "other-issuer"
	CardUnfit      Reason = "card-unfit" // the new card cannot do what the user is registered for
)

// Refusal is the answer to a call of which nothing was done (G1).
type Refusal struct {
	Reason Reason
	Detail string
}

func (r *Refusal) Error() string { return r.Detail }

func refusef(r Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: r, Detail: fmt.Sprintf(format, args...)}
}
