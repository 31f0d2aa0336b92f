package store_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

func part(from sms.MSISDN, ref store.ConcatRef, ud string, at time.Time) bearer.MO {
	return bearer.MO{Bearer: "loopback", Source: from, UDH: []byte{5, 0, 3, byte(ref.Ref), byte(ref.Total), byte(ref.Part)}, UD: []byte(ud), ReceivedAt: at}
}

func (l *lab) saveMO(from sms.MSISDN, ref store.ConcatRef, ud string) store.MOResult {
	l.Helper()
	r, err := l.SaveMO(ctx, part(from, ref, ud, epoch), ref)
	l.ok(err)
	return r
}

func (l *lab) sets(source sms.MSISDN) (open, kept int64) {
	l.Helper()
	open, kept, err := l.Sets(source)
	l.ok(err)
	return open, kept
}

// Supports: F11
func TestReassembly(t *testing.T) {
	type step struct {
		part, total int
		ud          string
		after       time.Duration
		want        string // "", duplicate, conflict, parts, flood, or "=" and the joined message
	}
	for name, steps := range map[string][]step{
		"in order":               {{1, 3, "a", 0, ""}, {2, 3, "b", 0, ""}, {3, 3, "c", 0, "=abc"}},
		"backwards":              {{3, 3, "c", 0, ""}, {2, 3, "b", 0, ""}, {1, 3, "a", 0, "=abc"}},
		"duplicated":             {{1, 2, "a", 0, ""}, {1, 2, "a", 0, "duplicate"}, {2, 2, "b", 0, "=ab"}, {2, 2, "b", 0, "duplicate"}, {1, 2, "a", 0, "duplicate"}},
		"other octets":           {{1, 2, "\x00\x02ab", 0, ""}, {1, 2, "\x00\x02xy", 0, "conflict"}, {2, 2, "", 0, "=\x00\x02xy=\x00\x02ab"}},
		"total changed":          {{1, 2, "a", 0, ""}, {2, 3, "B", 0, "conflict"}, {2, 2, "b", 0, "=ab"}, {1, 3, "A", 0, ""}, {3, 3, "C", 0, "=ABC"}},
		"same part, total other": {{1, 2, "a", 0, ""}, {1, 3, "a", 0, "conflict"}, {2, 2, "b", 0, "=ab"}},
		"eight parts": {
			{1, 8, "a", 0, ""},
			{2, 8, "b", 0, ""},
			{3, 8, "c", 0, ""},
			{4, 8, "d", 0, ""},
			{5, 8, "e", 0, ""},
			{6, 8, "f", 0, ""},
			{7, 8, "g", 0, ""},
			{8, 8, "h", 0, "=abcdefgh"},
		},
		"nine parts":            {{1, 9, "a", 0, "parts"}},
		"255 parts":             {{255, 255, "a", 0, "parts"}},
		"part 0":                {{0, 2, "a", 0, "parts"}},
		"part past the total":   {{3, 2, "a", 0, "parts"}},
		"last within 90 s":      {{1, 2, "a", 0, ""}, {2, 2, "b", 90 * time.Second, "=ab"}},
		"reference reused":      {{1, 2, "a", 0, ""}, {2, 2, "B", 91 * time.Second, ""}, {1, 2, "A", 91 * time.Second, "=AB"}},
		"reused with same part": {{1, 2, "a", 0, ""}, {1, 2, "a", 91 * time.Second, ""}, {2, 2, "B", 92 * time.Second, "=aB"}},
		"reused, other total":   {{1, 2, "a", 0, ""}, {1, 3, "A", 91 * time.Second, ""}, {2, 3, "B", 91 * time.Second, ""}, {3, 3, "C", 91 * time.Second, "=ABC"}},
		"next message at once":  {{1, 2, "a", 0, ""}, {2, 2, "b", 0, "=ab"}, {1, 2, "c", time.Second, ""}, {2, 2, "d", time.Second, "=cd"}},
		"next, other total":     {{1, 2, "a", 0, ""}, {2, 2, "b", 0, "=ab"}, {1, 3, "c", time.Second, ""}, {2, 2, "b", time.Second, "duplicate"}},
		"none of them an answer, then the true part": {
			{1, 2, "\x00\x03ab", 0, ""}, {1, 2, "\x00\x05ab", 0, "conflict"}, {2, 2, "", 0, "none"}, {2, 2, "c", 0, "=\x00\x03abc"}, {2, 2, "", 0, "duplicate"},
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			onBoth(t, func(l *lab) {
				for i, s := range steps {
					ref := store.ConcatRef{Ref: 7, Part: s.part, Total: s.total}
					r, err := l.SaveMO(ctx, part(numberA, ref, s.ud, epoch.Add(s.after)), ref)
					switch s.want {
					case "parts":
						l.wantErr("SaveMO", err, store.ErrParts)
						continue
					}
					l.ok(err)
					got := ""
					switch {
					case r.Duplicate:
						got = "duplicate"
					case r.Complete != nil:
						for _, ud := range r.Complete.Choices() {
							got += "=" + string(ud)
						}
						if got != "" {
							l.ok(l.ConsumeMO(ctx, r.Complete.ID))
							break
						}
						l.ok(l.SetAside(ctx, *r.Complete))
						got = "none"
					case r.Conflict:
						got = "conflict"
					}
					if got != s.want {
						l.Fatalf("step %d: got %q, want %q", i+1, got, s.want)
					}
				}
			})
		})
	}
}

