package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/cmd/internal/listen"
	"github.com/simsign/simsign/mssp/audit"
)

// public are the planes that others reach, with the connections that each wants.
func public(cfg *config.Config) (names []string, wants []int) {
	most := cfg.Limits.Connections
	return []string{"api", "ca", "console", "ra"}, []int{most, most / 8, most / 8, most / 8}
}

// limited puts the limits of a plane around its listener. What the operator asks
// (admin, metrics and readiness) has places and descriptors of its own.
func (a *App) limited(name string, l net.Listener) net.Listener {
	o := listen.Options{Name: name, Logger: a.log, Metrics: a.connections, Group: &a.listeners}
	switch name {
	case "admin":
		o.Max = listen.AdminMax
	case "metrics":
		o.Max, o.PerAddress = listen.MetricsMax, listen.MetricsMax/2
	default:
		names, wants := public(a.cfg)
		if n, err := listen.Descriptors(); err == nil {
			wants = listen.Share(n, wants)
		}
		for i := range names {
			if names[i] == name {
				o.Max = wants[i]
			}
		}
		o.PerAddress = max(o.Max/2, 1)
		if n := a.cfg.Limits.ConnectionsPerAddress; n > 0 {
			o.PerAddress = min(n, o.Max)
		}
		if name == "api" {
			o.Exempt = a.cfg.API.Proxies()
		}
	}
	return listen.New(l, o)
}

// ShortOfDescriptors is the danger of a process that may not have as many file
// descriptors as its limits of connections want.
func ShortOfDescriptors(cfg *config.Config) []config.Danger {
	have, err := listen.Descriptors()
	_, wants := public(cfg)
	need := listen.Needed(wants)
	if err != nil || have >= need {
		return nil
	}
	return []config.Danger{{
		Key:    "limits.connections",
		What:   fmt.Sprintf("%d connections take %d file descriptors in all, this process may have %d: the API gets %d connections", cfg.Limits.Connections, need, have, listen.Share(have, wants)[0]),
		Advice: fmt.Sprintf("set LimitNOFILE=%d in the unit (ulimit -n), or lower it", need),
	}}
}

type connKey struct{}

// withConn lets a handler find the connection of its request.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if lc := listen.Of(c); lc != nil {
		if u, ok := lc.Conn.(*net.UnixConn); ok {
			ctx = audit.With(ctx, audit.Actor{Name: peerUser(u), Role: audit.Administrator, Door: "cli"})
		}
		return context.WithValue(ctx, connKey{}, lc)
	}
	return ctx
}

// connOf is the connection of a request.
func connOf(r *http.Request) (*listen.Conn, bool) {
	c, ok := r.Context().Value(connKey{}).(*listen.Conn)
	return c, ok
}

// proved tells the connection of a request on the API that it is a provider's. A
// whole request says nothing there: who sends wrong passwords has their answers wait,
// and would have the places of all.
func proved(r *http.Request) {
	if c, ok := connOf(r); ok {
		c.Busy()
	}
}

// succeeding tells the connection of each request when it has succeeded on the
// API, where nobody's does without a log-in, and elsewhere when the whole of it has come.
func succeeding(h http.Handler, name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := connOf(r)
		switch {
		case !ok || name == "api":
		case r.Body == nil || r.Body == http.NoBody:
			c.Busy()
		default:
			r.Body = &body{r.Body, c}
		}
		if !ok || name != "api" {
			h.ServeHTTP(w, r)
			return
		}
		s := &statusWriter{ResponseWriter: w}
		h.ServeHTTP(s, r)
		if s.status == http.StatusOK {
			c.Succeeded()
		}
	})
}

// body notes the end of a request.
type body struct {
	io.ReadCloser
	conn *listen.Conn
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.conn.Busy()
	}
	return n, err
}

// statusWriter notes the status of a reply.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
