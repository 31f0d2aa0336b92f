package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/mssp"
)

// A service of which only the necessary is said has the limits that are documented,
// and serves.
func TestServiceDefaults(t *testing.T) {
	s, err := New(Options{
		Engine: newFakeEngine(), Directory: fakeDirectory{"http://bank": {ID: "http://bank", PasswordHash: cheapHash(t, "geheim")}},
		Profiles: []mssp.SignatureProfile{{URI: profileAuth, Usage: mssp.Authentication}},
	})
	if err != nil {
		t.Fatal(err)
	}
	o := s.o
	times := []time.Duration{o.InstantWindow, o.DefaultTimeOut, o.MinTimeOut, o.MaxTimeOut, o.FailureTime}
	if want := []time.Duration{5 * time.Minute, 5 * time.Minute, 10 * time.Second, 15 * time.Minute, 500 * time.Millisecond}; !slices.Equal(times, want) {
		t.Errorf("times %v, want %v", times, want)
	}
	limits := []int{o.MaxData, int(o.RequestsPerSecond), o.Burst, o.ProfilesPerMinute, o.MaxWaits}
	if want := []int{16384, 100, 200, 30, 10_000}; !slices.Equal(limits, want) {
		t.Errorf("limits %v, want %v", limits, want)
	}
	req := bankRequest("T1")
	req.AP.Instant = time.Now().UTC().Format(time.RFC3339)
	if _, f := s.Signature(t.Context(), plain(), Peer{}, req); f != nil {
		t.Errorf("it does not serve: %v", f)
	}
	steady := now
	s, _ = testService(t, func(o *Options) { o.Steady, o.Burst = func() time.Time { return steady }, 1 })
	for i, want := range []bool{true, false, true} { // limits are counted by the clock that makes no jumps
		if _, f := s.Signature(t.Context(), plain(), Peer{}, bankRequest(fmt.Sprint("T", i))); (f == nil) != want {
			t.Errorf("request %d: %v", i+1, f)
		}
		if i == 1 {
			steady = steady.Add(10 * time.Millisecond)
		}
	}
}

// How long a transaction lives, where the request does not say it, or the profile.
func TestTimeOutOfProfile(t *testing.T) {
	for _, c := range []struct {
		profile, most time.Duration
		asked         string
		want          time.Duration
	}{
		{0, 0, "", 5 * time.Minute},
		{80 * time.Second, 0, "", 80 * time.Second},
		{80 * time.Second, time.Minute, "", time.Minute},
		{80 * time.Second, 0, "900", 15 * time.Minute},
		{80 * time.Second, 20 * time.Minute, "1200", 20 * time.Minute},
	} {
		s, e := testService(t, func(o *Options) { o.Profiles[0].TimeOut, o.Profiles[0].MaxTimeOut = c.profile, c.most })
		req := bankRequest("T1")
		req.TimeOut = c.asked
		if _, f := s.Signature(t.Context(), plain(), Peer{}, req); f != nil || e.seen[0].TimeOut != c.want {
			t.Errorf("%+v: %+v, %v", c, e.seen, f)
		}
	}
}

// A failed transaction of which the engine says nothing more has a detail that says
// what to do; what the engine says stands.
func TestFaultDetails(t *testing.T) {
	want := map[mssp.Code]string{
		208: "the time given to the user is over: ask again",
		209: "the handset could not be reached: ask again later",
		401: "the user has cancelled the request",
		402: "the personal code is blocked: the user has to unblock it",
		403: "the card or the subscription is suspended",
		404: "the user has no key for this signature profile: the user has to register",
		422: "the user has no certificate for this signature profile: the user has to register",
		406: "the handset could not make the signature: ask again",
	}
	if len(want) != len(faultDetails) {
		t.Errorf("%d codes have a detail, %d are known here", len(faultDetails), len(want))
	}
	for code, detail := range want {
		for said, want := range map[string]string{"": detail, "said": "said"} {
			s, e := testService(t)
			e.byID["hq"] = &mssp.Transaction{ID: "hq", AP: "http://bank", Kind: mssp.KindSign, State: mssp.Failed, Status: code, Detail: said}
			if _, f := s.StatusQuery(t.Context(), plain(), Peer{}, statusRequest("hq")); f == nil || f.Code != code || f.Detail != want {
				t.Errorf("%d: %v, want %q", int(code), f, want)
			}
		}
	}
}

