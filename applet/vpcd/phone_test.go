package vpcd_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/applet/vpcd"
)

// heard takes one frame of the phone; nil at the end.
func heard(card net.Conn) []byte {
	var head [2]byte
	if _, err := io.ReadFull(card, head[:]); err != nil {
		return nil
	}
	b := make([]byte, binary.BigEndian.Uint16(head[:]))
	if _, err := io.ReadFull(card, b); err != nil {
		return nil
	}
	return b
}

// A phone over the wire sees what the card does: its ATR, its answers, and each loss
// of power.
func TestPhone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		phone, card := net.Pipe()
		c := &chip{}
		ended := make(chan error, 1)
		go func() { ended <- vpcd.Session(card, c) }()
		r := vpcd.NewReader(phone)
		for range 2 {
			if atr := r.Reset(); !bytes.Equal(atr, c.ATR()) {
				t.Fatalf("ATR %X", atr)
			}
		}
		longest := bytes.Repeat([]byte{0xA4}, vpcd.MaxCommand-5) // the chip gives it back with a status
		if got := r.Transmit(longest); !bytes.Equal(got, append(bytes.Clone(longest), 0x90, 0x00)) {
			t.Errorf("answer %X", got)
		}
		for _, n := range []int{0, 1, 3, vpcd.MaxCommand + 1} { // one octet would be about the contacts
			if got := r.Transmit(make([]byte, n)); !bytes.Equal(got, []byte{0x67, 0x00}) || len(c.commands) != 1 {
				t.Errorf("%d octets: %X, %d commands", n, got, len(c.commands))
			}
		}
		r.Off()
		r.Transmit(longest) // the answer says that the frame before it was read
		if c.resets != 5 || r.Err() != nil {
			t.Errorf("%d losses of power, %v", c.resets, r.Err())
		}
		r.Close()
		<-r.Done()
		if err := <-ended; err != nil || r.Err() != nil || r.Reset() != nil {
			t.Errorf("after the end: %v, %v", err, r.Err())
		}
		if got := r.Transmit(longest); !bytes.Equal(got, []byte{0x64, 0x00}) { // not 6Fxx: nobody has the message
			t.Errorf("after the end: %X", got)
		}
	})
}

// A card that goes, or is none, is told for what it is, once, and nobody waits for
// longer than a card may take.
func TestPhoneWithoutCard(t *testing.T) {
	const second = time.Second
	select1, envelope := []byte{0x00, 0xA4, 0, 4}, []byte{0x80, 0xC2, 0, 0}
	for name, tc := range map[string]struct {
		atr, answer string // what the card sends; "-" nothing more, "." closes
		command     []byte
		err         error
		says        string
		after       time.Duration
	}{
		"closes at once":         {atr: ".", err: vpcd.ErrClosed, says: "the card has closed the connection"},
		"half a length":          {atr: "00.", err: vpcd.ErrClosed, says: "the card has closed the connection in the middle of a frame: one octet of its length"},
		"half an ATR":            {atr: "0004 3B00.", err: vpcd.ErrClosed, says: "the card has closed the connection in the middle of a frame: 2 of 4 octets"},
		"no ATR":                 {atr: "-", err: vpcd.ErrSilent, says: "the card does not answer: nothing came within 10s of power and the question for its ATR", after: 10 * second},
		"half an ATR, no end":    {atr: "0004 3B00-", err: vpcd.ErrSilent, after: 10 * second},
		"a status for an ATR":    {atr: "0002 6D00", err: vpcd.ErrNoATR, says: "the card has no ATR: the answer begins with 6D and has 2 octets; an ATR begins with 3B or 3F and has 2 to 33"},
		"an ATR that is long":    {atr: "0022 3B" + string(bytes.Repeat([]byte("00"), 33)), err: vpcd.ErrNoATR},
		"a frame of nothing":     {atr: "0000", err: vpcd.ErrFrame, says: "the card has sent what is no answer: a frame says that it has 0 octets; data and status have 2 to 258"},
		"a frame of one octet":   {atr: "0001 3B", err: vpcd.ErrFrame},
		"a frame too long":       {atr: "0103 3B", err: vpcd.ErrFrame},
		"the longest of all":     {atr: "FFFF 3B", err: vpcd.ErrFrame},
		"two ATRs":               {atr: "0002 3B00 0002 3B00", err: vpcd.ErrFrame, says: "the card has sent what is no answer: a frame of 2 octets to nothing that has an answer (00, 01 and 02, about the contacts, have none)"},
		"closes at a command":    {atr: "0002 3F00", answer: ".", err: vpcd.ErrClosed},
		"a cut answer":           {atr: "0002 3F00", answer: "0004 90.", err: vpcd.ErrClosed},
		"its last word":          {atr: "0002 3F00", answer: "0002 9000.", err: vpcd.ErrClosed},
		"silent at a command":    {atr: "0002 3F00", answer: "-", err: vpcd.ErrSilent, says: "the card does not answer: nothing came within 10s of command 00A4", after: 10 * second},
		"an applet never ends":   {atr: "0002 3F00", answer: "-", command: envelope, err: vpcd.ErrSilent, after: 120 * second},
		"a profile of hours":     {atr: "0002 3F00", answer: "-", command: []byte{0x80, 0x10, 0, 0}, err: vpcd.ErrSilent, after: 120 * second},
		"the longest data":       {atr: "0002 3F00", answer: "0102" + string(bytes.Repeat([]byte("90"), 258)) + ".", err: vpcd.ErrClosed},
		"data that are too long": {atr: "0002 3F00", answer: "0103" + string(bytes.Repeat([]byte("90"), 259)) + ".", err: vpcd.ErrFrame},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				phone, card := net.Pipe()
				go func() {
					for at, say := range []string{tc.atr, tc.answer} {
						for f := heard(card); len(f) == 1 && f[0] != 0x04; f = heard(card) {
						}
						octets := bytes.TrimRight([]byte(say), ".-")
						card.Write(unhex(t, string(octets)))
						if bytes.HasSuffix([]byte(say), []byte(".")) {
							card.Close()
						}
						if at == 1 || len(octets) < len(say) {
							break
						}
					}
					io.Copy(io.Discard, card)
				}()
				begin := time.Now()
				r := vpcd.NewReader(phone)
				defer r.Close()
				if r.Reset() != nil && tc.answer != "" {
					command := tc.command
					if command == nil {
						command = select1
					}
					if answer := r.Transmit(command); tc.answer == "0002 9000." && !bytes.Equal(answer, []byte{0x90, 0x00}) {
						t.Errorf("its last word is %X", answer)
					}
				}
				<-r.Done()
				if err := r.Err(); !errors.Is(err, tc.err) || tc.says != "" && err.Error() != tc.says {
					t.Errorf("%v, want %v %q", err, tc.err, tc.says)
				}
				if took := time.Since(begin); took != tc.after {
					t.Errorf("after %s, want %s", took, tc.after)
				}
			})
		})
	}
}

