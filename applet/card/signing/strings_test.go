package signing

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/simsign/simsign/applet"
)

// TestStringTables: every language has every string, with the same places,
// short enough, and INT6.md lists them as they are.
//
// Supports: 3.6-1
func TestStringTables(t *testing.T) {
	page, err := os.ReadFile("../../INT6.md")
	if err != nil {
		t.Fatal(err)
	}
	for id := strTitle; id <= lastString; id++ {
		row := fmt.Sprintf("| %02X | %s |", byte(id), english()[id])
		for _, lang := range []string{"en", "fi", "de", "fr", "et"} {
			s := builtIn(lang)[id]
			screen, ok := applet.ScreenText(s)
			if s == "" || !ok || utf8.RuneCountInString(s) > maxStringChars {
				t.Errorf("%s %02X: %q", lang, byte(id), s)
			}
			if strings.Count(s, "%") != strings.Count(english()[id], "%") {
				t.Errorf("%s %02X: %q has not the places of the English string", lang, byte(id), s)
			}
			row += fmt.Sprintf(" %d", len(screen.Octets))
		}
		if !strings.Contains(string(page), row+" |\n") {
			t.Errorf("INT6.md does not have the line\n%s |", row)
		}
	}
}

// TestResultTable: INT6.md and the code agree on every result that the page
// names alone.
//
// Supports: 3.5.6-1
func TestResultTable(t *testing.T) {
	for result, want := range map[byte]applet.StatusWord{
		0x00: applet.StatusOK, 0x0F: applet.StatusOK, 0x10: 0x6401, 0x11: statusBack, 0x12: 0x6402, 0x13: statusHelp, 0x14: 0x6401,
		0x15: 0x6F00, 0x1F: 0x6F00, 0x20: 0x6403, 0x21: 0x6F00, 0x22: 0x6401, 0x23: 0x6401, 0x24: 0x6403, 0x2F: 0x6403,
		0x30: 0x6A81, 0x31: 0x6A81, 0x32: 0x6A81, 0x33: 0x6F00, 0x34: 0x6F00, 0x35: 0x6F00, 0x36: 0x6F00, 0xFF: 0x6F00,
	} {
		if got := statusOfResult(result); got != want {
			t.Errorf("%02X: %04X, want %04X", result, uint16(got), uint16(want))
		}
	}
}
