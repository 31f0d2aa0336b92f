package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// bare is what parts of the engine share, with nothing behind it.
func bare(t *testing.T, o Options) *core {
	t.Helper()
	m, err := newMetrics(prometheus.NewRegistry(), silent{})
	if err != nil {
		t.Fatal(err)
	}
	if o.Clock == nil {
		o.Clock = func() time.Time { return time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC) }
	}
	return &core{o: o, log: slog.New(slog.DiscardHandler), m: m, flights: newFlights(), alarm: newAlarm(o.Clock)}
}

func count(t *testing.T, v *prometheus.CounterVec, label string) float64 {
	t.Helper()
	var m dto.Metric
	if err := v.WithLabelValues(label).Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

// What is not authentic is counted by what it is; only what looks like an attempt
// at the keys is counted as one.
func TestDistrustIsCounted(t *testing.T) {
	for why, want := range map[error]struct {
		mo       string
		security bool
	}{
		carriage.ErrMark:       {"malformed", false},
		carriage.ErrTAR:        {"stray", false},
		errOtherTx:             {"mismatch", false},
		carriage.ErrForm:       {"unexpected", true},
		carriage.ErrKeySet:     {"unexpected", true},
		carriage.ErrNoAnswer:   {"unexpected", true},
		ota.ErrUnauthenticated: {"unauthenticated", true},
		ota.ErrLength:          {"malformed", true},
		ota.ErrPadding:         {"malformed", true},
		fmt.Errorf("in a part: %w", ota.ErrPadding):       {"malformed", true},
		errors.New("the checksum says that it is forged"): {"forged", true},
	} {
		x := &inbox{core: bare(t, Options{})}
		if err := x.distrust(t.Context(), &flight{}, &store.Joined{}, why); err != nil {
			t.Fatal(err)
		}
		if n := count(t, x.m.mos, want.mo); n != 1 {
			t.Errorf("%v: counted %v times as %s", why, n, want.mo)
		}
		sum := 0.0
		for _, k := range []string{"forged", "unauthenticated", "malformed", "stray", "mismatch", "unexpected"} {
			sum += count(t, x.m.securities, k)
		}
		if want.security != (sum == 1) || want.security && count(t, x.m.securities, want.mo) != 1 || !want.security && sum != 0 {
			t.Errorf("%v: %v security errors", why, sum)
		}
	}
}

// The segments of a packet go to the number of the transaction as its card profile
// says, and only the last one asks for a report.
func TestSplit(t *testing.T) {
	now := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	tx := mssp.Transaction{MSISDN: "41790000001", Deadline: now.Add(80*time.Second + 400*time.Millisecond)}
	p := mssp.CardProfile{PID: 0x7F, DCS: 0xF6, MaxSegments: 2}
	c := bare(t, Options{Reports: true})
	segs, err := c.split(make([]byte, 200), &tx, &p, 0x0102030405)
	if err != nil || len(segs) != 2 {
		t.Fatalf("%d segments, %v", len(segs), err)
	}
	for i, s := range segs {
		if s.Dest != tx.MSISDN || s.PID != 0x7F || s.DCS != 0xF6 || s.Validity != 80*time.Second || s.Report != (i == 1) {
			t.Errorf("segment %d: %+v", i+1, s)
		}
		if k, _, err := sms.ParseConcat(s.UDH); err != nil || k.Ref != 0x05 || k.Ref16 || int(k.Part) != i+1 || k.Total != 2 {
			t.Errorf("segment %d: %+v, %v", i+1, k, err)
		}
	}
	p.ConcatRef16, tx.Deadline = true, now.Add(200*time.Millisecond)
	c.o.Reports = false
	if segs, err = c.split(make([]byte, 200), &tx, &p, 0x0102030405); err != nil || segs[1].Report || segs[0].Validity != time.Second {
		t.Errorf("%+v, %v", segs, err)
	}
	if k, _, err := sms.ParseConcat(segs[0].UDH); err != nil || k.Ref != 0x0405 || !k.Ref16 {
		t.Errorf("a reference of 16 bits: %+v, %v", k, err)
	}
	var f *mssp.Fault
	if _, err = c.split(make([]byte, 400), &tx, &p, 1); !errors.As(err, &f) || f.Code != mssp.WrongDataLength || f.Detail != "the request needs 4 short messages, the user's card takes 2" {
		t.Errorf("too many: %v", err)
	}
	for most, want := range map[int]int{0: 4, 1: 1, 6: 6} {
		if got := maxSegments(&mssp.CardProfile{MaxSegments: most}); got != want {
			t.Errorf("%d segments where %d are said", got, most)
		}
	}
}

// network is a bearer that answers what the test says.
type network struct {
	err     error
	via     string
	got     bearer.Segment
	patient time.Duration
}

func (n *network) Name() string { return "north" }

func (n *network) Submit(ctx context.Context, s bearer.Segment) (bearer.Receipt, error) {
	n.got = s
	if until, ok := ctx.Deadline(); ok {
		n.patient = time.Until(until)
	}
	return bearer.Receipt{Bearer: n.via, MessageID: "m7"}, n.err
}

// What a network says of a segment, and how long it may take for that: our own
// time-out, and never longer than there is.
func TestSubmitOne(t *testing.T) {
	now := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		err  error
		via  string
		left time.Duration // 0: no end
		want store.SegmentOutcome
		most time.Duration // of patience
		life time.Duration // told to the network
	}{
		"accepted":           {nil, "", 0, store.SegmentOutcome{State: store.SegAccepted, MessageID: "m7", Route: "north"}, 10 * time.Second, time.Minute},
		"accepted by a part": {nil, "spare", 0, store.SegmentOutcome{State: store.SegAccepted, MessageID: "m7", Route: "spare"}, 10 * time.Second, time.Minute},
		"refused":            {bearer.ErrRefused, "", 0, store.SegmentOutcome{State: store.SegRejected, Route: "north"}, 10 * time.Second, time.Minute},
		"busy":               {bearer.ErrBusy, "", 0, store.SegmentOutcome{State: store.SegQueued, Route: "north", NextAt: now.Add(2 * time.Second)}, 10 * time.Second, time.Minute},
		"no answer":          {bearer.ErrUnknown, "spare", 0, store.SegmentOutcome{State: store.SegAmbiguous, Route: "spare", NextAt: now.Add(2 * time.Second)}, 10 * time.Second, time.Minute},
		"any other error":    {errors.New("broken"), "", 0, store.SegmentOutcome{State: store.SegAmbiguous, Route: "north", NextAt: now.Add(2 * time.Second)}, 10 * time.Second, time.Minute},
		"time enough":        {nil, "", 90 * time.Second, store.SegmentOutcome{State: store.SegAccepted, MessageID: "m7", Route: "north"}, 10 * time.Second, time.Minute},
		"little time":        {nil, "", 4500 * time.Millisecond, store.SegmentOutcome{State: store.SegAccepted, MessageID: "m7", Route: "north"}, 4500 * time.Millisecond, 4 * time.Second},
		"no time":            {nil, "", time.Millisecond, store.SegmentOutcome{State: store.SegAccepted, MessageID: "m7", Route: "north"}, time.Second, time.Second},
	} {
		b := &outbox{core: bare(t, Options{SubmitTimeOut: 10 * time.Second, RetryFirst: time.Second, RetryMax: time.Minute})}
		s := store.Outbound{TxID: "h1", Tries: 2}
		s.ID, s.Validity = 5, time.Minute
		if c.left > 0 {
			s.ExpiresAt = now.Add(c.left)
		}
		n := &network{err: c.err, via: c.via}
		c.want.ID = 5
		synctest.Test(t, func(t *testing.T) { // where no time passes by itself
			if o := b.submitOne(t.Context(), n, &s); o != c.want {
				t.Errorf("%s: %+v, want %+v", name, o, c.want)
			}
		})
		if n.got.Ref != "h1" || n.got.Validity != c.life {
			t.Errorf("%s: the network is told %q, %s", name, n.got.Ref, n.got.Validity)
		}
		if n.patient != c.most {
			t.Errorf("%s: it may take %s, want %s", name, n.patient, c.most)
		}
	}
	b := &outbox{core: bare(t, Options{})}
	if o := b.submitOne(t.Context(), nil, &store.Outbound{}); o.State != store.SegRejected {
		t.Errorf("no route: %+v", o)
	}
}

