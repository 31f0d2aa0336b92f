package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// Errors about the database as a whole.
var (
	// ErrLocked: another process owns the database.
	ErrLocked = errors.New("in use")
	// ErrCorrupt: the database is damaged; restore a backup. Never served.
	ErrCorrupt = errors.New("database damaged, restore a backup")
	// ErrNewer: a later version of the program has written the database.
	ErrNewer = errors.New("database is from a later version")

	// ErrFenced: another box has found this one dead and goes on with its work. The
	// store has changed nothing, and stops.
	ErrFenced = errors.New("declared dead by another box")

	// ErrNoRoom: the disk of the database is nearly full, and nothing new is taken;
	// what was accepted before is still stored.
	ErrNoRoom = errors.New("no room on the disk")
	// ErrSilent: the database server has not answered in time.
	ErrSilent = errors.New("the database does not answer")

	// ErrNone: there is no database to read yet.
	ErrNone = errors.New("there is no database")

	errReadOnly = errors.New("store: opened read-only")
	errVisitor  = errors.New("store: opened without being a box: it serves no card")
)

// Existing is ErrExists with the row that is in the way. Its text shows nothing
// of the row, which may hold what no log line may.
type Existing[T any] struct{ Row T }

func (e *Existing[T]) Error() string { return fmt.Sprintf("store: %T: %v", e.Row, ErrExists) }

// Unwrap makes it ErrExists.
func (e *Existing[T]) Unwrap() error { return ErrExists }

// ErrChanged: the row is not what its writer has read. Read it again and decide
// anew.
var ErrChanged = errors.New("has changed since it was read")

// Changed is ErrChanged with the row as it is now.
type Changed[T any] struct{ Row T }

func (e *Changed[T]) Error() string { return fmt.Sprintf("store: %T: %v", e.Row, ErrChanged) }

// Unwrap makes it ErrChanged.
func (e *Changed[T]) Unwrap() error { return ErrChanged }

// ErrFinal: the transaction has ended, or is not the one at the card.
var ErrFinal = errors.New("transaction is not at the card any more")

// Unavailable reports whether an error is the database's, not the request's:
// it does not answer, takes nothing, or stops. The same request may be good later.
func Unavailable(err error) bool {
	for _, of := range []error{ErrOutcomeUnknown, ErrClosed, ErrFenced, ErrLocked, ErrNotWritten, ErrSilent, ErrCorrupt, sql.ErrConnDone, driver.ErrBadConn, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, of) {
			return true
		}
	}
	if se, ok := errors.AsType[*sqlite.Error](err); ok {
		code := se.Code() & 0xff
		return code == lib.SQLITE_BUSY || code == lib.SQLITE_LOCKED || ofMachine(code)
	}
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pe.Code[:min(2, len(pe.Code))] {
		case "08", "53", "55", "57", "58": // connection, resources, lock, intervention, system
			return true
		}
		return false
	}
	_, network := errors.AsType[net.Error](err)
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	return network && !errors.Is(err, context.DeadlineExceeded) || connect
}

// damaged gives what SQLite says of a damaged file its name, ErrCorrupt: a
// restart does not mend it.
func damaged(err error) error {
	var se *sqlite.Error
	if !errors.As(err, &se) || errors.Is(err, ErrCorrupt) {
		return err
	}
	switch se.Code() & 0xff {
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}
