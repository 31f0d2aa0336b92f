package service

import (
	"testing"

	"github.com/simsign/simsign/mssp"
)

// A status reply says of an open transaction what it waits for, a queued one
// that it is behind another; of one that has ended it says the end alone.
func TestProgress(t *testing.T) {
	s, e := testService(t)
	resp, f := s.Signature(t.Context(), plain(), Peer{}, bankRequest("T1"))
	if f != nil || resp.Status.Progress != mssp.ReachOff.Progress() {
		t.Fatalf("%+v, %v", resp, f)
	}
	for state, want := range map[mssp.State]mssp.Reach{mssp.Queued: mssp.ReachQueued, mssp.Sending: mssp.ReachUnsent, mssp.Prompted: mssp.ReachShown} {
		e.byID[resp.TransID].State = state
		st, f := s.StatusQuery(t.Context(), plain(), Peer{}, statusRequest(resp.TransID))
		if f != nil || st.Status.Code != mssp.OutstandingTransaction || st.Status.Progress != want.Progress() {
			t.Errorf("%s: %+v, %v", state, st, f)
		}
	}
	e.end(t, resp.TransID, mssp.Done, mssp.Signature, "", []byte("CMS"))
	if st, f := s.StatusQuery(t.Context(), plain(), Peer{}, statusRequest(resp.TransID)); f != nil || st.Status.Progress != "" {
		t.Errorf("at the end: %+v, %v", st, f)
	}
}
