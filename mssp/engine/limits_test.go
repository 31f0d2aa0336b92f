package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
)

// What is left out of the options is what the documentation says; what is there
// stays, and a negative limit is none.
func TestDefaults(t *testing.T) {
	needed := Options{Store: struct{ Store }{}, Vault: struct{ Vault }{}, Route: func(bearer.Destination) bearer.Bearer { return nil }}
	for name, less := range map[string]func(*Options){
		"Store": func(o *Options) { o.Store = nil }, "Vault": func(o *Options) { o.Vault = nil }, "Route": func(o *Options) { o.Route = nil },
	} {
		o := needed
		if less(&o); o.defaults() == nil {
			t.Errorf("it needs no %s", name)
		}
	}
	o := needed
	if err := o.defaults(); err != nil {
		t.Fatal(err)
	}
	if o.Clock == nil || o.Elapsed == nil || o.Rand == nil || o.Logger == nil || o.Registerer == nil {
		t.Error("something is missing")
	}
	times := []time.Duration{o.PartialAfter, o.SubmitTimeOut, o.RetryFirst, o.RetryMax, o.ManageTimeOut, o.Limits.CoolOff}
	if want := []time.Duration{15 * time.Second, 10 * time.Second, time.Second, 30 * time.Second, 3 * time.Minute, 15 * time.Minute}; !slices.Equal(times, want) {
		t.Errorf("times %v, want %v", times, want)
	}
	limits := func(l Limits) []int {
		return []int{l.QueuePerCard, l.PromptsPerMinute, l.AllPromptsPerMinute, l.Waiters, l.CoolOffAfter, l.AllCoolOffAfter}
	}
	if want := []int{5, 3, 6, 10_000, 3, 9}; !slices.Equal(limits(o.Limits), want) {
		t.Errorf("limits %v, want %v", limits(o.Limits), want)
	}
	for _, l := range []Limits{{1, 2, 3, 4, 5, 6, time.Second}, {-1, -2, -3, -4, -5, -6, time.Second}} {
		o := needed
		o.Limits, o.PartialAfter = l, time.Minute
		if err := o.defaults(); err != nil || !slices.Equal(limits(o.Limits), limits(l)) || o.Limits.CoolOff != time.Second || o.PartialAfter != time.Minute {
			t.Errorf("%+v became %+v, %v", l, o.Limits, err)
		}
	}
}

// Pauses double, and end somewhere.
func TestPauses(t *testing.T) {
	now := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	c := &core{o: Options{RetryFirst: time.Second, RetryMax: 30 * time.Second, Clock: func() time.Time { return now }}}
	b, o := outbox{core: c}, observers{core: c}
	for try, want := range map[int][2]time.Duration{
		0: {1, 1}, 1: {1, 1}, 2: {2, 2}, 3: {4, 4}, 5: {16, 16}, 6: {30, 32}, 7: {30, 64}, 10: {30, 512}, 11: {30, 600}, 1000: {30, 600},
	} {
		if got := b.backOff(try).Sub(now); got != want[0]*time.Second {
			t.Errorf("a segment after %d tries waits %s, want %ds", try, got, want[0])
		}
		if got := o.pause(try); got != want[1]*time.Second {
			t.Errorf("an observer after %d tries waits %s, want %ds", try, got, want[1])
		}
	}
}

// The sweeper is woken for what comes sooner than what it waits for, once.
func TestAlarm(t *testing.T) {
	now := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	a := newAlarm(func() time.Time { return now })
	woken := func() bool {
		select {
		case <-a.wake:
			return true
		default:
			return false
		}
	}
	for _, c := range []struct {
		at    time.Duration
		wakes bool
		left  time.Duration
	}{{2 * time.Hour, false, time.Hour}, {time.Hour, false, time.Hour}, {time.Minute, true, time.Minute}, {time.Minute, false, time.Minute}, {2 * time.Minute, false, time.Minute}, {0, true, 0}} {
		a.poke(now.Add(c.at))
		if got := woken(); got != c.wakes || a.left() != c.left || a.due() != (c.left == 0) {
			t.Errorf("at %s: woken %v, %s left, due %v", c.at, got, a.left(), a.due())
		}
	}
	a.set(now.Add(time.Second))
	if a.due() || a.left() != time.Second {
		t.Errorf("set: %s left", a.left())
	}
	if now = now.Add(time.Second); !a.due() {
		t.Error("it is not due")
	}
}

