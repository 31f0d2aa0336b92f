package engine

import (
	"slices"
	"sync"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// flight is the transaction that is now at a card, with what is needed to
// open and use its answer without asking the database. It is a cache: losing
// it costs a few reads, a stale one costs nothing, because Finish changes
// only a transaction that is not final yet.
type flight struct {
	tx      mssp.Transaction // as it was when sealed
	request *request
	ring    *keyring // opens its answer
	// ends is when its time is up as Options.Elapsed counts: the deadline in
	// the row is of no use once somebody has set the clock back.
	ends time.Duration

	mu       sync.Mutex
	packets  []store.Packet // newest last
	prompted bool           // 0B has come
	parts    time.Time      // since when some parts of an answer wait for the others; zero: none
	jumped   bool           // a counter that was too low has been corrected once
	doubts   int            // lines in the log about what came in the name of the user
}

// knows reports whether a packet went to this application.
func (f *flight) knows(tar ota.TAR) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.packets, func(p store.Packet) bool { return p.TAR == tar })
}

// maxDoubts is how many lines the messages that come in the name of a user, and are
// none of his card, leave in the log about one transaction.
const maxDoubts = 20

// doubt counts such a line: told is false when there are enough, last is true for
// the last of them.
func (f *flight) doubt() (told, last bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.doubts++
	return f.doubts <= maxDoubts, f.doubts == maxDoubts
}

// noteParts notes since when parts of an answer wait for the others; the zero
// time says that none does.
func (f *flight) noteParts(since time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if since.IsZero() || f.parts.IsZero() {
		f.parts = since
	}
}

// flights knows the flight of every card: at most one each (I4), so its size
// is bounded by the number of cards that have a transaction under way.
type flights struct {
	mu     sync.Mutex
	card   map[ota.ICCID]*flight
	number map[sms.MSISDN]*flight
	id     map[mssp.TransID]*flight
}

func newFlights() *flights {
	return &flights{
		card:   map[ota.ICCID]*flight{},
		number: map[sms.MSISDN]*flight{},
		id:     map[mssp.TransID]*flight{},
	}
}

func (fs *flights) put(f *flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if old := fs.card[f.tx.ICCID]; old != nil {
		fs.remove(old)
	}
	fs.card[f.tx.ICCID] = f
	fs.number[f.tx.MSISDN] = f
	fs.id[f.tx.ID] = f
}

// remove needs the lock.
func (fs *flights) remove(f *flight) {
	if fs.card[f.tx.ICCID] == f {
		delete(fs.card, f.tx.ICCID)
	}
	if fs.number[f.tx.MSISDN] == f {
		delete(fs.number, f.tx.MSISDN)
	}
	if fs.id[f.tx.ID] == f {
		delete(fs.id, f.tx.ID)
	}
}

func (fs *flights) drop(id mssp.TransID) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f := fs.id[id]; f != nil {
		fs.remove(f)
	}
}

func (fs *flights) byNumber(n sms.MSISDN) *flight {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.number[n]
}

func (fs *flights) byID(id mssp.TransID) *flight {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.id[id]
}

// overdue lists the flights whose time is up.
func (fs *flights) overdue(elapsed time.Duration) (late []*flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.id {
		if f.ends <= elapsed {
			late = append(late, f)
		}
	}
	return late
}

// partial lists the flights whose answers have been incomplete for long enough
// now, and when the next one will have been. Anybody can send a part, and each new
// attempt costs the network more messages than that: so after the second the time
// doubles with each.
func (fs *flights) partial(now time.Time, after time.Duration) (late []*flight, next time.Time) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.id {
		f.mu.Lock()
		since := f.parts
		due := since.Add(after << min(max(len(f.packets)-2, 0), 10))
		f.mu.Unlock()
		switch {
		case since.IsZero():
		case !due.After(now):
			late = append(late, f)
		case next.IsZero() || due.Before(next):
			next = due
		}
	}
	return late, next
}
