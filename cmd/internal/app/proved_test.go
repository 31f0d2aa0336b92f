package app

import (
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/simsign/simsign/cmd/internal/listen"
)

// A whole request keeps the place of its connection on the API when its sender has
// proved who it is, and not before: the answers to wrong passwords wait. On the
// other planes, where nobody logs in, it does.
func TestProved(t *testing.T) {
	for _, c := range []struct {
		name         string
		proved, kept bool
	}{{"api", false, false}, {"api", true, true}, {"ca", false, true}} {
		served, answer := make(chan bool), make(chan bool)
		h := succeeding(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				t.Error(err)
			}
			if c.proved {
				proved(r)
			}
			close(served)
			<-answer
		}), c.name)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{Handler: h, ConnContext: withConn, ConnState: (&newConns{}).track}
		defer srv.Close()
		defer close(answer)
		go srv.Serve(listen.New(l, listen.Options{Name: c.name, Max: 1}))
		dial := func() (net.Conn, <-chan struct{}) {
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			over := make(chan struct{})
			go func() {
				defer close(over)
				_, _ = io.Copy(io.Discard, conn) // until the server closes it
			}()
			return conn, over
		}
		first, over := dial()
		if _, err := first.Write([]byte("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\n{}")); err != nil {
			t.Fatal(err)
		}
		<-served
		_, newcomer := dial()
		kept := false
		select {
		case <-over:
		case <-newcomer:
			kept = true
		}
		if kept != c.kept {
			t.Errorf("%s, proved %v: kept %v", c.name, c.proved, kept)
		}
	}
}
