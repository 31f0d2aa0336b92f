package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/keys"
)

// trusting is a vault to which every tag is right.
type trusting struct{ Vault }

func (trusting) AppendTag(b []byte, _ string, _ ...[]byte) ([]byte, error) {
	return append(b, make([]byte, keys.TagLen)...), nil
}

func (trusting) CheckTag([]byte, string, ...[]byte) error { return nil }

// aborted is a procedure that only says what its failure means.
type aborted struct {
	keys  []mssp.KeyPair
	err   error
	asked int
}

func (a *aborted) Payload() ([]byte, error) { return nil, nil }

func (a *aborted) Evaluate(context.Context, *mssp.Transaction, *applet.Answer) (Outcome, error) {
	return Outcome{}, errors.New("not asked for")
}

func (a *aborted) Fault(w applet.StatusWord) *mssp.Fault { return FaultOfWord(w) }

func (a *aborted) Abort(_ context.Context, _ *mssp.Transaction, f *store.Finish) error {
	a.asked++
	f.Keys = append(f.Keys, a.keys...)
	return a.err
}

// failing is a queue on a store that only keeps keys, and a transaction in it whose
// procedure is p.
func failing(t *testing.T, st Store, p *aborted) (*line, *mssp.Transaction, *strings.Builder) {
	t.Helper()
	var log strings.Builder
	c := bare(t, Options{Store: st, Vault: trusting{}})
	c.log = slog.New(slog.NewTextHandler(&log, nil))
	c.procedures = procedures{"op": func([]byte) (Procedure, error) { return p, nil }}
	tx := &mssp.Transaction{ID: "h1", Kind: mssp.KindRegister, State: mssp.Failed, Status: mssp.OTAError}
	var err error
	if tx.Request, err = (&request{head: head{Operation: "op"}, Procedure: p}).seal(c.o.Vault, tx); err != nil {
		t.Fatal(err)
	}
	return &line{core: c, waiters: &waiters{ch: map[mssp.TransID][]chan mssp.Transaction{}, max: 1}, observers: newObservers(c)}, tx, &log
}

// keeper keeps key pairs, when it has nothing else to say.
type keeper struct {
	Store
	say  []error // to one call after the other
	kept []mssp.KeyPair
	seen int
}

func (k *keeper) PutKeyPairs(_ context.Context, kp []mssp.KeyPair) error {
	if k.seen++; k.seen <= len(k.say) && k.say[k.seen-1] != nil {
		return k.say[k.seen-1]
	}
	k.kept = kp
	return nil
}

// A procedure that cannot tell what its end means does not keep the transaction from
// its end, and neither does a request that cannot be read; the log says so, and only
// then.
//
// Supports: 3.5.3-3
func TestAbort(t *testing.T) {
	for name, c := range map[string]struct {
		err     error
		changed bool
		logged  bool
	}{
		"told":           {nil, false, false},
		"cannot tell":    {errors.New("no row of the key"), false, true},
		"cannot be read": {nil, true, true},
	} {
		p := &aborted{keys: []mssp.KeyPair{{Slot: 2}}, err: c.err}
		l, tx, log := failing(t, nil, p)
		if c.changed {
			tx.Request = []byte("{}")
		}
		var fin store.Finish
		l.abort(t.Context(), tx, nil, &fin)
		if got := strings.Contains(log.String(), "noting what the end of a transaction means"); got != c.logged {
			t.Errorf("%s: the log says %q", name, log)
		}
		if c.changed != (len(fin.Keys) == 0) || c.changed != (p.asked == 0) {
			t.Errorf("%s: asked %d times, %d keys change", name, p.asked, len(fin.Keys))
		}
	}
}

// What the end of a transaction at its turn means for its keys is stored; when
// somebody changes them meanwhile it is asked for anew, five times at most. Only what
// is not stored is in the log, and the transaction has ended for who waits in any case.
//
// Supports: 3.5.3-3
func TestKeysOfAFailedTurn(t *testing.T) {
	changed, broken := store.ErrChanged, errors.New("the disk is full")
	for name, c := range map[string]struct {
		keys   []mssp.KeyPair
		say    []error
		calls  int
		logged bool
	}{
		"no keys":          {nil, nil, 0, false},
		"stored":           {[]mssp.KeyPair{{Slot: 2}}, nil, 1, false},
		"changed once":     {[]mssp.KeyPair{{Slot: 2}}, []error{changed}, 2, false},
		"changed often":    {[]mssp.KeyPair{{Slot: 2}}, []error{changed, changed, changed, changed}, 5, false},
		"changed for ever": {[]mssp.KeyPair{{Slot: 2}}, []error{changed, changed, changed, changed, changed}, 5, true},
		"not stored":       {[]mssp.KeyPair{{Slot: 2}}, []error{broken}, 1, true},
	} {
		p, k := &aborted{keys: c.keys}, &keeper{say: c.say}
		l, tx, log := failing(t, k, p)
		waits, _ := l.waiters.add(tx.ID)
		l.failedAtTurn(t.Context(), tx)
		if k.seen != c.calls || p.asked != max(c.calls, 1) {
			t.Errorf("%s: %d calls, asked %d times", name, k.seen, p.asked)
		}
		if (len(k.kept) == 1) != (c.calls > 0 && !c.logged) {
			t.Errorf("%s: %d keys are stored", name, len(k.kept))
		}
		if got := strings.Contains(log.String(), "level=ERROR"); got != c.logged {
			t.Errorf("%s: the log says %q", name, log)
		}
		if len(waits) != 1 {
			t.Errorf("%s: who waits is not woken", name)
		}
	}
}

