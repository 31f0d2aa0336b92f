package emulator_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/modem/emulator"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

func deliver(pid, dcs byte, ud string) []byte {
	d := sms.Deliver{Originator: addr("46709999999"), PID: pid, DCS: dcs, UDH: []byte{2, 0x70, 0}, UD: []byte(ud)}
	b, err := d.AppendBinary(nil)
	if err != nil {
		panic(err)
	}
	return b
}

func addr(n string) sms.Address {
	return sms.Address{TON: sms.TONInternational, NPI: sms.NPITelephone, Number: n}
}

// +CMGS with a status report, which comes as +CDS or as +CDSI, or not at all.
func TestStatusReport(t *testing.T) {
	_, f := newNetwork(t)
	h := newModem(t, emulator.Options{Dial: loopback.TCP(f.addr)})
	h.registered()
	const pdu = "0021000B916407999999F9000003C8329B"
	send := func(report string) {
		t.Helper()
		h.write("AT+CMGS=16\r")
		h.until("\r\n> ")
		h.write(pdu + "\x1a")
		got := h.until("\r\nOK\r\n")
		if !strings.Contains(got, "+CMGS: ") || strings.Contains(got, "+CDS") {
			t.Fatalf("got %q", got)
		}
		<-f.got
		h.until(report)
	}
	h.ask("AT+CNMI=2,1,0,1")
	send("\r\n+CDS: 25\r\n")
	h.ask("AT+CNMI=2,1,0,2")
	send("\r\n+CDSI: \"SM\",1\r\n")
	if got := h.ask("AT+CMGR=1"); !strings.Contains(got, "+CMGR: 0,,25\r\n") {
		t.Errorf("got %q", got)
	}
	h.ask("AT+CMGF=1")
	if got := h.ask("AT+CMGR=1"); !strings.Contains(got, `+CMGR: "REC READ",6,2,"+46709999999",145,"`) {
		t.Errorf("got %q", got)
	}
	if h.m.Sent() != 2 {
		t.Errorf("%d sent", h.m.Sent())
	}
}

// Messages by +CNMI: announced, direct, for the SIM's memory, held back.
func TestIndications(t *testing.T) {
	h := newModem(t, emulator.Options{})
	h.ask("ATE0")
	plain, sim := deliver(0, 4, "hello"), deliver(0, 0xF6, "for the SIM")
	h.ask(`AT+CPMS="ME","ME","ME";+CNMI=2,1`)
	h.m.Receive(plain)
	h.until("\r\n+CMTI: \"ME\",1\r\n")
	h.m.Receive(sim)
	h.until("\r\n+CMTI: \"SM\",1\r\n")
	h.ask("AT+CNMI=2,2")
	h.m.Receive(plain)
	h.until("\r\n+CMT: ,27\r\n")
	h.m.Receive(sim) // class 2 is announced even so
	h.until("\r\n+CMTI: \"SM\",2\r\n")
	h.ask("AT+CNMI=0,1")
	h.m.Receive(plain)
	if got := h.ask("AT"); got != "" {
		t.Errorf("held back, but %q came", got)
	}
	h.ask("AT+CNMI=2")
	h.until("\r\n+CMTI: \"ME\",2\r\n")
	h.m.ResetIndications()
	h.m.Receive([]byte{0x00}) // no message at all is stored even so
	if got := h.ask("AT+CNMI?;+CPMS?"); !strings.Contains(got, "+CNMI: 0,0,0,0,0") || !strings.Contains(got, `"ME",3,100`) {
		t.Errorf("got %q", got)
	}
	// Text mode.
	h.ask("AT+CMGF=1;+CNMI=2,2;+CSDH=1")
	text, _ := sms.EncodeText("Grüße", sms.TextOptions{})
	d := sms.Deliver{Originator: addr("46709999999"), DCS: text[0].DCS, UD: text[0].UD, Septets: text[0].Septets, Time: sms.NewTimestamp(time.Unix(1e9, 0).UTC())}
	b, _ := d.AppendBinary(nil)
	h.m.Receive(b)
	h.until("\r\n+CMT: \"+46709999999\",,\"01/09/09,01:46:40+00\",145,4,0,0,\"+0000001\",145,5\r\nGrüße\r\n")
}

