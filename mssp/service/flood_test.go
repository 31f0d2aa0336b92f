package service

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/mssp"
)

var here, there = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")

// login is the fault that a log-in gets.
func (s *Service) login(t *testing.T, from netip.Addr, id mssp.APID, password string) *mssp.Fault {
	t.Helper()
	_, f := s.auth.authenticate(t.Context(), Peer{Source: from}, APInfo{ID: id, Password: password})
	return f
}

// Guessing a chosen password stops after two hundred different ones, for
// providers that exist and that do not alike. It stops there for that name from
// that network alone, and one that is wrong again and again is one guess.
func TestFailedLogins(t *testing.T) {
	clock := now
	s, _ := testService(t, func(o *Options) { o.Clock = func() time.Time { return clock } })
	limited := func(f *mssp.Fault) bool {
		if f == nil || f.Code != mssp.UnauthorizedAccess {
			t.Fatalf("a guess: %v", f)
		}
		return strings.Contains(f.Detail, "too many failed logins for this AP_ID from your address: try again in 6s")
	}
	for _, id := range []mssp.APID{"http://bank", "http://nobody"} {
		for i := range failureBurst + 1 {
			if f := s.login(t, here, id, fmt.Sprint("guess", i)); limited(f) != (i == failureBurst) {
				t.Fatalf("%s, guess %d: %v", id, i, f)
			}
		}
	}
	if f := s.login(t, here, "http://bank", "geheim"); !limited(f) {
		t.Errorf("one guess too many was right: %v", f)
	}
	for range 2 * failureBurst {
		if limited(s.login(t, here, "http://shop", "wrong")) {
			t.Fatal("one wrong password counts as many guesses")
		}
	}
	if f := s.login(t, here, "http://shop", "secret"); f != nil {
		t.Errorf("another provider from there: %v", f)
	}
	if f := s.login(t, there, "http://bank", "geheim"); f != nil {
		t.Errorf("the same provider from elsewhere: %v", f)
	}
	if f := s.login(t, here, "http://bank", "geheim"); f != nil {
		t.Errorf("a password that is known good is held up: %v", f)
	}
	clock = clock.Add(failureEvery)
	if limited(s.login(t, here, "http://nobody", "guess")) || !limited(s.login(t, here, "http://nobody", "another")) {
		t.Error("not one more guess after six seconds")
	}
}

// A password that was drawn here is compared at once: no number of wrong ones
// from anywhere holds it up, and it needs no place among those that cost work.
func TestGeneratedPassword(t *testing.T) {
	password, hash, err := NewPassword()
	if err != nil || !strings.HasPrefix(hash, "$hmac-sha256$") || strings.Contains(hash, password) || len(password) != 26 {
		t.Fatalf("%q, %q, %v", password, hash, err)
	}
	if again, hash2, _ := NewPassword(); again == password || hash2 == hash {
		t.Error("the same password twice")
	}
	dir := fakeDirectory{"http://bank": {ID: "http://bank", PasswordHash: hash}, "http://broken": {ID: "http://broken", PasswordHash: "$hmac-sha256$x"}}
	s, _ := testService(t, func(o *Options) { o.Directory = dir })
	s.auth.places.free = 0 // whoever needs one waits for ever
	for i := range failureBurst + 9 {
		if f := s.login(t, here, "http://bank", fmt.Sprint("guess", i)); f == nil || f.Code != mssp.UnauthorizedAccess {
			t.Fatalf("guess %d: %v", i, f)
		}
		if f := s.login(t, here, "http://bank", password); f != nil {
			t.Fatalf("after %d guesses: %v", i+1, f)
		}
	}
	for _, wrong := range []string{password[:25], password + "A", strings.ToLower(password), hash, ""} {
		if f := s.login(t, there, "http://bank", wrong); f == nil {
			t.Errorf("%q opens", wrong)
		}
	}
	if f := s.login(t, here, "http://broken", "x"); f == nil || f.Code != mssp.InternalError {
		t.Errorf("a damaged hash: %v", f)
	}
}

