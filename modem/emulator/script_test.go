package emulator_test

import (
	"bufio"
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
// strings without their quotes. "! NAME" does something to the modem.
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
			_, f := newNetwork(t)
			h := newModem(t, emulator.Options{Dial: loopback.TCP(f.addr), PIN: pinOf(name), SM: 3, ME: 3})
			if pinOf(name) == "" {
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
				default:
					t.Fatalf("line %d: %q", line, text)
				}
			}
		})
	}
}

func pinOf(name string) string {
	if strings.Contains(name, "pin") {
		return "1234"
	}
	return ""
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
	case "errors":
		h.m.SetErrors(true)
	default:
		t.Fatalf("unknown action %q", what)
	}
}
