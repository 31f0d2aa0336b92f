package modem

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/ota/bearer"
)

func TestPaceAndQuota(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	bubble(t, Options{Pace: 3 * time.Second, Quota: 4, State: path}, nil, func(l *lab) {
		began := time.Now()
		for i := range int64(4) {
			l.want(i, nil)
		}
		if d := time.Since(began); d != 9*time.Second {
			t.Errorf("4 messages in %v", d)
		}
		l.want(5, bearer.ErrBusy)
		l.end()
		var err error
		if l.Modem, err = New(Options{Name: "usb0", Open: l.f.Open, Inbox: l.in, Quota: 4, State: path}); err != nil {
			t.Fatal(err)
		}
		l.begin()
		l.want(6, bearer.ErrBusy)
		l.sleep(25 * time.Hour)
		l.want(7, nil)
	})
}

// 300 sessions end in every way, and nothing is left (synctest sees it).
func TestMany(t *testing.T) {
	bubble(t, Options{RetryFirst: time.Millisecond, RetryMost: time.Millisecond, ResetPause: time.Millisecond}, nil, func(l *lab) {
		for i := range 300 {
			switch i % 5 {
			case 0:
				l.f.hangUp()
			case 1:
				l.f.say("\r\nOK\r\n")
			case 2:
				l.f.say("\r\nRDY\r\n")
			case 3:
				l.f.network = func(string) string { l.f.conn.Close(); return silent }
				if _, err := l.send(int64(i), time.Minute); !errors.Is(err, bearer.ErrUnknown) {
					t.Fatalf("round %d: %v", i, err)
				}
				l.f.network = nil
			case 4:
				l.f.say(strings.Repeat(fmt.Sprint(i), maxNoise))
			}
			l.sleep(3 * time.Second)
			l.works(true)
		}
	})
}

// What waits when the quota is used up does not go out; within any 24 hours
// it is not exceeded.
func TestQuotaOfWhatWaits(t *testing.T) {
	bubble(t, Options{Pace: 3 * time.Second, Quota: 2}, nil, func(l *lab) {
		l.sleep(30 * time.Minute)
		done := make(chan error, 5)
		for i := range int64(5) {
			go func() { _, err := l.send(i, time.Minute); done <- err }()
		}
		busy := 0
		for range 5 {
			if err := <-done; errors.Is(err, bearer.ErrBusy) {
				busy++
			} else if err != nil {
				t.Error(err)
			}
		}
		if busy != 3 || l.f.asked("+CMGS") != 2 {
			t.Errorf("%d busy, %d sent", busy, l.f.asked("+CMGS"))
		}
		l.sleep(23*time.Hour + 40*time.Minute)
		l.want(6, bearer.ErrBusy)
		l.sleep(time.Hour)
		l.want(7, nil)
	})
}

// What may be reported, and the quota, outlive the end of power a moment later.
func TestStateIsStored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	bubble(t, Options{State: path, Quota: 10}, nil, func(l *lab) {
		l.want(1, nil)
		l.sleep(saveEvery)
		st, err := loadState(path)
		if err != nil || len(st.data.Sent) != 1 || st.sentBy("8946012345678901234", time.Now()) != 1 {
			t.Errorf("%+v %v", st.data, err)
		}
	})
}

// The quota counts by the hour: a message of 24 hours ago counts until its hour is over.
func TestQuotaHours(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 30, 0, 0, time.UTC)
	s := &state{}
	s.data.SIMs = map[string]*sim{}
	s.count("a", at)
	s.count("a", at.Add(time.Hour))
	s.count("b", at)
	for _, tc := range []struct {
		after time.Duration
		want  int
	}{{0, 2}, {24 * time.Hour, 2}, {24*time.Hour + 29*time.Minute, 2}, {24*time.Hour + 30*time.Minute, 1}, {25*time.Hour + 30*time.Minute, 0}} {
		if n := s.sentBy("a", at.Add(tc.after)); n != tc.want {
			t.Errorf("after %v: %d, want %d", tc.after, n, tc.want)
		}
	}
	if n := s.sentBy("c", at); n != 0 {
		t.Errorf("%d of a SIM that has sent nothing", n)
	}
	s.count("a", at.Add(25*time.Hour))
	if h := s.data.SIMs["a"].Hours; len(h) != 2 {
		t.Errorf("%d hours are kept, want 2", len(h))
	}
}
