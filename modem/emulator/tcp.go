package emulator

import (
	"net"
	"sync"
)

// tcpDoor takes hosts on a TCP port, as a serial server does.
type tcpDoor struct {
	l    net.Listener
	once sync.Once
}

func (d *tcpDoor) unplug()     {} // Serve refuses while the modem is away
func (d *tcpDoor) plug() error { return nil }
func (d *tcpDoor) close()      { d.once.Do(func() { d.l.Close() }) }

// Listen serves hosts on addr ("127.0.0.1:0" takes a free port) until Stop,
// one at a time: a new one takes the place of the one before. It returns the
// address that it got.
func (m *Modem) Listen(addr string) (net.Addr, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.doors = append(m.doors, &tcpDoor{l: l})
	m.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			m.mu.Lock()
			p, old, err := m.take(conn) // at once: who comes later takes its place
			m.mu.Unlock()
			if err == nil {
				go m.serve(p, old) // until the host goes
			}
		}
	})
	return l.Addr(), nil
}