// So many wait and no more; who leaves, or is woken, leaves a place; each is woken
// by his own transaction.
func TestWaiters(t *testing.T) {
	w := &waiters{ch: map[mssp.TransID][]chan mssp.Transaction{}, max: 3}
	var cs []chan mssp.Transaction
	for _, id := range []mssp.TransID{"a", "a", "b"} {
		c, ok := w.add(id)
		if !ok {
			t.Fatal("no place")
		}
		cs = append(cs, c)
	}
	if _, ok := w.add("c"); ok {
		t.Error("one too many")
	}
	w.remove("a", cs[0])
	w.remove("a", cs[0]) // twice is once
	if _, ok := w.add("c"); !ok || w.n != 3 {
		t.Errorf("the place of one who has left: %v, %d wait", ok, w.n)
	}
	w.wake(mssp.Transaction{ID: "a"})
	if len(cs[0]) != 0 || len(cs[1]) != 1 || len(cs[2]) != 0 || w.n != 2 || len(w.ch) != 2 {
		t.Errorf("woken: %d, %d, %d; %d wait", len(cs[0]), len(cs[1]), len(cs[2]), w.n)
	}
	w.remove("b", cs[2])
	if w.n != 1 || len(w.ch) != 1 {
		t.Errorf("%d wait for %d transactions", w.n, len(w.ch))
	}
	w.max = -1
	for range 10 {
		if _, ok := w.add("d"); !ok {
			t.Error("there is a limit where there is none")
		}
	}
}

// An answer of which a part is missing is asked for again after a time that
// doubles with each attempt after the second, up to a point.
func TestPartial(t *testing.T) {
	now := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	for packets, want := range map[int]time.Duration{1: 1, 2: 1, 3: 2, 4: 4, 12: 1024, 13: 1024, 40: 1024} {
		fs, f := newFlights(), &flight{tx: mssp.Transaction{ID: "a"}, packets: make([]store.Packet, packets)}
		fs.put(f)
		if late, next := fs.partial(now.Add(time.Hour), time.Second); late != nil || !next.IsZero() {
			t.Errorf("%d packets and no part: %v, %s", packets, late, next)
		}
		f.noteParts(now)
		f.noteParts(now.Add(time.Second)) // the first counts
		if late, next := fs.partial(now.Add(want*time.Second-1), time.Second); late != nil || !next.Equal(now.Add(want*time.Second)) {
			t.Errorf("%d packets, too early: %v, %s", packets, late, next)
		}
		if late, next := fs.partial(now.Add(want*time.Second), time.Second); len(late) != 1 || !next.IsZero() {
			t.Errorf("%d packets: %v, %s", packets, late, next)
		}
	}
	fs := newFlights()
	for i := range 3 {
		f := &flight{tx: mssp.Transaction{ID: mssp.TransID(fmt.Sprint(i)), ICCID: ota.ICCID(fmt.Sprint(i))}}
		f.noteParts(now.Add(time.Duration([]int{2, 1, 3}[i]) * time.Second))
		fs.put(f)
	}
	if late, next := fs.partial(now, time.Second); late != nil || !next.Equal(now.Add(2*time.Second)) {
		t.Errorf("the next of three: %v, %s", late, next)
	}
}

// A flight is overdue when its time is up, and not before.
func TestOverdue(t *testing.T) {
	fs := newFlights()
	fs.put(&flight{tx: mssp.Transaction{ID: "a"}, ends: time.Second})
	if fs.overdue(time.Second-1) != nil || len(fs.overdue(time.Second)) != 1 {
		t.Error("not at its end")
	}
	if fs.drop("b"); fs.byID("a") == nil {
		t.Error("another was dropped")
	}
	if fs.drop("a"); fs.byID("a") != nil || len(fs.card)+len(fs.number) != 0 {
		t.Error("something is left")
	}
}

