package admin

import (
	"context"
	"errors"
	"fmt"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
)

// CardName names a card.
type CardName struct {
	ICCID string `json:"iccid"`
}

// CountersAdvanced says how far the replay counters of a card are now.
type CountersAdvanced struct {
	Sets []CounterInfo `json:"sets"`
}

// CounterInfo is the counter of one key set, before and after.
type CounterInfo struct {
	KVN  byte   `json:"kvn"`
	From string `json:"from"` // 10 hexadecimal digits
	To   string `json:"to"`
}

// ReleaseCard puts a card back into service that was suspended after security
// errors.
func (s *Service) ReleaseCard(ctx context.Context, r CardName) (CardInfo, error) {
	c, err := s.card(ctx, r)
	if err != nil {
		return CardInfo{}, err
	}
	c.State, c.BadPoR = mssp.CardActive, 0
	if err := s.Store.PutCard(ctx, c); err != nil {
		return CardInfo{}, err
	}
	s.Logger.Info("card released", "iccid", c.ICCID)
	return cardInfo(c), nil
}

// AdvanceCounters raises the counters of a card to the floor of the clock: for
// a card that nobody has asked for more than 400 days. Whoever calls it has
// looked at the clock.
func (s *Service) AdvanceCounters(ctx context.Context, r CardName) (CountersAdvanced, error) {
	var done CountersAdvanced
	c, err := s.card(ctx, r)
	if err != nil {
		return done, err
	}
	mode := s.counterMode(c.Profile)
	if mode == keys.CounterExact {
		return done, errors.New("this card takes exactly the next counter: a higher one would be refused for good")
	}
	sets, err := s.Store.KeySets(ctx, c.ICCID)
	if err != nil {
		return done, err
	}
	for _, ks := range sets {
		var info CounterInfo
		err := s.Store.UpdateKeySet(ctx, c.ICCID, ks.KVN, func(ks *mssp.KeySet) error {
			last, err := s.Vault.OpenCounter(c.ICCID, ks.KVN, ks.Counter)
			if err != nil {
				return err
			}
			to, err := keys.ImportCounter(last, s.Clock(), mode)
			if err != nil {
				return err
			}
			info = CounterInfo{KVN: ks.KVN, From: last.String(), To: to.String()}
			ks.Counter, err = s.Vault.SealCounter(c.ICCID, ks.KVN, to)
			return err
		})
		if err != nil {
			return done, fmt.Errorf("key set %d: %w", ks.KVN, err)
		}
		s.Logger.Info("counter advanced", "iccid", c.ICCID, "kvn", info.KVN, "from", info.From, "to", info.To)
		done.Sets = append(done.Sets, info)
	}
	return done, nil
}

func (s *Service) card(ctx context.Context, r CardName) (mssp.Card, error) {
	iccid, err := ota.ParseICCID(r.ICCID)
	if err != nil {
		return mssp.Card{}, err
	}
	c, err := s.Store.Card(ctx, iccid)
	if errors.Is(err, mssp.ErrNotFound) {
		return c, errors.New("no such card: simsign card list shows them")
	}
	return c, err
}

// counterMode is how cards of a profile check the counter.
func (s *Service) counterMode(profile string) keys.CounterMode {
	return keys.ModeOf(s.CardProfiles[profile].SPI)
}
