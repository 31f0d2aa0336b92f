package store_test

import (
	"testing"
	"time"

	"github.com/simsign/simsign/ota/bearer"
)

// A reminder is stored with its text once for each certificate and step, and forgotten
// when its certificate is.
//
// Supports: 3.5.13-1
func TestRemind(t *testing.T) {
	onBoth(t, func(l *lab) {
		const day = 24 * time.Hour
		text := []bearer.Segment{{Dest: numberA, UD: []byte("soon")}}
		stored := func() int {
			segs, err := l.ClaimSegments(ctx, epoch.Add(time.Hour), func(names []string) []int { return []int{100} })
			l.ok(err)
			return len(segs)
		}
		for i, x := range []struct {
			serial string
			step   time.Duration
			first  bool
		}{{"0a", 30 * day, true}, {"0a", 30 * day, false}, {"0a", day, true}, {"0b", 30 * day, true}, {"0b", 30 * day, false}} {
			out, first, err := l.Remind(ctx, numberA, x.serial, x.step, text)
			l.ok(err)
			want := 0
			if x.first {
				want = 1
			}
			if first != x.first || len(out) != want || stored() != want {
				l.Errorf("reminder %d: first %v, %d texts", i+1, first, len(out))
			}
		}
		l.ok(l.ForgetReminders(ctx, epoch)) // those before: none
		if _, first, err := l.Remind(ctx, numberA, "0a", day, text); first || err != nil {
			l.Errorf("forgotten too early: %v", err)
		}
		l.ok(l.ForgetReminders(ctx, epoch.Add(time.Second)))
		if _, first, err := l.Remind(ctx, numberA, "0a", day, text); !first || err != nil {
			l.Errorf("not forgotten: %v", err)
		}
	})
}
