package engine

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Why an AP_TransID that was used before cannot be used, each with what helps; the
// earlier transaction goes only to who repeats it, for a day or while it is open.
//
// Supports: I12
func TestAgain(t *testing.T) {
	l := &line{core: bare(t, Options{})}
	now := l.o.Clock()
	const (
		another = "AP_TransID and Instant were used before for another request: send the present time, and choose a new AP_TransID"
		open    = "AP_TransID belongs to a request that is still open: choose a new one, or wait until it has ended"
		once    = "AP_TransID was used before, and the operator's record of this AP_ID wants each used once: choose a new one"
	)
	for name, c := range map[string]struct {
		was, is int64
		hash    string
		state   mssp.State
		age     time.Duration
		detail  string // empty: the earlier transaction
	}{
		"the same":                      {5, 5, "a", mssp.Done, 0, ""},
		"the same, nearly a day later":  {5, 5, "a", mssp.Done, mssp.RepeatFor - 1, ""},
		"the same, a day later":         {5, 5, "a", mssp.Done, mssp.RepeatFor, another},
		"another":                       {5, 5, "b", mssp.Waiting, 0, another},
		"a new Instant":                 {5, 6, "a", mssp.Done, 0, once},
		"without, the same, open":       {0, 0, "a", mssp.Waiting, 0, ""},
		"without, the same, open long":  {0, 0, "a", mssp.Waiting, 2 * mssp.RepeatFor, ""},
		"without, the same, ended":      {0, 0, "a", mssp.Done, 0, once},
		"without, another":              {0, 0, "b", mssp.Waiting, 0, once},
		"of an earlier release":         {mssp.OldInstant, 5, "a", mssp.Waiting, 0, open},
		"of an earlier release, none":   {mssp.OldInstant, 0, "a", mssp.Waiting, 0, open},
		"with none before, one is sent": {0, 5, "a", mssp.Waiting, 0, once},
	} {
		old := mssp.Transaction{ID: "h1", Instant: c.was, RequestHash: []byte("a"), State: c.state, CreatedAt: now.Add(-c.age)}
		got, err := l.again(old, store.RequestKey{Instant: c.is, Hash: []byte(c.hash)})
		var f *mssp.Fault
		switch {
		case c.detail == "" && (err != nil || got.ID != "h1"):
			t.Errorf("%s: %s, %v", name, got.ID, err)
		case c.detail != "" && (!errors.As(err, &f) || f.Code != mssp.WrongParam || f.Detail != c.detail || got.ID != ""):
			t.Errorf("%s: %s, %v", name, got.ID, err)
		}
	}
}

// directory knows numbers and cards.
type directory struct {
	Store
	number, card mssp.Card
	err          error
}

func (d *directory) Lookup(context.Context, sms.MSISDN) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, error) {
	return mssp.Subscriber{}, d.number, nil, d.err
}

func (d *directory) Card(context.Context, ota.ICCID) (mssp.Card, error) { return d.card, d.err }

// Routes that look at cards are given the card that the segment is for, also where the
// number has another by now; where there is none, what is known; an accident of the
// store is said and sends the segment nevertheless.
func TestDestination(t *testing.T) {
	one := mssp.Card{ICCID: "8941010000000000001", IMSI: "228010000000001", Profile: "one"}
	two := mssp.Card{ICCID: "8941010000000000002", IMSI: "228010000000002", Profile: "two"}
	f := &flight{tx: mssp.Transaction{ICCID: one.ICCID}, request: &request{head: head{Card: "one"}}}
	of := func(c mssp.Card) bearer.Destination {
		return bearer.Destination{MSISDN: "41790000001", ICCID: c.ICCID, IMSI: c.IMSI, Profile: c.Profile}
	}
	known := of(mssp.Card{ICCID: one.ICCID, Profile: "one"})
	for name, c := range map[string]struct {
		byCard bool
		flight *flight
		iccid  ota.ICCID
		st     directory
		want   bearer.Destination
		logged bool
	}{
		"nobody looks at cards": {false, f, one.ICCID, directory{number: one}, known, false},
		"its card":              {true, f, one.ICCID, directory{number: one}, of(one), false},
		"without memory":        {true, nil, one.ICCID, directory{number: one}, of(one), false},
		"the number has moved":  {true, f, one.ICCID, directory{number: two, card: one}, of(one), false},
		"a text":                {true, nil, "", directory{number: two}, of(two), false},
		"of nobody":             {true, nil, "", directory{err: mssp.ErrNotFound}, of(mssp.Card{}), false},
		"an accident":           {true, f, one.ICCID, directory{err: errors.New("no disk")}, known, true},
	} {
		var log bytes.Buffer
		b := &outbox{core: bare(t, Options{RouteByCard: c.byCard, Store: &c.st})}
		b.log = slog.New(slog.NewTextHandler(&log, nil))
		s := store.Outbound{TxID: "h1"}
		s.Dest, s.ICCID = "41790000001", c.iccid
		if got := b.destination(t.Context(), c.flight, &s); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		if got := strings.Contains(log.String(), "no disk"); got != c.logged || !c.logged && log.Len() > 0 {
			t.Errorf("%s: the log says %q", name, log.String())
		}
	}
}

