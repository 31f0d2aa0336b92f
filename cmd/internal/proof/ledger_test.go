//go:build linux

package proof

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// plan is what a run does to the program.
type plan struct {
	tags  string // build tags of the program
	users int
	wild  float64 // how likely a PDU meets a fault
	kills int     // kill -9 at random moments
	// Under strace: kills while fdatasync takes its time, power cuts (see disk),
	// and lives that end because fdatasync fails.
	slowKills, powerCuts, syncErrors int

	life time.Duration // the longest life before a kill
	calm time.Duration // for what is under way at the end; what takes longer is lost
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
	s.sluggish = p.tags != ""
	bin := program(t, p.tags)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()

	c := s.serve(t, bin)
	if !s.up(ctx, c) {
		t.Fatalf("the service does not start: %v\n%s", c.err, s.tail(t, 5))
	}
	s.register(t)
	c.stop(t)
	s.watch(t)

	s.proxy.setWild(p.wild)
	l := s.startLoad(ctx)
	lives := slices.Concat(
		slices.Repeat([]string{"kill"}, p.kills), slices.Repeat([]string{"slow"}, p.slowKills),
		slices.Repeat([]string{"power"}, p.powerCuts), slices.Repeat([]string{"EIO"}, p.syncErrors))
	rnd.Shuffle(len(lives), func(i, j int) { lives[i], lives[j] = lives[j], lives[i] })
	fired := 0
	for _, how := range lives {
		if s.live(ctx, t, bin, how, rnd, p.life) {
			fired++
		}
	}
	// A calm end: what was accepted must come to its end now.
	s.proxy.setWild(0)
	c = s.serve(t, bin)
	calm, done := context.WithTimeout(ctx, p.calm)
	defer done()
	requests := l.drainWithin(calm)
	l.again(ctx)
	c.stop(t)
	v := s.compare(t, requests)
	t.Logf("%d lives ended by kill -9 (%d of them with a slow disk), %d by a power cut, %d by a failing fsync; faults on the link: %v",
		p.kills+p.slowKills, p.slowKills, p.powerCuts, fired, s.proxy.count)
	t.Logf("%d requests accepted, %d signed; the centre accepted %d messages and %d duplicates; %d messages from cards acknowledged",
		v.requests, v.signed, v.submits, v.duplicates, v.acks)
	return s, v
}

// live is one life of the program, to its violent end. It reports whether
// that was a failing fdatasync which the program noticed.
func (s *site) live(ctx context.Context, t *testing.T, bin, how string, rnd *rand.Rand, life time.Duration) bool {
	t.Helper()
	var strace []string
	var d *disk
	switch how {
	case "power":
		strace, d = s.traceDisk(), s.disk(t)
	case "slow":
		shift := rnd.IntN(6)
		if s.sluggish {
			shift = 6
		}
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
		if c.ended(4 * time.Second) {
			if e, ok := c.err.(*exec.ExitError); !ok || e.ExitCode() <= 0 {
				t.Errorf("after a failed fsync the service ended with %v, want an exit code\n%s\nwhat strace saw (a signal has its sender's si_pid; this test has %d):\n%s",
					c.err, s.tail(t, 8), os.Getpid(), s.lastSyncs())
			}
			return true
		}
		c.kill() // it never came to that call
		return false
	}
	age := life/5 + time.Duration(rnd.Int64N(int64(life)*4/5))
	wait(ctx, age/2)
	if rnd.IntN(3) == 0 {
		s.proxy.cut()
	}
	wait(ctx, age/2)
	c.kill()
	if d != nil {
		s.cutPower(t, d)
	}
	return false
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
// Covers: I1, I2, I3, I5, I7, F1, F4, F5, F9, F10, A
func TestLedger(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	p := plan{users: 32, wild: 0.03, kills: 16, slowKills: 4, powerCuts: 3, syncErrors: 4, life: 1200 * time.Millisecond, calm: time.Minute}
	if _, err := exec.LookPath("strace"); err != nil {
		if os.Getenv("SIMSIGN_REQUIRE_PEERS") == "1" {
			t.Fatal("strace is not installed")
		}
		t.Log("strace is not installed: no slow disk and no failing fdatasync")
		p.kills, p.slowKills, p.powerCuts, p.syncErrors = 21, 0, 0, 0
	}
	s, v := run(t, p)
	v.report(t, s)
	// Whether a lost response makes a duplicate is up to who is faster, the
	// card's answer or the second copy: another seed may tell.
	for tries := 1; v.duplicates == 0 && tries < 4; tries++ {
		s, v = run(t, p)
		v.report(t, s)
	}
	if v.signed < 100 || v.acks < 100 || v.submits < 100 {
		t.Error("hardly any load")
	}
	if n := s.proxy.count["cut after"] + s.proxy.count["swallow"]; n < 3 {
		t.Errorf("only %d responses were lost: the run has not tried what it is for", n)
	}
	if v.duplicates == 0 {
		if p.syncErrors > 0 {
			t.Error("no message was accepted twice: the run has not tried what it is for")
		} else {
			t.Log("no message was accepted twice: without strace the disk is never slow, and this was not tried")
		}
	}
	for _, line := range strings.Split(s.logText(t), "\n") {
		if strings.Contains(line, "panic:") || strings.Contains(line, "DATA RACE") {
			t.Error(line)
		}
	}
}
