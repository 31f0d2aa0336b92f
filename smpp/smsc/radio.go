package smsc

import (
	"slices"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// subscriber is a number with messages for it. One TPDU is under way at a
// time, so they arrive in order.
type subscriber struct {
	number  sms.MSISDN
	queue   []*message
	flying  *message
	ready   bool   // is in SMSC.ready
	blocked *timed // the next try after a failure
	tries   int    // failures in a row
	back    uint64 // counts how often the network said that it is back
	// alerts are the accounts that hear when it is back.
	alerts []*account
}

func (s *SMSC) destinationOf(n sms.MSISDN) *subscriber {
	d := s.subs[n]
	if d == nil {
		d = &subscriber{number: n}
		s.subs[n] = d
	}
	return d
}

// push puts a subscriber in line where something can be forwarded to it. mu is held.
func (s *SMSC) push(d *subscriber) {
	if d.ready || d.flying != nil || d.blocked != nil {
		return
	}
	if len(d.queue) == 0 {
		if len(d.alerts) == 0 {
			delete(s.subs, d.number)
		}
		return
	}
	d.ready = true
	s.ready = append(s.ready, d)
	s.kick()
}

// unqueue takes a message out of the line of its subscriber. mu is held.
func (s *SMSC) unqueue(m *message) {
	d := s.subs[m.to]
	if d == nil {
		return
	}
	d.queue = without(d.queue, m)
	if len(d.queue) == 0 && d.blocked != nil {
		s.timeline.remove(d.blocked)
		d.blocked, d.tries = nil, 0
	}
	s.push(d)
}

// flight is one try that the run loop makes.
type flight struct {
	d    *subscriber
	m    *message
	tpdu []byte
	back uint64
}

// flights takes what can be forwarded now. mu is held.
func (s *SMSC) flights(out []flight) []flight {
	for _, d := range s.ready {
		d.ready = false
		if d.flying != nil || d.blocked != nil || len(d.queue) == 0 {
			s.push(d) // to be forgotten, maybe
			continue
		}
		m := d.queue[0]
		d.flying, m.flying = m, true
		out = append(out, flight{d, m, m.tpdus[0], d.back})
	}
	clear(s.ready)
	s.ready = s.ready[:0]
	return out
}

// forward makes one try; mu is not held.
func (s *SMSC) forward(f flight) {
	if s.o.Sink != nil && s.o.Sink(f.d.number) {
		s.forwarded(f, loopback.Outcome{Fate: loopback.Taken})
		return
	}
	from, _ := sms.ParseMSISDN(f.m.source.Addr) // a name is no number: the trace does without
	s.net.Forward(from, f.d.number, f.tpdu, func(o loopback.Outcome) { s.forwarded(f, o) })
}

// forwarded hears what became of a try.
func (s *SMSC) forwarded(f flight, o loopback.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, d := f.m, f.d
	d.flying, m.flying = nil, false
	defer s.push(d)
	switch o.Fate {
	case loopback.Taken:
		d.tries = 0
		if m.tpdus = m.tpdus[1:]; len(m.tpdus) == 0 {
			s.end(m, smpp.StateDelivered, 0)
		}
	case loopback.Refused:
		s.end(m, smpp.StateUndeliverable, byte(o.Cause))
	case loopback.Unknown:
		s.end(m, smpp.StateUndeliverable, byte(rp.UnassignedNumber))
	default:
		if !m.expires.After(s.now()) {
			s.end(m, smpp.StateExpired, byte(o.Cause))
		}
		if f.back != d.back && o.Fate != loopback.Full {
			return // it came back meanwhile
		}
		if o.Fate == loopback.Absent && !slices.Contains(d.alerts, m.acct) && !s.o.NoAlerts && len(s.subs) <= s.o.Limits.Messages {
			d.alerts = append(d.alerts, m.acct)
		}
		s.block(d)
	}
}

// block lets the messages of a subscriber wait before another try. mu is held.
func (s *SMSC) block(d *subscriber) {
	if len(d.queue) == 0 {
		return
	}
	d.blocked = s.at(s.now().Add(s.pause(d.tries)), func(time.Time) {
		d.blocked = nil
		s.push(d)
	})
	d.tries++
}

// pause is the time before another try: it doubles up to a bound.
func (s *SMSC) pause(tries int) time.Duration {
	return min(s.o.Limits.RetryFirst<<min(tries, 16), s.o.Limits.RetryMost)
}

// available hears from the network that a handset can be reached.
func (s *SMSC) available(n sms.MSISDN) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.subs[n]
	if d == nil {
		return
	}
	d.back++
	d.tries = 0
	s.timeline.remove(d.blocked)
	d.blocked = nil
	for _, a := range d.alerts {
		a.alert(n)
	}
	d.alerts = nil
	s.push(d)
}

// submitted takes an SMS-SUBMIT (TS 23.040 9.2.2.2) of a handset to a number of
// an account, and answers with an RP cause (TS 24.011 8.2.5.4).
func (s *SMSC) submitted(from, to sms.MSISDN, tpdu []byte, answer func(rp.Cause)) {
	t, err := sms.ParseSubmit(tpdu)
	if err != nil {
		answer(rp.InvalidMandatory)
		return
	}
	m := moMessage(from, to, &t)
	s.mu.Lock()
	ok := s.numbers[to].mo(m)
	s.mu.Unlock()
	if ok {
		answer(0)
	} else {
		answer(rp.Congestion)
	}
}
