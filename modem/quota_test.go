package modem

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/simsign/simsign/ota/bearer"
)

func TestPaceAndQuota(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	bubble(t, Options{Pace: 3 * time.Second, Quota: 4, QuotaShare: 100, State: path}, nil, func(l *lab) {
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
		if l.Modem, err = New(Options{Name: "usb0", Open: l.f.Open, Inbox: l.in, Quota: 4, QuotaShare: 100, State: path}); err != nil {
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
	bubble(t, Options{Pace: 3 * time.Second, Quota: 2, QuotaShare: 100}, nil, func(l *lab) {
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
		if err != nil || len(st.data.Sent) != 1 || func() int { n, _ := st.sentBy("8946012345678901234", time.Now()); return n }() != 1 {
			t.Errorf("%+v %v", st.data, err)
		}
	})
}

// The quota counts by the hour: a message of 24 hours ago counts until its hour is over.
func TestQuotaHours(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 30, 0, 0, time.UTC)
	s := &state{}
	s.data.SIMs = map[string]*sim{}
	s.count("a", "", at)
	s.count("a", "", at.Add(time.Hour))
	s.count("b", "", at)
	for _, tc := range []struct {
		after time.Duration
		want  int
	}{{0, 2}, {24 * time.Hour, 2}, {24*time.Hour + 29*time.Minute, 2}, {24*time.Hour + 30*time.Minute, 1}, {25*time.Hour + 30*time.Minute, 0}} {
		if n, _ := s.sentBy("a", at.Add(tc.after)); n != tc.want {
			t.Errorf("after %v: %d, want %d", tc.after, n, tc.want)
		}
	}
	if n, _ := s.sentBy("c", at); n != 0 {
		t.Errorf("%d of a SIM that has sent nothing", n)
	}
	s.count("a", "", at.Add(25*time.Hour))
	if h := s.data.SIMs["a"].Hours; len(h) != 2 {
		t.Errorf("%d hours are kept, want 2", len(h))
	}
}

// One name spends its share and no more, also over a restart, and is told so by an error
// for it alone; another has its own. What is over goes to whoever comes, to the last one.
//
// Supports: F10
func TestQuotaShares(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	bubble(t, Options{Quota: 8, State: path}, nil, func(l *lab) {
		send := func(name string, n int, want error, text string) {
			t.Helper()
			for i := range n {
				seg := packet(int64(i))
				seg.For = name
				_, err := l.Submit(context.Background(), seg)
				if !errors.Is(err, want) || want != nil && !strings.Contains(err.Error(), text) {
					t.Errorf("%s, message %d: %v, want %v (%s)", name, i, err, want, text)
				}
			}
		}
		send("urn:noisy", 4, nil, "")
		if l.Spent("urn:noisy") == nil || l.Spent("urn:bank") != nil {
			t.Errorf("half is spent: %v, another: %v", l.Spent("urn:noisy"), l.Spent("urn:bank"))
		}
		l.end()
		var err error
		if l.Modem, err = New(Options{Name: "usb0", Open: l.f.Open, Inbox: l.in, Quota: 8, State: path}); err != nil {
			t.Fatal(err)
		}
		l.begin()
		send("urn:noisy", 2, bearer.ErrSpent, "of the quota of 8 messages in 24 hours: urn:noisy has sent 4")
		if st := l.Status(); st.Problem != "" || st.Left != 4 {
			t.Errorf("%q, %d left", st.Problem, st.Left)
		}
		send("urn:bank", 2, nil, "")
		send("urn:bank", 1, bearer.ErrSpent, "urn:bank has sent 2")
		send("", 1, nil, "")
		send("", 1, bearer.ErrSpent, "the service itself has sent 1")
		if diff := cmp.Diff(map[string]int{"": 0, "urn:noisy": 0, "urn:bank": 0}, l.Shares()); diff != "" {
			t.Error(diff)
		}
		if err := l.Down(); err != nil {
			t.Errorf("there is one left: %v", err)
		}
		send("urn:shop", 1, nil, "")
		send("urn:late", 1, bearer.ErrBusy, "quota of 8 messages in 24 hours is used up, most of it by urn:noisy: 4")
		if err := l.Spent("urn:noisy"); err != nil {
			t.Errorf("that all is used up is said of one: %v", err)
		}
		if err := l.Down(); err == nil || !strings.Contains(err.Error(), "used up, most of it by urn:noisy: 4") {
			t.Errorf("beforehand: %v", err)
		}
		l.sleep(26 * time.Hour)
		if err := l.Down(); err != nil {
			t.Errorf("a day later: %v", err)
		}
		send("urn:noisy", 4, nil, "")
		send("urn:noisy", 1, bearer.ErrSpent, "has sent 4")
	})
}

// What waits when its name has had its share does not go out either.
func TestShareOfWhatWaits(t *testing.T) {
	bubble(t, Options{Pace: 3 * time.Second, Quota: 6}, nil, func(l *lab) {
		done := make(chan error, 5)
		for i := range int64(5) {
			go func() {
				seg := packet(i)
				seg.For = "urn:noisy"
				_, err := l.Submit(context.Background(), seg)
				done <- err
			}()
		}
		spent := 0
		for range 5 {
			if errors.Is(<-done, bearer.ErrSpent) {
				spent++
			}
		}
		if spent != 2 || l.f.asked("+CMGS") != 3 {
			t.Errorf("%d are told that it is spent, %d were sent", spent, l.f.asked("+CMGS"))
		}
	})
}

func TestShareOf(t *testing.T) {
	for _, c := range []struct {
		quota, share, used, has, want int
	}{
		{0, 50, 9, 9, -1},
		{8, 50, 0, 0, 4},
		{8, 50, 4, 4, 0},
		{8, 50, 3, 3, 1},
		{8, 50, 4, 0, 2},
		{7, 50, 0, 0, 4},
		{1, 50, 0, 0, 1},
		{10, 100, 9, 9, 1},
		{10, 100, 10, 10, 0},
		{10, 100, 12, 12, 0},
		{10, 20, 0, 0, 2},
		{10, 20, 2, 2, 0},
		{10, 1, 0, 0, 1},
		{10, 50, 8, 8, 0}, // the quota was larger before
	} {
		q := quota{most: c.quota, share: c.share, used: c.used, names: map[string]int{"a": c.has}}
		if got := q.leftOf("a"); got != c.want {
			t.Errorf("%+v: %d are left", c, got)
		}
	}
}

// While a single name sends, all of the quota is for it; as soon as there is another,
// its share is.
func TestShareOfOneAlone(t *testing.T) {
	var alone atomic.Bool
	alone.Store(true)
	bubble(t, Options{Quota: 8, Alone: alone.Load}, nil, func(l *lab) {
		send := func(name string) error {
			seg := packet(1)
			seg.For = name
			_, err := l.Submit(context.Background(), seg)
			return err
		}
		for range 6 { // more than half
			if err := send("urn:only"); err != nil {
				t.Fatal(err)
			}
		}
		alone.Store(false)
		if err := send("urn:only"); !errors.Is(err, bearer.ErrSpent) {
			t.Errorf("beside another: %v", err)
		}
		if err := send("urn:new"); err != nil {
			t.Errorf("the other: %v", err)
		}
		alone.Store(true)
		if err := send("urn:only"); err != nil {
			t.Errorf("alone again: %v", err)
		}
		if err := send("urn:only"); !errors.Is(err, bearer.ErrBusy) {
			t.Errorf("all is used up: %v", err)
		}
	})
}

// A file of an earlier release counts for all, and for no name.
func TestStateWithoutNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	now := time.Now()
	old := fmt.Sprintf(`{"sims":{"a":{"hours":{"%d":3}}},"sent":null}`, now.Unix()/hour)
	if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := loadState(path)
	if err != nil {
		t.Fatal(err)
	}
	if n, names := s.sentBy("a", now); n != 3 || len(names) != 0 {
		t.Errorf("%d, %v", n, names)
	}
	s.count("a", "urn:bank", now)
	if n, names := s.sentBy("a", now); n != 4 || names["urn:bank"] != 1 {
		t.Errorf("%d, %v", n, names)
	}
	s.count("a", "", now.Add(26*time.Hour))
	if x := s.data.SIMs["a"]; len(x.Names) != 1 || len(x.Hours) != 1 {
		t.Errorf("kept of another day: %+v", x)
	}
}
