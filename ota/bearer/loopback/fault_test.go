package loopback

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Five segments each, the second of them hit.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault Fault
		soon  []string
		later []string
	}{
		{"drop", Fault{Nth: 2, Action: Drop}, []string{"1", "3", "4"}, []string{"1", "3", "4"}},
		{"duplicate", Fault{Nth: 2, Action: Duplicate}, []string{"1", "2", "2", "3", "4"}, []string{"1", "2", "2", "3", "4"}},
		{"delay", Fault{Nth: 2, Action: Delay, Delay: time.Second}, []string{"1", "3", "4"}, []string{"1", "3", "4", "2"}},
		{"reorder", Fault{Nth: 2, Action: Reorder}, []string{"1", "3", "2", "4"}, []string{"1", "3", "2", "4"}},
		{"reorder last", Fault{Nth: 4, Action: Reorder}, []string{"1", "2", "3"}, []string{"1", "2", "3", "4"}},
		{"all", Fault{Action: Drop}, nil, nil},
	} {
		for _, d := range []Direction{FromEndpoint, ToEndpoint} {
			t.Run(fmt.Sprint(c.name, d), func(t *testing.T) {
				bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
					hit := map[Direction]sms.MSISDN{FromEndpoint: service, ToEndpoint: alice}
					w.net.SetFaults(hit[d], d, c.fault)
					p := newPhone(t, w.net, alice, nil)
					for i := range 4 {
						submit(t, w, seg(alice, fmt.Sprint(i+1)))
					}
					synctest.Wait()
					equal(t, "soon", p.texts(), c.soon...)
					time.Sleep(5 * time.Second)
					equal(t, "later", p.texts(), c.later...)
					if n := w.stored(); n != 0 {
						t.Errorf("%d messages are still counted", n)
					}
				})
			})
		}
	}
}

func TestUnreachable(t *testing.T) {
	bubble(t, NetworkOptions{}, func(t *testing.T, w *world) {
		p := newPhone(t, w.net, alice, nil)
		w.net.SetReachable(alice, false)
		submit(t, w, seg(alice, "x"))
		if a := p.send(service, "y"); a.Cause == 0 {
			t.Error("network took a message from a phone without coverage")
		}
		synctest.Wait()
		equal(t, "phone", p.texts())
		w.net.SetReachable(alice, true)
		synctest.Wait()
		equal(t, "phone", p.texts(), "x")
	})
}

func TestObserver(t *testing.T) {
	var kinds []string
	var reported []string
	o := NetworkOptions{Observer: func(e Event) {
		kinds = append(kinds, e.Kind)
		if e.Kind == "submit" || e.Kind == "report" || e.Kind == "ack" {
			reported = append(reported, fmt.Sprintf("%s %s to %s, %d octets", e.Kind, string(e.From), string(e.To), len(e.TPDU)))
		}
	}}
	bubble(t, o, func(t *testing.T, w *world) {
		newPhone(t, w.net, alice, nil)
		s := seg(alice, "x")
		s.Report = true
		submit(t, w, s)
		synctest.Wait()
	})
	equal(t, "who and what", reported, "submit 9000 to 41791110001, 14 octets", "ack 41791110001 to 9000, 0 octets", "report 41791110001 to 9000, 25 octets", "ack 9000 to 41791110001, 0 octets")
	equal(t, "events", kinds, "attach", "attach", "submit", "deliver", "ack", "report", "deliver", "ack", "detach", "detach")
}

func TestValidity(t *testing.T) {
	for d, want := range map[time.Duration]time.Duration{
		time.Millisecond: time.Second, 80 * time.Second: 80 * time.Second, 255 * time.Second: 255 * time.Second,
		256 * time.Second: 5 * time.Minute, time.Hour: time.Hour,
	} {
		if got, ok := validity(d).Duration(); !ok || got != want {
			t.Errorf("validity of %v: %v, want %v", d, got, want)
		}
	}
	if _, err := appendSubmit(nil, &bearer.Segment{Dest: alice, DCS: 4}, 1); err != nil {
		t.Error(err)
	}
}
