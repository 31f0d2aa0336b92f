package esme

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/smpp"
)

// The rates of the client and of a bind hold, each for its own.
//
// Supports: I11
func TestRates(t *testing.T) {
	for name, tc := range map[string]struct {
		o    Options
		want time.Duration // for 40 segments
	}{
		"of the client": {Options{Rate: 10, Binds: 2}, 4 * time.Second},
		"of a bind":     {Options{BindRate: 10, Binds: 2}, 2 * time.Second},
		"none":          {Options{Binds: 2}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, tc.o, nil, func(l *lab) {
				began := time.Now()
				var chs []chan result
				for id := range int64(40) {
					chs = append(chs, l.submit(l.Context(), id))
				}
				for _, ch := range chs {
					if r := <-ch; r.err != nil {
						t.Fatal(r.err)
					}
				}
				if d := time.Since(began); d < tc.want-300*time.Millisecond || d > tc.want+300*time.Millisecond {
					t.Errorf("40 segments took %v, want about %v", d, tc.want)
				}
			})
		})
	}
}

// A centre that takes 20 a second and throttles above that: everything gets
// through, at not much less, and with few refusals.
//
// Supports: F13, I11
func TestAdaptiveRate(t *testing.T) {
	for name, configured := range map[string]float64{"configured too high": 100, "not configured": 0} {
		t.Run(name, func(t *testing.T) {
			throttled := 0
			bubble(t, Options{Rate: configured, Window: 5, Queue: 5000}, func(c *centre) {
				var second time.Time
				n := 0
				c.answer = func(int, *smpp.Message) (int, string) {
					if now := time.Now().Truncate(time.Second); now != second {
						second, n = now, 0
					}
					if n++; n > 20 {
						throttled++
						return int(smpp.RThrottled), ""
					}
					return 0, "1"
				}
			}, func(l *lab) {
				began := time.Now()
				var chs []chan result
				for id := range int64(1000) {
					chs = append(chs, l.submit(l.Context(), id))
				}
				for _, ch := range chs {
					if r := <-ch; r.err != nil {
						t.Fatal(r.err)
					}
				}
				if d := time.Since(began); d > 130*time.Second {
					t.Errorf("1000 segments took %v, 50 s would be ideal", d)
				}
				if throttled > 200 {
					t.Errorf("%d refusals", throttled)
				}
				t.Logf("%v, %d refusals, rate %.1f", time.Since(began), throttled, l.pace.limit())
			})
		})
	}
}

// Without throttling the limit goes back to where it was.
//
// Supports: I11
func TestRateRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, base := range []float64{40, 0} {
			p := newPace(base)
			for range 40 {
				p.accepted(time.Now())
			}
			p.throttled(time.Now())
			p.throttled(time.Now()) // what was on its way says the same
			if got := p.limit(); got != 20 {
				t.Errorf("base %v: %v after throttling", base, got)
			}
			for range 200 {
				time.Sleep(time.Second)
				p.accepted(time.Now())
			}
			if got := p.limit(); got != base {
				t.Errorf("base %v: %v after a quiet time", base, got)
			}
		}
	})
}
