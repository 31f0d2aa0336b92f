package smsc

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// message is one submitted message for one destination.
type message struct {
	n       uint64
	id      string
	acct    *account
	pdu     *smpp.Message // as it came; nil at its end
	source  smpp.Address
	dest    smpp.Address
	service string
	to      sms.MSISDN
	tpdus   [][]byte // what is still to go to the handset
	size    int

	state    smpp.MessageState // SMPP 3.4 5.2.28
	err      byte              // network error code, 0 is none
	accepted time.Time
	due      time.Time // schedule_delivery_time, SMPP 3.4 5.2.15
	expires  time.Time // validity_period, SMPP 3.4 5.2.16
	ended    time.Time
	want     byte   // registered_delivery
	reserved bool   // there is a place for the receipt
	text     string // beginning, for the receipt

	timer  *timed // schedule, then expiry, then the day when it is forgotten
	flying bool   // one of its TPDUs is with the network
	// respond sends the response that was held back for a receipt to go first.
	respond func()
}

// Statuses of SMPP 3.4 5.1.3 that package smpp does not name.
const (
	rCancelFail     smpp.Status = 0x11
	rReplaceFail    smpp.Status = 0x13
	rInvDLName      smpp.Status = 0x34
	rInvSched       smpp.Status = 0x61
	rQueryFail      smpp.Status = 0x67
	rOptParNotAllwd smpp.Status = 0xC1
	rInvNumDests    smpp.Status = 0x33
)

// destination finds the number that a message goes to; only an unknown or an
// international type of number names one here (SMPP 3.4 5.2.5). Many applications send
// international numbers with an unknown type of number.
func destination(a smpp.Address) (sms.MSISDN, error) {
	if a.TON > 1 {
		return "", fmt.Errorf("type of number %d, must be 0 or 1", a.TON)
	}
	return sms.ParseMSISDN(a.Addr)
}

// make reads a submitted message for one destination. A status other than
// ESME_ROK refuses it. mu is held.
func (s *SMSC) makeMessage(a *account, pdu *smpp.Message, dest smpp.Address) (*message, smpp.Status) {
	now := s.now()
	m := &message{acct: a, pdu: pdu, source: pdu.Source, dest: dest, service: pdu.ServiceType, state: smpp.StateEnroute, accepted: now, want: pdu.RegisteredDelivery}
	var err error
	if m.to, err = destination(dest); err != nil {
		return nil, smpp.RInvDstAdr
	}
	if m.source.Addr == "" && len(a.numbers) > 0 {
		m.source = address(a.numbers[0])
	}
	if m.expires, err = parseTime(pdu.ValidityPeriod, now); err != nil {
		return nil, smpp.RInvExpiry
	}
	if m.expires.IsZero() {
		m.expires = now.Add(s.o.Limits.Validity)
	}
	if most := now.Add(s.o.Limits.MaxValidity); m.expires.After(most) {
		m.expires = most
	}
	if !m.expires.After(now) {
		return nil, smpp.RInvExpiry
	}
	s.ref++
	if m.tpdus, err = deliverTPDUs(pdu, m.source, s.ref, now); err != nil {
		return nil, refusal(err)
	}
	for _, t := range m.tpdus {
		m.size += len(t)
	}
	m.size += len(pdu.UserData()) + 256
	m.text = textOf(pdu)
	return m, smpp.ROK
}

// admit gives the message an id and stores it. It is forwarded only after
// release, so that the response can leave first. mu is held.
func (s *SMSC) admit(m *message, n uint64) smpp.Status {
	l := &s.o.Limits
	if s.pending >= l.Messages || s.octets+m.size > l.Octets {
		return smpp.RMsgQFul
	}
	if m.want&3 != 0 {
		if !m.acct.room() {
			return smpp.RMsgQFul
		}
		m.reserved = true
	}
	m.n, m.id = n, s.o.IDs.format(n)
	s.pending++
	s.octets += m.size
	if m.id != "" {
		s.byID[m.id] = append(s.byID[m.id], m)
	}
	s.write(Entry{Event: Accepted, SystemID: m.acct.SystemID, ID: m.id, Message: m.pdu})
	return smpp.ROK
}

// release lets a message go at its time. mu is held.
func (s *SMSC) release(m *message, at time.Time) {
	if m.state != smpp.StateEnroute {
		return
	}
	if m.due = at; at.After(s.now()) {
		m.timer = s.at(at, func(time.Time) { s.release(m, time.Time{}) })
		return
	}
	m.timer = s.at(m.expires, func(time.Time) { s.expire(m) })
	d := s.destinationOf(m.to)
	d.queue = append(d.queue, m)
	s.push(d)
}

// expire ends a message whose validity period is over. One that is with the
// network waits for the outcome. mu is held.
func (s *SMSC) expire(m *message) {
	if !m.flying {
		s.end(m, smpp.StateExpired, 0)
	}
}

// end brings a message to a final state. mu is held.
func (s *SMSC) end(m *message, state smpp.MessageState, code byte) {
	if m.state != smpp.StateEnroute {
		return
	}
	m.state, m.err, m.ended = state, code, s.now()
	s.pending--
	s.octets -= m.size
	s.timeline.remove(m.timer)
	s.unqueue(m)
	s.write(Entry{Event: Ended, SystemID: m.acct.SystemID, ID: m.id, State: state, Message: m.pdu})
	s.receipt(m)
	m.pdu, m.tpdus = nil, nil
	s.finals = append(s.finals, m)
	m.timer = s.at(m.ended.Add(s.o.Limits.Keep), func(time.Time) { s.forget(m) })
	for len(s.finals) > s.o.Limits.Finals {
		s.forget(s.finals[0])
	}
}

// forget drops a message at its end; the oldest goes first. mu is held.
func (s *SMSC) forget(m *message) {
	s.finals = without(s.finals, m)
	s.timeline.remove(m.timer)
	if same := without(s.byID[m.id], m); len(same) > 0 {
		s.byID[m.id] = same
	} else {
		delete(s.byID, m.id)
	}
}

// without takes an element out of a list; it is the first most of the time.
func without[T comparable](list []T, x T) []T {
	switch i := slices.Index(list, x); i {
	case -1:
		return list
	case 0:
		var zero T
		list[0] = zero
		return list[1:]
	default:
		return slices.Delete(list, i, i+1)
	}
}

// textOf is the beginning of a message for receipts; binary messages have none.
func textOf(pdu *smpp.Message) string {
	u, err := readUserData(pdu)
	if err != nil || sms.AlphabetOf(u.dcs) != sms.AlphabetGSM {
		return ""
	}
	text := sms.DecodeGSM(u.data[:min(len(u.data), 20)])
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '.'
		}
		return r
	}, text)
}