// An accident of the engine is told as one by whatever operation meets it, and not
// as a transaction that is unknown.
func TestStatusAccident(t *testing.T) {
	for err, want := range map[error]mssp.Code{
		errors.New("disk on fire"): mssp.InternalError, mssp.ErrNotFound: mssp.WrongParam,
		mssp.Faultf(mssp.WrongParam, "no such"): mssp.WrongParam, mssp.Faultf(mssp.UnableToProvide, "later"): mssp.UnableToProvide,
	} {
		s, _ := testService(t)
		s.o.Engine = failing{s.o.Engine, err}
		if _, f := s.StatusQuery(t.Context(), plain(), Peer{}, statusRequest("hq")); f == nil || f.Code != want {
			t.Errorf("%v: %v", err, f)
		}
		req := bankRequest("T1")
		req.Mode = "synch"
		_, f := s.Signature(t.Context(), plain(), Peer{}, req)
		if asked := asFault(err); f == nil || f.Code != asked.Code || f.Detail != asked.Detail {
			t.Errorf("waiting, %v: %v", err, f)
		}
	}
}

// failing is an engine that takes requests and then fails.
type failing struct {
	Engine
	err error
}

func (e failing) Status(context.Context, mssp.APID, mssp.TransID) (mssp.Transaction, error) {
	return mssp.Transaction{}, e.err
}

func (e failing) Wait(context.Context, mssp.TransID) (mssp.Transaction, error) {
	return mssp.Transaction{}, e.err
}

// Every outcome is counted by its code, and those that a dashboard asks for are
// there from the start; who waits is counted while he waits.
func TestServiceMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		s, e := testService(t, func(o *Options) { o.Registerer, o.Subscribers = reg, fakeSubscribers{} })
		read := func() map[string]float64 {
			fams, err := reg.Gather()
			if err != nil {
				t.Fatal(err)
			}
			values := map[string]float64{}
			for _, f := range fams {
				for _, m := range f.GetMetric() {
					name := f.GetName()
					for _, l := range m.GetLabel() {
						name += " " + l.GetValue()
					}
					values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
			return values
		}
		const requests, waits = "simsign_ap_requests_total ", "simsign_ap_synch_waits"
		start := read()
		for op, codes := range map[string][]int{
			"MSS_Signature":    {100, 101, 102, 103, 104, 105, 107, 109, 208, 209, 401, 500, 502, 780, 900},
			"MSS_StatusQuery":  {101, 104, 208, 401, 500, 502, 504, 900},
			"MSS_ProfileQuery": {100, 104, 105},
			"MSS_Receipt":      {104, 108},
		} {
			for _, c := range codes { // the labels stand in the order of their names
				if v, ok := start[requests+strconv.Itoa(c)+" "+op]; !ok || v != 0 {
					t.Errorf("%s %d: %v, %v", op, c, v, ok)
				}
			}
		}
		req := bankRequest("T1")
		req.Mode = "synch"
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Signature(t.Context(), plain(), Peer{}, req)
		}()
		synctest.Wait()
		if n := read()[waits]; n != 1 {
			t.Errorf("%v wait", n)
		}
		e.end(t, "ha", mssp.Done, mssp.Signature, "", []byte("CMS"))
		<-done
		s.StatusQuery(t.Context(), plain(), Peer{}, statusRequest("ha"))
		s.StatusQuery(t.Context(), plain(), Peer{}, statusRequest("hz"))
		s.ProfileQuery(t.Context(), plain(), Peer{}, &ProfileReq{Header: bankHeader("P1"), User: MobileUser{MSISDN: "+41790000001"}})
		s.Receipt(t.Context(), plain(), Peer{}, &ReceiptReq{Header: bankHeader("R1")})
		bad := bankRequest("T2")
		bad.AP.Password = "x"
		s.Signature(t.Context(), plain(), Peer{}, bad)
		s.Signature(t.Context(), plain(), Peer{}, bankRequest("T3"))
		end := read()
		for _, c := range []string{"500 MSS_Signature", "104 MSS_Signature", "100 MSS_Signature", "500 MSS_StatusQuery", "101 MSS_StatusQuery", "105 MSS_ProfileQuery", "108 MSS_Receipt"} {
			if end[requests+c] != 1 {
				t.Errorf("%s is counted %v times", c, end[requests+c])
			}
		}
		sum := 0.0
		for name, v := range end {
			if strings.HasPrefix(name, requests) {
				sum += v
			}
		}
		if sum != 7 || end[waits] != 0 {
			t.Errorf("%v outcomes are counted, %v wait", sum, end[waits])
		}
	})
}

