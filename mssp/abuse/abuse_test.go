package abuse

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
)

var (
	now   = time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	rules = Rules{PromptsPerMinute: 3, AllPromptsPerMinute: 7, CoolOffAfter: 3, AllCoolOffAfter: 7, CoolOff: 15 * time.Minute}
)

const bank, shop = "http://bank", "http://shop"

// Three prompts in any minute, not in any clock minute; a refused one does not
// count, and the fault says when to come back. Another provider is not held up.
//
// Supports: 3.5.6-1
func TestPrompts(t *testing.T) {
	var rec Record
	for i := range 3 {
		if f := rules.Prompt(&rec, bank, now.Add(time.Duration(i)*10*time.Second)); f != nil {
			t.Fatalf("prompt %d: %v", i, f)
		}
	}
	at := now.Add(30 * time.Second)
	f := rules.Prompt(&rec, bank, at)
	if f == nil || f.Code != mssp.SignatureProcess || !strings.Contains(f.Detail, "3 of your requests to this user within a minute: try again in 31 s") {
		t.Errorf("the fourth: %v", f)
	}
	if n := len(rec.of(bank).Prompts); n != 3 {
		t.Errorf("a refused prompt counts: %d", n)
	}
	if f := rules.Prompt(&rec, shop, at); f != nil {
		t.Errorf("another provider: %v", f)
	}
	if f := rules.Prompt(&rec, bank, now.Add(time.Minute)); f != nil {
		t.Errorf("when the first is a minute old: %v", f)
	}
	if f := rules.Check(&rec, bank, now.Add(time.Minute)); f == nil {
		t.Error("the second to fourth do not count")
	}
	if n := len(rec.of(bank).Prompts); n != 3 {
		t.Errorf("%d prompts are remembered", n)
	}
	if f := (Rules{PromptsPerMinute: -1, CoolOffAfter: -1}).Prompt(&rec, bank, at); f != nil || len(rec.of(bank).Prompts) != 3 {
		t.Errorf("without a limit: %v", f)
	}
	rules.Prompt(&rec, shop, now.Add(time.Hour))
	if len(rec.By) != 1 {
		t.Errorf("providers of whom nothing counts are kept: %+v", rec.By)
	}
}

// Many providers together reach a user seven times a minute, and none of them
// hears of the others.
func TestPromptsOfAll(t *testing.T) {
	var rec Record
	for i := range 7 {
		if f := rules.Prompt(&rec, mssp.APID(fmt.Sprint("http://ap", (i+3)%7)), now.Add(time.Duration(i)*time.Second)); f != nil {
			t.Fatalf("provider %d: %v", i, f)
		}
	}
	at := now.Add(10 * time.Second)
	f := rules.Prompt(&rec, bank, at)
	if f == nil || f.Code != mssp.SignatureProcess || f.Detail != "this user takes no more requests at present: try again in 51 s" {
		t.Errorf("the eighth: %v", f)
	}
	if f := rules.Prompt(&rec, bank, now.Add(time.Minute)); f != nil {
		t.Errorf("when the first is a minute old: %v", f)
	}
}

// What counts, and what does not: requests that were not shown, that never
// reached the phone, other ends, orders of the operator.
//
// Supports: 3.5.6-1
func TestCounts(t *testing.T) {
	cancel := mssp.Transaction{Kind: mssp.KindSign, AP: bank, Attempt: 1, Status: mssp.UserCancel}
	change := func(f func(*mssp.Transaction)) mssp.Transaction { tx := cancel; f(&tx); return tx }
	for name, c := range map[string]struct {
		tx    mssp.Transaction
		shown bool
		want  bool
	}{
		"cancel":      {cancel, true, true},
		"no answer":   {change(func(tx *mssp.Transaction) { tx.Status = mssp.ExpiredTransaction }), true, true},
		"not shown":   {change(func(tx *mssp.Transaction) { tx.Status = mssp.ExpiredTransaction }), false, false},
		"never sent":  {change(func(tx *mssp.Transaction) { tx.Attempt = 0 }), true, false},
		"signed":      {change(func(tx *mssp.Transaction) { tx.Status = mssp.Signature }), true, false},
		"not reached": {change(func(tx *mssp.Transaction) { tx.Status = mssp.OTAError }), true, false},
		"code":        {change(func(tx *mssp.Transaction) { tx.Kind = mssp.KindCode }), true, false},
		"of operator": {change(func(tx *mssp.Transaction) { tx.AP = "" }), true, false},
	} {
		if got := rules.Counts(&c.tx, c.shown); got != c.want {
			t.Errorf("%s: counts %v", name, got)
		}
	}
	if (Rules{CoolOffAfter: -1, AllCoolOffAfter: -1}).Counts(&cancel, true) {
		t.Error("a limit that is switched off counts")
	}
}

