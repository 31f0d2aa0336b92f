package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp"
)

// backend is what SQLite and PostgreSQL do differently.
type backend interface {
	do(ctx context.Context, f func(querier) error) error
	read(ctx context.Context, f func(querier) error) error
	lazy(o []SegmentOutcome)
	stopped() <-chan struct{}
	why() error           // it has halted; nil as long as it goes on
	lastUnwritten() error // why the last batch was not written
	check(ctx context.Context) error
	space() Space
	room() error // nothing new is taken, and why
	scrub(ctx context.Context) error
	halt(err error) error // end all work
	// close commits what waits, then runs last, and closes the database.
	close(last func(querier) error) error
	life
}

// Store is an open database. It is safe for concurrent use. Its own methods are
// those of transactions and of the outbox; the parts that it is made of can be
// handed to whoever needs no more than one.
type Store struct {
	*db
	Records
	Parties
	Certificates
	Inbound
	Completions
	Calls
	*Boxes
	Patience
	Erasures
	Identities
	Devices
	Audits
	Duties
	Notices
}

// Open opens the database, creates it when there is none and migrates it when
// it is older than the program. It refuses a file that another process owns
// (ErrLocked), a schema from a later version (ErrNewer) and settings that
// would not be durable. The process is a box from then on (Boxes), unless it
// only reads or is a visitor.
func Open(ctx context.Context, o Options) (*Store, error) {
	o.defaults()
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	o.auth = &authority{alerts: o.Alerts}
	d := &db{m: m, clock: o.Clock, o: o, auth: o.auth, table: mssp.NewLifecycle()}
	d.boxes = &Boxes{db: d, me: localBox(&o, time.Now()), lease: o.Lease, now: o.DatabaseClock}
	s := &Store{
		db: d, Records: Records{d}, Parties: Parties{d}, Certificates: Certificates{d}, Inbound: Inbound{db: d}, Completions: Completions{d}, Calls: Calls{d}, Boxes: d.boxes,
		Patience:   Patience{d},
		Erasures:   Erasures{d},
		Identities: Identities{d},
		Devices:    Devices{d},
		Audits:     Audits{d},
		Duties:     Duties{d},
		Notices:    Notices{d},
	}
	if d.b, err = openBackend(ctx, d); err != nil {
		return nil, err
	}
	if o.ReadOnly || o.Visitor {
		return s, nil
	}
	if err := d.boxes.join(ctx); err != nil {
		d.b.leave()
		return nil, errors.Join(err, d.b.close(nothing))
	}
	return s, nil
}

func openBackend(ctx context.Context, d *db) (backend, error) {
	o := &d.o
	if strings.HasPrefix(o.DSN, "postgres://") || strings.HasPrefix(o.DSN, "postgresql://") {
		e, err := openPostgres(ctx, o, d.m, d.outcomes)
		if err != nil {
			return nil, err // no interface around a nil pointer
		}
		return e, nil
	}
	e, err := openSQLite(ctx, strings.TrimPrefix(o.DSN, "sqlite:"), d)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Close commits what is waiting, lazy outcomes too, and closes the database.
func (s *Store) Close() error {
	s.leave()
	return s.b.close(s.farewell)
}

// Stopped is closed when the outcome of a commit became unknown, or when the
// file turned out to be damaged: every method that writes answers with Failure
// from then on, and the process must end.
func (s *Store) Stopped() <-chan struct{} { return s.b.stopped() }

// Failure is why the store has stopped; nil as long as it has not. Close
// returns it too, so that no way to end the process hides it.
func (s *Store) Failure() error { return s.b.why() }

// Ping asks the database for one row.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.Meta(ctx, probeName)
	return notFoundIsNil(err)
}

// Space is how full the disk of the database is.
func (s *Store) Space() Space { return s.b.space() }

const probeName = "probe"

// Writable is an error when nothing can be written: another program holds the
// database, the machine refused the last write (the disk is full, say) and still
// refuses a small one, or this box has lost what shows that it lives and cannot
// have it back. As long as nothing was refused it writes nothing.
func (s *Store) Writable(ctx context.Context) error {
	if s.b.adrift() {
		return s.beat(ctx)
	}
	if err := s.b.room(); err != nil {
		return err
	}
	if s.b.lastUnwritten() == nil {
		return s.do(ctx, func(querier) error { return nil })
	}
	return s.Write(ctx)
}

// Write commits a small row, as any transaction does.
func (s *Store) Write(ctx context.Context) error {
	return s.SetMeta(ctx, probeName, []byte{1})
}
