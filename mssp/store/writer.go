package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

const (
	maxBatch  = 256                   // jobs in one commit
	lazyDelay = 20 * time.Millisecond // the longest that a lazy outcome waits for company
	lazyAgain = time.Second           // and how long after a try that failed
	maxLazy   = 1 << 16               // outcomes that wait
)

// job is one business transaction on its way through the writer. run may be
// called more than once and must set its results anew each time.
type job struct {
	ctx  context.Context
	run  func(querier) error
	err  error
	out  bool             // has its answer, is not run again
	lazy []SegmentOutcome // nobody waits for it: these are tried again
	told func(error)      // of a lazy job: hears how it ended
	done chan struct{}
}

// writer owns the one connection that writes. It takes whatever jobs are
// queued (no timer), runs them in one SQLite transaction and commits once: so
// a lone caller waits for one fdatasync and 64 callers share one. A caller who
// finds nobody at it commits by itself, and what comes meanwhile is for the
// loop: no other thread has to wake for a lone caller. A job that fails is
// taken out and the others run again, so that it cannot fail them.
//
// When a commit fails nobody knows whether it happened (an injected EIO left
// the row in the file): the writer answers ErrOutcomeUnknown to that batch and
// to everybody after it, and closes stop (rule C). A full disk is another
// thing: the frame that commits is the last one written, it did not fit, and
// so the batch is not there (ErrNotWritten). The writer goes on, and so does
// the service once there is room again (F3).
type writer struct {
	c   *sqliteConn
	log *slog.Logger
	m   *metrics
	rec recorder

	mu       sync.Mutex
	queue    []*job
	outcomes []SegmentOutcome // lazy ones
	lazyDue  bool
	timer    *time.Timer
	closed   bool
	failed   error
	refusing error // the machine took nothing at the last try; nil after a commit

	turn  sync.Mutex // held by who commits: the loop, or a caller who found nobody at it
	wake  chan struct{}
	stop  chan struct{} // closed when an outcome is unknown
	ended chan struct{}
}

func startWriter(c *sqliteConn, o *Options, m *metrics, rec recorder) *writer {
	w := &writer{
		c: c, log: o.Logger, m: m, rec: rec,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{}),
	}
	go w.loop()
	return w
}

// do queues a job and waits for its commit. A job whose context has ended
// before its turn is not run; once it runs, its outcome is waited for.
func (w *writer) do(ctx context.Context, run func(querier) error) error {
	j := &job{ctx: ctx, run: run, done: make(chan struct{}, 1)}
	w.mu.Lock()
	if err := w.refusal(); err != nil {
		w.mu.Unlock()
		return err
	}
	w.queue = append(w.queue, j)
	w.mu.Unlock()
	if w.turn.TryLock() { // nobody commits: no need to wake somebody who does
		w.round()
	}
	if w.left() {
		w.nudge()
	}
	<-j.done
	return j.err
}

// left says whether jobs wait for a round.
func (w *writer) left() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue) > 0
}

func (w *writer) refusal() error {
	if w.failed != nil {
		return w.failed
	}
	if w.closed {
		return ErrClosed
	}
	return nil
}

func (w *writer) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// lazy hands over outcomes that ride with the next batch.
func (w *writer) lazy(o []SegmentOutcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refusal() != nil {
		return // a restart makes these segments ambiguous, which is the truth
	}
	if len(w.outcomes) == 0 {
		w.soon(lazyDelay)
	}
	w.outcomes = append(w.outcomes, o...)
}

// soon makes the lazy outcomes due after a time; the lock is held.
func (w *writer) soon(d time.Duration) {
	w.timer = time.AfterFunc(d, func() {
		w.mu.Lock()
		w.lazyDue = true
		w.mu.Unlock()
		w.nudge()
	})
}

// again keeps lazy outcomes that the machine did not take for later: without
// them their segments would count as under way until the next start.
func (w *writer) again(o []SegmentOutcome) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.failed != nil || len(w.outcomes)+len(o) > maxLazy {
		return false
	}
	if len(w.outcomes) == 0 {
		w.soon(lazyAgain)
	}
	w.outcomes = append(o[:len(o):len(o)], w.outcomes...) // in their order
	return true
}

// take removes the next batch from the queue; nil when there is none yet.
func (w *writer) take() (jobs []*job, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.queue), maxBatch)
	jobs = w.queue[:n:n]
	w.queue = w.queue[n:]
	if len(w.outcomes) > 0 && (n > 0 || w.lazyDue || w.closed) {
		w.timer.Stop()
		jobs = append(jobs, w.lazyJob(w.outcomes))
		w.outcomes, w.lazyDue = nil, false
	}
	return jobs, w.closed
}

func (w *writer) lazyJob(o []SegmentOutcome) *job {
	run, told := w.rec(o)
	return &job{ctx: context.Background(), lazy: o, run: run, told: told, done: make(chan struct{}, 1)}
}

func (w *writer) loop() {
	defer close(w.ended)
	for {
		w.turn.Lock()
		if more, closed := w.round(); !more {
			if closed {
				return
			}
			<-w.wake
		}
	}
}

