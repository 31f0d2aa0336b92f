package rest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/mssp"
)

// oneConn is a listener with one connection.
type oneConn struct{ c chan net.Conn }

func (l oneConn) Accept() (net.Conn, error) {
	if c, ok := <-l.c; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l oneConn) Close() error   { close(l.c); return nil }
func (l oneConn) Addr() net.Addr { return &net.UnixAddr{} }

// A client that sends the head of a request and never its body holds a
// connection for bodyTime and no longer, whatever was wrong with the head.
//
// Supports: F16
func TestBodyNeverComes(t *testing.T) {
	for name, head := range map[string]string{
		"body":   "POST /rest/service HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100",
		"path":   "POST /nosuch HTTP/1.1\r\nHost: x\r\nContent-Length: 100",
		"method": "PUT /rest/service HTTP/1.1\r\nHost: x\r\nContent-Length: 100",
		"type":   "POST /rest/service HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: 100",
		"length": "POST /rest/service HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000",
		"chunks": "POST /nosuch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &oneEngine{state: mssp.Waiting}
				srv := &http.Server{Handler: New(Options{Service: testService(t, e, testDirectory(t))}), IdleTimeout: time.Hour}
				client, server := net.Pipe()
				l := oneConn{make(chan net.Conn, 1)}
				l.c <- server
				go srv.Serve(l)
				defer srv.Close()
				begin := time.Now()
				go fmt.Fprint(client, head+"\r\n\r\n")
				resp, err := http.ReadResponse(bufio.NewReader(client), nil)
				if err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode < 400 || time.Since(begin) > bodyTime {
					t.Errorf("%s after %s", resp.Status, time.Since(begin))
				}
				if _, err := io.Copy(io.Discard, client); err != nil {
					t.Error(err)
				}
				if time.Since(begin) > bodyTime+time.Second {
					t.Errorf("the connection was held for %s", time.Since(begin))
				}
			})
		})
	}
}

// Who sends too much on a connection that ends with it can send all of it, and
// then reads what was wrong.
//
// Supports: F16
func TestTooLargeIsHeardToItsEnd(t *testing.T) {
	const size = 1 << 20
	for name, head := range map[string]string{
		"length": fmt.Sprintf("Content-Length: %d\r\n\r\n", size),
		"chunks": fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", size),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // time stands while anybody is at work: bodyTime is over for no slow machine
				srv := &http.Server{Handler: New(Options{Service: testService(t, &oneEngine{state: mssp.Waiting}, testDirectory(t))})}
				client, server := net.Pipe()
				l := oneConn{make(chan net.Conn, 1)}
				l.c <- server
				go srv.Serve(l)
				defer srv.Close()
				sent := make(chan error, 1)
				go func() {
					_, err := fmt.Fprintf(client, "POST /rest/service HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n%s%s", head, strings.Repeat(" ", size))
					if name == "chunks" && err == nil {
						_, err = fmt.Fprint(client, "\r\n0\r\n\r\n")
					}
					sent <- err
				}()
				resp, err := http.ReadResponse(bufio.NewReader(client), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if b, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(b), `"_103"`) {
					t.Errorf("%s, %v: %s", resp.Status, err, b)
				}
				if err := <-sent; err != nil {
					t.Errorf("sending: %v", err)
				}
			})
		})
	}
}