// What nobody has to compute waits for nobody: names that do not exist, names
// without a password, a certificate that is pinned, and one that is foreign.
func TestStrangersCostNothing(t *testing.T) {
	own, foreign := sha256.Sum256([]byte("own")), sha256.Sum256([]byte("foreign"))
	s, _ := testService(t, func(o *Options) {
		o.Directory.(fakeDirectory)["http://cert"] = mssp.AP{ID: "http://cert", CertSHA256: []string{hex.EncodeToString(own[:])}, PasswordHash: cheapHash(t, "x")}
		o.Directory.(fakeDirectory)["http://none"] = mssp.AP{ID: "http://none"}
	})
	s.auth.places.free = 0
	for i := range 400 {
		if f := s.login(t, here, mssp.APID(fmt.Sprint("http://nobody", i)), "x"); f == nil || f.Code != mssp.UnauthorizedAccess {
			t.Fatalf("a stranger: %v", f)
		}
	}
	if f := s.login(t, here, "http://none", "x"); f == nil {
		t.Error("no password opens")
	}
	ask := func(cert *[32]byte) *mssp.Fault {
		_, f := s.auth.authenticate(t.Context(), Peer{Source: here, Certificate: cert}, APInfo{ID: "http://cert", Password: "wrong"})
		return f
	}
	if f := ask(&own); f != nil {
		t.Errorf("the own certificate beside a wrong password: %v", f)
	}
	if f := ask(&foreign); f == nil || f.Code != mssp.UnauthorizedAccess {
		t.Errorf("a foreign certificate: %v", f)
	}
}

// Places go round: by name, in a name by network, clean ones before bad ones, in a
// network the newest first.
// Who gives up has no turn.
func TestPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := places{free: 1}
		var order []string
		a, b := network(here), network(there)
		if err := p.take(t.Context(), "x", a, true); err != nil {
			t.Fatal(err)
		}
		gone, leave := context.WithCancel(t.Context())
		bad := netip.MustParsePrefix("198.51.100.1/32")
		wait := func(ctx context.Context, who string, id mssp.APID, from netip.Prefix) {
			go func() {
				if err := p.take(ctx, id, from, from != bad); err != nil {
					order = append(order, who+" gave up")
					return
				}
				order = append(order, who)
			}()
			synctest.Wait()
		}
		wait(t.Context(), "bad", "x", bad)
		for i := range 3 {
			wait(t.Context(), fmt.Sprint("flood", i), "x", a)
		}
		wait(gone, "gone", "y", b)
		wait(t.Context(), "elsewhere", "x", b)
		wait(t.Context(), "other", "z", a)
		leave()
		synctest.Wait()
		for range 7 {
			p.release()
			synctest.Wait()
		}
		want := []string{"gone gave up", "flood2", "other", "elsewhere", "bad", "flood1", "flood0"}
		if !slices.Equal(order, want) || p.free != 1 || len(p.names) != 0 {
			t.Errorf("%v, want %v; %d free, %d wait", order, want, p.free, len(p.names))
		}
	})
}

// From where a wrong password has come the next one waits behind those of others.
func TestBadNetworkWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := testService(t)
		s.auth.places.free = 1
		s.login(t, here, "http://bank", "wrong")
		s.auth.places.free = 0
		for from, password := range map[netip.Addr]string{here: "wrong again", there: "geheim"} {
			go s.login(t, from, "http://bank", password)
			synctest.Wait()
		}
		if first := s.auth.places.names[0].from[0].net; first != network(there) {
			t.Errorf("the first turn is for %s", first)
		}
		s.auth.places.release() // each gives the place on
	})
}

// Whatever fails is answered on the same grid; what is right is answered at once.
func TestFailureTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, hash, err := NewPassword()
		if err != nil {
			t.Fatal(err)
		}
		s, _ := testService(t, func(o *Options) {
			o.FailureTime = 0
			o.Directory.(fakeDirectory)["http://made"] = mssp.AP{ID: "http://made", PasswordHash: hash}
		})
		for id, want := range map[mssp.APID]time.Duration{"http://nobody": failureTime, "http://shop": failureTime, "http://made": failureTime, "http://bank": 0} {
			began := time.Now()
			s.login(t, here, id, "geheim")
			if took := time.Since(began); took != want {
				t.Errorf("%s: %s, want %s", id, took, want)
			}
		}
		for i := range failureBurst { // and who is not even looked at any more
			s.login(t, here, "http://shop", fmt.Sprint("guess", i))
		}
		began := time.Now()
		if f := s.login(t, here, "http://shop", "secret"); f == nil || time.Since(began) != failureTime {
			t.Errorf("too many: %v after %s", f, time.Since(began))
		}
		began = time.Now()
		s.auth.pause(t.Context(), began.Add(-failureTime-time.Millisecond))
		if took := time.Since(began); took != failureTime-time.Millisecond {
			t.Errorf("what took longer than the grid waits %s for its next point", took)
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		began = time.Now()
		if s.auth.pause(gone, began); time.Since(began) != 0 {
			t.Error("nobody waits for the answer, and it waits")
		}
	})
}

