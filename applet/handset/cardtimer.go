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

// timerManagement starts, stops and reads the card's eight timers.
func (h *Handset) timerManagement() {
	c := &h.running
	if len(c.timerID) != 1 || c.timerID[0] < 1 || c.timerID[0] > 8 {
		h.respond(ValuesMissing, nil)
		return
	}
	id := c.timerID[0]
	which := timerCard + int(id) - 1
	left := time.Until(h.clock.at[which])
	switch c.qualifier & 0x03 {
	case timerStart:
		d, ok := timerDuration(c.timerValue)
		if !ok {
			h.respond(ValuesMissing, nil)
			return
		}
		h.clock.set(which, d)
		h.respondWith(Done, nil, appendTLV(nil, comprehension|tagTimerID, id), span{})
		return
	case timerStop, timerValue:
		if !h.clock.running(which) {
			h.respond(0x24, nil) // action in contradiction with the current timer state
			return
		}
	}
	if c.qualifier&0x03 == timerStop {
		h.clock.clear(which)
	}
	b := appendTLV(nil, comprehension|tagTimerID, id)
	h.respondWith(Done, nil, appendTLV(b, comprehension|tagTimerValue, timerOctets(left)...), span{})
}

// cardTimerExpired tells the card: ENVELOPE (TIMER EXPIRATION) (TS 102 223 7.4).
func (h *Handset) cardTimerExpired(id byte) {
	b := append(h.apduBuf[:0], 0x80, insEnvelope, 0, 0, 14, berTimer, 12,
		comprehension|tagDevices, 2, devTerminal, devCard, comprehension|tagTimerID, 1, id,
		comprehension|tagTimerValue, 3, 0, 0, 0)
	h.apduBuf = b
	if _, sw := h.apdu("ENVELOPE (TIMER EXPIRATION)", b, span{}); sw == statusBusy {
		h.clock.set(timerCard+int(id)-1, time.Second) // the card must hear of it
	}
	h.proceed()
}

// timerDuration reads hours, minutes and seconds in swapped digits.
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

// expired is what a clock does when it has run out.
func (h *Handset) expired(which int) {
	switch which {
	case timerPrompt:
		h.promptExpired()
	case timerDriver:
		h.driverDue()
	case timerNotice:
		h.clearScreen()
	case timerNetwork:
		h.networkTimeout()
	case timerLater:
		h.releaseDue()
	case timerPoll:
		h.pollCard()
	default:
		h.cardTimerExpired(byte(which - timerCard + 1))
	}
}
