package app

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp/store"
)

// Whoever stops a service that cannot go on learns why, once, and no signal to
// stop that comes first hides it.
//
// Covers: F4
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

// A connection that a browser opened in advance, and on which nothing was
// asked, keeps no service from stopping.
func TestStopWithSilentConnection(t *testing.T) {
	a, err := New(Options{Config: configuration(t, site)})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", a.Addr("metrics"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	get(t, "http://"+a.Addr("metrics")+"/healthz") // accepted after the silent one
	began := time.Now()
	stop(t, a)
	if d := time.Since(began); d > 4*time.Second {
		t.Errorf("it took %v", d)
	}
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
