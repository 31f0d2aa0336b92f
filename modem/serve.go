package modem

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/ota/bearer"
)

// maxFailedSends is how many submissions in a row may fail for no fault of theirs
// before the modem is taken for out of order.
const maxFailedSends = 10

// saveEvery is how often the state is stored when it has changed: what was sent
// since may go over the quota, and its reports are about no message of ours,
// when the power fails.
const saveEvery = time.Second

// serve sends and receives until the session ends.
func (s *session) serve(ctx context.Context) error {
	poll := time.NewTicker(s.m.o.Poll)
	defer poll.Stop()
	save := time.NewTicker(saveEvery)
	defer save.Stop()
	pace := time.NewTimer(0)
	defer pace.Stop()
	for {
		if err := s.indications(ctx); err != nil {
			return err
		}
		var ready chan struct{}
		if wait := time.Until(s.m.next); wait <= 0 {
			ready = s.m.ready
		} else {
			pace.Reset(wait)
		}
		var err error
		select {
		case <-ctx.Done():
			return errStopped
		case <-s.l.dead:
			return s.l.cause()
		case <-s.l.notify:
		case <-pace.C:
		case <-poll.C:
			err = s.poll(ctx)
		case <-save.C:
			s.m.save()
		case <-ready:
			if j := s.m.take(); j != nil {
				err = s.send(ctx, j)
			}
		}
		if err != nil {
			return err
		}
	}
}

// send submits one segment; <mr> in the answer is the TP-MR that the modem gave
// it (TS 27.005 3.5.1). Its error ends the session.
func (s *session) send(ctx context.Context, j *job) error {
	if err := s.m.allowed(j.seg.For); err != nil { // since it was queued
		s.finish(ctx, j, bearer.Receipt{Bearer: s.m.o.Name}, err, "busy")
		return nil
	}
	now := s.m.o.Clock()
	s.m.next = time.Now().Add(s.m.o.Pace)
	lines, handed, err := s.l.submit(ctx, j.length, j.pdu, s.m.o.SendTimeout)
	r := bearer.Receipt{Bearer: s.m.o.Name}
	var refused *Error
	switch {
	case err == nil:
		mr := -1
		for _, l := range lines {
			mr = number(fields(l), 0)
		}
		if mr >= 0 && mr < 256 {
			r.MessageID = messageID(mr, now)
		} else {
			mr = -1
		}
		s.sent(j, sent{j.seg.ID, mr, j.seg.Dest, now, r.MessageID})
		s.failedSends = 0
		delete(s.m.unclear, j.seg.ID)
		s.finish(ctx, j, r, nil, "accepted")
		return nil
	case errors.As(err, &refused):
		return s.refused(ctx, j, handed, now, refused)
	case handed:
		// The network may have it: a report, or the answer of the card, tells.
		s.sent(j, sent{j.seg.ID, -1, j.seg.Dest, now, ""})
		s.finish(ctx, j, r, fmt.Errorf("%w: %w", bearer.ErrUnknown, err), "unknown")
	default:
		s.finish(ctx, j, r, fmt.Errorf("%w: %w", bearer.ErrBusy, err), "busy")
	}
	return err
}

// sent counts a message and keeps it for its report.
func (s *session) sent(j *job, x sent) {
	s.m.state.count(s.info.SIM(), j.seg.For, x.At)
	if err := s.m.Spent(j.seg.For); err != nil {
		s.m.log.Warn("no more of a name goes out for now", "error", err)
	}
	s.m.changed() // the quota may be used up now
	if j.seg.Report && s.info.Reports || x.MR < 0 {
		s.m.state.remember(x)
	}
}

// refused sorts an error code.
func (s *session) refused(ctx context.Context, j *job, handed bool, now time.Time, e *Error) error {
	r := bearer.Receipt{Bearer: s.m.o.Name}
	class := e.Class()
	if !handed && class == Unclear {
		class = Later // the modem has not even asked for the PDU
	}
	s.m.o.Metrics.SendError(class)
	s.m.log.Info("segment was not taken", "segment", j.seg.ID, "tx", j.seg.Ref, "msisdn", j.seg.Dest, "class", class.String(), "error", e)
	if class == Permanent {
		s.failedSends = 0
		s.finish(ctx, j, r, fmt.Errorf("%w: %w", bearer.ErrRefused, e), "refused")
		return nil
	}
	switch {
	case class == Unclear && s.thirdUnclear(j.seg.ID):
		s.finish(ctx, j, r, fmt.Errorf("%w: three times: %w", bearer.ErrRefused, e), "refused")
		return nil
	case handed && e.maybe():
		s.sent(j, sent{j.seg.ID, -1, j.seg.Dest, now, ""})
		s.finish(ctx, j, r, fmt.Errorf("%w: %w", bearer.ErrUnknown, e), "unknown")
	default:
		s.finish(ctx, j, r, fmt.Errorf("%w: %w", bearer.ErrBusy, e), "busy")
	}
	if s.failedSends++; s.failedSends >= maxFailedSends || class == SIM {
		return fmt.Errorf("%w: it cannot send: %w", ErrRefuses, e)
	}
	if class == Storage {
		return s.drain(ctx)
	}
	return nil
}

// thirdUnclear counts unclear errors of a segment, and reports true at the third:
// one bad number does not come back for ever.
func (s *session) thirdUnclear(id int64) bool {
	if len(s.m.unclear) > maxSent {
		clear(s.m.unclear)
	}
	s.m.unclear[id]++
	if s.m.unclear[id] < 3 {
		return false
	}
	delete(s.m.unclear, id)
	return true
}

// finish tells whoever waits, or the Resolver when nobody does any more.
func (s *session) finish(ctx context.Context, j *job, r bearer.Receipt, err error, result string) {
	s.m.o.Metrics.Submission(result)
	if j.move(taken, ended) {
		j.done <- outcome{r, err}
		return
	}
	if s.m.resolver == nil || errors.Is(err, bearer.ErrUnknown) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.m.o.DeliverTimeout)
	defer cancel()
	if rerr := s.m.resolver.Resolve(ctx, j.seg.ID, r, err); rerr != nil {
		s.m.log.Error("end of an unknown submission is not stored", "segment", j.seg.ID, "error", rerr)
	}
}