// Supports: I9
func TestQuiet(t *testing.T) {
	clock := now
	var log bytes.Buffer
	s, _ := testService(t, func(o *Options) { o.Clock = func() time.Time { return clock } })
	s.log = slog.New(slog.NewTextHandler(&log, nil))
	ask := func(from netip.Addr, id mssp.APID, password string) string {
		log.Reset()
		r := bankRequest("T1")
		r.AP.ID, r.AP.Password, r.Mode = id, password, "none"
		if _, f := s.Signature(t.Context(), plain(), Peer{Source: from}, r); f == nil {
			t.Fatal("taken")
		}
		return log.String()
	}
	for i := range 50 {
		if told := ask(here, mssp.APID(fmt.Sprint("http://nobody", i)), "x") != ""; told != (i < 20) {
			t.Fatalf("stranger %d: told %v", i, told)
		}
	}
	if ask(there, "http://nobody", "x") == "" || ask(here, "http://bank", "geheim") == "" {
		t.Error("strangers silence somebody else")
	}
	clock = clock.Add(6 * time.Second)
	if line := ask(here, "http://nobody", "x"); !strings.Contains(line, "unlogged=30") {
		t.Errorf("the next line: %s", line)
	}
	if line := ask(here, "http://nobody", "x"); line != "" {
		t.Errorf("one more: %s", line)
	}
	clock = clock.Add(6 * time.Second)
	if line := ask(here, "http://nobody", "x"); !strings.Contains(line, "unlogged=1\n") {
		t.Errorf("after one that was not told: %s", line)
	}
	clock = clock.Add(6 * time.Second)
	if line := ask(here, "http://nobody", "x"); line == "" || strings.Contains(line, "unlogged") {
		t.Errorf("after none: %s", line)
	}
}

func TestNetwork(t *testing.T) {
	for a, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1": "192.0.2.1/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := network(netip.MustParseAddr(a)).String(); got != want {
			t.Errorf("%s: %s, want %s", a, got, want)
		}
	}
	if network(netip.Addr{}).IsValid() {
		t.Error("no address has a network")
	}
}

// What strangers leave is bounded; what is used stays.
func TestRecent(t *testing.T) {
	r := newRecent[int, int](10)
	for i := range 5 { // half of them stay, used or not
		r.getOr(i, func() int { return i })
	}
	for i := range 5 {
		if v, ok := r.get(i); !ok || v != i || len(r.old) != 0 {
			t.Errorf("%d: %d, %v", i, v, ok)
		}
	}
	r = newRecent[int, int](10)
	r.getOr(0, func() int { return 7 })
	for i := range 1000 {
		r.getOr(i+1, func() int { return i })
		if v, ok := r.get(0); !ok || v != 7 {
			t.Fatalf("after %d: %d, %v", i, v, ok)
		}
		if n := len(r.new) + len(r.old); n > 10 {
			t.Fatalf("%d things are kept", n)
		}
	}
	if _, ok := r.get(500); ok {
		t.Error("nothing is forgotten")
	}
}

// It is told who has proved who he is, and of nobody else.
func TestProved(t *testing.T) {
	s, _ := testService(t)
	for password, want := range map[string]int{"wrong": 0, "": 0, "geheim": 1} {
		told := 0
		req := bankRequest("T1")
		req.AP.Password = password
		s.Signature(t.Context(), plain(), Peer{Proved: func() { told++ }}, req)
		if told != want {
			t.Errorf("password %q: told %d times", password, told)
		}
	}
}
