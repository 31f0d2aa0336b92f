package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/cmd/internal/alert"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// ample bounds every wait for what must come: far longer than it takes on a
// busy machine.
const ample = 2 * time.Minute

// A store or a client that a busy machine stops for some seconds is no fault here.
func init() { checkTime, headTime = ample, ample }

const site = `
[api]
listen = "127.0.0.1:0"
[ca]
listen = "127.0.0.1:0"
[metrics]
listen = "127.0.0.1:0"
[lab]
test_ca = true
[[card_profile]]
name = "int6"
tar = "B00001"
[[signature_profile]]
uri = "http://a.example/auth"
usage = "authentication"
[[bearer]]
name = "loop"
kind = "loopback"
network = "127.0.0.1:0"
`

// configuration is one on a folder of its own.
func configuration(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, err := config.Parse(filepath.Join(t.TempDir(), "simsign.toml"), []byte(text), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// start starts a service on cfg and stops it with the test.
func start(t *testing.T, cfg *config.Config) *App {
	t.Helper()
	a, err := New(Options{Config: cfg, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, a) })
	return a
}

func stop(t *testing.T, a *App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), ample)
	defer cancel()
	if err := a.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// A service without a CA is alive, says why it is not ready, and is ready
// after "ca init" and a restart on the same data.
//
// Covers: I14 via GET /readyz
func TestReadiness(t *testing.T) {
	cfg := configuration(t, site)
	a := start(t, cfg)
	metrics := "http://" + a.Addr("metrics")
	if code, body := get(t, metrics+"/healthz"); code != 200 {
		t.Errorf("healthz: %d %s", code, body)
	}
	if code, body := get(t, metrics+"/readyz"); code != 503 || !strings.Contains(body, "simsign ca init") {
		t.Errorf("readyz without CA: %d %s", code, body)
	}
	client, err := admin.Dial(t.Context(), cfg.Admin.Socket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.InitCA(t.Context(), operator.CARequest{Name: "Example CA", Test: true}); err != nil {
		t.Fatal(err)
	}
	stop(t, a)

	a = start(t, cfg)
	metrics = "http://" + a.Addr("metrics")
	ready(t, a, 200, "ready")
	_, body := get(t, metrics+"/metrics")
	for _, want := range []string{"simsign_ready ", `simsign_build_info{version="test"} 1`, "go_goroutines", "process_open_fds"} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	if code, _ := get(t, "http://"+a.Addr("ca")+"/ca.crl"); code != 200 {
		t.Errorf("CRL: %d", code)
	}
	for _, p := range a.planes {
		if open := p.name == "ca" || p.name == "metrics"; open != (p.srv.ReadTimeout > 0 && p.srv.WriteTimeout > 0) {
			t.Errorf("%s: a request may last %s, its reply %s", p.name, p.srv.ReadTimeout, p.srv.WriteTimeout)
		}
	}
	if code, _ := get(t, "http://"+a.Addr("api")+"/metrics"); code != 404 {
		t.Errorf("the plane of the providers answers /metrics with %d", code)
	}

	// The network goes away: not ready any more, but alive.
	n, _ := a.Network()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	ready(t, a, 503, "bearer loop: not attached")
	if err := a.Alive(t.Context()); err != nil {
		t.Errorf("alive: %v", err)
	}
}

// ready waits until /readyz says so, and the metric with it: what a bearer has
// lost or got meanwhile the next self-check sees.
func ready(t *testing.T, a *App, want int, text string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(ample)
	metrics := "http://" + a.Addr("metrics")
	gauge := map[bool]string{true: "\nsimsign_ready 1\n", false: "\nsimsign_ready 0\n"}[want == 200]
	for {
		code, body := get(t, metrics+"/readyz")
		_, all := get(t, metrics+"/metrics")
		if code == want && strings.Contains(body, text) && strings.Contains(all, gauge) {
			return
		}
		select {
		case <-late:
			t.Fatalf("readyz: %d %s, want %d %s and%s", code, body, want, text, gauge)
		case <-tick.C:
			a.health.run(t.Context())
		}
	}
}

// A self-check that hangs or has stopped coming is a reason by itself.
func TestHealthAge(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	fault := errors.New("does not answer")
	reg := newRegistry("test")
	alerts, err := alert.New(reg, slog.New(slog.DiscardHandler), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	h := newHealth(reg, slog.New(slog.DiscardHandler), func() time.Time { return now }, alerts, func() {}, []check{{"store", func(context.Context) error { return fault }, [2]string{alert.Store, "database"}, nil}})
	if have := fmt.Sprint(h.now()); have != "[starting]" {
		t.Errorf("before the first check: %s", have)
	}
	h.run(t.Context())
	if have := fmt.Sprint(h.now()); have != "[store: does not answer]" {
		t.Errorf("store down: %s", have)
	}
	if open := alerts.Open(); len(open) != 0 {
		t.Errorf("one no is an alert: %v", open)
	}
	h.run(t.Context()) // a bearer came or went
	if open := alerts.Open(); len(open) != 0 {
		t.Errorf("two of them within a moment are an alert: %v", open)
	}
	now = now.Add(checkEvery)
	h.run(t.Context())
	if open := alerts.Open(); len(open) != 1 || open[0].Kind != alert.Store || open[0].Text != "does not answer" {
		t.Errorf("two of them: %v", open)
	}
	fault = nil
	h.run(t.Context())
	if open := alerts.Open(); len(open) != 0 {
		t.Errorf("the store is back: %v", open)
	}
	if have := h.now(); len(have) != 0 {
		t.Errorf("ready: %s", have)
	}
	now = now.Add(5 * checkEvery)
	if have := h.now(); len(have) != 1 {
		t.Errorf("after a pause: %s", have)
	}
}

// A question that hangs is a no within its time, is not asked twice, and as
// long as it hangs nobody needs to wait for what it asks.
//
// Supports: I14
func TestHealthHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checkTime = 3 * time.Second
		defer func() { checkTime = ample }()
		reg := newRegistry("test")
		alerts, err := alert.New(reg, slog.New(slog.DiscardHandler), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		asked, again, release := 0, 0, make(chan error)
		h := newHealth(reg, slog.New(slog.DiscardHandler), time.Now, alerts, func() { again++ }, []check{
			{"store", func(context.Context) error { asked++; return <-release }, [2]string{}, nil},
			{"ca", func(context.Context) error { return nil }, [2]string{}, nil},
		})
		if err := h.hangs("store"); err != nil {
			t.Errorf("before it was asked: %v", err)
		}
		for range 3 {
			h.run(t.Context())
			if have := fmt.Sprint(h.now()); have != "[store: has not answered within 3s]" {
				t.Errorf("%s", have)
			}
			time.Sleep(time.Millisecond)
			if h.hangs("store") == nil || h.hangs("ca") != nil {
				t.Errorf("hangs: store %v, ca %v", h.hangs("store"), h.hangs("ca"))
			}
		}
		release <- errors.New("locked")
		synctest.Wait()
		if h.hangs("store") == nil { // whoever asks now waits as long for the same no
			t.Error("a no that came late is no sign that it answers again")
		}
		h.run(t.Context()) // takes it
		asked, again = 0, 0
		h.run(t.Context())
		release <- nil
		synctest.Wait()
		if err := h.hangs("store"); err != nil || asked != 1 || again != 1 {
			t.Errorf("it has answered: %v, asked %d times, again %d", err, asked, again)
		}
		go func() { time.Sleep(time.Second); release <- nil }()
		h.run(t.Context()) // takes the late answer
		h.run(t.Context())
		if have := h.now(); len(have) != 0 || asked != 2 {
			t.Errorf("%v, asked %d times", have, asked)
		}
	})
}

