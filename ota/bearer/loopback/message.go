package loopback

import (
	"time"

	"github.com/simsign/simsign/ota/sms"
)

// message is a short message in the store of the network.
type message struct {
	from, to  sms.MSISDN
	seq       uint64 // order of acceptance
	expires   time.Time
	notBefore time.Time // next try; zero is at once
	tries     int
	held      bool // waits for RP-SMMA (TS 24.011 7.3.2) or notBefore
	sent      time.Time

	report bool // the sender wants a status report
	mr     byte // TP-MR of the sender (TS 23.040 9.2.3.6)
	scts   sms.Timestamp

	done   func(Outcome) // of a message that a Centre forwards
	submit *submission   // of a message to a Centre

	size int
	buf  [tpduMax]byte // SMS-DELIVER or SMS-STATUS-REPORT; inline to save an allocation
}

// tpduMax is the longest TPDU to an endpoint: SMS-DELIVER with 140 octets of user
// data (TS 23.040 9.2.2.1, TS 23.040 9.2.3.16).
const tpduMax = 1 + 12 + 1 + 1 + 7 + 1 + 140

func (m *message) tpdu() []byte { return m.buf[:m.size] }

// inflight are the messages that wait for the answer of an endpoint, by
// RP-Message-Reference (TS 24.011 8.2.3). The lowest free reference is taken, so the table of a
// handset stays short.
type inflight struct {
	byRef []*message
	used  int
}

const maxInflight = 256

func (f *inflight) add(m *message) (byte, bool) {
	if f.used < len(f.byRef) {
		for i, o := range f.byRef {
			if o == nil {
				f.byRef[i] = m
				f.used++
				return byte(i), true
			}
		}
	}
	if len(f.byRef) == maxInflight {
		return 0, false
	}
	f.byRef = append(f.byRef, m)
	f.used++
	return byte(len(f.byRef) - 1), true
}

func (f *inflight) take(ref byte) *message {
	if int(ref) >= len(f.byRef) || f.byRef[ref] == nil {
		return nil
	}
	m := f.byRef[ref]
	f.byRef[ref] = nil
	f.used--
	return m
}

// due is when the timer has to look at a waiting message again.
func (m *message) due() time.Time {
	if m.held && m.notBefore.Before(m.expires) {
		return m.notBefore
	}
	return m.expires
}
