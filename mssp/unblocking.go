package mssp

import (
	"time"

	"github.com/simsign/simsign/ota"
)

// Unblocking is the unblocking code of a card, sealed, and to whom it was shown.
type Unblocking struct {
	ICCID   ota.ICCID
	Sealed  []byte
	ShownAt time.Time // zero: it was not
	ShownBy string    // who asked for it
	How     string    // how the holder of the card was identified
	Reason  string
	Version int64
}