// Of several messages that the parts can be, and none is authentic, the newest says
// what was wrong.
func TestDoubtOfTheNewest(t *testing.T) {
	x := &inbox{core: bare(t, Options{CardProfiles: map[string]mssp.CardProfile{"one": {}}})}
	f := &flight{request: &request{head: head{Card: "one"}}, ring: &keyring{way: carriage.Response{}, expected: carriage.Expected{Domain: &ota.KeySet{}}}}
	marked, plain := store.Piece{UDH: []byte{7, 0, 3, 1, 2, 1, 0x71, 0}, UD: []byte{0, 3}}, store.Piece{UDH: []byte{5, 0, 3, 1, 2, 1}, UD: []byte{0, 3}}
	second := []store.Piece{{UDH: []byte{5, 0, 3, 1, 2, 2}, UD: []byte{1, 2, 3}}}
	for i, first := range [][]store.Piece{{plain, marked}, {marked, plain}} {
		j := store.Joined{ID: 7, Variants: [][]store.Piece{first, second}, UDH: first[0].UDH, UD: append(append([]byte{}, first[0].UD...), 1, 2, 3)}
		if _, err := x.open(f, &j); err == nil || errors.Is(err, carriage.ErrMark) != (i == 0) {
			t.Errorf("order %d: %v", i, err)
		}
	}
}

// adopting is a store in which so many requests are of an earlier release.
type adopting struct {
	Store
	n int
}

func (a adopting) AdoptRequests(context.Context, func([]byte) bool, func(*mssp.Transaction) []byte) (int, error) {
	return a.n, nil
}

// That requests of an earlier release are taken over is said where there are any.
func TestAdoptedIsSaid(t *testing.T) {
	for n, want := range map[int]string{0: "", 1: "open=1", 2: "open=2"} {
		var log strings.Builder
		c := bare(t, Options{Store: adopting{n: n}})
		c.log = slog.New(slog.NewTextHandler(&log, nil))
		if err := c.adopt(t.Context()); err != nil || (want == "") != (log.Len() == 0) || !strings.Contains(log.String(), want) {
			t.Errorf("%d requests: %q, %v", n, log.String(), err)
		}
	}
}

// What is stored of a message that is nobody's answer stays for those who look for it, and
// is not used again; of one message nothing is stored.
func TestOrphanOfNobody(t *testing.T) {
	for id, aside := range map[int64]int{0: 0, 1: 1, 2: 1} {
		s := &shelf{}
		x := &inbox{core: bare(t, Options{Store: s})}
		if err := x.orphan(t.Context(), &store.Joined{ID: id, UDH: []byte{5}}); err != nil || len(s.aside) != aside || len(s.consumed) != 0 {
			t.Errorf("message %d: %d are left for later, %d consumed, %v", id, len(s.aside), len(s.consumed), err)
		}
		if n := count(t, x.m.mos, "stray"); n != 1 {
			t.Errorf("message %d: %v strays", id, n)
		}
	}
}

