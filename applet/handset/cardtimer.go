package handset

import (
	"time"

	"github.com/simsign/simsign/ota/sms"
)

// Qualifiers of TIMER MANAGEMENT (TS 102 223 8.6).
const (
	timerStart = 0x00
	timerStop  = 0x01
	timerValue = 0x02
)

// timerManagement starts, stops and reads the card's eight timers
// (TS 102 223 6.4.21).
func (t *toolkit) timerManagement() {
	c := &t.running
	if len(c.timerID) != 1 || c.timerID[0] < 1 || c.timerID[0] > 8 {
		t.respond(ValuesMissing, nil)
		return
	}
	id := c.timerID[0]
	which := timerCard + int(id) - 1
	left := time.Until(t.clock.at[which])
	switch c.qualifier & 0x03 {
	case timerStart:
		d, ok := timerDuration(c.timerValue)
		if !ok {
			t.respond(ValuesMissing, nil)
			return
		}
		t.clock.set(which, d)
		t.respondWith(Done, nil, appendTLV(nil, comprehension|tagTimerID, id), span{})
		return
	case timerStop, timerValue:
		if !t.clock.running(which) {
			t.respond(0x24, nil) // action in contradiction with the current timer state
			return
		}
	}
	if c.qualifier&0x03 == timerStop {
		t.clock.clear(which)
	}
	b := appendTLV(nil, comprehension|tagTimerID, id)
	t.respondWith(Done, nil, appendTLV(b, comprehension|tagTimerValue, timerOctets(left)...), span{})
}

// cardTimerExpired tells the card: ENVELOPE (TIMER EXPIRATION) (TS 102 223 7.4).
func (t *toolkit) cardTimerExpired(id byte) {
	b := append(t.card.buf[:0], 0x80, insEnvelope, 0, 0, 14, berTimer, 12,
		comprehension|tagDevices, 2, devTerminal, devCard, comprehension|tagTimerID, 1, id,
		comprehension|tagTimerValue, 3, 0, 0, 0)
	t.card.buf = b
	if _, sw := t.card.apdu("ENVELOPE (TIMER EXPIRATION)", b, span{}); sw == statusBusy {
		t.clock.set(timerCard+int(id)-1, time.Second) // the card must hear of it
	}
	t.proceed()
}

// timerDuration reads hours, minutes and seconds in swapped digits
// (TS 102 223 8.38).
func timerDuration(v []byte) (time.Duration, bool) {
	if len(v) != 3 {
		return 0, false
	}
	val := sms.Validity{Format: sms.ValidityEnhanced, Enhanced: [7]byte{0x03, v[0], v[1], v[2]}}
	d, ok := val.Duration()
	return d, ok && d > 0
}

func timerOctets(d time.Duration) []byte {
	s := max(int(d/time.Second), 0)
	swap := func(n int) byte { return byte(n%10<<4 | n/10) }
	return []byte{swap(s / 3600), swap(s / 60 % 60), swap(s % 60)}
}
