package store_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// What stands against a request under an AP_TransID that was used before, and
// what does not: the first transaction is open or has ended, and each request
// differs from it in what its case says and in nothing else.
//
// Supports: I12
func TestEarlier(t *testing.T) {
	type key = store.RequestKey
	for name, c := range map[string]struct {
		first       int64 // instant
		change      func(*key)
		open, ended bool // it stands against it while the first is open, once it has ended
	}{
		"the same":                       {17, func(*key) {}, true, true},
		"another meaning":                {17, func(k *key) { k.Hash = []byte{9} }, true, true},
		"a new instant":                  {17, func(k *key) { k.Instant = 18 }, false, false},
		"no instant any more":            {17, func(k *key) { k.Instant = 0 }, false, false},
		"a new instant, used once":       {17, func(k *key) { k.Instant, k.Once = 18, true }, true, true},
		"another provider, used once":    {17, func(k *key) { k.AP, k.Once = "https://shop.example", true }, false, false},
		"another id, used once":          {17, func(k *key) { k.TransID, k.Once = "other", true }, false, false},
		"no instants":                    {0, func(*key) {}, true, false},
		"no instants, another meaning":   {0, func(k *key) { k.Hash = []byte{9} }, false, false},
		"an instant after none":          {0, func(k *key) { k.Instant = 17 }, false, false},
		"no instants, used once":         {0, func(k *key) { k.Once = true }, true, true},
		"an earlier release":             {mssp.OldInstant, func(k *key) { k.Instant = 17 }, true, false},
		"an earlier release, no instant": {mssp.OldInstant, func(k *key) { k.Instant = 0 }, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(l *lab) {
				tx := newTx()
				tx.Instant = c.first
				first := l.accept(tx).Tx
				k := store.RequestOf(&first)
				c.change(&k)
				for _, want := range []bool{c.open, c.ended} {
					got, err := l.Earlier(ctx, k)
					if found := err == nil; found != want || found && got.ID != first.ID || err != nil && !errors.Is(err, store.ErrNotFound) {
						l.Errorf("first %s: found %v, want %v, %v", first.State, found, want, err)
					}
					first = l.finish(done(first)).Tx
				}
			})
		})
	}
}

// Two equal requests at the same moment are one transaction, with and without
// an instant; and an identifier that is used once is used once, whatever the
// instants are. Nothing but the database stands between them.
//
// Supports: I12
func TestEqualRequestsAtOnce(t *testing.T) {
	onBoth(t, func(l *lab) {
		for name, change := range map[string]func(tx *mssp.Transaction, caller int){
			"with an instant":    func(tx *mssp.Transaction, _ int) { tx.Instant = 17 },
			"without an instant": func(*mssp.Transaction, int) {},
			"used once":          func(tx *mssp.Transaction, caller int) { tx.Instant, tx.Once = int64(1+caller), true },
		} {
			const callers = 8
			var wg sync.WaitGroup
			ids := make([]mssp.TransID, callers)
			fresh := make([]bool, callers)
			for c := range callers {
				wg.Go(func() {
					tx := newTx()
					tx.APTransID = "at once " + name
					if change(&tx, c); c%2 == 1 {
						tx.ICCID = cardB
					}
					r, err := l.Accept(ctx, tx, nil, seal)
					if err != nil {
						l.Errorf("%s: %v", name, err)
					}
					ids[c], fresh[c] = r.Tx.ID, !r.Duplicate
				})
			}
			wg.Wait()
			n := 0
			for c := range callers {
				if fresh[c] {
					n++
				}
				if ids[c] != ids[0] {
					l.Errorf("%s: %s and %s", name, ids[c], ids[0])
				}
			}
			if n != 1 {
				l.Errorf("%s: accepted %d times", name, n)
			}
		}
	})
}
