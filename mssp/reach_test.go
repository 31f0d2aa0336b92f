package mssp

import (
	"strings"
	"testing"
)

// Every open state says how far it has come, a receipt makes a difference where
// the card has not spoken, and every reach has words of its own.
func TestReachOf(t *testing.T) {
	for s, want := range map[State][3]Reach{ // not asked, without a receipt, with one
		New:      {ReachQueued, ReachQueued, ReachQueued},
		Queued:   {ReachQueued, ReachQueued, ReachQueued},
		Sending:  {ReachUnsent, ReachUnsent, ReachDelivered},
		Waiting:  {ReachSent, ReachOff, ReachDelivered},
		Prompted: {ReachShown, ReachShown, ReachShown},
	} {
		if got := [3]Reach{ReachOf(s, false, false), ReachOf(s, true, false), ReachOf(s, true, true)}; got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
	said := map[string]Reach{}
	for _, r := range []Reach{ReachQueued, ReachUnsent, ReachSent, ReachOff, ReachDelivered, ReachShown} {
		for _, text := range []string{r.Progress(), r.Ended()} {
			if other, twice := said[text]; twice || text == Reach("").Progress() || text == Reach("").Ended() {
				t.Errorf("%s and %s say %q", r, other, text)
			}
			said[text] = r
		}
	}
	for _, r := range []Reach{ReachSent, ReachOff, ReachDelivered, ReachShown} {
		if !strings.HasPrefix(r.Ended(), string(r)+": ") {
			t.Errorf("%s ends with %q", r, r.Ended())
		}
	}
}
