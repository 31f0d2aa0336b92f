package modem

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/ota/bearer"
)

// cut answers one command in its own way, n times; n < 0: always.
func cut(prefix string, n int, out string) func(string) string {
	return func(cmd string) string {
		if n == 0 || !strings.HasPrefix(cmd, "AT"+prefix) {
			return ""
		}
		n--
		return out
	}
}

// No answer is ever taken for that of another command: a late final code ends
// the session, and the next one begins in step.
func TestLateFinalCode(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		l.f.script(cut("+CSQ", 1, "\r\n+CSQ: 5,99\r\n")) // and no OK
		l.sleep(40 * time.Second)
		l.works(true)
		if got := l.Status().Info; got.Signal != -73 || got.Operator != "Example Mobile" || l.f.opens() != 2 {
			t.Errorf("%+v, opened %d times", got, l.f.opens())
		}
		l.f.say("\r\nOK\r\n") // nobody has asked
		l.works(false)
		l.sleep(5 * time.Second)
		l.works(true)
		l.want(1, nil)
		// Late answers of an earlier life arrive while we join.
		l.f.script(cut("E0V1Q0", 1, "\r\nERROR\r\n\r\nOK\r\n\r\nERROR\r\n\r\nOK\r\n"))
		l.f.hangUp()
		l.sleep(5 * time.Second)
		l.works(true)
		l.want(2, nil)
	})
}

// What the network may have is unknown; what it cannot have is busy.
//
// Supports: F15
func TestSendWithoutAnswer(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		l.f.script(cut("+CMGS", 1, silent))
		began := time.Now()
		l.want(1, bearer.ErrBusy) // no prompt
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("a prompt is waited for %v", d)
		}
		l.sleep(5 * time.Second)
		l.f.script(nil)
		l.f.network = func(string) string { return silent }
		began = time.Now()
		r := l.want(2, bearer.ErrUnknown) // the answer got lost
		if d := time.Since(began); r.MessageID != "" || r.Bearer != "usb0" || d != 90*time.Second {
			t.Errorf("%+v after %v", r, d)
		}
		l.sleep(5 * time.Second)
		l.works(true)
		// A report tells that the network had it.
		l.f.network = nil
		l.f.say("\r\n+CDS: 26\r\n" + status(t, 77, addressOf("41790000001"), 0, time.Now()) + "\r\n")
		if len(l.in.resolved) != 1 || l.in.resolved[0] != "2 true <nil>" || len(l.in.reports) != 1 || !l.in.reports[0].Delivered || !strings.HasPrefix(l.in.reports[0].MessageID, "77.") {
			t.Errorf("%q %+v", l.in.resolved, l.in.reports)
		}
		l.f.hangUp()
		l.want(3, bearer.ErrBusy)
	})
}

// Whoever stopped waiting hears of it by the Resolver.
func TestAbandoned(t *testing.T) {
	bubble(t, Options{Pace: time.Minute}, nil, func(l *lab) {
		l.f.network = func(string) string {
			go func() {
				l.sleep(20 * time.Second)
				l.f.say("\r\n+CMGS: 9\r\n\r\nOK\r\n")
			}()
			return silent
		}
		if _, err := l.send(1, 5*time.Second); !errors.Is(err, bearer.ErrUnknown) {
			t.Error(err)
		}
		if _, err := l.send(2, time.Second); !errors.Is(err, bearer.ErrBusy) {
			t.Error(err) // not its turn
		}
		l.sleep(30 * time.Second)
		if len(l.in.resolved) != 1 || l.in.resolved[0] != "1 true <nil>" || len(l.f.pdus) != 1 {
			t.Errorf("%q, %d sent", l.in.resolved, len(l.f.pdus))
		}
	})
}

