//go:build linux

package emulator_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/simsign/simsign/ota/bearer"
)

// Kannel's AT driver sends a message for a card (PID 7F, class 2, header 70)
// and one of three parts, hands an answer to HTTP, and gets a status report.
func TestKannel(t *testing.T) {
	t.Parallel()
	p := newPeer(t, "bearerbox", "smsbox")
	calls := make(chan url.Values, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		v := r.URL.Query()
		v.Set("path", r.URL.Path)
		calls <- v
	}))
	defer srv.Close()
	p.HTTP, p.Host = srv.URL, ownHost()
	p.Admin, p.Box, p.Send = freePort(t, p.Host, 0), freePort(t, p.Host, 1), freePort(t, p.Host, 2)
	p.file("modems.conf")
	conf := p.file("kannel.conf")
	p.start("bearerbox", conf)
	p.eventually("bearerbox", func() bool { return listens(net.JoinHostPort(p.Host, p.Box)) })
	p.start("smsbox", conf)
	// smsbox serves HTTP before it has its bearerbox, and a request in between
	// ends it ("PANIC: gwlib/conn.c: lock_out: Assertion `conn != NULL'"). The
	// heartbeat begins right after the connection is there.
	p.eventually("smsbox", p.contains(".", "heartbeat_thread"))

	send := func(v url.Values) {
		v.Set("username", "t")
		v.Set("password", "t")
		v.Set("to", "+"+string(farNumber))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(p.Host, p.Send)+"/cgi-bin/sendsms?"+v.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if b, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusAccepted {
			t.Fatalf("smsbox: %s %s", resp.Status, b)
		}
	}
	send(url.Values{"text": {"packet"}, "pid": {"127"}, "coding": {"1"}, "mclass": {"2"}, "alt-dcs": {"1"}, "udh": {"\x02\x70\x00"}})
	if m := p.next(); m.PID != 0x7F || m.DCS != 0xF6 || !bytes.Equal(m.UDH, []byte{2, 0x70, 0}) || string(m.UD) != "packet" {
		t.Errorf("got %+v", m)
	}
	send(url.Values{"text": {strings.Repeat("0123456789", 40)}})
	for i := range 3 {
		if m := p.next(); len(m.UDH) != 6 || m.UDH[4] != 3 || int(m.UDH[5]) != i+1 {
			t.Errorf("part %d has the header %x", i+1, m.UDH)
		}
	}
	send(url.Values{"text": {"hello from kannel"}, "dlr-mask": {"3"}, "dlr-url": {srv.URL + "/dlr?status=%d"}})
	if got := content(t, p.next()); got != "hello from kannel" {
		t.Errorf("got %q", got)
	}
	p.segment(bearer.Segment{DCS: 4, UDH: []byte{2, 0x71, 0}, UD: []byte("answer")})
	dlr, mo := false, false
	for !dlr || !mo {
		select {
		case v := <-calls:
			switch v.Get("path") {
			case "/dlr":
				dlr = v.Get("status") == "1"
			case "/mo":
				mo = v.Get("udh") == "\x02\x71\x00" && v.Get("bin") == "answer"
			}
			t.Logf("kannel called %v", v)
		case <-time.After(patience):
			t.Fatalf("kannel has told of the report: %t, of the answer: %t", dlr, mo)
		}
	}
}

// ownHost is a loopback address where no other process opens a port: one of
// 127.0.0.1 that is free may be taken before Kannel has it.
func ownHost() string {
	pid := os.Getpid() // Linux has at most 22 bits of them
	return net.IPv4(127, byte(64+pid>>16), byte(pid>>8), byte(pid)).String()
}

// freePort is a port below those that the kernel chooses, another one for each
// of three servers. Until a child runs its own program it has a copy of our
// listener, which then listens on after Close: none is started as long.
func freePort(t *testing.T, host string, server int) string {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	for range 100 {
		port := strconv.Itoa(15000 + 3*rand.IntN(5000) + server)
		if l, err := net.Listen("tcp", net.JoinHostPort(host, port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port on " + host)
	return ""
}

func listens(address string) bool {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	c.Close()
	return true
}
