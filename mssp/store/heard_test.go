package store_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
)

// The counter of an answer packet is used up by the commit that its answer ends, and
// only by that. Counters may come in another order; one that was used, or is too old to
// know, ends nothing, and the commit leaves everything as it was.
//
// Supports: I3, I6
func TestAnswerCounters(t *testing.T) {
	onBoth(t, func(l *lab) {
		heard := func(cntr ota.CNTR, octets string) *store.Heard {
			return &store.Heard{ICCID: cardA, KVN: 1, CNTR: cntr, Digest: store.DigestOf([]byte(octets))}
		}
		for i, step := range []struct {
			heard *store.Heard
			want  error
		}{
			{heard(5, "a"), nil},
			{heard(5, "a"), store.ErrHeard},
			{heard(5, "b"), store.ErrTwin},
			{heard(3, "c"), nil}, // was overtaken
			{heard(3, "d"), store.ErrTwin},
			{heard(100, "e"), nil},
			{heard(36, "f"), store.ErrOld},
			{heard(37, "f"), nil},         // 63 below the highest
			{heard(5, "a"), store.ErrOld}, // forgotten, and still refused
			{heard(101, "f"), nil},
			{heard(37, "f"), store.ErrOld},
			{heard(0, "g"), store.ErrOld},
			{&store.Heard{ICCID: cardA, KVN: 2, CNTR: 5}, nil}, // of another key set,
			{&store.Heard{ICCID: cardB, KVN: 1, CNTR: 5}, nil}, // of another card
			{nil, nil},
		} {
			if step.heard != nil {
				if err := l.HeardBefore(ctx, *step.heard); !errors.Is(err, step.want) || (err == nil) != (step.want == nil) {
					l.Errorf("step %d is foreseen as %v, want %v", i+1, err, step.want)
				}
			}
			tx := l.accept(newTx()).Tx
			f := done(tx)
			f.Heard = step.heard
			res, err := l.Finish(ctx, f, seal)
			if !errors.Is(err, step.want) || (err == nil) != (step.want == nil) {
				l.Errorf("step %d: %v, want %v", i+1, err, step.want)
			}
			now, err := l.Transaction(ctx, tx.ID)
			l.ok(err)
			if ended := now.State.Final(); ended != (step.want == nil) || ended != res.Applied {
				l.Errorf("step %d: %s, %+v", i+1, now.State, res.Applied)
			}
			l.finish(done(tx))
		}
		last, err := l.HeardLast(ctx, cardA)
		if err != nil || !maps.Equal(last, map[byte]ota.CNTR{1: 101, 2: 5}) {
			l.Errorf("the last are %v, %v", last, err)
		}
	})
}

// So does a late answer, once.
func TestLateAnswerCounters(t *testing.T) {
	onBoth(t, func(l *lab) {
		h := &store.Heard{ICCID: cardA, KVN: 1, CNTR: 5, Digest: store.DigestOf([]byte("a"))}
		for _, want := range []error{nil, store.ErrHeard} {
			tx := l.accept(newTx()).Tx
			l.finish(store.Finish{TxID: tx.ID, Event: mssp.EventExpired, Status: mssp.ExpiredTransaction})
			first, _, err := l.AnsweredLate(ctx, store.Late{TxID: tx.ID, At: epoch, What: "x", Heard: h})
			if !errors.Is(err, want) || first != (want == nil) {
				l.Errorf("%v, %v, want %v", first, err, want)
			}
			now, err := l.Transaction(ctx, tx.ID)
			l.ok(err)
			if now.LateAt.IsZero() != (want != nil) {
				l.Errorf("late at %v", now.LateAt)
			}
		}
	})
}

// A counter that cannot be read is not taken for 0, below which nothing is too old.
func TestAnswerCounterDamaged(t *testing.T) {
	for _, damage := range []string{"UPDATE heard SET cntr = 'x'", "UPDATE heard SET digest = 7"} {
		l := onSQLite(t)
		tx := l.accept(newTx()).Tx
		f := done(tx)
		f.Heard = &store.Heard{ICCID: cardA, KVN: 1, CNTR: 100, Digest: store.DigestOf([]byte("a"))}
		l.finish(f)
		if _, err := l.raw().Exec(damage); err != nil {
			t.Fatal(err)
		}
		err := l.HeardBefore(ctx, store.Heard{ICCID: cardA, KVN: 1, CNTR: 100, Digest: store.DigestOf([]byte("b"))})
		if err == nil || errors.Is(err, store.ErrTwin) || errors.Is(err, store.ErrHeard) {
			t.Errorf("%s: %v", damage, err)
		}
	}
}
