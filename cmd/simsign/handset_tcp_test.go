package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
)

// What stands in --card and is no card that can be reached is refused with one error
// that says what to write or to do.
func TestHandsetRemoteCardRefused(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	go func() { // a card that hangs up
		if c, err := taken.Accept(); err == nil {
			c.Close()
		}
	}()
	for _, tc := range []struct {
		card string
		code int
		says string
	}{
		{"tcp://", exitUsage, "tcp://HOST:PORT of one that listens"},
		{"tcp://127.0.0.1", exitUsage, `"tcp://127.0.0.1" is no address of a card`},
		{"tcp://:35963", exitUsage, "is no address of a card"},
		{"tcp://127.0.0.1:", exitUsage, "is no address of a card"},
		{"tcp://127.0.0.1:35963/card", exitUsage, "is no address of a card"},
		{"udp://127.0.0.1:35963", exitUsage, "is no address of a card"},
		{"listen://127.0.0.1", exitUsage, "is no address of a card"},
		{"listen://0.0.0.0:35963", exitUsage, "needs a loopback address"},
		{"listen://" + taken.Addr().String(), exitFailed, "address already in use"},
		{"tcp://" + gone.Addr().String(), exitFailed, "no card at tcp://" + gone.Addr().String()},
		{"tcp://" + gone.Addr().String(), exitFailed, "simsign card attach --listen"},
		{"tcp://" + taken.Addr().String(), exitFailed, "the card has closed the connection\n"},
	} {
		var out, complaints bytes.Buffer
		code := run(t.Context(), []string{"handset", "--network", "127.0.0.1:1", "--number", "+41791110001", "--card", tc.card}, strings.NewReader(""), &out, &complaints)
		if says := complaints.String(); code != tc.code || !strings.Contains(says, tc.says) || strings.Count(says, "simsign: ") != 1 || out.Len() > 0 {
			t.Errorf("%s: exit code %d, want %d and %q: %s%s", tc.card, code, tc.code, tc.says, &out, says)
		}
	}
}

// A card that dials in, and one that is dialled, are a phone's card like a file is; who
// takes it out ends the phone, and says so.
func TestHandsetRemoteCard(t *testing.T) {
	file := cardFile(t)
	command := func(stdin io.Reader, args ...string) (out, complaints *screenPipe, stop func(), code chan int) {
		out, complaints = &screenPipe{more: make(chan struct{}, 1)}, &screenPipe{more: make(chan struct{}, 1)}
		ctx, cancel := context.WithCancel(t.Context())
		code = make(chan int, 1)
		go func() { code <- run(ctx, args, stdin, out, complaints) }()
		return out, complaints, cancel, code
	}
	address := func(p *screenPipe, before string) string {
		p.wait(t, before)
		p.wait(t, ";")
		return regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(p.text())
	}
	phone := func(card string) (*screenPipe, *screenPipe, func(), chan int) {
		in, _ := io.Pipe()
		return command(in, "handset", "--network", "127.0.0.1:1", "--number", "+41791110001", "--strict", "--card", card)
	}

	card, said, takeOut, cardCode := command(strings.NewReader(""), "card", "attach", "--card", file, "--listen", "127.0.0.1:0")
	at := "tcp://" + address(card, "at tcp://")
	out, _, stop, code := phone(at)
	out.wait(t, "no network]")
	stop()
	if c := <-code; c != exitOK {
		t.Errorf("a phone that is stopped: exit code %d", c)
	}
	said.wait(t, "reader is gone")
	out, complaints, _, code := phone(at)
	out.wait(t, "no network]")
	takeOut()
	if c := <-code; c != exitFailed || !strings.Contains(complaints.text(), "card at "+at+": the card has closed the connection") {
		t.Errorf("its card was taken out: exit code %d, %s", c, complaints.text())
	}
	if c := <-cardCode; c != exitOK {
		t.Errorf("card: exit code %d", c)
	}

	out, _, stop, code = phone("listen://127.0.0.1:0")
	_, _, takeOut, cardCode = command(strings.NewReader(""), "card", "attach", "--card", file, "--vpcd", address(out, "waiting for a card at"))
	out.wait(t, "no network]")
	stop()
	if c := <-code; c != exitOK {
		t.Errorf("a phone that is stopped: exit code %d", c)
	}
	takeOut()
	<-cardCode
	out, _, stop, code = phone("listen://127.0.0.1:0")
	out.wait(t, "waiting for a card at")
	stop()
	if c := <-code; c != exitOK {
		t.Errorf("nobody came, and the phone is stopped: exit code %d", c)
	}
}

func TestCardAttachListenUsage(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for at, want := range map[string]string{"0.0.0.0:0": "--listen: needs a loopback", "x": "--listen: needs a loopback", taken.Addr().String(): "--listen: listen tcp"} {
		var complaints bytes.Buffer
		if code := run(t.Context(), []string{"card", "attach", "--card", cardFile(t), "--listen", at}, strings.NewReader(""), io.Discard, &complaints); code == exitOK || !strings.Contains(complaints.String(), want) {
			t.Errorf("%s: exit code %d, %s", at, code, &complaints)
		}
	}
}
