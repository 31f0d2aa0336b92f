package keys_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
)

// world is the model of section 2: one card, one server whose clock is wrong
// and whose database goes back to old backups.
type world struct {
	rng    *rand.Rand
	now    time.Time     // true time
	skew   time.Duration // error of the server's clock, an hour at most
	stored ota.CNTR      // what the database says
	backup ota.CNTR
	card   ota.CNTR // highest counter that the card has processed
	used   map[ota.CNTR]bool
}

func (w *world) clock() time.Time { return w.now.Add(w.skew) }

// send takes a counter, commits it, and perhaps crashes before the packet
// leaves. It reports whether the card took the packet.
func (w *world) send(t *testing.T) {
	next, err := keys.NextCounter(w.stored, w.clock(), keys.CounterHigher)
	if err != nil {
		t.Fatalf("at %s: %v", w.now, err)
	}
	w.stored = next // the commit
	if w.rng.IntN(50) == 0 {
		return // crash: the counter is a gap
	}
	if w.used[next] {
		t.Fatalf("counter %s is on the air twice", next)
	}
	w.used[next] = true
	if next <= w.card {
		t.Fatalf("the card refuses %s as too low, it has %s", next, w.card)
	}
	w.card = next
}

// restore puts an old backup in place, which takes a while, and raises the
// counter as a restore must: to the floor of two hours later.
func (w *world) restore(t *testing.T) {
	w.now = w.now.Add(time.Minute)
	raised, err := keys.ImportCounter(w.backup, w.clock().Add(2*time.Hour), keys.CounterHigher)
	if err != nil {
		t.Fatal(err)
	}
	w.stored = raised
}

// TestCounterModel: with clock errors of up to an hour in both directions,
// crashes and restored backups no counter is on the air twice and the card
// refuses none.
//
// Supports: F1, F14, F17, I3
func TestCounterModel(t *testing.T) {
	for seed := range uint64(20) {
		w := &world{rng: rand.New(rand.NewPCG(seed, 41)), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), used: map[ota.CNTR]bool{}}
		restores := 0
		for range 20000 {
			w.now = w.now.Add(time.Duration(w.rng.ExpFloat64() * float64(20*time.Minute)))
			switch n := w.rng.IntN(1000); {
			case n < 2:
				w.restore(t)
				restores++
			case n < 10:
				w.backup = w.stored
			case n < 40:
				w.skew = time.Duration(w.rng.Int64N(int64(2*time.Hour))) - time.Hour
			default:
				w.send(t)
			}
		}
		if restores < 10 {
			t.Fatalf("seed %d: only %d restores, the model shows nothing", seed, restores)
		}
		if top := keys.FloorCounter(w.now.Add(4 * time.Hour)); w.card > top {
			t.Errorf("seed %d: used up to %s, the clock allows %s", seed, w.card, top)
		}
	}
}

// TestPlusOneModel is the positive control: without the floor the same world
// repeats counters, so that the model can see the fault.
func TestPlusOneModel(t *testing.T) {
	w := &world{rng: rand.New(rand.NewPCG(1, 41)), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	repeated := 0
	for range 20000 {
		switch n := w.rng.IntN(1000); {
		case n < 2:
			w.stored = w.backup
		case n < 10:
			w.backup = w.stored
		default:
			next, err := keys.NextCounter(w.stored, w.now, keys.CounterExact)
			if err != nil {
				t.Fatal(err)
			}
			if w.stored = next; next <= w.card {
				repeated++
				continue
			}
			w.card = next
		}
	}
	if repeated == 0 {
		t.Error("restores of +1 counters repeated none: the model cannot tell")
	}
}
