package modem

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/ota/sms"
)

func addressOf(n string) sms.Address { return sms.AddressOf(sms.MSISDN(n)) }

// answer is a card's answer as a phone sends it: PID 00, DCS 04, IE 71.
func answer(n byte) sms.Deliver {
	return sms.Deliver{DCS: 4, UDH: []byte{2, 0x71, 0}, UD: []byte{0, n, 0x0A}}
}

// Stored first, deleted then.
func TestReceiveStored(t *testing.T) {
	bubble(t, Options{}, func(l *lab) {
		l.f.put("SM", 1, deliver(t, answer(1)))
		l.f.put("ME", 7, deliver(t, answer(2)))
	}, func(l *lab) {
		if n, _ := l.in.got(); n != 2 || l.f.stored() != 0 {
			t.Fatalf("%d delivered, %d left", n, l.f.stored())
		}
		if mo := l.in.mos[0]; mo.Source != "41790000001" || mo.PID != 0 || mo.DCS != 4 || hex.EncodeToString(mo.UDH) != "027100" || hex.EncodeToString(mo.UD) != "00010a" || mo.Bearer != "usb0" || mo.ReceivedAt.IsZero() || time.Since(mo.ReceivedAt) > time.Minute {
			t.Errorf("%+v", mo)
		}
		listed := l.f.asked("+CMGL")
		l.f.put("SM", 3, deliver(t, answer(3)))
		l.f.say("\r\n+CMTI: \"SM\",3\r\n")
		if n, _ := l.in.got(); n != 3 || l.f.stored() != 0 {
			t.Errorf("%d delivered, %d left", n, l.f.stored())
		}
		if l.f.asked("+CMGR=3") != 1 || l.f.asked("+CMGD=3") != 1 || l.f.asked("+CMGL") != listed {
			t.Errorf("one message is announced: %q", l.f.cmds)
		}
		// Announced in the wrong memory, nowhere, or not at all.
		for i, said := range []string{"+CMTI: \"SM\",9", "+CMTI: ,-1", "+CMTI: \"XX\",1", "^SMMEMFULL: \"ME\"", ""} {
			l.f.put("ME", 9, deliver(t, answer(byte(i))))
			l.f.say("\r\n" + said + "\r\n")
			if said == "" { // the others are looked for at once
				l.sleep(31 * time.Second)
			}
			if n, _ := l.in.got(); n != 4+i || l.f.stored() != 0 {
				t.Errorf("%s: %d delivered, %d left", said, n, l.f.stored())
			}
		}
		// The Inbox cannot: the message stays, and comes again.
		l.in.fail(errors.New("disk full"))
		l.f.put("SM", 1, deliver(t, answer(8)))
		l.f.say("\r\n+CMTI: \"SM\",1\r\n")
		l.sleep(2 * time.Minute)
		if l.f.stored() != 1 || l.f.opens() != 1 {
			t.Errorf("%d left, opened %d times", l.f.stored(), l.f.opens())
		}
		l.want(1, nil) // and nothing stops
		l.in.fail(nil)
		l.sleep(time.Minute)
		if n, _ := l.in.got(); n != 9 || l.f.stored() != 0 {
			t.Errorf("%d delivered, %d left", n, l.f.stored())
		}
		// It cannot be deleted: it is not delivered twice, not even in the next session.
		l.f.script(cut("+CMGD", 4, "\r\n+CMS ERROR: 320\r\n"))
		l.f.put("SM", 2, deliver(t, answer(9)))
		l.sleep(time.Minute)
		l.f.hangUp()
		l.sleep(5 * time.Minute)
		if n, _ := l.in.got(); n != 10 || l.f.stored() != 0 {
			t.Errorf("%d delivered, %d left", n, l.f.stored())
		}
	})
}

// A text is the same again, whatever its last character is.
func TestReceiveText(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		want := []string{"@", "1234567", "123456@", "12345678", "1234567@", "123456789012345", "12345678901234@", "1234567890123456", "123456789012345@"}
		for i, text := range want {
			parts, err := sms.EncodeText(text, sms.TextOptions{})
			if err != nil || len(parts) != 1 {
				t.Fatalf("%q: %d parts, %v", text, len(parts), err)
			}
			l.f.put("SM", i+1, deliver(t, sms.Deliver{DCS: parts[0].DCS, UD: parts[0].UD, Septets: parts[0].Septets}))
			l.f.say(fmt.Sprintf("\r\n+CMTI: \"SM\",%d\r\n", i+1))
		}
		if n, _ := l.in.got(); n != len(want) {
			t.Fatalf("%d texts, want %d", n, len(want))
		}
		for i, mo := range l.in.mos {
			if got, err := sms.DecodeText(mo.DCS, mo.UDH, mo.UD, mo.Septets); got != want[i] || err != nil {
				t.Errorf("%q became %q, %v", want[i], got, err)
			}
		}
	})
}

