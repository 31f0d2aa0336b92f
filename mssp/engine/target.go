package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Target is what the rows say about a number: whose it is, which card answers
// under it, and which keys that card holds.
type Target struct {
	Subscriber mssp.Subscriber
	Card       mssp.Card
	Keys       []mssp.KeyPair
	Profile    mssp.CardProfile     // within what the card offers
	Offers     *applet.Capabilities // nil: the card has not said
	Standing   store.Standing       // what counts against the number
}

// Target reads the rows of a number whom somebody wants to ask something; the error is a
// *mssp.Fault. Requirement 5.2-1: registered and activated.
func (c *core) Target(ctx context.Context, n sms.MSISDN) (*Target, error) {
	t, err := c.ManagementTarget(ctx, n)
	switch {
	case err != nil && t == nil:
		return nil, err
	case t.Subscriber.State == mssp.SubscriberSuspended:
		return nil, mssp.Faultf(mssp.CardBlocked, "the service of this user is suspended")
	case t.Card.State == mssp.CardSuspended:
		return nil, mssp.Faultf(mssp.CardBlocked, "the user's card is suspended after security errors: the operator must release it")
	case err != nil:
		return nil, err
	}
	return t, nil
}

// ManagementTarget is Target for who looks after the card: a user whose service is
// suspended is reached too (5.10-4), and one whose card is suspended is read, though
// nothing is sealed for such a card. With the fault of a card profile that is not
// configured comes what the rows say.
func (c *core) ManagementTarget(ctx context.Context, n sms.MSISDN) (*Target, error) {
	t, err := c.FormerTarget(ctx, n)
	if t != nil && t.Subscriber.State == mssp.SubscriberRemoved { // who was here once is nobody's business
		return nil, mssp.Faultf(mssp.UnknownClient, "no user with this MSISDN is registered here")
	}
	return t, err
}

// FormerTarget is ManagementTarget also of a user who has left, for what is still to be
// done on his card (5.7-16), as long as nobody else has it.
func (c *core) FormerTarget(ctx context.Context, n sms.MSISDN) (*Target, error) {
	sub, card, keys, st, err := c.o.Store.LookupStanding(ctx, n)
	if err == nil && sub.State == mssp.SubscriberRemoved {
		if _, holder := c.o.Store.Holder(ctx, card.ICCID); !errors.Is(holder, mssp.ErrNotFound) {
			err = mssp.ErrNotFound
		}
	}
	if errors.Is(err, mssp.ErrNotFound) {
		return nil, mssp.Faultf(mssp.UnknownClient, "no user with this MSISDN is registered here")
	}
	if err != nil {
		return nil, c.Internal("looking up a number", err)
	}
	t := &Target{Subscriber: sub, Card: card, Keys: keys, Standing: st}
	if t.Profile, err = c.profile(card.Profile, card.Carriage, card.Offers); err != nil {
		return t, err
	}
	t.Offers, _ = offersOf(card.Offers) // profile has read them
	return t, nil
}

// TargetAt is FormerTarget of a number as long as it has that card ("": any), for what is to
// be done on a card and on no other. The error is mssp.ErrNotFound when it has not.
func (c *core) TargetAt(ctx context.Context, n sms.MSISDN, card ota.ICCID) (*Target, error) {
	t, err := c.FormerTarget(ctx, n)
	if t != nil && card != "" && t.Card.ICCID != card {
		return nil, fmt.Errorf("the number has another card by now: %w", mssp.ErrNotFound)
	}
	return t, err
}

// Blocked reports whether the code that guards keys of that usage has blocked.
func (t *Target) Blocked(u mssp.KeyUsage) bool {
	u = t.Profile.Code(u)
	return int(u) >= 1 && int(u) <= len(t.Card.Blocked) && t.Card.Blocked[u-1]
}

// Supports reports whether card profile and card have an algorithm (3.2-4).
func (t *Target) Supports(a applet.Algorithm) bool {
	return slices.Contains(t.Profile.Algorithms, byte(a))
}

// ScreenText is a text in the coding that the card takes.
func (t *Target) ScreenText(s string) (applet.Text, bool) {
	if t.Profile.UTF8 {
		return applet.UTF8(s), utf8.ValidString(s)
	}
	return applet.ScreenText(s)
}

// Slot is the key pair in a slot; nil when the slot is free.
func (t *Target) Slot(n byte) *mssp.KeyPair {
	for i := range t.Keys {
		if k := &t.Keys[i]; k.Slot == n && k.State != mssp.KeyDeleted {
			return k
		}
	}
	return nil
}

// Registered reports whether the card has a registered key of a usage; 0
// stands for any.
func (t *Target) Registered(u mssp.KeyUsage) bool {
	for i := range t.Keys {
		if k := &t.Keys[i]; k.State == mssp.KeyRegistered && (u == 0 || k.Usage == u) {
			return true
		}
	}
	return false
}

// KeyPair is the row of a slot; nil when there is none.
func KeyPair(ctx context.Context, st interface {
	KeyPairs(ctx context.Context, iccid ota.ICCID) ([]mssp.KeyPair, error)
}, iccid ota.ICCID, slot byte,
) (*mssp.KeyPair, error) {
	ks, err := st.KeyPairs(ctx, iccid)
	if err != nil {
		return nil, err
	}
	for i := range ks {
		if ks[i].Slot == slot {
			return &ks[i], nil
		}
	}
	return nil, nil
}
