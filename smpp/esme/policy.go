package esme

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/simsign/simsign/smpp"
)

// Verdict is what becomes of a segment that the centre did not take.
type Verdict byte

// Verdicts.
const (
	Refuse Verdict = iota // give up: no centre will take it (bearer.ErrRefused)
	Busy                  // not here, not now: another centre, or later (bearer.ErrBusy)
	Head                  // again, before all others
	Tail                  // again, behind all others
)

var verdictWords = []string{"refuse", "busy", "head", "tail"}

// String is the word of ParsePolicy.
func (v Verdict) String() string { return verdictWords[v] }

// Action is the answer to one command_status (SMPP 3.4 5.1.3).
type Action struct {
	Do    Verdict
	Delay time.Duration // before this segment goes out again
	Pause time.Duration // in which no segment goes out to this centre
	Tries int           // with Head and Tail: how often it goes out in all, then Busy
	Slow  bool          // halve the rate
	Leave bool          // this bind is of no use: unbind it and bind anew
}

// Policy is a table of actions by command_status; a status that is not in it
// means Refuse.
type Policy map[smpp.Status]Action

// DefaultPolicy is what operators ask for (the statuses are those of SMPP 3.4
// table 5-2): throttling stops everybody for a
// moment and the segment stays the first; a full queue concerns one phone, so
// the others go on; a fault of the system is another centre's turn after a
// few tries; everything else is a fault of the message and final.
func DefaultPolicy() Policy {
	return Policy{
		smpp.RThrottled:       {Do: Head, Pause: time.Second, Tries: 5, Slow: true},
		smpp.RMsgQFul:         {Do: Tail, Delay: 2 * time.Second, Tries: 4},
		smpp.RSysErr:          {Do: Tail, Delay: time.Second, Tries: 3},
		smpp.RxTAppn:          {Do: Tail, Delay: time.Second, Tries: 3},
		smpp.RUnknownErr:      {Do: Tail, Delay: time.Second, Tries: 3},
		smpp.RDeliveryFailure: {Do: Tail, Delay: time.Second, Tries: 3},
		smpp.RSubmitFail:      {Do: Tail, Delay: time.Second, Tries: 2},
		smpp.RInvBndSts:       {Do: Head, Tries: 3, Leave: true},
	}
}

// Longest is how long a segment that always gets this status may be kept
// before it is given back.
func (a Action) Longest() time.Duration {
	if a.Do != Head && a.Do != Tail || a.Tries < 2 {
		return 0
	}
	d := max(a.Delay, a.Pause)
	if a.Slow {
		d = max(d, time.Duration(float64(time.Second)/minRate))
	}
	return time.Duration(a.Tries-1) * d
}

// Within is the table with fewer tries where a segment would else be kept for
// d or longer: whoever waits would have given it up before.
func (p Policy) Within(d time.Duration) Policy {
	out := maps.Clone(p)
	for st, a := range out {
		for a.Longest() >= max(d, 1) {
			a.Tries--
		}
		out[st] = a
	}
	return out
}

// ParsePolicy reads lines that change the table:
//
//	ESME_RTHROTTLED head 5 pause=1s slow
//	0x0000040B busy
//
// A status by name or number, a verdict (refuse, busy, head, tail), with head
// and tail how often it goes out in all, then delay=, pause=, slow, leave.
func ParsePolicy(table Policy, lines []string) (Policy, error) {
	out := make(Policy, len(table)+len(lines))
	maps.Copy(out, table)
	for _, line := range lines {
		status, a, err := parseAction(strings.Fields(line))
		if err != nil {
			return nil, fmt.Errorf("policy %q: %w", line, err)
		}
		out[status] = a
	}
	return out, nil
}

func parseAction(words []string) (smpp.Status, Action, error) {
	a := Action{Tries: 3}
	if len(words) < 2 {
		return 0, a, fmt.Errorf("needs a status and a verdict, such as ESME_RMSGQFUL tail 4 delay=2s")
	}
	status, err := parseStatus(words[0])
	if err != nil {
		return 0, a, err
	}
	known := false
	for v, w := range verdictWords {
		if w == words[1] {
			a.Do, known = Verdict(v), true
		}
	}
	if !known {
		return 0, a, fmt.Errorf("the verdict is one of %s, is %q", strings.Join(verdictWords, ", "), words[1])
	}
	for _, w := range words[2:] {
		if err := a.option(w); err != nil {
			return 0, a, err
		}
	}
	return status, a, nil
}

func (a *Action) option(w string) error {
	key, value, _ := strings.Cut(w, "=")
	switch {
	case key == "delay", key == "pause":
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 || d > time.Hour {
			return fmt.Errorf("%s needs a time up to 1h, has %q", key, value)
		}
		if key == "delay" {
			a.Delay = d
		} else {
			a.Pause = d
		}
		return nil
	case w == "slow":
		a.Slow = true
		return nil
	case w == "leave":
		a.Leave = true
		return nil
	}
	n, err := strconv.Atoi(w)
	if err != nil || n < 1 || n > 1000 {
		return fmt.Errorf("%q is not understood: a number of tries up to 1000, delay=, pause=, slow or leave", w)
	}
	a.Tries = n
	return nil
}

func parseStatus(s string) (smpp.Status, error) {
	if st, ok := smpp.ParseStatus(s); ok && st != smpp.ROK {
		return st, nil
	}
	n, err := strconv.ParseUint(s, 0, 32)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is neither the name of a status, such as ESME_RTHROTTLED, nor its number", s)
	}
	return smpp.Status(n), nil
}
