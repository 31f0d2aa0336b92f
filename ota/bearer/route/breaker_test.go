package route

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// centre is a bearer that answers each message as answer says, or, without
// one, holds it until the caller gives it up.
type centre struct {
	name   string
	down   bool
	answer func(bearer.Segment) error

	mu        sync.Mutex
	got       []int64
	elsewhere []bool // said that another could take the message
}

func (c *centre) Name() string   { return c.name }
func (c *centre) Attached() bool { return !c.down }

func (c *centre) Submit(ctx context.Context, s bearer.Segment) (bearer.Receipt, error) {
	c.mu.Lock()
	c.got, c.elsewhere = append(c.got, s.ID), append(c.elsewhere, s.Elsewhere)
	answer := c.answer
	c.mu.Unlock()
	if answer != nil {
		return bearer.Receipt{}, answer(s)
	}
	<-ctx.Done()
	return bearer.Receipt{}, fmt.Errorf("%w: %w", bearer.ErrUnknown, ctx.Err())
}

func (c *centre) set(answer func(bearer.Segment) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

func takes(bearer.Segment) error { return nil }

func says(err error) func(bearer.Segment) error { return func(bearer.Segment) error { return err } }

// pair is a router with two centres and what it said of them.
type pair struct {
	*Router
	main, spare *centre
	told        []string
	id          int64
}

func newPair() *pair {
	p := &pair{main: &centre{name: "main"}, spare: &centre{name: "spare", answer: takes}}
	p.Router = New([]Rule{
		{Bearer: p.main, Priority: 1, Patience: 35 * time.Second},
		{Bearer: p.spare, Priority: 2, Patience: 35 * time.Second},
	}, func(name string, fault error) { p.told = append(p.told, fmt.Sprint(name, " ", fault != nil)) })
	return p
}

// send submits one message of a life and says by whom it went and how long that took.
func (p *pair) send(t *testing.T, life time.Duration) (by string, took time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), life)
	defer cancel()
	p.id++
	began := time.Now()
	r, err := p.Route(bearer.Destination{MSISDN: "41790000001"}).Submit(ctx, bearer.Segment{ID: p.id, Dest: "41790000001"})
	if err != nil {
		by = "!"
	}
	return by + r.Bearer, time.Since(began)
}

// A centre that is attached and takes nothing: the standby gets the message
// within the life of the transaction, after two of them at once; the centre is
// asked again by one message at a time, after pauses that double; when it takes
// one it has all of them back.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair()
		for _, want := range []time.Duration{15 * time.Second, 15 * time.Second, 0, 0} {
			if by, took := p.send(t, time.Minute); by != "spare" || took != want {
				t.Fatalf("by %s after %s, want %s", by, took, want)
			}
		}
		if err := p.Fault("main"); err == nil || p.Fault("spare") != nil {
			t.Errorf("fault of main: %v, of spare: %v", err, p.Fault("spare"))
		}
		pause := firstPause
		for range 6 {
			time.Sleep(pause - time.Millisecond)
			if by, took := p.send(t, time.Minute); by != "spare" || took != 0 {
				t.Errorf("before the probe: by %s after %s", by, took)
			}
			time.Sleep(time.Millisecond)
			if by, took := p.send(t, time.Minute); by != "spare" || took != probeTime {
				t.Errorf("the probe: by %s after %s", by, took)
			}
			pause = min(2*pause, longPause)
		}
		p.main.set(takes)
		time.Sleep(pause)
		for range 3 {
			if by, _ := p.send(t, time.Minute); by != "main" {
				t.Errorf("after it came back: by %s", by)
			}
		}
		if want := []string{"main true", "main false"}; !slices.Equal(p.told, want) {
			t.Errorf("told %v", p.told)
		}
	})
}

// Only one message is the probe, whoever comes beside it goes to the standby;
// and what waits at a centre when its breaker opens goes there at once.
func TestBreakerCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair()
		crowd := func(n int, late time.Duration) (times map[time.Duration]int) {
			times = map[time.Duration]int{}
			var mu sync.Mutex
			var wg sync.WaitGroup
			began := time.Now()
			for i := range n {
				wg.Go(func() {
					if i > 1 { // the first two decide for the rest
						time.Sleep(late)
					}
					ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
					defer cancel()
					r, err := p.Route(bearer.Destination{MSISDN: "41790000001"}).Submit(ctx, bearer.Segment{Dest: "41790000001"})
					mu.Lock()
					defer mu.Unlock()
					if err != nil || r.Bearer != "spare" {
						t.Errorf("%+v, %v", r, err)
					}
					times[time.Since(began)]++
				})
			}
			wg.Wait()
			return times
		}
		if got := crowd(100, 30*time.Second); got[35*time.Second] != 100 {
			t.Errorf("when the breaker opened after 35 s: %v", got)
		}
		time.Sleep(firstPause)
		if got := crowd(100, 0); got[probeTime] != 1 || got[0] != 99 {
			t.Errorf("one probe: %v", got)
		}
	})
}

