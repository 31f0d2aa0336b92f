package loopback

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

func framed(b ...byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

// What does not speak the protocol is cut off with one line in the log, which
// shows no number.
func TestBadPeers(t *testing.T) {
	hello := appendAttach(nil, alice)
	attached := func(b ...byte) []byte { return append(bytes.Clone(hello), framed(b...)...) }
	for _, c := range []struct {
		name string
		in   []byte
	}{
		{"no_attach", framed(0, 1, 2, 3, 4, 5)},
		{"http", []byte("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")},
		{"version_2", framed(append([]byte("SMN\x02"), alice...)...)},
		{"number_with_plus", framed([]byte("SMN\x01+41791110001")...)},
		{"number_missing", framed([]byte("SMN\x01")...)},
		{"number_of_letters", framed([]byte("SMN\x01alice")...)},
		{"length_zero", append(bytes.Clone(hello), 0, 0)},
		{"length_too_long", append(bytes.Clone(hello), 0x01, 0xFF)},
		{"unknown_type", attached(7, 0)},
		{"type_of_the_network", attached(byte(rp.AckMT), 0)},
		{"speaks_for_another", attached(0, 1, 3, 0x91, 0x21, 0x43, 0, 1, 0)},
		{"second_attach", append(bytes.Clone(hello), hello...)},
		{"octets_left_over", attached(byte(rp.AckMO), 0, 0x41, 1, 0, 9)},
		{"cut_off", append(bytes.Clone(hello), 0, 9, 0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				n := NewNetwork(NetworkOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
				a, b := net.Pipe()
				n.Serve(b)
				written := make(chan struct{})
				go func() { a.Write(c.in); close(written) }()
				if c.name == "cut_off" {
					io.ReadFull(a, make([]byte, len(appendAttachAnswer(nil, attachOK, ""))))
					<-written
					a.Close()
				}
				io.Copy(io.Discard, a) // until the network closes it
				n.wg.Wait()
				n.Close()
				if got := strings.Count(log.String(), "\n"); got != 1 {
					t.Errorf("%d log lines, want 1: %s", got, &log)
				}
				if strings.Contains(log.String(), string(alice)) {
					t.Errorf("log shows a number: %s", &log)
				}
			})
		})
	}
}

func TestListen(t *testing.T) {
	n := NewNetwork(NetworkOptions{})
	defer n.Close()
	for _, a := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "localhost:0"} {
		if _, err := n.Listen(a); !errors.Is(err, ErrNotLoopback) {
			t.Errorf("Listen(%q): %v", a, err)
		}
	}
	if _, err := n.Listen("127.0.0.1"); err == nil {
		t.Error("an address without a port was taken")
	}
	if _, err := n.Listen("127.0.0.1:0"); err != nil {
		t.Error(err)
	}
	if a, err := n.Listen("127.0.0.1:0"); a != nil || err == nil {
		t.Error("it listens twice")
	}
	strict := NewNetwork(NetworkOptions{Known: func(sms.MSISDN) bool { return false }})
	defer strict.Close()
	at, err := strict.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), at.String(), service, &inbox{}, nil); !errors.Is(err, ErrAttach) {
		t.Errorf("a client of no such number: %v", err)
	}
	if c, err := Dial(t.Context(), at.String(), "", &inbox{}, nil); c != nil || err == nil {
		t.Errorf("a client without a number: %v", err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	second := NewNetwork(NetworkOptions{})
	defer second.Close()
	if a, err := second.Listen(taken.Addr().String()); a != nil || err == nil {
		t.Error("a port that is taken was taken")
	}
	n.Close()
	if a, err := n.Listen("127.0.0.1:0"); a != nil || err == nil {
		t.Error("a network that is closed listens")
	}
}

// chunks gives a few octets at a time.
type chunks struct {
	b []byte
	n int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.b[:min(c.n, len(c.b))])
	c.b = c.b[n:]
	return n, nil
}

func TestFrameReader(t *testing.T) {
	var stream []byte
	for i := range 200 {
		var err error
		m := rp.Message{Type: rp.DataMT, Ref: byte(i), TPDU: bytes.Repeat([]byte{byte(i)}, 1+i)}
		if stream, err = appendFrame(stream, &m); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int{1, 7, 1000, 1 << 20} {
		r := newFrameReader(&chunks{stream, n})
		for i := range 200 {
			b, err := r.next()
			if err != nil {
				t.Fatal(err)
			}
			if m, err := rp.Parse(b); err != nil || m.Ref != byte(i) || len(m.TPDU) != 1+i {
				t.Fatalf("chunks of %d: frame %d: %v", n, i, err)
			}
		}
		if _, err := r.next(); !errors.Is(err, io.EOF) {
			t.Errorf("at the end: %v", err)
		}
		if len(r.buf) > maxReadBuffer {
			t.Errorf("buffer has grown to %d octets", len(r.buf))
		}
	}
}

// stuckWriter never returns before it is closed.
type stuckWriter struct{ closed chan struct{} }

func (w *stuckWriter) Write([]byte) (int, error) { <-w.closed; return 0, io.ErrClosedPipe }
func (w *stuckWriter) Close() error              { close(w.closed); return nil }

// A peer that does not read costs a bounded amount of memory.
func TestSenderIsBounded(t *testing.T) {
	s := sender{w: &stuckWriter{make(chan struct{})}}
	m := rp.Message{Type: rp.DataMT, TPDU: make([]byte, 200)}
	if err := s.queue(&m); err != nil {
		t.Fatal(err)
	}
	flushed := make(chan error)
	go func() { flushed <- s.flush() }()
	for i := 0; ; i++ {
		if err := s.queue(&m); errors.Is(err, errNotReading) {
			break
		}
		if i > maxUnsent {
			t.Fatal("no bound")
		}
	}
	if err := <-flushed; !errors.Is(err, errNotReading) {
		t.Errorf("flush: %v", err)
	}
}

func FuzzNetwork(f *testing.F) {
	f.Add(appendAttach(nil, alice))
	f.Add(append(appendAttach(nil, alice), framed(0, 1, 0, 0, 9, 1, 0, 4, 0x81, 0x09, 0, 0, 4, 0)...))
	f.Fuzz(func(t *testing.T, in []byte) {
		n := NewNetwork(NetworkOptions{MaxEndpoints: 4, MaxStored: 8, Clock: func() time.Time { return time.Unix(0, 0) }})
		a, b := net.Pipe()
		n.Serve(b)
		go func() {
			a.Write(in)
			a.Close()
		}()
		io.Copy(io.Discard, a)
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if len(n.subs) > 4 || n.stored > 8 {
			t.Errorf("%d subscribers, %d messages", len(n.subs), n.stored)
		}
	})
}

func FuzzAttach(f *testing.F) {
	f.Add([]byte("SMN\x0141791110001"))
	f.Fuzz(func(t *testing.T, in []byte) {
		n, _, err := parseAttach(in)
		if err == nil {
			if back := appendAttach(nil, n); !bytes.Equal(back[2:], in) {
				t.Errorf("%q came back as %q", in, back[2:])
			}
		} else if !errors.Is(err, ErrFrame) && !errors.Is(err, ErrAttach) {
			t.Errorf("undeclared error: %v", err)
		}
		if err := parseAttachAnswer(in); err != nil && !errors.Is(err, ErrFrame) && !errors.Is(err, ErrAttach) {
			t.Errorf("undeclared error: %v", err)
		}
	})
}