// Three requests within ten minutes that the user has seen and not signed keep
// their provider from him, and nobody else.
func TestCoolOff(t *testing.T) {
	for apart, want := range map[time.Duration]bool{time.Minute: true, 5 * time.Minute: false} {
		var rec Record
		rules.Ended(&rec, bank, now)
		rules.Ended(&rec, bank, now.Add(apart))
		at := now.Add(2 * apart)
		own, all := rules.Ended(&rec, bank, at)
		f := rules.Check(&rec, bank, at)
		if (f != nil) != want || !own.IsZero() != want || !all.IsZero() {
			t.Errorf("%s apart: in peace until %v, %v, %v", apart, own, all, f)
		}
		if want && !strings.Contains(f.Detail, "3 of your requests within 10 minutes and is left in peace until 2026-11-22T20:17:00Z") {
			t.Errorf("detail %q", f.Detail)
		}
		if f := rules.Check(&rec, shop, at); f != nil {
			t.Errorf("another provider: %v", f)
		}
		if until := rec.Until(); want && !until.Equal(at.Add(15*time.Minute)) || until.Before(at) {
			t.Errorf("%s apart: worth something until %v", apart, until)
		}
		if rules.Check(&rec, bank, at.Add(15*time.Minute)) != nil {
			t.Errorf("%s apart: held up after the pause", apart)
		}
	}
}

// One provider adds no more to what all have done together than its own limit,
// however often it is left in peace and comes back; several together do.
func TestCoolOffOfAll(t *testing.T) {
	short := rules
	short.CoolOff = time.Second
	var rec Record
	at := now
	for i := range 30 {
		at = at.Add(5 * time.Second)
		if own, all := short.Ended(&rec, bank, at); !own.IsZero() != (i%3 == 2) || !all.IsZero() {
			t.Fatalf("request %d: left in peace by one %v, by all %v", i, own, all)
		}
	}
	for i, ap := range []mssp.APID{shop, shop, "http://a", "http://z"} {
		own, all := short.Ended(&rec, ap, at)
		if !own.IsZero() || !all.IsZero() != (i == 3) {
			t.Fatalf("%s: %v, %v", ap, own, all)
		}
	}
	f := short.Check(&rec, "http://new", at)
	if f == nil || f.Code != mssp.SignatureProcess || !strings.HasPrefix(f.Detail, "the user is left in peace until 2026-11-22T20:02:31Z: ") {
		t.Errorf("somebody who has asked nothing: %v", f)
	}
	at = at.Add(time.Second)
	if f := short.Check(&rec, "http://new", at); f != nil {
		t.Errorf("after the pause: %v", f)
	}
	if own, all := short.Ended(&rec, "http://new", at); !own.IsZero() || !all.IsZero() {
		t.Errorf("what was before the pause counts after it: %v, %v", own, all)
	}
	never := Rules{PromptsPerMinute: 3, CoolOffAfter: -1, AllCoolOffAfter: -1, CoolOff: time.Second}
	if never.Check(&Record{Peace: at.Add(time.Second), By: []Provider{{bank, Count{Peace: at.Add(time.Second)}}}}, bank, at) != nil {
		t.Error("a limit that is switched off holds")
	}
}

