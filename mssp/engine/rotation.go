package engine

import (
	"context"
	"errors"
	"slices"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// The key of an applet is replaced over the air (INT6 A7). The new one is in its row,
// pending, before the order leaves, which may arrive without its answer: so answers
// under both are accepted. The first under the new one proves that the card has it:
// the commit in which that answer has its effect makes the row a confirmed one and deletes the
// old one's. The first answer of a new installation ends the former in the same way, and
// its key pairs.

// keySets is how many numbers of key sets there are: 1 to 15, a half octet that is not 0.
const keySets = 15

// proof is what an answer under a key set proves: h gets it.
func (c *core) proof(r *keyring, h *store.Heard) error {
	i := slices.IndexFunc(r.sets, func(s appletSet) bool { return s.row.KVN == h.KVN })
	if i < 0 {
		return nil
	}
	of := r.sets[i]
	for _, s := range r.sets { // a late answer of a former installation ends no newer one
		if s.row.KVN != h.KVN && (s.generation < of.generation || s.generation == of.generation && of.state == cardkeys.Pending) {
			h.Retires = append(h.Retires, s.row.KVN)
			h.Anew = h.Anew || s.generation < of.generation
		}
	}
	if of.state != cardkeys.Pending {
		return nil
	}
	k, err := cardkeys.Open(c.o.Vault, of.row)
	if err == nil {
		k.State = cardkeys.Confirmed
		h.Proves, err = cardkeys.Seal(c.o.Vault, h.ICCID, k)
		clear(k.Key[:])
	}
	if err != nil {
		return c.Internal("sealing a key of an applet", err)
	}
	return nil
}

// toldOfKeys logs what an answer has proved.
func (c *core) toldOfKeys(h *store.Heard) {
	if h != nil && h.Proves != nil {
		c.log.Info("the card has its new key", "iccid", h.ICCID, "kvn", h.KVN, "retired", len(h.Retires))
	}
	if h != nil && h.Anew {
		c.log.Warn("the applet of a card was installed anew: the key pairs of the former one are gone, its user has to register again", "iccid", h.ICCID, "kvn", h.KVN)
	}
}

// CardTarget is the target of the number under which a card answers.
func (c *core) CardTarget(ctx context.Context, iccid ota.ICCID) (*Target, error) {
	sub, err := c.o.Store.Holder(ctx, iccid)
	if errors.Is(err, mssp.ErrNotFound) {
		return nil, mssp.Faultf(mssp.UnknownClient, "no user has this card: it cannot be reached")
	}
	if err != nil {
		return nil, c.Internal("looking up a card", err)
	}
	return c.Target(ctx, sub.MSISDN)
}

// Rotation is a key of an applet on its way to the card.
type Rotation struct {
	Now, Next cardkeys.Installed
	Resumed   bool // an earlier order may have arrived
}

// Clear wipes the keys.
func (r *Rotation) Clear() {
	clear(r.Now.Key[:])
	clear(r.Next.Key[:])
}

// StartRotation makes a new key for a card's applet, durable and pending when it
// returns. One that is on its way already goes on: the card may have it.
func (c *core) StartRotation(ctx context.Context, t *Target) (r Rotation, err error) {
	iccid := t.Card.ICCID
	if !t.Profile.Way().Needs(t.Profile.SPI).Answer {
		return r, mssp.Faultf(mssp.WrongParam, "this card has carriage %s: its applet has no key of its own", t.Profile.Way().Name())
	}
	err = c.o.Store.AddKeySet(ctx, iccid, func(_ mssp.Card, rows []mssp.KeySet) (*mssp.KeySet, error) {
		r = Rotation{}
		used := map[byte]bool{}
		for i := range rows {
			if !rows[i].Applet {
				continue
			}
			k, err := cardkeys.Open(c.o.Vault, &rows[i])
			if err != nil {
				return nil, err
			}
			used[k.Set] = true
			switch {
			case k.State == cardkeys.Pending && k.Generation > r.Next.Generation:
				r.Next = k
			case k.State == cardkeys.Confirmed && k.Generation > r.Now.Generation:
				r.Now = k
			}
		}
		// One that was on its way to a former installation is of no use to this one.
		if r.Resumed = r.Next.Set != 0 && r.Next.Generation >= r.Now.Generation; r.Now.Set == 0 || r.Resumed {
			return nil, nil
		}
		set := r.Now.Set
		for used[set] && len(used) < keySets {
			set = set%keySets + 1
		}
		if used[set] {
			return nil, mssp.Faultf(mssp.CardBlocked, "all %d key sets of this card's applet are those of installations from which nobody has answered: ask it for something first (simsign card show ICCID --ask)", keySets)
		}
		r.Next = cardkeys.Installed{Set: set, Generation: r.Now.Generation, State: cardkeys.Pending, Before: r.Now.Set, Key: carriage.NewCardKey()}
		row := &mssp.KeySet{ICCID: iccid, Applet: true, KVN: set}
		if row.Keys, err = cardkeys.Seal(c.o.Vault, iccid, r.Next); err == nil {
			row.Counter, err = c.o.Vault.SealCounter(iccid, cardkeys.RowNumber(row), 0)
		}
		return row, err
	})
	if f, ok := errors.AsType[*mssp.Fault](err); ok {
		return r, f
	}
	if err != nil {
		return r, c.Internal("making a key for an applet", err)
	}
	if r.Now.Set == 0 {
		return r, errNoKeys(t.Profile.Way(), "keys of the applet")
	}
	return r, nil
}

// Proven reports whether the card's applet has shown that it has the key of that set.
func (c *core) Proven(ctx context.Context, iccid ota.ICCID, set byte) (bool, error) {
	rows, err := c.o.Store.KeySets(ctx, iccid)
	if err != nil {
		return false, c.Internal("reading key sets", err)
	}
	for i := range rows {
		if !rows[i].Applet || rows[i].KVN != set {
			continue
		}
		k, err := cardkeys.Open(c.o.Vault, &rows[i])
		clear(k.Key[:])
		if err != nil {
			return false, c.Internal("opening keys of an applet", err)
		}
		return k.State == cardkeys.Confirmed, nil
	}
	return false, nil
}
