package loopback

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// session is one attachment of the client. Its reader never blocks: answers
// go to the calls that wait for them, deliveries to a bounded set of workers.
type session struct {
	c    *Client
	link *Link
	done chan struct{} // closed when the link is gone

	// calls[ref] waits for the answer to the RP-DATA with that reference (TS
	// 24.011 8.2.3); a reference is free again only when its answer has come, not
	// when the caller has lost patience, or a late answer would meet a newer
	// question.
	calls [maxInflight]atomic.Pointer[call]
	sent  [maxInflight]atomic.Int64 // Unix nanoseconds
	free  chan byte

	jobs    chan job
	pending atomic.Int32 // jobs handed over and not finished
	workers int          // the reader's own count
	wg      sync.WaitGroup
}

// call is one RP-DATA under way.
type call struct {
	answer chan answer // of capacity 1
}

// answer is what the network said: cause 0 is RP-ACK.
type answer struct {
	cause rp.Cause
	scts  sms.Timestamp // TP-SCTS of the SMS-SUBMIT-REPORT
}

// job is one RP-DATA from the network.
type job struct {
	ref  byte
	tpdu []byte
}

var errUnanswered = errors.New("a segment stays unanswered")

func newSession(c *Client, link *Link) *session {
	s := &session{c: c, link: link, done: make(chan struct{}), free: make(chan byte, maxInflight), jobs: make(chan job, maxInflight)}
	for ref := range maxInflight {
		s.free <- byte(ref)
	}
	return s
}

// run reads until the link ends or ctx does, then waits for the workers.
func (s *session) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.link.Close() })
	watch := make(chan error, 1)
	go func() { watch <- s.watch() }()
	err := s.read(ctx)
	stop()
	s.link.Close()
	close(s.done)
	close(s.jobs)
	s.wg.Wait()
	if late := <-watch; late != nil {
		err = late
	}
	return err
}

func (s *session) read(ctx context.Context) error {
	for {
		m, err := s.link.Next()
		if err != nil {
			return err
		}
		switch m.Type {
		case rp.AckMT, rp.ErrorMT:
			s.answered(&m)
		case rp.DataMT:
			s.dispatch(ctx, &m)
		default:
			return fmt.Errorf("%w: %v of a phone came from the network", ErrFrame, m.Type)
		}
	}
}

func (s *session) answered(m *rp.Message) {
	k := s.calls[m.Ref].Swap(nil)
	if k == nil {
		s.c.log.Debug("answer without a question", "ref", m.Ref)
		return
	}
	a := answer{cause: m.Cause}
	if m.Type == rp.ErrorMT && a.cause == 0 {
		a.cause = rp.Interworking
	}
	if m.Type == rp.AckMT {
		a.scts = submitReportStamp(m.TPDU)
	}
	s.free <- m.Ref
	k.answer <- a
}

// watch closes the link when a segment has waited too long.
func (s *session) watch() error {
	t := time.NewTicker(s.c.o.AnswerTimeout / 4)
	defer t.Stop()
	for {
		select {
		case <-s.done:
			return nil
		case now := <-t.C:
			oldest := now.Add(-s.c.o.AnswerTimeout).UnixNano()
			for ref := range s.calls {
				if s.calls[ref].Load() != nil && s.sent[ref].Load() < oldest {
					s.link.Close()
					return errUnanswered
				}
			}
		}
	}
}
