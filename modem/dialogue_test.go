package modem

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/ota/bearer"
)

// What a modem without surprises is asked, in this order, at the start and every
// half minute. No +CPIN, no +CNMA, no text mode, nothing is deleted.
func TestCommands(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		check := func(what, want string) {
			l.f.mu.Lock()
			defer l.f.mu.Unlock()
			if got := strings.ReplaceAll(strings.Join(l.f.cmds, " "), "AT", ""); got != want {
				t.Errorf("%s:\n%s, want\n%s", what, got, want)
			}
			l.f.cmds = nil
		}
		check("at the start", `E0V1Q0 +CMEE=1 +CGMI +CGMM +CGMR +CGSN +CCID +CPIN? +CMGF=0 +CSMS=0 +CREG=1 +CEREG=1 +CMMS=2 `+
			`+CPMS=? +CPMS="SM","SM","SM" +CNMI=? +CNMI=2,1,0,1,0 +CSCA? +CREG? +CSQ +COPS? +CMGL=4 +CPMS? +CPMS="ME" +CMGL=4 +CPMS?`)
		l.sleep(30 * time.Second)
		check("every half minute", `+CREG? +CSQ +COPS? +CMGF? +CNMI? +CPMS="SM" +CMGL=4 +CPMS? +CPMS="ME" +CMGL=4 +CPMS?`)
	})
}

// A port that cannot be opened is tried again after 1 s, and each time after
// twice as long, at most a minute.
func TestPauses(t *testing.T) {
	bubble(t, Options{}, func(l *lab) { l.f.open = errors.New("nothing there") }, func(l *lab) {
		l.sleep(-2 * time.Second) // no time passes: begin has slept as long
		at := 2 * time.Second
		opened := l.f.opens
		for i, when := range []time.Duration{3, 7, 15, 31, 63, 123, 183} {
			when *= time.Second
			l.sleep(when - at - time.Millisecond)
			if n := opened(); n != i+2 {
				t.Errorf("before %v: opened %d times, want %d", when, n, i+2)
			}
			l.sleep(2 * time.Millisecond)
			if n := opened(); n != i+3 {
				t.Errorf("after %v: opened %d times, want %d", when, n, i+3)
			}
			at = when + time.Millisecond
		}
	})
	for useless, want := range []recovery{reopen, reopen, reopen, softReset, reopen, hardReset, reopen, softReset, reopen, hardReset} {
		if got := recoveryAfter(useless); got != want {
			t.Errorf("after %d: %d, want %d", useless, got, want)
		}
	}
}

// Ten submissions in a row that fail for no fault of theirs, and the modem is
// taken for out of order; one that goes out in between, or is refused for a
// fault of its own, ends the row.
func TestFailedSends(t *testing.T) {
	for _, tc := range []struct {
		answers string // one letter for each: busy, good, refused
		ends    bool
	}{
		{"bbbbbbbbb", false},
		{"bbbbbbbbbb", true},
		{"bbbbbbbbbgb", false},
		{"bbbbbbbbbrb", false},
		{"gbbbbbbbbbb", true},
	} {
		bubble(t, Options{}, nil, func(l *lab) {
			n := 0
			l.f.network = func(string) string {
				n++
				return map[byte]string{'b': "\r\n+CMS ERROR: 42\r\n", 'g': "\r\n+CMGS: 7\r\n\r\nOK\r\n", 'r': "\r\n+CMS ERROR: 1\r\n"}[tc.answers[n-1]]
			}
			for i, c := range tc.answers {
				l.want(int64(i), map[rune]error{'b': bearer.ErrBusy, 'g': nil, 'r': bearer.ErrRefused}[c])
			}
			l.sleep(time.Millisecond)
			l.works(!tc.ends)
		})
	}
}

