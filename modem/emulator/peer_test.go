//go:build linux

package emulator_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/simsign/simsign/modem/emulator"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

// peer is a program that others wrote for real modems, and what it needs.
type peer struct {
	t   *testing.T
	m   *emulator.Modem
	far *far
	Dir string
	Device,
	Host, Admin, Box, Send, HTTP string

	mu     sync.Mutex
	said   bytes.Buffer // by the program
	octets bytes.Buffer // between it and the modem
}

// newPeer makes a modem on a terminal device. The test is skipped where the
// program is missing, and fails where peers are required.
func newPeer(t *testing.T, programs ...string) *peer {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("SIMSIGN_REQUIRE_PEERS") == "1" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	_, f := newNetwork(t)
	p := &peer{t: t, far: f, Dir: t.TempDir()}
	p.Device = filepath.Join(p.Dir, "modem")
	h := newModem(t, emulator.Options{Dial: loopback.TCP(f.addr), Trace: func(toHost bool, b []byte) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if toHost {
			return
		}
		p.octets.Write(b)
	}})
	h.fresh()
	if err := h.m.OpenPTY(p.Device); err != nil {
		t.Fatal(err)
	}
	p.m = h.m
	t.Cleanup(func() {
		if t.Failed() {
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Logf("program: %s", &p.said)
			t.Logf("to the modem: %q", p.octets.String())
		}
	})
	return p
}

// Write keeps what a program prints.
func (p *peer) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(b)
}

// file fills in a configuration of testdata/peers.
func (p *peer) file(name string) string {
	p.t.Helper()
	tpl, err := template.ParseFiles("testdata/peers/" + name)
	if err != nil {
		p.t.Fatal(err)
	}
	path := filepath.Join(p.Dir, name)
	f, err := os.Create(path)
	if err == nil {
		err = tpl.Execute(f, p)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return path
}

func (p *peer) folders(names ...string) {
	p.t.Helper()
	for _, n := range names {
		if err := os.Mkdir(filepath.Join(p.Dir, n), 0o755); err != nil {
			p.t.Fatal(err)
		}
	}
}

// run runs a program to its end and returns what it printed.
func (p *peer) run(name string, args ...string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = patience // also for its last words after it has ended
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s: %v: %s", name, err, out)
	}
	return string(out)
}

// start runs a program until the test ends.
func (p *peer) start(name string, args ...string) {
	p.t.Helper()
	p.startWith(nil, name, args...)
}

func (p *peer) startWith(env []string, name string, args ...string) {
	p.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = env
	cmd.Dir = p.Dir
	cmd.Stdout, cmd.Stderr = p, p
	// Its children too, as smsd has one, must be gone before the folder is removed.
	// It does not outlive a test that was killed: it would open the terminal
	// device again by its number, when another test has that.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may be gone
		cmd.Wait()                                      // killed; all of them have closed their output
	})
}

// eventually looks until a program outside of our control has done something.
func (p *peer) eventually(what string, f func() bool) {
	p.t.Helper()
	eventually(p.t, what, f)
}

// contains is a file of a folder that holds a text.
func (p *peer) contains(folder, text string) func() bool {
	return func() bool {
		files, _ := filepath.Glob(filepath.Join(p.Dir, folder, "*"))
		for _, f := range files {
			// The terminal device is in there too: reading it would take what the modem says.
			if info, err := os.Lstat(f); err != nil || !info.Mode().IsRegular() {
				continue
			}
			if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), text) {
				return true
			}
		}
		return false
	}
}

// next is what reached the other end of the network.
func (p *peer) next() bearer.MO {
	p.t.Helper()
	select {
	case m := <-p.far.got:
		return m
	case <-time.After(patience):
		p.t.Fatal("nothing reached the network")
	}
	panic("not reached")
}

// text sends a plain text to the modem, in as many parts as it needs.
func (p *peer) text(text string) {
	p.t.Helper()
	parts, err := sms.EncodeText(text, sms.TextOptions{Ref: 7})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, part := range parts {
		p.segment(bearer.Segment{DCS: part.DCS, UDH: part.UDH, UD: part.UD, Septets: part.Septets})
	}
}

func (p *peer) segment(s bearer.Segment) {
	p.t.Helper()
	s.Dest = modemNumber
	if _, err := p.far.c.Submit(p.t.Context(), s); err != nil {
		p.t.Fatal(err)
	}
}

