package loopback

import (
	"context"
	"errors"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
)

// dispatch hands an RP-DATA to a worker; only the reader calls it. Workers
// stay for the next job, their stacks are then large enough for a store.
func (s *session) dispatch(ctx context.Context, m *rp.Message) {
	j := job{ref: m.Ref, tpdu: append([]byte(nil), m.TPDU...)}
	if int(s.pending.Add(1)) > s.workers && s.workers < s.c.o.Concurrency {
		s.workers++
		s.wg.Go(func() { s.work(ctx) })
	}
	select {
	case s.jobs <- j:
	default: // more than 256 unanswered: no network of ours does that
		s.pending.Add(-1)
		s.reply(&rp.Message{Type: rp.ErrorMO, Ref: m.Ref, Cause: rp.MemoryExceeded})
	}
}

func (s *session) work(ctx context.Context) {
	for j := range s.jobs {
		m := rp.Message{Type: rp.AckMO, Ref: j.ref}
		if err := s.c.take(ctx, j.tpdu); err != nil {
			// Memory exceeded makes the network try again, protocol error does not.
			m.Type, m.Cause = rp.ErrorMO, rp.MemoryExceeded
			if errors.Is(err, errNeverTaken) {
				m.Cause = rp.ProtocolError
			}
			s.c.log.Warn("message from the network is not acknowledged", "error", err)
		}
		s.pending.Add(-1)
		s.reply(&m)
	}
}

func (s *session) reply(m *rp.Message) {
	err := s.link.Queue(m)
	if err == nil {
		err = s.link.Flush()
	}
	if err != nil {
		s.link.Close() // the network sends it again after the next attach
	}
}
