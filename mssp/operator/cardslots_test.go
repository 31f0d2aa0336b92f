package operator

import (
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
)

// A slot is emptied that holds nothing in force; otherwise it is said what is in it.
//
// Supports: 4-10
func TestKept(t *testing.T) {
	now := time.Now()
	if why := kept(nil, now); why != "" {
		t.Error(why)
	}
	for state, want := range map[mssp.KeyState]string{
		mssp.KeyAborted: "", mssp.KeyRevoked: "",
		mssp.KeyGenerated: "waits for its registration", mssp.KeyRegistering: "waits for", mssp.KeyRequested: "waits for",
		mssp.KeyRegistered: "in force (registered, certificate 4711,", mssp.KeySuspended: "in force (suspended,", mssp.KeyRevoking: "has not confirmed",
	} {
		k := mssp.KeyPair{Slot: 2, Usage: mssp.NonRepudiation, State: state, Serial: "4711"}
		why := kept(&k, now)
		if (why == "") != (want == "") || !strings.Contains(why, want) || why != "" && !strings.HasPrefix(why, "slot 2 holds a key for non-repudiation ") {
			t.Errorf("%s: %q, want %q", state, why, want)
		}
		if got := pairIn([]mssp.KeyPair{{Slot: 1}, k}, 2); got == nil || got.State != state {
			t.Errorf("%s: %v", state, got)
		}
	}
	if k := pairIn([]mssp.KeyPair{{Slot: 2, State: mssp.KeyDeleted}}, 2); k != nil {
		t.Error("a deleted pair is one")
	}
}
