package expiry_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/expiry"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

const day = 24 * time.Hour

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.Local)

// world is users with their key pairs, and what they were told.
type world struct {
	subs      []mssp.Subscriber
	keys      map[ota.ICCID][]mssp.KeyPair
	said      map[string]bool
	told      []string // who, of which day
	sent      int
	fail      error
	forgotten time.Time
}

func (w *world) Subscribers(_ context.Context, after sms.MSISDN, limit int) ([]mssp.Subscriber, error) {
	i := slices.IndexFunc(w.subs, func(s mssp.Subscriber) bool { return s.MSISDN > after })
	if i < 0 {
		return nil, w.fail
	}
	return w.subs[i:min(len(w.subs), i+limit)], w.fail
}

func (w *world) KeyPairs(_ context.Context, iccid ota.ICCID) ([]mssp.KeyPair, error) {
	return w.keys[iccid], nil
}

func (w *world) Tell(_ context.Context, notices ...store.Notice) (out []store.Outbound, _ error) {
	for _, n := range notices {
		if w.said[n.About] {
			continue
		}
		w.said[n.About] = true
		w.told = append(w.told, string(n.Text[0].UD))
		out = append(out, make([]store.Outbound, len(n.Text))...)
	}
	return out, nil
}

func (w *world) ForgetNotices(_ context.Context, before time.Time) error {
	w.forgotten = before
	return nil
}

func (w *world) Notice(to sms.MSISDN, language string, k notice.Kind, about string, day time.Time) store.Notice {
	return store.Notice{To: to, Kind: k, About: about, Text: []bearer.Segment{{UD: []byte(string(to) + " " + language + " " + string(k) + " " + day.Format(time.DateOnly))}}}
}

func (w *world) SendTexts(out []store.Outbound) { w.sent += len(out) }

// user has a key pair for each end, in days from noon.
func (w *world) user(t *testing.T, number sms.MSISDN, state mssp.SubscriberState, key mssp.KeyState, ends ...float64) {
	t.Helper()
	iccid := ota.ICCID("89" + number)
	w.subs = append(w.subs, mssp.Subscriber{MSISDN: number, ICCID: iccid, State: state, Language: "fi"})
	for i, end := range ends {
		w.keys[iccid] = append(w.keys[iccid], mssp.KeyPair{
			ICCID: iccid, Slot: byte(i + 1), Usage: mssp.Authentication, State: key, Serial: fmt.Sprint(number, i),
			CertDER: certificate(t, noon.Add(time.Duration(end*float64(day)))),
		})
	}
}

func newWorld() *world {
	return &world{keys: map[ota.ICCID][]mssp.KeyPair{}, said: map[string]bool{}}
}

func certificate(t *testing.T, notAfter time.Time) []byte {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: notAfter.Add(-365 * day), NotAfter: notAfter}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func (w *world) reminder() *expiry.Reminder {
	return expiry.New(expiry.Options{Store: w, Texts: w, Before: []time.Duration{7 * day, 30 * day, day}, From: 8, To: 20})
}

