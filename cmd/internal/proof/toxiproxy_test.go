//go:build linux

package proof

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// toxiproxy is Shopify's proxy between the service and the centre, as an
// outside judge of the links: built through the Go module proxy where it answers.
func toxiproxy(t *testing.T, upstream string) (api, listen string) {
	t.Helper()
	const module = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0"
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "install", module)
	build.Dir, build.Env = dir, append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-mod=mod", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		missing(t, fmt.Sprintf("toxiproxy cannot be built: %v\n%s", err, out))
	}
	ports := freePorts(t, 2)
	api, listen = ports[0], ports[1]
	host, port, _ := strings.Cut(api, ":")
	cmd := exec.Command(filepath.Join(dir, "server"), "-host", host, "-port", port)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it may have ended
		cmd.Wait()         //nolint:errcheck // it was killed
	})
	for !toxic(ctx, http.MethodPost, api, "/proxies", map[string]any{"name": "smsc", "listen": listen, "upstream": upstream, "enabled": true}) {
		if !wait(ctx, 20*time.Millisecond) {
			t.Fatal("toxiproxy does not answer")
		}
	}
	return api, listen
}

// toxic calls the API of toxiproxy.
func toxic(ctx context.Context, method, api, path string, body any) bool {
	b, err := json.Marshal(body)
	if err != nil {
		return false
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+api+path, bytes.NewReader(b))
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	io.Copy(io.Discard, resp.Body) //nolint:errcheck // only the status counts
	resp.Body.Close()              //nolint:errcheck // likewise
	return resp.StatusCode < 300
}

// Slow, slicing, resetting and silent links, made by somebody else's proxy:
// the ledgers agree here too.
//
// Covers: I1, I5, F9
func TestLedgerToxiproxy(t *testing.T) {
	if testing.Short() {
		t.Skip("builds toxiproxy")
	}
	seed := seedOf(t)
	s := newSite(t, seed, 16)
	api, listen := toxiproxy(t, s.proxy.target)
	s.proxy.target = listen // read when the first child binds
	bin := program(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := s.serve(t, bin)
	if !s.up(ctx, c) {
		t.Fatalf("the service does not start: %v\n%s", c.err, s.tail(t, 5))
	}
	s.register(t)
	c.stop(t)
	s.watch(t)
	c = s.serve(t, bin)
	l := s.startLoad(ctx)
	for _, x := range []struct {
		kind, stream string
		attributes   map[string]int
	}{
		{"latency", "downstream", map[string]int{"latency": 60, "jitter": 40}},
		{"latency", "upstream", map[string]int{"latency": 60, "jitter": 40}},
		{"slicer", "upstream", map[string]int{"average_size": 12, "size_variation": 8, "delay": 200}},
		{"slicer", "downstream", map[string]int{"average_size": 12, "size_variation": 8, "delay": 200}},
		{"bandwidth", "downstream", map[string]int{"rate": 4}},
		{"reset_peer", "downstream", map[string]int{"timeout": 150}},
		{"reset_peer", "upstream", map[string]int{"timeout": 250}},
		{"limit_data", "downstream", map[string]int{"bytes": 1000}},
		{"timeout", "downstream", map[string]int{"timeout": 400}},
		{"timeout", "upstream", map[string]int{"timeout": 400}},
	} {
		if !toxic(ctx, http.MethodPost, api, "/proxies/smsc/toxics", map[string]any{"name": "x", "type": x.kind, "stream": x.stream, "attributes": x.attributes}) {
			t.Errorf("toxiproxy refuses %s", x.kind)
		}
		wait(ctx, 1200*time.Millisecond)
		if !toxic(ctx, http.MethodDelete, api, "/proxies/smsc/toxics/x", nil) {
			t.Errorf("toxiproxy does not take %s back", x.kind)
		}
		wait(ctx, 600*time.Millisecond)
	}
	calm, done := context.WithTimeout(ctx, 45*time.Second)
	defer done()
	requests := l.drainWithin(calm)
	l.again(ctx)
	c.stop(t)
	v := s.compare(t, requests)
	t.Logf("%d requests accepted, %d signed; the centre accepted %d messages and %d duplicates; %d messages from cards acknowledged",
		v.requests, v.signed, v.submits, v.duplicates, v.acks)
	v.report(t, s)
	if v.signed < 50 {
		t.Error("hardly any load")
	}
}
