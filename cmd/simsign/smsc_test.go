package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/smpp"
)

// fakeCentre takes every bind.
func fakeCentre(t *testing.T, binds chan smpp.CommandID, unbinds chan struct{}) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s := smpp.NewSession(conn, smpp.Options{Handler: smpp.HandlerFunc(func(_ context.Context, r *smpp.Request) {
				if b, ok := r.Body.(*smpp.Bind); ok {
					st := smpp.ROK
					if b.Password != "geheim" {
						st = smpp.RInvPaswd
					}
					r.Reply(st, &smpp.BindResp{SystemID: "centre"}) // the peer may be gone
					binds <- r.Command
				}
			})})
			go func() {
				<-s.Done()
				if strings.Contains(s.Err().Error(), "unbound") {
					unbinds <- struct{}{}
				}
			}()
		}
	}()
	return l.Addr().String()
}

// bound waits until the service has both binds of its only centre.
func bound(t *testing.T, a *app.App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		list, err := a.Admin().ListSMSCs(ctx, operator.Page{})
		if err == nil && len(list) == 1 && list[0].Bound == 2 {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("not bound: %+v, %v", list, err)
		case <-tick.C:
		}
	}
}

// The operator's commands against a running service: list, drain, stop,
// start, trace.
func TestSMSCCommands(t *testing.T) {
	binds, unbinds := make(chan smpp.CommandID, 10), make(chan struct{}, 10)
	dir := t.TempDir()
	file := filepath.Join(dir, "simsign.toml")
	bearer := `
[[bearer]]
name = "north"
kind = "smpp"
prefixes = ["4179"]
address = "` + fakeCentre(t, binds, unbinds) + `"
system_id = "simsign"
password_file = "smsc.password"
mode = "pair"
trace = 100
`
	for name, text := range map[string]string{"simsign.toml": serveConfig + bearer, "smsc.password": "geheim\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(app.Options{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer a.Stop(context.Background()) // a test
	<-binds
	<-binds
	do := func(want string, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		code := run(t.Context(), append([]string{"smsc"}, append(args, "-c", file)...), strings.NewReader(""), &out, &errs)
		if text := out.String() + errs.String(); !strings.Contains(text, want) || (code == 0) != (errs.Len() == 0) {
			t.Errorf("simsign smsc %s: exit code %d, want %q in:\n%s", strings.Join(args, " "), code, want, text)
		}
		return out.String()
	}
	do("north", "list")
	bound(t, a) // else there is nothing to unbind
	do("north is paused", "drain", "north")
	do("paused", "list")
	do("north is stopped: not bound", "stop", "north", "--wait", "2m")
	<-unbinds
	<-unbinds
	do("stopped", "list")
	do("north is running", "start", "north")
	<-binds
	<-binds
	do(`no bearer of kind smpp has the name "loopback"`, "stop", "loopback")
	do("at least 1s", "stop", "north", "--wait", "0s")
	do("at most 600 seconds", "stop", "north", "--wait", "1h")
	out := filepath.Join(dir, "north.pcap")
	do("octets", "trace", "north", "--out", out)
	b, err := os.ReadFile(out)
	if err != nil || !bytes.Contains(b, []byte("simsign")) || bytes.Contains(b, []byte("geheim")) {
		t.Errorf("trace of %d octets, %v: the system_id must be in it, the password must not", len(b), err)
	}
	if info, err := os.Stat(out); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := a.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	do("needs the running service", "list")
}