// A message whose report nobody has asked for is not remembered; one whose
// fate is unknown is, whatever was asked for.
func TestReportNotAskedFor(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		seg := packet(1)
		seg.Report = false
		if _, err := l.Submit(l.Context(), seg); err != nil {
			t.Error(err)
		}
		if !strings.HasPrefix(l.f.pdus[0], "0041") || len(l.state.data.Sent) != 0 {
			t.Errorf("%q, remembered %+v", l.f.pdus, l.state.data.Sent)
		}
		l.f.network = func(string) string { return "\r\nERROR\r\n" }
		if _, err := l.Submit(l.Context(), seg); !errors.Is(err, bearer.ErrUnknown) {
			t.Error(err)
		}
		if s := l.state.data.Sent; len(s) != 1 || s[0].MR != -1 || s[0].ID != "" {
			t.Errorf("remembered %+v", s)
		}
		// A reference that is none cannot be reported either.
		l.f.network = func(string) string { return "\r\n+CMGS: 256\r\n\r\nOK\r\n" }
		seg.Report = true
		if r, err := l.Submit(l.Context(), seg); err != nil || r.MessageID != "" || l.state.data.Sent[1].MR != -1 {
			t.Errorf("%+v, %v, remembered %+v", r, err, l.state.data.Sent)
		}
		l.f.network = func(string) string { return "\r\n+CMGS: 255\r\n\r\nOK\r\n" }
		if r, err := l.Submit(l.Context(), seg); err != nil || !strings.HasPrefix(r.MessageID, "255.") || l.state.data.Sent[2].MR != 255 {
			t.Errorf("%+v, %v, remembered %+v", r, err, l.state.data.Sent)
		}
	})
}

// Of a list only what was received is ours: <stat> 2 and 3 are messages that
// somebody else has written there (TS 27.005 3.1).
func TestWrittenMessagesStay(t *testing.T) {
	for stat, gone := range map[int]bool{0: true, 1: true, 2: false, 3: false} {
		bubble(t, Options{}, func(l *lab) {
			p := deliver(t, answer(1))
			l.f.put("SM", 4, p)
			l.f.answer = func(cmd string) string {
				if cmd == "AT+CMGL=4" && l.f.mem == "SM" && len(l.f.store["SM"]) > 0 {
					return ok(fmt.Sprintf("+CMGL: 4,%d,,%d", stat, tpduLen(p)), p)
				}
				return ""
			}
		}, func(l *lab) {
			if n, _ := l.in.got(); (n == 1) != gone || l.f.asked("+CMGD=4") != n {
				t.Errorf("<stat> %d: %d delivered, %q", stat, n, l.f.cmds)
			}
		})
	}
}

// Registered for one kind of network is enough (+CEREG, TS 27.007 10.1.22), and
// a modem that has none says so.
func TestRegisteredElsewhere(t *testing.T) {
	for _, tc := range []struct {
		creg, cereg, cops string
		attached          bool
		stat              int
		operator          string
	}{
		{"+CREG: 1,1", "+CEREG: 1,0", `+COPS: 0,0,"Example",7`, true, 1, "Example"},
		{"+CREG: 1,0", "+CEREG: 1,5", `+COPS: 0,2,"99901"`, true, 5, "99901"},
		{"+CREG: 1,2", "+CEREG: 1,2", "+COPS: 0", false, 2, ""},
		{"+CREG: 1,2", "ERROR", `+COPS: 0,0`, false, 2, ""},
		{"+CREG: 1,1", "+CEREG: 1,0", `+COPS: 0,0,"` + strings.Repeat("x", 41) + `"`, true, 1, strings.Repeat("x", 40)},
	} {
		bubble(t, Options{}, func(l *lab) {
			l.f.answer = func(cmd string) string {
				switch {
				case cmd == "AT+CREG?":
					return ok(tc.creg)
				case cmd == "AT+CEREG?" && tc.cereg == "ERROR":
					return "\r\nERROR\r\n"
				case cmd == "AT+CEREG?":
					return ok(tc.cereg)
				case cmd == "AT+COPS?":
					return ok(tc.cops)
				}
				return ""
			}
		}, func(l *lab) {
			if c := l.Status().Info; l.Attached() != tc.attached || c.Registration != tc.stat || c.Operator != tc.operator {
				t.Errorf("%+v: attached %v, %+v", tc, l.Attached(), c)
			}
		})
	}
}

