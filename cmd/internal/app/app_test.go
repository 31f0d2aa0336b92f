package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/cmd/internal/config/configtest"
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

const site = configtest.Listeners + "[lab]\ntest_ca = true\n" + configtest.Site

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
	ready(t, a, 503, "bearer loopback: not attached")
	if err := a.Alive(t.Context()); err != nil {
		t.Errorf("alive: %v", err)
	}
}

// ready waits until /readyz says so, and the metric with it: what a bearer has
// lost or got meanwhile the next self-check sees.
func ready(t *testing.T, a *App, want int, text string) {
	t.Helper()
	metrics := "http://" + a.Addr("metrics")
	gauge := map[bool]string{true: "\nsimsign_ready 1\n", false: "\nsimsign_ready 0\n"}[want == 200]
	eventually(t, fmt.Sprintf("readyz %d with %s", want, text), func() bool {
		a.health.run(t.Context())
		code, body := get(t, metrics+"/readyz")
		_, all := get(t, metrics+"/metrics")
		return code == want && strings.Contains(body, text) && strings.Contains(all, gauge)
	})
}

// eventually waits until ok; it looks every few milliseconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	late := time.After(ample)
	for !ok() {
		select {
		case <-late:
			t.Fatalf("after %s still not: %s", ample, what)
		case <-tick.C:
		}
	}
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
	for number, want := range map[string]string{"41790000001": "zurich", "41440000001": "zurich", "41310000001": "loopback", "3720000001": "rest"} {
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
