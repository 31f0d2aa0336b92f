package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
)

// ImportCards imports a card file: all of it is read and checked, counters too,
// before the first card is stored. Cards that are there already are left alone.
func (s *Service) ImportCards(ctx context.Context, r CardImport) (CardImported, error) {
	var done CardImported
	var master []byte
	if r.Master != "" {
		var err error
		if master, err = ParseMaster(r.Master); err != nil {
			return done, bad(err)
		}
		defer clear(master)
	}
	cards, err := ParseCards(r.CSV, s.CardProfiles, master)
	if err != nil {
		return done, bad(err)
	}
	if err := s.raiseCounters(cards); err != nil {
		return done, err
	}
	if err := s.keysOfOthers(ctx, cards); err != nil {
		return done, err
	}
	var notes []string
	for i := range cards {
		cards[i].Card.Issuer = r.Issuer
		stored, note, err := s.importCard(ctx, &cards[i])
		if err == nil {
			err = keepUnblocking(ctx, s, &cards[i])
		}
		if err != nil {
			return done, after(done.Imported, err)
		}
		if note != "" {
			notes = append(notes, note)
		}
		if stored {
			done.Imported++
		} else {
			done.Present++
		}
	}
	if more := len(notes) - maxFaults; more > 0 {
		notes = append(notes[:maxFaults], fmt.Sprintf("and %d cards more", more))
	}
	done.Note = strings.Join(notes, "\n")
	return done, nil
}

// after says how far an import has come; a refusal of its first card is one of all.
func after(n int, err error) error {
	if n == 0 && errors.Is(err, &Refusal{Reason: NoSuchIssuer}) {
		return err
	}
	return fmt.Errorf("after %d cards: %w", n, err)
}

// importCard stores a card of a file, or what of it is new. note is what somebody
// should know of one that is present.
func (s *Service) importCard(ctx context.Context, c *ImportedCard) (stored bool, note string, err error) {
	domain, err := s.domainRows(c)
	if err != nil {
		return false, "", err
	}
	c.Card.CreatedAt = s.Clock()
	err = s.Store.ImportKeys(ctx, c.Card, func(have []mssp.KeySet) ([]mssp.KeySet, error) {
		note = ""
		applet, why, err := s.appletRow(c, have)
		if err != nil {
			return nil, err
		}
		if why != "" {
			note = "card " + c.Card.ICCID.String() + ": " + why
		}
		add := domain
		if present(have, domain) {
			add = nil
		}
		if applet != nil {
			add = append(add[:len(add):len(add)], *applet)
		}
		if len(add) == 0 {
			return nil, store.ErrExists
		}
		return add, nil
	})
	if errors.Is(err, store.ErrExists) {
		return false, note, nil
	}
	return err == nil, note, noIssuer(c.Card.Issuer, err)
}

func (s *Service) domainRows(c *ImportedCard) (rows []mssp.KeySet, err error) {
	rows = make([]mssp.KeySet, len(c.Keys))
	for i, m := range c.Keys {
		rows[i] = mssp.KeySet{ICCID: c.Card.ICCID, KVN: m.KVN}
		if rows[i].Keys, err = s.Vault.SealMaterial(c.Card.ICCID, m); err != nil {
			return nil, err
		}
		if rows[i].Counter, err = s.Vault.SealCounter(c.Card.ICCID, m.KVN, c.Last[i]); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// present reports whether the card has one of these key sets of the security
// domain already: then none of them is taken.
func present(have, rows []mssp.KeySet) bool {
	return slices.ContainsFunc(rows, func(r mssp.KeySet) bool {
		return slices.ContainsFunc(have, func(h mssp.KeySet) bool { return h.Applet == r.Applet && h.KVN == r.KVN })
	})
}

// appletRow is the key row of a card's applet, nil when it is not to be added. What the card has is
// kept: its key may be another one by now (A7). A higher generation is a new
// installation of the applet, whose counters begin anew: it comes beside what is
// there, under another number, and the first answer under it ends the old one.
func (s *Service) appletRow(c *ImportedCard, have []mssp.KeySet) (row *mssp.KeySet, why string, err error) {
	k := c.Applet
	if k == nil {
		return nil, "", nil
	}
	for i := range have {
		if !have[i].Applet {
			continue
		}
		old, err := cardkeys.Open(s.Vault, &have[i])
		if err != nil {
			return nil, "", err
		}
		switch {
		case k.Generation > old.Generation && k.Set == old.Set:
			return nil, fmt.Sprintf("its applet has key set %d of generation %d, the file has generation %d: give a new installation another aset; nothing was changed", old.Set, old.Generation, k.Generation), nil
		case k.Generation > old.Generation:
			continue
		case k.Generation == old.Generation && k.Set == old.Set && k.Key != old.Key:
			why = fmt.Sprintf("its applet has key set %d of generation %d with another k0: nothing was changed; a new installation has a higher gen", old.Set, old.Generation)
		case k.Generation < old.Generation:
			why = fmt.Sprintf("its applet is of generation %d, the file has %d: nothing was changed", old.Generation, k.Generation)
		}
		return nil, why, nil
	}
	r := mssp.KeySet{ICCID: c.Card.ICCID, Applet: true, KVN: k.Set}
	if r.Keys, err = cardkeys.Seal(s.Vault, r.ICCID, *k); err == nil {
		r.Counter, err = s.Vault.SealCounter(r.ICCID, cardkeys.RowNumber(&r), 0)
	}
	return &r, "", err
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
	var cards []mssp.Card
	var err error
	if r.Issuer == "" {
		cards, err = s.Store.Cards(ctx, ota.ICCID(r.After), r.limit())
	} else {
		cards, err = s.Store.CardsOf(ctx, r.Issuer, ota.ICCID(r.After), r.limit())
	}
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
	return CardInfo{
		ICCID: c.ICCID.String(), IMSI: c.IMSI, Profile: c.Profile, State: c.State,
		Carriage: cmp.Or(c.Carriage, carriage.Response{}.Name()), Applet: string(c.Applet), Issuer: c.Issuer,
	}
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
		if mode == keys.CounterExact && !slices.ContainsFunc(sets, func(ks mssp.KeySet) bool { return ks.Applet }) {
			return &Refusal{Reason: CounterExact, ICCID: iccid}
		}
		for i := range sets {
			mode := mode
			if sets[i].Applet { // it takes any that is higher
				mode = keys.CounterHigher
			}
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
		s.Logger.Info("counter advanced", "iccid", iccid, "kvn", info.KVN, "applet", info.Applet, "from", info.From, "to", info.To)
	}
	return done, nil
}

func (s *Service) advance(ks *mssp.KeySet, mode keys.CounterMode) (CounterInfo, error) {
	n := cardkeys.RowNumber(ks)
	last, err := s.Vault.OpenCounter(ks.ICCID, n, ks.Counter)
	if err != nil {
		return CounterInfo{}, err
	}
	to, err := keys.ImportCounter(last, s.Clock(), mode)
	if err != nil {
		return CounterInfo{}, err
	}
	ks.Counter, err = s.Vault.SealCounter(ks.ICCID, n, to)
	return CounterInfo{KVN: ks.KVN, Applet: ks.Applet, From: last.String(), To: to.String()}, err
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
