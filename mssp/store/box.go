package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/simsign/simsign/mssp/audit"
)

// Box is a process that works on the database, and holds some of its rows.
type Box struct {
	Name  string
	Start int64 // rises with every start of any box, the fencing token: what it holds bears it
	Host  string
	PID   int

	StartedAt time.Time // in the time of the database, like SeenAt
	SeenAt    time.Time

	session int64 // the backend of PostgreSQL that has its locks
}

func (b Box) String() string {
	return fmt.Sprintf("box %s (pid %d on %s, since %s)", b.Name, b.PID, b.Host, b.StartedAt.UTC().Format(time.RFC3339))
}

// isNoMore reports whether it is certain that the process has ended: it was one
// of this machine. (A container has a host name and numbers of its own.)
func (b Box) isNoMore() bool {
	host, err := os.Hostname()
	return err == nil && host == b.Host && b.PID != os.Getpid() && errors.Is(syscall.Kill(b.PID, 0), syscall.ESRCH)
}

// Boxes are the processes on the database, and this one among them.
//
// A box that starts draws a start number and writes its row. The number is in
// everything that it holds: the card that it serves (and so the timers of that
// card's transactions), the segment that it sends. Every statement that takes
// or moves such a row asks whether the box's row is still there (sqlFence), in
// the same statement that locks. Whoever finds a box dead deletes its row
// first: from then on the dead one, should it only have slept, changes nothing
// more (ErrFenced, and its store stops), and what it held can be taken.
//
// That a box lives is shown by something that ends with its process: the lock
// of the file on SQLite, where nobody else can be there at all, and on
// PostgreSQL locks of a session. So a box that was killed finds its own
// earlier start dead at once. The lease is for a machine that vanished without
// a word, whose session the server keeps for a while: the box has sent no sign
// of life for so long, on the database's clock.
type Boxes struct {
	*db
	me     Box // Start is 0 for who holds nothing: a reader, a visitor
	lease  time.Duration
	now    func() time.Time   // instead of the database's clock
	owed   []Box              // dead, and their work not taken over yet
	cancel context.CancelFunc // ends the signs of life
	ended  chan struct{}
}

// pulses are the signs of life in a lease: some may be late.
const pulses = 5

// life is how the engines show and find out that a box lives.
type life interface {
	// enter takes what shows that a box lives, or says who is there (ErrLocked).
	enter(ctx context.Context, b *Boxes) error
	// keep gives a sign of life and makes sure that all is still so; again says that it
	// was not, and is now.
	keep(ctx context.Context, b *Boxes) (again bool, err error)
	adrift() bool // was lost, and is not there again
	// gone tells, in a job, whether the process of another box has ended.
	gone(q querier, other *Box) (bool, error)
	// leave lets go.
	leave()
	shared() bool     // other boxes can be there
	clockSQL() string // reads the database's clock
}

const (
	// sqlFence ends a statement of a holder, its last argument: nothing happens
	// without the box's row. On PostgreSQL the row is locked too, so that nobody
	// declares the box dead between this statement and its commit; comments
	// are not for SQLite, which has one writer (see pgText).
	sqlFence = `EXISTS (SELECT 1 FROM box WHERE start = `
	sqlKept  = ` /*FOR KEY SHARE*/)`

	sqlNextStart = `INSERT INTO sequence (name, value) VALUES ('start', 1)
	ON CONFLICT (name) DO UPDATE SET value = sequence.value + 1 RETURNING value`

	sqlEnterBox = `INSERT INTO box (name, start, host, pid, session, started_at, seen_at) VALUES ($1, $2, $3, $4, $5, $6, $6)
	ON CONFLICT (name) DO UPDATE SET start = excluded.start, host = excluded.host, pid = excluded.pid,
	session = excluded.session, started_at = excluded.started_at, seen_at = excluded.seen_at`

	boxCols = `name, start, host, pid, started_at, seen_at, session`

	sqlBoxes = `SELECT ` + boxCols + ` FROM box ORDER BY start`

	sqlPulse = `UPDATE box SET seen_at = $2, session = $3 WHERE start = $1`

	sqlBury = `DELETE FROM box WHERE start = $1`
)

func scanBox(r *row) (Box, error) {
	b := Box{Name: r.text(), Start: r.int(), Host: r.text(), PID: int(r.int()), StartedAt: r.time(), SeenAt: r.time(), session: r.int()}
	return b, r.err()
}

// Crew are the boxes that are not known to be dead, in the order of their starts.
func (b *Boxes) Crew(ctx context.Context) ([]Box, error) {
	return readAll(ctx, b.db, scanBox, sqlBoxes)
}

// localBox is this process; it is no box before join.
func localBox(o *Options, now time.Time) Box {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return Box{Name: cmp.Or(o.Box, host), Host: host, PID: os.Getpid(), StartedAt: now}
}

