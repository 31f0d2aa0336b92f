package listen

import (
	"container/list"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Conn is a connection that has a place.
type Conn struct {
	net.Conn
	l    *Listener
	addr netip.Prefix

	// Under the lock of l.
	place *list.Element // among the idle; nil: a request that counts is being served, or one has succeeded
	known bool          // one has succeeded
	left  bool
}

// Of finds the Conn in a connection, also under TLS; nil when there is none.
func Of(c net.Conn) *Conn {
	for {
		switch v := c.(type) {
		case *Conn:
			return v
		case interface{ NetConn() net.Conn }:
			c = v.NetConn()
		default:
			return nil
		}
	}
}

// Close gives the place back.
func (c *Conn) Close() error {
	c.l.mu.Lock()
	c.leave()
	c.l.mu.Unlock()
	return c.Conn.Close()
}

// leave takes the connection out of all counts; the lock is held.
func (c *Conn) leave() {
	if c.left {
		return
	}
	c.left = true
	c.busy()
	c.l.open--
	c.l.o.Metrics.open(c.l.o.Name, -1)
	if !c.addr.IsValid() {
		return
	}
	if c.l.of[c.addr]--; c.l.of[c.addr] <= 0 {
		delete(c.l.of, c.addr)
	}
}

// busy takes it from the idle; the lock is held.
func (c *Conn) busy() {
	if c.place != nil {
		c.l.idle.Remove(c.place)
		c.place = nil
	}
}

// Succeeded says that somebody is there who may be: a request was answered.
func (c *Conn) Succeeded() {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	c.known = true
	c.busy()
}

// Busy says that a request has come that counts: until it is answered nobody takes
// the connection. Half a request is no reason to keep it, nor is one whose sender has
// proved nothing where he must.
func (c *Conn) Busy() {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	c.busy()
}

// State follows an HTTP server (http.Server.ConnState).
func (c *Conn) State(s http.ConnState) {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	switch {
	case s == http.StateIdle && !c.known && !c.left && c.place == nil:
		c.place = c.l.idle.PushBack(c)
	case s == http.StateHijacked:
		c.busy()
	}
}

// SetReadDeadline keeps what the server wants, but not longer than the idle may.
// No deadline at all is what a server sets before it serves what it has read.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.l.mu.Lock()
	idle := c.place != nil
	c.l.mu.Unlock()
	if most := time.Now().Add(c.l.o.IdleTime); idle && t.After(most) {
		t = most
	}
	return c.Conn.SetReadDeadline(t)
}

// lines keeps a log readable: one line of a kind in ten seconds, with how many
// there would have been.
type lines struct {
	mu    sync.Mutex
	last  time.Time
	times int
}

const linesEvery = 10 * time.Second

func (l *lines) warn(log *slog.Logger, msg string, args ...any) {
	if log == nil {
		return
	}
	l.mu.Lock()
	l.times++
	n := l.times
	now := time.Now()
	if !l.last.IsZero() && now.Sub(l.last) < linesEvery {
		l.mu.Unlock()
		return
	}
	l.last, l.times = now, 0
	l.mu.Unlock()
	log.Warn(msg, append(args, "times", n)...)
}
