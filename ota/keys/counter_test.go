package keys_test

import (
	"errors"
	"testing"
	"time"

	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
)

// Supports: F14, F17, I3
func TestNextCounter(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	floor := keys.FloorCounter(at)
	day := ota.CNTR(24 * 60 * 60 << 8)
	late := time.Date(2095, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name string
		last ota.CNTR
		now  time.Time
		mode keys.CounterMode
		want ota.CNTR
		err  error
	}{
		{"new card begins at the floor", 0, at, keys.CounterHigher, floor, nil},
		{"idle card jumps to the floor", floor - day, at, keys.CounterHigher, floor, nil},
		{"more than 256 a second runs ahead", floor + 5, at, keys.CounterHigher, floor + 6, nil},
		{"equal to the floor goes on", floor, at, keys.CounterHigher, floor + 1, nil},
		{"clock a year behind", floor, at.AddDate(-1, 0, 0), keys.CounterHigher, floor + 1, nil},
		{"clock before the epoch", 7, time.Unix(0, 0), keys.CounterHigher, 8, nil},
		{"400 days are taken", floor - 400*day, at, keys.CounterHigher, floor, nil},
		{"401 days are refused", floor - 401*day, at, keys.CounterHigher, 0, keys.ErrCounterJump},
		{"imported low counter needs a hand", 1, at, keys.CounterHigher, 0, keys.ErrCounterJump},
		{"new card and a clock in 2095", 0, late, keys.CounterHigher, 0, keys.ErrCounterJump},
		{"clock past the alarm", keys.CounterAlarm - 100*day, keysTime(keys.CounterAlarm), keys.CounterHigher, 0, keys.ErrCounterJump},
		{"counter past the alarm goes on", keys.CounterAlarm + 5, at, keys.CounterHigher, keys.CounterAlarm + 6, nil},
		{"exactly one higher ignores the clock", 41, at, keys.CounterExact, 42, nil},
		{"exactly one higher of a new card", 0, at, keys.CounterExact, 1, nil},
		{"last one that is sent", keys.CounterStop - 2, at, keys.CounterHigher, keys.CounterStop - 1, nil},
		{"end of the space", keys.CounterStop - 1, at, keys.CounterHigher, 0, keys.ErrCounterExhausted},
		{"end of the space, exact", keys.CounterStop - 1, at, keys.CounterExact, 0, keys.ErrCounterExhausted},
		{"blocked counter", ota.MaxCNTR, at, keys.CounterHigher, 0, keys.ErrCounterExhausted},
	} {
		got, err := keys.NextCounter(c.last, c.now, c.mode)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: got %s, %v; want %s, %v", c.name, got, err, c.want, c.err)
		}
	}
}

// keysTime is the time whose floor is c.
func keysTime(c ota.CNTR) time.Time {
	return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(c>>8) * time.Second)
}

func TestCounterMode(t *testing.T) {
	for spi1, want := range map[byte]keys.CounterMode{0x06: 0, 0x0E: 0, 0x16: keys.CounterHigher, 0x1E: keys.CounterExact} {
		if got := keys.ModeOf(ota.SPI{spi1, 0x39}); got != want {
			t.Errorf("SPI1 %02X: mode %d, want %d", spi1, got, want)
		}
	}
}

// Supports: F14, F17, I3
func TestImportCounter(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	floor := keys.FloorCounter(at)
	for _, c := range []struct {
		name string
		last ota.CNTR
		now  time.Time
		mode keys.CounterMode
		want ota.CNTR
		err  error
	}{
		{"never used", 0, at, keys.CounterHigher, 0, nil},
		{"low", 1, at, keys.CounterHigher, floor, nil},
		{"high", floor + 7, at, keys.CounterHigher, floor + 7, nil},
		{"exactly one higher", 41, at, keys.CounterExact, 41, nil},
		{"clock in 2095", 1, time.Date(2095, 1, 1, 0, 0, 0, 0, time.UTC), keys.CounterHigher, 0, keys.ErrCounterJump},
		{"used up", keys.CounterStop - 1, at, keys.CounterHigher, 0, keys.ErrCounterExhausted},
		{"blocked", ota.MaxCNTR, at, keys.CounterExact, 0, keys.ErrCounterExhausted},
	} {
		got, err := keys.ImportCounter(c.last, c.now, c.mode)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: got %s, %v; want %s, %v", c.name, got, err, c.want, c.err)
		}
		if err != nil || c.mode == keys.CounterExact {
			continue
		}
		if next, err := keys.NextCounter(got, c.now, c.mode); err != nil || next <= c.last {
			t.Errorf("%s: the next is %s, %v", c.name, next, err)
		}
	}
}
