package smsc

import (
	"bytes"
	"context"
	"time"

	"github.com/simsign/simsign/smpp"
)

// exchange is one request of an application on its way to a response, with
// the fault that hits it.
type exchange struct {
	b     *bind
	r     *smpp.Request
	fault Rule
}

func (b *bind) exchange(r *smpp.Request) *exchange {
	x := &exchange{b: b, r: r}
	b.s.mu.Lock()
	x.fault = b.s.faults.judge(r.Command)
	b.s.mu.Unlock()
	if x.fault.Do != "" {
		b.log.Info("fault", "command", r.Command, "fault", x.fault.Do)
	}
	return x
}

// before applies the faults that come before the request is looked at, and
// reports whether it is dealt with by that.
func (x *exchange) before(ctx context.Context) (dealt bool) {
	sess := x.r.Session()
	switch x.fault.Do {
	case DropBefore:
		sess.Close() // never fails
		return true
	case Stall:
		t := time.NewTimer(x.fault.For) // the reader waits here
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return true
		}
	case Refuse:
		x.r.Reply(x.fault.Status, refused(x.r.Command)) // the link is gone
		return true
	case Nack:
		x.b.wire.answer(x.r, x.fault)
		x.r.Reply(x.fault.Status, refused(x.r.Command)) // the link is gone
		return true
	default:
		x.b.intrude(x.fault, sess)
	}
	return false
}

// reply answers, as the fault wants it. It must not be called with mu held.
func (x *exchange) reply(st smpp.Status, body smpp.Body) {
	sess := x.r.Session()
	if x.b.muted.Load() {
		return
	}
	switch x.fault.Do {
	case DropAfter:
		sess.Close() // never fails
		return
	case Mute:
		return
	case Unbind:
		x.b.muted.Store(true)
		x.b.leaveSoon(sess)
		return
	case Late:
		time.AfterFunc(x.fault.For, func() { x.r.Reply(st, body) }) // the link is gone
		return
	case Cut, Duplicate, Reorder, WrongSeq:
		x.b.wire.answer(x.r, x.fault)
	}
	x.r.Reply(st, body) // the link is gone
}

// refused is the body of a response that says no: none, where SMPP 3.4 allows it
// (SMPP 3.4 4.4.2, 4.5.2, 4.8.2).
func refused(c smpp.CommandID) smpp.Body {
	switch c {
	case smpp.SubmitSM, smpp.DataSM:
		return &smpp.MessageResp{Bare: true}
	case smpp.SubmitMulti:
		return &smpp.MultiResp{Bare: true}
	case smpp.QuerySM:
		return &smpp.QueryResp{Bare: true}
	case smpp.BindReceiver, smpp.BindTransmitter, smpp.BindTransceiver:
		return &smpp.BindResp{Bare: true}
	}
	return nil
}

// intrude sends what a fault wants to come in between.
func (b *bind) intrude(f Rule, sess *smpp.Session) {
	junk := &smpp.Message{}
	switch f.Do {
	case SendAlert:
		sess.Notify(smpp.AlertNotification, &smpp.Alert{Source: smpp.Address{TON: 1, NPI: 1, Addr: "41790000000"}}) // the link is gone
		return
	case SendUnknown:
		b.wire.inject(smpp.AppendFrame(nil, smpp.Header{Command: 0x00010200, Seq: 0x00FACADE}, []byte("no such command")))
		return
	case SendEmpty:
		b.junk(smpp.DeliverSM, junk)
	case SendPayload:
		junk.TLVs = smpp.TLVs{{Tag: smpp.TagMessagePayload, Value: bytes.Repeat([]byte{0xA5}, 0xFFFF)}}
		b.junk(smpp.DeliverSM, junk)
	case SendData:
		b.junk(smpp.DataSM, asData(&smpp.Message{ShortMessage: []byte("junk")}))
	}
}

// junk queues a request that nobody misses.
func (b *bind) junk(cmd smpp.CommandID, body smpp.Body) {
	s := b.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.acct == nil || !b.kind.receives() {
		return
	}
	it := b.acct.newItem(kindJunk, cmd, body)
	if it.enqueue() {
		b.acct.assign()
	}
}

// tamper applies a fault to a request of ours before it is sent. ended says
// that the link is cut instead.
func (b *bind) tamper(it *item, f Rule) (cmd smpp.CommandID, body smpp.Body, ended bool) {
	cmd, body = it.cmd, it.body
	m, isMessage := body.(*smpp.Message)
	switch f.Do {
	case DropBefore:
		b.sess.Close() // never fails
		return cmd, body, true
	case Late:
		t := time.NewTimer(f.For)
		defer t.Stop()
		select {
		case <-t.C:
		case <-b.sess.Done():
		}
	case LostAck:
		b.s.mu.Lock()
		it.lostAck = true
		b.s.mu.Unlock()
	case AsData:
		if isMessage {
			cmd, body = smpp.DataSM, asData(m)
		}
	case AsPayload:
		if isMessage && len(m.ShortMessage) > 0 {
			body = asPayload(m)
		}
	case Unbind:
		b.leaveSoon(b.sess)
		return cmd, body, true
	default:
		b.intrude(f, b.sess)
	}
	return cmd, body, false
}
