//go:build linux

package proof

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// plan is what a run does to the program.
type plan struct {
	broken string // which broken build, if any
	users  int
	wild   float64 // how likely a PDU meets a fault
	kills  int     // kill -9 at random moments
	// Under strace: kills while fdatasync takes its time, power cuts (see disk),
	// and lives that end because fdatasync fails.
	slowKills, powerCuts, syncErrors int

	life time.Duration // the longest life before a kill
	calm time.Duration // for what is under way at the end; what takes longer is lost

	// Not chance but a sure loss, where a build is broken: a kill comes when
	// answers of cards have been acknowledged while the database is busy; a power
	// cut comes when requests are under way and others of this life have been
	// signed.
	sure bool

	// What a run must have done before its calm end, all by chance: signatures,
	// messages either way, and responses of the centre that were lost; and then
	// one lost response that makes a duplicate for sure.
	least, lost int
	double      bool
}

// seedOf is the seed of a run, from SIMSIGN_SEED or the clock; it is printed.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SIMSIGN_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SIMSIGN_SEED: %v", err)
		}
	}
	t.Logf("SIMSIGN_SEED=%d", seed)
	return seed
}

// run is the whole experiment; it ends with a program that is stopped.
func run(t *testing.T, p plan) (*site, *verdict) {
	t.Helper()
	seed := seedOf(t)
	rnd := rand.New(rand.NewPCG(seed, 1))
	s := newSite(t, seed, p.users)
	bin := program(t, p.broken)
	ctx := t.Context()

	c := s.serve(t, bin)
	if !s.up(ctx, c) {
		t.Fatalf("the service does not start: %v\n%s", c.err, s.tail(t, 5))
	}
	s.register(t)
	c.stop(t)
	s.watch(t)

	s.proxy.setWild(p.wild)
	l := s.startLoad(ctx)
	r := s.startRotations(ctx)
	lives := slices.Concat(
		slices.Repeat([]string{"kill"}, p.kills), slices.Repeat([]string{"slow"}, p.slowKills),
		slices.Repeat([]string{"power"}, p.powerCuts), slices.Repeat([]string{"EIO"}, p.syncErrors))
	rnd.Shuffle(len(lives), func(i, j int) { lives[i], lives[j] = lives[j], lives[i] })
	fired := 0
	for _, how := range lives {
		if s.live(ctx, t, bin, how, rnd, &p, l) {
			fired++
		}
	}
	c = s.serve(t, bin)
	s.until(t, fmt.Sprintf("%d signatures, as many messages either way, some new keys, and %d lost responses", p.least, p.lost), func() bool {
		accepted, acked := s.ledger.counts()
		return int(r.orders.Load()) >= p.least/5 && min(accepted, acked, int(l.signed.Load())) >= p.least && s.proxy.lost() >= p.lost
	})
	// A calm end: what was accepted must come to its end now.
	s.proxy.setWild(0)
	if p.double {
		s.double(t)
	}
	requests := l.end(ctx, p.calm)
	if p.broken == "" {
		r.end(t)
	} else { // what it has lost may well be a key
		r.enough()
		r.wg.Wait()
	}
	c.stop(t)
	v := s.compare(t, requests)
	t.Logf("%d orders to replace keys; %d counters of answers used up and remembered", r.orders.Load(), v.heard)
	t.Logf("%d lives ended by kill -9 (%d of them with a slow disk), %d by a power cut, %d by a failing fsync; faults on the link: %v",
		p.kills+p.slowKills, p.slowKills, p.powerCuts, fired, s.proxy.counts())
	t.Logf("%d requests accepted, %d signed; the centre accepted %d messages and %d duplicates; %d messages from cards acknowledged",
		v.requests, v.signed, v.submits, v.duplicates, v.acks)
	return s, v
}

// double loses responses of the centre until it has taken a message twice.
// Users whose messages are hit answer only then: an answer would be faster.
func (s *site) double(t *testing.T) {
	t.Helper()
	before, seen := s.ledger.doubles(), make(chan struct{})
	release := sync.OnceFunc(func() { close(seen) })
	t.Cleanup(release) // before the handsets are stopped
	s.proxy.steal(func(submit []byte) {
		for _, u := range s.users {
			if bytes.Contains(submit, []byte(u.number)) {
				u.keepBusy(seen)
			}
		}
	})
	s.until(t, "a message that was accepted twice", func() bool { return s.ledger.doubles() > before })
	s.proxy.steal(nil)
	release()
}

