package modem

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/turns"
)

// job is a segment on its way.
type job struct {
	seg    bearer.Segment
	pdu    string
	length int
	done   chan outcome // takes one
	turn   turns.Place[*job]

	mu   sync.Mutex
	step step
}

type step byte

const (
	queued step = iota
	taken
	ended     // done has the outcome
	abandoned // nobody waits any more
)

type outcome struct {
	receipt bearer.Receipt
	err     error
}

// move goes from one step to another, unless somebody else was faster.
func (j *job) move(from, to step) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.step != from {
		return false
	}
	j.step = to
	return true
}

// Submit implements bearer.Bearer: it returns when the network has the
// segment, or has not. A segment that the modem has when ctx ends is
// ErrUnknown; what becomes of it is told to the bearer.Resolver.
func (m *Modem) Submit(ctx context.Context, seg bearer.Segment) (bearer.Receipt, error) {
	r := bearer.Receipt{Bearer: m.o.Name}
	seg.Report = seg.Report || m.o.Receipts
	j := &job{seg: seg, done: make(chan outcome, 1)}
	j.turn.Value = j
	var err error
	if j.pdu, j.length, err = encode(&seg); err != nil {
		m.o.Metrics.Submission("refused")
		return r, fmt.Errorf("%w: %w", bearer.ErrRefused, err)
	}
	if err := m.queue(j); err != nil {
		m.o.Metrics.Submission("busy")
		return r, err
	}
	select {
	case o := <-j.done:
		return o.receipt, o.err
	case <-ctx.Done():
	}
	switch {
	case j.move(queued, abandoned):
		return r, fmt.Errorf("%w: it was not its turn in time", bearer.ErrBusy)
	case j.move(taken, abandoned):
		return r, fmt.Errorf("%w: %w", bearer.ErrUnknown, ctx.Err())
	}
	o := <-j.done
	return o.receipt, o.err
}

// allowed is why no message may go out now in a name, or nil.
func (m *Modem) allowed(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.withinQuota(name)
}

func (m *Modem) withinQuota(name string) error {
	q := m.quota()
	err := q.spent(name)
	if err == nil || errors.Is(err, bearer.ErrSpent) {
		return err
	}
	return fmt.Errorf("%w: %w", bearer.ErrBusy, err)
}

// away is why the network was not asked.
func away(why string) error { return fmt.Errorf("%w: %s", bearer.ErrAway, why) }

// queue takes a job when it may soon be sent.
func (m *Modem) queue(j *job) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case !m.open:
		if m.problem != "" {
			return away(m.problem)
		}
		return away("modem is not working yet")
	case !m.info.Registered:
		_, words := registration(m.info.Registration)
		return away("modem is in no network: " + words)
	}
	if err := m.withinQuota(j.seg.For); err != nil {
		return err
	}
	if m.jobs.Of(j.seg.For) >= m.o.Queue {
		return away(fmt.Sprintf("%d segments wait already", m.o.Queue))
	}
	m.jobs.Push(j.seg.For, &j.turn)
	m.tell()
	return nil
}

// tell makes the session look for a job.
func (m *Modem) tell() {
	select {
	case m.ready <- struct{}{}:
	default:
	}
}

// take gives the job whose turn it is to the session; nil when none waits.
func (m *Modem) take() *job {
	m.mu.Lock()
	defer m.mu.Unlock()
	for p := m.jobs.Take(); p != nil; p = m.jobs.Take() {
		if p.Value.move(queued, taken) { // else nobody waits for it any more
			if m.jobs.Len() > 0 {
				m.tell()
			}
			return p.Value
		}
	}
	return nil
}

// close takes no more jobs and gives back what waits.
func (m *Modem) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = false
	m.info.Registered = false
	for p := m.jobs.Take(); p != nil; p = m.jobs.Take() {
		if j := p.Value; j.move(queued, ended) {
			j.done <- outcome{bearer.Receipt{Bearer: m.o.Name}, away("modem is not working")}
		}
	}
}