// With +CSMS=1 the network hears only after +CNMA; without it in time the
// modem routes nothing any more. Fake time.
func TestAcknowledge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newModem(t, emulator.Options{AckWait: 15 * time.Second})
		h.ask("ATE0+CSMS=1;+CNMI=2,2,0,1")
		for range 2 {
			h.m.Receive(deliver(0, 4, "first"))
		}
		h.until("+CMT: ,27\r\n")
		h.until("\r\n")
		if got := h.ask("AT"); got != "" {
			t.Errorf("the second came before the acknowledgement of the first: %q", got)
		}
		h.ask("AT+CNMA")
		h.until("+CMT: ,27\r\n")
		time.Sleep(16 * time.Second)
		if got := h.ask("AT+CNMI?"); !strings.Contains(got, "+CNMI: 2,0,0,0,0") {
			t.Errorf("got %q", got)
		}
		h.write("AT+CNMA\r")
		h.until("\r\n+CMS ERROR: 340\r\n")
		h.m.Stop()
	})
}

// A message for the card goes to the card, or to the host that has its toolkit.
func TestDownload(t *testing.T) {
	own := newModem(t, emulator.Options{})
	own.ask("ATE0+CNMI=2,1")
	own.m.Receive(deliver(0x7F, 0xF6, "x"))
	if got := own.ask("AT+CPMS?"); !strings.Contains(got, `"SM",0,20`) {
		t.Errorf("the host heard of it: %q", got)
	}
	own.write("AT+CUSATE=\"D100\"\r")
	own.until("\r\nERROR\r\n")
	host := newModem(t, emulator.Options{HostToolkit: true})
	host.ask("ATE0+CNMI=2,2")
	host.m.Receive(deliver(0x7F, 0xF6, "x"))
	host.until("\r\n+CMT: ,23\r\n")
	host.ask("AT+CFUN=1")
}

