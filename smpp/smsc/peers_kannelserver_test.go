//go:build linux

package smsc

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"unsafe"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
	"github.com/simsign/simsign/smpp/esme"
)

const (
	kannelVariable = "SIMSIGN_TEST_KANNEL_SERVER"
	kannelMessages = 3 // that each receiver gets
)

// kannelInside runs the calling test again as the first process of namespaces
// of its own, and is true in there: drive_smpp, the message centre with which
// Kannel tests itself, also connects to a bearerbox at 127.0.0.1:13001 and
// ends when none is there. That port may be somebody's on this machine. When
// the first process ends, the kernel ends all others.
func kannelInside(t *testing.T) bool {
	t.Helper()
	if os.Getenv(kannelVariable) == "1" {
		if os.Getpid() != 1 {
			t.Fatal(kannelVariable + " is set outside of a namespace")
		}
		loopbackUp(t)
		return true
	}
	if os.Geteuid() != 0 {
		lacking(t, "a network namespace of its own needs root")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience) // more than any wait in there
	defer cancel()
	self := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	self.Env = append(os.Environ(), kannelVariable+"=1")
	self.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	self.WaitDelay = patience
	runtime.LockOSThread() // the signal comes with the end of the thread that started it
	defer runtime.UnlockOSThread()
	out, err := self.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		lacking(t, "no namespaces here: "+err.Error())
	}
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

func loopbackUp(t *testing.T) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	var request [40]byte // struct ifreq: a name of 16 octets, then flags
	copy(request[:], "lo")
	binary.NativeEndian.PutUint16(request[syscall.IFNAMSIZ:], syscall.IFF_UP|syscall.IFF_RUNNING)
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request[0]))); e != 0 {
		t.Fatal(e)
	}
}

// silentBearerbox takes drive_smpp's connection and says nothing: our ESME
// stands where the SMPP side of the bearerbox would.
func silentBearerbox(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:13001")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(io.Discard, conn)
			}()
		}
	}()
}

// driveSMPP starts the centre. It ends with its first connection, so nobody
// may look whether it listens: who dials tries again.
func driveSMPP(t *testing.T, tool string) (p *process, addr string) {
	t.Helper()
	port := freePorts(t, 1)[0]
	return start(t, t.TempDir(), tool, "-v", "0", "-p", port, "-m", strconv.Itoa(kannelMessages)), "127.0.0.1:" + port
}

// wantLines waits until the program has said the pattern n times. Its threads
// write in any order.
func (p *process) wantLines(n int, pattern string) {
	p.t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	until(p.t, fmt.Sprintf("%d times %q", n, pattern), func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(re.FindAll(p.all.Bytes(), -1)) == n
	})
}

// What Kannel says of a submission. It prints up to the first zero octet: of
// the secured packet the first two of 02 70 00, of one without any all.
const (
	kannelSecured = "submit_sm: short_message = <\x02p>$"
	kannelNoZero  = "submit_sm: short_message = <no zero octet>$"
)

// Kannel 1.4.5 as the message centre: binds of a transmitter and a receiver,
// binary submissions that it answers without a message_id, its messages and
// its enquire_link, which we answer.
func TestKannelServer(t *testing.T) {
	tool := program(t, "drive_smpp", "/usr/lib/kannel/test/drive_smpp")
	if !kannelInside(t) {
		return
	}
	silentBearerbox(t)
	t.Run("session", func(t *testing.T) { sessionAgainstKannel(t, tool) })
	t.Run("ESME 3.3", func(t *testing.T) { esmeAgainstKannel(t, tool, 0x33) })
	t.Run("ESME 3.4", func(t *testing.T) { esmeAgainstKannel(t, tool, smpp.Version34) })
}

