package modem

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

// tally counts.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (y *tally) add(what string, n int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.counts[what] += n
}

func (y *tally) Submission(result string)   { y.add("submission "+result, 1) }
func (y *tally) SendError(c Class)          { y.add("error "+c.String(), 1) }
func (y *tally) Received(result string)     { y.add("received "+result, 1) }
func (y *tally) StatusReport(result string) { y.add("report "+result, 1) }
func (y *tally) SessionEnd(reason string)   { y.add("end "+reason, 1) }
func (y *tally) Reset(kind string)          { y.add("reset "+kind, 1) }
func (y *tally) Noise(n int)                { y.add("noise", n) }
func (y *tally) IndicationsLost()           { y.add("indications", 1) }
func (y *tally) PortStranded()              { y.add("stranded", 1) }

// words are all that may be counted: the labels of a metric are bounded.
func words() []string {
	out := []string{
		"submission accepted", "submission refused", "submission busy", "submission unknown",
		"received stored", "received again", "received kept", "received stuck",
		"report stored", "report unmatched", "report not final", "report again",
		"reset soft", "reset hard", "noise", "indications", "stranded",
	}
	for c := Unclear; c <= Ours; c++ {
		out = append(out, "error "+c.String())
	}
	for _, r := range EndReasons() {
		out = append(out, "end "+r)
	}
	return out
}

// check finds words that are none of Metrics.
func (y *tally) check(t *testing.T) {
	t.Helper()
	y.mu.Lock()
	defer y.mu.Unlock()
	for what := range y.counts {
		if !slices.Contains(words(), what) {
			t.Errorf("%q is counted", what)
		}
	}
}

func (y *tally) want(t *testing.T, want map[string]int) {
	t.Helper()
	y.mu.Lock()
	defer y.mu.Unlock()
	for what, n := range want {
		if y.counts[what] != n {
			t.Errorf("%s: %d, want %d", what, y.counts[what], n)
		}
	}
}

// What happens is counted, once.
func TestMetrics(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		l.want(1, nil)
		l.f.network = func(string) string { return "\r\n+CMS ERROR: 1\r\n" }
		if _, err := l.send(2, time.Minute); err == nil {
			t.Error("a refused segment was taken")
		}
		l.f.put("SM", 1, deliver(t, answer(1)))
		l.f.say("\r\n+CMTI: \"SM\",1\r\n")
		l.in.fail(errors.New("disk full"))
		l.f.put("SM", 2, deliver(t, answer(2)))
		l.f.say("\r\n+CMTI: \"SM\",2\r\n")
		l.in.fail(nil)
		l.f.say("\r\nRDY\r\n")
		l.sleep(time.Minute)
		l.n.want(t, map[string]int{
			"submission accepted": 1, "submission refused": 1, "error permanent": 1,
			"received stored": 2, "received again": 1, "end reboot": 1, "stranded": 0,
		})
	})
}
