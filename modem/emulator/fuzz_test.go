package emulator_test

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/simsign/simsign/modem/emulator"
)

// FuzzHost writes anything to a modem. It never hangs and never breaks: it
// still answers AT afterwards.
func FuzzHost(f *testing.F) {
	for _, s := range []string{
		"AT+CMGS=16\r0001000B916407999999F9000003C8329B\x1a", "ATE0V1S3=13&F;+CMGL=4\r", "AT+CMGW=\"+46\"\rtext\rtext\x1a", "AT+CRSM=176,28480,0,0,1\r",
		"AT+CSIM=10,\"00A4000002\"\r", "AT+CUSATE=\"D1\"\r", "AT+CNMI=,,,,,1\r", "AT+CPMS=\"\"\r", "AT+COPS=3,9\rAT+COPS?\r", "A/\rATS999=1\r", "AT+CMGD=1,4\r", "AT+CNMA=1,2\r0000\x1a",
	} {
		f.Add([]byte(s))
	}
	card := newCard(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := emulator.New(emulator.Options{Number: modemNumber, Card: card, HostToolkit: len(in)%2 == 0})
		if err != nil {
			t.Fatal(err)
		}
		m.Start()
		defer m.Stop()
		a, b := net.Pipe()
		defer a.Close()
		go m.Serve(b)
		again := make(chan struct{}, 1)
		defer close(again)
		go func() {
			a.Write(in)                              // the end is waited for
			a.Write([]byte{0})                       // now the modem has seen all before
			m.Reboot()                               // it may have any line end by now
			io.WriteString(a, "\x1b\rAT&FE0+CGMM\r") // likewise
			for range again {                        // an answer is lost while too much before it is unread
				io.WriteString(a, "AT+CGMM\r") // likewise
			}
		}()
		const model = "EMU900"
		buf, last := make([]byte, 4096), []byte(nil)
		for {
			n, err := a.Read(buf)
			if err != nil {
				t.Fatalf("the modem is gone: %v after %q", err, last)
			}
			last = append(last, buf[:n]...)
			if bytes.Contains(last, []byte(model)) {
				return
			}
			last = append([]byte(nil), last[max(0, len(last)-len(model)):]...)
			select {
			case again <- struct{}{}:
			default:
			}
		}
	})
}
