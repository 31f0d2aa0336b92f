package store

import (
	"bytes"
	"sync"
)

// remembered are rows whose tags were found good, with what the tags cover: to
// compare costs a tenth of a tag. It has two generations of rememberedRows: when
// the newer is full, the older is forgotten.
type remembered struct {
	mu         sync.Mutex
	newer, old map[rowTag][]byte
}

type rowTag struct {
	table *table
	tag   string
}

const rememberedRows = 2048

func (m *remembered) has(t *table, tag, content []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := rowTag{t, string(tag)}
	was, ok := m.newer[k]
	if !ok {
		was, ok = m.old[k]
	}
	return ok && bytes.Equal(was, content)
}

func (m *remembered) add(t *table, tag, content []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.newer) >= rememberedRows || m.newer == nil {
		m.old, m.newer = m.newer, make(map[rowTag][]byte)
	}
	m.newer[rowTag{t, string(tag)}] = content
}
