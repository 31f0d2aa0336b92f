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
