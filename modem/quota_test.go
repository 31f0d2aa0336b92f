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
				l.f.conn.Close()
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