// An accident is an error in the log, with its cause; a refusal is none.
func TestAccidentInLog(t *testing.T) {
	var log bytes.Buffer
	s, e := testService(t)
	s.log = slog.New(slog.NewTextHandler(&log, nil))
	for _, c := range []struct {
		err   error
		level string
		cause bool
	}{
		{errors.New("disk on fire"), "ERROR", true},
		{&mssp.Fault{Code: mssp.UnableToProvide, Detail: "later", Err: errors.New("disk on fire")}, "ERROR", true},
		{mssp.Faultf(mssp.UnableToProvide, "too many"), "INFO", false},
		{&mssp.Fault{Code: mssp.UnknownClient, Detail: "nobody", Err: errors.New("disk on fire")}, "INFO", false},
	} {
		log.Reset()
		e.fail = c.err
		s.Signature(t.Context(), plain(), Peer{}, bankRequest("T1"))
		if line := log.String(); !strings.Contains(line, "level="+c.level+" ") || strings.Contains(line, "disk on fire") != c.cause {
			t.Errorf("%v: %s", c.err, line)
		}
	}
}

// One fault that was not logged is told by the next that is.
func TestOneUnlogged(t *testing.T) {
	clock := now
	q := newQuiet(func() time.Time { return clock })
	f := mssp.Faultf(mssp.UnauthorizedAccess, "x")
	for i := range 21 {
		if _, ok := q.mayTell("http://bank", here, f); ok != (i < 20) {
			t.Errorf("line %d: %v", i+1, ok)
		}
	}
	for _, want := range []int64{1, 0} {
		clock = clock.Add(6 * time.Second)
		if skipped, ok := q.mayTell("http://bank", here, f); !ok || skipped != want {
			t.Errorf("%d were skipped, told %v, want %d", skipped, ok, want)
		}
	}
	for i := range 501 { // a provider that is known has more
		if _, ok := q.mayTell("http://bank", here, mssp.Faultf(mssp.WrongParam, "x")); ok != (i < 500) {
			t.Errorf("line %d of a provider: %v", i+1, ok)
		}
	}
}

// The bounds of what a stored hash may ask of the box.
func TestHashBounds(t *testing.T) {
	const salt, key = "AAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAA" // 8 and 16 octets
	long := strings.Repeat("A", 86)                           // 64 octets
	for phc, ok := range map[string]bool{
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + key:            true,
		"$argon2id$v=19$m=7,t=1,p=1$" + salt + "$" + key:            false,
		"$argon2id$v=19$m=262144,t=16,p=255$" + salt + "$" + long:   true,
		"$argon2id$v=19$m=262145,t=16,p=255$" + salt + "$" + long:   false,
		"$argon2id$v=19$m=262144,t=17,p=255$" + salt + "$" + long:   false,
		"$argon2id$v=19$m=262144,t=16,p=256$" + salt + "$" + long:   false,
		"$argon2id$v=19$m=8,t=0,p=1$" + salt + "$" + key:            false,
		"$argon2id$v=19$m=8,t=1,p=0$" + salt + "$" + key:            false,
		"$argon2id$v=19$m=8,t=1,p=1$" + salt[:10] + "$" + key:       false, // 7 octets
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + key[:20]:       false, // 15 octets
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + long + "A":     false, // 65 octets
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + key + "$":      false,
		"x$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + key:           false,
		"$argon2id$v=19$m=8,t=1$" + salt + "$" + key:                false,
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + key[:21] + "B": false, // bits that say nothing
		"$argon2id$v=19$m=8,t=1,p=1$" + salt[:10] + "B" + "$" + key: false,
	} {
		if _, _, _, err := parsePHC(phc); (err == nil) != ok || err != nil && !errors.Is(err, ErrPasswordHash) {
			t.Errorf("%s: %v", phc, err)
		}
	}
}

// Who leaves the queue in the moment in which his turn comes has a place to give back.
func TestLeaveAtTheTurn(t *testing.T) {
	p := places{free: 1}
	a := network(here)
	if err := p.take(t.Context(), "x", a, true); err != nil {
		t.Fatal(err)
	}
	turn := make(chan struct{})
	p.join("x", a, true, turn)
	if p.leave("y", a, turn) || p.leave("x", network(there), turn) {
		t.Error("somebody else has left")
	}
	p.release() // to him
	if p.leave("x", a, turn) {
		t.Error("he leaves a queue in which he is no more")
	}
	p.join("x", a, true, turn)
	if !p.leave("x", a, turn) || len(p.names) != 0 {
		t.Error("he cannot leave")
	}
	other, elsewhere := make(chan struct{}), make(chan struct{}) // who leaves takes nobody with him
	p.join("x", a, true, turn)
	p.join("x", a, true, other)
	p.join("x", network(there), true, elsewhere)
	if !p.leave("x", a, turn) {
		t.Error("he cannot leave")
	}
	for _, turn := range []chan struct{}{other, elsewhere} {
		p.release()
		select {
		case <-turn:
		default:
			t.Error("his turn has gone with another")
		}
	}
}