// round commits the next batch and gives the turn back. more: there was one.
func (w *writer) round() (more, closed bool) {
	defer w.turn.Unlock()
	jobs, closed := w.take()
	if len(jobs) > 0 {
		w.commit(jobs)
	}
	for _, j := range jobs {
		if j.lazy != nil && j.err != nil {
			kept := errors.Is(j.err, ErrNotWritten) && w.again(j.lazy)
			w.log.Error("segment outcomes were not recorded", "kept", kept, "err", j.err)
		}
		if j.told != nil {
			j.told(j.err)
		}
		j.done <- struct{}{}
	}
	return len(jobs) > 0, closed
}

// guarded is try, where a panic in a job stops the store: it may have left the
// transaction half done, and not everybody who runs jobs would end by it.
func (w *writer) guarded(jobs []*job) (again bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			w.log.Error("a panic in the store", "panic", v, "stack", string(debug.Stack()))
			again, err = false, w.fail(errors.New("a panic in a job"))
		}
	}()
	return w.try(jobs)
}

// commit runs jobs until a commit holds all that did not fail.
func (w *writer) commit(jobs []*job) {
	begin := time.Now()
	if err := w.refused(); err != nil {
		failAll(jobs, err)
		return
	}
	for again := true; again; {
		var err error
		if again, err = w.guarded(jobs); err != nil {
			failAll(jobs, err)
		}
	}
	w.m.batch(len(jobs), time.Since(begin))
}

func (w *writer) refused() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

// try runs a batch once. again: a job was taken out, run the rest anew. An
// error is everybody's.
func (w *writer) try(jobs []*job) (again bool, err error) {
	if _, err := w.c.exec("BEGIN IMMEDIATE"); err != nil {
		return false, fmt.Errorf("store: begin: %w", err)
	}
	for _, j := range jobs {
		if j.out {
			continue
		}
		if j.err = j.ctx.Err(); j.err != nil {
			j.out = true
			continue
		}
		w.c.dirty = false
		if j.err = j.run(w.c); j.err == nil {
			continue
		}
		var se *sqlite.Error
		isSQL := errors.As(j.err, &se)
		if !w.c.dirty && !isSQL {
			continue // a refusal that wrote nothing harms nobody
		}
		j.out = true
		if err := w.rollback(); err != nil {
			return false, w.fail(err)
		}
		if isSQL && environment(se.Code()) {
			return false, w.environment(j.err)
		}
		return true, nil
	}
	if _, err := w.c.exec("COMMIT"); err != nil {
		var se *sqlite.Error
		if errors.As(err, &se) && se.Code()&0xff == lib.SQLITE_FULL && w.rollback() == nil {
			return false, w.environment(err)
		}
		return false, w.fail(err)
	}
	w.refuse(nil)
	return false, nil
}

// refuse notes that the machine took nothing, and why, or that it does.
func (w *writer) refuse(why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refusing = why
}

func (w *writer) unwritable() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.refusing
}

// rollback ends the transaction; SQLite may have ended it itself.
func (w *writer) rollback() error {
	_, err := w.c.exec("ROLLBACK")
	var se *sqlite.Error
	if errors.As(err, &se) && se.Code()&0xff == lib.SQLITE_ERROR {
		return nil // "no transaction is active"
	}
	return err
}

// environment reports a fault of the machine, which fails the whole batch.
func environment(code int) bool {
	switch code & 0xff {
	case lib.SQLITE_IOERR, lib.SQLITE_FULL, lib.SQLITE_NOMEM, lib.SQLITE_READONLY,
		lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB, lib.SQLITE_CANTOPEN:
		return true
	}
	return false
}

// environment: the batch was rolled back before its commit. A damaged file
// stops the store; a full disk or a failed read does not.
func (w *writer) environment(err error) error {
	if err = damaged(err); errors.Is(err, ErrCorrupt) {
		return w.halt(err)
	}
	err = fmt.Errorf("store: %w: %w", ErrNotWritten, err)
	w.refuse(err)
	return err
}

func (w *writer) fail(err error) error {
	w.m.unknown()
	return w.halt(fmt.Errorf("%w: %w", ErrOutcomeUnknown, err))
}

// halt refuses all further work.
func (w *writer) halt(err error) error {
	w.log.Error("the store has stopped; end the process and start it again", "err", err)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil {
		w.failed = err
		close(w.stop)
	}
	return err
}

func failAll(jobs []*job, err error) {
	for _, j := range jobs {
		if !j.out || j.err == nil {
			j.err, j.out = err, true
		}
	}
}

// close runs what is queued, the lazy outcomes too, then last, and closes the
// connection.
func (w *writer) close(last func(querier) error) error {
	w.mu.Lock()
	already := w.closed
	w.closed = true
	w.mu.Unlock()
	if already {
		return nil
	}
	w.nudge()
	<-w.ended
	if err := w.refused(); err != nil {
		// The connection stays as it is: closing would write to a file of
		// which nobody knows the state.
		return err
	}
	if err := last(w.c); err != nil {
		w.log.Warn("the database was not told of the end", "err", err)
	}
	return errors.Join(w.settle(), w.c.close())
}

// settle moves the log into the database file. SQLite does that when the last
// connection closes, but does not tell when it fails.
func (w *writer) settle() error {
	if _, err := w.c.one("PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
		return fmt.Errorf("store: cannot move the log into the database: %w; nothing is lost as long as the -wal file stays beside it: look at the disk", err)
	}
	return nil
}