// The time of a transaction is up at its deadline, and not later than its whole life
// from now: somebody may have set the clock back.
func TestEnds(t *testing.T) {
	now := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	c := bare(t, Options{Elapsed: func() time.Duration { return time.Hour }})
	for made, want := range map[time.Duration]time.Duration{-30 * time.Second: 50 * time.Second, 0: 80 * time.Second, time.Hour: 80 * time.Second, -90 * time.Second: -10 * time.Second} {
		tx := mssp.Transaction{CreatedAt: now.Add(made), Deadline: now.Add(made + 80*time.Second)}
		if got := c.ends(&tx) - time.Hour; got != want {
			t.Errorf("made %s from now: %s are left, want %s", made, got, want)
		}
	}
}

// Only errors that say that this box is over end the start of the engine.
func TestFatal(t *testing.T) {
	for err, want := range map[error]bool{
		store.ErrOutcomeUnknown: true, store.ErrClosed: true, store.ErrFenced: true,
		nil: false, store.ErrChanged: false, store.ErrLocked: false, mssp.ErrNotFound: false, errPacket: false,
	} {
		if fatal(err) != want {
			t.Errorf("%v: %v", err, !want)
		}
	}
	for err, want := range map[error]bool{errUnauthentic: true, errRequest: true, errPacket: true, nil: false, errOperation: false, mssp.ErrNotFound: false} {
		if unusable(err) != want {
			t.Errorf("%v: %v", err, !want)
		}
	}
}
