package modem

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// What the line does to an answer is no message: nothing is deleted for it, and
// the message is read again.
func TestDamagedAnswer(t *testing.T) {
	p := deliver(t, answer(1))
	list := fmt.Sprintf("+CMGL: 1,0,,%d", tpduLen(p))
	for name, out := range map[string]string{
		"a call in between":         ok(list, "RING", p),
		"an unknown line":           ok(list, "VOICE CALL: BEGIN", p),
		"an octet is lost":          ok(list, p[1:]),
		"a pair is lost":            ok(list, p[:20]+p[22:]),
		"an octet is no digit":      ok(list, p[:20]+"}"+p[21:]),
		"the PDU is lost":           ok(list),
		"text mode, data as digits": ok(`+CMGL: 1,"REC UNREAD","+41790000001",,"26/11/22,10:00:00+00"`, "0271000001AA"),
	} {
		var kept []Raw
		bubble(t, Options{Keep: func(r Raw) error { kept = append(kept, r); return nil }}, func(l *lab) {
			l.f.put("SM", 1, p)
			l.f.answer = cut("+CMGL=4", 1, out)
		}, func(l *lab) {
			l.sleep(31 * time.Second)
			if n, _ := l.in.got(); n != 1 || len(kept) != 0 || l.f.stored() != 0 {
				t.Errorf("%s: %d delivered, %d left, kept %+v", name, n, l.f.stored(), kept)
			}
		})
		kept = nil
		bubble(t, Options{Keep: func(r Raw) error { kept = append(kept, r); return nil }}, nil, func(l *lab) {
			l.f.put("SM", 1, p)
			l.f.script(cut("+CMGR=1", 1, strings.ReplaceAll(strings.ReplaceAll(out, "+CMGL: 1,", "+CMGR: "), "+CMGL", "+CMGR")))
			l.f.say("\r\n+CMTI: \"SM\",1\r\n")
			l.sleep(31 * time.Second)
			if n, _ := l.in.got(); n != 1 || len(kept) != 0 || l.f.stored() != 0 {
				t.Errorf("%s, alone: %d delivered, %d left, kept %+v", name, n, l.f.stored(), kept)
			}
		})
	}
}

// Neither is a call between an indication and its PDU.
func TestCallBeforePDU(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		p := deliver(t, answer(1))
		l.f.say(fmt.Sprintf("\r\n+CMT: ,%d\r\n\r\nRING\r\n\r\nNO CARRIER\r\n%s\r\n", tpduLen(p), p))
		if n, _ := l.in.got(); n != 1 {
			t.Errorf("%d delivered", n)
		}
		l.works(true)
	})
}

// A status report that came while the session ended is not lost with it.
func TestReportAtTheEnd(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		l.want(1, nil)
		p := status(t, 1, addressOf("41790000001"), 0, time.Now())
		l.f.say(fmt.Sprintf("\r\nRDY\r\n\r\n+CDS: %d\r\n%s\r\n", tpduLen(p), p))
		l.sleep(time.Second)
		if _, n := l.in.got(); n != 1 {
			t.Errorf("%d reports", n)
		}
	})
	// The same when we are stopped, and when nobody takes it at first.
	bubble(t, Options{}, nil, func(l *lab) {
		l.want(1, nil)
		p := status(t, 1, addressOf("41790000001"), 0, time.Now())
		l.f.network = func(string) string {
			return fmt.Sprintf("\r\n+CDS: %d\r\n%s\r\n", tpduLen(p), p) + silent
		}
		if _, err := l.send(2, time.Second); err == nil {
			t.Error("sent")
		}
		l.in.fail(errors.New("disk full"))
		l.end()
		l.in.fail(nil)
		l.begin()
		l.sleep(31 * time.Second)
		if _, n := l.in.got(); n != 1 {
			t.Errorf("%d reports", n)
		}
	})
}

// A modem that has forgotten PDU mode shows the octets of the message alone:
// it is told again, and the message read then.
func TestTextMode(t *testing.T) {
	var kept []Raw
	bubble(t, Options{Keep: func(r Raw) error { kept = append(kept, r); return nil }}, nil, func(l *lab) {
		text := true
		l.f.put("SM", 1, deliver(t, answer(1)))
		l.f.script(func(cmd string) string {
			switch {
			case cmd == "AT+CMGF=0":
				text = false
			case text && strings.HasPrefix(cmd, "AT+CMGR"):
				return ok(`+CMGR: "REC UNREAD","+41790000001",,"26/11/22,10:00:00+00"`, "0271000001AA")
			case text && cmd == "AT+CMGL=4":
				return ok(`+CMGL: 1,"REC READ","+41790000001",,"26/11/22,10:00:00+00"`, "0271000001AA")
			}
			return ""
		})
		l.f.say("\r\n+CMTI: \"SM\",1\r\n")
		l.sleep(time.Second)
		if n, _ := l.in.got(); n != 1 || len(kept) != 0 || l.f.stored() != 0 {
			t.Errorf("%d delivered, %d left, kept %+v", n, l.f.stored(), kept)
		}
	})
}
