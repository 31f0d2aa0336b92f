package vpcd_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/simsign/simsign/applet/vpcd"
)

// chip echoes commands and notes what happened to it.
type chip struct {
	resets   int
	commands [][]byte
	answer   []byte // instead of the echo
}

func (c *chip) ATR() []byte   { return []byte{0x3B, 0x00} }
func (c *chip) Reset() []byte { c.resets++; return c.ATR() }
func (c *chip) Transmit(b []byte) []byte {
	c.commands = append(c.commands, bytes.Clone(b))
	if c.answer != nil {
		return c.answer
	}
	return append(bytes.Clone(b), 0x90, 0x00)
}

// wire is a reader that has said all and keeps the answers.
type wire struct {
	io.Reader
	bytes.Buffer
}

func (w *wire) Read(b []byte) (int, error) { return w.Reader.Read(b) }

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Each frame has its effect and its answer, and the end of the connection is a
// loss of power.
func TestSession(t *testing.T) {
	long := strings.Repeat("AA", vpcd.MaxCommand+1)
	most := "0105" + strings.Repeat("BB", vpcd.MaxCommand)
	for name, tc := range map[string]struct {
		in, out          string
		resets, commands int
		err              error
	}{
		"nothing":            {resets: 1},
		"ATR":                {in: "0001 04", out: "0002 3B00", resets: 1},
		"off, on, reset":     {in: "0001 00 0001 01 0001 02", resets: 4},
		"control unknown":    {in: "0001 03 0001 FF 0001 04", out: "0002 3B00", resets: 1},
		"empty frame":        {in: "0000 0001 04", out: "0002 3B00", resets: 1},
		"command":            {in: "0005 00A4000402", out: "0007 00A40004029000", resets: 1, commands: 1},
		"two commands":       {in: "0002 0102 0002 0304", out: "0004 01029000 0004 03049000", resets: 1, commands: 2},
		"longest":            {in: most, out: "0107" + most[4:] + "9000", resets: 1, commands: 1},
		"one too long":       {in: "0106" + long + "0001 04", out: "0002 6700 0002 3B00", resets: 1},
		"half a length":      {in: "00", resets: 1, err: io.ErrUnexpectedEOF},
		"no command":         {in: "0005", resets: 1, err: io.ErrUnexpectedEOF},
		"half a command":     {in: "0005 00A4", resets: 1, err: io.ErrUnexpectedEOF},
		"half of a long one": {in: "FFFF 00A4", resets: 1, err: io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			c := &chip{}
			w := &wire{Reader: bytes.NewReader(unhex(t, tc.in))}
			if err := vpcd.Session(w, c); !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if !bytes.Equal(w.Bytes(), unhex(t, tc.out)) {
				t.Errorf("answered %X, want %s", w.Bytes(), tc.out)
			}
			if c.resets != tc.resets || len(c.commands) != tc.commands {
				t.Errorf("%d resets, %d commands", c.resets, len(c.commands))
			}
		})
	}
	for _, answer := range [][]byte{{}, {0x90}, make([]byte, 0x10000)} {
		w := &wire{Reader: bytes.NewReader(unhex(t, "0002 0102"))}
		if err := vpcd.Session(w, &chip{answer: answer}); !errors.Is(err, vpcd.ErrResponse) || w.Len() > 0 {
			t.Errorf("%d octets from the card: %v, %X", len(answer), err, w.Bytes())
		}
	}
}

// The card waits for a reader, comes back when it went, and leaves at the end.
func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		readers := make(chan net.Conn)
		attempts := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			vpcd.Serve(ctx, vpcd.Options{Card: &chip{}, Dial: func(context.Context) (net.Conn, error) {
				if attempts++; attempts%3 != 0 {
					return nil, errors.New("no driver")
				}
				a, b := net.Pipe()
				readers <- b
				return a, nil
			}})
		}()
		ask := func(r net.Conn) {
			t.Helper()
			b := make([]byte, 4)
			if _, err := r.Write([]byte{0, 1, 4}); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(r, b); err != nil || !bytes.Equal(b, []byte{0, 2, 0x3B, 0}) {
				t.Fatalf("ATR %X, %v", b, err)
			}
		}
		r := <-readers
		ask(r)
		r.Close()
		r = <-readers
		ask(r)
		cancel()
		if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Error("connection stays open:", err)
		}
		<-done
		if attempts != 6 {
			t.Errorf("%d attempts", attempts)
		}
	})
}

// FuzzSession: whatever the reader sends, the card sees only bounded commands,
// each has one answer, and errors are declared ones.
func FuzzSession(f *testing.F) {
	for _, s := range []string{"", "000104", "000500A4000402", "0000", "FFFF00", "000100000101000102", "01060000"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		c := &chip{answer: []byte{0x90, 0x00}}
		w := &wire{Reader: bytes.NewReader(in)}
		if err := vpcd.Session(w, c); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		for _, cmd := range c.commands {
			if len(cmd) < 2 || len(cmd) > vpcd.MaxCommand {
				t.Fatalf("command of %d octets", len(cmd))
			}
		}
		if c.resets == 0 || w.Len()%4 != 0 || w.Len() < 4*len(c.commands) {
			t.Fatalf("%d resets, %d commands, answers %X", c.resets, len(c.commands), w.Bytes())
		}
	})
}
