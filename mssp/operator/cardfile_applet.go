package operator

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/ota"
)

// applet reads the fields k0, gen and aset; nil: there is nothing. Its errors do not
// repeat the digits.
func (p *cardParser) applet(profile *mssp.CardProfile, iccid ota.ICCID, f []string) (*cardkeys.Installed, error) {
	if strings.Join(f, "") == "" {
		return nil, nil
	}
	if !profile.Way().Needs(profile.SPI).Answer {
		return nil, fmt.Errorf("k0, gen and aset are for cards of carriage packet or own: card profile %q has %s", profile.Name, profile.Way().Name())
	}
	k := &cardkeys.Installed{Set: 1, Generation: 1, State: cardkeys.Confirmed}
	var err error
	if f[1] != "" {
		if k.Generation, err = upTo(255, f[1]); err != nil {
			return nil, fmt.Errorf("gen %w", err)
		}
	}
	if f[2] != "" {
		if k.Set, err = upTo(15, f[2]); err != nil {
			return nil, fmt.Errorf("aset %w", err)
		}
	}
	switch {
	case f[0] != "":
		key, err := key("k0", f[0])
		if err == nil && key.Alg != ota.AES128 {
			err = fmt.Errorf("k0: the key of an applet is AES128, not %s", key.Alg)
		}
		if err != nil {
			return nil, err
		}
		k.Key = carriage.CardKey(key.Octets)
	case f[1] == "":
		return nil, errors.New("k0 is empty: it needs AES128:KEY, or gen, with which it comes from the master key (--master-file)")
	case p.master == nil:
		return nil, errors.New("k0 is empty and gen is not: that needs the master key from which k0 comes (--master-file)")
	default:
		if k.Key, err = carriage.DeriveCardKey(p.master, k.Generation, iccid); err != nil {
			return nil, err
		}
	}
	if other, ok := p.applets[k.Key]; ok && other != iccid {
		return nil, errors.New("k0: another card of this file has the same one, each needs its own")
	}
	p.applets[k.Key] = iccid
	return k, nil
}

func upTo(most int, s string) (byte, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("must be a number from 1 to %d", most)
	}
	return byte(n), nil
}

// complete finds the cards that lack what their carriage needs.
func (p *cardParser) complete() {
	for i := range p.cards {
		c := &p.cards[i]
		profile := p.profiles[c.Card.Profile]
		if c.Applet != nil {
			profile = withKey(profile)
		}
		if err := lacking(c, &profile); err != nil {
			p.faults = append(p.faults, atLine(c.first, err))
		}
	}
}

func lacking(c *ImportedCard, p *mssp.CardProfile) error {
	if c.Applet == nil && p.Way().Needs(p.SPI).Answer {
		return fmt.Errorf("k0 is missing: card profile %q has carriage %s, in which the applet answers under a key of its own: "+
			"give k0, or gen with --master-file, or another carriage to the profile", p.Name, p.Way().Name())
	}
	err := p.Security().CheckSPI(p.SPI)
	if err != nil && p.ByKey && c.Applet == nil {
		return fmt.Errorf("k0 is missing: a card without it answers by response packets, and card profile %q asks for none: %w", p.Name, err)
	}
	return err
}

// keysOfOthers refuses a k0 that another card has: who has the one card could answer for
// the other. One that comes from the master key is the card's own.
func (s *Service) keysOfOthers(ctx context.Context, cards []ImportedCard) error {
	given := map[carriage.CardKey]*ImportedCard{}
	for i := range cards {
		if c := &cards[i]; c.given {
			given[c.Applet.Key] = c
		}
	}
	if len(given) == 0 {
		return nil
	}
	var faults []string
	for after := (mssp.KeySet{}); ; {
		rows, err := s.Store.AllKeySets(ctx, after, 1000)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		for i := range rows {
			after = rows[i]
			if !after.Applet {
				continue
			}
			k, err := cardkeys.Open(s.Vault, &after)
			if c := given[k.Key]; err == nil && c != nil && c.Card.ICCID != after.ICCID {
				faults = append(faults, atLine(c.first, fmt.Errorf("k0: card %s has the same one, each needs its own", after.ICCID.LogValue())))
			}
			clear(k.Key[:])
		}
	}
	if err := cardFaults(faults); err != nil {
		return bad(err)
	}
	return nil
}

// ParseMaster reads the operator's master key. Its errors do not repeat the digits.
func ParseMaster(text string) ([]byte, error) {
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != len(carriage.CardKey{}) {
		return nil, errors.New("a master key is 32 hexadecimal digits and nothing else")
	}
	return b, nil
}