// A late answer to a request that was erased meanwhile is noted as any other; its user is
// told in the language of all, where there is something to tell.
//
// Supports: 3.5.3-3
func TestLateToAnErasedRequest(t *testing.T) {
	texts, err := notice.New(notice.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := &line{core: bare(t, Options{Texts: texts, Store: people{}})}
	tx := mssp.Transaction{ID: "h1", Kind: mssp.KindSign, MSISDN: "41790000001"}
	for word, want := range map[applet.StatusWord]struct {
		what  string
		texts int
	}{
		applet.StatusOK:        {"the user has signed, the signature was given to nobody", 1},
		applet.StatusCancelled: {"the applet said " + applet.StatusCancelled.String(), 0},
		applet.StatusBlocked:   {"the applet said " + applet.StatusBlocked.String(), 0},
	} {
		got, err := l.judgeLate(t.Context(), &tx, &applet.Answer{Results: []applet.Result{{Tag: applet.TagSignTransaction.Result(), Status: word}}})
		if err != nil || got.TxID != "h1" || got.What != want.what || len(got.Notices) != want.texts || got.Card != nil {
			t.Errorf("%s: %+v, %v", word, got, err)
		}
	}
}

// people is a store of persons: none of them is a device.
type people struct{ Store }

func (people) Device(context.Context, sms.MSISDN) (mssp.Device, error) {
	return mssp.Device{}, mssp.ErrNotFound
}

// marked is a store that has the mark of an earlier release, and rows of this one.
type marked struct {
	Store
	newest   []byte
	believed bool
}

func (m *marked) AdoptRequests(_ context.Context, newest func([]byte) bool, _ func(*mssp.Transaction) []byte) (int, error) {
	m.believed = newest(m.newest)
	return 0, nil
}

// The mark of an earlier release is believed where there is no row of this one, whatever
// the store itself makes of it.
//
// Supports: 3.5.3-6
func TestMarkOfAnEarlierRelease(t *testing.T) {
	for newest, want := range map[string]bool{"": true, "\x01": true, `{"op":"sign"}`: true, "\x02": false, "\x02more": false} {
		m := &marked{newest: []byte(newest)}
		if err := bare(t, Options{Store: m}).adopt(t.Context()); err != nil || m.believed != want {
			t.Errorf("%q: believed %v, %v", newest, m.believed, err)
		}
	}
}

// bareRows has a transaction at its card without a packet.
type bareRows struct {
	Store
	packets []store.Packet
}

func (b bareRows) Packets(context.Context, mssp.TransID) ([]store.Packet, error) {
	return b.packets, nil
}

func (b bareRows) Card(_ context.Context, i ota.ICCID) (mssp.Card, error) {
	return mssp.Card{ICCID: i}, nil
}

// A transaction whose packet is not there any more, or whose card profile is not
// configured, is at no card: the first is set aside, the second waits for its profile.
func TestLoadWithout(t *testing.T) {
	for name, c := range map[string]struct {
		packets []store.Packet
		aside   bool
	}{"a packet": {nil, true}, "a profile": {[]store.Packet{{KVN: 1}}, false}} {
		l, tx, _ := failing(t, bareRows{packets: c.packets}, &aborted{})
		l.o.Elapsed = func() time.Duration { return 0 }
		if f, err := l.load(t.Context(), *tx); err == nil || f != nil || unusable(err) != c.aside {
			t.Errorf("without %s: %v, %v", name, f, err)
		}
	}
}

// standing knows one number.
type standing struct {
	Store
	sub  mssp.Subscriber
	card mssp.Card
}

func (s standing) LookupStanding(context.Context, sms.MSISDN) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, store.Standing, error) {
	return s.sub, s.card, nil, store.Standing{}, nil
}

// A card whose profile is not configured is told by the name of that profile.
func TestTargetWithoutProfile(t *testing.T) {
	c := bare(t, Options{
		Store:        standing{sub: mssp.Subscriber{State: mssp.SubscriberActive}, card: mssp.Card{State: mssp.CardActive, Profile: "gone"}},
		CardProfiles: map[string]mssp.CardProfile{"one": {}},
	})
	var f *mssp.Fault
	got, err := c.Target(t.Context(), "41790000001")
	if !errors.As(err, &f) || f.Code != mssp.UnsupportedProfile || !strings.Contains(f.Detail, "card profile gone") || got != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// unopened cannot look up whose a message is, for some times.
type unopened struct {
	Store
	times int
}

func (u *unopened) Lookup(context.Context, sms.MSISDN) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, error) {
	if u.times--; u.times >= 0 {
		return mssp.Subscriber{}, mssp.Card{}, nil, errors.New("no disk")
	}
	return mssp.Subscriber{}, mssp.Card{}, nil, mssp.ErrNotFound
}

func (u *unopened) SetAside(context.Context, store.Joined) error { return nil }

// A stored answer that cannot be used stays in the list until it can be, and leaves it then.
//
// Supports: F3
func TestRetriedUntilUsed(t *testing.T) {
	c := bare(t, Options{Store: &unopened{times: 2}})
	x := &inbox{core: c, line: &line{core: c}}
	x.retry.add(store.Joined{ID: 7, UDH: []byte{2, 0x71, 0}, UD: []byte{0}})
	for sweep, want := range []struct {
		fails bool
		left  int
	}{{true, 1}, {true, 1}, {false, 0}} {
		if err := x.retryAnswers(t.Context()); (err != nil) != want.fails || len(x.retry.m) != want.left {
			t.Errorf("sweep %d: %v, %d are left", sweep+1, err, len(x.retry.m))
		}
	}
}
