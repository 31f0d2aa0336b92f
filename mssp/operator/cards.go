package operator

import (
	"context"
	"errors"
	"fmt"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
)

// ImportCards imports a card file: all of it is read and checked, counters too,
// before the first card is stored. Cards that are there already are left alone.
func (s *Service) ImportCards(ctx context.Context, r CardImport) (CardImported, error) {
	var done CardImported
	cards, err := ParseCards(r.CSV, s.CardProfiles)
	if err != nil {
		return done, bad(err)
	}
	if err := s.raiseCounters(cards); err != nil {
		return done, err
	}
	for _, c := range cards {
		sets := make([]mssp.KeySet, len(c.Keys))
		for i, m := range c.Keys {
			sets[i] = mssp.KeySet{ICCID: c.Card.ICCID, KVN: m.KVN}
			if sets[i].Keys, err = s.Vault.SealMaterial(c.Card.ICCID, m); err != nil {
				return done, err
			}
			if sets[i].Counter, err = s.Vault.SealCounter(c.Card.ICCID, m.KVN, c.Last[i]); err != nil {
				return done, err
			}
		}
		c.Card.CreatedAt = s.Clock()
		switch err := s.Store.ImportCard(ctx, c.Card, sets); {
		case errors.Is(err, store.ErrExists):
			done.Present++
		case err != nil:
			return done, fmt.Errorf("after %d cards: %w", done.Imported, err)
		default:
			done.Imported++
		}
	}
	return done, nil
}

// raiseCounters makes the last counters of a file those that are stored. A clock
// that is wrong is no fault of the file.
func (s *Service) raiseCounters(cards []ImportedCard) error {
	var faults []string
	for _, c := range cards {
		for i := range c.Last {
			last, err := keys.ImportCounter(c.Last[i], s.Clock(), s.counterMode(c.Card.Profile))
			switch {
			case errors.Is(err, keys.ErrCounterExhausted):
				faults = append(faults, atLine(c.Line[i], fmt.Errorf("cntr: %w", err)))
			case err != nil:
				return err
			}
			c.Last[i] = last
		}
	}
	if err := cardFaults(faults); err != nil {
		return bad(err)
	}
	return nil
}

// Cards lists cards in the order of their numbers.
func (s *Service) Cards(ctx context.Context, r Page) ([]CardInfo, error) {
	cards, err := s.Store.Cards(ctx, ota.ICCID(r.After), r.limit())
	if err != nil {
		return nil, err
	}
	out := make([]CardInfo, 0, len(cards))
	for _, c := range cards {
		out = append(out, cardInfo(c))
	}
	return out, nil
}

func cardInfo(c mssp.Card) CardInfo {
	return CardInfo{ICCID: c.ICCID.String(), IMSI: c.IMSI, Profile: c.Profile, State: c.State}
}

// ReleaseCard puts a card back into service that was suspended after security
// errors, and forgets them. A card that has none is CardInService: whoever
// comes second learns that somebody has looked after the card.
func (s *Service) ReleaseCard(ctx context.Context, r CardName) (CardInfo, error) {
	iccid, err := ota.ParseICCID(r.ICCID)
	if err != nil {
		return CardInfo{}, bad(err)
	}
	c, err := s.Store.ChangeCard(ctx, iccid, func(c *mssp.Card) error {
		if c.State == mssp.CardActive && c.BadPoR == 0 {
			return &Refusal{Reason: CardInService, ICCID: iccid}
		}
		c.State, c.BadPoR = mssp.CardActive, 0
		return nil
	})
	if err != nil {
		return CardInfo{}, noCard(iccid, err)
	}
	s.Logger.Info("card released", "iccid", c.ICCID)
	return cardInfo(c), nil
}

// AdvanceCounters raises the counters of a card to the floor of the clock: for
// a card that nobody has asked for more than 400 days. Whoever calls it has
// looked at the clock.
func (s *Service) AdvanceCounters(ctx context.Context, r CardName) (CountersAdvanced, error) {
	iccid, err := ota.ParseICCID(r.ICCID)
	if err != nil {
		return CountersAdvanced{}, bad(err)
	}
	var done CountersAdvanced
	err = s.Store.ChangeKeySets(ctx, iccid, func(c mssp.Card, sets []mssp.KeySet) error {
		done = CountersAdvanced{}
		mode := s.counterMode(c.Profile)
		if mode == keys.CounterExact {
			return &Refusal{Reason: CounterExact, ICCID: iccid}
		}
		for i := range sets {
			info, err := s.advance(&sets[i], mode)
			if err != nil {
				return fmt.Errorf("key set %d: %w", sets[i].KVN, err)
			}
			done.Sets = append(done.Sets, info)
		}
		return nil
	})
	if err != nil {
		return CountersAdvanced{}, noCard(iccid, err)
	}
	for _, info := range done.Sets {
		s.Logger.Info("counter advanced", "iccid", iccid, "kvn", info.KVN, "from", info.From, "to", info.To)
	}
	return done, nil
}

func (s *Service) advance(ks *mssp.KeySet, mode keys.CounterMode) (CounterInfo, error) {
	last, err := s.Vault.OpenCounter(ks.ICCID, ks.KVN, ks.Counter)
	if err != nil {
		return CounterInfo{}, err
	}
	to, err := keys.ImportCounter(last, s.Clock(), mode)
	if err != nil {
		return CounterInfo{}, err
	}
	ks.Counter, err = s.Vault.SealCounter(ks.ICCID, ks.KVN, to)
	return CounterInfo{KVN: ks.KVN, From: last.String(), To: to.String()}, err
}

// noCard says which card an operation has not found.
func noCard(iccid ota.ICCID, err error) error {
	if errors.Is(err, mssp.ErrNotFound) {
		return &Refusal{Reason: NoSuchCard, ICCID: iccid}
	}
	return err
}

// counterMode is how cards of a profile check the counter.
func (s *Service) counterMode(profile string) keys.CounterMode {
	return keys.ModeOf(s.CardProfiles[profile].SPI)
}
