package esme

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// A message is the same again when addresses, coding and every octet are; what
// the centre may write differently does not count. Also where a field is longer
// than we may send.
func TestDigest(t *testing.T) {
	for name, source := range map[string]string{"as we may send": "41790000001", "longer": "41790000001" + strings.Repeat("0", 20)} {
		make := func() *smpp.Message {
			m := answer()
			m.Source.Addr, m.TLVs = source, smpp.TLVs{{Tag: 0x1400, Value: []byte{1, 2}}, {Tag: 0x1401, Value: []byte{3}}}
			return m
		}
		was := digest(make())
		for what, change := range map[string]func(*smpp.Message){
			"source":        func(m *smpp.Message) { m.Source.Addr = "5" + m.Source.Addr[1:] },
			"destination":   func(m *smpp.Message) { m.Dest.Addr = "41790000009" },
			"esm_class":     func(m *smpp.Message) { m.ESMClass |= 0x80 },
			"protocol_id":   func(m *smpp.Message) { m.ProtocolID = 0 },
			"data_coding":   func(m *smpp.Message) { m.DataCoding = 4 },
			"an octet":      func(m *smpp.Message) { m.ShortMessage[5]++ },
			"an octet more": func(m *smpp.Message) { m.ShortMessage = append(m.ShortMessage, 0) },
			"a parameter":   func(m *smpp.Message) { m.TLVs[0].Value = []byte{1, 3} },
			"its tag":       func(m *smpp.Message) { m.TLVs[1].Tag++ },
			"border of two": func(m *smpp.Message) { m.Source.Addr, m.Dest.Addr = m.Source.Addr+m.Dest.Addr[:1], m.Dest.Addr[1:] },
		} {
			m := make()
			change(m)
			if digest(m) == was {
				t.Errorf("%s: another %s is the same message", name, what)
			}
		}
		m := make()
		m.ServiceType, m.PriorityFlag, m.ScheduleTime, m.ValidityPeriod, m.RegisteredDelivery = "CMT", 1, "x", "y", 1
		if digest(m) != was {
			t.Errorf("%s: it is another message", name)
		}
	}
}

// What was seen is bounded in number and in time; what is switched off keeps nothing.
func TestSeenBorders(t *testing.T) {
	at := time.Now()
	id := func(n int) (d [16]byte) { copy(d[:], fmt.Sprintf("%016d", n)); return d }
	s := newSeen(time.Minute)
	for i := range maxSeen {
		s.add(id(i), at)
	}
	s.add(id(0), at.Add(time.Second)) // again: no other has to go for it
	if !s.has(id(1), at) || len(s.at) != maxSeen {
		t.Errorf("%d are remembered, the second: %v", len(s.at), s.has(id(1), at))
	}
	for i := range 3 {
		s.add(id(maxSeen+i), at)
	}
	if s.has(id(0), at) || s.has(id(2), at) || !s.has(id(3), at) || !s.has(id(maxSeen+2), at) || len(s.at) != maxSeen || len(s.ring) != maxSeen {
		t.Errorf("%d are remembered, in %d places", len(s.at), len(s.ring))
	}
	for after, want := range map[time.Duration]bool{time.Minute - 1: true, time.Minute: false} {
		if s.has(id(3), at.Add(after)) != want {
			t.Errorf("after %v: %v", after, !want)
		}
	}
	off := newSeen(-1)
	off.add(id(1), at)
	if off.has(id(1), at) || len(off.at) != 0 {
		t.Error("what is switched off remembers")
	}
}

// A pause that is shorter than the one under way changes nothing.
func TestShorterPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1)
		began := time.Now()
		q.pause(5 * time.Second)
		q.pause(time.Second)
		if d := q.until.Sub(began); d != 5*time.Second {
			t.Errorf("paused for %v", d)
		}
		q.pause(6 * time.Second)
		if d := q.until.Sub(began); d != 6*time.Second {
			t.Errorf("paused for %v", d)
		}
		time.Sleep(7 * time.Second)
	})
}

// A client that runs is not started again; and a segment that no submit_sm can
// hold is refused, and takes no place.
func TestStartedOnce(t *testing.T) {
	bubble(t, Options{Window: 1}, nil, func(l *lab) {
		if err := l.Start(l.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if l.c.dialled != 1 || len(l.c.binds) != 1 {
			t.Errorf("dialled %d times, bound %d times", l.c.dialled, len(l.c.binds))
		}
		for _, seg := range []bearer.Segment{
			{Dest: sms.MSISDN(strings.Repeat("1", 21)), UD: []byte{1}},
			{Dest: "4179\x0000001", UD: []byte{1}},
		} {
			if _, err := l.Submit(l.Context(), seg); !errors.Is(err, bearer.ErrRefused) || !errors.Is(err, smpp.ErrTooLong) && !errors.Is(err, smpp.ErrString) {
				t.Errorf("%q: %v", seg.Dest, err)
			}
		}
		l.want(l.submit(l.Context(), 3), "1", nil)
		if st := l.Status(); st.InFlight != 0 || st.Queued != 0 || st.Bound != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// The rate grows once a second, a second after it was cut, by a twentieth of
// the ceiling and not above it; it is cut once a second.
func TestPaceBorders(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	p := newPace(100)
	for _, tc := range []struct {
		after     time.Duration
		throttled bool
		want      float64
	}{
		{0, false, 100},
		{0, true, 50},
		{999 * time.Millisecond, true, 50},
		{999 * time.Millisecond, false, 50},
		{time.Second, false, 55},
		{1999 * time.Millisecond, false, 55},
		{2 * time.Second, false, 60},
		{3 * time.Second, true, 30},
		{4 * time.Second, true, 15},
		{10 * time.Second, true, 7.5},
		{20 * time.Second, true, 3.75},
		{21 * time.Second, false, 8.75},
		{22 * time.Second, true, 4.375},
		{30 * time.Second, true, 2.1875},
		{40 * time.Second, true, 1.09375},
		{50 * time.Second, true, 0.546875},
		{60 * time.Second, true, 0.5},
		{70 * time.Second, true, 0.5},
	} {
		if tc.throttled {
			p.throttled(at.Add(tc.after))
		} else {
			p.accepted(at.Add(tc.after))
		}
		if have := p.limit(); have != tc.want {
			t.Errorf("after %v, throttled %v: %v, want %v", tc.after, tc.throttled, have, tc.want)
		}
	}
	for s := range 100 {
		p.accepted(at.Add(time.Duration(100+s) * time.Second))
	}
	if have := p.limit(); have != 100 {
		t.Errorf("in the end: %v", have)
	}
	// Without a limit of ours the ceiling is what went through in a second.
	free := newPace(0)
	if free.limit() != 0 {
		t.Errorf("no limit is %v", free.limit())
	}
	for range 40 {
		free.accepted(at)
	}
	free.throttled(at)
	if have := free.limit(); have != 20 {
		t.Errorf("half of 40 is %v", have)
	}
}
