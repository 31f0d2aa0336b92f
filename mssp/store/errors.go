package store

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// Errors about the database as a whole.
var (
	// ErrLocked: another process owns the database.
	ErrLocked = errors.New("database in use")
	// ErrCorrupt: the database is damaged; restore a backup. Never served.
	ErrCorrupt = errors.New("database damaged, restore a backup")
	// ErrNewer: a later version of the program has written the database.
	ErrNewer = errors.New("database is from a later version")

	// ErrFenced: another box has found this one dead and goes on with its work. The
	// store has changed nothing, and stops.
	ErrFenced = errors.New("declared dead by another box")

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