// Sets of different phones and reference kinds do not mix.
//
// Supports: F11, I2
func TestReassemblyKeepsApart(t *testing.T) {
	onBoth(t, func(l *lab) {
		one, two := store.ConcatRef{Ref: 7, Part: 1, Total: 2}, store.ConcatRef{Ref: 7, Part: 2, Total: 2}
		wide := store.ConcatRef{Ref: 7, Ref16: true, Part: 2, Total: 2}
		l.saveMO(numberA, one, "a")
		for name, r := range map[string]store.MOResult{"another phone": l.saveMO(numberB, two, "b"), "16-bit reference": l.saveMO(numberA, wide, "w")} {
			if r.Complete != nil || r.Conflict || r.Duplicate {
				l.Errorf("%s: %+v", name, r)
			}
		}
		r := l.saveMO(numberA, two, "A")
		if r.Complete == nil || string(r.Complete.UD) != "aA" || r.Complete.Source != numberA || r.Complete.UDH[5] != 1 {
			l.Fatalf("%+v", r.Complete)
		}
		l.reopen() // a crash between the last part and Finish
		js, err := l.PendingMO(ctx)
		l.ok(err)
		if diff := cmp.Diff([]store.Joined{*r.Complete}, js); diff != "" {
			l.Errorf("pending after a restart: %s", diff)
		}
		l.ok(l.ConsumeMO(ctx, js[0].ID))
		if js, err := l.PendingMO(ctx); err != nil || len(js) != 0 {
			l.Errorf("%d pend after ConsumeMO, %v", len(js), err)
		}
		if r := l.saveMO(numberA, two, "A"); !r.Duplicate {
			l.Errorf("a redelivered part of a consumed message: %+v", r)
		}
	})
}