// What the phone says about the contacts, octet for octet.
func TestPhoneContacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		phone, card := net.Pipe()
		r := vpcd.NewReader(phone)
		defer r.Close()
		said := make(chan []byte, 8)
		go func() {
			defer close(said)
			for f := heard(card); f != nil; f = heard(card) {
				said <- f
				if f[0] == 0x04 {
					card.Write([]byte{0, 2, 0x3B, 0})
				}
			}
		}()
		r.Reset()
		r.Off()
		r.Close()
		var all []byte
		for f := range said {
			all = append(all, f...)
		}
		if want := []byte{0x00, 0x01, 0x04, 0x00}; !bytes.Equal(all, want) {
			t.Errorf("%X, want %X", all, want)
		}
	})
}

// A card that takes nothing does not keep its phone, and one whose phone ends is let go.
func TestPhoneIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		phone, _ := net.Pipe()
		r := vpcd.NewReader(phone)
		if r.Reset() != nil || !errors.Is(r.Err(), vpcd.ErrSilent) {
			t.Error(r.Err())
		}
		phone, card := net.Pipe()
		go io.Copy(io.Discard, card)
		r = vpcd.NewReader(phone)
		time.AfterFunc(time.Second, func() { r.Close() })
		if r.Reset() != nil || r.Err() != nil {
			t.Error(r.Err())
		}
	})
}

// one is a listener at which connections come from a channel.
type one struct {
	net.Listener
	conns chan net.Conn
	done  chan struct{}
}

func (l one) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l one) Close() error { close(l.done); return nil }

// A card that listens has one reader; the next has it when the first leaves, and
// is not kept waiting otherwise.
func TestListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l := one{conns: make(chan net.Conn), done: make(chan struct{})}
		ended := make(chan error, 1)
		go func() { ended <- vpcd.Listen(ctx, l, vpcd.Options{Card: &chip{}}) }()
		dial := func() *vpcd.Reader {
			phone, card := net.Pipe()
			l.conns <- card
			return vpcd.NewReader(phone)
		}
		first := dial()
		if first.Reset() == nil {
			t.Fatal(first.Err())
		}
		if second := dial(); second.Reset() != nil || !errors.Is(second.Err(), vpcd.ErrClosed) {
			t.Error("two phones have the card:", second.Err())
		}
		third := dial()
		time.AfterFunc(time.Second, func() { first.Close() })
		if third.Reset() == nil {
			t.Error(third.Err())
		}
		fourth := dial()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		<-third.Done()
		<-fourth.Done()
		if third.Transmit([]byte{0, 0xA4, 0, 4})[0] != 0x64 {
			t.Error("the card answers after its end")
		}
		third.Close()
		fourth.Close()
	})
	l := one{conns: make(chan net.Conn), done: make(chan struct{})}
	l.Close()
	if err := vpcd.Listen(t.Context(), l, vpcd.Options{Card: &chip{}}); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

// given is a card that sends the octets after its ATR was asked for, and ends.
type given struct {
	io.Reader
	net.Conn
}

func (w given) Read(b []byte) (int, error)     { return w.Reader.Read(b) }
func (given) Write(b []byte) (int, error)      { return len(b), nil }
func (given) SetWriteDeadline(time.Time) error { return nil }
func (given) Close() error                     { return nil }

// FuzzReader: whatever a card sends, a phone gets an ATR that may be one and answers
// with a status, and is told of the end.
func FuzzReader(f *testing.F) {
	for _, s := range []string{"", "00023B00", "00023B0000029000", "00", "0000", "FFFF00", "00026D00", "00023B0000049000"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := vpcd.NewReader(given{Reader: bytes.NewReader(in)})
		if atr := r.Reset(); atr != nil && (len(atr) < 2 || len(atr) > 33 || atr[0]&^4 != 0x3B) {
			t.Fatalf("ATR %X", atr)
		}
		for range 3 {
			if answer := r.Transmit([]byte{0, 0xA4, 0, 4}); len(answer) < 2 || len(answer) > 258 {
				t.Fatalf("answer %X", answer)
			}
		}
		<-r.Done()
		if err := r.Err(); !errors.Is(err, vpcd.ErrClosed) && !errors.Is(err, vpcd.ErrFrame) && !errors.Is(err, vpcd.ErrNoATR) {
			t.Fatal(err)
		}
	})
}
