package emulator_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/simsign/simsign/modem/emulator"
	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// A network that reports in the same breath in which it takes a message: the
// host has the answer to +CMGS before the report, or it would not know yet what
// the report is about (Kannel then throws it away).
func TestAnswerBeforeReport(t *testing.T) {
	const rounds = 100
	network := make(chan net.Conn, 1)
	h := newModem(t, emulator.Options{Dial: func(context.Context) (net.Conn, error) {
		a, b := net.Pipe()
		select {
		case network <- b:
			return a, nil
		default:
			return nil, errors.New("it was attached before")
		}
	}})
	ended := make(chan error, 1)
	go func() {
		conn := <-network
		defer conn.Close()
		ended <- reportAtOnce(conn, rounds)
	}()
	h.registered()
	h.ask("AT+CNMI=2,1,0,1")
	for range rounds {
		h.write("AT+CMGS=16\r")
		h.until("\r\n> ")
		h.write("0021000B916407999999F9000003C8329B\x1a")
		if got := h.until("\r\nOK\r\n"); !strings.Contains(got, "+CMGS: ") || strings.Contains(got, "+CDS") {
			t.Fatalf("got %q", got)
		}
		h.until("\r\n+CDS: ")
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Information and final code reach the host together.
func TestAnswerInOneWrite(t *testing.T) {
	var writes []string // between the questions, and under a lock of the modem
	h := newModem(t, emulator.Options{Trace: func(toHost bool, b []byte) {
		if toHost {
			writes = append(writes, string(b))
		}
	}})
	h.ask("ATE0")
	for command, want := range map[string]string{
		"AT+CPIN?":  "\r\n+CPIN: READY\r\n\r\nOK\r\n",
		"AT+CSQ;+X": "\r\n+CSQ: 21,99\r\n\r\nERROR\r\n",
	} {
		h.write(command + "\r")
		h.until(want)
		if n := len(writes); n == 0 || writes[n-1] != want {
			t.Errorf("%s: %q", command, writes)
		}
	}
	h.write("ATQ1\r")
	h.write("AT+CSQ\r")
	h.until("\r\n+CSQ: 21,99\r\n")
	h.ask("ATQ0")
}

// reportAtOnce is a network that answers so many submissions, each in one write
// with its status report.
func reportAtOnce(conn net.Conn, rounds int) error {
	frame := func(b []byte) []byte {
		return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
	}
	next := func() ([]byte, error) {
		b := make([]byte, 2)
		if _, err := io.ReadFull(conn, b); err != nil {
			return nil, err
		}
		b = make([]byte, binary.BigEndian.Uint16(b))
		_, err := io.ReadFull(conn, b)
		return b, err
	}
	if _, err := next(); err != nil { // the attach
		return err
	}
	if _, err := conn.Write(frame([]byte("SMN\x01\x00"))); err != nil {
		return err
	}
	for n := 0; ; {
		b, err := next()
		if err != nil {
			return err
		}
		m, err := rp.Parse(b)
		if err != nil {
			return err
		}
		switch {
		case m.Type == rp.AckMO && n == rounds:
			return nil
		case m.Type != rp.DataMO:
			continue
		}
		n++
		r := sms.StatusReport{Reference: m.TPDU[1], Recipient: addr(string(farNumber))}
		report, err := r.AppendBinary(nil)
		if err != nil {
			return err
		}
		var out []byte
		for _, m := range []rp.Message{
			{Type: rp.AckMT, Ref: m.Ref},
			{Type: rp.DataMT, Ref: byte(n), Address: []byte{0x91, 0, 0}, TPDU: report},
		} {
			if b, err = m.AppendBinary(nil); err != nil {
				return err
			}
			out = append(out, frame(b)...)
		}
		if _, err := conn.Write(out); err != nil {
			return err
		}
	}
}
