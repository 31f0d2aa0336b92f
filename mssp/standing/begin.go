package standing

import (
	"slices"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// begin checks what must be so before a procedure, stops what must stop, and adds its
// duty; or it answers the duty that is open already.
func begin(sit *store.Situation, c *Call, now time.Time) (mssp.Duty, error) {
	if sit.User.State == mssp.SubscriberRemoved {
		return mssp.Duty{}, refusef(NotRegistered, "the user has left")
	}
	if !slices.ContainsFunc(sit.Keys, func(k mssp.KeyPair) bool { return k.State.Certified() }) { // G5
		return mssp.Duty{}, refusef(NotRegistered, "the user is not registered for any key pair")
	}
	if c.Procedure == mssp.Revoking || c.Procedure == mssp.Leaving {
		if !slices.Contains([]int{0, 1, 3, 4, 5, 9}, c.Reason) {
			return mssp.Duty{}, refusef(BadReason, "%d is no reason to revoke (RFC 5280: 0, 1, 3, 4, 5, 9)", c.Reason)
		}
	}
	var pairs []*mssp.KeyPair
	for i := range sit.Keys {
		if k := &sit.Keys[i]; k.State.Certified() && (c.Serial == "" || c.Serial == k.Serial) {
			pairs = append(pairs, k)
		}
	}
	if len(pairs) == 0 {
		return mssp.Duty{}, refusef(NotHis, "the user has no pair with the certificate %s", c.Serial)
	}
	d := mssp.Duty{
		MSISDN: c.MSISDN, ICCID: sit.Card.ICCID, Procedure: c.Procedure, Step: mssp.DutyCA, All: c.Serial == "",
		Reason: c.Reason, Own: c.Own, Note: c.Note, By: c.By, CreatedAt: now, DueAt: now,
	}
	if c.Gone { // no card is seen to, and nobody is told
		d.ICCID = ""
	}
	return map[mssp.Procedure]func(*store.Situation, *mssp.Duty, []*mssp.KeyPair, time.Time) (mssp.Duty, error){
		mssp.Revoking: beginRevoke, mssp.Superseding: beginRevoke, mssp.Leaving: beginLeave, mssp.Suspending: beginSuspend, mssp.Reactivating: beginReactivate,
	}[c.Procedure](sit, &d, pairs, now)
}

// beginRevoke: suspended, deactivated, blocked and unreachable never stop a revocation (5.8,
// 3.5.10, W-10); one pair that has not ended is enough.
func beginRevoke(sit *store.Situation, d *mssp.Duty, pairs []*mssp.KeyPair, now time.Time) (mssp.Duty, error) {
	for _, k := range pairs {
		if k.Ended(now) {
			continue
		}
		k.State = mssp.KeyRevoking
		d.Serials = append(d.Serials, k.Serial)
	}
	if len(d.Serials) == 0 {
		return *d, refusef(NoCertificate, "nothing is left to revoke: every certificate is revoked or has expired")
	}
	for i := range sit.Duties {
		o := &sit.Duties[i]
		if o.Step == mssp.DutyCA && o.Procedure.Leads() == mssp.CertRevoked && !slices.ContainsFunc(d.Serials, func(s string) bool { return !slices.Contains(o.Serials, s) }) {
			return *o, nil // it is asked for already
		}
	}
	supersede(sit, mssp.Suspending, d.Serials)
	supersede(sit, mssp.Reactivating, d.Serials)
	return add(sit, d)
}

// beginLeave is 5.7-2, after the consent where that was asked for.
func beginLeave(sit *store.Situation, d *mssp.Duty, pairs []*mssp.KeyPair, now time.Time) (mssp.Duty, error) {
	d.All = true
	if gone := d.ICCID == ""; gone {
		sit.Vacated = true
		for i := range sit.Keys { // whose order ends with that
			if k := &sit.Keys[i]; k.State == mssp.KeyRegistering {
				k.State = mssp.KeyDeleted
			}
		}
	} else {
		if err := mayLeave(sit); err != nil {
			return *d, err
		}
	}
	for i := range sit.Duties {
		if o := &sit.Duties[i]; o.Procedure == mssp.Leaving {
			return *o, nil
		}
	}
	for _, k := range pairs {
		if !k.Ended(now) {
			k.State = mssp.KeyRevoking
			d.Serials = append(d.Serials, k.Serial)
		}
	}
	supersede(sit, mssp.Revoking, d.Serials)
	supersede(sit, mssp.Superseding, d.Serials)
	supersede(sit, mssp.Suspending, d.Serials)
	supersede(sit, mssp.Reactivating, d.Serials)
	if len(d.Serials) == 0 { // all have ended: there is nothing that a CA could confirm
		d.Step, sit.User.State = mssp.DutyCard, mssp.SubscriberRemoved
	}
	return add(sit, d)
}

// mayLeave: registered is checked already; activated, and no code blocked.
func mayLeave(sit *store.Situation) error {
	switch {
	case sit.User.State != mssp.SubscriberActive:
		return refusef(NotActive, "the service of the user is %s: have his certificates revoked, which is always possible", sit.User.State)
	case sit.Card.Applet == mssp.AppletDeactivated:
		return refusef(AppletInactive, "the applet of the user is deactivated: have his certificates revoked, which is always possible")
	case sit.Card.Blocked[0] || sit.Card.Blocked[1]:
		return refusef(CodeBlocked, "a personal code of the user is blocked: have his certificates revoked, which is always possible")
	}
	return nil
}

// beginSuspend suspends the user, or one pair, now: before the CA is asked (3.5.11-2).
func beginSuspend(sit *store.Situation, d *mssp.Duty, pairs []*mssp.KeyPair, now time.Time) (mssp.Duty, error) {
	if sit.User.State != mssp.SubscriberActive {
		return *d, refusef(NotActive, "the service of the user is %s already", sit.User.State)
	}
	if sit.Card.Applet == mssp.AppletDeactivated {
		return *d, refusef(AppletInactive, "the applet of the user is deactivated: nothing can be signed with it")
	}
	for _, k := range pairs {
		if k.State == mssp.KeyRegistered && !k.Ended(now) {
			k.State = mssp.KeySuspended
			d.Serials = append(d.Serials, k.Serial)
		}
	}
	if len(d.Serials) == 0 {
		return *d, refusef(NoCertificate, "no certificate is valid: there is nothing to suspend")
	}
	if d.All {
		sit.User.State = mssp.SubscriberSuspended
	}
	d.Reason = 6 // certificateHold
	supersede(sit, mssp.Reactivating, d.Serials)
	return add(sit, d)
}

// beginReactivate changes nothing yet: the certificates are still on hold. "Activated"
// of 5.10-2 is read as "not removed".
func beginReactivate(sit *store.Situation, d *mssp.Duty, pairs []*mssp.KeyPair, now time.Time) (mssp.Duty, error) {
	good, ended := 0, 0
	for _, k := range pairs {
		switch {
		case k.State == mssp.KeyRevoking || k.Ended(now):
			ended++
		case k.State == mssp.KeySuspended:
			d.Serials = append(d.Serials, k.Serial)
		default:
			good++
		}
	}
	switch {
	case len(d.Serials) == 0 && good == 0:
		return *d, refusef(RevokedForGood, "what is revoked or has expired is never good again: the user registers anew (%d certificates)", ended)
	case len(d.Serials) == 0 && sit.User.State == mssp.SubscriberActive:
		return *d, refusef(Nothing, "nothing of the user is suspended")
	}
	for i := range sit.Duties {
		if o := &sit.Duties[i]; o.Procedure == mssp.Reactivating && o.Step == mssp.DutyCA && slices.Equal(o.Serials, d.Serials) {
			return *o, nil
		}
	}
	supersede(sit, mssp.Suspending, d.Serials)
	if len(d.Serials) == 0 {
		d.Step, sit.User.State = mssp.DutyCard, mssp.SubscriberActive
	}
	return add(sit, d)
}

// supersede takes certificates out of the open duties of a procedure.
func supersede(sit *store.Situation, p mssp.Procedure, serials []string) {
	for i := range sit.Duties {
		d := &sit.Duties[i]
		if d.Procedure != p || d.Step == mssp.DutyDone {
			continue
		}
		left := slices.DeleteFunc(slices.Clone(d.Serials), func(s string) bool { return slices.Contains(serials, s) })
		if d.Serials = left; len(left) == 0 {
			d.Step, d.Failure = mssp.DutyDone, "another procedure has taken its place"
		}
	}
}

func add(sit *store.Situation, d *mssp.Duty) (mssp.Duty, error) {
	sit.Duties = append(sit.Duties, *d)
	return *d, nil
}