// A full memory refuses, and takes again what the network kept.
func TestFull(t *testing.T) {
	n, f := newNetwork(t)
	h := newModem(t, emulator.Options{Dial: loopback.TCP(f.addr), SM: 2})
	h.registered()
	h.ask("AT+CNMI=2,1")
	h.m.Fill("SM")
	if _, err := f.c.Submit(t.Context(), bearer.Segment{Dest: modemNumber, DCS: 4, UD: []byte("waits")}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the network keeps it", func() bool { return n.Waiting(modemNumber) == 1 })
	h.ask("AT+CMGD=1")
	h.until("\r\n+CMTI: \"SM\",1\r\n")
}

// The terminal device vanishes with the modem and comes back.
func TestUnplug(t *testing.T) {
	h := newModem(t, emulator.Options{})
	link := filepath.Join(t.TempDir(), "tty")
	if err := h.m.OpenPTY(link); err != nil {
		t.Skip(err)
	}
	dialogue := func() *os.File {
		f, err := os.OpenFile(link, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(f, "ATE0\r") // the answer is waited for
		b := make([]byte, 100)
		if n, err := io.ReadAtLeast(f, b, len("ATE0\r\r\nOK\r\n")); err != nil || string(b[:n]) != "ATE0\r\r\nOK\r\n" {
			t.Fatalf("%q, %v", b[:n], err)
		}
		return f
	}
	f := dialogue()
	h.m.Unplug()
	if n, err := f.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read %d octets, %v", n, err)
	}
	f.Close()
	if _, err := os.Stat(link); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if err := h.m.Plug(); err != nil {
		t.Fatal(err)
	}
	dialogue().Close()
	// A host that comes while the modem is away is sent away.
	h.m.Unplug()
	a, b := net.Pipe()
	if err := h.m.Serve(b); err != io.ErrClosedPipe {
		t.Error(err)
	}
	if _, err := a.Read(make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
}

// Whoever comes after the terminal device was offered takes its place, and is
// not thrown out by it.
func TestHostsInOrder(t *testing.T) {
	for i := range 20 {
		m, err := emulator.New(emulator.Options{Number: modemNumber, Card: newCard(t)})
		if err != nil {
			t.Fatal(err)
		}
		m.Start()
		if err := m.OpenPTY(filepath.Join(t.TempDir(), "tty")); err != nil {
			m.Stop()
			t.Skip(err)
		}
		a, b := net.Pipe()
		said := make(chan error, 1)
		go func() {
			defer a.Close()
			io.WriteString(a, "ATE0V0\r") // the answer is waited for
			_, err := io.ReadFull(a, make([]byte, len("ATE0V0\r0\r")))
			said <- err
		}()
		if err := m.Serve(b); err != io.EOF { // until the host goes
			t.Error(err)
		}
		if err := <-said; err != nil {
			t.Errorf("host %d was thrown out: %v", i, err)
		}
		m.Stop()
	}
}

// listening is a modem on a TCP port: each dial is another host.
func listening(t *testing.T) (dial func() net.Conn) {
	t.Helper()
	a, err := newModem(t, emulator.Options{}).m.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return func() net.Conn {
		c, err := net.Dial("tcp", a.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
}

// A host on TCP takes the place of the one before.
func TestListen(t *testing.T) {
	dial := listening(t)
	for range 2 {
		c := dial()
		io.WriteString(c, "AT\r") // the answer is waited for
		b := make([]byte, len("AT\r\r\nOK\r\n"))
		if _, err := io.ReadFull(c, b); err != nil || string(b) != "AT\r\r\nOK\r\n" {
			t.Fatalf("%q %v", b, err)
		}
	}
}

// Of two hosts that dial one after the other the second has the modem, however
// slowly the first is served.
func TestListenInOrder(t *testing.T) {
	dial := listening(t)
	for range 50 {
		var conns [2]net.Conn
		for i := range conns {
			conns[i] = dial()
		}
		conns[0].SetReadDeadline(time.Now().Add(patience))
		if n, err := io.Copy(io.Discard, conns[0]); n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("the first still has it: %d octets, %v", n, err)
		}
		io.WriteString(conns[1], "AT\r") // the answer is waited for
		if _, err := io.ReadFull(conns[1], make([]byte, len("AT\r\r\nOK\r\n"))); err != nil {
			t.Fatalf("the second was thrown out: %v", err)
		}
	}
}

// A modem that leaves the bus at a reset comes back after a while. Fake time.
func TestReenumerate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newModem(t, emulator.Options{Reenumerate: 5 * time.Second})
		h.write("AT+CFUN=1,1\r")
		synctest.Wait()
		if h.mu.Lock(); h.err == nil {
			t.Error("the port is still there")
		}
		h.mu.Unlock()
		a, b := net.Pipe()
		if err := h.m.Serve(b); err == nil {
			t.Error("a modem that is away takes a host")
		}
		a.Close()
		time.Sleep(6 * time.Second)
		if got := attach(t, h.m).ask("ATE0"); got != "ATE0\r" {
			t.Errorf("%q", got)
		}
		h.m.Stop()
	})
}

// Old messages go with their flags; +CNMA=2 and a report refuse a message.
func TestRefuseByHost(t *testing.T) {
	_, f := newNetwork(t)
	h := newModem(t, emulator.Options{Dial: loopback.TCP(f.addr)})
	h.registered()
	h.ask("AT+CSMS=1;+CNMI=2,2")
	if _, err := f.c.Submit(t.Context(), bearer.Segment{Dest: modemNumber, DCS: 4, UD: []byte("bad"), Report: true}); err != nil {
		t.Fatal(err)
	}
	h.until("+CMT: ,")
	h.write("AT+CNMA=2,2\r")
	h.until("\r\n> ")
	h.write("0000\x1a")
	h.until("\r\nOK\r\n")
	if r := <-f.reports; r.Delivered {
		t.Errorf("%+v", r)
	}
}
