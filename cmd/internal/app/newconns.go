package app

import (
	"net"
	"net/http"
	"sync"

	"github.com/simsign/simsign/cmd/internal/listen"
)

// newConns holds the connections on which nothing was asked yet. Browsers open
// such in advance, and http.Server.Shutdown would wait five seconds for each.
type newConns struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// track is the ConnState hook of a server.
func (u *newConns) track(c net.Conn, s http.ConnState) {
	if lc := listen.Of(c); lc != nil {
		lc.State(s)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if s != http.StateNew {
		delete(u.conns, c)
		return
	}
	if u.conns == nil {
		u.conns = map[net.Conn]struct{}{}
	}
	u.conns[c] = struct{}{}
}

func (u *newConns) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.conns {
		c.Close()
	}
}
