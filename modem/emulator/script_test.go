package emulator_test

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/simsign/simsign/modem/emulator"
	"github.com/simsign/simsign/ota/bearer/loopback"
)

// TestScripts runs the dialogues in testdata/scripts. A line that begins with
// "> " is written as it is, one with "< " is what comes next; both are Go
// strings without their quotes. "! NAME" does something to the modem. In a
// script of the network "@< " is what it hears, and "@> " what it says; in one
// of the card "c< " is the next APDU that it has, and "c> APDU ANSWER" what it
// will answer to the next one that begins so, in the place of 9000.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/scripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			script, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer script.Close()
			o, w := emulator.Options{SM: 3, ME: 3, AckPDU: strings.Contains(name, "ackpdu")}, newWire(t)
			if o.Dial = w.dial; !strings.Contains(name, "network") {
				_, f := newNetwork(t)
				o.Dial = loopback.TCP(f.addr)
			}
			if strings.Contains(name, "pin") {
				o.PIN = "1234"
			}
			var card chip
			switch o.HostToolkit = strings.Contains(name, "host"); {
			case strings.Contains(name, "chip"):
				o.Card = &card
			case strings.Contains(name, "empty"):
				o.Card = emptySlot
			}
			h := newModem(t, o)
			if o.PIN == "" && o.Card != emptySlot {
				h.fresh()
			}
			for line, s := 1, bufio.NewScanner(script); s.Scan(); line++ {
				text := s.Text()
				if text == "" || text[0] == '#' {
					continue
				}
				verb, arg, _ := strings.Cut(text, " ")
				arg, err := strconv.Unquote(`"` + strings.ReplaceAll(arg, `"`, `\"`) + `"`)
				if err != nil {
					t.Fatalf("line %d: %v", line, err)
				}
				switch verb {
				case ">":
					h.write(arg)
				case "<":
					if got := h.until(arg); got != arg {
						t.Fatalf("line %d: got %q, want %q", line, got, arg)
					}
				case "!":
					act(t, h, arg)
				case "c<":
					card.heard(t, arg)
				case "c>":
					card.will(t, arg)
				case "@<":
					w.hears(arg)
				case "@>":
					w.say(arg)
				default:
					t.Fatalf("line %d: %q", line, text)
				}
			}
		})
	}
}

func act(t *testing.T, h *host, what string) {
	switch what {
	case "registered":
		h.registered()
	case "reboot":
		h.m.Reboot()
	case "fill SM":
		h.m.Fill("SM")
	case "fill ME":
		h.m.Fill("ME")
	case "lost":
		h.m.SetRegistered(false)
	case "found":
		h.m.SetRegistered(true)
	case "tries 3 10", "tries 0 0":
		if pin, puk := h.m.PINTries(); fmt.Sprint("tries ", pin, " ", puk) != what {
			t.Errorf("%s: %d and %d are left", what, pin, puk)
		}
	case "signal 7":
		h.m.SetSignal(7)
	case "silent":
		h.m.SetSilent(true)
	case "speaks":
		h.m.SetSilent(false)
	case "errors":
		h.m.SetErrors(true)
	default:
		tpdu, found := strings.CutPrefix(what, "receive ")
		b, err := hex.DecodeString(tpdu)
		if !found || err != nil {
			t.Fatalf("unknown action %q", what)
		}
		h.m.Receive(b)
	}
}