func content(t *testing.T, m bearer.MO) string {
	t.Helper()
	if sms.AlphabetOf(m.DCS) == sms.AlphabetGSM {
		text, err := sms.DecodeText(m.DCS, m.UDH, m.UD, m.Septets)
		if err != nil {
			t.Error(err)
		}
		return text
	}
	return string(m.UD)
}

// gammu identifies, sends, reads a binary message and deletes it.
func TestGammu(t *testing.T) {
	t.Parallel()
	p := newPeer(t, "gammu")
	rc := p.file("gammurc")
	batch := filepath.Join(p.Dir, "batch")
	lines := "identify\nnetworkinfo\nsendsms TEXT +" + string(farNumber) + " -text hello -report\n"
	if err := os.WriteFile(batch, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	out := p.run("gammu", "-c", rc, "batch", batch)
	for _, want := range []string{"490154203237518", "999010123456789", "home network", "OK, message reference=1"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in: %s", want, out)
		}
	}
	if got := content(t, p.next()); got != "hello" {
		t.Errorf("got %q", got)
	}
	// Binary, class 2, with the header of a response packet.
	p.segment(bearer.Segment{DCS: 0xF6, UDH: []byte{2, 0x71, 0}, UD: []byte("packet")})
	p.eventually("stored", func() bool { return p.m.Stored("SM") == 1 })
	out = p.run("gammu", "-c", rc, "getallsms")
	if !strings.Contains(out, "7061636B6574") || !strings.Contains(out, "+"+string(farNumber)) {
		t.Errorf("getallsms: %s", out)
	}
	p.run("gammu", "-c", rc, "deletesms", "0", "1")
	if n := p.m.Stored("SM"); n != 0 {
		t.Errorf("%d messages left", n)
	}
}

// gammu-smsd sends with a report, receives a message of two parts.
func TestGammuSMSD(t *testing.T) {
	t.Parallel()
	p := newPeer(t, "gammu-smsd", "gammu-smsd-inject")
	p.folders("inbox", "outbox", "sent", "error")
	rc := p.file("gammu-smsdrc")
	p.run("gammu-smsd-inject", "-c", rc, "TEXT", "+"+string(farNumber), "-text", "hello from smsd", "-report")
	p.start("gammu-smsd", "-c", rc)
	if got := content(t, p.next()); got != "hello from smsd" {
		t.Errorf("got %q", got)
	}
	p.eventually("sent", p.contains("sent", "hello from smsd"))
	p.text(strings.Repeat("0123456789", 20) + "end")
	p.eventually("received", p.contains("inbox", "end"))
	p.eventually("a delivery report", func() bool {
		return p.contains("inbox", "Delivered")() || p.contains("sent", "DeliveryOK")() || p.contains(".", "Delivery report")()
	})
}

// smstools sends binary with a user data header and text, receives a message
// of two parts, and reads a status report.
func TestSMSTools(t *testing.T) {
	t.Parallel()
	p := newPeer(t, "smsd")
	p.folders("incoming", "outgoing", "checked", "sent", "failed", "report")
	rc := p.file("smsd.conf")
	out := func(name, text string) {
		// Under another name first: smsd must not find half of it.
		path := filepath.Join(p.Dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path, filepath.Join(p.Dir, "outgoing", name)); err != nil {
			t.Fatal(err)
		}
	}
	out("binary", "To: "+string(farNumber)+"\nAlphabet: binary\nUDH: true\nUDH-DATA: 02 70 00\n\npacket")
	p.start("smsd", "-t", "-c", rc)
	m := p.next()
	if !bytes.Equal(m.UDH, []byte{2, 0x70, 0}) || !bytes.Equal(m.UD, []byte("packet")) {
		t.Errorf("got %x %x", m.UDH, m.UD)
	}
	out("text", "To: "+string(farNumber)+"\nReport: yes\n\nhello from smstools")
	if got := content(t, p.next()); got != "hello from smstools" {
		t.Errorf("got %q", got)
	}
	// One after the other: smsd reads all that a modem says unasked from one line.
	p.eventually("sent", p.contains("sent", "hello from smstools"))
	p.eventually("a status report", p.contains("report", "Discharge_timestamp"))
	p.text(strings.Repeat("0123456789", 20) + "end")
	p.eventually("received", p.contains("incoming", "9end"))
}
