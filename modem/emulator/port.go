package emulator

import (
	"io"
	"sync"
)

// maxUnread bounds what waits for a host that does not read, in octets.
const maxUnread = 256 << 10

// port is the connection with the host. A goroutine of its own writes, so that
// a host that does not read never holds up the modem; what it does not take
// in time is lost, as on a line without flow control.
type port struct {
	rw   io.ReadWriteCloser
	mu   sync.Mutex
	more *sync.Cond
	buf  []byte
	gone bool
	done chan struct{} // the writer has ended
}

func newPort(rw io.ReadWriteCloser) *port {
	p := &port{rw: rw, done: make(chan struct{})}
	p.more = sync.NewCond(&p.mu)
	go p.write()
	return p
}

func (p *port) write() {
	defer close(p.done)
	var b []byte
	for {
		p.mu.Lock()
		for len(p.buf) == 0 && !p.gone {
			p.more.Wait()
		}
		if len(p.buf) == 0 {
			p.mu.Unlock()
			return
		}
		b, p.buf = p.buf, b[:0]
		p.mu.Unlock()
		if _, err := p.rw.Write(b); err != nil {
			p.mu.Lock()
			p.gone, p.buf = true, nil
			p.mu.Unlock()
			return
		}
	}
}

func (p *port) put(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.gone && len(p.buf)+len(b) <= maxUnread {
		p.buf = append(p.buf, b...)
		p.more.Signal()
	}
}

// close ends the connection; what is not written is lost.
func (p *port) close() {
	p.mu.Lock()
	p.gone, p.buf = true, nil
	p.more.Signal()
	p.mu.Unlock()
	p.rw.Close()
}

// Serve speaks with a host on rw until rw ends or another host takes its
// place: a modem has one. It closes rw.
func (m *Modem) Serve(rw io.ReadWriteCloser) error {
	m.mu.Lock()
	p, old, err := m.take(rw)
	m.mu.Unlock()
	if err != nil {
		return err
	}
	return m.serve(p, old)
}

// take makes rw the host in the place of old; mu is held. Who calls it while
// nobody else can come keeps the order of the hosts.
func (m *Modem) take(rw io.ReadWriteCloser) (p, old *port, err error) {
	if m.run.Err() != nil || !m.plugged {
		rw.Close()
		return nil, nil, io.ErrClosedPipe
	}
	p, old = newPort(rw), m.host.port
	m.host.port = p
	m.wg.Add(1)
	return p, old, nil
}

// serve is the rest of Serve for the host that take has made.
func (m *Modem) serve(p, old *port) error {
	defer m.wg.Done()
	if old != nil {
		old.close()
	}
	err := m.read(p)
	m.mu.Lock()
	if m.host.port == p {
		m.host.port = nil
	}
	m.mu.Unlock()
	p.close()
	<-p.done
	return err
}

func (m *Modem) read(p *port) error {
	m.mu.Lock()
	l := line{m: m, boot: m.boots}
	m.mu.Unlock()
	buf := make([]byte, 4096)
	for {
		n, err := p.rw.Read(buf)
		if n > 0 {
			m.mu.Lock()
			if m.host.trace != nil {
				m.host.trace(false, buf[:n])
			}
			for _, b := range buf[:n] {
				if m.host.port != p {
					break
				}
				l.octet(b)
			}
			l.flushEcho()
			m.mu.Unlock()
		}
		if err != nil {
			return err
		}
	}
}
