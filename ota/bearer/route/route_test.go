package route

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

type fake struct {
	name string
	down bool
	err  error
	got  int
}

func (f *fake) Name() string   { return f.name }
func (f *fake) Attached() bool { return !f.down }
func (f *fake) Submit(context.Context, bearer.Segment) (bearer.Receipt, error) {
	f.got++
	return bearer.Receipt{MessageID: f.name}, f.err
}

func ranges(t *testing.T, s ...string) (out []Range) {
	for _, x := range s {
		r, err := ParseRange(x)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// The rule that says the most about a destination takes it.
func TestRoute(t *testing.T) {
	r := New([]Rule{
		{Bearer: &fake{name: "rest"}},
		{Bearer: &fake{name: "swiss"}, Prefixes: []string{"41"}},
		{Bearer: &fake{name: "zurich"}, Prefixes: []string{"4179", "4144"}},
		{Bearer: &fake{name: "batch"}, ICCID: ranges(t, "89410100-89410109")},
		{Bearer: &fake{name: "roamers"}, IMSI: ranges(t, "22801"), Prefixes: []string{"372"}},
		{Bearer: &fake{name: "lab"}, Profiles: []string{"lab"}, ICCID: ranges(t, "8941")},
	}, nil)
	if !r.ByCard() || New([]Rule{{Prefixes: []string{"41"}}}, nil).ByCard() {
		t.Error("ByCard")
	}
	for _, tc := range []struct {
		number sms.MSISDN
		iccid  ota.ICCID
		imsi   string
		prof   string
		want   string
	}{
		{"358401234567", "", "", "", "rest"},
		{"41310000000", "", "", "", "swiss"},
		{"41790000001", "", "", "", "zurich"},
		{"41790000001", "8941010500000000017", "", "", "batch"},
		{"41790000001", "8941011000000000017", "", "", "zurich"},
		{"37200000", "", "228010000000001", "", "roamers"},
		{"37200000", "", "228020000000001", "", "rest"},
		// A prefix and a range count at the beginning, not inside.
		{"35841790000", "", "", "", "rest"},
		{"41314179000", "", "", "", "swiss"},
		{"35837200000", "", "228010000000001", "", "rest"},
		{"37200000", "", "240228010000001", "", "rest"},
		{"41310000000", "8946894101050000000", "", "", "swiss"},
		{"41790000001", "8941010500000000017", "", "lab", "lab"},
	} {
		b := r.Route(bearer.Destination{MSISDN: tc.number, ICCID: tc.iccid, IMSI: tc.imsi, Profile: tc.prof})
		if b == nil || b.Name() != tc.want {
			t.Errorf("%+v goes to %v", tc, b)
		}
	}
	for name, u := range map[string]Rule{"ICCID": {ICCID: ranges(t, "89")}, "IMSI": {IMSI: ranges(t, "228")}, "profile": {Profiles: []string{"lab"}}} {
		if u.Bearer = (&fake{name: "one"}); !New([]Rule{u}, nil).ByCard() {
			t.Errorf("a rule by %s alone does not look at the card", name)
		}
	}
	// Two rules of one bearer share what is known of it.
	one := &fake{name: "one", err: bearer.ErrBusy}
	twice := New([]Rule{{Bearer: one, Prefixes: []string{"41"}}, {Bearer: one, Prefixes: []string{"358"}}}, nil)
	for _, n := range []sms.MSISDN{"41790000001", "358401234567", "41790000001"} {
		twice.Route(bearer.Destination{MSISDN: n}).Submit(t.Context(), bearer.Segment{Dest: n})
	}
	if twice.Fault("one") == nil {
		t.Error("three messages by two rules say nothing of the bearer")
	}
	// The order of the rules is no matter, and what a rule does not hold for
	// it does not take, even when nobody else does.
	lab := New([]Rule{
		{Bearer: &fake{name: "card"}, Profiles: []string{"lab", "test"}, Prefixes: []string{"41"}},
		{Bearer: &fake{name: "lab"}, Profiles: []string{"lab"}},
		{Bearer: &fake{name: "zurich"}, Prefixes: []string{"4179"}},
		{Bearer: &fake{name: "swiss"}, Prefixes: []string{"41"}},
	}, nil)
	for _, tc := range []struct {
		number sms.MSISDN
		prof   string
		want   string
	}{
		{"41790000001", "", "zurich"},
		{"41310000000", "live", "swiss"},
		{"358401234567", "lab", "lab"},
		{"41790000001", "lab", "card"},
		{"41790000001", "test", "card"},
		{"358401234567", "test", ""},
		{"358401234567", "", ""},
	} {
		if b := lab.Route(bearer.Destination{MSISDN: tc.number, Profile: tc.prof}); (b == nil) != (tc.want == "") || b != nil && b.Name() != tc.want {
			t.Errorf("%+v goes to %v", tc, b)
		}
	}
	if b := New(nil, nil).Route(bearer.Destination{MSISDN: "41790000001"}); b != nil {
		t.Errorf("no rules: %v", b)
	}
}

// Priority, then the next when one is busy or leaves the message without an
// answer; never another after "refused". What one left unknown stays unknown
// until another has taken it.
func TestFailover(t *testing.T) {
	for _, tc := range []struct {
		main, spare error
		down        bool
		took        string
		err         error
	}{
		{nil, nil, false, "main", nil},
		{bearer.ErrBusy, nil, false, "spare", nil},
		{bearer.ErrBusy, bearer.ErrBusy, false, "spare", bearer.ErrBusy},
		{bearer.ErrUnknown, nil, false, "spare", nil},
		{bearer.ErrUnknown, bearer.ErrBusy, false, "main", bearer.ErrUnknown},
		{bearer.ErrUnknown, bearer.ErrRefused, false, "main", bearer.ErrUnknown},
		{bearer.ErrBusy, bearer.ErrUnknown, false, "spare", bearer.ErrUnknown},
		{bearer.ErrRefused, nil, false, "main", bearer.ErrRefused},
		{nil, nil, true, "spare", nil},
	} {
		main, spare := &fake{name: "main", err: tc.main, down: tc.down}, &fake{name: "spare", err: tc.spare}
		r := New([]Rule{{Bearer: spare, Prefixes: []string{"41"}, Priority: 2}, {Bearer: main, Prefixes: []string{"41"}, Priority: 1}}, nil)
		got, err := r.Route(bearer.Destination{MSISDN: "41790000001"}).Submit(t.Context(), bearer.Segment{})
		if got.Bearer != tc.took || !errors.Is(err, tc.err) {
			t.Errorf("%+v: %+v, %v", tc, got, err)
		}
	}
}

// Bearers of one priority share by weight, a phone keeps its bearer, and when
// one is down only its phones move.
func TestShare(t *testing.T) {
	a, b, c := &fake{name: "a"}, &fake{name: "b"}, &fake{name: "c"}
	r := New([]Rule{{Bearer: a, Weight: 1}, {Bearer: b, Weight: 1}, {Bearer: c, Weight: 2}}, nil)
	first := map[sms.MSISDN]string{}
	count := map[string]int{}
	for i := range 4000 {
		n := sms.MSISDN(fmt.Sprintf("4179%07d", i))
		first[n] = r.Route(bearer.Destination{MSISDN: n}).Name()
		count[first[n]]++
	}
	if count["a"] < 850 || count["a"] > 1150 || count["c"] < 1850 || count["c"] > 2150 {
		t.Errorf("%v", count)
	}
	b.down = true
	for n, was := range first {
		if is := r.Route(bearer.Destination{MSISDN: n}).Name(); is == "b" || was != "b" && is != was {
			t.Fatalf("a phone of %s moved to %s", was, is)
		}
	}
}

func TestParseRange(t *testing.T) {
	for _, bad := range []string{"", "-", "1-", "-1", "12-1", "2-1", "12-111", "1x", "1-2-3", "123456789012345678901"} {
		if r, err := ParseRange(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, r)
		}
	}
	for _, good := range []string{"1", "1-2", "12345678901234567890", "1-1"} {
		if _, err := ParseRange(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	r, err := ParseRange("101-103")
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[string]bool{"101": true, "1019": true, "1030": true, "104": false, "100": false, "10": false, "": false} {
		if r.Holds(n) != want {
			t.Errorf("%q: %v", n, !want)
		}
	}
}

// rationed has nothing left for one name.
type rationed struct {
	*fake
	who string
}

func (r rationed) Spent(name string) error {
	if name == r.who {
		return bearer.ErrSpent
	}
	return nil
}

// judging knows beforehand that it takes nothing.
type judging struct {
	*fake
	why error
}

func (j judging) Down() error { return j.why }

// A bearer that takes nothing for hours, though it is attached, is told beforehand; not
// where another can take the message.
func TestDownBeforehand(t *testing.T) {
	used := errors.New("quota is used up")
	for name, tc := range map[string]struct {
		rules []Rule
		down  bool
	}{
		"one":                     {[]Rule{{Bearer: judging{&fake{name: "a"}, used}}}, true},
		"it takes messages":       {[]Rule{{Bearer: judging{&fake{name: "a"}, nil}}}, false},
		"both":                    {[]Rule{{Bearer: judging{&fake{name: "a"}, used}}, {Bearer: judging{&fake{name: "b"}, used}}}, true},
		"another takes messages":  {[]Rule{{Bearer: judging{&fake{name: "a"}, used}}, {Bearer: &fake{name: "b"}}}, false},
		"another, the first one":  {[]Rule{{Bearer: &fake{name: "b"}}, {Bearer: judging{&fake{name: "a"}, used}}}, false},
		"another has had a share": {[]Rule{{Bearer: judging{&fake{name: "a"}, used}}, {Bearer: rationed{&fake{name: "b"}, ""}}}, true},
	} {
		err := New(tc.rules, nil).Route(bearer.Destination{}).(bearer.Judge).Down()
		if (err != nil) != tc.down || tc.down && !errors.Is(err, bearer.ErrAway) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A name that has had its share of every bearer is told so beforehand, others are not,
// and no breaker opens for that.
func TestSpent(t *testing.T) {
	first, second := rationed{&fake{name: "a", err: bearer.ErrSpent}, "urn:noisy"}, rationed{&fake{name: "b", err: bearer.ErrSpent}, "urn:noisy"}
	r := New([]Rule{{Bearer: first}, {Bearer: second}}, nil)
	down := func(name string) error { return r.Route(bearer.Destination{For: name}).(bearer.Judge).Down() }
	if err := down("urn:noisy"); !errors.Is(err, bearer.ErrSpent) || !errors.Is(err, bearer.ErrAway) {
		t.Errorf("who has had its share is told %v", err)
	}
	for range 20 {
		if _, err := r.Route(bearer.Destination{For: "urn:noisy"}).Submit(t.Context(), bearer.Segment{For: "urn:noisy"}); !errors.Is(err, bearer.ErrSpent) {
			t.Errorf("a message of it: %v", err)
		}
	}
	if err := down("urn:bank"); err != nil || r.Fault("a") != nil || r.Fault("b") != nil {
		t.Errorf("another is told %v, %v, %v", err, r.Fault("a"), r.Fault("b"))
	}
	r = New([]Rule{{Bearer: first}, {Bearer: &fake{name: "c"}}}, nil)
	if err := down("urn:noisy"); err != nil {
		t.Errorf("another bearer has no shares: %v", err)
	}
}
