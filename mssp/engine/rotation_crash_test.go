package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/ota"
)

func (d *dyingStore) AddKeySet(ctx context.Context, i ota.ICCID, f func(mssp.Card, []mssp.KeySet) (*mssp.KeySet, error)) error {
	return d.commit(func() error { return d.Store.AddKeySet(ctx, i, f) })
}

// Killed before or after every commit of a rotation of an applet's key, and in the restart
// too: ordered again it ends, the card and the rows have one key, no counter has
// carried two messages, and signatures go on.
//
// Supports: 2-2d, I1, I3
func TestRotationKilledAtEveryCommit(t *testing.T) {
	for _, way := range []string{"packet", "own"} {
		for _, after := range []bool{false, true} {
			for at := 1; ; at++ {
				l := enginetest.New(t)
				l.Carriage = way
				c := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
				killed := rotationKilled(t, l, c, at, after, fmt.Sprintf("%s, commit %d, after %v", way, at, after))
				if killed {
					continue
				}
				if at < 5 {
					t.Errorf("%s: only %d commits", way, at-1)
				}
				break
			}
		}
	}
}

func rotationKilled(t *testing.T, l *enginetest.Lab, c *enginetest.Card, at int, after bool, name string) bool {
	ctx := context.Background()
	_, card, _, err := l.Store.Lookup(ctx, enginetest.Number)
	l.OK(err)
	order := func() {
		_ = l.Care.OrderKeys(ctx, card.ICCID) // who is killed is told nothing
		for range 2 {
			l.Settle()
			l.Redeliver()
			l.Engine.Sweep(ctx)
		}
	}
	first := c.Key
	d := &dyingStore{Store: l.EngineStore(), at: at, after: after}
	restart(t, l, d)
	order()
	killed := d.killed()
	if killed {
		restart(t, l, &dyingStore{Store: l.EngineStore(), at: 1, after: after})
	}
	restart(t, l, l.EngineStore())
	order()
	for range 4 {
		l.Clock.Add(16e9)
		l.Engine.Sweep(ctx)
		l.Settle()
		l.Redeliver()
	}
	rows, err := l.Store.KeySets(ctx, card.ICCID)
	l.OK(err)
	var sets []cardkeys.Installed
	for i := range rows {
		if rows[i].Applet {
			k, err := cardkeys.Open(l.Vault, &rows[i])
			l.OK(err)
			sets = append(sets, k)
		}
	}
	if len(sets) != 1 || sets[0].State != cardkeys.Confirmed || sets[0].Key != c.Key || sets[0].Set != c.KeySet || c.Key == first {
		t.Fatalf("%s: the rows have %v, the card set %d, the old key still: %v", name, sets, c.KeySet, c.Key == first)
	}
	l.Want(l.Sign(enginetest.Request("T1", "hello")).ID, mssp.Done, mssp.Signature)
	type counter struct {
		cntr ota.CNTR
		set  byte
	}
	data := map[counter][]byte{}
	for _, p := range c.Seen {
		at := counter{p.CNTR, p.KIc}
		if old, ok := data[at]; ok && !bytes.Equal(old, p.Data) {
			t.Fatalf("%s: counter %s has carried two messages (I3)", name, p.CNTR)
		}
		data[at] = p.Data
	}
	return killed
}
