package store_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Sets that were deleted with a person take no room of others any more.
func TestRoomOfDeletedSets(t *testing.T) {
	l := onSQLite(t)
	l.alerted(func(o *store.Options) { o.MaxPending = 500 })
	ref := uint16(0)
	save := func(source sms.MSISDN, at time.Duration, size int) (store.MOResult, error) {
		ref++
		return l.SaveMO(ctx, bearer.MO{Source: source, UD: make([]byte, size), ReceivedAt: epoch.Add(at)}, store.ConcatRef{Ref: ref, Part: 1, Total: 2})
	}
	for i := range 5 {
		l.ok(nothing(save(numberB, time.Duration(i)*time.Second, 100)))
	}
	l.sql("DELETE FROM mo_header")
	l.sql("DELETE FROM mo_part")
	for i, want := range []int{0, 0, 0, 0, 0, 1} { // as many octets as there may be
		if r, err := save(numberA, 6*time.Second, 100); err != nil || r.Dropped != want {
			t.Errorf("message %d: %d dropped, %v", i+1, r.Dropped, err)
		}
	}
	_, err := save(numberA, 6*time.Second, 501)
	l.wantErr("more than there may be", err, store.ErrFlood)
}

// What a restart finds on the disk fills the room too, and a fault of the first look at
// it is told, and the next one looks again.
func TestRoomAfterARestart(t *testing.T) {
	l := onSQLite(t)
	small := func(o *store.Options) { o.MaxPending = 500 }
	l.alerted(small)
	ref := uint16(0)
	save := func(source sms.MSISDN, at time.Duration) (store.MOResult, error) {
		ref++
		return l.SaveMO(ctx, bearer.MO{Source: source, UD: make([]byte, 100), ReceivedAt: epoch.Add(at)}, store.ConcatRef{Ref: ref, Part: 1, Total: 2})
	}
	for range 4 {
		l.ok(nothing(save(numberB, 0)))
	}
	for _, row := range []bool{false, true} {
		for at := 1; ; at++ {
			l.alerted(small)
			before := l.octets()
			f := &store.Fault{At: at, Row: row}
			err := l.With(f, func() error { return nothing(save(numberA, 0)) })
			if f.Over() {
				l.ok(err)
				break
			}
			if f.Happened() && (err == nil || l.octets() != before) {
				t.Errorf("statement %d, its row %v: %v", at, row, err)
			}
			if err == nil {
				l.sql("DELETE FROM mo_header WHERE source = $1", string(numberA))
				l.sql("DELETE FROM mo_part WHERE header NOT IN (SELECT id FROM mo_header)")
			}
		}
		l.sql("DELETE FROM mo_header WHERE source = $1", string(numberA))
		l.sql("DELETE FROM mo_part WHERE header NOT IN (SELECT id FROM mo_header)")
	}
	l.alerted(small)
	for i, want := range []int{0, 1} {
		if r, err := save(numberA, 0); err != nil || r.Dropped != want {
			t.Errorf("message %d: %d dropped, %v", i+1, r.Dropped, err)
		}
	}
	if _, kept := l.sets(numberB); kept != 3 {
		t.Errorf("%d sets of who has most", kept)
	}
}

func (l *lab) octets() int64 {
	l.Helper()
	n, err := l.PendingOctets(ctx)
	l.ok(err)
	return n
}

// A set that was put aside for others is taken up again by its next part: it is one of
// those that collect then, and another makes way.
func TestTakenUpAgain(t *testing.T) {
	l := onSQLite(t)
	at := time.Duration(0)
	save := func(ref, part int) store.MOResult {
		at += time.Second
		r, err := l.SaveMO(ctx, bearer.MO{Source: numberA, UD: []byte{byte(part)}, ReceivedAt: epoch.Add(at)}, store.ConcatRef{Ref: uint16(ref), Part: part, Total: 3})
		l.ok(err)
		return r
	}
	states := func() (aside []int) {
		rows, err := l.raw().Query("SELECT ref FROM mo_header WHERE state = 3 ORDER BY ref")
		l.ok(err)
		defer rows.Close()
		for rows.Next() {
			var ref int
			l.ok(rows.Scan(&ref))
			aside = append(aside, ref)
		}
		l.ok(rows.Err())
		return aside
	}
	for ref := 1; ref <= 9; ref++ {
		save(ref, 1)
	}
	l.same("put aside for the ninth", []int{1}, states())
	save(1, 2)
	l.same("once the first has another part", []int{2}, states())
	if r := save(1, 3); r.Complete == nil || !bytes.Equal(r.Complete.UD, []byte{1, 2, 3}) {
		t.Errorf("%+v", r)
	}
}

