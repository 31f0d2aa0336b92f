package main

import (
	"bytes"
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// lines is a log that others read while it is written; grown has one for each
// time that it has.
type lines struct {
	mu    sync.Mutex
	b     bytes.Buffer
	grown chan struct{}
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.grown <- struct{}{}:
	default:
	}
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// wait returns what was written since the last call, up to a line with a text.
func (l *lines) wait(t *testing.T, ended <-chan int, text string) string {
	t.Helper()
	for {
		if s := l.String(); strings.Contains(s, text) {
			l.mu.Lock()
			l.b.Reset()
			l.mu.Unlock()
			return s
		}
		select {
		case <-l.grown:
		case code := <-ended:
			t.Fatalf("ended with %d: %s", code, l)
		}
	}
}

// SIGHUP never ends the service. It takes over what it can, names what needs a
// restart, and refuses a faulty file; SIGUSR1 means nothing, SIGQUIT stops in
// good order.
//
// Covers: I14 via simsign serve
func TestServeSignals(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "simsign.toml")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	send := func(s syscall.Signal) {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), s); err != nil {
			t.Fatal(err)
		}
	}
	put(serveConfig)
	log, ended := &lines{grown: make(chan struct{}, 1)}, make(chan int, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { ended <- run(ctx, []string{"serve", "-c", file}, strings.NewReader(""), log, log) }()
	log.wait(t, ended, `"service started"`)

	send(syscall.SIGHUP)
	log.wait(t, ended, `"configuration was read anew"`)
	for faulty, want := range map[string]string{
		serveConfig + "nonsense = 1\n": "nonsense",
		"[[[":                          "refused",
		strings.Replace(serveConfig, "4D5353", "B0", 1):                   "card_profile[0].tar",
		"[api]\ntls_cert = \"no.crt\"\n" + serveConfig[len("\n[api]\n"):]: "api.tls_cert",
	} {
		put(faulty)
		send(syscall.SIGHUP)
		if got := log.wait(t, ended, "the service goes on as it was"); !strings.Contains(got, want) {
			t.Errorf("%s, want %q", got, want)
		}
	}
	os.Remove(file)
	send(syscall.SIGHUP)
	log.wait(t, ended, "no such file")
	put(serveConfig + "[log]\nlevel = \"warn\"\n[limits]\nqueue = 7\n")
	send(syscall.SIGHUP)
	if got := log.wait(t, ended, `"configuration was read anew"`); !strings.Contains(got, `need a restart of the service","keys":"limits.queue"`) || !strings.Contains(got, `"changed":"log.level"`) {
		t.Error(got)
	}
	put(serveConfig)
	send(syscall.SIGUSR1) // not a word at this level
	send(syscall.SIGHUP)  // nor of this, but it takes the level back
	for send(syscall.SIGUSR2); !strings.Contains(log.String(), "signal without a meaning here"); {
		select {
		case <-log.grown:
		case code := <-ended:
			t.Fatalf("ended with %d: %s", code, log)
		default:
			send(syscall.SIGUSR2)
		}
	}
	send(syscall.SIGQUIT)
	if code := <-ended; code != exitOK || !strings.Contains(log.String(), "goroutine") {
		t.Errorf("exit code %d: %s", code, log)
	}
}

// A terminal that is closed ends what people look at, in good order.
func TestHangUp(t *testing.T) {
	// Under nohup, which tells a command to stay, this test would wait for ever.
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP)
	defer signal.Stop(heard)
	out, ended := &lines{grown: make(chan struct{}, 1)}, make(chan int, 1)
	go func() {
		ended <- run(t.Context(), []string{"smsc", "run", "--listen", "127.0.0.1:0", "--network-listen", "127.0.0.1:0"}, strings.NewReader(""), out, out)
	}()
	out.wait(t, ended, "127.0.0.1:")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d: %s", code, out)
	}
}
