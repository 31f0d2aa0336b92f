package uicc

import (
	"encoding/binary"

	"github.com/simsign/simsign/ota"
)

const counterLen = 5

// CounterOctets is a counter as memory holds it.
func CounterOctets(n ota.CNTR) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 8), uint64(n))
	return b[8-counterLen:]
}

// Counter reads a counter; nothing is 0.
func Counter(b []byte) ota.CNTR {
	var n ota.CNTR
	for _, o := range b {
		n = n<<8 | ota.CNTR(o)
	}
	return n
}