// Two services on the same data: the second refuses and disturbs nothing.
//
// Covers: F18, F via simsign serve
func TestSecondInstance(t *testing.T) {
	cfg := configuration(t, site)
	start(t, cfg)
	b, err := New(Options{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context()); !errors.Is(err, store.ErrLocked) {
		t.Errorf("second instance: %v, want ErrLocked", err)
	}
	if _, err := admin.Dial(t.Context(), cfg.Admin.Socket); err != nil {
		t.Errorf("the first instance lost its socket: %v", err)
	}
}

// The admin socket: the owner's alone, left-overs replaced, gone after a stop,
// and never in the place of something else.
func TestAdminSocket(t *testing.T) {
	cfg := configuration(t, site)
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: cfg.Admin.Socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close() // as after kill -9
	a := start(t, cfg)
	info, err := os.Lstat(cfg.Admin.Socket)
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("socket: %v, %v", info.Mode(), err)
	}
	stop(t, a)
	if _, err := os.Lstat(cfg.Admin.Socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the stop: %v", err)
	}
	if err := os.WriteFile(cfg.Admin.Socket, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := New(Options{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("start over a file: %v", err)
	}
	if text, err := os.ReadFile(cfg.Admin.Socket); err != nil || string(text) != "precious" {
		t.Errorf("the file is gone: %q, %v", text, err)
	}
}

// The root key: made once, then needed; a lost or foreign one is never
// replaced by a new one.
func TestRootKey(t *testing.T) {
	cfg := configuration(t, site)
	open := func() error {
		core, err := OpenCore(t.Context(), cfg, CoreOptions{Clock: time.Now, Getenv: os.Getenv})
		if err != nil {
			return err
		}
		return core.Close()
	}
	if err := open(); err != nil {
		t.Fatal(err)
	}
	path := cfg.DefaultRootFile()
	key, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("root key: %v, %v", info.Mode(), err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := open(); !errors.Is(err, ErrRootKey) || !strings.Contains(err.Error(), "put it back") {
		t.Errorf("lost key: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a new root key was made over sealed rows")
	}
	if err := os.WriteFile(path, make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(); !errors.Is(err, ErrRootKey) {
		t.Errorf("foreign key: %v", err)
	}
	if err := os.WriteFile(path, key, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(); err != nil {
		t.Errorf("the right key again: %v", err)
	}
}

// The longest prefix wins; a bearer without prefixes takes the rest.
func TestRoute(t *testing.T) {
	cfg := configuration(t, strings.Replace(site, "network", "prefixes = [\"41\"]\nnetwork", 1)+`
[[bearer]]
name = "zurich"
kind = "loopback"
prefixes = ["4179", "4144"]
network = "127.0.0.1:0"
[[bearer]]
name = "rest"
kind = "loopback"
network = "127.0.0.1:0"
`)
	a := start(t, cfg)
	for number, want := range map[string]string{"41790000001": "zurich", "41440000001": "zurich", "41310000001": "loop", "3720000001": "rest"} {
		b := a.bearers.route(bearer.Destination{MSISDN: sms.MSISDN(number)})
		if b == nil || b.Name() != want {
			t.Errorf("%s goes to %v, want %s", number, b, want)
		}
	}
	var none bearers
	if b := none.route(bearer.Destination{MSISDN: "41790000001"}); b != nil {
		t.Errorf("no bearer: %v", b)
	}
}

// A listener that cannot be opened ends the start, and everything that was
// open is closed again: the next start finds nothing in its way.
func TestStartFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg := configuration(t, site)
	cfg.Metrics.Listen = l.Addr().String()
	a, err := New(Options{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "metrics.listen") {
		t.Fatalf("start: %v", err)
	}
	cfg.Metrics.Listen = "127.0.0.1:0"
	start(t, cfg)
}
