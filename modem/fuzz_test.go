package modem

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warthog618/sms/encoding/pdumode"
	"github.com/warthog618/sms/encoding/tpdu"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// The codec of others reads what we send: PID 7F, class 2, 8 bit, the UDH with
// IE 70 in the first part only, every octet.
func TestEncode(t *testing.T) {
	packet := bytes.Repeat([]byte{0xA5, 0x00, 0x1A, 0x1B}, 75)
	parts, err := sms.Split(packet, sms.SplitOptions{CPI: sms.CommandCPI, Ref: 0x2A})
	if err != nil {
		t.Fatal(err)
	}
	var joined []byte
	for i, p := range parts {
		text, length, err := encode(&bearer.Segment{Dest: "46701234567", PID: 0x7F, DCS: 0xF6, UDH: p.UDH, UD: p.UD, Validity: time.Hour, Report: true})
		if err != nil {
			t.Fatal(err)
		}
		u, err := pdumode.UnmarshalHexString(text)
		if err != nil || len(u.TPDU) != length {
			t.Fatalf("%d octets, said %d: %v", len(u.TPDU), length, err)
		}
		s, err := tpdu.NewSubmit()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.UnmarshalBinary(u.TPDU); err != nil {
			t.Fatal(err)
		}
		udh, err := s.UDH.MarshalBinary()
		if err != nil || !bytes.Equal(udh, p.UDH) || bytes.Contains(udh[1:], []byte{0x70, 0}) != (i == 0) {
			t.Errorf("part %d: UDH %X, want %X (%v)", i+1, udh, p.UDH, err)
		}
		if s.PID != 0x7F || s.DCS != 0xF6 || !s.FirstOctet.SRR() || s.DA.Number() != "+46701234567" || s.VP.Duration != time.Hour {
			t.Errorf("part %d: %+v", i+1, s)
		}
		joined = append(joined, s.UD...)
	}
	if len(parts) != 3 || !bytes.Equal(joined, packet) {
		t.Errorf("%d parts, %X", len(parts), joined)
	}
	for name, s := range map[string]bearer.Segment{
		"too long":   {Dest: "46701234567", DCS: 4, UD: make([]byte, 141)},
		"UDH counts": {Dest: "46701234567", DCS: 4, UDH: []byte{2, 0x70, 0}, UD: make([]byte, 138)},
		"wrong UDHL": {Dest: "46701234567", DCS: 4, UDH: []byte{9, 0x70, 0}, UD: make([]byte, 3)},
	} {
		if _, _, err := encode(&s); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
}

// FuzzPDU: whatever a modem hands over is a message, a report or a declared
// error; nothing else, and no octet is lost on the way.
func FuzzPDU(f *testing.F) {
	f.Add("0791447779070000040B911497000000F17FF662112201000000050271000102", -1)
	f.Add("00040B911497000000F100846211220100000003010203", 22)
	f.Add("00064D0B911497000000F16211220100000062112201000000"+"00", -1)
	o := Options{CountryCode: "41"}
	f.Fuzz(func(t *testing.T, pdu string, length int) {
		b, err := tpduOf(pdu, length)
		if err != nil {
			if !errors.Is(err, ErrPDU) {
				t.Fatal(err)
			}
			return
		}
		if !strings.HasSuffix(strings.ToUpper(pdu), strings.ToUpper(hex.EncodeToString(b))) {
			t.Fatalf("%X is not the end of %s", b, pdu)
		}
		in, err := o.decode(b, time.Time{})
		switch {
		case err != nil:
			for _, known := range []error{errNoNumber, sms.ErrTPDU, sms.ErrAddress, sms.ErrUDH, sms.ErrTime} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatalf("undeclared error %v", err)
		case (in.mo == nil) == (in.report == nil):
			t.Fatalf("%+v", in)
		case in.mo != nil && !bytes.Contains(b, append(bytes.Clone(in.mo.UDH), in.mo.UD...)):
			t.Fatalf("%X%X is not in %X", in.mo.UDH, in.mo.UD, b)
		}
	})
}

// FuzzLists: what a modem says about itself is read without a fault, and the
// choices stay within bounds.
func FuzzLists(f *testing.F) {
	f.Add("+CNMI: (0-2),(0,1,2,3),(0,2),(0,1,2),(0,1)")
	f.Add(`+CPMS: ("SM","ME"),("SM"),("ME")`)
	f.Fuzz(func(t *testing.T, line string) {
		can := choices(line)
		if n := len(indicationsOf(can)); n > 8 {
			t.Fatalf("%d attempts", n)
		}
		if empty, receive := memoriesOf(can); len(empty) == 0 || receive == "" {
			t.Fatal("no memory")
		}
		iccidIn([]string{line})
		iccidOf([]string{line})
		triesIn([]string{line})
		newURC(line)
	})
}

// noisy is a port that gives octets and then ends.
type noisy struct {
	io.Reader
	stop chan struct{}
}

func (n *noisy) Read(b []byte) (int, error) {
	if k, err := n.Reader.Read(b); k > 0 || !errors.Is(err, io.EOF) {
		return k, err
	}
	<-n.stop
	return 0, io.EOF
}
func (n *noisy) Write(b []byte) (int, error) { return len(b), nil }

func (n *noisy) Close() error {
	select {
	case <-n.stop:
	default:
		close(n.stop)
	}
	return nil
}

// FuzzLink: a link that hears anything at all answers every command in time,
// and ends with nothing left.
func FuzzLink(f *testing.F) {
	f.Add([]byte("OK\r\nOK\r\n+CMT: ,1\r\n00\r\nERROR\r\n> \r\n+CMGS: 1\r\nOK\r\n"))
	f.Add([]byte("\r\nOK\r\n\r\n+CME ERROR: 1\r\nOK\r\n+CDS: 1\r\nAT+CSQ\r\n+CSQ: 1,2\r\nOK\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		synctest.Test(t, func(t *testing.T) {
			l := newLink(&noisy{bytes.NewReader(b), make(chan struct{})}, linkOptions{write: time.Second, prompt: time.Second, noise: noMetrics{}.Noise})
			if l.synchronize(t.Context()) == nil {
				l.command(t.Context(), "+CSQ", time.Second)     // only that it ends
				l.submit(t.Context(), 1, "0011", 2*time.Second) // only that it ends
			}
			l.take()
			if !l.close() {
				t.Error("does not end")
			}
		})
	})
}
