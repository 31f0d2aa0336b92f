package smpp

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// Request is a request of the peer. It is answered once with Reply; a
// handler that returns without a reply leaves it unanswered, which is right
// only for commands that have no answer.
type Request struct {
	Header
	Body    Body // owned by the request
	s       *Session
	replied atomic.Bool
}

// Session is the session that the request came on.
func (r *Request) Session() *Session { return r.s }

// Reply answers the request. A second reply, or one to a command that has no
// response, is refused.
func (r *Request) Reply(status Status, body Body) error {
	resp, ok := r.Command.Response()
	if !ok {
		return ErrCommand
	}
	if !r.replied.CompareAndSwap(false, true) {
		return errors.New("request is answered already")
	}
	return r.s.write(Header{Command: resp, Status: status, Seq: r.Seq}, body)
}

// Handler takes the requests of the peer, each on a worker of the session.
// ctx ends with the session.
type Handler interface {
	ServeSMPP(ctx context.Context, r *Request)
}

// HandlerFunc makes a Handler of a function.
type HandlerFunc func(ctx context.Context, r *Request)

// ServeSMPP calls f.
func (f HandlerFunc) ServeSMPP(ctx context.Context, r *Request) { f(ctx, r) }

// readLoop reads frames, pairs responses, answers enquire_link and unbind
// itself (SMPP 3.4 4.11, 4.2), and queues everything else. It never waits for a handler.
func (s *Session) readLoop() {
	r := NewReader(progress{s}, s.opts.MaxFrame)
	for {
		if r.Pending() {
			s.inFrame.Store(s.age()) // the next PDU has begun
		} else {
			s.inFrame.Store(0)
		}
		f, err := r.Next()
		if err != nil {
			if errors.Is(err, ErrFrame) {
				s.opts.Logger.Warn("stream is out of step, closing the bind", "error", err)
				s.lastWords(Header{GenericNack, RInvCmdLen, f.Seq}, err)
				return
			}
			if errors.Is(err, io.EOF) {
				err = errors.New("peer closed the connection")
			}
			s.fail(err)
			return
		}
		if s.opts.Trace != nil {
			s.opts.Trace(false, AppendFrame(nil, f.Header, f.Body))
		}
		if f.Command.IsResponse() {
			s.respond(f)
			continue
		}
		if s.request(f) {
			return
		}
	}
}

// progress notes when octets arrive: any octet means that the peer lives, and
// the first one of a PDU starts the time within which it must end.
type progress struct{ s *Session }

func (p progress) Read(b []byte) (int, error) {
	n, err := p.s.conn.Read(b)
	if n > 0 {
		now := p.s.age()
		p.s.heard.Store(now)
		p.s.inFrame.CompareAndSwap(0, now)
	}
	return n, err
}

// request deals with a request of the peer and reports whether the session
// has ended with it.
func (s *Session) request(f Frame) (ended bool) {
	switch f.Command {
	case EnquireLink:
		s.write(Header{EnquireLinkResp, ROK, f.Seq}, nil) // fail tells
		return false
	case Unbind:
		s.lastWords(Header{UnbindResp, ROK, f.Seq}, errors.New("peer has unbound"))
		return true
	}
	if !f.Command.Known() { // SMPP 3.4 4.3: generic_nack
		s.limitedLog.Warn(s.opts.Logger, "unknown command, answered with generic_nack", "command", f.Command.String(), "sequence", f.Seq)
		s.write(Header{GenericNack, RInvCmdID, f.Seq}, nil) // fail tells
		return false
	}
	req := &Request{Header: f.Header, s: s}
	if s.opts.Gate != nil {
		if st := s.opts.Gate(f.Command); st != ROK {
			req.Reply(st, bare(f.Command)) // no answer to some commands
			return false
		}
	}
	body, err := Parse(Frame{f.Header, append([]byte(nil), f.Body...)})
	if err != nil {
		s.limitedLog.Warn(s.opts.Logger, "request cannot be read", "sequence", f.Seq, "error", err)
		req.Reply(StatusFor(err), bare(f.Command)) // no answer to some commands
		return false
	}
	req.Body = body
	s.dispatch(req)
	return false
}

// dispatch gives the request to a worker, or refuses it when all are busy and
// the queue is full: the peer shall send it again later. An ESME that is too
// fast is throttled, an SMSC finds a queue full (SMPP 3.4 5.1.3).
func (s *Session) dispatch(req *Request) {
	if s.opts.Handler == nil {
		req.Reply(RInvBndSts, bare(req.Command)) // no answer to some commands
		return
	}
	if s.opts.Inline {
		s.opts.Handler.ServeSMPP(s.ctx, req)
		return
	}
	select {
	case s.inbound <- req:
	default:
		st := RMsgQFul
		if req.Command == SubmitSM || req.Command == SubmitMulti || req.Command == DataSM {
			st = RThrottled
		}
		req.Reply(st, bare(req.Command)) // no answer to some commands
		return
	}
	if s.hire() {
		go s.work()
	}
}