// What was ordered stands in the row, word for word.
func TestRowOfAnOrder(t *testing.T) {
	at := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	l := &line{core: bare(t, Options{Rand: bytes.NewReader(bytes.Repeat([]byte{0xA5}, 19))})}
	got, err := l.newTransaction(&Order{
		Kind: mssp.KindSign, AP: "http://bank.example", APTransID: "T1", Instant: 7, Once: true, RequestHash: []byte{1, 2}, Mode: mssp.AsynchServerServer,
		Profile: "http://profile.example", Observer: mssp.Observer{Name: "notify", Data: []byte{3}}, At: at, Life: 80 * time.Second,
	}, &Target{Subscriber: mssp.Subscriber{MSISDN: "41790000001"}, Card: mssp.Card{ICCID: "8941010000000000001"}})
	if err != nil {
		t.Fatal(err)
	}
	want := mssp.Transaction{
		ID: "huws2ljnfuws2ljnfuws2ljnf", AppletTxn: 0xA5A5A5A5, State: mssp.Queued,
		Kind: mssp.KindSign, AP: "http://bank.example", APTransID: "T1", Instant: 7, Once: true, RequestHash: []byte{1, 2}, Mode: mssp.AsynchServerServer,
		Profile: "http://profile.example", Observer: mssp.Observer{Name: "notify", Data: []byte{3}},
		MSISDN: "41790000001", ICCID: "8941010000000000001", CreatedAt: at, Deadline: at.Add(80 * time.Second),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	for name, short := range map[string]int{"name": 14, "number": 18} {
		l.o.Rand = io.MultiReader(bytes.NewReader(make([]byte, short)), iotest.ErrReader(errors.New("no entropy")))
		var f *mssp.Fault
		if _, err := l.newTransaction(&Order{}, &Target{}); !errors.As(err, &f) || f.Code != mssp.InternalError {
			t.Errorf("no random %s: %v", name, err)
		}
	}
}

// A code is blocked for the keys that it guards, and for no others.
//
// Supports: 3.5.4-1
func TestBlockedUsage(t *testing.T) {
	for u, want := range map[mssp.KeyUsage][3]bool{ // with the first, the second, both blocked
		0: {}, mssp.Authentication: {true, false, true}, mssp.NonRepudiation: {false, true, true}, 3: {}, 255: {},
	} {
		for i, blocked := range [][2]bool{{true, false}, {false, true}, {true, true}} {
			if got := (&Target{Card: mssp.Card{Blocked: blocked}}).Blocked(u); got != want[i] {
				t.Errorf("usage %d with %v: %v", u, blocked, got)
			}
		}
	}
}

// shelf is a store in which messages are consumed, or left for later.
type shelf struct {
	Store
	consumed, aside []int64
}

func (s *shelf) ConsumeMO(_ context.Context, id int64) error {
	s.consumed = append(s.consumed, id)
	return nil
}

func (s *shelf) SetAside(_ context.Context, j store.Joined) error {
	s.aside = append(s.aside, j.ID)
	return nil
}

// A message that ends nothing is consumed, and no part is waited for. Where more was
// sent beside it in its name, that stays, and the card is asked again after the time:
// the answer may be among it.
//
// Supports: F11, I6
func TestSpent(t *testing.T) {
	part := [][]store.Piece{{{}}, {{}}}
	for name, c := range map[string]struct {
		j               store.Joined
		consumed, aside int
	}{
		"one message":      {store.Joined{}, 0, 0},
		"parts":            {store.Joined{ID: 7, Variants: part, Stored: 2}, 1, 0},
		"parts and others": {store.Joined{ID: 7, Variants: part, Stored: 3}, 0, 1},
	} {
		s := &shelf{}
		x := &inbox{core: bare(t, Options{Store: s, PartialAfter: 15 * time.Second})}
		f := &flight{}
		if c.aside == 0 {
			f.noteParts(x.o.Clock())
		}
		if err := x.spent(t.Context(), f, &c.j); err != nil || len(s.consumed) != c.consumed || len(s.aside) != c.aside {
			t.Errorf("%s: %d consumed, %d left, %v", name, len(s.consumed), len(s.aside), err)
		}
		if f.parts.IsZero() != (c.aside == 0) {
			t.Errorf("%s: parts wait since %s", name, f.parts)
		}
		if left := x.alarm.left(); (left == 15*time.Second) != (c.aside > 0) {
			t.Errorf("%s: the sweeper comes in %s", name, left)
		}
	}
}