// The address of the service centre is written where the SIM has none (TS
// 27.005 3.3.1), and nowhere else.
func TestServiceCentre(t *testing.T) {
	for said, want := range map[string]string{
		`+CSCA: "",129`:             "+41790000001",
		`+CSCA: "+41790000099",145`: "+41790000099",
	} {
		bubble(t, Options{SMSC: "41790000001"}, func(l *lab) {
			l.f.answer = func(cmd string) string {
				switch cmd {
				case "AT+CSCA?":
					return ok(said)
				case `AT+CSCA="+41790000001",145`:
					return ok()
				}
				return ""
			}
		}, func(l *lab) {
			written := l.f.asked(`+CSCA="+41790000001",145`)
			if got := l.Status().Info.SMSC; got != want || written != 1 && got == "+41790000001" || written != 0 && got != "+41790000001" {
				t.Errorf("%s: %q, written %d times", said, got, written)
			}
		})
	}
}

// The PIN is tried while two attempts are left, and no more (TS 27.007 8.65); then
// the SIM has ten seconds to become ready.
func TestLastAttempts(t *testing.T) {
	for _, tc := range []struct {
		cpinr string
		tried int
	}{
		{"+CPINR: SIM PIN,3,3", 1},
		{"+CPINR: SIM PIN,2,3", 1},
		{"+CPINR: SIM PIN,1,3", 0},
		{"+CPINR: SIM PIN,0,3", 0},
		{"+CPINR: SIM PUK,1,10", 1}, // does not say
		{"+CPINR: SIM PUK2,1,10", 1},
	} {
		bubble(t, Options{PIN: "1111"}, func(l *lab) {
			l.f.pin, l.f.answer = "1111", cut("+CPINR", -1, ok("+CPINR: SIM PUK,10,10", tc.cpinr))
		}, func(l *lab) {
			l.works(tc.tried == 1)
			if n := l.f.asked("+CPIN="); n != tc.tried {
				t.Errorf("%s: tried %d times", tc.cpinr, n)
			}
		})
	}
	for seconds, works := range map[int]bool{9: true, 10: false} {
		bubble(t, Options{PIN: "1111"}, func(l *lab) {
			l.f.pin = "1111"
			var since time.Time
			l.f.answer = func(cmd string) string {
				switch {
				case cmd == `AT+CPIN="1111"`:
					since = time.Now()
				case cmd == "AT+CPIN?" && !since.IsZero() && time.Since(since) < time.Duration(seconds)*time.Second:
					return ok("+CPIN: SIM PIN")
				}
				return ""
			}
		}, func(l *lab) {
			l.sleep(8500 * time.Millisecond)
			l.works(works)
		})
	}
}

// Huawei modems are told to be quiet; and stored status reports are looked for
// in their own memory.
func TestVendors(t *testing.T) {
	bubble(t, Options{}, func(l *lab) {
		l.f.answer = func(cmd string) string {
			switch cmd {
			case "AT+CGMI":
				return ok(`+CGMI: "HUAWEI Technologies " `)
			case "AT+CGMM":
				return ok(strings.Repeat("x", 61))
			case "AT^CURC=0":
				return ok()
			case "AT+CNMI=2,1,0,1,0":
				return "\r\n+CMS ERROR: 302\r\n"
			}
			return ""
		}
	}, func(l *lab) {
		if c := l.Status().Info; l.f.asked("^CURC=0") != 1 || c.Manufacturer != "HUAWEI Technologies" || c.Model != strings.Repeat("x", 60) {
			t.Errorf("%+v, %q", c, l.f.cmds)
		}
		if l.f.asked(`+CPMS="SR"`) != 1 || l.Status().Info.Indications[3] != 2 {
			t.Errorf("%q", l.f.cmds)
		}
	})
	bubble(t, Options{}, nil, func(l *lab) {
		if l.f.asked("^CURC") != 0 || l.f.asked(`+CPMS="SR"`) != 0 {
			t.Errorf("%q", l.f.cmds)
		}
	})
}

