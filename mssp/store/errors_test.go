package store_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	lib "modernc.org/sqlite/lib"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// Whose fault an error is: that of the database may be gone when the same request
// comes again, and the provider is told so (780); that of the request, or ours, stays.
func TestUnavailable(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "unix", Err: errors.New("connection refused")}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{store.ErrOutcomeUnknown, true},
		{store.ErrClosed, true},
		{store.ErrFenced, true},
		{store.ErrLocked, true},
		{store.ErrNotWritten, true},
		{store.ErrSilent, true},
		{store.ErrCorrupt, true},
		{driver.ErrBadConn, true},
		{io.EOF, true},
		{io.ErrUnexpectedEOF, true},
		{refused, true},
		{store.SQLiteError(lib.SQLITE_BUSY), true},
		{store.SQLiteError(lib.SQLITE_BUSY_SNAPSHOT), true},
		{store.SQLiteError(lib.SQLITE_LOCKED), true},
		{store.SQLiteError(lib.SQLITE_IOERR_READ), true},
		{store.SQLiteError(lib.SQLITE_FULL), true},
		{store.SQLiteError(lib.SQLITE_NOMEM), true},
		{store.SQLiteError(lib.SQLITE_READONLY), true},
		{store.SQLiteError(lib.SQLITE_CORRUPT), true},
		{store.SQLiteError(lib.SQLITE_NOTADB), true},
		{store.SQLiteError(lib.SQLITE_CANTOPEN), true},
		{store.SQLiteError(lib.SQLITE_ERROR), false},
		{store.SQLiteError(lib.SQLITE_CONSTRAINT_UNIQUE), false},
		{store.SQLiteError(lib.SQLITE_TOOBIG), false},
		{&pgconn.ConnectError{}, true},
		{&net.OpError{Op: "read", Net: "tcp", Err: context.DeadlineExceeded}, false},
		{&pgconn.PgError{Code: "08006"}, true},  // connection_failure
		{&pgconn.PgError{Code: "53300"}, true},  // too_many_connections
		{&pgconn.PgError{Code: "55P03"}, true},  // lock_not_available
		{&pgconn.PgError{Code: "57P01"}, true},  // admin_shutdown
		{&pgconn.PgError{Code: "58030"}, true},  // io_error
		{&pgconn.PgError{Code: "23505"}, false}, // unique_violation
		{&pgconn.PgError{Code: "22P05"}, false}, // untranslatable_character
		{&pgconn.PgError{Code: "42601"}, false}, // syntax_error
		{&pgconn.PgError{}, false},
		{context.DeadlineExceeded, false}, // the requester's own
		{context.Canceled, false},
		{store.ErrNotFound, false},
		{store.ErrExists, false},
		{store.ErrChanged, false},
		{store.ErrAltered, false},
		{store.ErrFinal, false},
		{errors.New("a fault of ours"), false},
		{nil, false},
	} {
		if got := store.Unavailable(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
		if c.err != nil && store.Unavailable(fmt.Errorf("store: accept: %w", c.err)) != c.want {
			t.Errorf("%v inside of another error", c.err)
		}
	}
}

// What stands in the way of a writer is named by its kind, and nothing of it is shown.
func TestRowsInTheWay(t *testing.T) {
	for err, want := range map[error]string{
		&store.Existing[mssp.Subscriber]{Row: mssp.Subscriber{MSISDN: numberA, Name: "Anna"}}: "store: mssp.Subscriber: exists already",
		&store.Changed[mssp.Card]{Row: mssp.Card{ICCID: cardA, IMSI: "228"}}:                  "store: mssp.Card: has changed since it was read",
	} {
		if err.Error() != want || strings.Contains(err.Error(), "Anna") {
			t.Errorf("%q, want %q", err, want)
		}
	}
}
