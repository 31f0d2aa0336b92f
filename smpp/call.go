package smpp

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Outcome is what became of a request.
type Outcome struct {
	// Err is nil when the response is ESME_ROK, a *RefusedError when it is not,
	// and ErrNotSent or ErrUnknown when none came.
	Err   error
	Cause error // why no response came
	// Status is the command_status of the response, generic_nack included.
	Status Status
	Nack   bool // the peer answered with generic_nack
	// Body is the body of the response; it does not alias the frame.
	Body Body
	// Late: the request was reported as ErrUnknown before, and here is its response.
	Late bool
	Seq  uint32
	RTT  time.Duration
}

// MessageID is the message_id of a submit_sm_resp or data_sm_resp.
func (o Outcome) MessageID() string {
	if m, ok := o.Body.(*MessageResp); ok && m != nil {
		return m.MessageID
	}
	return ""
}

// Answered reports whether a response came, whatever it says.
func (o Outcome) Answered() bool {
	_, refused := errors.AsType[*RefusedError](o.Err)
	return o.Err == nil || refused
}

// RefusedError: the peer answered a request with another command_status than
// ESME_ROK, or with generic_nack. errors.Is finds the Status in it.
type RefusedError struct {
	Command CommandID // the request
	Status  Status
	Nack    bool // generic_nack (SMPP 3.4 4.3): the peer did not even know what it was
}

func (e *RefusedError) Error() string {
	if e.Nack {
		return fmt.Sprintf("%s refused with generic_nack: %v", e.Command, e.Status)
	}
	return fmt.Sprintf("%s refused: %v", e.Command, e.Status)
}

// Unwrap gives the Status.
func (e *RefusedError) Unwrap() error { return e.Status }

// call is one request on its way, a link of the list that is ordered by deadline.
type call struct {
	cmd        CommandID
	seq        uint32
	start      uint64 // where its octets begin in the stream
	sentAt     time.Time
	slot       bool // holds a place in the window
	done       func(Outcome)
	prev, next *call

	// Of a request that has timed out, under mu of the session.
	telling bool     // done hears of the time-out just now
	late    *Outcome // what came meanwhile: it is told after that
}

// finish reports the outcome and gives the slot back. It runs without locks,
// by whoever has taken the call out of the table.
func (c *call) finish(s *Session, o Outcome) {
	o.Seq, o.RTT = c.seq, time.Since(c.sentAt)
	s.release(c)
	c.done(o)
}

// Go sends a request when the window has room and calls done with its
// outcome: exactly once, or twice when a response comes after the time-out
// (Outcome.Late). done runs on the session's goroutines and must not block.
// An error means that done will not be called and nothing was sent.
func (s *Session) Go(ctx context.Context, cmd CommandID, body Body, done func(Outcome)) error {
	select {
	case s.slots <- struct{}{}:
	default:
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.drain:
			return ErrClosed
		case <-s.done:
			return s.ended()
		}
	}
	select {
	case <-s.drain:
		<-s.slots
		return ErrClosed
	default:
	}
	return s.start(cmd, body, true, done)
}

// Notify sends a request that has no answer: alert_notification or outbind
// (SMPP 3.4 4.12, 4.1.7). It
// takes no place in the window and does not block; nil says that it is on its way.
func (s *Session) Notify(cmd CommandID, body Body) error {
	if cmd != AlertNotification && cmd != Outbind {
		return ErrCommand
	}
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return s.ended()
	}
	seq := s.nextSeq()
	s.mu.Unlock()
	return s.write(Header{Command: cmd, Seq: seq}, body)
}

// Do is Go for callers that wait; its error is Outcome.Err: nil means that the
// peer has said ESME_ROK. When ctx ends first the request stays on its way and
// the outcome is ErrUnknown.
func (s *Session) Do(ctx context.Context, cmd CommandID, body Body) (Outcome, error) {
	ch := make(chan Outcome, 2)
	if err := s.Go(ctx, cmd, body, func(o Outcome) {
		if !o.Late {
			ch <- o
		}
	}); err != nil {
		return Outcome{}, err
	}
	select {
	case o := <-ch:
		return o, o.Err
	case <-ctx.Done():
		return Outcome{Err: ErrUnknown, Cause: ctx.Err()}, ErrUnknown
	}
}