func TestErrorCodes(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		for code, want := range map[string]error{
			"+CMS ERROR: 38": bearer.ErrUnknown, "+CMS ERROR: 47": bearer.ErrBusy, "+CMS ERROR: 42": bearer.ErrBusy, "+CMS ERROR: 21": bearer.ErrBusy, "+CMS ERROR: 322": bearer.ErrBusy,
			"+CMS ERROR: 28": bearer.ErrRefused, "+CMS ERROR: 143": bearer.ErrRefused, "+CMS ERROR 304": bearer.ErrRefused,
			"+CMS ERROR: 332": bearer.ErrUnknown, "+CMS ERROR: 500": bearer.ErrUnknown, "+CMS ERROR: 517": bearer.ErrUnknown, "ERROR": bearer.ErrUnknown, "COMMAND NOT SUPPORT": bearer.ErrUnknown,
			"+CMS ERROR: network busy": bearer.ErrUnknown,
		} {
			l.f.network = func(string) string { return "\r\n" + code + "\r\n" }
			if _, err := l.send(int64(len(code)*1000+int(code[len(code)-1])), time.Minute); !errors.Is(err, want) {
				t.Errorf("%s: %v", code, err)
			}
			l.f.network = nil
			l.want(1, nil)
		}
		if l.f.opens() != 1 {
			t.Errorf("opened %d times", l.f.opens())
		}
		// Before the prompt nothing has left, whatever the code says.
		l.f.script(cut("+CMGS", 1, "\r\n+CME ERROR: 515\r\n"))
		l.want(2, bearer.ErrBusy)
		// An unclear error does not come back for ever.
		l.f.network = func(string) string { return "\r\n+CMS ERROR: 500\r\n" }
		for i, want := range []error{bearer.ErrUnknown, bearer.ErrUnknown, bearer.ErrRefused} {
			if _, err := l.send(3, time.Minute); !errors.Is(err, want) {
				t.Errorf("attempt %d: %v", i+1, err)
			}
		}
		// A SIM that is gone ends the session.
		l.f.network = func(string) string { return "\r\n+CMS ERROR: 310\r\n" }
		l.want(4, bearer.ErrBusy)
		l.sleep(100 * time.Millisecond)
		l.works(false)
	})
}

// A modem that fails every message is reset in the end.
func TestLadder(t *testing.T) {
	bubble(t, Options{}, func(l *lab) {
		l.f.answer = cut("+CMGF=0", -1, "\r\nERROR\r\n")
	}, func(l *lab) {
		l.works(false)
		if p := l.Status().Problem; p != "modem refuses what it needs to be a bearer: AT+CMGF: ERROR" {
			t.Errorf("%q", p)
		}
		l.sleep(15 * time.Minute)
		if soft, hard := l.f.asked("+CFUN=0"), l.f.asked("+CFUN=1,1"); soft < 2 || hard < 2 {
			t.Errorf("%d soft resets, %d hard ones", soft, hard)
		}
		l.f.script(nil)
		l.sleep(2 * time.Minute)
		l.works(true)
		l.want(1, nil)
	})
}

func TestErrorToEverything(t *testing.T) {
	bubble(t, Options{PIN: "1234"}, func(l *lab) {
		l.f.answer = func(string) string { return "\r\nERROR\r\n" }
	}, func(l *lab) {
		l.sleep(20 * time.Second)
		if p := l.Status().Problem; p != `modem refuses what it needs to be a bearer: it answers AT with "ERROR"` {
			t.Errorf("%q", p)
		}
		if l.f.asked("+CPIN") != 0 {
			t.Error("a PIN was tried")
		}
	})
}

// Supports: F15
func TestSilenceAndNoise(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		l.f.script(cut("", -1, silent))
		l.sleep(40 * time.Second)
		l.works(false)
		if p := l.Status().Problem; !strings.HasPrefix(p, "modem does not answer") {
			t.Errorf("%q", p)
		}
		l.want(1, bearer.ErrBusy)
		l.f.script(nil)
		l.sleep(2 * time.Minute)
		l.works(true)
		l.f.say(strings.Repeat("\x00", 3000) + "\xff\xfe gar\x80bage \r\n}{\r\n^RSSI: 17\r\nRING\r\n+CLIP: \"x\"\r\n")
		l.works(true)
		l.want(2, nil)
		l.f.say(strings.Repeat("U", maxNoise+1))
		l.works(false)
		if p := l.Status().Problem; p != ErrNoise.Error() {
			t.Errorf("%q", p)
		}
		l.sleep(10 * time.Second)
		l.want(3, nil)
		l.f.say("\r\nRDY\r\n\r\nSMS Ready\r\n") // it has restarted, echo and all
		l.works(false)
		l.sleep(5 * time.Second)
		l.want(4, nil)
	})
}

