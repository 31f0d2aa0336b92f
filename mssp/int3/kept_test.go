package int3

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/party"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/keys"
)

// open seals so that what was sealed for another field is seen.
type open struct{}

func (open) Seal(f keys.Field, p []byte) ([]byte, error) {
	return slices.Concat([]byte(f.Row+"/"+f.Field+"/"), p), nil
}

func (open) Open(f keys.Field, b []byte) ([]byte, error) {
	p, ok := bytes.CutPrefix(b, []byte(f.Row+"/"+f.Field+"/"))
	if !ok {
		return nil, keys.ErrOpen
	}
	return p, nil
}

// rows are the calls of a database.
type rows struct {
	mu     sync.Mutex
	calls  map[string]store.Call
	broken error
}

func (r *rows) BeginCall(_ context.Context, c store.Call, since time.Time) (store.Call, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if have, ok := r.calls[c.Client+c.Name]; r.broken != nil || ok && !have.BeganAt.Before(since) {
		return have, false, r.broken
	}
	if r.calls == nil {
		r.calls = map[string]store.Call{}
	}
	r.calls[c.Client+c.Name] = c
	return c, true, nil
}

func (r *rows) EndCall(_ context.Context, client, name string, answer []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.calls[client+name]
	c.Answer = answer
	r.calls[client+name] = c
	return r.broken
}

func (r *rows) Call(_ context.Context, client, id string) (store.Call, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		if c.Client == client && c.ID == id {
			return c, r.broken
		}
	}
	return store.Call{}, mssp.ErrNotFound
}

func (r *rows) TrimCalls(context.Context, string, int) error { return nil }

// desk is a Desk over rows, whose only operation counts.
func desk(t *testing.T, r *rows, now func() time.Time, do func() (any, error)) (d *Desk, ask func(client, request, number string) Answer, status func(client, call string) Answer) {
	t.Helper()
	d, err := NewDesk(Options{
		Store: parties{nil, r}, Sealer: open{}, Clock: now, FailureTime: time.Nanosecond,
		Calls: audit.NewCalls(func(context.Context, ...audit.Entry) error { return nil }),
	})
	if err != nil {
		t.Fatal(err)
	}
	op := &operation{op: party.Identify, changes: true, do: func(*Desk, context.Context, *party.Client, message) (any, error) { return do() }}
	ask = func(client, request, number string) Answer {
		return d.do(t.Context(), &party.Client{ID: client}, op, message{"msisdn": number, "request": request})
	}
	status = func(client, call string) Answer {
		return d.do(t.Context(), &party.Client{ID: client}, &operation{op: party.CallStatus}, message{"call": call})
	}
	return d, ask, status
}

// A request that comes again after a restart gets the answer of the first; one that was cut
// off is not done again, and says so. Another message under its id, and another client, are
// refused and served.
//
// Supports: I5
func TestKeptOverRestart(t *testing.T) {
	now, done := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 0
	clock := func() time.Time { return now }
	work := func() (any, error) {
		done++
		if done == 2 {
			return nil, no("no-such-user", "none")
		}
		return map[string]int{"n": done}, nil
	}
	r := &rows{}
	_, ask, _ := desk(t, r, clock, work)
	first, second := ask("crm", "r1", "41790000001"), ask("crm", "r2", "41790000001")
	_, ask, status := desk(t, r, clock, work) // the restart
	is := func(what string, a Answer, want Result, reason, call string, times int) {
		t.Helper()
		if a.Result != want || a.Reason != reason || a.Call != call || done != times {
			t.Errorf("%s: %+v, done %d times, want %s %s %s, %d", what, a, done, want, reason, call, times)
		}
	}
	again := ask("crm", "r1", "41790000001")
	is("again", again, OK, "", first.Call, 2)
	if b, ok := again.Data.(interface{ MarshalJSON() ([]byte, error) }); !ok {
		t.Errorf("data %v", again.Data)
	} else if got, _ := b.MarshalJSON(); string(got) != `{"n":1}` {
		t.Errorf("data %s", got)
	}
	is("a refusal again", ask("crm", "r2", "41790000001"), Refused, "no-such-user", second.Call, 2)
	is("its status", status("crm", first.Call), OK, "", first.Call, 2)
	is("another message", ask("crm", "r1", "41790000002"), Refused, "request-reused", "", 2)
	is("the first message once more", ask("crm", "r1", "41790000001"), OK, "", first.Call, 2)
	is("the status of another's call", status("care", first.Call), Refused, "no-such-call", "", 2)
	if a := ask("care", "r1", "41790000001"); a.Result != OK || a.Call == first.Call || done != 3 {
		t.Errorf("another client: %+v, done %d times", a, done)
	}

	cut := r.calls["crmr r1"]
	cut.Answer = nil
	r.calls["crmr r1"] = cut
	is("cut off", ask("crm", "r1", "41790000001"), Refused, "interrupted", first.Call, 3)
	is("its status", status("crm", first.Call), Refused, "interrupted", first.Call, 3)
	cut.Alive = true
	r.calls["crmr r1"] = cut
	is("done by another box", ask("crm", "r1", "41790000001"), Pending, "", first.Call, 3)

	now = now.Add(KeptFor + time.Second)
	is("its status after a day", status("crm", first.Call), Refused, "no-such-call", "", 3)
	if a := ask("crm", "r1", "41790000001"); a.Result != OK || a.Call == first.Call || done != 4 {
		t.Errorf("after a day: %+v, done %d times", a, done)
	}
}

// What cannot be found again is not begun; a row that somebody has exchanged answers nobody.
//
// Supports: I5
func TestNotKept(t *testing.T) {
	now, done := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 0
	r := &rows{broken: errors.New("no database")}
	_, ask, _ := desk(t, r, func() time.Time { return now }, func() (any, error) { done++; return nil, nil })
	if a := ask("crm", "r1", "41790000001"); a.Result != failed || done != 0 {
		t.Errorf("without a database: %+v, done %d times", a, done)
	}
	r.broken = nil
	ask("crm", "r1", "41790000001")
	ask("crm", "r2", "41790000002")
	one, two := r.calls["crmr r1"], r.calls["crmr r2"]
	one.Answer = two.Answer
	r.calls["crmr r1"] = one
	if a := ask("crm", "r1", "41790000001"); a.Result != failed || done != 2 {
		t.Errorf("the answer of another call: %+v, done %d times", a, done)
	}
	if strings.Contains(string(one.Meaning), "41790000001") {
		t.Error("the message itself is kept")
	}
	if one.About != "41790000001" {
		t.Errorf("about %q", one.About)
	}
}