func TestRecheck(t *testing.T) {
	rec := Record{Recheck: now}
	if rec.MayRecheck(now.Add(59*time.Second)) || !rec.MayRecheck(now.Add(time.Minute)) || !new(Record).MayRecheck(now) {
		t.Error("once a minute")
	}
	if !rec.Until().Equal(now.Add(time.Minute)) {
		t.Errorf("until %v", rec.Until())
	}
}

func TestLift(t *testing.T) {
	full := func() Record {
		return Record{Peace: now, Recheck: now, By: []Provider{{bank, Count{Peace: now}}, {shop, Count{Unsigned: []time.Time{now}}}}}
	}
	rec := full()
	if !rec.Lift(bank) || len(rec.By) != 1 || rec.By[0].ID != shop || rec.Peace.IsZero() {
		t.Errorf("of one: %+v", rec)
	}
	if rec.Lift(bank) || len(rec.By) != 1 || rec.By[0].ID != shop {
		t.Errorf("lifted twice: %+v", rec)
	}
	if rec = full(); rec.Lift("http://car") || len(rec.By) != 2 || rec.Lift("http://z") || len(rec.By) != 2 {
		t.Errorf("of one who has asked nothing: %+v", rec)
	}
	if rec = full(); !rec.Lift("") || len(rec.By) != 0 || !rec.Peace.IsZero() || rec.Recheck.IsZero() {
		t.Errorf("of all: %+v", rec)
	}
	if rec.Lift("") {
		t.Error("all lifted twice")
	}
	c := Count{Prompts: []time.Time{now.Add(-2 * time.Minute), now}, Unsigned: []time.Time{now.Add(-10 * time.Minute), now.Add(-9 * time.Minute)}, Peace: now}
	if p, u, until := c.At(now); p != 1 || u != 1 || !until.IsZero() {
		t.Errorf("%d prompts, %d unsigned, until %v", p, u, until)
	}
	if _, _, until := c.At(now.Add(-time.Second)); !until.Equal(now) {
		t.Errorf("until %v", until)
	}
}

// Somebody sets the clock back by an hour: nothing that counts keeps a user out
// of reach for that hour. A clock that is a little behind that of another box
// forgives nothing.
//
// Supports: F14
func TestClockSetBack(t *testing.T) {
	for back, held := range map[time.Duration]bool{time.Hour: false, 2 * time.Second: true} {
		at := now.Add(-back)
		pause := now.Add(rules.CoolOff)
		for name, rec := range map[string]Record{
			"prompts":        {By: []Provider{{bank, Count{Prompts: []time.Time{now, now, now}}}}},
			"a pause":        {By: []Provider{{bank, Count{Peace: pause}}}},
			"a pause of all": {Peace: pause},
		} {
			if f := rules.Check(&rec, bank, at); (f != nil) != held {
				t.Errorf("%s, the clock %s back: %v", name, back, f)
			}
		}
		if asked := (&Record{Recheck: now}); asked.MayRecheck(at) == held {
			t.Errorf("a recheck, the clock %s back: %v", back, !held)
		}
	}
}

