package operator

import (
	"context"
	"errors"
	"fmt"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/ota"
)

// ShowCard is what is known of a card, without a key.
func (s *Service) ShowCard(ctx context.Context, r CardName) (CardDetail, error) {
	iccid, err := ota.ParseICCID(r.ICCID)
	if err != nil {
		return CardDetail{}, bad(err)
	}
	c, err := s.Store.Card(ctx, iccid)
	if err != nil {
		return CardDetail{}, noCard(iccid, err)
	}
	d := CardDetail{CardInfo: cardInfo(c)}
	switch u, err := s.Store.Holder(ctx, iccid); {
	case err == nil:
		d.MSISDN = u.MSISDN.String()
	case !errors.Is(err, mssp.ErrNotFound):
		return CardDetail{}, err
	}
	sets, err := s.Store.KeySets(ctx, iccid)
	if err != nil {
		return CardDetail{}, err
	}
	for i := range sets {
		info, err := s.keySetInfo(&sets[i])
		if err != nil {
			return CardDetail{}, fmt.Errorf("key set %d: %w", sets[i].KVN, err)
		}
		d.Keys = append(d.Keys, info)
	}
	return d, nil
}

func (s *Service) keySetInfo(ks *mssp.KeySet) (KeySetInfo, error) {
	info := KeySetInfo{KVN: ks.KVN, Applet: ks.Applet}
	last, err := s.Vault.OpenCounter(ks.ICCID, cardkeys.RowNumber(ks), ks.Counter)
	if err != nil {
		return info, err
	}
	info.Counter = last.String()
	if !ks.Applet {
		m, err := s.Vault.OpenMaterial(ks.ICCID, ks.KVN, ks.Keys)
		info.What = fmt.Sprintf("%s, %s", m.KIc.Alg, m.KID.Alg)
		m.Zero()
		return info, err
	}
	k, err := cardkeys.Open(s.Vault, ks)
	clear(k.Key[:])
	info.What = fmt.Sprintf("generation %d", k.Generation)
	if k.State == cardkeys.Pending {
		info.What += ", on its way to the card"
	}
	return info, err
}

// RotateKeys replaces the key of a card's applet by a random one, over the air. Again
// after one that has not been answered it sends the same key.
func (s *Service) RotateKeys(ctx context.Context, r KeyRotation) (CardDetail, error) {
	if s.Engine == nil {
		return CardDetail{}, ErrNotRunning
	}
	iccid, err := ota.ParseICCID(r.ICCID)
	if err != nil {
		return CardDetail{}, bad(err)
	}
	c, err := s.Store.Card(ctx, iccid)
	if err != nil {
		return CardDetail{}, noCard(iccid, err)
	}
	if c.Carriage == "" {
		return CardDetail{}, badf("card %s has carriage %s: its applet has no key of its own that could be replaced", iccid, carriage.Response{}.Name())
	}
	if r.NoWait {
		err = s.Engine.OrderKeys(ctx, iccid)
	} else {
		_, err = s.Engine.RotateKeys(ctx, iccid)
	}
	if err != nil {
		return CardDetail{}, err
	}
	return s.ShowCard(ctx, CardName{ICCID: r.ICCID})
}
