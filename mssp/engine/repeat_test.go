package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/engine/enginetest"
	"github.com/simsign/simsign/mssp/signature"
)

// What a request under an AP_TransID that was used before is: the first one
// again, another one, or neither. Each differs from the first in what its case says.
//
// Supports: I12
func TestRepeat(t *testing.T) {
	const newOne, first, refused = "new", "first", "refused"
	for name, c := range map[string]struct {
		sparse      bool // the first came without an Instant
		change      func(*signature.Request)
		open, ended string // what it is while the first is open, once it has ended
		day         string // and after a day
	}{
		"the same":                 {false, func(*signature.Request) {}, first, first, refused},
		"another meaning":          {false, func(r *signature.Request) { r.RequestHash = []byte("other") }, refused, refused, refused},
		"a new Instant":            {false, func(r *signature.Request) { r.Instant = 2 }, newOne, newOne, newOne},
		"a new Instant, used once": {false, func(r *signature.Request) { r.Instant, r.AP.UniqueIDs = 2, true }, refused, refused, refused},
		"another provider":         {false, func(r *signature.Request) { r.AP.ID = "http://shop.example" }, newOne, newOne, newOne},
		"no Instants":              {true, func(*signature.Request) {}, first, newOne, newOne},
		"no Instants, another":     {true, func(r *signature.Request) { r.RequestHash = []byte("other") }, newOne, newOne, newOne},
		"no Instants, used once":   {true, func(r *signature.Request) { r.AP.UniqueIDs = true }, first, refused, refused},
	} {
		l := enginetest.New(t)
		l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
		r := enginetest.Request("T1", "pay")
		if c.sparse {
			r.Instant = 0
		}
		tx, err := l.Signer.Sign(context.Background(), r)
		l.OK(err)
		c.change(&r)
		for _, when := range []struct{ what, want string }{{"open", c.open}, {"ended", c.ended}, {"a day later", c.day}} {
			got, found, err := l.Signer.Repeat(context.Background(), r)
			is := newOne
			switch {
			case found && err == nil && got.ID == tx.ID:
				is = first
			case found && err != nil:
				enginetest.WantFault(t, err, mssp.WrongParam)
				is = refused
			}
			if is != when.want {
				t.Errorf("%s, first %s: %s, want %s (%v)", name, when.what, is, when.want, err)
			}
			if when.what == "ended" {
				l.Clock.Add(mssp.RepeatFor)
			}
			l.Pump()
		}
	}
}

// The commit of a request looks too: of two that come at once, and none of them found the
// other before, one is the repeat.
//
// Supports: I12
func TestRepeatAtTheCommit(t *testing.T) {
	for name, c := range map[string]struct {
		once   bool
		change func(*signature.Request)
		fault  bool
	}{
		"the same":                 {false, func(*signature.Request) {}, false},
		"another meaning":          {false, func(r *signature.Request) { r.RequestHash = []byte("other") }, true},
		"a new Instant, used once": {true, func(r *signature.Request) { r.Instant = 2 }, true},
	} {
		l := enginetest.New(t)
		card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
		r := enginetest.Request("T1", "pay")
		r.AP.UniqueIDs = c.once
		first := l.Sign(r)
		prompts := card.Prompts
		c.change(&r)
		got, err := l.Signer.Sign(context.Background(), r)
		l.Pump()
		if c.fault {
			enginetest.WantFault(t, err, mssp.WrongParam)
		} else if err != nil || got.ID != first.ID {
			t.Errorf("%s: %s, %v", name, got.ID, err)
		}
		if card.Prompts != prompts {
			t.Errorf("%s: the user is asked again", name)
		}
	}
}

// The same identifier with a new Instant asks the user again: a signature of
// yesterday never answers a log-in of today.
//
// Supports: I12
func TestOldSignatureAnswersNothingNew(t *testing.T) {
	l := enginetest.New(t)
	card := l.Enrolled(enginetest.Number, applet.ECDSAP256, mssp.Authentication)
	first := l.Sign(enginetest.Request("T1", "log in"))
	prompts := card.Prompts
	l.Clock.Add(40 * 24 * time.Hour)
	again := enginetest.Request("T1", "log in")
	again.Instant = l.Clock.Now().UnixNano()
	second := l.Sign(again)
	if l.Want(second.ID, mssp.Done, mssp.Signature); second.ID == first.ID || card.Prompts != prompts+1 {
		t.Errorf("%s and %s, %d prompts", first.ID, second.ID, card.Prompts-prompts)
	}
}
