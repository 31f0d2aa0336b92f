package applet

import "fmt"

// WrappedKey is a new key of the applet on its way: for which key set, the key as
// one block under the wrap key of the set in use, and a check value that ties
// it to the transaction number (INT6, Keys of the applet).
type WrappedKey struct {
	Set   byte // 1 to 15
	Key   [16]byte
	Check [8]byte
}

// SetKeys (A7) gives the applet a new key, or drops the old one once the new has
// proven itself, or both. Version 02. Requirement 3.1-2.
type SetKeys struct {
	New  *WrappedKey
	Drop byte // key set; 0: none
}

// Tag is A7.
func (SetKeys) Tag() Tag { return TagSetKeys }

func (SetKeys) later() bool { return true }

func (c SetKeys) check() error {
	if c.New == nil && c.Drop == 0 {
		return fmt.Errorf("%w: a new key or a set to drop", ErrMissing)
	}
	if c.New != nil && (c.New.Set < 1 || c.New.Set > 15) || c.Drop > 15 {
		return fmt.Errorf("%w: key sets are 1 to 15", ErrValue)
	}
	if c.New != nil && c.New.Set == c.Drop {
		return fmt.Errorf("%w: set %d cannot be new and dropped", ErrConflict, c.Drop)
	}
	return nil
}

func (c SetKeys) appendParams(b []byte) []byte {
	if k := c.New; k != nil {
		var at int
		b, at = openTLV(b, tagNewKey)
		b = append(append(b, k.Set), k.Key[:]...)
		b = closeTLV(append(b, k.Check[:]...), at)
	}
	if c.Drop != 0 {
		b = appendTLV(b, tagDropSet, c.Drop)
	}
	return b
}

func parseSetKeys(value []byte) (Command, error) {
	var c SetKeys
	err := walk(value, tagNewKey, setOf(tagNewKey, tagDropSet), 0, 0, func(tag byte, v []byte) (err error) {
		if tag == tagDropSet {
			c.Drop, err = between(v, 1, 15)
			return err
		}
		if len(v) != 25 {
			return fmt.Errorf("%w: a wrapped key has 25 octets, have %d", ErrLength, len(v))
		}
		c.New = &WrappedKey{Set: v[0], Key: [16]byte(v[1:17]), Check: [8]byte(v[17:])}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c, c.check()
}
