package vpcd_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

// deaf is a reader that asks and takes no answer.
type deaf struct{ io.Reader }

func (deaf) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestSessionWithoutReader(t *testing.T) {
	c := &chip{}
	if err := vpcd.Session(deaf{bytes.NewReader(unhex(t, "0002 0102 0002 0304"))}, c); !errors.Is(err, io.ErrClosedPipe) || len(c.commands) != 1 || c.resets != 1 {
		t.Errorf("%v, %d commands, %d resets", err, len(c.commands), c.resets)
	}
	if vpcd.MaxCommand != 261 { // header, Lc, 255 octets and Le (ISO 7816-3 12.2)
		t.Errorf("commands of %d octets", vpcd.MaxCommand)
	}
}

// How often Serve tries, and what an operator reads of it: that it waits, once,
// that the card is in the reader, and why it is so no longer.
func TestServeSays(t *testing.T) {
	for retry, pause := range map[time.Duration]time.Duration{0: time.Second, 7 * time.Second: 7 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var log bytes.Buffer
			var at []time.Duration
			start := time.Now()
			vpcd.Serve(ctx, vpcd.Options{
				Card: &chip{}, Retry: retry, Logger: slog.New(slog.NewTextHandler(&log, nil)),
				Dial: func(context.Context) (net.Conn, error) {
					switch at = append(at, time.Since(start)); len(at) {
					case 3:
						a, b := net.Pipe()
						go func() {
							b.Write([]byte{0})
							b.Close()
						}()
						return a, nil
					case 6:
						cancel() // what fails now is the end and no trouble
					}
					return nil, errors.New("no driver")
				},
			})
			for i, d := range at {
				if d != time.Duration(i)*pause {
					t.Errorf("attempt %d after %v, want each %v", i, d, pause)
				}
			}
			var have []string
			for line := range strings.Lines(log.String()) {
				_, line, _ = strings.Cut(line, "msg=")
				have = append(have, strings.TrimSpace(line))
			}
			want := []string{
				`"waiting for the reader" error="no driver"`, `"card is in the reader"`, `"reader is gone" error="unexpected EOF"`, `"waiting for the reader" error="no driver"`,
			}
			if len(at) != 6 || !slices.Equal(have, want) {
				t.Errorf("%d attempts:\n%s", len(at), strings.Join(have, "\n"))
			}
		})
	}
}

// The end of the service is no trouble of the reader.
func TestServeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var log bytes.Buffer
		c := &chip{}
		vpcd.Serve(ctx, vpcd.Options{Card: c, Logger: slog.New(slog.NewTextHandler(&log, nil)), Dial: func(context.Context) (net.Conn, error) {
			a, b := net.Pipe()
			go func() {
				b.Write([]byte{0, 1, 2})
				cancel()
				io.Copy(io.Discard, b)
			}()
			return a, nil
		}})
		if c.resets != 2 || strings.Contains(log.String(), "gone") {
			t.Errorf("%d resets, %s", c.resets, log.String())
		}
		log.Reset()
		vpcd.Serve(ctx, vpcd.Options{Card: c, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if log.Len() > 0 {
			t.Errorf("after the end: %s", log.String())
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