// Indications between any two lines belong to nobody's answer.
func TestReceiveDirect(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		cmt := func(n byte) string {
			p := deliver(t, answer(n))
			return fmt.Sprintf("\r\n+CMT: ,%d\r\n\r\n%s\r\n", tpduLen(p), p)
		}
		l.f.script(func(cmd string) string {
			switch cmd {
			case "AT+CSQ":
				return cmt(1) + "\r\n+CSQ: 10,99\r\n" + cmt(2) + "^RSSI: 3\r\n\r\nOK\r\n"
			case "AT+CPMS?":
				return "\r\n+CMT: ,20\r\n" + ok(`+CPMS: "SM",3,20`) // its PDU got lost
			}
			return ""
		})
		l.f.network = func(string) string { return cmt(3) + "\r\n+CMGS: 5\r\n" + cmt(4) + "\r\nOK\r\n" }
		if r := l.want(1, nil); !strings.HasPrefix(r.MessageID, "5.") {
			t.Errorf("%+v", r)
		}
		l.sleep(31 * time.Second)
		l.works(true)
		if n, _ := l.in.got(); n != 4 || l.f.opens() != 1 || l.Status().Info.Signal != -93 {
			t.Errorf("%d delivered, opened %d times, %+v", n, l.f.opens(), l.Status())
		}
		for i, mo := range l.in.mos {
			if want := []byte{3, 4, 1, 2}[i]; mo.UD[1] != want {
				t.Errorf("message %d is %d", i, mo.UD[1])
			}
		}
		// Nobody stored it: we keep it until the Inbox takes it.
		l.f.script(nil)
		l.in.fail(errors.New("disk full"))
		l.f.say(cmt(6))
		l.sleep(2 * time.Minute)
		l.in.fail(nil)
		l.sleep(time.Minute)
		if n, _ := l.in.got(); n != 5 {
			t.Errorf("%d delivered", n)
		}
	})
}

// What cannot be read is kept as it is, and stops nothing.
func TestUnreadable(t *testing.T) {
	bad := []string{
		"00", "0", "07914497", "zz", "00FF", "0004",
		"00040B911497000000F1007F62112201000000FF00", // UDL beyond the end
		deliver(t, sms.Deliver{Originator: sms.Address{TON: 5, Number: "Operator"}, UD: []byte{0x31}, Septets: 1}),
		"0044" + deliver(t, answer(1))[4:30],
	}
	put := func(l *lab) {
		for i, p := range bad {
			l.f.put("SM", i+1, p)
		}
		l.f.put("SM", len(bad)+1, deliver(t, answer(1)))
	}
	bubble(t, Options{}, put, func(l *lab) {
		l.sleep(5 * time.Minute)
		l.works(true)
		if n, _ := l.in.got(); n != 1 || l.f.stored() != len(bad) {
			t.Errorf("%d delivered, %d of %d kept in the modem", n, l.f.stored(), len(bad))
		}
		l.want(1, nil)
	})
	var kept []Raw
	bubble(t, Options{Keep: func(r Raw) error { kept = append(kept, r); return nil }}, put, func(l *lab) {
		if n, _ := l.in.got(); n != 1 || l.f.stored() != 0 || len(kept) != len(bad) {
			t.Errorf("%d delivered, %d left, %d kept", n, l.f.stored(), len(kept))
		}
		for _, r := range kept {
			if !slices.Contains(bad, r.PDU) || r.Cause == nil || r.Modem != "usb0" {
				t.Errorf("%+v", r)
			}
		}
		l.f.say("\r\n+CMT: ,30\r\nNOT A PDU\r\n")
		if len(kept) != len(bad)+1 {
			t.Error("what came directly is not kept")
		}
	})
}

// Codings that others refuse are delivered: the octets are what counts.
func TestOddCodings(t *testing.T) {
	for name, pdu := range map[string]string{
		"reserved DCS":     "00040B911497000000F100846211220100000003010203",
		"time stamp of FF": "00040B911497000000F10004FFFFFFFFFFFFFF03010203",
		"PID 7F, class 2":  deliver(t, sms.Deliver{PID: 0x7F, DCS: 0xF6, UDH: []byte{2, 0x71, 0}, UD: []byte{1}}),
		"first of two":     deliver(t, sms.Deliver{DCS: 4, UDH: []byte{7, 0, 3, 1, 2, 1, 0x71, 0}, UD: []byte{1}}),
		"national number":  deliver(t, sms.Deliver{Originator: sms.Address{TON: 2, NPI: 1, Number: "0790000001"}, DCS: 4, UD: []byte{1}}),
	} {
		bubble(t, Options{CountryCode: "41"}, func(l *lab) { l.f.put("SM", 1, pdu) }, func(l *lab) {
			if n, _ := l.in.got(); n != 1 || l.in.mos[0].Source != "41790000001" {
				t.Errorf("%s: %+v", name, l.in.mos)
			}
		})
	}
}

