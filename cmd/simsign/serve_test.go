package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/cmd/internal/config/configtest"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/store"
)

const serveConfig = configtest.Listeners + configtest.Site

// The service manager hears READY when every listener is open, WATCHDOG while
// the store answers, and STOPPING before anything closes.
//
// Covers: I14 via simsign serve
func TestServeNotifies(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "simsign.toml")
	if err := os.WriteFile(file, []byte(serveConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "20000")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errs bytes.Buffer
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"serve", "-c", file}, strings.NewReader(""), &out, &errs) }()

	next := func() string {
		b := make([]byte, 100)
		if err := manager.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		n, err := manager.Read(b)
		if err != nil {
			t.Fatalf("%v; the service says: %s", err, errs.String())
		}
		return string(b[:n])
	}
	if m := next(); m != "READY=1" {
		t.Errorf("first message %q", m)
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "admin.sock")); err != nil {
		t.Errorf("READY before the listeners: %v", err)
	}
	for range 2 {
		if m := next(); m != "WATCHDOG=1" {
			t.Errorf("message %q, want a sign of life", m)
		}
	}
	cancel()
	m := next()
	for m == "WATCHDOG=1" {
		m = next()
	}
	if m != "STOPPING=1" {
		t.Errorf("last message %q", m)
	}
	if c := <-code; c != exitOK {
		t.Errorf("exit code %d: %s", c, errs.String())
	}
}

// Which errors a restart does not mend (systemd: RestartPreventExitStatus=3).
func TestStoreHint(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want int
		hint bool
	}{
		{nil, exitOK, false},
		{errors.New("something else"), exitFailed, false},
		{store.ErrOutcomeUnknown, exitFailed, true}, // a restart finds out
		{store.ErrCorrupt, exitStore, true},
		{store.ErrAltered, exitStore, true},
		{pki.ErrDamaged, exitStore, true},
		{store.ErrNewer, exitStore, true},
		{store.ErrNone, exitFailed, true},
		{store.ErrLocked, exitFailed, true},
		{store.ErrFenced, exitFailed, true},
		{app.ErrRootKey, exitStore, true},
	} {
		err := tc.err
		if err != nil {
			err = fmt.Errorf("database: %w", err)
		}
		var errs bytes.Buffer
		c := &cli{stderr: &errs}
		if have := c.report(storeHint(err)); have != tc.want || strings.Contains(errs.String(), "\nhint: ") != tc.hint {
			t.Errorf("%v: exit code %d, %q", tc.err, have, errs.String())
		}
	}
}
