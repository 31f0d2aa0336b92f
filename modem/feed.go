package modem

import (
	"io"
	"sync"
)

// maxFeed is what may wait for package at, in octets, before the port is no
// longer read.
const maxFeed = 64 << 10

// feed is what package at reads. Unlike an io.Pipe it does not make whoever
// writes wait for the reader to run, which would be two changes of goroutine
// for every line. What was written before close can still be read.
type feed struct {
	mu     sync.Mutex
	change sync.Cond
	b      []byte
	closed bool
}

func newFeed() *feed {
	f := &feed{}
	f.change.L = &f.mu
	return f
}

// put adds a line; after close it does nothing.
func (f *feed) put(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.b) > maxFeed && !f.closed {
		f.change.Wait()
	}
	if !f.closed {
		f.b = append(f.b, line...)
		f.change.Broadcast()
	}
}

// Read implements io.Reader.
func (f *feed) Read(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.b) == 0 {
		if f.closed {
			return 0, io.EOF
		}
		f.change.Wait()
	}
	n := copy(b, f.b)
	f.b = append(f.b[:0], f.b[n:]...)
	f.change.Broadcast()
	return n, nil
}

func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.change.Broadcast()
}