func TestReports(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	bubble(t, Options{CountryCode: "41", State: path}, nil, func(l *lab) {
		var ids []string
		for i := range int64(3) {
			r := l.want(i, nil)
			ids = append(ids, r.MessageID)
		}
		now := time.Now()
		say := func(pdu string) { l.f.say(fmt.Sprintf("\r\n+CDS: %d\r\n%s\r\n", tpduLen(pdu), pdu)) }
		say(status(t, 2, addressOf("41790000001"), 0x30, now)) // still trying
		say(status(t, 2, addressOf("41790000009"), 0, now))    // another number
		say(status(t, 99, addressOf("41790000001"), 0, now))   // another reference
		if _, n := l.in.got(); n != 0 {
			t.Fatalf("%+v", l.in.reports)
		}
		say(status(t, 2, addressOf("41790000001"), 0, now))
		// A network that writes the number as it likes, after a restart of ours.
		l.end()
		var err error
		if l.Modem, err = New(Options{Name: "usb0", Open: l.f.Open, Inbox: l.in, CountryCode: "41", State: path}); err != nil {
			t.Fatal(err)
		}
		l.begin()
		say(status(t, 3, sms.Address{TON: 0, NPI: 1, Number: "0790000001"}, 0x46, now))
		// One that is stored and read with the others.
		l.f.put("SM", 4, status(t, 1, addressOf("41790000001"), 0, now))
		l.f.say("\r\n+CDSI: \"SM\",4\r\n")
		if _, n := l.in.got(); n != 3 {
			t.Fatalf("%+v", l.in.reports)
		}
		for i, want := range []struct {
			id        string
			delivered bool
			cause     string
		}{{ids[1], true, ""}, {ids[2], false, "TP-ST 46"}, {ids[0], true, ""}} {
			if r := l.in.reports[i]; r.MessageID != want.id || r.Delivered != want.delivered || r.Cause != want.cause || r.Dest != "41790000001" {
				t.Errorf("%+v, want %+v", r, want)
			}
		}
		say(status(t, 2, addressOf("41790000001"), 0, now)) // twice
		if _, n := l.in.got(); n != 3 {
			t.Error("a report was matched twice")
		}
	})
}

// References come again every 256 messages: the time tells which one is meant.
func TestReportsWrap(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		first := l.want(1, nil)
		at := time.Now()
		l.sleep(2 * time.Hour)
		l.f.mr = 0
		second := l.want(2, nil)
		say := func(p string) { l.f.say(fmt.Sprintf("\r\n+CDS: %d\r\n%s\r\n", tpduLen(p), p)) }
		say(status(t, 1, addressOf("41790000001"), 0, time.Now()))
		say(status(t, 1, addressOf("41790000001"), 0, at))
		if len(l.in.reports) != 2 || l.in.reports[0].MessageID != second.MessageID || l.in.reports[1].MessageID != first.MessageID {
			t.Errorf("%+v", l.in.reports)
		}
	})
}

// Modems forget their settings without a word.
func TestForgetful(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		l.f.mu.Lock()
		l.f.cnmi = "2,0,0,0,0"
		l.f.mu.Unlock()
		l.sleep(31 * time.Second)
		if l.f.cnmi != "2,1,0,1,0" || l.f.opens() != 1 {
			t.Errorf("+CNMI is %s", l.f.cnmi)
		}
		l.n.want(t, map[string]int{"indications": 1})
		before := l.f.asked("+CMGF=0")
		l.f.script(cut("+CMGF?", 1, ok("+CMGF: 1")))
		l.sleep(time.Minute)
		if n := l.f.asked("+CMGF=0") - before; n != 1 {
			t.Errorf("PDU mode is set %d times", n)
		}
		// A modem that does not say is left alone.
		l.f.script(cut("+CMGF?", -1, "\r\nERROR\r\n"))
		l.sleep(time.Minute)
		if n := l.f.asked("+CMGF=0") - before; n != 1 || l.f.opens() != 1 {
			t.Errorf("PDU mode is set %d times, opened %d times", n, l.f.opens())
		}
	})
}

// refused reports whether a setting of +CNMI is the one, begins or ends so.
func refused(cmd, list string) bool {
	v, set := strings.CutPrefix(cmd, "AT+CNMI=")
	for _, r := range strings.Split(list, ";") {
		if set && (v == r || strings.HasSuffix(r, ",") && strings.HasPrefix(v, r) || strings.HasPrefix(r, ",") && strings.HasSuffix(v, r)) {
			return true
		}
	}
	return false
}

