package main

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/applet/card"
	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

// patience bounds every wait for what must come: far longer than it takes on a
// busy machine.
const patience = 2 * time.Minute

// screenPipe is standard output that a test waits on.
type screenPipe struct {
	mu   sync.Mutex
	all  bytes.Buffer
	from int
	more chan struct{}
}

func (p *screenPipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all.Write(b)
	select {
	case p.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

// wait returns when text has come after what was waited for before.
func (p *screenPipe) wait(t *testing.T, text string) {
	t.Helper()
	late, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		p.mu.Lock()
		at := strings.Index(p.all.String()[p.from:], text)
		if at >= 0 {
			p.from += at + len(text)
		}
		p.mu.Unlock()
		if at >= 0 {
			return
		}
		select {
		case <-p.more:
		case <-late.Done():
			t.Fatalf("%q never came: %s", text, p.text())
		}
	}
}

// text is all that came until now.
func (p *screenPipe) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all.String()
}

type nobody struct{}

func (nobody) Deliver(context.Context, bearer.MO) error    { return nil }
func (nobody) Report(context.Context, bearer.Report) error { return nil }

func cardFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "card.test-only")
	key := ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{7}, 16)}
	c, err := card.Create(file, card.Options{Profile: card.Profile{
		ICCID: "8999012345678900001", IMSI: "999010123456789", TAR: ota.TAR{0xB0, 0, 0x51}, Active: true,
		KeySets: []card.KeySet{{KVN: 1, KIc: key, KID: ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{8}, 16)}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

// A person at a terminal: a message, the menu, a prompt, the switch.
func TestHandset(t *testing.T) {
	n := loopback.NewNetwork(loopback.NetworkOptions{})
	addr, err := n.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	service, err := loopback.Dial(t.Context(), addr.String(), "9000", nobody{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer service.Stop()
	in, keys := io.Pipe()
	out := &screenPipe{more: make(chan struct{}, 1)}
	code := make(chan int, 1)
	var stderr bytes.Buffer
	go func() {
		code <- run(t.Context(), []string{"handset", "--network", addr.String(), "--number", "+41791110001", "--card", cardFile(t)}, in, out, &stderr)
	}()
	typed := func(s string) {
		if _, err := io.WriteString(keys, s+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	out.wait(t, "[+41791110001, card 8999012345678900001: attached]")
	_, err = service.Submit(t.Context(), bearer.Segment{Dest: "41791110001", DCS: sms.DCSUCS2, UD: []byte{0x04, 0x16}})
	if err != nil {
		t.Fatal(err)
	}
	out.wait(t, "Message from 9000:\n  Ж\n")
	typed("/menu")
	out.wait(t, "  1  ")
	typed("hello")
	out.wait(t, "nothing to answer")
	typed("/menu 9")
	out.wait(t, "no item 9")
	typed("/menu 5")
	out.wait(t, "| ")
	out.wait(t, "Enter is OK")
	typed("/what")
	out.wait(t, "is no key")
	typed("")
	out.wait(t, "(screen is clear)")
	typed("/off")
	out.wait(t, ": off]")
	typed("/on")
	out.wait(t, ": attached]")
	typed("/quit")
	if got := <-code; got != exitOK || stderr.Len() > 0 {
		t.Errorf("exit code %d, stderr %s", got, &stderr)
	}
}

func TestHandsetUsage(t *testing.T) {
	for name, args := range map[string][]string{
		"number":  {"--network", "127.0.0.1:1", "--number", "0791110001", "--card", "x"},
		"network": {"--network", "192.0.2.1:1", "--number", "+41791110001", "--card", "x"},
		"port":    {"--network", "127.0.0.1", "--number", "+41791110001", "--card", "x"},
		"auto":    {"--network", "127.0.0.1:1", "--number", "+41791110001", "--card", "x", "--auto", "secret"},
		"missing": {},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			if got := run(t.Context(), append([]string{"handset"}, args...), strings.NewReader(""), io.Discard, &stderr); got != exitUsage {
				t.Errorf("exit code %d, want %d", got, exitUsage)
			}
			if !strings.Contains(stderr.String(), name) && name != "port" && name != "missing" {
				t.Errorf("stderr does not name the flag: %s", &stderr)
			}
		})
	}
	var stderr bytes.Buffer
	args := []string{"handset", "--network", "127.0.0.1:1", "--number", "+41791110001", "--card", filepath.Join(t.TempDir(), "none")}
	if got := run(t.Context(), args, strings.NewReader(""), io.Discard, &stderr); got != exitFailed || !strings.Contains(stderr.String(), "hint:") {
		t.Errorf("exit code %d: %s", got, &stderr)
	}
}

// A text from the card cannot drive the terminal.
func TestPrintable(t *testing.T) {
	if got := printable("a\x1b[2Jb\nc\u202Ed\u009b"); got != "a·[2Jb\nc·d·" {
		t.Errorf("%q", got)
	}
}

// A full inbox loses its oldest message; the new one is told all the same.
func TestNewMessages(t *testing.T) {
	u, inbox := &phoneUI{}, []handset.Message{{Text: "a"}, {Text: "b"}, {Text: "c"}}
	for i, want := range [][]handset.Message{inbox[:2], nil, inbox[2:], {{Text: "d"}}, {{Text: "e"}, {Text: "f"}}} {
		have := u.newMessages([][]handset.Message{inbox[:2], inbox[:2], inbox, {{Text: "b"}, {Text: "c"}, {Text: "d"}}, {{Text: "d"}, {Text: "e"}, {Text: "f"}}}[i])
		if !slices.Equal(have, want) {
			t.Errorf("step %d: %v, want %v", i, have, want)
		}
	}
}