func sessionAgainstKannel(t *testing.T, tool string) {
	p, addr := driveSMPP(t, tool)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got := make(chan *smpp.Message, 10)
	bind := func(as smpp.CommandID) *smpp.Session {
		var conn net.Conn
		until(t, "connection", func() (ok bool) {
			var err error
			conn, err = net.Dial("tcp", addr)
			return err == nil
		})
		sess := patientSession(conn, func(_ context.Context, r *smpp.Request) {
			if m, ok := r.Body.(*smpp.Message); ok {
				got <- m
			}
			r.Reply(smpp.ROK, &smpp.MessageResp{})
		})
		t.Cleanup(func() { sess.Close() })
		if _, err := sess.BindAs(ctx, as, smpp.Bind{SystemID: "app", Password: "secret", InterfaceVersion: smpp.Version34}); err != nil {
			t.Fatal(err)
		}
		return sess
	}
	tx := bind(smpp.BindTransmitter)
	bind(smpp.BindReceiver)
	o, err := tx.Do(ctx, smpp.SubmitSM, octets(alice, secured))
	if err != nil || o.Status != smpp.ROK || o.MessageID() != "" {
		t.Errorf("outcome %+v, %v", o, err)
	}
	for i := range kannelMessages {
		m := next(t, "message", got)
		id, _ := m.TLVs.String(smpp.TagReceiptedMessageID)
		if s := fmt.Sprintf("%s %s %02X %s %s", m.Source.Addr, m.Dest.Addr, m.ESMClass, m.ShortMessage, id); s != fmt.Sprintf("456 123 00 %d receipted_message_id", i+1) {
			t.Errorf("message %s", s)
		}
	}
	p.wantLines(1, kannelSecured)
	p.wantLines(kannelMessages, "type deliver_sm_resp$")
	p.wantLines(kannelMessages, "type enquire_link_resp$")
	if err := tx.Unbind(ctx); err != nil {
		t.Errorf("unbind: %v", err)
	}
	p.wantLines(1, "Number of messages sent to SMSC: 1$")
	p.wantLines(0, "ERROR|PANIC")
}

// esmeAgainstKannel: to an ESME of version 3.4 Kannel gives a
// receipted_message_id with every message; without a state it makes none of
// them a receipt.
func esmeAgainstKannel(t *testing.T, tool string, version byte) {
	p, addr := driveSMPP(t, tool)
	e, b := attach(t, esme.Options{Address: addr, Mode: esme.Pair, Bind: smpp.Bind{InterfaceVersion: version}})
	if r := submitSegment(t, e); r.MessageID != "" {
		t.Errorf("receipt %+v", r)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := e.Submit(ctx, bearer.Segment{ID: 2, Dest: alice, PID: sms.PIDDownload, DCS: sms.DCSClass2Data, UD: []byte("no zero octet")})
	if err != nil || r.MessageID != "" {
		t.Errorf("receipt %+v, %v", r, err)
	}
	p.wantLines(1, kannelSecured)
	p.wantLines(1, kannelNoZero)
	p.wantLines(kannelMessages, "type deliver_sm_resp$")
	p.wantLines(kannelMessages, "type enquire_link_resp$")
	seen := map[string]bool{} // workers take them in any order
	for len(seen) < kannelMessages {
		m := next(t, "message of a handset", b.mo)
		text, err := sms.DecodeText(m.DCS, m.UDH, m.UD, m.Septets)
		if err != nil {
			t.Error(err)
		}
		seen[fmt.Sprintf("%s %s %X %s", string(m.Source), m.Dest, m.UDH, text)] = true
	}
	for i := range len(seen) {
		if s := fmt.Sprintf("456 123  %d", i+1); !seen[s] {
			t.Errorf("messages %v lack %q", seen, s)
		}
	}
	if len(b.mo)+len(b.reports) != 0 {
		t.Errorf("%d messages and %d reports too many", len(b.mo), len(b.reports))
	}
	if err := e.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
	p.wantLines(1, "Number of messages sent to SMSC: 2$")
	p.wantLines(0, "ERROR|PANIC")
}
