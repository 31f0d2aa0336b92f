package store_test

import (
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
)

func about(what string, k notice.Kind) store.Notice {
	return store.Notice{To: numberA, Kind: k, About: what, Text: []bearer.Segment{{Dest: numberA, UD: []byte("soon")}}}
}

// A notice of a kind is given once about a thing, whoever tells it, and forgotten
// when nobody can come to that end again. The network has a week to take it.
//
// Supports: 3.5.13-1
func TestNoticeOnce(t *testing.T) {
	onBoth(t, func(l *lab) {
		stored := func(after time.Duration) int {
			segs, err := l.ClaimSegments(ctx, epoch.Add(after), func(names []string) []int { return []int{100} })
			l.ok(err)
			return len(segs)
		}
		for i, x := range []struct {
			notices []store.Notice
			want    int
		}{
			{[]store.Notice{about("0a", notice.Expiring)}, 1},
			{[]store.Notice{about("0a", notice.Expiring)}, 0},
			{[]store.Notice{about("0a", notice.Revoked), about("0a", notice.Revoked), about("0b", notice.Expiring)}, 2},
			{nil, 0},
		} {
			out, err := l.Tell(ctx, x.notices...)
			l.ok(err)
			if len(out) != x.want || stored(6*24*time.Hour) != x.want {
				l.Errorf("%d: %d texts, want %d", i+1, len(out), x.want)
			}
		}
		k := mssp.KeyPair{ICCID: cardA, Slot: 1, Usage: 1, State: mssp.KeyRegistered, PublicKey: []byte{1}, Serial: "0c"}
		for _, want := range []int{1, 0} {
			out, err := l.TellOfKeyPair(ctx, k, about(k.Serial, notice.Registered))
			l.ok(err)
			if len(out) != want {
				l.Errorf("of a pair: %d texts, want %d", len(out), want)
			}
		}
		if n := stored(8 * 24 * time.Hour); n != 0 {
			l.Errorf("%d texts leave after a week", n)
		}
		l.ok(l.ForgetNotices(ctx, epoch)) // those before: none
		if out, err := l.Tell(ctx, about("0a", notice.Expiring)); len(out) > 0 || err != nil {
			l.Errorf("forgotten too early: %v", err)
		}
		l.ok(l.ForgetNotices(ctx, epoch.Add(time.Second)))
		if out, err := l.Tell(ctx, about("0a", notice.Expiring)); len(out) == 0 || err != nil {
			l.Errorf("not forgotten: %v", err)
		}
	})
}

// What an e-mail has told is known as a notice of its own kind, and nobody gets a text of it.
// Twice is no error.
//
// Supports: 3.5.13-1
func TestMailed(t *testing.T) {
	onBoth(t, func(l *lab) {
		given := func() bool {
			b, err := l.Given(ctx, notice.Mailed, "0a")
			l.ok(err)
			return b
		}
		l.ok(nothing(l.Tell(ctx, about("0a", notice.Expiring))))
		if given() {
			l.Error("a text counts as an e-mail")
		}
		for range 2 {
			l.ok(l.Mailed(ctx, store.Notice{To: numberA, Kind: notice.Mailed, About: "0a"}, store.Notice{Kind: notice.Mailed, About: "day"}))
		}
		segs, err := l.ClaimSegments(ctx, epoch, func([]string) []int { return []int{100} })
		if l.ok(err); !given() || len(segs) != 1 {
			l.Errorf("given: %v; %d texts, want the one of before", given(), len(segs))
		}
	})
}

// To whom a notice was given is known as long as numbers are kept; that it was given,
// for longer. Of a person who is erased nothing is left of it.
func TestNoticesErased(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.user()
		db := l.raw()
		count := func(where string) (n int) {
			l.ok(db.QueryRow("SELECT COUNT(*) FROM notice WHERE " + where).Scan(&n))
			return n
		}
		_, err := l.Tell(ctx, about("0a", notice.Expiring), about("0b", notice.Expiring))
		l.ok(err)
		l.erase(store.Retention{Numbers: epoch})
		if n := count("msisdn <> ''"); n != 2 {
			l.Errorf("%d have their number, want 2", n)
		}
		l.erase(store.Retention{Numbers: epoch.Add(time.Second)})
		if n, all := count("msisdn <> ''"), count("1 = 1"); n != 0 || all != 2 {
			l.Errorf("%d of %d have their number, want 0 of 2", n, all)
		}
		_, err = l.Tell(ctx, about("0c", notice.Expiring))
		l.ok(err)
		l.ok(l.EraseUser(ctx, numberA, epoch))
		if n := count("about = '0c'"); n != 0 {
			l.Errorf("%d are left of who was erased", n)
		}
	})
}
