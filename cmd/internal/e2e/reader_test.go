package e2e

import (
	"encoding/hex"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// reader is a card reader into which "simsign card attach" puts a card: what the driver of a
// virtual reader does, by APDUs alone.
type reader struct {
	testing.TB
	conn net.Conn
}

// insert runs the command until the test ends or the card is taken out.
func (w *world) insert(t testing.TB, card string) (r *reader, takeOut func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cmd := exec.Command(binary(t), "card", "attach", "--card", card, "--vpcd", l.Addr().String())
	cmd.Dir, cmd.Stderr = w.dir, t.Output()
	dieWithUs(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait() // it was killed
		t.Fatal(err)
	}
	out := false
	takeOut = func() {
		if out {
			return
		}
		out = true
		cmd.Process.Signal(os.Interrupt) // it may have ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("simsign card attach: %v", err)
		}
		conn.Close() // the other end has gone
	}
	t.Cleanup(takeOut)
	return &reader{t, conn}, takeOut
}

// control is a frame of one octet: 02 is a reset.
func (r *reader) control(b byte) {
	r.Helper()
	if _, err := r.conn.Write([]byte{0, 1, b}); err != nil {
		r.Fatal(err)
	}
}

// apdu sends a command in hexadecimal and gives data and status word.
func (r *reader) apdu(hexa string) ([]byte, uint16) {
	r.Helper()
	return r.transmit(unhexed(r, hexa))
}

func (r *reader) transmit(b []byte) ([]byte, uint16) {
	r.Helper()
	frame := append([]byte{byte(len(b) >> 8), byte(len(b))}, b...)
	if err := r.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		r.Fatal(err)
	}
	if _, err := r.conn.Write(frame); err != nil {
		r.Fatal(err)
	}
	var n [2]byte
	_, err := io.ReadFull(r.conn, n[:])
	answer := make([]byte, int(n[0])<<8|int(n[1]))
	if err == nil {
		_, err = io.ReadFull(r.conn, answer)
	}
	if err != nil || len(answer) < 2 {
		r.Fatalf("%X: response %X, %v", b[:min(len(b), 5)], answer, err)
	}
	end := len(answer) - 2
	return answer[:end], uint16(answer[end])<<8 | uint16(answer[end+1])
}

// must is apdu with GET RESPONSE, for a command that succeeds.
func (r *reader) must(hexa string) []byte {
	r.Helper()
	data, sw := r.apdu(hexa)
	if sw>>8 == 0x61 {
		data, sw = r.transmit([]byte{0x00, 0xC0, 0, 0, byte(sw)})
	}
	if sw != 0x9000 && sw>>8 != 0x91 {
		r.Fatalf("%s: status %04X", hexa, sw)
	}
	return data
}

// fetched is the proactive command that waits.
func (r *reader) fetched() []byte {
	r.Helper()
	_, sw := r.apdu("80F2000C00")
	if sw>>8 != 0x91 {
		r.Fatalf("nothing to fetch: %04X", sw)
	}
	cmd, sw := r.transmit([]byte{0x80, 0x12, 0, 0, byte(sw)})
	if sw != 0x9000 {
		r.Fatalf("FETCH: %04X", sw)
	}
	return cmd
}

// idle answers whatever the card wants with "performed", or an error of the network, until
// it wants nothing.
func (r *reader) idle(result byte) {
	r.Helper()
	for range 100 {
		_, sw := r.apdu("80F2000C00")
		if sw == 0x9000 {
			return
		}
		r.respond(r.fetched(), "82028281 8301"+hex.EncodeToString([]byte{result}))
	}
	r.Fatal("the card does not stop asking")
}

// respond is a TERMINAL RESPONSE to a command.
func (r *reader) respond(cmd []byte, rest string) uint16 {
	r.Helper()
	at := 4
	if cmd[1] == 0x81 {
		at = 5
	}
	b := append([]byte{0x81, 0x03}, cmd[at:at+3]...)
	b = append(b, unhexed(r, rest)...)
	_, sw := r.transmit(append([]byte{0x80, 0x14, 0, 0, byte(len(b))}, b...))
	return sw
}

func unhexed(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
