package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Scrub makes erased data leave the files of the database: it stands in the log
// until that is moved into the database and cut (SQLite). On PostgreSQL it makes the
// room of dead rows free; their octets stand there until something is written over
// them, and VACUUM FULL, which locks a table, is the operator's to decide.
func (s *Erasures) Scrub(ctx context.Context) error { return s.b.scrub(ctx) }

// errBusyLog: somebody reads what stands in the log.
var errBusyLog = errors.New("store: the log of the database was not cut, somebody reads it: what was erased may stand there until the next time")

// scrubTries is how often a log is tried that somebody reads at that moment.
const scrubTries = 50

func (e *sqliteEngine) scrub(ctx context.Context) error {
	if e.writer == nil {
		return errReadOnly
	}
	for range scrubTries {
		if busy, err := e.writer.scrub(); err != nil || !busy {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return errBusyLog
}

// scrub is between two batches.
func (w *writer) scrub() (busy bool, err error) {
	w.turn.Lock()
	defer w.turn.Unlock() // who came meanwhile has woken the loop, which waits for it
	if err := w.why(); err != nil {
		return false, err
	}
	w.mu.Lock()
	closed := w.closed
	w.mu.Unlock()
	if closed {
		return false, ErrClosed
	}
	if err := w.c.script("PRAGMA busy_timeout=0"); err != nil {
		return false, err
	}
	defer w.c.script("PRAGMA busy_timeout=5000")
	r, err := w.c.one("PRAGMA wal_checkpoint(TRUNCATE)")
	if err != nil {
		return false, fmt.Errorf("store: cut the log: %w", err)
	}
	return r.int() != 0, r.err()
}

// scrubbed are the tables from which something is erased.
var scrubbed = [...]string{"tx", "segment", "packet", "subscriber", "identity", "device", "pop", "certificate", "key_pair", "mo_header", "mo_part", "patience", "receipt", "erasure"}

func (e *pgEngine) scrub(ctx context.Context) error {
	if err := e.open(); err != nil {
		return err
	}
	for _, t := range scrubbed {
		if _, err := e.db.ExecContext(ctx, "VACUUM "+t); err != nil {
			return fmt.Errorf("store: vacuum %s: %w", t, err)
		}
	}
	return nil
}
