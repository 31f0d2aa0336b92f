package smsc

import "github.com/simsign/simsign/smpp"

// find is the messages of an account with that message_id (SMPP 3.4 5.2.23), and
// that source where one is given. mu is held.
func (s *SMSC) find(a *account, id string, source smpp.Address) (out []*message) {
	for _, m := range s.byID[id] {
		if m.acct == a && (source.Addr == "" || source.Addr == m.source.Addr) {
			out = append(out, m)
		}
	}
	return out
}

// query handles query_sm (SMPP 3.4 4.8.1). Of a submit_multi it tells the state
// of the first destination.
func (x *exchange) query(q *smpp.Query) {
	s := x.b.s
	s.mu.Lock()
	found := s.find(x.b.acct, q.MessageID, q.Source)
	if len(found) == 0 {
		s.mu.Unlock()
		x.reply(rQueryFail, &smpp.QueryResp{Bare: true})
		return
	}
	m := found[0]
	resp := &smpp.QueryResp{MessageID: m.id, FinalDate: formatTime(m.ended), State: byte(m.state), ErrorCode: m.err}
	s.mu.Unlock()
	x.reply(smpp.ROK, resp)
}

// cancel handles cancel_sm (SMPP 3.4 4.9): one message by its id, or without an id all
// of that source, destination and service type.
func (x *exchange) cancel(c *smpp.Cancel) {
	s := x.b.s
	s.mu.Lock()
	var found []*message
	if c.MessageID != "" {
		found = s.find(x.b.acct, c.MessageID, c.Source)
	} else if to, err := destination(c.Dest); err == nil && s.subs[to] != nil {
		for _, m := range s.subs[to].queue {
			if m.acct == x.b.acct && m.source.Addr == c.Source.Addr && (c.ServiceType == "" || c.ServiceType == m.service) {
				found = append(found, m)
			}
		}
	}
	st := rCancelFail
	for _, m := range found {
		if m.state == smpp.StateEnroute && !m.flying {
			s.end(m, smpp.StateDeleted, 0)
			st = smpp.ROK
		}
	}
	if len(found) == 0 {
		st = smpp.RInvMsgID
	}
	s.mu.Unlock()
	x.reply(st, nil)
}

// replace handles replace_sm (SMPP 3.4 4.10): new text, times and receipt for a
// message that waits. It goes to the end of the line.
func (x *exchange) replace(r *smpp.Replace) {
	s := x.b.s
	s.mu.Lock()
	st := s.replaceMessage(x.b.acct, r)
	s.mu.Unlock()
	x.reply(st, nil)
}

func (s *SMSC) replaceMessage(a *account, r *smpp.Replace) smpp.Status {
	found := s.find(a, r.MessageID, r.Source)
	if len(found) == 0 {
		return smpp.RInvMsgID
	}
	old := found[0]
	if old.state != smpp.StateEnroute || old.flying || len(found) > 1 {
		return rReplaceFail
	}
	pdu := *old.pdu
	pdu.ShortMessage, pdu.RegisteredDelivery, pdu.TLVs = r.ShortMessage, r.RegisteredDelivery, nil
	if r.ValidityPeriod != "" {
		pdu.ValidityPeriod = r.ValidityPeriod
	}
	if r.ScheduleTime != "" {
		pdu.ScheduleTime = r.ScheduleTime
	}
	at, err := parseTime(r.ScheduleTime, s.now())
	if err != nil {
		return rInvSched
	}
	if r.ScheduleTime == "" {
		at = old.due
	}
	m, st := s.makeMessage(a, &pdu, old.dest)
	if st != smpp.ROK {
		return st
	}
	if r.ValidityPeriod == "" {
		m.expires = old.expires
	}
	switch m.reserved = m.want&3 != 0; {
	case m.reserved && !old.reserved && !a.room():
		return smpp.RMsgQFul
	case !m.reserved && old.reserved:
		a.held--
	}
	m.n, m.id, m.accepted = old.n, old.id, old.accepted
	s.octets += m.size - old.size
	s.timeline.remove(old.timer)
	old.state = smpp.StateDeleted
	s.unqueue(old)
	s.byID[m.id] = []*message{m}
	s.write(Entry{Event: Accepted, SystemID: a.SystemID, ID: m.id, Message: m.pdu})
	s.release(m, at)
	return smpp.ROK
}

// Waiting counts the messages that are submitted and not at their end, and
// the requests that wait for applications, receipts to come included.
func (s *SMSC) Waiting() (messages, requests int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		requests += a.held
	}
	return s.pending, requests
}

// Binds tells who is bound, by system id.
func (s *SMSC) Binds() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for id, a := range s.accounts {
		if len(a.binds) > 0 {
			out[id] = len(a.binds)
		}
	}
	return out
}

// SetFaults replaces the script and counts from the beginning. The numbering
// holds for new connections.
func (s *SMSC) SetFaults(script *Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = newFaults(script)
}

// Unbind asks every bind of an account to go, as before maintenance.
func (s *SMSC) Unbind(systemID string) {
	s.mu.Lock()
	var binds []*bind
	if a := s.accounts[systemID]; a != nil {
		binds = append(binds, a.binds...)
	}
	s.mu.Unlock()
	for _, b := range binds {
		b.leaveSoon(b.sess)
	}
}

// Cut closes the connections of an account without a word.
func (s *SMSC) Cut(systemID string) {
	s.mu.Lock()
	var binds []*bind
	if a := s.accounts[systemID]; a != nil {
		binds = append(binds, a.binds...)
	}
	s.mu.Unlock()
	for _, b := range binds {
		b.sess.Close() // never fails
	}
}
