package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
)

// An emulated card dials in, says its ATR, runs a command, and leaves with the
// command.
func TestCardAttach(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, complaints bytes.Buffer
	code := make(chan int)
	file := cardFile(t)
	go func() {
		code <- run(ctx, []string{"card", "attach", "--card", file, "--vpcd", l.Addr().String()}, strings.NewReader(""), &out, &complaints)
	}()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ask := func(frame string, want string) {
		t.Helper()
		b := make([]byte, len(want))
		io.WriteString(conn, frame) // the answer is waited for
		if _, err := io.ReadFull(conn, b); err != nil || string(b) != want {
			t.Fatalf("answer %X, want %X (%v)", b, want, err)
		}
	}
	io.WriteString(conn, "\x00\x01\x01") // no answer
	ask("\x00\x01\x04", "\x00\x13\x3B\x9C\x96\x80\x1F\xC7\x80\x31\xE0\x73\xFE\x21\x13EMU01\xE0")
	ask("\x00\x07\xA0\xA4\x00\x00\x02\x3F\x00", "\x00\x02\x9F\x16")
	cancel()
	if c := <-code; c != exitOK {
		t.Errorf("exit code %d: %s", c, &complaints)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "for the reader at "+l.Addr().String()) {
		t.Errorf("printed %q", &out)
	}
}

func TestCardAttachUsage(t *testing.T) {
	for want, args := range map[string][]string{
		"--vpcd: needs a loopback": {"--card", "x", "--vpcd", "192.0.2.1:35963"},
		"no such file":             {"--card", "/nonexistent/x"},
		"missing flags: --card":    {},
	} {
		var out, err bytes.Buffer
		if code := run(t.Context(), append([]string{"card", "attach"}, args...), strings.NewReader(""), &out, &err); code == exitOK || !strings.Contains(err.String(), want) {
			t.Errorf("%v: exit code %d, %q, want %q", args, code, err.String(), want)
		}
	}
}
