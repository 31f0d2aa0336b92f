package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
// loop: no other thread has to wake for a lone caller.
//
// What goes wrong has three words. A job fails: it is taken out and the others
// run again. A batch is not written: the machine refused it, it is not there,
// and the writer goes on (ErrNotWritten). The store halts: every method that
// writes answers why from then on, and stop is closed.
//
// When a commit fails nobody knows whether it happened (an injected EIO left
// the row in the file): the store halts with ErrOutcomeUnknown (rule C). A full
// disk is another thing: the frame that commits is the last one written, it did
// not fit, and so the batch is not there. The service goes on once there is
// room again (F3). A damaged file halts the store: a restart does not mend it.
type writer struct {
	c   *sqliteConn
	res *reserve
	cut checkpointer
	log *slog.Logger
	m   *metrics
	rec recorder
	app appender

	mu        sync.Mutex
	queue     []*job
	outcomes  []SegmentOutcome // lazy ones
	lazyDue   bool
	timer     *time.Timer
	closed    bool
	halted    error // why the store has; nil as long as it goes on
	unwritten error // why the last batch was not written; nil after a commit

	turn  sync.Mutex // held by who commits: the loop, or a caller who found nobody at it
	wake  chan struct{}
	stop  chan struct{} // closed when the store halts
	ended chan struct{}
}

func startWriter(c *sqliteConn, res *reserve, d *db) *writer {
	w := &writer{
		c: c, res: res, log: d.o.Logger, m: d.m, rec: d.outcomes, app: d.appendEntries,
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
	if err := w.open(); err != nil {
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

// open is nil as long as jobs are taken; the lock is held.
func (w *writer) open() error {
	if w.halted != nil {
		return w.halted
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
	if w.open() != nil {
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
	if w.open() != nil || len(w.outcomes)+len(o) > maxLazy {
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
			w.log.Error("segment outcomes were not recorded", "kept", kept, "error", j.err)
		}
		if j.told != nil {
			j.told(j.err)
		}
		j.done <- struct{}{}
	}
	return len(jobs) > 0, closed
}

// why the store has halted; nil as long as it goes on.
func (w *writer) why() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.halted
}

// note keeps why the last batch was not written, or that it was.
func (w *writer) note(unwritten error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unwritten = unwritten
}

func (w *writer) lastUnwritten() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.unwritten
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

// ofMachine: the error is no job's, no batch can be written now.
func ofMachine(code int) bool {
	switch code & 0xff {
	case lib.SQLITE_IOERR, lib.SQLITE_FULL, lib.SQLITE_NOMEM, lib.SQLITE_READONLY,
		lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB, lib.SQLITE_CANTOPEN:
		return true
	}
	return false
}

// notWritten: the batch was rolled back, and the error is everybody's in it. A
// damaged file halts the store; a full disk or a failed read does not.
func (w *writer) notWritten(err error) error {
	if err = damaged(err); errors.Is(err, ErrCorrupt) {
		return w.halt(err)
	}
	err = fmt.Errorf("store: %w: %w", ErrNotWritten, err)
	w.note(err)
	return err
}

// unknown: the batch may be there or not, which only a restart can tell.
func (w *writer) unknown(err error) error {
	w.m.unknown()
	return w.halt(fmt.Errorf("%w: %w", ErrOutcomeUnknown, err))
}

// halt ends all work; the first reason stands.
func (w *writer) halt(err error) error {
	w.log.Error("the store has stopped; end the process and start it again", "error", err)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.halted == nil {
		w.halted = err
		close(w.stop)
	}
	return err
}

// answer gives an error to all who have none of their own.
func answer(jobs []*job, err error) {
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
	if err := w.why(); err != nil {
		// The connection stays as it is: closing would write to a file of
		// which nobody knows the state.
		return err
	}
	if err := last(w.c); err != nil {
		w.log.Warn("the database was not told of the end", "error", err)
	}
	return errors.Join(w.settle(), w.c.close())
}
