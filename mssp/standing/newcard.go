package standing

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// CardCall gives a number another card of the same operator (5.5).
type CardCall struct {
	MSISDN sms.MSISDN
	ICCID  ota.ICCID // the new card
	Note   string    // why, for people
	By     string
	Own    bool // the built-in RA asks the CA
	// Fits refuses a card that cannot do what the user is registered for.
	Fits func(c *store.CardChange) error
}

// ChangeCard binds a number to its new card. The old one serves until this commit and
// never after: its certificates are on their way to be revoked (superseded), its slots are
// forgotten, what was open at it has ended (that is what is answered), and nothing is sent
// to it any more, no deactivation either. Whatever is still to be done of it stands in a duty
// that names the old card. The user is registered anew on the new one (5.1).
func (s *Standing) ChangeCard(ctx context.Context, c CardCall) (mssp.Duty, []mssp.Transaction, error) {
	now := s.o.Clock()
	var was store.CardChange
	var ended []mssp.Transaction
	err := settled(ctx, func() (err error) {
		was, ended, err = s.o.Store.MoveToCard(ctx, c.MSISDN, c.ICCID, func(m *store.CardChange) error { return changeCard(m, &c, now) })
		return err
	})
	if errors.Is(err, store.ErrUnderWay) {
		return mssp.Duty{}, nil, refusef(UnderWay, "a message for the old card is being handed to the network: nothing has changed; ask again in some seconds")
	}
	if err != nil {
		return mssp.Duty{}, nil, Unknown(err)
	}
	d := was.Duties[len(was.Duties)-1]
	s.o.Logger.Info("card changed", "msisdn", c.MSISDN, "from", d.ICCID, "to", c.ICCID, "certificates", len(d.Serials), "ended", len(ended))
	return d, ended, nil
}

// How long a change waits for a message that is on its way to the network: outcomes are
// stored 20 ms after they are known, and a network that works takes a message in a second.
const (
	settleFirst = 20 * time.Millisecond
	settlePause = 250 * time.Millisecond // the longest between two looks
	settleMost  = 5 * time.Second
)

// settled tries again while a message is on its way to the network.
func settled(ctx context.Context, move func() error) error {
	err := move()
	pause := settleFirst / 2
	for waited := time.Duration(0); waited < settleMost && errors.Is(err, store.ErrUnderWay); waited += pause {
		pause = min(2*pause, settlePause)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
		err = move()
	}
	return err
}

// changeCard checks what must be so, and gives up the old card.
func changeCard(m *store.CardChange, c *CardCall, now time.Time) error {
	if err := mayChange(m); err != nil {
		return err
	}
	if c.Fits != nil {
		if err := c.Fits(m); err != nil {
			return refusef(CardUnfit, "%v", err)
		}
	}
	d := mssp.Duty{
		MSISDN: m.User.MSISDN, ICCID: m.Card.ICCID, Procedure: mssp.Changing, Step: mssp.DutyCA, All: true,
		Reason: superseded, Own: c.Own, Note: c.Note, By: c.By, CreatedAt: now, DueAt: now, Serials: slices.Clone(m.Loose),
	}
	for i := range m.Keys {
		switch k := &m.Keys[i]; {
		case !k.State.Certified():
			k.State = mssp.KeyDeleted
		case !k.Ended(now) && k.State != mssp.KeyRevoking: // else another duty has it revoked, for a reason of its own
			k.State = mssp.KeyRevoking
			d.Serials = append(d.Serials, k.Serial)
		}
	}
	for i := range m.Duties { // what was about to be done for the old card is not done any more
		if o := &m.Duties[i]; o.Procedure == mssp.Suspending || o.Procedure == mssp.Reactivating {
			o.Serials, o.Step, o.Failure = nil, mssp.DutyDone, "the user has changed to another card"
		}
	}
	if m.User.State == mssp.SubscriberSuspended { // nothing is left that could be suspended: he registers anew
		m.User.State = mssp.SubscriberActive
	}
	if len(d.Serials) == 0 {
		d.Step = mssp.DutyTell
	}
	_, err := add(&m.Situation, &d)
	return err
}

// superseded is the reason in the revocation list (RFC 5280 5.3.1).
const superseded = 4

// mayChange is what stands before 5.5. Suspended, blocked and unreachable stop nobody: the
// old card may be lost.
func mayChange(m *store.CardChange) error {
	leaves := func(d mssp.Duty) bool { return d.Procedure == mssp.Leaving }
	certified := func(k mssp.KeyPair) bool { return k.State.Certified() }
	switch {
	case m.User.State == mssp.SubscriberRemoved || slices.ContainsFunc(m.Duties, leaves):
		return refusef(NotRegistered, "the user has left")
	case m.Next.ICCID == m.Card.ICCID:
		return refusef(Nothing, "the user has this card already")
	case !m.Moved && !slices.ContainsFunc(m.Keys, certified): // G5
		return refusef(NotRegistered, "the user is not registered for any key pair")
	case m.Next.Issuer != m.Card.Issuer:
		return refusef(OtherIssuer, "the new card is of another issuer than the old one: that is a change of operator")
	case m.Next.State != mssp.CardActive:
		return refusef(CardUnfit, "the new card is %s: it must be released first", m.Next.State)
	}
	return nil
}