func TestChoose(t *testing.T) {
	for name, tc := range map[string]struct{ can, refuse, want string }{
		"all":                  {"+CNMI: (0-2),(0-3),(0,2),(0,1,2),(0,1)", "", "2,1,0,1,0"},
		"Qualcomm":             {"+CNMI: (0-2),(0-3),(0,2),(0,1,2),(0,1)", "2,1,0,1,0", "2,1,0,2,0"},
		"SIM800L":              {"+CNMI: (0,1,2),(0,1,2,3),(0,2),(0,1),(0,1)", "", "2,1,0,1,0"},
		"Cinterion":            {"+CNMI: (0-2),(0-3),(0,2),(0-2),(1)", "", "2,1,0,1,1"},
		"no reports":           {"+CNMI: (1),(1),(0),(0),(0)", "", "1,1,0,0,0"},
		"does not say":         {"ERROR", "", "2,1,0,1,0"},
		"does not say and not": {"ERROR", "2,1,0,1,0", "2,1,0,2,0"},
		"wants mode 1":         {"+CNMI: (0-2),(0-3),(0,2),(0,1,2),(0,1)", "2,", "1,1,0,1,0"},
		"says less, no ds":     {"ERROR", ",1,0;,2,0", "2,1,0,0,0"},
		"nothing":              {"+CNMI: (0),(0),(0),(0),(0)", "", "0,0,0,0,0"},
	} {
		bubble(t, Options{}, func(l *lab) {
			l.f.answer = func(cmd string) string {
				switch {
				case cmd == "AT+CNMI=?" && tc.can == "ERROR", tc.refuse != "" && refused(cmd, tc.refuse):
					return "\r\nERROR\r\n"
				case cmd == "AT+CNMI=?":
					return ok(tc.can)
				}
				return ""
			}
		}, func(l *lab) {
			l.works(true)
			if c := l.Status().Info; cnmi(c.Indications) != tc.want || c.Polling != (tc.want == "0,0,0,0,0") {
				t.Errorf("%s: %s", name, cnmi(c.Indications))
			}
			// However it is announced, a message arrives.
			l.f.put("SM", 1, deliver(t, answer(1)))
			l.sleep(31 * time.Second)
			if n, _ := l.in.got(); n != 1 {
				t.Errorf("%s: no message", name)
			}
		})
	}
	for can, want := range map[string]string{
		`+CPMS: ("SM","ME"),("SM"),("SM","ME")`:       "[SM ME] SM",
		`+CPMS: ("ME","MT"),("ME"),("ME")`:            "[ME] ME",
		`+CPMS: ("MT"),("MT"),("MT")`:                 "[MT] MT",
		`+CPMS: ("SM","BM","SR"),("SM"),("ME")`:       "[SM] SM",
		``:                                            "[SM] SM",
		`+CPMS: "SM","SM","SM"`:                       "[SM] SM",
		`+CPMS: (((((,"`:                              "[SM] SM",
		`+CPMS: ("ME","MT","SM"),("ME"),("ME", "SM")`: "[SM ME] SM",
	} {
		empty, receive := memoriesOf(choices(can))
		if got := fmt.Sprint(empty, " ", receive); got != want {
			t.Errorf("%s: %s", can, got)
		}
	}
}

// Memories are emptied in modems that want +CPMS with all three or not at all.
func TestMemories(t *testing.T) {
	for name, takes := range map[string]func(args string) bool{
		"three only": func(args string) bool { return strings.Count(args, ",") == 2 },
		"none":       func(string) bool { return false },
	} {
		bubble(t, Options{}, func(l *lab) {
			l.f.answer = func(cmd string) string {
				if args, set := strings.CutPrefix(cmd, "AT+CPMS="); set && args != "?" && !takes(args) {
					return "\r\n+CMS ERROR: 302\r\n"
				}
				return ""
			}
			l.f.put("SM", 1, deliver(t, answer(1)))
			if name == "three only" {
				l.f.put("ME", 2, deliver(t, answer(2)))
			} else {
				l.f.put("SM", 2, deliver(t, answer(2)))
			}
		}, func(l *lab) {
			l.f.put("SM", 3, deliver(t, answer(3)))
			l.f.say("\r\n+CMTI: \"SM\",3\r\n")
			if n, _ := l.in.got(); n != 3 || l.f.stored() != 0 {
				t.Errorf("%s: %d delivered, %d left", name, n, l.f.stored())
			}
			if got := strings.Join(l.Status().Info.Memories, " "); got != map[string]string{"three only": "SM ME", "none": "SM"}[name] {
				t.Errorf("%s: %s are emptied", name, got)
			}
		})
	}
}