// What opens a breaker, and what does not.
func TestBreakerJudges(t *testing.T) {
	busy, refused := says(fmt.Errorf("%w: ESME_RTHROTTLED", bearer.ErrBusy)), says(bearer.ErrRefused)
	for name, tc := range map[string]struct {
		answers []func(bearer.Segment) error
		open    bool
	}{
		"throttles for ever":           {[]func(bearer.Segment) error{busy, busy, busy}, true},
		"throttles twice":              {[]func(bearer.Segment) error{busy, busy}, false},
		"takes one in between":         {[]func(bearer.Segment) error{busy, busy, takes, busy, busy}, false},
		"busy, then without an answer": {[]func(bearer.Segment) error{busy, busy, says(bearer.ErrUnknown)}, true},
		"not bound, paused, full":      {slices.Repeat([]func(bearer.Segment) error{says(fmt.Errorf("%w: no bind is up", bearer.ErrAway))}, 9), false},
		"no answer, throttles":         {[]func(bearer.Segment) error{says(bearer.ErrUnknown), busy}, false},
		"no answer twice":              {[]func(bearer.Segment) error{says(bearer.ErrUnknown), says(bearer.ErrUnknown)}, true},
		"takes one before":             {[]func(bearer.Segment) error{takes, says(bearer.ErrUnknown), busy}, false},
		"refuses one before":           {[]func(bearer.Segment) error{refused, says(bearer.ErrUnknown), busy}, false},
		"refuses one in between":       {[]func(bearer.Segment) error{busy, busy, refused, busy, busy}, false},
		"refuses everybody":            {slices.Repeat([]func(bearer.Segment) error{refused}, refusedOpen), true},
		"refuses, but not everybody":   {append(slices.Repeat([]func(bearer.Segment) error{refused}, refusedOpen-1), takes, refused), false},
	} {
		b := &centre{name: "main"}
		r := New([]Rule{{Bearer: b}}, nil)
		for i, a := range tc.answers {
			b.answer = a
			n := sms.MSISDN(fmt.Sprint("4179000000", i))
			r.Route(bearer.Destination{MSISDN: n}).Submit(t.Context(), bearer.Segment{Dest: n})
		}
		if err := r.Fault("main"); (err != nil) != tc.open {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := &centre{name: "main", answer: refused}
	r := New([]Rule{{Bearer: b}}, nil)
	for range 3 * refusedOpen {
		r.Route(bearer.Destination{MSISDN: "41790000001"}).Submit(t.Context(), bearer.Segment{Dest: "41790000001"})
	}
	if err := r.Fault("main"); err != nil {
		t.Errorf("one phone that nobody delivers to: %v", err)
	}
}

// A provider with a list of dead numbers does not take a bearer from the others:
// where it serves several, two of them must meet refusals.
func TestDeadNumbersOfOne(t *testing.T) {
	type sent struct {
		name string
		ok   bool
	}
	dead := func(name string, n int) []sent { return slices.Repeat([]sent{{name, false}}, n) }
	list := func(parts ...[]sent) []sent { return slices.Concat(parts...) }
	for name, tc := range map[string]struct {
		sent []sent
		open bool
	}{
		"he alone uses it":                {list([]sent{{"a", true}}, dead("a", refusedOpen)), true},
		"nobody has used it":              {dead("a", refusedOpen), true},
		"another uses it":                 {list([]sent{{"b", true}}, dead("a", 50)), false},
		"both use it":                     {list([]sent{{"a", true}, {"b", true}}, dead("a", 50)), false},
		"one dead number of the other":    {list([]sent{{"b", true}}, dead("a", 50), dead("b", 1)), false},
		"two of the other":                {list([]sent{{"b", true}}, dead("a", 50), dead("b", 2)), true},
		"two of a third":                  {list([]sent{{"b", true}}, dead("a", 50), dead("c", 2)), true},
		"one of each":                     {list([]sent{{"a", true}}, dead("a", 1), dead("b", 1), dead("c", 1), dead("d", 1), dead("e", 1)), true},
		"one is taken before the last":    {list([]sent{{"b", true}}, dead("a", 3), dead("b", 1), []sent{{"b", true}}, dead("b", 1)), false},
		"the service's own texts are his": {list([]sent{{"", true}}, dead("a", 50)), false},
	} {
		b := &centre{name: "main"}
		r := New([]Rule{{Bearer: b}}, nil)
		for i, m := range tc.sent {
			if b.answer = says(bearer.ErrRefused); m.ok {
				b.answer = takes
			}
			n := sms.MSISDN(fmt.Sprint("417900000", 10+i))
			r.Route(bearer.Destination{MSISDN: n, For: m.name}).Submit(t.Context(), bearer.Segment{Dest: n, For: m.name})
		}
		if err := r.Fault("main"); (err != nil) != tc.open {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A caller who goes away says nothing about the centre, and neither does one
// lost response among others that came.
func TestBreakerKeepsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair()
		for range 5 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			p.Route(bearer.Destination{}).Submit(ctx, bearer.Segment{})
		}
		for range 5 {
			time.AfterFunc(time.Second, func() { p.main.set(takes); p.send(t, time.Minute); p.main.set(nil) })
			p.main.set(nil)
			p.send(t, time.Minute)
		}
		if err := p.Fault("main"); err != nil {
			t.Error(err)
		}
	})
}

// Two responses are lost at the same time while others came: it is no centre
// that takes nothing.
func TestLostAmongOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair()
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() { p.Route(bearer.Destination{}).Submit(t.Context(), bearer.Segment{}) })
		}
		time.Sleep(time.Second)
		p.main.set(takes)
		if by, _ := p.send(t, time.Minute); by != "main" {
			t.Errorf("by %s", by)
		}
		wg.Wait()
		if err := p.Fault("main"); err != nil {
			t.Error(err)
		}
	})
}

