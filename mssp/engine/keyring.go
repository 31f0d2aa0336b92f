package engine

import (
	"cmp"
	"context"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// keyring is what the packets of one card are sealed and opened with, opened and held
// to the policy of its profile. Key schedules live as long as it does.
type keyring struct {
	way      carriage.Carriage
	expected carriage.Expected
	request  *ota.KeySet // of the applet; nil where the carriage needs none

	// Rows whose counters requests use; nil where the carriage needs none.
	domain, applet *mssp.KeySet

	sets []appletSet // of expected.Answers
}

// appletSet is what is known of a key set of an applet, besides its key.
type appletSet struct {
	row        *mssp.KeySet
	generation byte
	state      cardkeys.State
}

// profile is the card profile of that name, with the carriage of a card and within what it
// offers.
func (c *core) profile(name, way, offers string) (p mssp.CardProfile, err error) {
	p, ok := c.o.CardProfiles[name]
	if !ok {
		return p, mssp.Faultf(mssp.UnsupportedProfile, "the configuration has no card profile %s, which this user's card needs", name)
	}
	if way = cmp.Or(way, carriage.Response{}.Name()); p.Way().Name() != way {
		if p.Carriage, err = carriage.Of(way); err != nil {
			return p, c.Internal("reading the carriage of a card", err)
		}
	}
	o, err := offersOf(offers)
	if err != nil {
		return p, c.Internal("reading what a card offers", err)
	}
	return within(p, o), nil
}

// errNoKeys: the card was imported without keys that its carriage needs.
func errNoKeys(way carriage.Carriage, which string) error {
	return mssp.Faultf(mssp.OTAError, "the user's card has no %s, which its carriage %s needs: the operator must import them", which, way.Name())
}

func (c *core) keyring(p *mssp.CardProfile, ks mssp.CardKeys, probe bool) (*keyring, error) {
	way := p.Way()
	r := &keyring{way: way, expected: carriage.Expected{TAR: p.TAR, SPI: p.SPI, Lab: p.Lab}}
	needs := way.Needs(p.SPI)
	if needs.Domain {
		if ks.KVN == 0 {
			return nil, errNoKeys(way, "keys of the security domain")
		}
		set, err := c.domainKeys(p, &ks.KeySet)
		if err != nil {
			return nil, err
		}
		r.domain, r.expected.Domain = &ks.KeySet, set
	}
	if needs.Request || needs.Answer {
		if err := c.appletKeys(r, ks.Applet, needs, probe); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (c *core) domainKeys(p *mssp.CardProfile, ks *mssp.KeySet) (*ota.KeySet, error) {
	m, err := c.o.Vault.OpenMaterial(ks.ICCID, ks.KVN, ks.Keys)
	if err != nil {
		return nil, c.Internal("opening card keys", err)
	}
	set, err := m.KeySet()
	m.Zero()
	if err != nil {
		return nil, c.Internal("preparing card keys", err)
	}
	if err := p.Security().CheckKeys(set); err != nil {
		return nil, &mssp.Fault{Code: mssp.OTAError, Detail: "the security policy refuses the keys of this card", Err: err}
	}
	return set, nil
}

// appletKeys takes the rows of a card's applet. Requests go under the confirmed key of the
// newest installation; under that which is pending when they are to find out
// whether the card has it.
func (c *core) appletKeys(r *keyring, rows []mssp.KeySet, needs carriage.Needs, probe bool) error {
	want := cardkeys.Confirmed
	if probe {
		want = cardkeys.Pending
	}
	generation := byte(0)
	for i := range rows {
		k, err := cardkeys.Open(c.o.Vault, &rows[i])
		if err != nil {
			return c.Internal("opening keys of an applet", err)
		}
		answer, err := k.Key.Answer(k.Set)
		if err == nil && needs.Request && k.State == want && k.Generation > generation {
			r.applet, generation = &rows[i], k.Generation
			r.request, err = k.Key.Request(k.Set)
		}
		clear(k.Key[:])
		if err != nil {
			return c.Internal("preparing keys of an applet", err)
		}
		r.expected.Answers = append(r.expected.Answers, answer)
		r.sets = append(r.sets, appletSet{&rows[i], k.Generation, k.State})
	}
	if len(r.expected.Answers) == 0 || needs.Request && r.applet == nil {
		return errNoKeys(r.way, "keys of the applet")
	}
	return nil
}

// keyrings are those of a card whose requests were sealed at any time: one for each key set
// of the security domain, the current one first. What does not open is left out; why says so
// where nothing does.
func (c *core) keyrings(ctx context.Context, card *mssp.Card, profile string) (all []*keyring, why, err error) {
	p, why := c.profile(profile, card.Carriage, "")
	if why != nil {
		return nil, why, nil
	}
	rows, err := c.o.Store.KeySets(ctx, card.ICCID)
	if err != nil {
		return nil, nil, err
	}
	var sets []mssp.CardKeys
	var applets []mssp.KeySet
	for _, ks := range rows {
		if ks.Applet {
			applets = append(applets, ks)
		} else {
			sets = append(sets, mssp.CardKeys{KeySet: ks})
		}
	}
	if len(sets) == 0 {
		sets = make([]mssp.CardKeys, 1)
	}
	for _, ks := range sets {
		ks.Applet = applets
		r, err := c.keyring(&p, ks, false)
		if err != nil {
			why = err
			continue
		}
		all = append(all, r)
	}
	if len(all) > 0 {
		why = nil
	}
	return all, why, nil
}

// under finds the keyring with that key set of the security domain; where the packets
// do not use one, any.
func under(all []*keyring, p *store.Packet) *keyring {
	for _, r := range all {
		if p.Applet || p.KVN == 0 || r.domain != nil && r.domain.KVN == p.KVN {
			return r
		}
	}
	return nil
}