// live is one life of the program, to its violent end. It reports whether
// that was a failing fdatasync which the program noticed.
func (s *site) live(ctx context.Context, t *testing.T, bin, how string, rnd *rand.Rand, p *plan, l *load) bool {
	t.Helper()
	var strace []string
	var d *disk
	switch how {
	case "power":
		strace, d = s.traceDisk(), s.disk(t)
	case "slow":
		shift := rnd.IntN(6)
		strace = []string{"-o", "/dev/null", "--seccomp-bpf", "-e", "trace=fdatasync,fsync", "-e", fmt.Sprintf("inject=fdatasync,fsync:delay_enter=%d", 5000<<shift)}
	case "EIO":
		strace = []string{"-o", s.path("strace-eio"), "--seccomp-bpf", "-e", "signal=TERM,INT", "-e", "trace=fdatasync,fsync", "-e", fmt.Sprintf("inject=fdatasync,fsync:error=EIO:when=%d+", 3+rnd.IntN(25))}
	}
	c := s.serve(t, bin, strace...)
	if !s.up(ctx, c) && how != "EIO" {
		t.Errorf("the service does not start: %v\n%s", c.err, s.tail(t, 5))
		return false
	}
	if how == "EIO" {
		if !c.ended(20*time.Second) && !strings.Contains(s.lastSyncs(), "INJECTED") {
			c.kill() // it never came to that call
			return false
		}
		if !c.ended(patience) {
			t.Errorf("after a failed fsync the service goes on\n%s\n%s", s.tail(t, 8), s.lastSyncs())
			c.kill()
			return false
		}
		if e, ok := c.err.(*exec.ExitError); !ok || e.ExitCode() <= 0 {
			t.Errorf("after a failed fsync the service ended with %v, want an exit code\n%s\nwhat strace saw (a signal has its sender's si_pid; this test has %d):\n%s",
				c.err, s.tail(t, 8), os.Getpid(), s.lastSyncs())
		}
		return true
	}
	switch {
	case p.sure && how == "kill":
		defer s.acknowledged(t, l)()
	case p.sure && how == "power":
		defer s.underWay(t, l)()
	default:
		age := p.life/5 + time.Duration(rnd.Int64N(int64(p.life)*4/5))
		wait(ctx, age/2)
		if rnd.IntN(3) == 0 {
			s.proxy.cut()
		}
		wait(ctx, age/2)
	}
	c.kill()
	if d != nil {
		s.cutPower(t, d)
	}
	return false
}

// acknowledged is the moment when cards' answers have been acknowledged and
// the database, which somebody else keeps busy until release, cannot have them.
func (s *site) acknowledged(t *testing.T, l *load) (release func()) {
	t.Helper()
	const some = 5
	first, busy := s.users[0], make(chan struct{})
	answer := sync.OnceFunc(func() { close(busy) })
	t.Cleanup(answer) // before the handsets are stopped
	for _, u := range s.users[1:] {
		u.keepBusy(busy)
	}
	s.until(t, "requests under way", func() bool { return l.took.Load()-l.ended.Load() > some })
	// The first user goes on; its commits take along what is known of the others.
	seen := first.asked()
	s.until(t, "signatures of one user", func() bool { return first.asked() >= seen+3 })
	db := s.open(t)
	db.SetMaxOpenConns(1)
	for _, q := range []string{fmt.Sprintf("PRAGMA busy_timeout=%d", patience.Milliseconds()), "BEGIN IMMEDIATE"} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	_, acked := s.ledger.counts()
	answer()
	s.until(t, "acknowledged answers", func() bool { _, now := s.ledger.counts(); return now >= acked+some })
	return func() { db.Close() } // nothing was written
}

// underWay waits until cards have got messages and answered in this life, and
// then until the service has accepted requests that no user answers before
// release.
func (s *site) underWay(t *testing.T, l *load) (release func()) {
	t.Helper()
	const some = 3
	accepted, acked := s.ledger.counts()
	s.until(t, "answers of cards", func() bool {
		now, nowAcked := s.ledger.counts()
		return now >= accepted+some && nowAcked >= acked+some
	})
	busy := make(chan struct{})
	release = sync.OnceFunc(func() { close(busy) })
	t.Cleanup(release) // before the handsets are stopped
	for _, u := range s.users {
		u.keepBusy(busy)
	}
	s.until(t, "requests under way", func() bool { return l.took.Load()-l.ended.Load() >= some })
	return release
}

// lastSyncs is what strace saw at the end of a life with a failing fsync: the
// calls, and whether somebody told the service to stop.
func (s *site) lastSyncs() string {
	b, err := os.ReadFile(s.path("strace-eio"))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// report fails the test with every violation.
func (v *verdict) report(t *testing.T, s *site) {
	t.Helper()
	for i, x := range v.violations {
		if i == 20 {
			t.Errorf("... and %d more", len(v.violations)-i)
			break
		}
		t.Error(x)
	}
	if len(v.violations) > 0 {
		t.Logf("end of the log:\n%s", s.tail(t, 20))
	}
}

// Whatever happens to the program, its disk and its links: what it accepted
// comes to one end, with the right signature; every message that the centre
// got twice was ambiguous first; every answer of a card that it acknowledged
// is stored; no counter is used twice; nobody is asked twice.
//
// Covers: I1, I2, I3, I5, I7, F1, F2, F4, F5, F9, F10, A, C via simsign serve
func TestLedger(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	t.Parallel()
	p := plan{
		users: 32, wild: 0.03, kills: 16, slowKills: 4, powerCuts: 3, syncErrors: 4, life: 1200 * time.Millisecond, calm: patience,
		least: 100, lost: 3, double: true,
	}
	if _, err := exec.LookPath("strace"); err != nil {
		if os.Getenv("SIMSIGN_REQUIRE_PEERS") == "1" {
			t.Fatal("strace is not installed")
		}
		t.Log("strace is not installed: no slow disk and no failing fdatasync")
		p.kills, p.slowKills, p.powerCuts, p.syncErrors = 21, 0, 0, 0
	}
	s, v := run(t, p)
	v.report(t, s)
	if v.signed < p.least || v.acks < p.least || v.submits < p.least {
		t.Error("hardly any load")
	}
	if v.duplicates == 0 {
		t.Error("no message was accepted twice: the run has not tried what it is for")
	}
	for _, line := range strings.Split(s.logText(t), "\n") {
		if strings.Contains(line, "panic:") || strings.Contains(line, "DATA RACE") {
			t.Error(line)
		}
	}
}