// A centre that refuses everybody still says so where nobody else can take the
// message, and never costs a message that another takes.
func TestRefusesEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair()
		p.main.set(says(bearer.ErrRefused))
		p.spare.down = true
		send := func(i int) (bearer.Receipt, error) {
			n := sms.MSISDN(fmt.Sprint("4179000000", i))
			return p.Route(bearer.Destination{MSISDN: n}).Submit(t.Context(), bearer.Segment{Dest: n})
		}
		p.spare.set(says(bearer.ErrAway))
		for i := range 2 * refusedOpen {
			if _, err := send(i); !errors.Is(err, bearer.ErrRefused) {
				t.Errorf("%d: %v", i, err)
			}
		}
		if p.Fault("main") == nil {
			t.Error("it is not passed over")
		}
		if err := p.Route(bearer.Destination{}).(bearer.Judge).Down(); err != nil {
			t.Errorf("requests are refused before they are refused: %v", err)
		}
		p.spare.down = false
		p.spare.set(takes)
		for i := range 30 {
			if r, err := send(i); err != nil || r.Bearer != "spare" {
				t.Errorf("%+v, %v", r, err)
			}
			time.Sleep(firstPause)
		}
	})
}

// The parts of a message go by one bearer: what the first had of it goes
// again, with the same octets, by the one that takes over.
func TestPartsTogether(t *testing.T) {
	p := newPair()
	p.main.set(takes)
	via := p.Route(bearer.Destination{MSISDN: "41790000001"})
	send := func(id int64, dest sms.MSISDN, by string) {
		t.Helper()
		r, err := via.Submit(t.Context(), bearer.Segment{ID: id, Dest: dest, UDH: []byte{5, 0, 3, 1, 3, byte(id)}})
		if err != nil || r.Bearer != by {
			t.Errorf("part %d: %+v, %v", id, r, err)
		}
	}
	send(9, "41790000002", "main")
	send(1, "41790000001", "main")
	p.main.set(says(bearer.ErrBusy))
	send(2, "41790000001", "spare")
	p.main.set(takes)
	send(3, "41790000001", "spare")
	if want := []int64{1, 2, 3}; !slices.Equal(p.spare.got, want) {
		t.Errorf("the standby got %v", p.spare.got)
	}
	if want := []int64{9, 1, 2}; !slices.Equal(p.main.got, want) {
		t.Errorf("the first got %v", p.main.got)
	}
	p.spare.set(says(bearer.ErrBusy)) // and back, with all of them
	send(4, "41790000001", "main")
	if want := []int64{9, 1, 2, 1, 2, 3, 4}; !slices.Equal(p.main.got, want) {
		t.Errorf("the first got %v at last", p.main.got)
	}
}

