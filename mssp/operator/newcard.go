package operator

import (
	"context"
	"errors"
	"fmt"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/standing"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// CardChange gives a user another card of the same issuer (5.5).
type CardChange struct {
	MSISDN string `json:"msisdn"`
	ICCID  string `json:"iccid"` // the new card
	Note   string `json:"note,omitempty"`
	By     string `json:"by,omitempty"`
}

// ChangeUserCard binds a number to its new card: from this commit on the old one signs
// nothing and is sent nothing, and its certificates are being revoked. The user is
// registered anew on the new card then.
func (s Standings) ChangeUserCard(ctx context.Context, r CardChange) (StandingInfo, error) {
	number, err := sms.ParseMSISDN(r.MSISDN)
	if err != nil {
		return StandingInfo{}, bad(err)
	}
	card, err := ota.ParseICCID(r.ICCID)
	if err != nil {
		return StandingInfo{}, bad(err)
	}
	by, err := named(r.By)
	if err != nil {
		return StandingInfo{}, err
	}
	if _, err := s.of.Store.Card(ctx, card); err != nil {
		return StandingInfo{}, noCard(card, err)
	}
	sets, err := s.of.Store.KeySets(ctx, card)
	if err != nil {
		return StandingInfo{}, err
	}
	d, ended, err := s.rules.ChangeCard(ctx, standing.CardCall{
		MSISDN: number, ICCID: card, Note: r.Note, By: by, Own: true,
		Fits: func(c *store.CardChange) error { return s.of.fits(c, len(sets) > 0) },
	})
	if have, ok := errors.AsType[*store.Existing[mssp.Subscriber]](err); ok {
		return StandingInfo{}, &Refusal{Reason: CardTaken, MSISDN: have.Row.MSISDN, ICCID: card}
	}
	if err != nil {
		return StandingInfo{}, refusedStanding(number, err)
	}
	if s.of.Engine != nil {
		s.of.Engine.Ended(ended)
	}
	return s.goOn(ctx, number, &d)
}

// goOn has the built-in RA go on with a duty, and says how it is then.
func (s Standings) goOn(ctx context.Context, number sms.MSISDN, d *mssp.Duty) (StandingInfo, error) {
	if s.of.Engine == nil {
		_ = s.ra.Do(ctx, d.ID) // what fails stands in the row and is shown
	} else if s.ra.Kick(); d.Own {
		s.awaitCA(ctx, d.ID)
	}
	return s.standingOf(ctx, number)
}

// fits refuses a card that cannot take over what the user is registered for.
func (s *Service) fits(c *store.CardChange, keys bool) error {
	p, ok := s.CardProfiles[c.Next.Profile]
	if !ok {
		return fmt.Errorf("the new card needs the card profile %s, which the configuration has not", c.Next.Profile)
	}
	if !keys {
		return errors.New("the new card was imported without keys: nothing can be sent to it")
	}
	slots, algorithms := int(p.Slots), len(p.Algorithms)
	if o, err := applet.ParseCapabilities([]byte(c.Next.Offers)); c.Next.Offers != "" && err == nil {
		slots, algorithms = min(slots, int(o.Slots)), 0
		for _, a := range p.Algorithms {
			if o.Offer(applet.Algorithm(a)) != 0 {
				algorithms++
			}
		}
	}
	pairs := 0
	for i := range c.Keys {
		if k := &c.Keys[i]; k.State.Certified() && !k.Ended(s.Clock()) {
			pairs++
		}
	}
	if algorithms == 0 {
		return errors.New("the new card offers none of the algorithms of its card profile")
	}
	if slots < pairs {
		return fmt.Errorf("the new card has %d key slots, the user is registered for %d pairs", slots, pairs)
	}
	return nil
}