// join makes this process a box.
func (b *Boxes) join(ctx context.Context) error {
	if err := b.b.enter(ctx, b); err != nil {
		return err
	}
	me := b.me
	err := b.do(ctx, func(q querier) error {
		now, err := b.time(q)
		if err != nil {
			return err
		}
		r, err := q.one(sqlNextStart)
		if err != nil {
			return err
		}
		me.Start, me.StartedAt, me.SeenAt = r.int(), now, now
		if err := r.err(); err != nil {
			return err
		}
		_, err = q.exec(sqlEnterBox, me.Name, me.Start, me.Host, me.PID, me.session, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("store: enter as box %s: %w", me.Name, err)
	}
	b.me = me
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	b.cancel, b.ended = cancel, make(chan struct{})
	if b.b.shared() {
		go b.pulse(life)
	} else {
		close(b.ended)
	}
	return nil
}

// leave ends the signs of life.
func (b *Boxes) leave() {
	if b.me.Start != 0 {
		b.cancel()
		<-b.ended
	}
}

// farewell is the last job of a box: what it holds is free from here on. When
// it does not come to it, whoever starts next finds the box dead.
func (b *Boxes) farewell(q querier) error {
	if b.me.Start == 0 {
		return nil
	}
	_, err := q.exec(sqlBury, b.me.Start)
	return err
}

// nothing is the last job of who is no box.
func nothing(querier) error { return nil }

// pulse gives signs of life until the box leaves.
func (b *Boxes) pulse(life context.Context) {
	defer close(b.ended)
	t := time.NewTicker(max(b.lease/pulses, time.Millisecond))
	defer t.Stop()
	for {
		select {
		case <-life.Done():
			return
		case <-b.b.stopped():
			return
		case <-t.C:
			ctx, cancel := context.WithTimeout(life, min(b.lease, jobTimeout))
			if err := b.beat(ctx); err != nil && life.Err() == nil {
				b.o.Logger.Error("no sign of life to the database", "box", b.me.Name, "error", err)
			}
			cancel()
		}
	}
}

// beat gives one sign of life. A box whose row is gone was declared dead: its
// store stops.
func (b *Boxes) beat(ctx context.Context) error {
	again, err := b.b.keep(ctx, b)
	if err != nil {
		return err
	}
	if again {
		b.o.Logger.Warn("the session that shows that this box lives was lost, and is there again", "box", b.me.Name)
	}
	return nil
}

// time is the present time of the database, or of who stands for its clock.
func (b *Boxes) time(q querier) (time.Time, error) {
	if b.now != nil {
		return b.now(), nil
	}
	r, err := q.one(b.b.clockSQL())
	if err != nil {
		return time.Time{}, err
	}
	return r.time(), r.err()
}

// fenced is why a statement of a holder has changed nothing: ErrFenced when it
// is the fence, else the reason that is given.
func (b *Boxes) fenced(q querier, reason error) error {
	_, err := q.one(`SELECT start FROM box WHERE start = $1`, b.me.Start)
	switch {
	case errors.Is(err, ErrNotFound) && b.me.Start == 0:
		return errVisitor
	case errors.Is(err, ErrNotFound):
		return fmt.Errorf("store: %s: %w", b.me, ErrFenced)
	case err != nil:
		return err
	}
	return reason
}

// hold runs a job of a holder. A box that has lost its session gets it back
// first, or writes nothing; one that was declared dead stops.
func (s *db) hold(ctx context.Context, f func(querier) error) error {
	if s.b.adrift() {
		if err := s.boxes.beat(ctx); err != nil {
			return err
		}
	}
	err := s.do(ctx, f)
	if errors.Is(err, ErrFenced) && s.b.why() == nil {
		return s.b.halt(err)
	}
	return err
}

// bury declares the boxes dead that are: they can change nothing from then on.
func (b *Boxes) bury(ctx context.Context) error {
	crew, err := b.Crew(ctx)
	for _, other := range crew {
		if other.Start == b.me.Start {
			continue
		}
		buried := false
		err := b.hold(ctx, func(q querier) error {
			buried = false
			gone, err := b.b.gone(q, &other)
			if err != nil {
				return err
			}
			if !gone {
				if gone, err = b.silent(q, other.Start); err != nil || !gone {
					return err
				}
			}
			n, err := q.exec(sqlBury+` AND `+sqlFence+`$2`+sqlKept, other.Start, b.me.Start)
			if buried = n > 0; buried {
				q.note(audit.Entry{Action: "box.bury", Subject: audit.Of("box", other.Name)})
			}
			return err
		})
		if err != nil {
			return err
		}
		if buried {
			b.owed = append(b.owed, other)
		}
	}
	return err
}

// silent reports whether the lease of a box has run out.
func (b *Boxes) silent(q querier, start int64) (bool, error) {
	now, err := b.time(q)
	if err != nil {
		return false, err
	}
	r, err := q.one(`SELECT seen_at FROM box WHERE start = $1`, start)
	if err != nil {
		return false, notFoundIsNil(err)
	}
	seen := r.time()
	return now.Sub(seen) > b.lease, r.err()
}

// inUse is ErrLocked with who is there, "" when it is not known.
func inUse(other, where string) error {
	if other = strings.TrimSpace(other); other != "" {
		other = ", " + other + ","
	}
	return fmt.Errorf("%w: another simsign%s uses %s; stop it first", ErrLocked, other, where)
}