// When all are open, it is known before anything is submitted, until the next
// probe is due; a link that is down is no such judgement.
func TestDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair()
		p.main.down, p.spare.down = true, true
		p.spare.set(says(bearer.ErrAway))
		down := func() error { return p.Route(bearer.Destination{}).(bearer.Judge).Down() }
		if err := down(); err != nil {
			t.Errorf("no link: %v", err)
		}
		p.main.down = false
		for range 2 {
			p.send(t, 4*time.Minute)
		}
		if err := down(); !errors.Is(err, bearer.ErrAway) {
			t.Errorf("one open, the other without a link: %v", err)
		}
		if by, took := p.send(t, time.Minute); by[0] != '!' || took != 0 {
			t.Errorf("submitted all the same: by %s after %s", by, took)
		}
		p.spare.down = false
		if err := down(); err != nil {
			t.Errorf("the standby is back: %v", err)
		}
		p.spare.down = true
		time.Sleep(longPause)
		if err := down(); err != nil {
			t.Errorf("a probe is due: %v", err)
		}
	})
}

// Whoever sends nothing while a bearer is passed over would keep it so: some
// time after the last failure, when a probe is due, only a message can tell more.
func TestAwaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair()
		p.spare.down = true
		p.main.set(says(bearer.ErrUnknown))
		if p.send(t, time.Minute); p.Awaits("main") {
			t.Error("closed, and awaits a message")
		}
		p.send(t, time.Minute)
		for pause := firstPause; pause < longPause; pause = min(2*pause, longPause) {
			least := max(pause, doubtAfter)
			if time.Sleep(least - time.Millisecond); p.Awaits("main") {
				t.Errorf("awaits a message after less than %s", least)
			}
			if time.Sleep(time.Millisecond); !p.Awaits("main") || p.Awaits("spare") || p.Awaits("other") {
				t.Errorf("awaits no message after %s, or another does", least)
			}
			p.main.set(func(bearer.Segment) error {
				if p.Awaits("main") {
					t.Error("a message is under way, and another is awaited")
				}
				return bearer.ErrUnknown
			})
			p.send(t, time.Minute)
		}
	})
}

// A response that comes after all, too late for its message, does not close the
// breaker, but the next probe is due soon and not after the long pause. One for
// another bearer, or while the breaker is closed, changes nothing.
func TestTookLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair()
		p.TookLate("main")
		if p.Fault("main") != nil {
			t.Error("an answer opens it")
		}
		p.main.set(says(bearer.ErrUnknown))
		probes := func() int { // messages that main gets of one
			was := len(p.main.got)
			if by, _ := p.send(t, time.Minute); by != "spare" {
				t.Errorf("by %s", by)
			}
			return len(p.main.got) - was
		}
		for range 2 {
			probes()
		}
		p.TookLate("main")
		for pause := firstPause; pause < longPause; pause *= 2 {
			time.Sleep(pause)
			if first := pause == firstPause; pause < doubtAfter && p.Awaits("main") != first {
				t.Errorf("after %s: awaits a message: %t, but a late response counts until the next probe", pause, !first)
			}
			probes()
		}
		p.TookLate("spare")
		p.TookLate("other")
		time.Sleep(firstPause)
		if probes() != 0 {
			t.Fatal("probed before the pause has passed")
		}
		p.TookLate("main")
		if p.Fault("main") == nil {
			t.Error("an answer that came too late closes it")
		}
		if !p.Awaits("main") {
			t.Error("whoever holds messages back is not told to send one")
		}
		if probes() != 1 {
			t.Error("the probe is not due")
		}
		time.Sleep(firstPause)
		p.TookLate("main")
		if probes() != 1 {
			t.Error("the probe is not due 5 s after the last one")
		}
		p.TookLate("main")
		if probes() != 0 || p.Awaits("main") {
			t.Error("probed at once after the last probe")
		}
		p.main.set(takes)
		time.Sleep(firstPause)
		if by, _ := p.send(t, time.Minute); by != "main" || p.Fault("main") != nil {
			t.Errorf("after it came back: by %s, %v", by, p.Fault("main"))
		}
	})
}

