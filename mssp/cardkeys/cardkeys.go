// Package cardkeys is what a key row of an applet holds (INT6 version 02): K0, the one
// key from which the applet's request, answer and wrapping keys come, the number of the
// key set that they belong to, the generation of the installation, and whether the
// applet has proved that it has them.
//
// A row is confirmed when its key came with the card, and what the server wraps for
// a rotation (A7) is pending from before the order leaves: the order may arrive without
// its answer. Answers under both are accepted; requests of carriage own go under the
// confirmed one. The first answer under the pending one proves it.
//
// Rows are sealed like those of the security domain (package ota/keys), and beside each
// stands the sealed counter of its requests.
package cardkeys

import (
	"errors"
	"fmt"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
)

// State is how sure it is that the applet has a key.
type State byte

// States; the values are stored.
const (
	Confirmed State = 1
	Pending   State = 2
)

// Installed is one key set of an applet. It prints without its key.
type Installed struct {
	Set        byte // 1 to 15
	Generation byte // of the installation: each one begins its counters at 0
	State      State
	Before     byte // the set that it replaces or has replaced; 0: it came with the card
	Key        carriage.CardKey
}

// ErrRow: octets that are no key of an applet.
var ErrRow = errors.New("not a key row of an applet")

const (
	rowVersion = 1
	rowLen     = 5 + len(carriage.CardKey{})
)

// Vault seals and opens fields of rows; *keys.Vault is one.
type Vault interface {
	Seal(f keys.Field, clear []byte) ([]byte, error)
	Open(f keys.Field, blob []byte) ([]byte, error)
}

// RowNumber is the number under which the blobs of a key row are sealed, the one
// that the database has for it: 16 more than the key set for rows of an applet.
func RowNumber(ks *mssp.KeySet) byte {
	if ks.Applet {
		return 16 + ks.KVN
	}
	return ks.KVN
}

// Seal makes the keys blob of a row.
func Seal(v Vault, iccid ota.ICCID, k Installed) ([]byte, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	b := append([]byte{rowVersion, k.Set, k.Generation, byte(k.State), k.Before}, k.Key[:]...)
	defer clear(b)
	return v.Seal(keys.KeySetField(iccid, 16+k.Set, "keys"), b)
}

// Open opens the keys blob of a row of an applet.
func Open(v Vault, ks *mssp.KeySet) (k Installed, err error) {
	b, err := v.Open(keys.KeySetField(ks.ICCID, RowNumber(ks), "keys"), ks.Keys)
	if err != nil {
		return k, err
	}
	defer clear(b)
	if len(b) != rowLen || b[0] != rowVersion {
		return k, fmt.Errorf("%w: %d octets", ErrRow, len(b))
	}
	k = Installed{Set: b[1], Generation: b[2], State: State(b[3]), Before: b[4], Key: carriage.CardKey(b[5:])}
	if err = k.check(); err == nil && (!ks.Applet || k.Set != ks.KVN) {
		err = fmt.Errorf("%w: key set %d in the row of %d", ErrRow, k.Set, ks.KVN)
	}
	return k, err
}

func (k *Installed) check() error {
	switch {
	case k.Set < 1 || k.Set > 15:
		return fmt.Errorf("%w: key set %d, it must be 1 to 15", ErrRow, k.Set)
	case k.Generation == 0:
		return fmt.Errorf("%w: the generation must be 1 to 255", ErrRow)
	case k.Before > 15 || k.Before == k.Set:
		return fmt.Errorf("%w: key set %d replaces %d", ErrRow, k.Set, k.Before)
	case k.State != Confirmed && k.State != Pending:
		return fmt.Errorf("%w: state %d", ErrRow, k.State)
	}
	return nil
}
