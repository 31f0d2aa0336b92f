package cardkeys_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/ota/keys"
)

// plain is a vault that seals nothing, bound to the field all the same.
type plain struct{}

func (plain) Seal(f keys.Field, clear []byte) ([]byte, error) {
	return append([]byte(fmt.Sprint(f)), clear...), nil
}

func (plain) Open(f keys.Field, blob []byte) ([]byte, error) {
	b, ok := strings.CutPrefix(string(blob), fmt.Sprint(f))
	if !ok {
		return nil, errors.New("of another row")
	}
	return []byte(b), nil
}

const iccid = "8941000000000000001"

// Every field of a key comes back, in the row of its own number only; what cannot be is
// neither written nor read.
func TestRow(t *testing.T) {
	good := cardkeys.Installed{Set: 3, Generation: 7, State: cardkeys.Pending, Before: 2, Key: carriage.CardKey{1, 15: 16}}
	row := func(k cardkeys.Installed) (mssp.KeySet, error) {
		b, err := cardkeys.Seal(plain{}, iccid, k)
		return mssp.KeySet{ICCID: iccid, Applet: true, KVN: k.Set, Keys: b}, err
	}
	for what, k := range map[string]cardkeys.Installed{
		"good": good, "came with the card": {Set: 1, Generation: 1, State: cardkeys.Confirmed, Key: good.Key},
		"the ends": {Set: 15, Generation: 255, State: cardkeys.Confirmed, Before: 14, Key: good.Key},
	} {
		ks, err := row(k)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if got, err := cardkeys.Open(plain{}, &ks); err != nil || got != k {
			t.Errorf("%s: %v", what, err)
		}
		ks.KVN ^= 1
		if _, err := cardkeys.Open(plain{}, &ks); err == nil {
			t.Errorf("%s: opened in the row of another number", what)
		}
	}
	ks, _ := row(good)
	ks.Applet = false
	if _, err := cardkeys.Open(plain{}, &ks); err == nil {
		t.Error("opened as a key set of the domain")
	}
	for what, change := range map[string]func(*cardkeys.Installed){
		"set 0":               func(k *cardkeys.Installed) { k.Set = 0 },
		"set 16":              func(k *cardkeys.Installed) { k.Set = 16 },
		"generation 0":        func(k *cardkeys.Installed) { k.Generation = 0 },
		"no state":            func(k *cardkeys.Installed) { k.State = 0 },
		"another state":       func(k *cardkeys.Installed) { k.State = 3 },
		"it replaces itself":  func(k *cardkeys.Installed) { k.Before = k.Set },
		"it replaces none":    func(k *cardkeys.Installed) { k.Before = 16 },
		"set beyond a nibble": func(k *cardkeys.Installed) { k.Set = 255 },
	} {
		k := good
		change(&k)
		if _, err := row(k); !errors.Is(err, cardkeys.ErrRow) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for n := range 22 {
		if n == 21 {
			continue
		}
		b, _ := plain{}.Seal(keys.KeySetField(iccid, 19, "keys"), make([]byte, n))
		if _, err := cardkeys.Open(plain{}, &mssp.KeySet{ICCID: iccid, Applet: true, KVN: 3, Keys: b}); !errors.Is(err, cardkeys.ErrRow) {
			t.Errorf("%d octets: %v", n, err)
		}
	}
}

// What opens and is no key row of this number is told as such; each kind of row has numbers of
// its own.
func TestRowThatCannotBe(t *testing.T) {
	read := func(ks mssp.KeySet, head ...byte) (cardkeys.Installed, error) {
		b, _ := plain{}.Seal(keys.KeySetField(iccid, cardkeys.RowNumber(&ks), "keys"), append(head, make([]byte, 16)...))
		ks.Keys = b
		return cardkeys.Open(plain{}, &ks)
	}
	of := mssp.KeySet{ICCID: iccid, Applet: true, KVN: 3}
	if k, err := read(of, 1, 3, 7, 1, 2); err != nil || k.Set != 3 || k.Generation != 7 || k.State != cardkeys.Confirmed || k.Before != 2 {
		t.Errorf("%+v, %v", k, err)
	}
	domain := of
	domain.Applet = false
	for what, c := range map[string]struct {
		row  mssp.KeySet
		head []byte
	}{
		"of another set":       {of, []byte{1, 4, 7, 1, 2}},
		"of a later version":   {of, []byte{2, 3, 7, 1, 2}},
		"of no version":        {of, []byte{0, 3, 7, 1, 2}},
		"of no state":          {of, []byte{1, 3, 7, 0, 2}},
		"of no generation":     {of, []byte{1, 3, 0, 1, 2}},
		"of itself":            {of, []byte{1, 3, 7, 1, 3}},
		"an octet more":        {of, []byte{1, 3, 7, 1, 2, 0}},
		"in a row of a domain": {domain, []byte{1, 3, 7, 1, 2}},
	} {
		if k, err := read(c.row, c.head...); !errors.Is(err, cardkeys.ErrRow) {
			t.Errorf("%s: %+v, %v", what, k, err)
		}
	}
	for kvn := byte(1); kvn <= 15; kvn++ {
		of.KVN, domain.KVN = kvn, kvn
		if n := cardkeys.RowNumber(&of); n != 16+kvn {
			t.Errorf("number %d of set %d of the applet", n, kvn)
		}
		if n := cardkeys.RowNumber(&domain); n != kvn {
			t.Errorf("number %d of set %d of the domain", n, kvn)
		}
	}
	closed := mssp.KeySet{ICCID: iccid, Applet: true, KVN: 3, Keys: []byte("of another row")}
	if _, err := cardkeys.Open(plain{}, &closed); err == nil || errors.Is(err, cardkeys.ErrRow) {
		t.Errorf("what does not open: %v", err)
	}
}
