package main

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/simsign/simsign/ota/bearer/loopback"
)

// The emulated modem from the command line: a host on TCP, knobs on standard
// input, a clean end.
func TestModemEmulate(t *testing.T) {
	n := loopback.NewNetwork(loopback.NetworkOptions{})
	addr, err := n.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	in, knobs := io.Pipe()
	out := &screenPipe{more: make(chan struct{}, 1)}
	complaints := &screenPipe{more: make(chan struct{}, 1)}
	link := filepath.Join(t.TempDir(), "tty")
	code := make(chan int)
	go func() {
		code <- run(t.Context(), []string{
			"modem", "emulate", "--network", addr.String(), "--number", "+46701234567",
			"--card", cardFile(t), "--listen", "127.0.0.1:0", "--pty", link, "--trace",
		}, in, out, complaints)
	}()
	out.wait(t, "modem at "+link)
	out.wait(t, "modem at tcp://")
	out.wait(t, "\n")
	conn, err := net.Dial("tcp", regexp.MustCompile(`tcp://(\S+)`).FindStringSubmatch(out.text())[1])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	say := func(s string) {
		if _, err := io.WriteString(knobs, s+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	io.WriteString(conn, "AT+CGMM\r") // the answer is waited for
	out.wait(t, `EMU900`)
	for _, k := range []string{"say ^RSSI: 18", "inject 5E41", "signal 7", "fill SM", "forget", "fault +CSQ mute", "fault off"} {
		say(k)
	}
	out.wait(t, "RSSI: 18")
	out.wait(t, "^A")
	say("inject " + strings.Repeat("55", 65<<10)) // noise without a line end
	say("say after the noise")
	out.wait(t, "after the noise")
	io.WriteString(conn, "AT+CSQ;+CPMS?\r") // the answer is waited for
	out.wait(t, `+CSQ: 7,99`)
	out.wait(t, `\"SM\",20,20`)
	for knob, want := range map[string]string{"nonsense": "no such knob", "signal x": "0 to 31", "silent maybe": "on or off", "inject zz": "hexadecimal", "fault +CMGS": "late, lose"} {
		say(knob)
		complaints.wait(t, want)
	}
	say("errors on")
	say("nonsense")
	complaints.wait(t, "no such knob") // errors are on now
	io.WriteString(conn, "AT\r")       // the answer is waited for
	out.wait(t, "ERROR")
	say("unplug")
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Error(err)
	}
	say("quit")
	if c := <-code; c != exitOK {
		t.Errorf("exit code %d: %s", c, complaints.text())
	}
}

func TestModemEmulateUsage(t *testing.T) {
	for want, args := range map[string][]string{
		"--number":           {"--number", "123x", "--network", "127.0.0.1:1", "--card", "x", "--pty", "y"},
		"--network":          {"--number", "+46701234567", "--network", "192.0.2.1:1", "--card", "x", "--pty", "y"},
		"--pty or --listen":  {"--number", "+46701234567", "--network", "127.0.0.1:1", "--card", "x"},
		"--listen: needs a":  {"--number", "+46701234567", "--network", "127.0.0.1:1", "--card", "x", "--listen", "0.0.0.0:1"},
		"no such file":       {"--number", "+46701234567", "--network", "127.0.0.1:1", "--card", "/nonexistent/x", "--pty", "y"},
		"missing flags: --c": {"--number", "+46701234567", "--network", "127.0.0.1:1"},
	} {
		var out, err bytes.Buffer
		if code := run(t.Context(), append([]string{"modem", "emulate"}, args...), strings.NewReader(""), &out, &err); code == exitOK || !strings.Contains(err.String(), want) {
			t.Errorf("%v: exit code %d, %q, want %q", args, code, err.String(), want)
		}
	}
}
