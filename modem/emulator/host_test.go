package emulator_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/modem/emulator"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

const (
	modemNumber = sms.MSISDN("46701234567")
	farNumber   = sms.MSISDN("46709999999")
)

// patience bounds every wait of these tests: far longer than it takes on a busy
// machine, far shorter than go test waits.
const patience = 2 * time.Minute

// far is the other end of the network: it keeps what reaches it.
type far struct {
	addr    string // of the network
	c       *loopback.Client
	got     chan bearer.MO
	reports chan bearer.Report
}

func (f *far) Deliver(_ context.Context, m bearer.MO) error    { f.got <- m; return nil }
func (f *far) Report(_ context.Context, r bearer.Report) error { f.reports <- r; return nil }

func newNetwork(t testing.TB) (*loopback.Network, *far) {
	t.Helper()
	n := loopback.NewNetwork(loopback.NetworkOptions{RetryFirst: 10 * time.Millisecond})
	addr, err := n.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &far{addr: addr.String(), got: make(chan bearer.MO, 1000), reports: make(chan bearer.Report, 1000)}
	f.c, err = loopback.NewClient(loopback.ClientOptions{
		Dial: loopback.TCP(addr.String()), Number: farNumber, Inbox: f,
		Concurrency: 1, // what comes one after the other is kept in that order
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.c.Stop(); n.Close() })
	eventually(t, "the far end is attached", f.c.Attached)
	return n, f
}

func newCard(t testing.TB) *card.Card {
	t.Helper()
	c, err := card.New(card.Options{Profile: card.Profile{
		ICCID: "8999012345678900017", IMSI: "999010123456789", TAR: ota.TAR{0xB0, 0, 0x51}, SMSC: "+0000001",
		KeySets: []card.KeySet{{
			KVN: 1, KIc: ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{0x11}, 16)},
			KID: ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{0x22}, 16)},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// host is a program at the modem: it writes and waits for what it expects.
type host struct {
	t    testing.TB
	m    *emulator.Modem
	conn io.ReadWriteCloser
	mu   sync.Mutex
	more *sync.Cond
	in   []byte
	err  error
}

func newModem(t testing.TB, o emulator.Options) *host {
	t.Helper()
	if o.Number == "" {
		o.Number = modemNumber
	}
	switch o.Card {
	case nil:
		o.Card = newCard(t)
	case emptySlot:
		o.Card = nil
	}
	if o.AckWait == 0 {
		o.AckWait = patience // a host on a busy machine may be slow to say +CNMA
	}
	if o.Answer == 0 {
		o.Answer = patience // and so may the network be
	}
	m, err := emulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	m.Start()
	t.Cleanup(m.Stop)
	return attach(t, m)
}

func attach(t testing.TB, m *emulator.Modem) *host {
	a, b := net.Pipe()
	go m.Serve(b)
	h := &host{t: t, m: m, conn: a}
	h.more = sync.NewCond(&h.mu)
	go h.read()
	t.Cleanup(func() { a.Close() })
	h.ask("AT") // it is at the modem now
	return h
}

func (h *host) read() {
	b := make([]byte, 4096)
	for {
		n, err := h.conn.Read(b)
		h.mu.Lock()
		h.in = append(h.in, b[:n]...)
		h.err = err
		h.more.Broadcast()
		h.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (h *host) write(s string) {
	h.t.Helper()
	if _, err := io.WriteString(h.conn, s); err != nil {
		h.t.Fatal(err)
	}
}

// until waits for want and returns and forgets all up to its end.
func (h *host) until(want string) string {
	h.t.Helper()
	timeout := time.AfterFunc(patience, func() {
		h.mu.Lock()
		h.err = context.DeadlineExceeded
		h.more.Broadcast()
		h.mu.Unlock()
	})
	defer timeout.Stop()
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		if i := strings.Index(string(h.in), want); i >= 0 {
			got := string(h.in[:i+len(want)])
			h.in = h.in[i+len(want):]
			return got
		}
		if h.err != nil {
			h.t.Fatalf("waited for %q, have %q: %v", want, h.in, h.err)
		}
		h.more.Wait()
	}
}

// ask runs a command line and returns what came before OK.
func (h *host) ask(command string) string {
	h.t.Helper()
	h.write(command + "\r")
	return strings.TrimSuffix(h.until("\r\nOK\r\n"), "\r\nOK\r\n")
}

// registered waits until the modem is in the network.
func (h *host) registered() {
	h.t.Helper()
	h.ask("ATE0+CREG=1")
	if !strings.Contains(h.ask("AT+CREG?"), "+CREG: 1,1") {
		h.until("\r\n+CREG: 1\r\n")
	}
}

// fresh waits until the modem is in the network and gives it the settings of the
// factory again: no +CREG comes by surprise any more.
func (h *host) fresh() {
	h.t.Helper()
	h.registered()
	h.ask("ATZ")
}

// eventually looks until something that tells nobody has happened.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for !f() {
		select {
		case <-again.C:
		case <-late:
			t.Fatal("never: " + what)
		}
	}
}
