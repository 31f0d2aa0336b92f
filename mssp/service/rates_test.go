package service

import (
	"slices"
	"testing"

	"github.com/simsign/simsign/mssp"
)

// A provider takes at most half of the places that others leave, whatever it
// asks; each place that it gives back can be had again.
func TestWaitingPlaces(t *testing.T) {
	r := newRates(Options{MaxWaits: 10})
	fill := func(ap mssp.APID) (n int) {
		for r.wait(ap) == nil {
			n++
		}
		return n
	}
	var got []int
	for _, ap := range []mssp.APID{"a", "b", "c", "d", "e"} {
		got = append(got, fill(ap))
	}
	if want := []int{5, 3, 1, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("places %v, want %v", got, want)
	}
	r.done("a")
	if r.wait("a") == nil || r.wait("e") != nil {
		t.Error("the place that one gave back is not for the one who has none")
	}
	for ap, n := range map[mssp.APID]int{"a": 4, "b": 3, "c": 1, "d": 1, "e": 1} {
		for range n {
			r.done(ap)
		}
	}
	if r.free != 10 || len(r.waits) != 0 {
		t.Errorf("%d places are free, %v wait", r.free, r.waits)
	}
}
