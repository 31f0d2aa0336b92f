package modem_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/modem"
	"github.com/simsign/simsign/modem/emulator"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

const (
	ours  = sms.MSISDN("41790000000")
	phone = sms.MSISDN("41790000001")
)

// counts is an Inbox that counts messages by the number in them.
type counts struct {
	mu       sync.Mutex
	got      map[uint32]int
	reports  int
	resolved map[int64]bool
	fail     bool
	brief    bool          // only the sum
	all      int           // messages
	told     func(mo bool) // after every message and report; may be nil
}

func newCounts() *counts { return &counts{got: map[uint32]int{}, resolved: map[int64]bool{}} }

func (c *counts) Deliver(_ context.Context, mo bearer.MO) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail {
		return errors.New("disk full")
	}
	c.all++
	if c.told != nil {
		c.told(true)
	}
	if c.brief {
		return nil
	}
	c.got[binary.BigEndian.Uint32(mo.UD)]++
	return nil
}

func (c *counts) Report(context.Context, bearer.Report) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reports++
	if c.told != nil {
		c.told(false)
	}
	return nil
}

func (c *counts) Resolve(_ context.Context, id int64, _ bearer.Receipt, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resolved[id] = err == nil
	return nil
}

func (c *counts) of(n uint32) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.got[n]
}

// sums are the messages and the reports so far.
func (c *counts) sums() (messages, reports int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all, c.reports
}

func (c *counts) setFail(yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail = yes
}

// buffered takes writes at once, as a socket does: with both ends of a bare
// net.Pipe writing, both wait.
type buffered struct {
	net.Conn
	mu   sync.Mutex
	b    []byte
	more chan struct{}
	gone chan struct{}
	once sync.Once
}

