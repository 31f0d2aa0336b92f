package handset

import (
	"sync"
	"time"
)

// SegmentAction is what a SegmentFault does to a message on its way from the phone.
// The card is told that a dropped, delayed or reordered one was sent.
type SegmentAction int

// Actions on segments.
const (
	Pass SegmentAction = iota
	Drop
	Duplicate
	Delay
	Reorder // goes after the next one, or after 2 s
)

// ResultFault makes the phone answer a proactive command without doing it.
type ResultFault struct {
	Command CommandType // 0 is any but SET UP MENU
	Nth     int         // 1 is the next one of that type; 0 is every one
	Result  Result
	Info    []byte // additional information, one octet for 20, 21 and 35
}

// SegmentFault hits a message that the card sends.
type SegmentFault struct {
	Nth    int // 1 is the next one; 0 is every one
	Action SegmentAction
	Delay  time.Duration
}

// faults are the knobs; they may be turned at any time.
type faults struct {
	mu       sync.Mutex
	results  []ResultFault
	counts   []int
	segments []SegmentFault
	sent     int
}

// SetResults replaces the faults of proactive commands; none clears them.
func (h *Handset) SetResults(f ...ResultFault) {
	h.faults.mu.Lock()
	defer h.faults.mu.Unlock()
	h.faults.results = append([]ResultFault(nil), f...)
	h.faults.counts = make([]int, len(f))
}

// SetSegments replaces the faults of outgoing messages and counts anew; none
// clears them.
func (h *Handset) SetSegments(f ...SegmentFault) {
	h.faults.mu.Lock()
	defer h.faults.mu.Unlock()
	h.faults.segments, h.faults.sent = append([]SegmentFault(nil), f...), 0
}

// result finds the fault of a command that begins. A fault for one command is
// used up by it.
func (f *faults) result(t CommandType) (ResultFault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, r := range f.results {
		if r.Command != t && (r.Command != 0 || t == SetUpMenu) {
			continue
		}
		f.counts[i]++
		if r.Nth == 0 || r.Nth == f.counts[i] {
			return r, true
		}
	}
	return ResultFault{}, false
}

func (f *faults) segment() SegmentFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.segments) == 0 {
		return SegmentFault{}
	}
	f.sent++
	for _, s := range f.segments {
		if s.Nth == 0 || s.Nth == f.sent {
			return s
		}
	}
	return SegmentFault{}
}