// Each step is said once, the nearest one only, and to those alone who need it.
//
// Supports: 3.5.13-1
func TestReminders(t *testing.T) {
	w := newWorld()
	w.user(t, "41790000001", mssp.SubscriberActive, mssp.KeyRegistered, 29)
	w.user(t, "41790000002", mssp.SubscriberActive, mssp.KeyRegistered, 31)     // later
	w.user(t, "41790000003", mssp.SubscriberActive, mssp.KeyRegistered, 5, 300) // has a successor
	w.user(t, "41790000004", mssp.SubscriberSuspended, mssp.KeyRegistered, 5)   // counted, not told
	w.user(t, "41790000005", mssp.SubscriberRemoved, mssp.KeyRegistered, 5)     // nobody any more
	w.user(t, "41790000006", mssp.SubscriberActive, mssp.KeyRevoked, 5)         // ended otherwise
	w.user(t, "41790000007", mssp.SubscriberActive, mssp.KeyRegistered, -0.1)   // has ended
	w.user(t, "41790000008", mssp.SubscriberActive, mssp.KeyRegistered, 0.5)    // the nearest
	w.user(t, "41790000009", mssp.SubscriberActive, mssp.KeySuspended, 5)       // counted, not told
	w.keys["8941790000009"][0].Usage = mssp.NonRepudiation
	r := w.reminder()
	pass := func(now time.Time, want map[time.Duration]int, told ...string) {
		t.Helper()
		w.told = nil
		soon, more, err := r.Pass(t.Context(), now)
		if err != nil || more || !slices.Equal(w.told, told) {
			t.Errorf("%s: told %q, want %q; more %v, %v", now, w.told, told, more, err)
		}
		for d, n := range want {
			if soon[d] != n {
				t.Errorf("%s: %d end within %s, want %d", now, soon[d], d, n)
			}
		}
	}
	one, eight := "41790000001 fi expiring "+noon.Add(29*day).UTC().Format(time.DateOnly), "41790000008 fi expiring "+noon.Add(day/2).UTC().Format(time.DateOnly)
	pass(noon, map[time.Duration]int{30 * day: 1, 7 * day: 2, day: 1}, one, eight)
	pass(noon.Add(time.Hour), map[time.Duration]int{30 * day: 1, 7 * day: 2, day: 1})
	two := "41790000002 fi expiring " + noon.Add(31*day).UTC().Format(time.DateOnly)
	pass(noon.Add(22*day), map[time.Duration]int{30 * day: 1, 7 * day: 1}, one, two) // 7 days, and 30
	if w.sent != 4 || !w.forgotten.Equal(noon.Add(22*day).Add(-400*day)) {
		t.Errorf("%d texts handed on, forgotten before %s", w.sent, w.forgotten)
	}
}

// Nobody is told at night; who waits is told in the morning.
func TestRemindersAtNight(t *testing.T) {
	w := newWorld()
	w.user(t, "41790000001", mssp.SubscriberActive, mssp.KeyRegistered, 20)
	for _, x := range []struct {
		hour int
		told int
	}{{7, 0}, {20, 0}, {8, 1}} {
		at := time.Date(2026, 12, 1, x.hour, 0, 0, 0, time.Local)
		if _, more, err := w.reminder().Pass(t.Context(), at); err != nil || len(w.told) != x.told || more != (x.told == 0) {
			t.Errorf("at %d: told %d, more %v, %v", x.hour, len(w.told), more, err)
		}
	}
}

// A pass hands no more than 200 texts to the network; the next one goes on.
func TestRemindersAreFew(t *testing.T) {
	w := newWorld()
	w.user(t, "41790000001", mssp.SubscriberActive, mssp.KeyRegistered, 20)
	cert := w.keys["8941790000001"][0].CertDER
	for i := range 649 {
		n := sms.MSISDN(fmt.Sprintf("4180%07d", i))
		w.subs = append(w.subs, mssp.Subscriber{MSISDN: n, ICCID: ota.ICCID(n), State: mssp.SubscriberActive})
		w.keys[ota.ICCID(n)] = []mssp.KeyPair{{State: mssp.KeyRegistered, Usage: 1, Serial: string(n), CertDER: cert}}
	}
	for i, want := range []int{200, 400, 600, 650, 650} {
		if _, more, err := w.reminder().Pass(t.Context(), noon); err != nil || w.sent != want || more != (i < 3) {
			t.Errorf("after pass %d: %d texts, more %v, %v", i+1, w.sent, more, err)
		}
	}
}

// What cannot be read is said; and who wants no reminders reads nothing.
func TestRemindersFail(t *testing.T) {
	w := newWorld()
	w.fail = errors.New("broken")
	if _, _, err := w.reminder().Pass(t.Context(), noon); !errors.Is(err, w.fail) {
		t.Errorf("%v", err)
	}
	if soon, more, err := expiry.New(expiry.Options{Store: w, Texts: w}).Pass(t.Context(), noon); len(soon) > 0 || more || err != nil {
		t.Errorf("%v, %v, %v", soon, more, err)
	}
}