// An answer that does not end is no answer, of whatever lines it is made.
func TestEndlessAnswer(t *testing.T) {
	for cmd, line := range map[string]string{"AT+CGMI": "ACME", "AT+CMGL=4": "0011", "AT+COPS?": "+COPS: 0", "AT+CGMM": "0011"} {
		for n, works := range map[int]bool{maxWaiting: true, maxWaiting + 1: false} {
			bubble(t, Options{}, func(l *lab) {
				l.f.answer = func(c string) string {
					if c == cmd && l.f.opened == 1 {
						return strings.Repeat("\r\n"+line, n) + "\r\n\r\nOK\r\n"
					}
					return ""
				}
			}, func(l *lab) {
				if (l.f.opens() == 1) != works {
					t.Errorf("%d lines of %s: opened %d times", n, line, l.f.opens())
				}
				l.n.want(t, map[string]int{"end noise": l.f.opens() - 1})
			})
		}
	}
}

// Octets and lines that mean nothing are counted; indications are not.
func TestNoise(t *testing.T) {
	for said, want := range map[string]int{
		"\r\nRING\r\n": 1, "\r\nNO CARRIER\r\n": 1, "\r\nVOICE CALL: BEGIN\r\n": 1, "\r\n0011\r\n": 1, "\r\n> ": 1, "\x00\x00\x80": 3,
		"\r\n^RSSI: 18\r\n": 0, "\r\n+CGREG: 1\r\n": 0, "\r\n\r\n  \r\n": 0, "\r\n" + strings.Repeat("x", maxLine+1) + "\r\n": 1,
	} {
		bubble(t, Options{}, nil, func(l *lab) {
			l.n.mu.Lock()
			before := l.n.counts["noise"]
			l.n.mu.Unlock()
			l.f.say(said)
			l.works(true)
			l.n.want(t, map[string]int{"noise": before + want})
		})
	}
}

// A session that has worked for a minute begins the pauses anew; a shorter one
// does not, unless the modem has restarted, or its port is gone.
func TestPausesAfterWork(t *testing.T) {
	for _, tc := range []struct {
		worked time.Duration
		end    string
		anew   bool
	}{
		{50 * time.Second, "\r\nOK\r\n", false}, // nobody has asked
		{70 * time.Second, "\r\nOK\r\n", true},
		{10 * time.Second, "\r\nRDY\r\n", true},
		{10 * time.Second, "", true},
	} {
		bubble(t, Options{}, nil, func(l *lab) {
			for n := range 4 {
				l.sleep(tc.worked)
				l.works(true)
				before := l.f.opens()
				if tc.end == "" {
					l.f.hangUp()
				} else {
					l.f.say(tc.end)
				}
				pause := time.Second
				if !tc.anew {
					pause <<= n
				}
				l.sleep(pause - time.Millisecond)
				first := l.f.opens()
				l.sleep(2 * time.Millisecond)
				if first != before || l.f.opens() != before+1 {
					t.Errorf("%q after %v, end %d: opened %d times before %v, %d after", tc.end, tc.worked, n+1, first-before, pause, l.f.opens()-before)
				}
			}
		})
	}
}

// What a port says of itself.
func TestPortErrors(t *testing.T) {
	if err := error(noPort{}); !errors.Is(err, errPort) || errors.Is(err, ErrHeld) || errors.Is(err, io.EOF) {
		t.Error("a port that cannot be opened is not the same as one that is gone")
	}
	for _, r := range reasons {
		if got := endReason(fmt.Errorf("because: %w", r.err)); got != r.name {
			t.Errorf("%v is %q", r.err, got)
		}
	}
	if got := endReason(io.EOF); got != "other" {
		t.Errorf("EOF is %q", got)
	}
}