// The PIN is tried once for a SIM, however often the program starts.
func TestPIN(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	for round := range 3 {
		bubble(t, Options{PIN: "1111", State: path}, func(l *lab) { l.f.pin = "2222" }, func(l *lab) {
			l.sleep(10 * time.Minute)
			l.works(false)
			if n := l.f.asked("+CPIN="); n > 1 || round > 0 && n > 0 || l.f.asked("+CFUN") != 0 {
				t.Errorf("round %d: %d attempts", round, n)
			}
			if p := l.Status().Problem; !strings.Contains(p, "without success") {
				t.Errorf("%q", p)
			}
		})
	}
	// Unlocked by hand, the note goes; then the right PIN is entered again.
	for _, pin := range []string{"", "1111", "1111"} {
		bubble(t, Options{PIN: "1111", State: path}, func(l *lab) { l.f.pin = pin }, func(l *lab) {
			l.sleep(5 * time.Second)
			l.works(true)
		})
	}
	for name, tc := range map[string]struct{ cmd, out, want string }{
		"PUK":       {"+CPIN?", ok("+CPIN: SIM PUK"), "it wants SIM PUK"},
		"last try":  {"+CPINR", ok("+CPINR: SIM PIN,1,3"), "only 1 attempts are left"},
		"no SIM":    {"+CPIN?", "\r\n+CME ERROR: 10\r\n", "no SIM is inserted"},
		"not ready": {"+CPIN?", "\r\n+CME ERROR: 14\r\n", "the SIM is not ready"},
		"in words":  {"+CPIN?", ok("+CPIN: NOT READY"), "what it needs to be a bearer: the SIM is not ready"},
	} {
		bubble(t, Options{PIN: "1111"}, func(l *lab) {
			l.f.pin, l.f.answer = "1111", cut(tc.cmd, -1, tc.out)
		}, func(l *lab) {
			l.sleep(busySIM * time.Second)
			if p := l.Status().Problem; !strings.Contains(p, tc.want) || l.f.asked("+CPIN=") != 0 {
				t.Errorf("%s: %q", name, p)
			}
		})
	}
	// A SIM that is busy for a while is waited for, without a reset.
	busy := 8
	bubble(t, Options{PIN: "1111"}, func(l *lab) {
		l.f.pin = "1111"
		l.f.answer = cut("+CPIN?", busy, "\r\n+CME ERROR: 14\r\n")
	}, func(l *lab) {
		l.sleep(busySIM * time.Second)
		l.works(true)
		if l.f.opens() != 1 || l.f.asked("+CPIN=") != 1 {
			t.Errorf("opened %d times, %d attempts", l.f.opens(), l.f.asked("+CPIN="))
		}
	})
	bubble(t, Options{}, func(l *lab) { l.f.pin = "1111" }, func(l *lab) {
		if p := l.Status().Problem; !strings.Contains(p, "none is configured") {
			t.Errorf("%q", p)
		}
	})
}

func TestLostNetwork(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		l.f.script(func(cmd string) string {
			if cmd == "AT+CREG?" {
				return ok("+CREG: 1,2")
			}
			return ""
		})
		l.f.say("\r\n+CREG: 2\r\n")
		l.works(true)
		l.want(1, bearer.ErrBusy)
		if p := l.Status().Problem; l.Attached() || p != "modem is in no network: searching for a network" {
			t.Errorf("attached without network: %q", p)
		}
		l.sleep(time.Hour)
		if l.f.asked("+CFUN=0") == 0 || l.f.asked("+CFUN=1,1") == 0 {
			t.Error("not reset, softly and then for good")
		}
		l.f.script(nil)
		l.sleep(2 * time.Minute)
		l.want(1, nil)
	})
}

// A modem that answers +CREG? behind its OK is asked no more often than others.
func TestLateRegistration(t *testing.T) {
	bubble(t, Options{}, func(l *lab) {
		l.f.answer = cut("+CREG?", -1, "\r\nOK\r\n\r\n+CREG: 0,1\r\n")
	}, func(l *lab) {
		l.sleep(time.Minute)
		if n := l.f.asked("+CREG?"); n > 3 || !l.Attached() {
			t.Errorf("asked %d times, %+v", n, l.Status())
		}
		l.want(1, nil)
	})
}

// A final code that is later than the pause after the first AT puts every
// answer behind by one: that is seen before a message is read.
func TestLateAtStart(t *testing.T) {
	bubble(t, Options{}, func(l *lab) {
		l.f.put("SM", 1, deliver(t, answer(1)))
		l.f.put("SM", 2, deliver(t, answer(2)))
		late := ok()
		l.f.answer = func(cmd string) string {
			switch {
			case cmd == "ATE0V1Q0" && l.f.opened > 1:
				late = ""
			case cmd != "ATE0V1Q0" && late != "":
				out := late
				late = l.f.decent(cmd)
				if cmd == "AT+COPS?" { // the modem is a moment behind
					last, conn := late, l.f.conn
					late = ""
					time.AfterFunc(50*time.Millisecond, func() { io.WriteString(conn, last) }) // the session may have ended
				}
				return out
			}
			return ""
		}
	}, func(l *lab) {
		l.sleep(10 * time.Second)
		l.works(true)
		if n, _ := l.in.got(); n != 2 || l.f.opens() != 2 || l.f.asked("+CMGL") != 2 {
			t.Errorf("%d delivered, opened %d times, listed %d times", n, l.f.opens(), l.f.asked("+CMGL"))
		}
	})
}
