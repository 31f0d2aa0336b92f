package standing

import (
	"slices"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// notify stores what the CA says of a certificate: it must be one of this user. Its pair may
// be gone meanwhile, or it has expired: then the duty that has waited for this is all that
// it changes.
func notify(sit *store.Situation, n *Notice, now time.Time) error {
	k, to := pairOf(sit, n.Serial), n.Status.Of()
	waits := slices.ContainsFunc(sit.Duties, func(d mssp.Duty) bool { return d.Step == mssp.DutyCA && slices.Contains(d.Serials, n.Serial) })
	if waits && (k == nil || n.Status == mssp.CertValid && k.State != mssp.KeyRevoked && k.Ended(now)) {
		confirmed(sit, n, now)
		settle(sit, now)
		return nil
	}
	if k == nil {
		return refusef(NotHis, "the user has no pair with the certificate %s", n.Serial)
	}
	switch {
	case to != mssp.KeyRevoked && (k.State == mssp.KeyRevoked || k.State == mssp.KeyRevoking):
		return refusef(RevokedForGood, "the certificate is revoked, or about to be: it is never good again, the user registers anew")
	case to == mssp.KeyRegistered && k.Ended(now):
		return refusef(NoCertificate, "the certificate has expired")
	case to == "":
		return refusef(BadReason, "a certificate is notified as revoked, suspended or valid")
	}
	k.State = to
	if c := sit.Cert(n.Serial); c != nil && c.Status != n.Status && c.Status.Permits(n.Status) {
		c.Status, c.Reason, c.RevokedAt = n.Status, n.Reason, now
	}
	confirmed(sit, n, now)
	settle(sit, now)
	return nil
}

// pairOf is the pair under a certificate, at the card that the user has or at one that he
// has had; nil: none.
func pairOf(sit *store.Situation, serial string) *mssp.KeyPair {
	if serial == "" {
		return nil
	}
	for _, keys := range [][]mssp.KeyPair{sit.Keys, sit.Former} {
		for i := range keys {
			if k := &keys[i]; k.Serial == serial && k.State.Certified() {
				return k
			}
		}
	}
	return nil
}

// confirmed takes the certificate out of the duties that have waited for this. Where none
// has, the CA has acted by itself, and the rest is a duty.
func confirmed(sit *store.Situation, n *Notice, now time.Time) {
	waited := false
	for i := range sit.Duties {
		d := &sit.Duties[i]
		at := slices.Index(d.Serials, n.Serial)
		if at < 0 || d.Step != mssp.DutyCA || d.Procedure.Leads() != n.Status && n.Status != mssp.CertRevoked {
			continue
		}
		waited = waited || d.Procedure.Leads() == n.Status
		d.Serials = slices.Delete(slices.Clone(d.Serials), at, at+1)
		if d.Procedure == mssp.Leaving && len(d.Serials) == 0 {
			d.Serials = revokeRest(sit, now)
		}
		if len(d.Serials) == 0 {
			d.Step, d.Tries, d.Failure = mssp.DutyCard, 0, ""
		}
	}
	p := map[mssp.CertStatus]mssp.Procedure{mssp.CertRevoked: mssp.Revoking, mssp.CertSuspended: mssp.Suspending, mssp.CertValid: mssp.Reactivating}[n.Status]
	if told := slices.ContainsFunc(sit.Duties, func(d mssp.Duty) bool { return d.Procedure.Leads() == n.Status }); !waited && !told {
		sit.Duties = append(sit.Duties, mssp.Duty{
			MSISDN: n.MSISDN, ICCID: sit.Card.ICCID, Procedure: p, Step: mssp.DutyCard, Reason: n.Reason, Own: true, By: n.By,
			Note: "the CA has acted by itself", CreatedAt: now, DueAt: now,
		})
	}
}

// revokeRest has the certificates revoked that a user who leaves has got since he wanted to:
// a registration was under way (5.7-10: every certificate).
func revokeRest(sit *store.Situation, now time.Time) (serials []string) {
	for i := range sit.Keys {
		k := &sit.Keys[i]
		if k.State.Certified() && !k.Ended(now) && k.State != mssp.KeyRevoking {
			k.State = mssp.KeyRevoking
			serials = append(serials, k.Serial)
		}
	}
	return serials
}

// settle gives the user the status that follows from his pairs: with the last certificate
// of one who leaves he has left; with the last one re-activated he is active; and of whom
// nothing is left that could be suspended, a suspension has ended: he may register anew.
func settle(sit *store.Situation, now time.Time) {
	leaves := slices.ContainsFunc(sit.Duties, func(d mssp.Duty) bool {
		return d.Procedure == mssp.Leaving && len(d.Serials) == 0 && d.Step != mssp.DutyCA
	})
	suspended, revoking, alive := false, false, false
	for i := range sit.Keys {
		k := &sit.Keys[i]
		if !k.State.Certified() || k.Ended(now) {
			continue
		}
		alive = true
		suspended = suspended || k.State == mssp.KeySuspended
		revoking = revoking || k.State == mssp.KeyRevoking
	}
	switch {
	case leaves && !alive:
		sit.User.State = mssp.SubscriberRemoved
	case sit.User.State == mssp.SubscriberSuspended && (!alive || !suspended && !revoking):
		sit.User.State = mssp.SubscriberActive
	}
}
