package handset

import (
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

const (
	number  = sms.MSISDN("41791110001")
	service = sms.MSISDN("9000")
)

// fakeCard is a card without an applet: it hands out the proactive commands
// that a test gives it, and writes down what the phone says.
type fakeCard struct {
	t        *testing.T
	mu       sync.Mutex
	pending  [][]byte // proactive commands to come
	fetched  bool
	replies  [][]byte // TERMINAL RESPONSE data
	envelope [][]byte
	resets   int
	profile  []byte
	status   int    // STATUS commands
	answer   []byte // to ENVELOPE: data for GET RESPONSE and its status, or a status
	rest     []byte
	replied  chan struct{} // one for each TERMINAL RESPONSE
	selected int
}

func newFake(t *testing.T, commands ...string) *fakeCard {
	c := &fakeCard{t: t, replied: make(chan struct{}, 64)}
	for _, s := range commands {
		c.pending = append(c.pending, unhex(s))
	}
	return c
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func (c *fakeCard) Reset() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resets++
	return []byte{0x3B, 0x00}
}

func (c *fakeCard) Transmit(b []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	data, sw := c.command(b)
	if sw == 0x9000 && len(c.pending) > 0 && c.profile != nil && !c.fetched {
		sw = 0x9100 | len(c.pending[0])&0xFF
	}
	return append(append([]byte{}, data...), byte(sw>>8), byte(sw))
}

func (c *fakeCard) command(b []byte) ([]byte, int) {
	var data []byte
	if len(b) > 5 {
		data = append(data, b[5:]...)
	}
	switch b[1] {
	case insSelect:
		c.selected = 0
		if len(data) == 2 {
			c.selected = int(data[0])<<8 | int(data[1])
		}
		return nil, 0x9000
	case insReadBinary, insReadRecord:
		return c.read(b[4])
	case insTerminalProfile:
		c.profile = data
		return nil, 0x9000
	case insEnvelope:
		c.envelope = append(c.envelope, data)
		n := len(c.answer)
		switch {
		case n == 0:
			return nil, 0x9000
		case n == 2:
			return nil, int(c.answer[0])<<8 | int(c.answer[1])
		}
		c.rest = c.answer
		return nil, 0x6100 | (n - 2)
	case insGetResponse:
		n := len(c.rest) - 2
		return c.rest[:n], int(c.rest[n])<<8 | int(c.rest[n+1])
	case insFetch:
		if len(c.pending) == 0 || int(b[4]) != len(c.pending[0])&0xFF {
			return nil, 0x6F00
		}
		c.fetched = true
		return c.pending[0], 0x9000
	case insTerminalResponse:
		if int(b[4]) != len(data) {
			c.t.Errorf("TERMINAL RESPONSE says %d octets, has %d", b[4], len(data))
		}
		c.replies = append(c.replies, data)
		c.pending, c.fetched = c.pending[1:], false
		c.replied <- struct{}{}
		return nil, 0x9000
	case insStatus:
		c.status++
		return nil, 0x9000
	}
	return nil, 0x6D00
}

// read gives the wanted length away first, as cards do.
func (c *fakeCard) read(le byte) ([]byte, int) {
	files := map[int]string{
		fileICCID: "98140099999999999949", fileUST: "9EFF3F9DFF3E00",
		fileSMSP: strings.Repeat("FF", 12) + "FD" + strings.Repeat("FF", 12) + "0791947101670000FFFFFFFF" + "FFFFFF",
	}
	b := unhex(files[c.selected])
	if int(le) != len(b) {
		return nil, 0x6C00 | len(b)
	}
	return b, 0x9000
}

// wait returns the TERMINAL RESPONSE data after n responses.
func (c *fakeCard) wait(n int) []string {
	for range n {
		<-c.replied
	}
	return c.said()
}

func (c *fakeCard) envelopes() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([][]byte(nil), c.envelope...)
}

// count reads a counter of the card.
func (c *fakeCard) count(n *int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return *n
}

func (c *fakeCard) said() (out []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.replies {
		out = append(out, strings.ToUpper(hex.EncodeToString(r)))
	}
	return out
}

// patient are times that no slow machine lets pass.
var patient = Timeouts{Text: time.Hour, Input: time.Hour, Notice: time.Hour, Network: time.Hour}

// start switches a phone on, which waits for everybody as long as it takes,
// and off again at the end of the test.
func start(t *testing.T, o Options) *Handset {
	t.Helper()
	o.Timeouts = patient
	return startReal(t, o)
}

// startReal is start with the times of a real phone, for time that is fake.
func startReal(t *testing.T, o Options) *Handset {
	t.Helper()
	o.Number = number
	if o.Clock == nil {
		o.Clock = func() time.Time { return time.Date(2026, 11, 22, 18, 46, 38, 0, time.UTC) }
	}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Stop)
	return h
}

// until waits for a state, told by the phone's own changes.
func until(h *Handset, ok func(State) bool) State {
	changed := make(chan struct{}, 1)
	defer h.Changes(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})()
	for {
		if s := h.Snapshot(); ok(s) {
			return s
		}
		<-changed
	}
}

func onScreen(h *Handset) Screen {
	return *until(h, func(s State) bool { return s.Screen != nil }).Screen
}

func listen(t *testing.T) (*loopback.Network, loopback.DialFunc) {
	t.Helper()
	n := loopback.NewNetwork(loopback.NetworkOptions{})
	addr, err := n.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n, loopback.TCP(addr.String())
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v\nwant %v", what, got, want)
	}
}
