package card

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// errMemory means that the memory of the card could not be written. The card
// answers nothing useful any more: like a real one whose EEPROM is worn out.
var errMemory = errors.New("card memory failed")

// nvm is the non-volatile memory: values by name, changed in batches. What is
// put belongs together and becomes durable with one commit, or not at all.
type nvm struct {
	values map[string][]byte
	batch  []byte   // entries since the last commit
	file   *journal // nil: the memory lives and dies with the process
	failed error
}

func newNVM() *nvm { return &nvm{values: map[string][]byte{}} }

// Get is uicc.Memory.
func (m *nvm) Get(key string) []byte { return m.values[key] }

// Put is uicc.Memory: it changes a value; nil deletes it. The memory keeps value.
func (m *nvm) Put(key string, value []byte) {
	if value == nil {
		delete(m.values, key)
	} else {
		m.values[key] = value
	}
	if m.file != nil {
		m.batch = appendEntry(m.batch, key, value)
	}
}

// Commit is uicc.Memory: it makes everything that was put durable: one record, one write.
func (m *nvm) Commit() error {
	if m.failed != nil {
		return m.failed
	}
	if m.file == nil || len(m.batch) == 0 {
		return nil
	}
	err := m.file.append(m.batch)
	if err == nil && m.file.wantsCompaction() {
		err = m.file.compact(m.snapshot())
	}
	m.batch = m.batch[:0]
	if err != nil {
		m.failed = fmt.Errorf("%w: %v", errMemory, err)
	}
	return m.failed
}

// snapshot is every value as entries of one record.
func (m *nvm) snapshot() []byte {
	var b []byte
	for k, v := range m.values {
		b = appendEntry(b, k, v)
	}
	return b
}

func (m *nvm) close() error {
	if m.file == nil {
		return nil
	}
	return errors.Join(m.Commit(), m.file.close())
}

// deleted stands in place of a length.
const deleted = 0xFFFF

// appendEntry writes key length (1), key, value length (2), value.
func appendEntry(b []byte, key string, value []byte) []byte {
	b = append(b, byte(len(key)))
	b = append(b, key...)
	if value == nil {
		return binary.BigEndian.AppendUint16(b, deleted)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

// apply replays the entries of one record.
func (m *nvm) apply(b []byte) error {
	for len(b) > 0 {
		k := int(b[0])
		if len(b) < 1+k+2 {
			return fmt.Errorf("%w: entry name needs %d octets, have %d", ErrJournal, k+2, len(b)-1)
		}
		key := string(b[1 : 1+k])
		n := int(binary.BigEndian.Uint16(b[1+k:]))
		b = b[1+k+2:]
		if n == deleted {
			delete(m.values, key)
			continue
		}
		if len(b) < n {
			return fmt.Errorf("%w: value of %q needs %d octets, have %d", ErrJournal, key, n, len(b))
		}
		m.values[key] = append([]byte{}, b[:n]...)
		b = b[n:]
	}
	return nil
}
