package loopback

import "github.com/simsign/simsign/ota/sms"

// SetFaults replaces the faults of a number and direction and starts to count
// from 1 again. No faults clears them.
func (n *Network) SetFaults(number sms.MSISDN, d Direction, faults ...Fault) {
	n.mu.Lock()
	defer n.unlock(nil)
	if s := n.subscriber(number); s != nil {
		l := &s.lanes[d]
		l.faults, l.count = append([]Fault(nil), faults...), 0
	}
}

// SetReachable switches a number off, or takes it out of coverage, as the
// network sees it: messages to it wait, its own are refused with cause 38. The
// endpoint stays attached and does not know. (A handset that knows is switched
// off by itself: it detaches.)
func (n *Network) SetReachable(number sms.MSISDN, yes bool) {
	n.mu.Lock()
	defer n.unlock(nil)
	if s := n.subscriber(number); s != nil {
		s.unreachable = !yes
		s.release()
		n.pump(s)
		if yes && s.port != nil {
			n.available(number)
		}
	}
}

// Attached tells whether an endpoint holds the number now.
func (n *Network) Attached(number sms.MSISDN) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.subs[number]
	return s != nil && s.port != nil
}

// Waiting counts the messages to a number that are stored or not yet answered.
func (n *Network) Waiting(number sms.MSISDN) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.subs[number]
	if s == nil {
		return 0
	}
	w := len(s.queue)
	if s.port != nil {
		w += s.port.inflight.used
	}
	return w
}