// How many octets others may send, after some have come: what is whole waits for no
// more and takes no room, nor what has made way, and an empty part takes as much as
// one of 64 octets.
func TestRoomThatIsLeft(t *testing.T) {
	const size = 100
	for name, tc := range map[string]struct {
		before func(l *lab, save func(ref, part, mark, size int) *store.Joined)
		at     time.Duration // of what comes then
		fit    int           // messages of 100 octets, of 1000 in all
	}{
		"nothing came":   {nil, 0, 10},
		"a part":         {func(_ *lab, save func(ref, part, mark, size int) *store.Joined) { save(1, 1, 1, size) }, 0, 9},
		"within 90 s":    {func(_ *lab, save func(ref, part, mark, size int) *store.Joined) { save(1, 1, 1, size) }, 90 * time.Second, 9},
		"after that":     {func(_ *lab, save func(ref, part, mark, size int) *store.Joined) { save(1, 1, 1, size) }, 91 * time.Second, 10},
		"an empty part":  {func(_ *lab, save func(ref, part, mark, size int) *store.Joined) { save(1, 1, 1, 0) }, 0, 9},
		"36 octets more": {func(_ *lab, save func(ref, part, mark, size int) *store.Joined) { save(1, 1, 1, 36); save(2, 1, 1, 36) }, 0, 8},
		"the same twice": {func(_ *lab, save func(ref, part, mark, size int) *store.Joined) {
			save(1, 1, 1, size)
			save(1, 1, 1, size)
		}, 0, 9},
		"a variant": {func(_ *lab, save func(ref, part, mark, size int) *store.Joined) {
			save(1, 1, 1, size)
			save(1, 1, 2, size)
		}, 0, 8},
		"a whole message": {func(_ *lab, save func(ref, part, mark, size int) *store.Joined) {
			save(1, 1, 1, size)
			save(1, 2, 1, size)
		}, 0, 10},
		"a variant of it": {func(_ *lab, save func(ref, part, mark, size int) *store.Joined) {
			save(1, 1, 1, size)
			save(1, 2, 1, size)
			save(1, 2, 2, size)
		}, 0, 10},
		"none was right": {func(l *lab, save func(ref, part, mark, size int) *store.Joined) {
			save(1, 1, 1, size)
			l.ok(l.SetAside(ctx, *save(1, 2, 1, size)))
		}, 0, 8},
		"and then another": {func(l *lab, save func(ref, part, mark, size int) *store.Joined) {
			save(1, 1, 1, size)
			l.ok(l.SetAside(ctx, *save(1, 2, 1, size)))
			save(1, 2, 2, size)
		}, 0, 10},
		"of 20 variants eight stay": {func(_ *lab, save func(ref, part, mark, size int) *store.Joined) {
			for mark := range 20 {
				save(1, 1, mark, size)
			}
		}, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			l := onSQLite(t)
			l.alerted(func(o *store.Options) { o.MaxPending = 1000 })
			save := func(source sms.MSISDN, at time.Duration, ref, part, mark, size int) store.MOResult {
				ud := make([]byte, size)
				if size > 0 {
					ud[size-1] = byte(mark)
				}
				r, err := l.SaveMO(ctx, bearer.MO{Source: source, UD: ud, ReceivedAt: epoch.Add(at)}, store.ConcatRef{Ref: uint16(ref), Part: part, Total: 2})
				l.ok(err)
				return r
			}
			if tc.before != nil {
				tc.before(l, func(ref, part, mark, size int) *store.Joined { return save(numberB, 0, ref, part, mark, size).Complete })
			}
			fit := 0
			for ; fit < 20; fit++ {
				if save(numberA, tc.at, fit, 1, 1, size).Dropped > 0 {
					break
				}
			}
			if fit != tc.fit {
				t.Errorf("%d messages find room, want %d", fit, tc.fit)
			}
		})
	}
}

// What one source may have: so many octets in all, whatever it sends.
func TestRoomOfASource(t *testing.T) {
	l := onSQLite(t)
	l.alerted(func(o *store.Options) { o.MaxOctets = 300 })
	save := func(ref, size int) (store.MOResult, error) {
		return l.SaveMO(ctx, bearer.MO{Source: numberA, UD: make([]byte, size), ReceivedAt: epoch}, store.ConcatRef{Ref: uint16(ref), Part: 1, Total: 2})
	}
	for i, want := range []int{0, 0, 0, 1, 1} {
		if r, err := save(i, 100); err != nil || r.Dropped != want {
			t.Errorf("message %d: %d dropped, %v", i+1, r.Dropped, err)
		}
	}
	if r, err := save(9, 300); err != nil || r.Dropped != 3 {
		t.Errorf("all that there may be: %d dropped, %v", r.Dropped, err)
	}
	if _, err := save(10, 301); !errors.Is(err, store.ErrFlood) {
		t.Errorf("more than that: %v", err)
	}
	if _, kept := l.sets(numberA); kept != 1 {
		t.Errorf("%d sets are kept", kept)
	}
}
