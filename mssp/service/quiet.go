package service

import (
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/simsign/simsign/mssp"
)

// quiet bounds the lines that faults leave in the log: strangers must not fill
// the disk, nor bury what others have left there. It counts strangers by their
// network and providers by name; the metrics count every fault.
type quiet struct {
	clock func() time.Time
	lines *recent[guesser, *lines]
}

// lines are those of one provider, or of the strangers in one network.
type lines struct {
	limit   *rate.Limiter
	skipped atomic.Int64
}

func newQuiet(clock func() time.Time) *quiet {
	return &quiet{clock: clock, lines: newRecent[guesser, *lines](remembered)}
}

// mayTell reports whether a fault is logged, and how many were not since the last that was.
func (q *quiet) mayTell(id mssp.APID, from netip.Addr, f *mssp.Fault) (skipped int64, ok bool) {
	who, burst, every := guesser{id: id}, 500, 100*time.Millisecond
	if f.Code == mssp.UnauthorizedAccess || id == "" || len(id) > maxAPID {
		who, burst, every = guesser{from: network(from)}, 20, 6*time.Second
	}
	l := q.lines.getOr(who, func() *lines { return &lines{limit: rate.NewLimiter(rate.Every(every), burst)} })
	if !l.limit.AllowN(q.clock(), 1) {
		l.skipped.Add(1)
		return 0, false
	}
	return l.skipped.Swap(0), true
}
