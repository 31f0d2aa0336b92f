package operator

import (
	"context"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// ActivateCard makes the applet of a card work (4-3).
func (s *Service) ActivateCard(ctx context.Context, r CardName) (CardInfo, error) {
	return changeApplet(ctx, s, r, func(n sms.MSISDN) (mssp.Transaction, error) { return s.Engine.Activate(ctx, n) })
}

// DeactivateCard makes the applet of a card do nothing but to tell its state, until it is
// activated again. Its key pairs and codes stay.
func (s *Service) DeactivateCard(ctx context.Context, r CardName) (CardInfo, error) {
	return changeApplet(ctx, s, r, func(n sms.MSISDN) (mssp.Transaction, error) { return s.Engine.Deactivate(ctx, n) })
}

func changeApplet(ctx context.Context, s *Service, r CardName, order func(sms.MSISDN) (mssp.Transaction, error)) (CardInfo, error) {
	if s.Engine == nil {
		return CardInfo{}, ErrNotRunning
	}
	iccid, err := ota.ParseICCID(r.ICCID)
	if err != nil {
		return CardInfo{}, bad(err)
	}
	u, err := s.holder(ctx, iccid)
	if err == nil {
		_, err = order(u.MSISDN)
	}
	if err != nil {
		return CardInfo{}, err
	}
	c, err := s.Store.Card(ctx, iccid)
	return cardInfo(c), err
}