func (s *Session) ended() error {
	if err := s.Err(); err != nil {
		return err
	}
	return ErrClosed
}

// start registers and queues a request; slot says that a place in the window is held.
func (s *Session) start(cmd CommandID, body Body, slot bool, done func(Outcome)) error {
	c := &call{cmd: cmd, slot: slot, done: done, sentAt: time.Now()}
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		s.release(c)
		return s.ended()
	}
	c.seq = s.nextSeq()
	s.calls[c.seq] = c
	// The list and the stream keep one order: both grow under mu.
	start, err := s.enqueue(Header{Command: cmd, Seq: c.seq}, body)
	if err != nil {
		delete(s.calls, c.seq)
		s.mu.Unlock()
		s.release(c)
		if errors.Is(err, errBacklog) {
			s.fail(err)
			return errors.Join(ErrNotSent, err)
		}
		return err
	}
	c.start = start
	if c.prev = s.last; c.prev != nil {
		c.prev.next = c
	} else {
		s.first = c
	}
	s.last = c
	s.mu.Unlock()
	return nil
}

// release gives the place in the window back.
func (s *Session) release(c *call) {
	if c.slot {
		<-s.slots
	}
}

// nextSeq counts 1 to 7FFFFFFF and starts again (SMPP 3.4 5.1.4), passing
// over numbers that are still waited for.
func (s *Session) nextSeq() uint32 {
	for {
		if s.seq++; s.seq > 0x7FFFFFFF {
			s.seq = 1
		}
		if _, waiting := s.calls[s.seq]; waiting {
			continue
		}
		if _, waiting := s.late[s.seq]; !waiting {
			return s.seq
		}
	}
}

// unlink takes a call out of the list and the table. mu is held.
func (s *Session) unlink(c *call) {
	delete(s.calls, c.seq)
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		s.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		s.last = c.prev
	}
	c.prev, c.next = nil, nil
}

// respond pairs a response with its request, whose sequence_number it has
// (SMPP 3.4 5.1.4). Only responses come here, so a
// request of the peer with the same number is never mistaken for one.
func (s *Session) respond(f Frame) {
	s.mu.Lock()
	c, late := s.calls[f.Seq], false
	if c == nil {
		if c = s.late[f.Seq]; c != nil {
			late = true
		}
	}
	if c != nil {
		if want, _ := c.cmd.Response(); f.Command != want && f.Command != GenericNack {
			c = nil // another kind of response: not ours
		}
	}
	switch {
	case c == nil:
	case late:
		delete(s.late, f.Seq)
	default:
		s.unlink(c)
	}
	s.mu.Unlock()
	if c == nil {
		s.opts.Logger.Debug("response without a request", "command", f.Command, "sequence", f.Seq)
		return
	}
	body, err := Parse(f)
	if err != nil && f.Status == ROK {
		s.limitedLog.Warn(s.opts.Logger, "response cannot be read", "sequence", f.Seq, "error", err)
	}
	o := Outcome{Status: f.Status, Nack: f.Command == GenericNack, Body: own(body), Late: late}
	if o.Nack || o.Status != ROK {
		o.Err = &RefusedError{Command: c.cmd, Status: o.Status, Nack: o.Nack}
	}
	if late {
		s.tellLate(c, o)
		return
	}
	c.finish(s, o)
}

// tellLate reports the response to a request whose time-out has been told, or
// is being told.
func (s *Session) tellLate(c *call, o Outcome) {
	o.Seq, o.RTT = c.seq, time.Since(c.sentAt)
	s.mu.Lock()
	telling := c.telling
	if telling {
		c.late = &o
	}
	s.mu.Unlock()
	if !telling {
		c.done(o)
	}
}

// own makes a response body independent of the frame that it was read from.
func own(b Body) Body {
	m, ok := b.(*MessageResp)
	if !ok {
		return b
	}
	for i, t := range m.TLVs {
		m.TLVs[i].Value = append([]byte(nil), t.Value...)
	}
	return m
}
