package smsc

import (
	"errors"
	"time"

	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// refusal is the status (SMPP 3.4 5.1.3) for user data that cannot be forwarded.
func refusal(err error) smpp.Status {
	switch {
	case errors.Is(err, errPayload):
		return rOptParNotAllwd
	case errors.Is(err, sms.ErrAddress):
		return smpp.RInvSrcAdr
	case errors.Is(err, errTooLong), errors.Is(err, errUDH), errors.Is(err, sms.ErrUDH), errors.Is(err, sms.ErrTPDU):
		return smpp.RInvMsgLen
	}
	return smpp.RSubmitFail
}

// submit handles submit_sm and data_sm (SMPP 3.4 4.4, 4.7).
func (x *exchange) submit(pdu *smpp.Message, dest smpp.Address) {
	s := x.b.s
	s.mu.Lock()
	m, at, st := s.take(x.b.acct, pdu, dest)
	if st != smpp.ROK {
		s.mu.Unlock()
		x.reply(st, &smpp.MessageResp{Bare: true})
		return
	}
	resp := &smpp.MessageResp{MessageID: m.id}
	if x.receiptFirst(m) {
		m.respond = func() { x.reply(smpp.ROK, resp) }
		s.release(m, at)
		s.at(s.now().Add(receiptWait), func(time.Time) { s.letGo(m) })
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	x.reply(smpp.ROK, resp)
	s.mu.Lock()
	s.release(m, at)
	s.mu.Unlock()
}

// receiptWait is how long a response is held back for its receipt.
const receiptWait = 2 * time.Second

// receiptFirst reports whether the receipt shall be there before the
// response. mu is held.
func (x *exchange) receiptFirst(m *message) bool {
	return (x.fault.Do == ReceiptFirst || x.b.s.o.Receipts.First) && m.want&3 != 0 && m.acct.receiver() != nil
}

// take checks, names and stores a message. mu is held.
func (s *SMSC) take(a *account, pdu *smpp.Message, dest smpp.Address) (*message, time.Time, smpp.Status) {
	now := s.now()
	if a.limiter != nil && !a.limiter.AllowN(now, 1) {
		return nil, now, smpp.RThrottled
	}
	at, err := parseTime(pdu.ScheduleTime, now)
	if err != nil {
		return nil, now, rInvSched
	}
	m, st := s.makeMessage(a, pdu, dest)
	if st != smpp.ROK {
		return nil, now, st
	}
	if pdu.ReplaceIfPresent == 1 {
		s.replaceOlder(m)
	}
	s.messages++
	return m, at, s.admit(m, s.messages)
}

// replaceOlder takes the place of a message of the same source, destination
// and service type that is not delivered yet (SMPP 3.4 5.2.18). mu is held.
func (s *SMSC) replaceOlder(m *message) {
	d := s.subs[m.to]
	if d == nil {
		return
	}
	for _, o := range d.queue {
		if o.acct == m.acct && !o.flying && o.source == m.source && o.service == m.service {
			o.want = 0
			s.end(o, smpp.StateDeleted, 0)
			return
		}
	}
}

// submitMulti handles submit_multi (SMPP 3.4 4.5): one id for all destinations,
// and a list of those that were not taken.
func (x *exchange) submitMulti(pdu *smpp.Multi) {
	s := x.b.s
	if len(pdu.Dests) == 0 {
		x.reply(rInvNumDests, &smpp.MultiResp{Bare: true})
		return
	}
	resp := &smpp.MultiResp{}
	var taken []*message
	s.mu.Lock()
	at, err := parseTime(pdu.ScheduleTime, s.now())
	if err != nil {
		s.mu.Unlock()
		x.reply(rInvSched, &smpp.MultiResp{Bare: true})
		return
	}
	s.messages++
	for _, d := range pdu.Dests {
		st := rInvDLName
		if d.List == "" {
			var m *message
			one := pdu.Message
			one.Dest = d.Address
			if m, st = s.makeMessage(x.b.acct, &one, d.Address); st == smpp.ROK {
				if st = s.admit(m, s.messages); st == smpp.ROK {
					taken, resp.MessageID = append(taken, m), m.id
				}
			}
		}
		if st != smpp.ROK {
			resp.Failed = append(resp.Failed, smpp.Unsuccess{Address: d.Address, Status: st})
		}
	}
	s.mu.Unlock()
	x.reply(smpp.ROK, resp)
	s.mu.Lock()
	for _, m := range taken {
		s.release(m, at)
	}
	s.mu.Unlock()
}
