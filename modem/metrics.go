package modem

import "errors"

// Metrics is told what happens, for whoever counts. Its methods may be called
// at any time, by several goroutines, and must not block. All words come from
// the few that stand here, so that they can be labels. What can be looked up
// at any time is in Status.
type Metrics interface {
	Submission(result string)   // accepted, refused, busy, unknown
	SendError(c Class)          // of the network, or of the modem while sending
	Received(result string)     // stored, again, kept, stuck
	StatusReport(result string) // stored, unmatched, not final, again
	SessionEnd(reason string)   // against our will: one of EndReasons
	Reset(kind string)          // soft, hard
	Noise(n int)                // octets and lines that mean nothing
	IndicationsLost()           // the modem had forgotten how to announce messages
	PortStranded()              // a driver did not give its port back
}

// noMetrics is Metrics that nobody reads.
type noMetrics struct{}

func (noMetrics) Submission(string)   {}
func (noMetrics) SendError(Class)     {}
func (noMetrics) Received(string)     {}
func (noMetrics) StatusReport(string) {}
func (noMetrics) SessionEnd(string)   {}
func (noMetrics) Reset(string)        {}
func (noMetrics) Noise(int)           {}
func (noMetrics) IndicationsLost()    {}
func (noMetrics) PortStranded()       {}

// reasons of a session's end, in the order in which they are tried.
var reasons = []struct {
	err  error
	name string
}{
	{ErrPIN, "pin"},
	{ErrHeld, "held"},
	{ErrSilent, "silent"},
	{ErrDesync, "desync"},
	{ErrNoise, "noise"},
	{ErrReboot, "reboot"},
	{ErrRefuses, "refuses"},
	{errReset, "reset"},
	{errPort, "port"},
}

// EndReasons are the words of Metrics.SessionEnd.
func EndReasons() []string {
	out := []string{"other"}
	for _, r := range reasons {
		out = append(out, r.name)
	}
	return out
}

func endReason(err error) string {
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			return r.name
		}
	}
	return "other"
}
