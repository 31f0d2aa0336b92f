package modem

import (
	"testing"
	"time"

	"github.com/simsign/simsign/ota/sms"
)

// A network that reports nothing does not make the list of what may be
// reported grow for ever: the oldest go first.
func TestUnreportedIsBounded(t *testing.T) {
	s := &state{}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const n = 3 * maxSent
	for i := range n {
		s.remember(sent{Segment: int64(i), MR: i % 256, To: "41790000001", At: at})
	}
	if len(s.data.Sent) != maxSent || cap(s.data.Sent) > 2*maxSent {
		t.Errorf("%d are kept in %d places, want %d", len(s.data.Sent), cap(s.data.Sent), maxSent)
	}
	if first, last := s.data.Sent[0].Segment, s.data.Sent[maxSent-1].Segment; first != n-maxSent || last != n-1 {
		t.Errorf("segments %d to %d are kept of %d", first, last, n)
	}
	r := &sms.StatusReport{Reference: byte((n - 1) % 256), Time: sms.NewTimestamp(at)}
	if x, ok := s.find(r, func(sms.MSISDN) bool { return true }, at); !ok || x.Segment != n-1 {
		t.Errorf("the report finds %+v, %v", x, ok)
	}
}

// Package at gets what was written before the link ended, then the end; who
// writes more than it takes waits, and not beyond the end.
func TestFeed(t *testing.T) {
	f := newAnswerBuffer()
	f.put("+CMGS: 1\n")
	f.put("OK\n")
	f.close()
	f.put("late\n")
	b := make([]byte, 64)
	if n, err := f.Read(b); err != nil || string(b[:n]) != "+CMGS: 1\nOK\n" {
		t.Errorf("%q, %v", b[:n], err)
	}
	if n, err := f.Read(b); err == nil {
		t.Errorf("%q after the end", b[:n])
	}
	f = newAnswerBuffer()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range maxAnswers + 2 {
			f.put("x")
		}
	}()
	for sum := 0; sum < maxAnswers+2; {
		n, err := f.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
		f.mu.Lock()
		waiting := len(f.b)
		f.mu.Unlock()
		if waiting > maxAnswers+1 {
			t.Fatalf("%d octets wait", waiting)
		}
	}
	<-ended
}

// A report belongs to a message of the same number and reference whose time is
// within 15 hours of what the network says, and not older than 8 days.
func TestFindBorders(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		x     sent
		taken time.Time // by the network
		now   time.Time
		found bool
	}{
		"at once":          {sent{MR: 7}, at, at, true},
		"15 hours early":   {sent{MR: 7}, at.Add(-15 * time.Hour), at, true},
		"15 hours late":    {sent{MR: 7}, at.Add(15 * time.Hour), at, true},
		"a second more":    {sent{MR: 7}, at.Add(15*time.Hour + time.Second), at, false},
		"a second less":    {sent{MR: 7}, at.Add(-15*time.Hour - time.Second), at, false},
		"after 8 days":     {sent{MR: 7}, at, at.Add(8 * 24 * time.Hour), true},
		"a second later":   {sent{MR: 7}, at, at.Add(8*24*time.Hour + time.Second), false},
		"another message":  {sent{MR: 8}, at, at, false},
		"not known":        {sent{MR: -1}, at, at, true},
		"not known, later": {sent{MR: -1}, at.Add(16 * time.Hour), at, false},
	} {
		s := &state{}
		tc.x.At = at
		s.remember(tc.x)
		r := &sms.StatusReport{Reference: 7, Time: sms.NewTimestamp(tc.taken)}
		if _, found := s.find(r, func(sms.MSISDN) bool { return true }, tc.now); found != tc.found {
			t.Errorf("%s: found %v", name, found)
		}
		if _, found := s.find(r, func(sms.MSISDN) bool { return false }, tc.now); found {
			t.Errorf("%s: found for another number", name)
		}
	}
	// The nearest one, and one with a reference before one without.
	s := &state{}
	for i, x := range []sent{{MR: 7, At: at.Add(-time.Hour)}, {MR: 7, At: at.Add(-time.Minute)}, {MR: -1, At: at}, {MR: 7, At: at.Add(2 * time.Minute)}} {
		x.Segment = int64(i + 1)
		s.remember(x)
	}
	for _, want := range []int64{2, 4, 1, 3} {
		r := &sms.StatusReport{Reference: 7, Time: sms.NewTimestamp(at)}
		x, found := s.find(r, func(sms.MSISDN) bool { return true }, at)
		if !found || x.Segment != want {
			t.Errorf("found %+v, want %d", x, want)
		}
		s.forget(x)
	}
	o := &Options{CountryCode: "41"}
	for text, want := range map[string]bool{
		"0790000001": true, "790000001": true, "0041790000001": true, "41790000001": true,
		"0000001": false, "00000001": false, // zeros in front are not counted
		"00790000001": true, "0900000010": false, "90000001": true, "0000090000001": true,
	} {
		if got := o.same("41790000001", sms.Address{TON: sms.TONUnknown, NPI: 1, Number: text}); got != want {
			t.Errorf("%s is the same: %v", text, got)
		}
	}
	if o.same("41790000001", sms.Address{TON: sms.TONInternational, NPI: 1, Number: "790000001"}) {
		t.Error("the end of an international number is enough")
	}
}
