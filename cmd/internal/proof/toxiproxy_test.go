//go:build linux

package proof

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// toxiproxyServer is Shopify's proxy between the service and the centre, as an
// outside judge of the links. It answers where its API and its proxy listen.
func toxiproxyServer(t *testing.T, upstream string) (api, listen string) {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	front := httptest.NewServer(server.Routes())
	t.Cleanup(func() {
		front.Close()
		server.Collection.Clear() // the test is over
	})
	api, listen = front.Listener.Addr().String(), freePorts(t, 1)[0]
	if !toxic(t.Context(), http.MethodPost, api, "/proxies", map[string]any{"name": "smsc", "listen": listen, "upstream": upstream, "enabled": true}) {
		t.Fatal("toxiproxy takes no proxy")
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
	io.Copy(io.Discard, resp.Body) // only the status counts
	resp.Body.Close()              // likewise
	return resp.StatusCode < 300
}

// Slow, slicing, resetting and silent links, made by somebody else's proxy:
// the ledgers agree here too.
//
// Covers: I1, I5, F9 via simsign serve
func TestLedgerToxiproxy(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	t.Parallel()
	seed := seedOf(t)
	s := newSite(t, seed, 16)
	api, listen := toxiproxyServer(t, s.proxy.target)
	s.proxy.target = listen // read when the first child binds
	bin := program(t, "")
	ctx := t.Context()
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
	const least = 50
	s.until(t, fmt.Sprintf("%d signatures", least), func() bool { return l.signed.Load() >= least })
	requests := l.end(ctx, patience)
	c.stop(t)
	v := s.compare(t, requests)
	t.Logf("%d requests accepted, %d signed; the centre accepted %d messages and %d duplicates; %d messages from cards acknowledged",
		v.requests, v.signed, v.submits, v.duplicates, v.acks)
	v.report(t, s)
	if v.signed < least {
		t.Error("hardly any load")
	}
}
