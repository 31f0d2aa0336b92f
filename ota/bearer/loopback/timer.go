package loopback

import "time"

// tickFloor keeps a wrong due time from making the timer spin.
const tickFloor = 10 * time.Millisecond

// arm makes the timer fire no later than at; mu is held.
func (n *Network) arm(at time.Time) {
	if n.closed || !n.timerAt.IsZero() && !at.Before(n.timerAt) {
		return
	}
	n.timerAt = at
	wait := max(at.Sub(n.now()), tickFloor)
	if n.timer == nil {
		n.timer = time.AfterFunc(wait, n.tick)
	} else {
		n.timer.Reset(wait)
	}
}

// tick gives up what has expired, retries what has waited, and cuts off
// endpoints that do not answer.
func (n *Network) tick() {
	n.mu.Lock()
	defer n.unlock(nil)
	now := n.now()
	n.timerAt = time.Time{}
	var next time.Time
	for _, s := range n.subs {
		n.expire(s, now)
		n.pump(s)
		for _, m := range s.queue {
			next = earlier(next, m.due())
		}
		if s.port != nil && s.port.inflight.used > 0 {
			next = earlier(next, n.watch(s.port, now))
		}
	}
	if !next.IsZero() {
		n.arm(next)
	}
}

// expire drops what is too old and frees what has waited long enough; mu is held.
func (n *Network) expire(s *subscriber, now time.Time) {
	var old []*message
	keep := s.queue[:0]
	for _, m := range s.queue {
		if !m.expires.After(now) {
			old = append(old, m)
			continue
		}
		if m.held && !m.notBefore.After(now) {
			m.held = false
		}
		keep = append(keep, m)
	}
	clear(s.queue[len(keep):])
	s.queue = keep
	for _, m := range old { // a report may join this very queue
		n.observe(Event{Kind: "expire", From: m.from, To: m.to, TPDU: m.tpdu()})
		n.finish(m, statusExpired)
	}
}

// watch closes a port that has left a message unanswered for too long, and
// says when to look again; mu is held.
func (n *Network) watch(p *port, now time.Time) time.Time {
	var next time.Time
	for _, m := range p.inflight.byRef {
		if m != nil {
			next = earlier(next, m.sent.Add(n.o.AnswerTimeout))
		}
	}
	if !next.After(now) {
		n.log.Warn("network cuts off an endpoint that does not answer", "msisdn", p.sub.number)
		p.conn.Close() // its reader detaches it and the messages wait for the next attach
		return now.Add(n.o.AnswerTimeout)
	}
	return next
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
