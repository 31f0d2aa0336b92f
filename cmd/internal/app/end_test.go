package app

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/mssp/store"
)

// Whoever stops a service that cannot go on learns why, once, and no signal to
// stop that comes first hides it.
//
// Supports: F4
func TestStopTellsWhy(t *testing.T) {
	a, err := New(Options{Config: configuration(t, site)})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	why := errors.New("the disk is gone")
	a.fail(why)
	<-a.Done()
	if err := a.Stop(t.Context()); !errors.Is(err, why) || strings.Count(err.Error(), why.Error()) != 1 {
		t.Errorf("stop: %v", err)
	}
}

// pipeListener hands out what is sent to it.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// A connection that a browser opened in advance, and on which nothing was
// asked, keeps no service from stopping.
func TestStopWithSilentConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, err := New(Options{Config: configuration(t, site)})
		if err != nil {
			t.Fatal(err)
		}
		l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		a.serve("metrics", l, http.NotFoundHandler())
		silent, c := net.Pipe()
		l.conns <- c
		synctest.Wait() // accepted, and read from
		began := time.Now()
		if err := a.Stop(t.Context()); err != nil {
			t.Errorf("stop: %v", err)
		}
		if d := time.Since(began); d > time.Second { // without newConns it is five
			t.Errorf("it took %v", d)
		}
		if n, err := silent.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the connection is open: %d, %v", n, err)
		}
	})
}

// A root key that cannot be made is no lost root key: nobody has to bring one
// back, and a restart may help.
func TestRootKeyNotMade(t *testing.T) {
	cfg := configuration(t, site)
	path := cfg.DefaultRootFile()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(t.TempDir(), "nowhere"), path); err != nil {
		t.Fatal(err)
	}
	_, err := OpenCore(t.Context(), cfg, CoreOptions{Clock: time.Now, Getenv: os.Getenv})
	if err == nil || errors.Is(err, ErrRootKey) || errors.Is(err, store.ErrClosed) || !strings.Contains(err.Error(), path) {
		t.Errorf("OpenCore: %v", err)
	}
}
