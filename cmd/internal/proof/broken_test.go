//go:build linux

package proof

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

// brokenPlan is a short run: what a broken build loses it loses soon.
func brokenPlan(breakage string) plan {
	return plan{broken: breakage, users: 16, wild: 0.01, life: 1200 * time.Millisecond, calm: 5 * time.Second, sure: true}
}

// says reports that a broken build tells what it is.
func says(t *testing.T, breakage string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program(t, breakage), "version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "BROKEN("+breakage+")") {
		t.Errorf("simsign version: %v, %q", err, out)
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
func TestLedgerCatchesEarlyAck(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	t.Parallel()
	p := brokenPlan("ack")
	p.kills, p.wild = 1, 0
	_, v := run(t, p)
	says(t, p.broken)
	noticed(t, v, "unstored MO")
}

// A build that never syncs loses in a power cut what it has accepted and
// acknowledged, and the ledgers show it.
func TestLedgerCatchesMissingSync(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	t.Parallel()
	peer(t, "strace")
	p := brokenPlan("fsync")
	p.powerCuts = 3
	_, v := run(t, p)
	says(t, p.broken)
	noticed(t, v, "lost", "unstored MO", "unstored MT")
}
