//go:build linux

package proof

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

// brokenPlan is a short run: what a broken build loses it loses soon.
func brokenPlan(tags string) plan {
	return plan{tags: tags, users: 16, wild: 0.01, life: 1200 * time.Millisecond, calm: 5 * time.Second, sure: true}
}

// says reports that a broken build tells what it is.
func says(t *testing.T, tags string, s *site) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program(t, tags), "version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "BROKEN("+tags+")") {
		t.Errorf("simsign version: %v, %q", err, out)
	}
	if !strings.Contains(s.logText(t), "loses messages on purpose") {
		t.Error("simsign serve does not say what it is")
	}
}

// noticed fails unless the comparison of the ledgers has found each kind.
func noticed(t *testing.T, v *verdict, kinds ...string) {
	t.Helper()
	t.Logf("%d violations, among them:", len(v.violations))
	for _, kind := range kinds {
		if !v.has(kind) {
			t.Errorf("the broken build was not caught: no %q in %d violations", kind, len(v.violations))
		}
		for _, x := range v.violations {
			if strings.HasPrefix(x, kind) {
				t.Log(x)
				break
			}
		}
	}
}

// A build that acknowledges a message from a phone before its commit loses it
// when it is killed while the database is busy, and the ledgers show it.
//
// Covers: F1, F5, A
func TestLedgerCatchesEarlyAck(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	t.Parallel()
	p := brokenPlan("broken_ack")
	p.kills, p.wild = 1, 0
	s, v := run(t, p)
	says(t, p.tags, s)
	noticed(t, v, "unstored MO")
}

// A build that never syncs loses in a power cut what it has accepted and
// acknowledged, and the ledgers show it.
//
// Covers: F2
func TestLedgerCatchesMissingSync(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	t.Parallel()
	peer(t, "strace")
	p := brokenPlan("broken_fsync")
	p.powerCuts = 3
	s, v := run(t, p)
	says(t, p.tags, s)
	noticed(t, v, "lost", "unstored MO", "unstored MT")
}
