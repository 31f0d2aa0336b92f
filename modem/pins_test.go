package modem

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A SIM has one attempt, wherever it shows up and whatever the modem says of
// it: after a restart, at another port with another PIN, without its ICCID.
func TestPINOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pins")
	noICCID := func(cmd string) string {
		if strings.Contains(cmd, "CCID") || strings.HasPrefix(cmd, "AT+CRSM") {
			return "\r\n+CME ERROR: 14\r\n"
		}
		return ""
	}
	other := func(iccid, imei string) func(string) string {
		return func(cmd string) string {
			switch {
			case cmd == "AT+CCID" && iccid != "":
				return ok("+CCID: " + iccid)
			case cmd == "AT+CGSN" && imei != "":
				return ok(imei)
			}
			return ""
		}
	}
	const third, fourth = "8946012345678909993", "8946012345678909994"
	for _, step := range []struct {
		name    string
		answer  func(string) string
		pin     string // of the SIM; "1111" is what is configured
		tries   int
		working bool
	}{
		{"refused", nil, "2222", 1, false},
		{"again", nil, "2222", 0, false},
		{"its ICCID cannot be read", noICCID, "2222", 0, false},
		{"in another modem", other("", "356938035643000"), "2222", 0, false},
		{"another SIM", other("8946012345678905555", ""), "1111", 1, true},
		{"the first again", nil, "2222", 0, false},
		{"unlocked by hand", nil, "", 0, true},
		{"and its PIN is right now", nil, "1111", 1, true},
		// The attempt was made when the ICCID could not be read.
		{"without ICCID", noICCID, "2222", 1, false},
		{"now it can be read", other(third, ""), "2222", 0, false},
		{"unlocked", other(third, ""), "", 0, true},
		{"tried", other(fourth, ""), "1111", 1, true},
	} {
		pins, err := OpenPINs(path)
		if err != nil {
			t.Fatal(err)
		}
		bubble(t, Options{PIN: "1111", PINs: pins}, func(l *lab) { l.f.pin, l.f.answer = step.pin, step.answer }, func(l *lab) {
			l.sleep(10 * time.Minute)
			if n := l.f.asked("+CPIN="); n != step.tries || (l.Status().Phase == Working) != step.working {
				t.Errorf("%s: %d attempts, %+v", step.name, n, l.Status())
			}
		})
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPINs(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a damaged file: %v", err)
	}
}

// What cannot be noted is not tried.
func TestPINNotNoted(t *testing.T) {
	pins, err := OpenPINs(filepath.Join(t.TempDir(), "missing", "pins"))
	if err != nil {
		t.Fatal(err)
	}
	bubble(t, Options{PIN: "1111", PINs: pins}, func(l *lab) { l.f.pin = "1111" }, func(l *lab) {
		l.sleep(time.Minute)
		if p := l.Status().Problem; l.f.asked("+CPIN=") != 0 || !strings.Contains(p, "cannot be noted") {
			t.Errorf("%q, %d attempts", p, l.f.asked("+CPIN="))
		}
	})
}
