package smsc

import (
	"context"

	"github.com/simsign/simsign/smpp"
)

// send sends one item; the pump calls it.
func (b *bind) send(it *item) {
	s := b.s
	s.mu.Lock()
	it.tries++
	f := s.faults.judge(it.cmd)
	if f.Do != "" {
		b.log.Info("fault", "command", it.cmd, "fault", f.Do)
	}
	it.record(MOSent, smpp.ROK)
	s.mu.Unlock()
	cmd, body, ended := b.tamper(it, f)
	if ended {
		b.unsent(it, nil)
		return
	}
	if it.kind == kindAlert {
		b.sess.Notify(cmd, body) // nobody answers, nobody misses it
		s.mu.Lock()
		delete(b.flying, it)
		it.drop(smpp.ROK)
		it.acct.assign()
		s.mu.Unlock()
		return
	}
	b.wire.expect(f)
	err := b.sess.Go(context.Background(), cmd, body, func(o smpp.Outcome) { b.answered(it, cmd, o) })
	if err != nil {
		b.wire.unexpect()
		b.unsent(it, err)
		return
	}
	if it.msg != nil {
		s.mu.Lock()
		s.letGo(it.msg)
		s.mu.Unlock()
	}
}

// unsent is an item that did not leave: because the link has ended, or
// because it cannot be coded.
func (b *bind) unsent(it *item, err error) {
	s := b.s
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(b.flying, it)
	select {
	case <-b.sess.Done():
		err = nil
	default:
	}
	if err == nil || b.leaving {
		b.leaving = true
		it.again(0)
		return
	}
	b.log.Error("request cannot be sent", "command", it.cmd, "error", err)
	it.drop(smpp.RSysErr)
	it.acct.assign()
}

// answered hears what became of an item that was sent as cmd.
func (b *bind) answered(it *item, cmd smpp.CommandID, o smpp.Outcome) {
	s := b.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if !o.Late {
		delete(b.flying, it)
	}
	select {
	case <-b.sess.Done():
		b.leaving = true // so that nothing is assigned to it again
	default:
	}
	defer it.acct.assign()
	switch {
	case it.done, o.Late && o.Err != nil:
	case !o.Answered() && b.leaving:
		it.again(0)
	case !o.Answered():
		b.log.Warn("no answer, to be sent again", "command", it.cmd)
		it.again(s.pause(it.tries - 1))
	case o.Err == nil && it.lostAck:
		it.lostAck = false
		it.again(s.pause(0))
	case o.Err == nil:
		it.finish()
		it.record(MOAcknowledged, smpp.ROK)
	case cmd != it.cmd && (o.Nack || permanent(o.Status)):
		it.again(0) // it does not know data_sm
	case permanent(o.Status):
		b.log.Warn("refused for good", "command", it.cmd, "status", o.Status)
		it.drop(o.Status)
	default:
		b.log.Info("refused for now, to be sent again", "command", it.cmd, "status", o.Status)
		it.again(s.pause(it.tries - 1))
	}
}
