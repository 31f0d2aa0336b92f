package emulator_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// wire is a network that says and hears octets: RP messages as TS 24.011 7.3
// writes them, with nothing of ours in between.
type wire struct {
	t     testing.TB
	conns chan net.Conn // the present attachment
	heard chan string
}

func newWire(t testing.TB) *wire {
	return &wire{t: t, conns: make(chan net.Conn, 1), heard: make(chan string, 100)}
}

func (w *wire) dial(context.Context) (net.Conn, error) {
	a, b := net.Pipe()
	w.t.Cleanup(func() { b.Close() })
	go w.hear(b)
	return a, nil
}

// hear takes the attach and keeps what comes after it.
func (w *wire) hear(c net.Conn) {
	frame := func() ([]byte, error) {
		var head [2]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return nil, err
		}
		b := make([]byte, binary.BigEndian.Uint16(head[:]))
		_, err := io.ReadFull(c, b)
		return b, err
	}
	if _, err := frame(); err != nil {
		return
	}
	select {
	case <-w.conns: // the attachment before
	default:
	}
	w.conns <- c
	if _, err := io.WriteString(c, "\x00\x05SMN\x01\x00"); err != nil {
		return
	}
	for {
		b, err := frame()
		if err != nil {
			return
		}
		w.heard <- hex.EncodeToString(b)
	}
}

// say sends one RP message in hexadecimal.
func (w *wire) say(text string) {
	w.t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		w.t.Fatal(err)
	}
	c := <-w.conns
	w.conns <- c
	if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)); err != nil {
		w.t.Fatal(err)
	}
}

// hears is the next RP message that the modem has sent.
func (w *wire) hears(want string) {
	w.t.Helper()
	select {
	case got := <-w.heard:
		if want = strings.ToLower(strings.ReplaceAll(want, " ", "")); got != want {
			w.t.Fatalf("the network heard\n%s, want\n%s", got, want)
		}
	case <-time.After(patience):
		w.t.Fatalf("the network heard nothing, want %s", want)
	}
}
