package app

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/cmd/internal/listen"
)

// Whoever only opens connections, or never ends the head of a request, keeps
// nobody out: neither other clients nor who looks after the service.
func TestIdleCrowd(t *testing.T) {
	cfg := configuration(t, strings.Replace(site, "[lab]", "[limits]\nconnections = 16\n[lab]", 1))
	a := start(t, cfg)
	for _, plane := range []string{"api", "ca", "metrics"} {
		if a.Addr(plane) == "" {
			continue // no CA yet
		}
		for i := range 200 {
			c, err := net.Dial("tcp", a.Addr(plane))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if i%2 == 0 {
				// The service may have closed it already, to make room.
				head := "POST /rest/service HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n"
				if i%4 == 0 {
					head += "Content-Length: 100\r\n\r\n{" // and no more of the body
				}
				_, _ = c.Write([]byte(head))
			}
		}
	}
	for range listen.AdminMax + 50 {
		c, err := net.Dial("unix", cfg.Admin.Socket)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	if code, _ := get(t, "http://"+a.Addr("metrics")+"/healthz"); code != http.StatusOK {
		t.Errorf("healthz: %d", code)
	}
	if code, _ := get(t, "http://"+a.Addr("api")+"/nothing"); code != http.StatusNotFound {
		t.Errorf("api: %d", code)
	}
	if _, err := admin.Dial(t.Context(), cfg.Admin.Socket); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`simsign_connections_refused_total{limit="address",listener="api"} `, `simsign_connections_refused_total{limit="listener",listener="admin"} `,
		`simsign_connections_refused_total{limit="address",listener="metrics"} `,
	} {
		eventually(t, want+"is counted", func() bool { // those that were dialled last are not let in yet
			_, body := get(t, "http://"+a.Addr("metrics")+"/metrics")
			_, rest, ok := strings.Cut(body, want)
			return ok && !strings.HasPrefix(rest, "0\n")
		})
	}
}

// A connection is somebody's once a request on it has succeeded, and not before:
// where there is one place, a newcomer takes it from who has not logged in.
func TestSucceeding(t *testing.T) {
	for status, known := range map[int]bool{http.StatusUnauthorized: false, http.StatusInternalServerError: false, http.StatusOK: true} {
		h := succeeding(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
				t.Errorf("the handler does not reach its connection: %v", err)
			}
			w.WriteHeader(status)
		}), "api")
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{Handler: h, ConnContext: withConn, ConnState: (&newConns{}).track}
		defer srv.Close()
		go srv.Serve(listen.New(l, listen.Options{Name: "api", Max: 1}))
		dial := func() net.Conn {
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return c
		}
		ended := func(c net.Conn) <-chan struct{} {
			done := make(chan struct{})
			go func() {
				defer close(done)
				for b := make([]byte, 1); ; {
					if _, err := c.Read(b); err != nil {
						return
					}
				}
			}()
			return done
		}
		first := dial()
		if _, err := first.Write([]byte("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(bufio.NewReader(first), nil)
		if err != nil || r.StatusCode != status {
			t.Fatalf("%+v, %v", r, err)
		}
		over := ended(first)
		if known {
			<-ended(dial())
			select {
			case <-over:
				t.Errorf("status %d: somebody's connection made room", status)
			default:
			}
			continue
		}
		for free := false; !free; { // as soon as the server has done with the request
			newcomer := ended(dial())
			select {
			case <-over:
				free = true
			case <-newcomer:
			}
		}
	}
}
