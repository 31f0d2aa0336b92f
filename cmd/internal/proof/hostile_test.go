//go:build linux

package proof

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/smpp"
)

// hostile is a centre that takes a bind and then does what it likes.
type hostile struct {
	t   *testing.T // of the part that runs
	all *testing.T
	l   net.Listener
	c   net.Conn
	r   *smpp.Reader
}

// bound waits for the next bind of the service and accepts it.
func (h *hostile) bound() {
	h.t.Helper()
	h.l.(*net.TCPListener).SetDeadline(time.Now().Add(patience)) // cannot fail
	c, err := h.l.Accept()
	if err != nil {
		h.t.Fatalf("the service does not come back: %v", err)
	}
	h.c, h.r = c, smpp.NewReader(c, 0)
	h.all.Cleanup(func() { c.Close() }) // the test is over
	f := h.next()
	resp, err := smpp.Append(nil, smpp.Header{Command: f.Command | 0x80000000, Seq: f.Seq}, &smpp.BindResp{SystemID: "hostile"})
	if err != nil {
		h.t.Fatal(err)
	}
	h.send(resp)
}

// next is the next PDU of the service.
func (h *hostile) next() smpp.Frame {
	h.t.Helper()
	h.c.SetReadDeadline(time.Now().Add(patience)) // cannot fail
	f, err := h.r.Next()
	if err != nil {
		h.t.Fatalf("no PDU from the service: %v", err)
	}
	return f
}

func (h *hostile) send(b []byte) {
	h.t.Helper()
	h.c.SetWriteDeadline(time.Now().Add(patience)) // cannot fail
	if _, err := h.c.Write(b); err != nil {
		h.t.Fatalf("the service does not read: %v", err)
	}
}

const probe = 0x7EADBEEF // sequence of the enquire_link that asks whether the bind is alive

// alive asks whether the bind still works: everything before is answered by then.
func (h *hostile) alive() {
	h.t.Helper()
	h.send(pdu(uint32(smpp.EnquireLink), probe, nil))
	for {
		f := h.next()
		switch {
		case f.Command == smpp.EnquireLink:
			h.send(pdu(uint32(smpp.EnquireLink)|0x80000000, f.Seq, nil))
		case f.Seq == probe:
			return
		}
	}
}

// dropped waits until the service has closed the connection.
func (h *hostile) dropped() {
	h.t.Helper()
	h.c.SetReadDeadline(time.Now().Add(patience)) // cannot fail
	if _, err := io.Copy(io.Discard, h.c); errors.Is(err, os.ErrDeadlineExceeded) {
		h.t.Fatalf("the service keeps the connection for %s", patience)
	}
}

// pdu is a PDU with a right length.
func pdu(command, seq uint32, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(16+len(body)))
	b = binary.BigEndian.AppendUint32(b, command)
	b = binary.BigEndian.AppendUint32(b, 0)
	return append(binary.BigEndian.AppendUint32(b, seq), body...)
}

// deliver is a deliver_sm from a phone; length says what sm_length claims when
// it is not -1.
func deliver(seq uint32, source string, message []byte, length int, tail ...byte) []byte {
	b := append([]byte("\x00\x01\x01"+source+"\x00\x01\x01"+serviceNumber+"\x00"), 0x40, 0x7F, 0, 0, 0, 0, 0, 0xF6, 0)
	if length < 0 {
		length = len(message)
	}
	b = append(b, byte(length))
	return pdu(uint32(smpp.DeliverSM), seq, append(append(b, message...), tail...))
}

// payload is message_payload.
func payload(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0x04, 0x24}, uint16(len(b))), b...)
}

// How much the program may grow at most. It grows by 30 MiB, more or less as
// the collector runs; had it kept the payloads, by more than 300; and had it
// made room for a PDU of 2^31 octets, that would be seen in its address space.
const (
	payloads     = 5000 // of 64 kB
	mostResident = 256 << 20
	mostSpace    = 1 << 30
)