// A refusal is an answer: a probe that is refused closes a breaker that opened
// because there was none. Where everybody was refused it keeps it open, and the
// pause doubles.
func TestRefusedProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair()
		for range 2 {
			p.send(t, time.Minute)
		}
		p.main.set(says(bearer.ErrRefused))
		time.Sleep(firstPause)
		if by, _ := p.send(t, time.Minute); by != "spare" {
			t.Errorf("the probe went by %s", by)
		}
		if err := p.Fault("main"); err != nil || len(p.told) != 2 || p.told[1] != "main false" {
			t.Errorf("it has answered: %v, told %v", err, p.told)
		}
		for i := range refusedOpen { // now it refuses everybody
			n := sms.MSISDN(fmt.Sprint("4179000001", i))
			p.Route(bearer.Destination{MSISDN: n}).Submit(t.Context(), bearer.Segment{Dest: n})
		}
		if p.Fault("main") == nil {
			t.Fatal("it refuses everybody and is not passed over")
		}
		asked := len(p.main.got)
		for pause := firstPause; pause < longPause; pause = min(2*pause, longPause) {
			time.Sleep(pause - time.Millisecond)
			p.send(t, time.Minute)
			if len(p.main.got) != asked {
				t.Errorf("asked again before %s have passed", pause)
			}
			time.Sleep(time.Millisecond)
			if by, _ := p.send(t, time.Minute); by != "spare" || len(p.main.got) != asked+1 || p.Fault("main") == nil {
				t.Errorf("after %s: by %s, %d probes, %v", pause, by, len(p.main.got)-asked, p.Fault("main"))
			}
			asked = len(p.main.got)
		}
		for i, b := range p.breakers {
			if len(b.attempts) != 0 {
				t.Errorf("bearer %d still has %d messages", i, len(b.attempts))
			}
		}
	})
}

// How long a bearer may have a message: its own time where it is alone, a share
// of what the caller has where another could take it, and no limit without either.
func TestPatience(t *testing.T) {
	for name, tc := range map[string]struct {
		patience, life time.Duration
		alone          bool
		want           time.Duration
	}{
		"alone":               {35 * time.Second, time.Minute, true, 35 * time.Second},
		"alone, short life":   {35 * time.Second, 20 * time.Second, true, 20 * time.Second},
		"alone, no patience":  {0, time.Minute, true, time.Minute},
		"two, no patience":    {0, time.Minute, false, 15 * time.Second},
		"two, long life":      {35 * time.Second, time.Hour, false, 35 * time.Second},
		"two, short patience": {5 * time.Second, time.Minute, false, 5 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			main, spare := &centre{name: "main"}, &centre{name: "spare", answer: takes, down: tc.alone}
			p := &pair{main: main, spare: spare, Router: New([]Rule{{Bearer: main, Patience: tc.patience}, {Bearer: spare, Priority: 1}}, nil)}
			spare.set(func(bearer.Segment) error {
				if tc.alone {
					return bearer.ErrAway
				}
				return nil
			})
			if _, took := p.send(t, tc.life); took != tc.want || main.elsewhere[0] == tc.alone {
				t.Errorf("%s: main had it for %s, want %s; another could take it: %v", name, took, tc.want, main.elsewhere[0])
			}
		})
	}
	// Without patience and without an end of its caller's, a probe still ends.
	synctest.Test(t, func(t *testing.T) {
		main, spare := &centre{name: "main", answer: says(bearer.ErrUnknown)}, &centre{name: "spare", answer: takes}
		r := New([]Rule{{Bearer: main}, {Bearer: spare, Priority: 1}}, nil)
		send := func() string {
			got, err := r.Route(bearer.Destination{}).Submit(t.Context(), bearer.Segment{})
			if err != nil {
				t.Error(err)
			}
			return got.Bearer
		}
		send()
		send()
		main.set(nil)
		time.Sleep(firstPause)
		if began := time.Now(); send() != "spare" || time.Since(began) != probeTime {
			t.Errorf("the probe took %s", time.Since(began))
		}
	})
}

