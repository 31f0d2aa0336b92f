package int3

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/party"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// parties is a store of clients and of nobody else.
type parties struct {
	clients map[string]party.Client
	*rows
}

func (p parties) Client(_ context.Context, id string) (party.Client, error) {
	if c, ok := p.clients[id]; ok {
		return c, nil
	}
	return party.Client{}, mssp.ErrNotFound
}

func (parties) Issuer(context.Context, string) (party.Issuer, error) {
	return party.Issuer{}, mssp.ErrNotFound
}

func (parties) Card(context.Context, ota.ICCID) (mssp.Card, error) {
	return mssp.Card{}, mssp.ErrNotFound
}

func (parties) Lookup(context.Context, sms.MSISDN) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, error) {
	return mssp.Subscriber{}, mssp.Card{}, nil, mssp.ErrNotFound
}

// door is a handler with its audit log.
type door struct {
	t         *testing.T
	h         http.Handler
	passwords map[string]string
	calls     *audit.Calls

	mu      sync.Mutex
	entries []audit.Entry
}

func newDoor(t *testing.T, roles map[string]audit.Role) *door {
	d := &door{t: t, passwords: map[string]string{}}
	p := parties{map[string]party.Client{}, &rows{}}
	for id, role := range roles {
		pw, hash, err := service.NewPassword()
		if err != nil {
			t.Fatal(err)
		}
		d.passwords[id] = pw
		p.clients[id] = party.Client{ID: id, Role: role, PasswordHash: hash}
	}
	d.calls = audit.NewCalls(func(_ context.Context, es ...audit.Entry) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.entries = append(d.entries, es...)
		return nil
	})
	desk, err := NewDesk(Options{Store: p, Sealer: open{}, Calls: d.calls, FailureTime: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	d.h = Handler(desk)
	return d
}

func (d *door) post(from, id, password, media, path, body string) (int, Answer) {
	d.t.Helper()
	r := httptest.NewRequestWithContext(d.t.Context(), http.MethodPost, path, bytes.NewReader([]byte(body)))
	r.RemoteAddr = from + ":4711"
	r.Header.Set("Content-Type", media)
	r.SetBasicAuth(id, password)
	w := httptest.NewRecorder()
	d.h.ServeHTTP(w, r)
	var a Answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		d.t.Errorf("%s: %v", w.Body, err)
	}
	return w.Code, a
}

// Whatever is refused is audited: the first of its kind at once, with its reason, and the
// others counted.
//
// Supports: I8, 5-1
func TestRefusalsAreAudited(t *testing.T) {
	d := newDoor(t, map[string]audit.Role{"crm": audit.Registration})
	const path, media = "/int3b/user_show", "application/json"
	for _, c := range []struct {
		what, id, media, path, body string
		status                      int
		reason                      string
	}{
		{"no JSON", "crm", media, path, `{`, 400, "unreadable"},
		{"a member twice", "crm", media, path, `{"msisdn":"1","msisdn":"2"}`, 400, "unreadable"},
		{"too long", "crm", media, path, strings.Repeat(" ", maxBody+1), 413, "too-long"},
		{"another media type", "crm", "text/plain", path, `{}`, 415, "media-type"},
		{"nothing in it", "crm", media, path, `{}`, 200, "bad-request"},
		{"nobody's number", "crm", media, path, `{"msisdn":"41790000001"}`, 200, "no-such-user"},
		{"another role", "crm", media, "/int3b/unblock_pc", `{}`, 403, "role"},
		{"a stranger", "nobody", media, path, `{}`, 401, "log-in"},
	} {
		for range 3 {
			if status, a := d.post("192.0.2.1", c.id, d.passwords[c.id], c.media, c.path, c.body); status != c.status || a.Result != Refused || a.Reason != c.reason {
				t.Errorf("%s: %d %+v", c.what, status, a)
			}
		}
		if n := len(slices.DeleteFunc(slices.Clone(d.entries), func(e audit.Entry) bool { return e.Reason != c.reason || e.Outcome != audit.Refused })); n != 1 {
			t.Errorf("%s: %d entries %+v", c.what, n, d.entries)
		}
	}
	before := len(d.entries)
	if err := d.calls.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	times := map[string]int64{}
	for _, e := range d.entries[before:] {
		times[e.Reason] += e.Times
	}
	for _, reason := range []string{"too-long", "media-type", "role", "log-in", "no-such-user", "bad-request"} {
		if times[reason] != 2 {
			t.Errorf("%s: counted %d more", reason, times[reason])
		}
	}
	if times["unreadable"] != 5 {
		t.Errorf("unreadable: counted %d more", times["unreadable"])
	}
}

// Who guesses the password of a client is stopped after some; the client's own place in
// the network, and other clients in his, are not.
//
// Supports: W-2, I8
func TestGuessersSpendTheirOwn(t *testing.T) {
	d := newDoor(t, map[string]audit.Role{"crm": audit.Registration, "care": audit.CustomerCare})
	ask := func(from, id, password string) (int, Answer) {
		return d.post(from, id, password, "application/json", "/int3b/user_show", `{"msisdn":"41790000001"}`)
	}
	for i := range 300 {
		if status, a := ask("192.0.2.1", "crm", fmt.Sprint("guess ", i)); status != 401 || a.Reason != "log-in" {
			t.Fatalf("guess %d: %d %+v", i, status, a)
		}
	}
	for _, c := range []struct{ from, id string }{{"192.0.2.1", "care"}, {"198.51.100.1", "crm"}, {"198.51.100.1", "care"}, {"192.0.2.1", "crm"}} {
		if status, a := ask(c.from, c.id, d.passwords[c.id]); status != 200 || a.Reason != "no-such-user" {
			t.Errorf("%s from %s: %d %+v", c.id, c.from, status, a)
		}
	}
}
