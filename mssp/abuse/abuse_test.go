package abuse

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
)

var (
	now   = time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	rules = Rules{PromptsPerMinute: 3, CoolOffAfter: 3, CoolOff: 15 * time.Minute}
)

// Three prompts in any minute, not in any clock minute; a refused one does not
// count, and the fault says when to come back.
//
// Supports: 3.5.6-1
func TestPrompts(t *testing.T) {
	var rec Record
	for i := range 3 {
		if f := rules.Prompt(&rec, now.Add(time.Duration(i)*10*time.Second)); f != nil {
			t.Fatalf("prompt %d: %v", i, f)
		}
	}
	at := now.Add(30 * time.Second)
	before := len(rec.Prompts)
	f := rules.Prompt(&rec, at)
	if f == nil || f.Code != mssp.SignatureProcess || !strings.Contains(f.Detail, "3 requests to this user within a minute: try again in 31 s") {
		t.Errorf("the fourth: %v", f)
	}
	if len(rec.Prompts) != before {
		t.Error("a refused prompt counts")
	}
	if f := rules.Prompt(&rec, now.Add(time.Minute)); f != nil {
		t.Errorf("when the first is a minute old: %v", f)
	}
	if f := rules.Check(&rec, now.Add(time.Minute)); f == nil {
		t.Error("the second to fourth do not count")
	}
	if len(rec.Prompts) != 3 {
		t.Errorf("%d prompts are remembered", len(rec.Prompts))
	}
	if f := (Rules{PromptsPerMinute: -1, CoolOffAfter: -1}).Prompt(&rec, at); f != nil || len(rec.Prompts) != 3 {
		t.Errorf("without a limit: %v, %d", f, len(rec.Prompts))
	}
}

// What counts against a number, and what does not: cancels that are spread
// over more time, requests that never reached the phone, other ends, orders of
// the operator.
//
// Supports: 3.5.6-1
func TestCoolOff(t *testing.T) {
	cancel := mssp.Transaction{Kind: mssp.KindSign, Attempt: 1, Status: mssp.UserCancel}
	change := func(f func(*mssp.Transaction)) mssp.Transaction { tx := cancel; f(&tx); return tx }
	for name, c := range map[string]struct {
		third mssp.Transaction
		apart time.Duration
		want  bool
	}{
		"cancel":      {cancel, time.Minute, true},
		"no answer":   {change(func(tx *mssp.Transaction) { tx.Status = mssp.ExpiredTransaction }), time.Minute, true},
		"never sent":  {change(func(tx *mssp.Transaction) { tx.Status, tx.Attempt = mssp.ExpiredTransaction, 0 }), time.Minute, false},
		"signed":      {change(func(tx *mssp.Transaction) { tx.Status = mssp.Signature }), time.Minute, false},
		"not reached": {change(func(tx *mssp.Transaction) { tx.Status = mssp.OTAError }), time.Minute, false},
		"of operator": {change(func(tx *mssp.Transaction) { tx.Kind = mssp.KindCode }), time.Minute, false},
		"spread":      {cancel, 5 * time.Minute, false},
	} {
		var rec Record
		rules.Ended(&rec, &cancel, now)
		rules.Ended(&rec, &cancel, now.Add(c.apart))
		at := now.Add(2 * c.apart)
		peace := rules.Ended(&rec, &c.third, at)
		if held := rules.Check(&rec, at) != nil; held != c.want || !peace.IsZero() != c.want {
			t.Errorf("%s: in peace until %v, held up %v, want %v", name, peace, held, c.want)
		}
		if until := rec.Until(); c.want && !until.Equal(at.Add(15*time.Minute)) || until.Before(at) {
			t.Errorf("%s: worth something until %v", name, until)
		}
		if rules.Check(&rec, at.Add(15*time.Minute)) != nil {
			t.Errorf("%s: held up after the pause", name)
		}
	}
	never := Rules{PromptsPerMinute: 3, CoolOffAfter: -1}
	if rec := (Record{Peace: now.Add(time.Hour)}); never.Check(&rec, now) != nil || never.Counts(&cancel) {
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

func FuzzParse(f *testing.F) {
	for _, rec := range []Record{{}, {Prompts: []time.Time{now}, Peace: now}, {Unsigned: []time.Time{now, now.Add(1e9)}, Recheck: now}} {
		b, err := rec.AppendBinary(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrRecord) {
				t.Errorf("error %v", err)
			}
			return
		}
		again, err := rec.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if rec2, err := Parse(again); err != nil || !reflect.DeepEqual(rec, rec2) {
			t.Errorf("%x becomes %x: %+v, %+v, %v", b, again, rec, rec2, err)
		}
	})
}

// Somebody sets the clock back by an hour: nothing that counts keeps a user out
// of reach for that hour. A clock that is a little behind that of another box
// forgives nothing.
//
// Supports: F14
func TestClockSetBack(t *testing.T) {
	for back, held := range map[time.Duration]bool{time.Hour: false, 2 * time.Second: true} {
		at := now.Add(-back)
		prompted := Record{Prompts: []time.Time{now, now, now}}
		if f := rules.Check(&prompted, at); (f != nil) != held {
			t.Errorf("prompts, the clock %s back: %v", back, f)
		}
		paused := Record{Peace: now.Add(rules.CoolOff)}
		if f := rules.Check(&paused, at); (f != nil) != held {
			t.Errorf("a pause, the clock %s back: %v", back, f)
		}
		if asked := (&Record{Recheck: now}); asked.MayRecheck(at) == held {
			t.Errorf("a recheck, the clock %s back: %v", back, !held)
		}
	}
}
