package emulator_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/modem/emulator"
	"github.com/simsign/simsign/ota/bearer/loopback"
)

// Each fault does to a command what it says, and only to that one.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		fault emulator.Fault
		want  string // the answers to AT+CSQ and AT
	}{
		{emulator.Fault{Command: "+CSQ", Action: emulator.Mute}, "\r\nOK\r\n"},
		{emulator.Fault{Command: "+CSQ", Action: emulator.LoseFinal}, "\r\nOK\r\n"},
		{emulator.Fault{Command: "+CSQ", Action: emulator.Instead, Text: "COMMAND NOT SUPPORT"}, "\r\nCOMMAND NOT SUPPORT\r\n\r\nOK\r\n"},
		{emulator.Fault{Command: "+CSQ", Action: emulator.Afterwards, Text: "ERROR"}, "\r\nERROR\r\n\r\nOK\r\n"},
		{emulator.Fault{Command: "+CSQ", Action: emulator.Before, Text: "\x00\x00"}, "\x00\x00\r\n+CSQ: 21,99\r\n\r\nOK\r\n\r\nOK\r\n"},
		{emulator.Fault{Command: "+CSQ", Action: emulator.Between, Text: "^RSSI: 18"}, "\r\n+CSQ: 21,99\r\n\r\n^RSSI: 18\r\n\r\nOK\r\n\r\nOK\r\n"},
		{emulator.Fault{Command: "+CSQ", Action: emulator.Late, Delay: 5 * time.Second}, "\r\n+CSQ: 21,99\r\n\r\nOK\r\n\r\nOK\r\n"},
		{emulator.Fault{Command: "+CSQ", Nth: 2, Action: emulator.Mute}, "\r\n+CSQ: 21,99\r\n\r\nOK\r\n\r\nOK\r\n"},
		{emulator.Fault{Command: "+CMGS", Action: emulator.Mute}, "\r\n+CSQ: 21,99\r\n\r\nOK\r\n\r\nOK\r\n"},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newModem(t, emulator.Options{})
			h.ask("ATE0")
			h.m.SetFaults(c.fault)
			begin := time.Now()
			h.write("AT+CSQ\rAT+CGMM\r")
			got := strings.Replace(h.until("EMU900\r\n"), "\r\nEMU900\r\n", "\r\nOK\r\n", 1)
			if got != c.want {
				t.Errorf("%+v: %q, want %q", c.fault, got, c.want)
			}
			if d := time.Since(begin); d != c.fault.Delay {
				t.Errorf("%+v: took %v", c.fault, d)
			}
			h.m.Stop()
		})
	}
}

// A line ends at the command that a fault has answered, and a fault for every
// command counts them all.
func TestFaultInLine(t *testing.T) {
	h := newModem(t, emulator.Options{})
	h.ask("ATE0")
	h.m.SetFaults(emulator.Fault{Command: "+CSQ", Action: emulator.Instead, Text: "COMMAND NOT SUPPORT"})
	h.write("AT+CMGF?;+CSQ;+CGMM\r")
	if got := h.until("SUPPORT\r\n"); got != "\r\n+CMGF: 0\r\n\r\nCOMMAND NOT SUPPORT\r\n" {
		t.Errorf("got %q", got)
	}
	h.m.SetFaults(emulator.Fault{Nth: 3, Action: emulator.Instead, Text: "BUSY"})
	h.write("AT+CMGF?;+CGMM;+CSQ\r")
	if got := h.until("BUSY\r\n"); got != "\r\n+CMGF: 0\r\n\r\nEMU900\r\n\r\nBUSY\r\n" {
		t.Errorf("got %q", got)
	}
	h.m.SetFaults(
		emulator.Fault{Command: "+CSQ", Nth: 1, Action: emulator.Instead, Text: "first"},
		emulator.Fault{Command: "+CSQ", Nth: 2, Action: emulator.Instead, Text: "second"},
	)
	for _, want := range []string{"first", "second", "+CSQ: 21,99\r\n\r\nOK"} {
		h.write("AT+CSQ\r")
		if got := h.until(want + "\r\n"); got != "\r\n"+want+"\r\n" {
			t.Errorf("got %q", got)
		}
	}
	h.m.Unsolicited("^RSSI: 18", "RING")
	if got := h.until("RING\r\n"); got != "\r\n^RSSI: 18\r\n\r\nRING\r\n" {
		t.Errorf("got %q", got)
	}
}

// A modem that no network takes tries again, less and less often: after 50 ms,
// 100 ms and so on up to 5 s, each a little more. Fake time.
func TestAttachAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dialled []time.Time
		h := newModem(t, emulator.Options{Dial: func(context.Context) (net.Conn, error) {
			dialled = append(dialled, time.Now())
			return nil, errors.New("no network")
		}})
		time.Sleep(time.Minute)
		h.m.Stop()
		for i, pause := range []time.Duration{50, 100, 200, 400, 800, 1600, 3200, 5000, 5000} {
			pause *= time.Millisecond
			if d := dialled[i+1].Sub(dialled[i]); d < pause || d >= pause+pause/2 {
				t.Errorf("pause %d is %v, want %v and up to half of it more", i+1, d, pause)
			}
		}
	})
}

// The network takes a message and the host never hears of it; or is never
// asked for its text.
func TestSendFaults(t *testing.T) {
	_, f := newNetwork(t)
	h := newModem(t, emulator.Options{Dial: loopback.TCP(f.addr)})
	h.registered()
	h.m.SetFaults(emulator.Fault{Command: "+CMGS", Nth: 1, Action: emulator.LoseFinal}, emulator.Fault{Command: "+CMGS", Nth: 2, Action: emulator.NoPrompt})
	h.write("AT+CMGS=16\r")
	h.until("\r\n> ")
	h.write("0001000B916407999999F9000003C8329B\x1a")
	<-f.got
	if got := h.ask("AT"); got != "" {
		t.Errorf("got %q", got)
	}
	h.write("AT+CMGS=16\r")
	h.write("\x1b")
	h.until("OK\r\n")
	if h.m.Sent() != 1 {
		t.Errorf("%d sent", h.m.Sent())
	}
	h.m.SetSilent(true)
	h.write("AT\r")
	h.m.SetSilent(false)
	h.m.Inject([]byte("noise"))
	h.until("noise")
	h.m.SetRegistered(false)
	h.until("+CREG: 2\r\n")
	h.write("AT+CMGS=16\r")
	h.until("> ")
	h.write("0001000B916407999999F9000003C8329B\x1a")
	h.until("\r\n+CMS ERROR: 331\r\n")
	h.m.SetRegistered(true)
	h.until("+CREG: 1\r\n")
	h.m.Reboot()
	h.until("\r\nRDY\r\n")
	h.until("SMS Ready\r\n")
	h.write("AT\r")
	h.until("AT\r\r\nOK\r\n") // with echo again
}