func newBuffered(c net.Conn) *buffered {
	x := &buffered{Conn: c, more: make(chan struct{}, 1), gone: make(chan struct{})}
	go func() {
		for {
			select {
			case <-x.gone:
				return
			case <-x.more:
			}
			x.mu.Lock()
			b := x.b
			x.b = nil
			x.mu.Unlock()
			if len(b) == 0 {
				continue // an empty write is a read of nothing
			}
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	}()
	return x
}

func (x *buffered) Write(b []byte) (int, error) {
	x.mu.Lock()
	x.b = append(x.b, b...)
	x.mu.Unlock()
	select {
	case x.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (x *buffered) SetWriteDeadline(time.Time) error { return nil }

func (x *buffered) Close() error {
	x.once.Do(func() { close(x.gone) })
	return x.Conn.Close()
}

// site is our driver on an emulated modem in an emulated network, and a phone.
type site struct {
	net       *loopback.Network
	emu       *emulator.Modem
	drv       *modem.Modem
	far       *loopback.Client
	in, farIn *counts
	told      bytes.Buffer
}

func newSite(t testing.TB, change func(*emulator.Options, *modem.Options)) *site {
	t.Helper()
	s := &site{in: newCounts(), farIn: newCounts()}
	s.net = loopback.NewNetwork(loopback.NetworkOptions{})
	dial := func(context.Context) (net.Conn, error) {
		a, b := net.Pipe()
		s.net.Serve(newBuffered(b))
		return newBuffered(a), nil
	}
	var err error
	s.far, err = loopback.NewClient(loopback.ClientOptions{Name: "phone", Dial: dial, Number: phone, Inbox: s.farIn, AnswerTimeout: 5 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.far.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	key := func(b byte) ota.Key { return ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{b}, 16)} }
	c, err := card.New(card.Options{Profile: card.Profile{
		ICCID: "8999012345678900017", IMSI: "999010123456789", TAR: ota.TAR{0xB0, 0, 0x51}, SMSC: "+0000001",
		KeySets: []card.KeySet{{KVN: 1, KIc: key(1), KID: key(2)}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	eo := emulator.Options{Number: ours, Dial: dial, Card: c}
	mo := modem.Options{Name: "usb0", Inbox: s.in, Receipts: true, Logger: slog.New(slog.NewTextHandler(&s.told, nil))}
	if change != nil {
		change(&eo, &mo)
	}
	if s.emu, err = emulator.New(eo); err != nil {
		t.Fatal(err)
	}
	s.emu.Start()
	if mo.Open == nil {
		mo.Open = func() (io.ReadWriteCloser, error) {
			a, b := net.Pipe()
			go s.emu.Serve(b) // ends with the pipe
			return a, nil
		}
	}
	if s.drv, err = modem.New(mo); err != nil {
		t.Fatal(err)
	}
	if err := s.drv.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s
}

// memoryDir is a folder in memory where the machine has one: the states of
// thousands of sessions go to the disk one by one, which may take a second each.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "modem-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (s *site) stop(t testing.TB) {
	t.Helper()
	if err := s.drv.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	s.emu.Stop()
	s.far.Stop()
	s.net.Close()
}

func seg(n uint32, to sms.MSISDN) bearer.Segment {
	return bearer.Segment{ID: int64(n), Dest: to, DCS: 4, UD: binary.BigEndian.AppendUint32(nil, n)}
}

// The driver and the emulator understand each other: a message each way, and
// the status report.
func TestWithEmulator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		time.Sleep(20 * time.Second)
		if !s.drv.Attached() {
			t.Fatalf("%+v\n%s", s.drv.Status(), &s.told)
		}
		if r, err := s.drv.Submit(t.Context(), seg(1, phone)); err != nil || r.MessageID == "" {
			t.Errorf("%+v %v", r, err)
		}
		if _, err := s.far.Submit(t.Context(), seg(2, ours)); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Second)
		if s.farIn.of(1) != 1 || s.in.of(2) != 1 || s.in.reports != 1 {
			t.Errorf("%d there, %d here, %d reports\n%s", s.farIn.of(1), s.in.of(2), s.in.reports, &s.told)
		}
		s.stop(t)
	})
}

// trouble is everything that an emulated modem can do wrong.
func trouble(s *site, r *rand.Rand) string {
	cmds := []string{"+CMGS", "+CMGS", "+CMGS", "+CMGR", "+CMGD", "+CMGL", "+CSQ", "+CNMI", "+CPMS", "+CPIN", "+CREG", ""}
	f := emulator.Fault{Command: cmds[r.IntN(len(cmds))], Nth: 1 + r.IntN(2), Delay: time.Duration(r.IntN(120)) * time.Second}
	switch k := r.IntN(14); k {
	case 0, 1, 2, 3, 4, 5, 6, 7:
		f.Action = emulator.Action(k + 1)
		f.Text = []string{"+CMS ERROR: 500", "ERROR", "COMMAND NOT SUPPORT", "+CMS ERROR: 38", "+CMS ERROR: 332"}[r.IntN(5)]
		if f.Action == emulator.Before {
			f.Text = strings.Repeat("\x00", r.IntN(5000))
		}
		if f.Action == emulator.Between {
			f.Text = []string{"^RSSI: 9", "RING", "+CREG: 1", "garbage"}[r.IntN(4)]
		}
		s.emu.SetFaults(f)
	case 8:
		s.emu.Unplug()
	case 9:
		s.emu.Reboot()
	case 10:
		s.emu.ResetIndications()
	case 11:
		s.emu.SetRegistered(false)
	case 12:
		s.emu.SetSilent(true)
	case 13:
		s.in.setFail(true)
	}
	return fmt.Sprintf("%+v", f)
}

func heal(t *testing.T, s *site) {
	s.emu.SetFaults()
	s.emu.SetSilent(false)
	s.emu.SetRegistered(true)
	s.in.setFail(false)
	if err := s.emu.Plug(); err != nil {
		t.Fatal(err)
	}
}

// Under every fault, in random order: no message is lost, none arrives more
// often than it was sent, one that was sent again was unknown or busy before,
// and the modem comes back by itself.
func TestTroubleAtRandom(t *testing.T) {
	rounds := 4000
	if testing.Short() {
		rounds = 200
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		time.Sleep(20 * time.Second)
		r := rand.New(rand.NewPCG(4, 2026))
		unknown := map[uint32]int{}
		for i := range uint32(rounds) {
			what := trouble(s, r)
			down, up := 2*i, 2*i+1
			sent, err := s.far.Submit(t.Context(), seg(up, ours))
			if err != nil {
				t.Fatalf("the phone cannot send: %v %v", sent, err)
			}
			for try := range 40 {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				_, err := s.drv.Submit(ctx, seg(down, phone))
				cancel()
				if errors.Is(err, bearer.ErrUnknown) {
					unknown[down]++
				}
				if err == nil || errors.Is(err, bearer.ErrRefused) {
					break
				}
				if try == 2 {
					heal(t, s)
				}
				if try == 39 {
					t.Fatalf("round %d, %s: %v, %+v", i, what, err, s.drv.Status())
				}
				time.Sleep(30 * time.Second)
			}
			heal(t, s)
			time.Sleep(2 * time.Second)
			if n := s.farIn.of(down); n > 1+unknown[down] {
				t.Errorf("round %d, %s: the phone has it %d times, unknown %d times", i, what, n, unknown[down])
			}
		}
		heal(t, s)
		time.Sleep(time.Hour) // the network tries again what the modem had no room for
		lost := 0
		for i := range uint32(rounds) {
			if s.in.of(2*i+1) == 0 || s.farIn.of(2*i) == 0 {
				lost++
			}
		}
		if lost > 0 {
			t.Errorf("%d of %d messages are lost", lost, 2*rounds)
		}
		if !s.drv.Attached() {
			t.Errorf("%+v", s.drv.Status())
		}
		s.stop(t)
	})
}
