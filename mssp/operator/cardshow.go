package operator

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/ota"
)

// ShowCard is what is known of a card, without a key.
func (s *Service) ShowCard(ctx context.Context, r CardQuestion) (CardDetail, error) {
	iccid, err := ota.ParseICCID(r.ICCID)
	if err != nil {
		return CardDetail{}, bad(err)
	}
	if r.Ask {
		if err := askCard(ctx, s, iccid); err != nil {
			return CardDetail{}, err
		}
	}
	c, err := s.Store.Card(ctx, iccid)
	if err != nil {
		return CardDetail{}, noCard(iccid, err)
	}
	d := CardDetail{CardInfo: cardInfo(c), OneCode: s.CardProfiles[c.Profile].OneCode}
	if d.Offers, err = offersInfo(c.Offers); err != nil {
		return CardDetail{}, fmt.Errorf("what the card offers: %w", err)
	}
	switch u, err := s.Store.Holder(ctx, iccid); {
	case err == nil:
		d.MSISDN = u.MSISDN.String()
	case !errors.Is(err, mssp.ErrNotFound):
		return CardDetail{}, err
	}
	if d.Emptying, err = emptying(ctx, s, iccid); err != nil {
		return CardDetail{}, err
	}
	sets, err := s.Store.KeySets(ctx, iccid)
	if err != nil {
		return CardDetail{}, err
	}
	heard, err := s.Store.HeardLast(ctx, iccid)
	if err != nil {
		return CardDetail{}, err
	}
	for i := range sets {
		info, err := keySetInfo(s.Vault, &sets[i])
		if err != nil {
			return CardDetail{}, fmt.Errorf("key set %d: %w", sets[i].KVN, err)
		}
		if info.Applet {
			info.Answers = heard[info.KVN].String()
		}
		d.Keys = append(d.Keys, info)
	}
	return d, nil
}

// askCard has a card say how it is and what it offers; the engine keeps that.
func askCard(ctx context.Context, s *Service, iccid ota.ICCID) error {
	if s.Engine == nil {
		return ErrNotRunning
	}
	u, err := s.holder(ctx, iccid)
	if err == nil {
		_, err = s.Engine.QueryState(ctx, u.MSISDN)
	}
	return err
}

// holder is the user of a card, by whose number it is reached.
func (s *Service) holder(ctx context.Context, iccid ota.ICCID) (mssp.Subscriber, error) {
	if _, err := s.Store.Card(ctx, iccid); err != nil {
		return mssp.Subscriber{}, noCard(iccid, err)
	}
	u, err := s.Store.Holder(ctx, iccid)
	if errors.Is(err, mssp.ErrNotFound) {
		return u, badf("no user has this card: it cannot be asked")
	}
	return u, err
}

func offersInfo(octets string) (*OffersInfo, error) {
	if octets == "" {
		return nil, nil
	}
	o, err := applet.ParseCapabilities([]byte(octets))
	if err != nil {
		return nil, err
	}
	info := &OffersInfo{
		Level: int(o.Level), LongestRequest: int(o.LongestRequest), LongestAnswer: int(o.LongestAnswer),
		Slots: int(o.Slots), Codes: int(o.Codes), Waiting: int(o.Waiting), KeySet: int(o.KeySet),
		API: fmt.Sprintf("%d.%d", o.API[0], o.API[1]), Applet: fmt.Sprintf("%d.%d.%d", o.Applet[0], o.Applet[1], o.Applet[2]),
	}
	info.Carriages = words(byte(o.Carriages), "response", "packet", "own")
	info.Hashes = words(o.Hashes, "SHA-256", "SHA-384", "SHA-512")
	for _, a := range o.Algorithms {
		does := words(byte(a.Bits), "signs what it hashes", "signs a hash", "makes pairs", "slowly")
		info.Algorithms = append(info.Algorithms, a.Algorithm.String()+": "+strings.Join(does, ", "))
	}
	return info, nil
}

// words are those of the bits that are set, the lowest first.
func words(bits byte, names ...string) (set []string) {
	for i, name := range names {
		if bits&(1<<i) != 0 {
			set = append(set, name)
		}
	}
	return set
}

func keySetInfo(v Vault, ks *mssp.KeySet) (KeySetInfo, error) {
	info := KeySetInfo{KVN: ks.KVN, Applet: ks.Applet}
	last, err := v.OpenCounter(ks.ICCID, cardkeys.RowNumber(ks), ks.Counter)
	if err != nil {
		return info, err
	}
	info.Counter = last.String()
	if !ks.Applet {
		m, err := v.OpenMaterial(ks.ICCID, ks.KVN, ks.Keys)
		info.What = fmt.Sprintf("%s, %s", m.KIc.Alg, m.KID.Alg)
		m.Zero()
		return info, err
	}
	k, err := cardkeys.Open(v, ks)
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
		return CardDetail{}, badf("this card has carriage %s: its applet has no key of its own that could be replaced", carriage.Response{}.Name())
	}
	if r.NoWait {
		err = s.Engine.OrderKeys(ctx, iccid)
	} else {
		_, err = s.Engine.RotateKeys(ctx, iccid)
	}
	if err != nil {
		return CardDetail{}, err
	}
	return s.ShowCard(ctx, CardQuestion{ICCID: r.ICCID})
}

// emptying are the slots whose pairs wait to be deleted.
func emptying(ctx context.Context, s *Service, iccid ota.ICCID) (slots []int, err error) {
	rows, err := s.Store.KeyPairs(ctx, iccid)
	for i := range rows {
		if rows[i].State == mssp.KeyAborted {
			slots = append(slots, int(rows[i].Slot))
		}
	}
	return slots, err
}