// A centre that breaks the protocol costs bounded memory and one line in the
// log; the bind ends only where nobody knows any more where a PDU begins, and
// for that reason.
//
// Covers: F9 via simsign serve
func TestHostileCentre(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for time-outs")
	}
	t.Parallel()
	s := newSite(t, 1, 2)
	h := &hostile{t: t, all: t}
	var err error
	if h.l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.l.Close() }) // the test is over
	s.rewire(t, h.l.Addr().String())
	c := s.serve(t, program(t, ""))
	h.bound()
	base, space := c.peak(t)
	phone := string(s.users[0].number)
	udh := []byte{2, 0x71, 0, 1, 2, 3}
	long := bytes.Repeat([]byte{0x55}, 65535)

	for _, x := range []struct {
		name string
		do   func()
		logs string // in exactly one new line; "" for no judgement
		drop string // the bind must end, and that line says why; "": it must live
	}{
		{name: "unknown command", do: func() { h.send(pdu(0x00010203, 7, []byte("xyz"))) }},
		{name: "vendor response", do: func() { h.send(pdu(0x80010203, 7, nil)) }},
		{name: "empty deliver_sm", do: func() { h.send(pdu(uint32(smpp.DeliverSM), 8, nil)) }},
		{name: "string without end", do: func() { h.send(pdu(uint32(smpp.DeliverSM), 9, bytes.Repeat([]byte{'9'}, 300))) }},
		{name: "sm_length beyond the body", do: func() { h.send(deliver(10, phone, udh, 200)) }},
		{name: "TLV past the end", do: func() { h.send(deliver(11, phone, udh, -1, 0x04, 0x24, 0xFF, 0xFF, 1, 2)) }},
		{name: "UDH longer than the message", do: func() { h.send(deliver(12, phone, []byte{200, 0x71, 0}, -1)) }, logs: "refused"},
		{name: "alert, outbind, data_sm of nothing", do: func() {
			for _, cmd := range []uint32{0x102, 0x0B, 0x103, 0x21} {
				h.send(pdu(cmd, 13, nil))
			}
		}},
		{name: "64 kB payloads", do: func() {
			for i := range uint32(payloads) {
				h.send(deliver(1000+i, phone, nil, 0, payload(long)...))
			}
		}},
		{name: "flood from a known phone", do: func() { h.flood(phone, 20000) }},
		{name: "flood from strangers", do: func() { h.flood("", 20000) }},
		{name: "length 15", do: func() { h.send([]byte{0, 0, 0, 15, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1}) }, logs: "not bound", drop: "says 15 octets"},
		{name: "length 2^31", do: func() { h.send([]byte{0x80, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1}) }, logs: "not bound", drop: "says 2147483648 octets"},
		{name: "speaks HTTP", do: func() { h.send([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }, logs: "not bound", drop: "bad command_length"},
		{name: "cut within a PDU", do: func() { h.send(deliver(14, phone, udh, -1)[:30]); h.c.Close() }, logs: "not bound", drop: "error"}, // that is the point
		{name: "one octet a second", do: func() {
			for _, o := range deliver(15, phone, make([]byte, 140), -1)[:150] { // it has 30 s for a PDU
				h.c.SetWriteDeadline(time.Now().Add(patience)) // cannot fail
				if _, err := h.c.Write([]byte{o}); err != nil || !wait(t.Context(), time.Second) {
					return
				}
			}
			t.Error("the service waits for ever")
		}, logs: "not bound", drop: "did not end in time"},
		{name: "floods and reads nothing", do: func() { h.flood("", -1) }, logs: "not bound", drop: "error"},
	} {
		t.Run(x.name, func(t *testing.T) {
			h.t = t
			before := len(s.logText(t))
			x.do()
			if x.drop != "" {
				h.dropped()
				h.bound()
			}
			h.alive()
			if r, v := c.peak(t); r-base > mostResident || v-space > mostSpace {
				t.Errorf("%d MiB more memory than at the start, %d MiB more address space", (r-base)>>20, (v-space)>>20)
			}
			var log string
			s.until(t, "a line with "+x.logs, func() bool { // it may come after the answer
				log = s.logText(t)[before:]
				return strings.Contains(log, x.logs)
			})
			if x.logs != "" && strings.Count(log, x.logs) != 1 {
				t.Errorf("%d lines with %q in the log:\n%.2000s", strings.Count(log, x.logs), x.logs, log)
			}
			_, why, _ := strings.Cut(log, x.logs)
			if why, _, _ = strings.Cut(why, "\n"); !strings.Contains(why, x.drop) {
				t.Errorf("the bind ended with %s, want %q", why, x.drop)
			}
			if n := strings.Count(log, "\n"); n > 60 {
				t.Errorf("%d lines in the log:\n%.2000s", n, log)
			}
		})
	}
	r, v := c.peak(t)
	t.Logf("resident memory %d MiB at the start, %d MiB at most, and %d MiB more address space", base>>20, r>>20, (v-space)>>20)
	c.stop(t)
}

// flood sends n single messages and takes what comes back; -1 sends until the
// service does not read any more and reads nothing itself.
func (h *hostile) flood(source string, n int) {
	h.t.Helper()
	if n >= 0 {
		var writer sync.WaitGroup
		writer.Go(func() { // answers come while the flood goes on
			for i := range n {
				if _, err := h.c.Write(h.message(source, i)); err != nil {
					return
				}
			}
		})
		for range n {
			for f := h.next(); f.Command != smpp.DeliverSMResp; f = h.next() {
				h.send(pdu(uint32(f.Command)|0x80000000, f.Seq, nil))
			}
		}
		writer.Wait()
		return
	}
	for i := 0; ; i++ {
		h.c.SetWriteDeadline(time.Now().Add(patience)) // cannot fail
		if _, err := h.c.Write(h.message(source, i)); err != nil {
			return
		}
	}
}

// message is the i-th of a flood; each is another one, and no answer of a card.
func (h *hostile) message(source string, i int) []byte {
	if source == "" {
		source = "4478" + strings.Repeat("0", 3) + string([]byte{byte('0' + i/1000%10), byte('0' + i/100%10), byte('0' + i/10%10), byte('0' + i%10)})
	}
	body := binary.BigEndian.AppendUint32([]byte{2, 0x71, 0}, uint32(i))
	return deliver(uint32(i+1), source, append(body, make([]byte, 100)...), -1)
}

// rewire points the bearer at another centre.
func (s *site) rewire(t *testing.T, addr string) {
	t.Helper()
	b, err := os.ReadFile(s.path("simsign.toml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(b), s.proxy.addr, addr, 1)
	if err := os.WriteFile(s.path("simsign.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
