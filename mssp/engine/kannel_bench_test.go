package engine_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/simsign/simsign/smpp"
)

// BenchmarkKannel compares with Kannel 1.4.5 and its spool store, in one run,
// towards the same kind of centre, at window 100, 140 octets a message.
// Kannel's store is one file a message and no fsync at all; ours waits for the
// disk. Both are given the messages while they send: Kannel by mtbatch, ours by
// 64 callers that wait for their commit (accepted), or before (durable).
//
//	go test -run '^$' -bench Kannel -benchtime 20000x ./mssp/engine
func BenchmarkKannel(b *testing.B) {
	b.Run("kannel-spool", benchKannel)
	b.Run("accepted", func(b *testing.B) { benchDurable(b, 64); perSecond(b) })
	b.Run("durable", func(b *testing.B) { benchDurable(b, 0); perSecond(b) })
}

func perSecond(b *testing.B) { b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s") }

// kannelConf has the places PORT (admin, box), SMSC and DIR.
const kannelConf = `group = core
admin-port = ADMIN
admin-interface = 127.0.0.1
admin-password = bar
admin-allow-ip = "127.0.0.1"
smsbox-port = BOX
smsbox-interface = 127.0.0.1
box-allow-ip = "127.0.0.1"
log-file = "DIR/bearerbox.log"
log-level = 4
store-type = spool
store-location = "DIR/spool"

group = smsc
smsc = smpp
smsc-id = gw
host = 127.0.0.1
port = SMSC
smsc-username = "x"
smsc-password = "x"
system-type = ""
transceiver-mode = true
max-pending-submits = 100
enquire-link-interval = 30

group = smsbox
bearerbox-host = 127.0.0.1
`

func benchKannel(b *testing.B) {
	bearerbox, err := exec.LookPath("bearerbox")
	if err != nil {
		bearerbox = "/usr/sbin/bearerbox"
	}
	mtbatch, err := exec.LookPath("mtbatch")
	if _, missing := os.Stat(bearerbox); missing != nil || err != nil {
		b.Skip("needs Debian's kannel and kannel-extras")
	}
	dir := b.TempDir()
	var taken atomic.Int64
	all := make(chan struct{})
	smsc := countingCentre(b, func() {
		if taken.Add(1) == int64(b.N) {
			close(all)
		}
	})
	ports := freePorts(b, 2)
	conf := strings.NewReplacer("ADMIN", ports[0], "BOX", ports[1], "SMSC", smsc, "DIR", dir).Replace(kannelConf)
	var numbers bytes.Buffer
	for i := range b.N {
		fmt.Fprintf(&numbers, "4179%07d\n", i)
	}
	for name, text := range map[string][]byte{"kannel.conf": []byte(conf), "text": bytes.Repeat([]byte("x"), 140), "numbers": numbers.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "spool"), 0o700); err != nil {
		b.Fatal(err)
	}
	start(b, bearerbox, "-v", "4", filepath.Join(dir, "kannel.conf"))
	for tries := 0; ; tries++ {
		conn, err := net.Dial("tcp", "127.0.0.1:"+ports[1])
		if err == nil {
			conn.Close()
			break
		}
		if tries == 500 {
			b.Fatalf("bearerbox does not listen: %v", err)
		}
		<-time.After(10 * time.Millisecond)
	}
	b.ResetTimer()
	start(b, mtbatch, "-v", "4", "-b", "127.0.0.1", "-p", ports[1], "-f", "4242", filepath.Join(dir, "text"), filepath.Join(dir, "numbers"))
	select {
	case <-all:
	case <-time.After(time.Minute):
		b.Fatalf("Kannel has sent %d of %d messages", taken.Load(), b.N)
	}
	b.StopTimer()
	perSecond(b)
}

// start runs a program until the benchmark ends.
func start(b *testing.B, args ...string) {
	cmd := exec.Command(args[0], args[1:]...)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Kill() // it may have ended
		cmd.Wait()         // it was killed
	})
}

// countingCentre is centre for a peer in another process; it gives its port.
func countingCentre(b *testing.B, taken func()) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerAll(counted{conn, taken})
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// counted counts the submit_sm_resp that are written to a connection.
type counted struct {
	net.Conn
	taken func()
}

func (c counted) Write(b []byte) (int, error) {
	for rest := b; len(rest) >= smpp.HeaderLen; rest = rest[binary.BigEndian.Uint32(rest):] {
		if smpp.CommandID(binary.BigEndian.Uint32(rest[4:])) == smpp.SubmitSMResp {
			c.taken()
		}
	}
	return c.Conn.Write(b)
}

// freePorts finds ports for Kannel. Until a child runs its own program it has a
// copy of our listeners, which then listen on after Close: none is started as
// long.
func freePorts(b *testing.B, n int) (ports []string) {
	b.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close() // after all are found, so that they differ
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ports = append(ports, port)
	}
	return ports
}
