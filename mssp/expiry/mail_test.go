package expiry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/expiry"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

func (w *world) Given(_ context.Context, k notice.Kind, about string) (bool, error) {
	return w.said[string(k)+" "+about], nil
}

func (w *world) Mailed(_ context.Context, notices ...store.Notice) error {
	for _, n := range notices {
		w.said[string(n.Kind)+" "+n.About] = true
	}
	return nil
}

// server takes e-mails unless it is away.
type server struct {
	away    error
	mails   []string
	to      []string
	subject string
}

func (s *server) Deliver(_ context.Context, subject, body string, to ...string) error {
	if s.away == nil {
		s.mails, s.to, s.subject = append(s.mails, body), to, subject
	}
	return s.away
}

// post is another one each time, as after a restart.
func post(w *world, s *server) *expiry.Post {
	return expiry.NewPost(expiry.PostOptions{Store: w, Mail: s, To: []string{"ra@x.example", "op@x.example"}, Before: []time.Duration{30 * day, day, 7 * day}, FromHour: 8, ToHour: 20})
}

// The RA gets one e-mail a day at most, with each certificate once for each time that has come,
// over restarts. What a server that is away has not taken is told later.
//
// Supports: 3.5.13-1
func TestPost(t *testing.T) {
	w, s := newWorld(), &server{}
	w.user(t, "41790000001", mssp.SubscriberActive, mssp.KeyRegistered, 29)
	w.user(t, "41790000002", mssp.SubscriberActive, mssp.KeyRegistered, 31)
	w.user(t, "41790000003", mssp.SubscriberActive, mssp.KeyRegistered, 5, 300) // has a successor
	w.user(t, "41790000004", mssp.SubscriberSuspended, mssp.KeyRegistered, 5)   // the RA hears of him too
	pass := func(at time.Time, numbers ...string) {
		t.Helper()
		s.mails = nil
		if err := post(w, s).Pass(t.Context(), at); !errors.Is(err, s.away) {
			t.Errorf("%s: %v", at, err)
		}
		if want := min(1, len(numbers)); len(s.mails) != want {
			t.Fatalf("%s: %d e-mails, want %d", at, len(s.mails), want)
		}
		for i := 1; i <= 5 && len(s.mails) > 0; i++ {
			n := fmt.Sprintf("+4179000000%d", i)
			if is, want := strings.Contains(s.mails[0], n), slices.Contains(numbers, n); is != want {
				t.Errorf("%s: %s is in it: %v, want %v\n%s", at, n, is, want, s.mails[0])
			}
		}
	}
	pass(noon.Add(-5 * time.Hour)) // at night
	s.away = errors.New("away")
	pass(noon)
	s.away = nil
	pass(noon, "+41790000001", "+41790000004")
	if !slices.Equal(s.to, []string{"ra@x.example", "op@x.example"}) || s.subject != "Mobile ID: 2 certificates end soon" {
		t.Errorf("%q, %q", s.to, s.subject)
	}
	w.user(t, "41790000005", mssp.SubscriberActive, mssp.KeyRegistered, 0.9)
	pass(noon.Add(time.Hour)) // of today there is one
	pass(noon.Add(20*time.Hour), "+41790000005")
	pass(noon.Add(day)) // that day has one
	pass(noon.Add(2*day), "+41790000002")
	pass(noon.Add(3 * day))
}

// What one e-mail has no room for is in the next one; what cannot be read is said.
func TestPostIsFull(t *testing.T) {
	w, s := newWorld(), &server{}
	w.user(t, "41790000001", mssp.SubscriberActive, mssp.KeyRegistered, 20)
	cert := w.keys["8941790000001"][0].CertDER
	for i := range 5001 {
		n := sms.MSISDN(fmt.Sprintf("4180%07d", i))
		w.subs = append(w.subs, mssp.Subscriber{MSISDN: n, ICCID: ota.ICCID(n), State: mssp.SubscriberActive})
		w.keys[ota.ICCID(n)] = []mssp.KeyPair{{State: mssp.KeyRegistered, Usage: 1, Serial: string(n), CertDER: cert}}
	}
	for i, want := range []int{5000, 2} {
		if err := post(w, s).Pass(t.Context(), noon.Add(time.Duration(i)*day)); err != nil || len(s.mails) != i+1 {
			t.Fatalf("%d e-mails, %v", len(s.mails), err)
		}
		if n := strings.Count(s.mails[i], " active "); n != want || strings.Contains(s.mails[i], "follow tomorrow") != (i == 0) {
			t.Errorf("e-mail %d lists %d, want %d", i+1, n, want)
		}
	}
	w.fail = errors.New("broken")
	if err := post(w, s).Pass(t.Context(), noon.Add(2*day)); !errors.Is(err, w.fail) {
		t.Errorf("%v", err)
	}
}
