package smsc

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// patience bounds every wait for a program that others wrote. Of time-outs of
// ours none may be shorter: a machine that stands still is not what is tested.
const patience = 2 * time.Minute

// lab is an SMSC on real sockets with one handset, for programs that others wrote.
type lab struct {
	t       *testing.T
	s       *SMSC
	port    string
	entries chan Entry
	link    *loopback.Link
	mt      chan sms.Deliver
	acks    chan rp.Type
}

func newLab(t *testing.T, o Options) *lab {
	t.Helper()
	l := &lab{t: t, entries: make(chan Entry, 1000), mt: make(chan sms.Deliver, 100), acks: make(chan rp.Type, 100)}
	o.Ledger = func(e Entry) { l.entries <- e }
	o.Limits = Limits{BindTimeout: patience, Response: patience, Enquire: patience}
	var err error
	if l.s, err = New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.s.Close() })
	addr, err := l.s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, l.port, _ = net.SplitHostPort(addr.String())
	network, err := l.s.Network().Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if l.link, err = loopback.Attach(t.Context(), loopback.TCP(network.String()), alice); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.link.Close() })
	go l.handset()
	return l
}

// handset takes everything.
func (l *lab) handset() {
	for {
		m, err := l.link.Next()
		if err != nil {
			return
		}
		if m.Type != rp.DataMT {
			l.acks <- m.Type
			continue
		}
		if d, err := sms.ParseDeliver(append([]byte(nil), m.TPDU...)); err == nil {
			l.mt <- d
		}
		l.link.Queue(&rp.Message{Type: rp.AckMO, Ref: m.Ref})
		l.link.Flush()
	}
}

func next[T any](t *testing.T, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("%s: nothing came in %v", what, patience)
	}
	return v
}

// wantMT waits for the message that every peer submits.
func (l *lab) wantMT() {
	l.t.Helper()
	d := next(l.t, "message at the handset", l.mt)
	if got := fmt.Sprintf("%s %02X %02X %X %X", d.Originator.Number, d.PID, d.DCS, d.UDH, d.UD); got != "1234 7F F6 027000 AABBCCDD" {
		l.t.Errorf("handset got %s", got)
	}
}

// sendMO sends the answer that every peer shall get.
func (l *lab) sendMO() {
	l.t.Helper()
	s := sms.Submit{Destination: sms.Address{NPI: 1, Number: "1234"}, PID: sms.PIDDownload, DCS: sms.DCSClass2Data, UDH: unhex("027100"), UD: unhex("112233")}
	b, err := s.AppendBinary(nil)
	if err != nil {
		l.t.Fatal(err)
	}
	l.link.Queue(&rp.Message{Type: rp.DataMO, Ref: 1, TPDU: b})
	l.link.Flush()
	if a := next(l.t, "answer of the network", l.acks); a != rp.AckMT {
		l.t.Errorf("network says %v", a)
	}
}

// wantEvent waits for a ledger entry.
func (l *lab) wantEvent(e Event) Entry {
	l.t.Helper()
	for {
		if got := next(l.t, "ledger entry "+string(e), l.entries); got.Event == e {
			return got
		}
	}
}

// settled waits until no request waits for an application.
func (l *lab) settled() {
	l.t.Helper()
	until(l.t, "all requests answered", func() bool {
		m, r := l.s.Waiting()
		return m == 0 && r == 0
	})
}

// until looks again and again.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s: not in %v", what, patience)
		}
	}
}

// program finds a peer, or skips the test.
func program(t *testing.T, names ...string) string {
	t.Helper()
	for _, n := range names {
		if p, err := exec.LookPath(n); err == nil {
			return p
		}
	}
	lacking(t, strings.Join(names, " or ")+" is not installed")
	return ""
}

func lacking(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("SIMSIGN_REQUIRE_PEERS") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// process is a running peer.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.Closer
	lines chan string
	mu    sync.Mutex
	all   bytes.Buffer
}

// start runs a peer in a folder of its own until the test ends.
func start(t *testing.T, dir, name string, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{t: t, cmd: exec.CommandContext(ctx, name, args...), lines: make(chan string, 1000)}
	p.cmd.Dir = dir
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = p.cmd.Stdout
	p.cmd.WaitDelay = patience
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.mu.Lock()
			p.all.WriteString(s.Text() + "\n")
			p.mu.Unlock()
			select {
			case p.lines <- s.Text():
			default:
			}
		}
		close(p.lines)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		p.cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", name, &p.all)
		}
	})
	return p
}

// expect waits for a line and returns the parts in brackets.
func (p *process) expect(pattern string) []string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	late := time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			if m := re.FindStringSubmatch(line); m != nil {
				return m[1:]
			}
			if !ok {
				p.t.Fatalf("%q never came: the program has ended", pattern)
			}
		case <-late:
			p.t.Fatalf("%q never came", pattern)
		}
	}
}

func (p *process) terminate() { p.cmd.Process.Signal(syscall.SIGTERM) }

// freePorts finds ports for programs that cannot say which one they got. They
// lie below those that the kernel gives to connections and to whoever listens
// on port 0 (32768 and above): nobody takes them before the program does.
// Until a child runs its own program it has a copy of our listeners, which then
// listen on after Close: none is started as long.
func freePorts(t *testing.T, n int) (ports []string) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	for range 1000 {
		p := strconv.Itoa(10_000 + rand.IntN(5_000))
		l, err := net.Listen("tcp", "127.0.0.1:"+p)
		if err != nil {
			continue
		}
		defer l.Close() // after all are found, so that they differ
		if ports = append(ports, p); len(ports) == n {
			return ports
		}
	}
	t.Fatal("no free ports from 10000 to 14999")
	return nil
}
