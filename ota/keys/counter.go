package keys

import (
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/ota"
)

// CounterMode says how a card checks the counter of a command packet (SPI1
// b5b4, TS 102 225 5.1.1).
type CounterMode byte

// Counter modes.
const (
	CounterHigher CounterMode = iota // 10: process when higher than the stored one
	CounterExact                     // 11: process when exactly one higher
)

// ModeOf is the counter mode of an SPI; packets without a checked counter
// (00, 01) count like CounterHigher, which harms nothing.
func ModeOf(spi ota.SPI) CounterMode {
	if spi.Counter() == ota.CounterNext {
		return CounterExact
	}
	return CounterHigher
}

// Bounds of counters (I3, F17).
const (
	// CounterStop is the first counter that is never sent: at FFFFFFFFFF a
	// card refuses everything for good.
	CounterStop ota.CNTR = 1<<40 - 1<<16
	// CounterAlarm is half of the space; the clock gets there in 2093.
	CounterAlarm ota.CNTR = 1 << 39
	// counterJump is how far the clock may raise a counter in one step.
	counterJump ota.CNTR = 400 * 24 * 60 * 60 << 8
)

// Errors of counters. They stop new packets to that card (all cards, when the
// clock is wrong) until somebody looks.
var (
	ErrCounterExhausted = errors.New("counter of the card is used up: replace its key set")
	ErrCounterJump      = errors.New("clock would raise the counter too far: check the clock, then advance the counter by hand")
)

// counterEpoch is 2025-01-01 00:00 UTC.
const counterEpoch = 1735689600

// FloorCounter is the lowest counter for a packet made at that time: seconds
// since 2025-01-01, shifted by 8. The 40 bits last until 2161. Restoring a
// backup raises every counter to the floor of two hours later.
func FloorCounter(now time.Time) ota.CNTR {
	s := now.Unix() - counterEpoch
	switch {
	case s < 0:
		return 0
	case s >= 1<<32:
		return ota.MaxCNTR
	}
	return ota.CNTR(s) << 8
}

// NextCounter is the counter of the next new packet, to be stored in the
// commit that stores the packet. last is the last one used, 0 for a card that
// was never sent to.
//
// It is the larger of last+1 and the floor of the clock: so that a database
// restored from a backup does not use a counter again that the card has seen
// (I3, F17), while a clock that goes backwards costs nothing. The clock may
// raise a counter by 400 days at most, and not past CounterAlarm
// (ErrCounterJump), so that one wrong time answer does not burn the space.
// A card with CounterExact gets exactly last+1: nothing but the stored value
// counts for it, and a restored backup needs a probe of the card.
// ErrCounterExhausted: the next counter would be CounterStop.
func NextCounter(last ota.CNTR, now time.Time, mode CounterMode) (ota.CNTR, error) {
	next := last + 1
	if next >= CounterStop {
		return 0, fmt.Errorf("%w: last %s, the end is %s", ErrCounterExhausted, last, CounterStop)
	}
	if mode == CounterExact {
		return next, nil
	}
	floor := FloorCounter(now)
	if floor <= next {
		return next, nil
	}
	if last != 0 && floor-last > counterJump || floor >= CounterAlarm && last < CounterAlarm {
		return 0, fmt.Errorf("%w: last %s, the clock says %s (%s)", ErrCounterJump, last, floor, now.UTC().Format(time.DateOnly))
	}
	return floor, nil
}

// ImportCounter is the counter to store for a key set that has been used
// before, by whoever had it (also by this gateway, before a restore): last is
// the last counter used, 0 for none. It is raised to the floor of the clock at
// once, because NextCounter would take a low one for a sign of a wrong clock
// (ErrCounterJump). A card with CounterExact keeps its counter. The error is
// ErrCounterJump when the clock itself is past CounterAlarm,
// ErrCounterExhausted when nothing is left.
func ImportCounter(last ota.CNTR, now time.Time, mode CounterMode) (ota.CNTR, error) {
	if last+1 >= CounterStop {
		return 0, fmt.Errorf("%w: last %s, the end is %s", ErrCounterExhausted, last, CounterStop)
	}
	floor := FloorCounter(now)
	if last == 0 || mode == CounterExact || floor <= last {
		return last, nil
	}
	if floor >= CounterAlarm {
		return 0, fmt.Errorf("%w: the clock says %s (%s)", ErrCounterJump, floor, now.UTC().Format(time.DateOnly))
	}
	return floor, nil
}