// hire takes a worker's place when one is free.
func (s *Session) hire() bool {
	if int(s.workers.Add(1)) <= s.opts.Inbound {
		return true
	}
	s.workers.Add(-1)
	return false
}

// work handles queued requests and ends when there are none: an idle session
// has no workers.
func (s *Session) work() {
	for {
		select {
		case req := <-s.inbound:
			s.opts.Handler.ServeSMPP(s.ctx, req)
		default:
			s.workers.Add(-1)
			// A request may have come just before, when all places looked taken.
			if len(s.inbound) == 0 || !s.hire() {
				return
			}
		}
	}
}

// bare is the body of a response that says no.
func bare(c CommandID) Body {
	switch c {
	case SubmitSM, DeliverSM, DataSM:
		return &MessageResp{}
	case BindReceiver, BindTransmitter, BindTransceiver:
		return &BindResp{Bare: true}
	case QuerySM:
		return &QueryResp{Bare: true}
	case SubmitMulti:
		return &MultiResp{Bare: true}
	}
	return nil
}

// lastWords gives the responses that wait, and one more, the time of a write to
// leave, then ends the session. A request that waits to be written would come too
// late, and is not sent. The writer writes them, behind what it has in hand:
// nobody closes the connection under it.
func (s *Session) lastWords(h Header, why error) {
	s.stopTaking()
	s.wmu.Lock()
	s.wbuf = responses(s.wbuf)
	s.put(h, nil) // a header can always be coded
	s.ending = true
	s.wmu.Unlock()
	s.rouse()
	late := time.NewTimer(s.opts.WriteTimeout)
	defer late.Stop()
	select {
	case <-s.said:
	case <-late.C:
	case <-s.done:
	}
	s.fail(why)
}

// responses keeps the responses of a buffer of PDUs.
func responses(b []byte) (out []byte) {
	for len(b) >= HeaderLen {
		n := binary.BigEndian.Uint32(b)
		if CommandID(binary.BigEndian.Uint32(b[4:])).IsResponse() {
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return out
}

// timeLoop watches the clock: answers that do not come, a link that says
// nothing, a PDU that never ends.
func (s *Session) timeLoop() {
	step := min(s.opts.ResponseTimeout, s.opts.EnquireInterval, s.opts.EnquireTimeout, s.opts.ReadPDUTimeout) / 4
	tick := time.NewTicker(max(step, 5*time.Millisecond))
	defer tick.Stop()
	var asked time.Time // enquire_link on its way since
	for {
		select {
		case <-s.done:
			return
		case <-tick.C:
		}
		now := time.Now()
		s.expire(now)
		if began := s.inFrame.Load(); began != 0 && s.age()-began > int64(s.opts.ReadPDUTimeout) {
			s.fail(errors.New("a PDU began and did not end in time"))
			return
		}
		heard := s.began.Add(time.Duration(s.heard.Load()))
		switch {
		case asked.IsZero() && now.Sub(heard) >= s.opts.EnquireInterval:
			asked = now
			s.start(EnquireLink, nil, false, func(Outcome) {}) // ended
		case !asked.IsZero() && !heard.Before(asked):
			asked = time.Time{}
		case !asked.IsZero() && now.Sub(asked) >= s.opts.EnquireTimeout:
			s.fail(errors.New("peer is silent: no answer to enquire_link"))
			return
		}
	}
}

// maxLate bounds the requests that timed out and may still be answered.
const maxLate = 4096

// expire reports the requests whose time is over, oldest first, and keeps
// them findable for a late response.
func (s *Session) expire(now time.Time) {
	for {
		s.mu.Lock()
		c := s.first
		if s.err != nil || c == nil || now.Sub(c.sentAt) < s.opts.ResponseTimeout {
			s.mu.Unlock()
			return
		}
		s.unlink(c)
		if c.cmd != EnquireLink {
			c.telling = true
			s.late[c.seq] = c
			if s.lateSeqs = append(s.lateSeqs, c.seq); len(s.lateSeqs) > maxLate {
				delete(s.late, s.lateSeqs[0])
				s.lateSeqs = s.lateSeqs[1:]
			}
		}
		s.mu.Unlock()
		c.finish(s, Outcome{Err: ErrUnknown, Cause: errors.New("response did not come in time")})
		s.mu.Lock()
		c.telling = false
		late := c.late
		s.mu.Unlock()
		if late != nil {
			c.done(*late)
		}
	}
}