// When nobody takes anything the first choice is named, with what is wrong.
func TestAllOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair()
		p.main.set(says(fmt.Errorf("%w: main is silent", bearer.ErrUnknown)))
		p.spare.set(says(fmt.Errorf("%w: spare is silent", bearer.ErrUnknown)))
		for range 2 {
			p.send(t, time.Minute)
		}
		asked := len(p.main.got) + len(p.spare.got)
		r, err := p.Route(bearer.Destination{}).Submit(t.Context(), bearer.Segment{})
		if r.Bearer != "main" || !errors.Is(err, bearer.ErrAway) || !strings.Contains(err.Error(), "main is silent") || len(p.main.got)+len(p.spare.got) != asked {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// A bearer that does not take the parts before has not taken the message; one
// that was probed with them is judged by what it says now.
func TestPartsBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair()
		part := func(via bearer.Bearer, id int64) (bearer.Receipt, error) {
			return via.Submit(t.Context(), bearer.Segment{ID: id, Dest: "41790000001", UDH: []byte{5, 0, 3, 1, 2, byte(id)}})
		}
		p.main.set(takes)
		via := p.Route(bearer.Destination{})
		part(via, 1)
		p.main.set(says(bearer.ErrBusy))
		p.spare.set(says(bearer.ErrUnknown))
		if r, err := part(via, 2); err == nil || errors.Is(err, bearer.ErrUnknown) || !errors.Is(err, bearer.ErrBusy) || !slices.Equal(p.spare.got, []int64{1}) {
			t.Errorf("%+v, %v; the standby got %v", r, err, p.spare.got)
		}
		if !p.main.elsewhere[1] || p.spare.elsewhere[0] {
			t.Errorf("another could take it: main heard %v, the standby %v", p.main.elsewhere, p.spare.elsewhere)
		}
		// main opens, and its probe is a message of which the standby has a part.
		p = newPair()
		for range 2 {
			p.send(t, time.Minute)
		}
		via = p.Route(bearer.Destination{})
		part(via, 1)
		p.spare.set(says(bearer.ErrBusy))
		p.main.set(func(s bearer.Segment) error {
			if s.ID == 2 {
				return bearer.ErrBusy
			}
			return nil
		})
		time.Sleep(firstPause)
		if r, err := part(via, 2); !errors.Is(err, bearer.ErrBusy) || p.Fault("main") != nil {
			t.Errorf("%+v, %v; it took the first part and is passed over: %v", r, err, p.Fault("main"))
		}
	})
}

// A message for which there is no other bearer waits as long as it may, though
// the breaker opens meanwhile; and three bearers share the time of one message.
func TestAloneWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair()
		p.spare.down = true
		p.spare.set(says(bearer.ErrAway))
		var wg sync.WaitGroup
		for i, want := range []time.Duration{20 * time.Second, 20 * time.Second, 35 * time.Second} {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), []time.Duration{20, 20, 60}[i]*time.Second)
				defer cancel()
				began := time.Now()
				p.Route(bearer.Destination{}).Submit(ctx, bearer.Segment{})
				if took := time.Since(began); took != want {
					t.Errorf("message %d waited %s, want %s", i+1, took, want)
				}
			})
		}
		wg.Wait()
		if p.Fault("main") == nil {
			t.Error("the breaker did not open")
		}
		third := &centre{name: "third", answer: takes}
		first, second := &centre{name: "first"}, &centre{name: "second"}
		r := New([]Rule{{Bearer: first, Priority: 1}, {Bearer: second, Priority: 2}, {Bearer: third, Priority: 3}}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		got, err := r.Route(bearer.Destination{}).Submit(ctx, bearer.Segment{})
		if want := 10*time.Second + 12500*time.Millisecond; err != nil || got.Bearer != "third" || time.Since(began) != want { // a sixth of 60 s, a quarter of 50 s
			t.Errorf("by %s after %s, %v; want %s", got.Bearer, time.Since(began), err, want)
		}
	})
}

// Why a breaker opened the last time is what counts: one that refused everybody,
// came back and then answers nothing keeps requests away.
func TestOpensForAnotherReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		main := &centre{name: "main", answer: says(bearer.ErrRefused)}
		r := New([]Rule{{Bearer: main}}, nil)
		send := func(n sms.MSISDN) {
			r.Route(bearer.Destination{MSISDN: n}).Submit(t.Context(), bearer.Segment{Dest: n})
		}
		down := func() error { return r.Route(bearer.Destination{}).(bearer.Judge).Down() }
		for i := range refusedOpen {
			send(sms.MSISDN(fmt.Sprint("4179000000", i)))
		}
		if r.Fault("main") == nil || down() != nil {
			t.Errorf("refuses everybody: %v, down %v", r.Fault("main"), down())
		}
		main.set(takes)
		time.Sleep(firstPause)
		send("41790000009")
		main.set(says(bearer.ErrUnknown))
		for range 2 {
			send("41790000009")
		}
		if r.Fault("main") == nil || !errors.Is(down(), bearer.ErrAway) {
			t.Errorf("answers nothing: %v, down %v", r.Fault("main"), down())
		}
	})
}