// Twenty lines in the log, of which the last says that it is the last.
func TestDoubts(t *testing.T) {
	var f flight
	for i := range 25 {
		if told, last := f.doubt(); told != (i < 20) || last != (i == 19) {
			t.Errorf("line %d: told %v, the last %v", i+1, told, last)
		}
	}
}

func TestRetryList(t *testing.T) {
	var r retryList
	for i := range 1030 {
		r.add(store.Joined{ID: int64(i % 1025)})
	}
	if n := len(r.take()); n != 1024 {
		t.Errorf("%d are kept", n)
	}
	if n := len(r.take()); n != 0 {
		t.Errorf("%d are there again", n)
	}
}

// A provider has at most half of the places that others leave; the operator's own
// orders do not count with theirs.
func TestCrowded(t *testing.T) {
	for _, c := range []struct {
		places     int
		ap         mssp.APID
		ahead, own int
		crowded    bool
	}{
		{5, "http://bank", 0, 0, false}, // idle
		{5, "http://bank", 1, 0, false}, // one is at the card, nobody waits
		{5, "http://bank", 3, 2, false},
		{5, "http://bank", 4, 2, true}, // three wait, two are left
		{5, "http://bank", 4, 1, false},
		{5, "http://bank", 6, 0, true}, // five wait
		{5, "http://bank", 5, 0, false},
		{0, "http://bank", 1, 0, true},
		{0, "http://bank", 0, 0, false},
		{-1, "http://bank", 99, 99, false},
		{5, "", 99, 4, false},
		{5, "", 99, 5, true},
	} {
		l := &line{core: &core{o: Options{Limits: Limits{QueuePerCard: c.places}}}}
		if got := l.crowded(&store.AcceptResult{Tx: mssp.Transaction{AP: c.ap}, Ahead: c.ahead, Own: c.own}); got != c.crowded {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// A rate can be taken of the first event: what is known beforehand starts at 0, and
// what cannot be counted now is told as -1.
func TestMetricsStart(t *testing.T) {
	reg := prometheus.NewRegistry()
	if _, err := newMetrics(reg, struct{ Store }{silent{}}); err != nil {
		t.Fatal(err)
	}
	fams, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, f := range fams {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			value := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			got[f.GetName()] = append(got[f.GetName()], strings.Join(labels, " ")+"="+strconv.FormatFloat(value, 'g', -1, 64))
		}
	}
	kinds := []string{"applet", "code", "handler", "register", "sign"}
	want := map[string][]string{
		"simsign_segments_total":        {"accepted=0", "ambiguous=0", "queued=0", "rejected=0"},
		"simsign_transactions_open":     {"at_card=-1", "queued=-1"},
		"simsign_mo_total":              {"answer=0", "conflict=0", "duplicate=0", "foreign=0", "forged=0", "incomplete=0", "late=0", "malformed=0", "mismatch=0", "part=0", "plain=0", "por=0", "prompted=0", "refused=0", "replayed=0", "stray=0", "unauthenticated=0"},
		"simsign_security_errors_total": nil,
	}
	for _, k := range kinds {
		want["simsign_answer_seconds"] = append(want["simsign_answer_seconds"], k+"=0")
		for _, c := range []string{"208", "209", "401", "402", "500", "900"} {
			want["simsign_transactions_total"] = append(want["simsign_transactions_total"], k+" "+c+"=0")
		}
	}
	for name, labels := range want {
		have := got[name]
		slices.Sort(have)
		if labels != nil && !slices.Equal(have, labels) {
			t.Errorf("%s: %q\nwant %q", name, have, labels)
		}
	}
	if have := got["simsign_security_errors_total"]; len(have) != 8+int(ota.StatusSecurityLevel) {
		t.Errorf("security errors: %q", have)
	}
}

// silent is a store that cannot count.
type silent struct{ Store }

func (silent) Stats(context.Context) (store.Stats, error) {
	return store.Stats{}, errors.New("no answer")
}
