package carriage

import (
	"errors"
	"testing"

	"github.com/simsign/simsign/ota"
)

// The carriages by name, the default first; another name is told which there are.
func TestOf(t *testing.T) {
	names := ""
	for _, c := range All() {
		have, err := Of(c.Name())
		if err != nil || have != c {
			t.Errorf("%s: %v, %v", c.Name(), have, err)
		}
		names += c.Name() + " "
	}
	if names != "packet response own " {
		t.Error(names)
	}
	for _, name := range []string{"", "Packet", "delegated"} {
		if c, err := Of(name); err == nil || c != nil {
			t.Errorf("%q: %v, %v", name, c, err)
		}
	}
}

// Each carriage holds packets to the profile, a laboratory's too; the laboratory lifts what is
// below it, and nothing else of a carriage does.
func TestSecurityOfCarriages(t *testing.T) {
	exact := ota.SPI{0x1E, 0x39}
	for _, c := range All() {
		for _, lab := range []bool{false, true} {
			sec := c.Security(exact, lab)
			if err := sec.CheckSPI(exact); err != nil {
				t.Errorf("%s: %v", c.Name(), err)
			}
			if err := sec.CheckSPI(ota.SPI{0x16, 0x39}); !errors.Is(err, ota.ErrPolicy) {
				t.Errorf("%s, laboratory %v: weaker than the profile: %v", c.Name(), lab, err)
			}
			weak := ota.SPI{0x02, 0x01}
			if err := c.Security(weak, lab).CheckSPI(weak); (err == nil) != lab {
				t.Errorf("%s, laboratory %v: %v", c.Name(), lab, err)
			}
		}
		bare := ota.SPI{}
		if err := c.Security(bare, false).CheckSPI(bare); (err == nil) != (c == Own{}) {
			t.Errorf("%s without security: %v", c.Name(), err)
		}
	}
}

// A new key is another one each time; numbers of key sets are 1 to 15, and nothing is wrapped
// for the set in use.
func TestKeysOfACard(t *testing.T) {
	seen := map[CardKey]bool{{}: true}
	for range 20 {
		k := NewCardKey()
		if seen[k] {
			t.Fatal("a key that was there, or of zeros")
		}
		seen[k] = true
	}
	for set, good := range map[byte]bool{0: false, 1: true, 15: true, 16: false, 255: false} {
		request, err := vectorKey.Request(set)
		if (err == nil) != good || good && request.KVN() != set || !good && !errors.Is(err, ErrCardKey) {
			t.Errorf("request keys of set %d: %v", set, err)
		}
		answer, err := vectorKey.Answer(set)
		if (err == nil) != good || good && answer.KVN() != set || !good && !errors.Is(err, ErrCardKey) {
			t.Errorf("answer keys of set %d: %v", set, err)
		}
		if all, err := vectorKey.Derived(set); (err == nil) != good || good && all[5] == [16]byte{} {
			t.Errorf("keys of set %d: %v", set, err)
		}
		w, err := vectorKey.Wrap(7, 9, set, CardKey{5})
		if (err == nil) != good || !good && !errors.Is(err, ErrCardKey) {
			t.Errorf("wrapped for set %d: %v", set, err)
		}
		if !good {
			continue
		}
		if fresh, err := vectorKey.Unwrap(7, 9, &w); err != nil || fresh != (CardKey{5}) || w.Set != set {
			t.Errorf("set %d: %v", set, err)
		}
		for name, change := range map[string]func() (CardKey, error){
			"another message": func() (CardKey, error) { return vectorKey.Unwrap(7, 10, &w) },
			"another set":     func() (CardKey, error) { return vectorKey.Unwrap(8, 9, &w) },
			"another card":    func() (CardKey, error) { return CardKey{1}.Unwrap(7, 9, &w) },
			"for another set": func() (CardKey, error) { x := w; x.Set ^= 2; return vectorKey.Unwrap(7, 9, &x) },
			"another key":     func() (CardKey, error) { x := w; x.Key[15] ^= 1; return vectorKey.Unwrap(7, 9, &x) },
			"another check":   func() (CardKey, error) { x := w; x.Check[7] ^= 1; return vectorKey.Unwrap(7, 9, &x) },
		} {
			if fresh, err := change(); !errors.Is(err, ErrCardKey) || fresh != (CardKey{}) {
				t.Errorf("set %d, %s: %v", set, name, err)
			}
		}
	}
	if _, err := vectorKey.Wrap(7, 9, 7, CardKey{5}); !errors.Is(err, ErrCardKey) {
		t.Errorf("wrapped for the set in use: %v", err)
	}
}
