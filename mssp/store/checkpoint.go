package store

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// checkpointer keeps the log of SQLite short. SQLite moves its pages into the
// database by itself after a commit, when it is longer than it may be, and begins
// it anew, cut to that length, as soon as no reader needs it.
type checkpointer struct {
	pages int64 // that SQLite was told
}

// trim is called between two batches.
func (k *checkpointer) trim(c *sqliteConn, r *reserve) {
	want := r.pages()
	if want >= k.pages && want < 2*k.pages { // a little more room changes nothing
		return
	}
	if c.script(fmt.Sprintf("PRAGMA wal_autocheckpoint=%d; PRAGMA journal_size_limit=%d", want, want*pageSize)) == nil {
		k.pages = want
	}
}

// cut moves the whole log into the database and empties its file, unless somebody
// reads there at this moment.
func cut(c *sqliteConn) {
	c.script("PRAGMA busy_timeout=0; PRAGMA wal_checkpoint(TRUNCATE)")
	c.script("PRAGMA busy_timeout=5000")
}

// makeRoom is for a batch that did not fit on the disk, once and twice: first the
// log is emptied, then the reserve is given up.
func (w *writer) makeRoom(err error, times int) bool {
	var se *sqlite.Error
	if !errors.Is(err, ErrNotWritten) || !errors.As(err, &se) {
		return false
	}
	// The shared index of the log says "I/O error" when it finds no room.
	if code := se.Code() & 0xff; code != lib.SQLITE_FULL && (code != lib.SQLITE_IOERR || !w.res.full()) {
		return false
	}
	switch times {
	case 0:
		cut(w.c)
		return true
	case 1:
		if w.res.squeeze() {
			cut(w.c)
			return true
		}
	}
	return false
}

// settle moves the log into the database file. SQLite does that when the last
// connection closes, but does not tell when it fails.
func (w *writer) settle() error {
	if _, err := w.c.one("PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
		return fmt.Errorf("store: cannot move the log into the database: %w; nothing is lost as long as the -wal file stays beside it: look at the disk", err)
	}
	return nil
}
