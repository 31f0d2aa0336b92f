package modem_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// leastShare is what the driver must make of a line.
const leastShare = 0.9

// BenchmarkLineRate is messages of 140 octets over a serial line, each with
// its status report (+CDS) and an answer of the telephone (+CMTI, +CMGR,
// +CMGD) coming back among the next ones. "line" is this dialogue by hand,
// "driver" is ours; "share" is the part of the time in which octets flow, and
// "of-line" the throughput beside the one by hand. Without a line speed (0)
// there is nothing but the processor.
func BenchmarkLineRate(b *testing.B) {
	for _, baud := range []int{115200, 921600, 0} {
		hand := 0.0
		b.Run(fmt.Sprintf("%d/line", baud), func(b *testing.B) { hand = benchHand(b, baud) })
		b.Run(fmt.Sprintf("%d/driver", baud), func(b *testing.B) {
			x, line := onLine(b, baud)
			x.start(b)
			todo := x.outbox(b)
			defer close(todo)
			rate, share := run(b, x, line, func(n uint32) { todo <- n }, x.rest)
			if hand > 0 {
				b.ReportMetric(rate/hand, "of-line")
			}
			// On a processor that others use, the line by hand is not full either.
			if baud > 0 && share < leastShare && (hand == 0 || rate < leastShare*hand) {
				b.Errorf("octets flow in %.3f of the time, want %.1f; %.0f messages a second, by hand %.0f", share, leastShare, rate, hand)
			}
		})
	}
}

// onLine is traffic over a line of this speed, which comes from the channel
// once it is open; 0 is a line without a speed, and no channel.
func onLine(b *testing.B, baud int) (*traffic, <-chan *slowLine) {
	if baud == 0 {
		return newTraffic(b, func(c net.Conn) io.ReadWriteCloser { return c }), nil
	}
	open := make(chan *slowLine, 1)
	return newTraffic(b, func(c net.Conn) io.ReadWriteCloser {
		l := newSlowLine(b, c, baud)
		open <- l
		return l
	}), open
}

// run sends messages and waits for all that comes of them; rest is called
// while it waits. It returns messages a second and the share of the time in which
// octets flow.
func run(b *testing.B, x *traffic, open <-chan *slowLine, send func(n uint32), rest func()) (rate, share float64) {
	var line *slowLine
	var before time.Duration
	if open != nil {
		line = <-open
		before = line.used()
	}
	n := uint32(0)
	began := time.Now()
	longest, last := time.Duration(0), began // a stall is not a slow line
	step := func() { longest, last = max(longest, time.Since(last)), time.Now() }
	for b.Loop() {
		n++
		x.admit(rest)
		send(n)
		step()
	}
	for !x.quiet(int(n)) {
		rest()
		step()
	}
	took := time.Since(began)
	if line != nil {
		share = (line.used() - before).Seconds() / took.Seconds()
		b.ReportMetric(share, "share")
	}
	b.ReportMetric(float64(longest.Milliseconds()), "ms-longest")
	rate = float64(n) / took.Seconds()
	b.ReportMetric(rate, "messages/s")
	return rate, share
}

// benchHand is the dialogue without a driver.
func benchHand(b *testing.B, baud int) float64 {
	x, line := onLine(b, baud)
	conn, err := net.Dial("tcp", x.addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		conn.Close()
		x.addr = "127.0.0.1:0"
		close(x.up) // the driver finds nothing
	})
	for began := time.Now(); !x.net.Attached(ours) || !x.net.Attached(phone); runtime.Gosched() {
		if time.Since(began) > patience {
			b.Fatal("the emulated modem is in no network")
		}
	}
	h := &hand{b: b, x: x, w: conn, r: bufio.NewReader(conn)}
	for _, cmd := range []string{"ATE0", "AT+CMGF=0", "AT+CNMI=2,1,0,1,0"} {
		h.talk(cmd + "\r")
	}
	s := long(1, phone)
	t := sms.Submit{StatusReport: true, Destination: sms.AddressOf(phone), DCS: s.DCS, UD: s.UD}
	tpdu, err := t.AppendBinary(nil)
	if err != nil {
		b.Fatal(err)
	}
	cmd, pdu := fmt.Sprintf("AT+CMGS=%d\r", len(tpdu)), "00"+strings.ToUpper(hex.EncodeToString(tpdu))+"\x1a"
	rate, _ := run(b, x, line, func(uint32) {
		h.talk(cmd)
		h.talk(pdu)
		h.fetch()
	}, func() {
		h.note(h.line())
		h.fetch()
	})
	return rate
}

// hand speaks with a modem as short as it can be.
type hand struct {
	b      *testing.B
	x      *traffic
	w      io.Writer
	r      *bufio.Reader
	stored []string // +CMTI that came
	buf    []byte
}

// line is the next line, or the prompt.
func (h *hand) line() string {
	h.buf = h.buf[:0]
	for {
		c, err := h.r.ReadByte()
		if err != nil {
			h.b.Fatal(err)
		}
		switch {
		case c == '\r' || c == '\n':
			if len(h.buf) > 0 {
				return string(h.buf)
			}
		case c == ' ' && len(h.buf) == 1 && h.buf[0] == '>':
			return ">"
		default:
			h.buf = append(h.buf, c)
		}
	}
}

// talk writes and waits for OK or the prompt.
func (h *hand) talk(text string) {
	if _, err := io.WriteString(h.w, text); err != nil {
		h.b.Fatal(err)
	}
	for {
		switch s := h.line(); {
		case s == "OK", s == ">":
			return
		case strings.Contains(s, "ERROR"):
			h.b.Fatal(s)
		default:
			h.note(s)
		}
	}
}

// note takes what comes unasked.
func (h *hand) note(s string) {
	switch {
	case strings.HasPrefix(s, "+CDS:"):
		h.x.in.Report(context.Background(), bearer.Report{}) // never fails
	case strings.HasPrefix(s, "+CMTI:"):
		h.stored = append(h.stored, s[strings.IndexByte(s, ',')+1:])
	}
}

// fetch reads and deletes what is announced.
func (h *hand) fetch() {
	for len(h.stored) > 0 {
		i := h.stored[0]
		h.stored = h.stored[1:]
		h.talk("AT+CMGR=" + i + "\r")
		h.x.in.Deliver(context.Background(), bearer.MO{}) // never fails
		h.talk("AT+CMGD=" + i + "\r")
	}
}
