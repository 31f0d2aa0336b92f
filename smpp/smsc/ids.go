package smsc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// IDFormat is how message ids are written: SMPP 3.4 5.2.23 leaves it to the
// centre. All forms of one message come from
// the same number.
type IDFormat int

// Forms of message ids. With EmptyID the application never learns one.
const (
	DecimalID IDFormat = iota
	HexID              // capital letters
	UUIDLike           // 36 characters
	LongID             // 64 characters, the most that fits
	EmptyID
)

var idFormats = []string{"decimal", "hex", "36", "64", "empty"}

// ErrIDFormat: a name of no form of message id.
var ErrIDFormat = errors.New("message ids are " + strings.Join(idFormats, ", "))

// ParseIDFormat reads the name of a form: decimal, hex, 36, 64 or empty.
func ParseIDFormat(s string) (IDFormat, error) {
	for i, n := range idFormats {
		if n == s {
			return IDFormat(i), nil
		}
	}
	return 0, fmt.Errorf("%w, not %q", ErrIDFormat, s)
}

// String is the name that ParseIDFormat reads.
func (f IDFormat) String() string { return idFormats[f] }

// firstID makes decimal and hexadecimal forms differ from the beginning.
const firstID = 1_000_000_000

func (f IDFormat) format(n uint64) string {
	n += firstID
	switch f {
	case HexID:
		return strings.ToUpper(strconv.FormatUint(n, 16))
	case UUIDLike:
		return fmt.Sprintf("5e55a6e0-0000-4000-8000-%012x", n)
	case LongID:
		return fmt.Sprintf("%064x", n)
	case EmptyID:
		return ""
	}
	return strconv.FormatUint(n, 10)
}
