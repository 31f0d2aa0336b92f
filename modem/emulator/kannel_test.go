package emulator_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
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
	p.HTTP, p.Admin, p.Box, p.Send = srv.URL, freePort(t), freePort(t), freePort(t)
	p.file("modems.conf")
	conf := p.file("kannel.conf")
	p.registered()
	p.start("bearerbox", conf)
	p.eventually("bearerbox", func() bool { return listens(p.Box) })
	p.start("smsbox", conf)
	// smsbox serves HTTP before it has its bearerbox, and a request in between
	// ends it ("PANIC: gwlib/conn.c: lock_out: Assertion `conn != NULL'"). The
	// heartbeat begins right after the connection is there.
	p.eventually("smsbox", p.contains(".", "heartbeat_thread"))

	send := func(v url.Values) {
		v.Set("username", "t")
		v.Set("password", "t")
		v.Set("to", "+"+string(farNumber))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+p.Send+"/cgi-bin/sendsms?"+v.Encode(), nil)
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
		case <-time.After(25 * time.Second):
			t.Fatalf("kannel has told of the report: %t, of the answer: %t", dlr, mo)
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func listens(port string) bool {
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		return false
	}
	c.Close()
	return true
}
