package loopback

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
)

// maxUnsent bounds what waits for a peer that does not read, in octets.
const maxUnsent = 1 << 20

var errNotReading = errors.New("peer does not read")

// sender collects frames and writes all that are there with one system call.
// Whoever flushes first becomes the writer and takes along what others queue
// meanwhile, so no goroutine is needed that only writes, and a frame costs at
// most one write.
type sender struct {
	w io.WriteCloser // a write to a peer that does not read must end: see deadlineConn

	mu      sync.Mutex
	buf     []byte // frames not yet handed to w
	spare   []byte // the other buffer; in w's hands while writing
	writing bool
	err     error
}

// queue appends a frame without sending it.
func (s *sender) queue(m *rp.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if len(s.buf) > maxUnsent {
		s.fail(errNotReading)
		return s.err
	}
	b, err := appendFrame(s.buf, m)
	s.buf = b
	return err
}

// flush writes what is queued, unless another goroutine is writing: that one
// takes it along. A nil error therefore does not say that the octets have left.
func (s *sender) flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing {
		return s.err
	}
	for len(s.buf) > 0 && s.err == nil {
		b := s.buf
		s.buf, s.writing = s.spare[:0], true
		s.mu.Unlock()
		_, err := s.w.Write(b)
		s.mu.Lock()
		s.spare, s.writing = b[:0], false
		if err != nil && s.err == nil {
			s.fail(err)
		}
	}
	return s.err
}

// fail keeps the first error and closes the connection; mu is held.
func (s *sender) fail(err error) {
	s.err, s.buf = err, nil
	s.w.Close()
}

// deadlineConn gives up a write after writeTimeout.
type deadlineConn struct{ net.Conn }

const writeTimeout = 5 * time.Second

func (c deadlineConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