// Parts that an earlier release has stored are joined with those that come after
// the upgrade; what was complete then is still pending.
//
// Supports: F11
func TestPartsOfAnEarlierRelease(t *testing.T) {
	dump, err := os.ReadFile("testdata/schema-v6.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "old.db")
	db := rawDB(t, path)
	dump = fmt.Append(dump, `INSERT INTO schema_version VALUES (6, 0);
		INSERT INTO mo_header (source, ref, slot, total, mask, prev, state, first_at) VALUES
		('`, string(numberA), `', 7, 0, 2, 1, 0, 0, `, epoch.UnixMicro(), `), ('`, string(numberB), `', 7, 0, 2, 3, 2, 1, `, epoch.UnixMicro(), `);
		INSERT INTO mo_part (header, part, udh, ud) VALUES (1, 1, x'050003070201', x'61'), (2, 1, x'050003070201', x'41'), (2, 2, x'050003070202', x'42');`)
	if _, err := db.Exec(string(dump)); err != nil {
		t.Fatal(err)
	}
	db.Close()
	l := newLab(t, path)
	one, two := store.ConcatRef{Ref: 7, Part: 1, Total: 2}, store.ConcatRef{Ref: 7, Part: 2, Total: 2}
	if r := l.saveMO(numberA, one, "a"); !r.Duplicate {
		t.Errorf("the part that is there: %+v", r)
	}
	if r := l.saveMO(numberA, two, "b"); r.Complete == nil || string(r.Complete.UD) != "ab" {
		t.Errorf("%+v", r)
	}
	js, err := l.PendingMO(ctx)
	if err != nil || len(js) != 2 || string(js[1].UD) != "AB" {
		t.Errorf("pending: %+v, %v", js, err)
	}
}

// Parts that come at once, in any order and some of them twice: every message
// is joined, by one call. "Insert, then count" loses more than half of them.
//
// Supports: F11
func TestReassemblyAtOnce(t *testing.T) {
	onBoth(t, func(l *lab) {
		const messages, parts = 150, 3
		type one struct{ ref, part int }
		var all []one
		for m := range messages {
			for p := range parts {
				all = append(all, one{m, p + 1})
			}
			all = append(all, one{m, 1})
		}
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		var wg sync.WaitGroup
		var mu sync.Mutex
		joined := map[string]int{}
		next := make(chan one)
		for range 16 {
			wg.Go(func() {
				for o := range next {
					ref := store.ConcatRef{Ref: uint16(o.ref), Ref16: true, Part: o.part, Total: parts}
					r, err := l.SaveMO(ctx, part(sms.MSISDN(fmt.Sprint(41790000000+o.ref/50)), ref, fmt.Sprintf("[%d/%d]", o.ref, o.part), epoch), ref)
					if err != nil || r.Conflict {
						l.Error(r.Conflict, err)
					}
					if r.Complete != nil {
						mu.Lock()
						joined[string(r.Complete.UD)]++
						mu.Unlock()
					}
				}
			})
		}
		for _, o := range all {
			next <- o
		}
		close(next)
		wg.Wait()
		for m := range messages {
			if n := joined[fmt.Sprintf("[%d/1][%d/2][%d/3]", m, m, m)]; n != 1 {
				l.Errorf("message %d was joined %d times", m, n)
			}
		}
		if len(joined) != messages {
			l.Errorf("%d messages, want %d", len(joined), messages)
		}
	})
}

// A source that only begins messages is bounded, by number and by octets; a
// message that comes after all that, and one that began before, find their place.
//
// Supports: F11, I10
func TestReassemblyFlood(t *testing.T) {
	for name, size := range map[string]int{"full": 140, "one octet": 1, "empty": 0} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(l *lab) {
				dropped := 0
				flood := func(from, n int) {
					for ref := from; ref < from+n; ref++ {
						c := store.ConcatRef{Ref: uint16(ref), Ref16: true, Part: 1, Total: 8}
						r, err := l.SaveMO(ctx, part(numberA, c, strings.Repeat("x", size), epoch), c)
						l.ok(err)
						dropped += r.Dropped
					}
				}
				flood(0, 300)
				one, two := store.ConcatRef{Ref: 7, Part: 1, Total: 2}, store.ConcatRef{Ref: 7, Part: 2, Total: 2}
				dropped += l.saveMO(numberA, one, "a").Dropped
				flood(300, 50)
				r := l.saveMO(numberA, two, "b")
				if dropped += r.Dropped; r.Complete == nil || string(r.Complete.UD) != "ab" {
					l.Error("the true message is lost between the others")
				}
				if want := 351 - 64; dropped != want {
					l.Errorf("%d sets had to go, want %d", dropped, want)
				}
				if open, kept := l.sets(numberA); open != 8 && open != 7 || kept > 64 {
					l.Errorf("%d sets are open, %d kept", open, kept)
				}
				if r := l.saveMO(numberB, one, "x"); r.Conflict || r.Dropped > 0 {
					l.Error("another source pays for it")
				}
			})
		})
	}
}

// Single-segment messages that fit nothing are noted.
//
// Supports: F12
func TestSeenMO(t *testing.T) {
	onBoth(t, func(l *lab) {
		mo := bearer.MO{Source: numberA, UDH: []byte{2, 0x71, 0}, UD: []byte("foreign"), ReceivedAt: epoch}
		r, err := l.SaveMO(ctx, mo, store.ConcatRef{})
		l.ok(err)
		if r.Duplicate || r.Complete == nil || string(r.Complete.UD) != "foreign" || r.Complete.ID != 0 {
			l.Fatalf("%+v", r)
		}
		for range 2 {
			if r, err = l.SaveMO(ctx, mo, store.ConcatRef{Total: 1, Part: 1}); err != nil || !r.Duplicate || r.Complete != nil {
				l.Errorf("%+v, %v", r, err)
			}
		}
		mo.Source = numberB
		if r, err = l.SaveMO(ctx, mo, store.ConcatRef{}); err != nil || r.Duplicate {
			l.Errorf("from another phone: %+v, %v", r, err)
		}
		// Packed, 7 characters are the octets of the same with an '@' behind them.
		for _, septets := range []int{7, 8} {
			mo.UDH, mo.UD, mo.Septets = nil, make([]byte, 7), septets
			if r, err = l.SaveMO(ctx, mo, store.ConcatRef{}); err != nil || r.Duplicate {
				l.Errorf("a text of %d septets: %+v, %v", septets, r, err)
			}
		}
	})
}