// A limit of zero is none, as a negative one is: nothing holds because of it, and
// what the other limits need is counted all the same.
func TestLimitsOff(t *testing.T) {
	for _, off := range []int{0, -1} {
		at := func(o, a, c, l int) Rules {
			return Rules{PromptsPerMinute: o, AllPromptsPerMinute: a, CoolOffAfter: c, AllCoolOffAfter: l, CoolOff: time.Minute}
		}
		if !at(off, off, off, off).Off() {
			t.Errorf("%d: something counts", off)
		}
		for _, r := range []Rules{at(1, off, off, off), at(off, 1, off, off), at(off, off, 1, off), at(off, off, off, 1)} {
			if r.Off() {
				t.Errorf("nothing counts: %+v", r)
			}
		}
		held := Record{Peace: now.Add(time.Second), By: []Provider{{bank, Count{Peace: now.Add(time.Second), Prompts: []time.Time{now}}}}}
		if f := at(off, off, off, off).Check(&held, bank, now); f != nil {
			t.Errorf("%d: %v", off, f)
		}
		for r, want := range map[Rules]string{
			at(1, off, off, off): "1 of your requests to this user within a minute", at(off, 1, off, off): "this user takes no more requests at present",
			at(off, off, 1, off): "the user has cancelled or not answered 1 of your requests", at(off, off, off, 1): "the user is left in peace until",
		} {
			if f := r.Check(&held, bank, now); f == nil || f.Code != mssp.SignatureProcess || !strings.HasPrefix(f.Detail, want) {
				t.Errorf("%+v: %v", r, f)
			}
			var rec Record // prompts are counted where a limit needs them
			if f := r.Prompt(&rec, shop, now); f != nil || (len(rec.By) == 1) != (r.PromptsPerMinute > 0 || r.AllPromptsPerMinute > 0) {
				t.Errorf("%+v: %+v, %v", r, rec, f)
			}
			cancel := mssp.Transaction{Kind: mssp.KindSign, AP: bank, Attempt: 1, Status: mssp.UserCancel}
			if got := r.Counts(&cancel, true); got != (r.CoolOffAfter > 0 || r.AllCoolOffAfter > 0) {
				t.Errorf("%+v: a request that was cancelled counts: %v", r, got)
			}
		}
		var rec Record // only all together have a limit
		for i := range 2 {
			own, all := at(off, off, off, 2).Ended(&rec, bank, now.Add(time.Duration(i)*time.Second))
			if !own.IsZero() || !all.IsZero() != (i == 1) {
				t.Errorf("%d: in peace of one until %v, of all %v", off, own, all)
			}
		}
		rec = Record{} // only each has one
		if own, all := at(off, off, 1, off).Ended(&rec, bank, now); own.IsZero() || !all.IsZero() || !rec.Peace.IsZero() {
			t.Errorf("%d: in peace of one until %v, of all %v", off, own, all)
		}
	}
	if until := new(Record).Until(); !until.IsZero() {
		t.Errorf("a record of nothing is worth something until %v", until)
	}
}

// A pause that lies as far ahead as a pause can holds; one that lies farther was
// noted before somebody set the clock back.
func TestLongestPause(t *testing.T) {
	longest := rules.CoolOff + 10*time.Minute
	for ahead, held := range map[time.Duration]bool{longest: true, longest + 1: false, 1: true, 0: false} {
		rec := Record{By: []Provider{{bank, Count{Peace: now.Add(ahead)}}}}
		if f := rules.Check(&rec, bank, now); (f != nil) != held {
			t.Errorf("%s ahead: %v", ahead, f)
		}
		if f := rules.Check(&Record{Peace: now.Add(ahead)}, bank, now); (f != nil) != held {
			t.Errorf("of all, %s ahead: %v", ahead, f)
		}
	}
}

// A record is kept as long as something in it counts: each row has one such thing.
func TestUntil(t *testing.T) {
	by := func(c Count) Record { return Record{By: []Provider{{bank, c}}} }
	for what, c := range map[string]struct {
		rec  Record
		want time.Duration
	}{
		"a pause of all": {Record{Peace: now.Add(time.Hour)}, time.Hour},
		"a recheck":      {Record{Recheck: now}, time.Minute},
		"a pause":        {by(Count{Peace: now.Add(time.Hour)}), time.Hour},
		"prompts":        {by(Count{Prompts: []time.Time{now.Add(-time.Second), now}}), time.Minute},
		"not signed":     {by(Count{Unsigned: []time.Time{now.Add(-time.Second), now}}), 10 * time.Minute},
		"the latest":     {Record{Peace: now.Add(time.Second), By: []Provider{{bank, Count{Prompts: []time.Time{now}}}, {shop, Count{}}}}, time.Minute},
	} {
		if got := c.rec.Until(); !got.Equal(now.Add(c.want)) {
			t.Errorf("%s: until %v", what, got)
		}
	}
}
