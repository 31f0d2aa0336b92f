package modem

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestStart(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		l.works(true)
		s := l.Status()
		if c := s.Info; c.Manufacturer != "ACME" || c.ICCID != "8946012345678901234" || !c.Registered || c.Operator != "Example Mobile" ||
			c.Signal != -73 || c.SMSC != "+41790000099" || cnmi(c.Indications) != "2,1,0,1,0" || strings.Join(c.Memories, " ") != "SM ME" {
			t.Errorf("%+v", c)
		}
		for range 2 { // and the same at the next look
			if c := l.Status().Info; c.Stored != 0 || c.Places != 40 {
				t.Errorf("%d of %d places are taken", c.Stored, c.Places)
			}
			l.sleep(31 * time.Second)
		}
		l.in.fail(errors.New("disk full"))
		l.f.put("ME", 1, deliver(t, answer(1)))
		l.sleep(31 * time.Second)
		if c := l.Status().Info; c.Stored != 1 || c.Places != 40 {
			t.Errorf("%d of %d places are taken, want 1", c.Stored, c.Places)
		}
		if !l.Attached() || l.f.asked("+CPIN=") != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestSend(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		r := l.want(1, nil)
		// SMS-SUBMIT with UDH and a report asked for, 7F, F6, header 027000.
		const want = "0061000B911497000000F17FF6070270000001AA1B"
		if len(l.f.pdus) != 1 || l.f.pdus[0] != want || !strings.HasPrefix(r.MessageID, "1.") {
			t.Errorf("%q, %+v", l.f.pdus, r)
		}
		if l.f.asked("+CMGS=20") != 1 {
			t.Errorf("%q", l.f.cmds)
		}
	})
}

// Supports: F15
func TestUnplugged(t *testing.T) {
	bubble(t, Options{}, nil, func(l *lab) {
		for range 5 {
			l.f.hangUp()
			l.sleep(200 * time.Millisecond)
			l.works(false)
			l.sleep(30 * time.Second)
			l.works(true)
			l.want(1, nil)
		}
	})
}
