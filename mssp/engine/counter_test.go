package engine

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
)

// counting is a vault of which the counters are in clear.
type counting struct {
	Vault
	last       ota.CNTR
	open, seal error
	sealed     *ota.CNTR
}

func (v counting) OpenCounter(ota.ICCID, byte, []byte) (ota.CNTR, error) { return v.last, v.open }

func (v counting) SealCounter(_ ota.ICCID, _ byte, c ota.CNTR) ([]byte, error) {
	if v.seal != nil {
		return nil, v.seal
	}
	*v.sealed = c
	return []byte("sealed"), nil
}

// The counter of a packet is the one that is stored with it: one more than the last
// where the card wants exactly that, whatever the clock says and whatever was to be
// jumped over, and otherwise at least that. Without a counter there is no packet.
//
// Supports: 3.2-4
func TestNextCounter(t *testing.T) {
	higher, exact := ota.SPI{0x16, 0x39}, ota.SPI{0x1E, 0x39} // TS 102 225 5.1.1: b5b4 10 and 11
	old := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)        // before any floor
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		spi        ota.SPI
		last, jump ota.CNTR
		open, seal error
		want       ota.CNTR
		code       mssp.Code
	}{
		"higher":              {higher, 41, 0, nil, nil, 42, 0},
		"higher, jump":        {higher, 41, counterJump, nil, nil, 42 + 65536, 0},
		"exact":               {exact, 41, 0, nil, nil, 42, 0},
		"exact, jump":         {exact, 41, counterJump, nil, nil, 42, 0},
		"the last one":        {exact, keys.CounterStop - 2, 0, nil, nil, keys.CounterStop - 1, 0},
		"no more":             {exact, keys.CounterStop - 1, 0, nil, nil, 0, mssp.CardBlocked},
		"it cannot be read":   {higher, 41, 0, broken, nil, 0, mssp.InternalError},
		"it cannot be stored": {higher, 41, 0, nil, broken, 0, mssp.InternalError},
	} {
		var sealed ota.CNTR
		core := &core{log: slog.New(slog.DiscardHandler), o: Options{Vault: counting{nil, c.last, c.open, c.seal, &sealed}, Clock: func() time.Time { return old }}}
		next, blob, err := core.nextCounter(&mssp.KeySet{}, keys.ModeOf(c.spi), c.jump)
		var f *mssp.Fault
		switch {
		case c.code == 0 && (err != nil || next != c.want || sealed != c.want || string(blob) != "sealed"):
			t.Errorf("%s: %s in the packet, %s stored, want %s, %v", name, next, sealed, c.want, err)
		case c.code != 0 && (!errors.As(err, &f) || f.Code != c.code || blob != nil):
			t.Errorf("%s: %q, %v", name, blob, err)
		}
	}
}
