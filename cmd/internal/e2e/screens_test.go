package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
)

// What the user sees: text and code in one prompt or in two, as the profile
// says; no signature without the code, whatever is confirmed; a cancel that the
// provider hears of and that leaves the phone idle; none once the code is
// entered.
//
// Covers: 3.5.2-1, 3.5.3-1, 3.5.6-1, 3.5.6-2, I13 via simsign sign
func TestScreens(t *testing.T) {
	w := newWorld(t, 3, "")
	c := w.serve(t)
	w.register(t, "authentication")
	w.each(t, func(t *testing.T, u *user) {
		for profile, want := range map[string]string{
			authURI:    "text false 0-0: Bank\nPay?\nReference: REF\ninput true 4-8: Enter your personal code\n",
			oneStepURI: "input true 4-8: Bank\nPay?\nReference: REF\nEnter your personal code\n",
		} {
			u.acts(nil)
			r := w.sign(t, u, "--text", "Pay?", "--profile", profile, "--out", "signed.p7s")
			ref := referenceCode.FindStringSubmatch(r.stdout + r.stderr)
			if r.code != 0 || ref == nil || u.seen() != strings.ReplaceAll(want, "REF", ref[1]) {
				t.Errorf("%s: exit code %d, screens\n%swant\n%s", profile, r.code, u.seen(), want)
			}
			for screens := strings.Count(want, "Bank\n") + strings.Count(want, "input true") - 1; screens > 0; screens-- {
				u.acts(cancels(screens))
				w.asks(t, u, 3, "401 ", "--text", "Pay?", "--profile", profile)
				u.rest(t)
			}
			// A user who presses OK and nothing else.
			u.acts(func(s handset.Screen) (handset.Answer, bool) {
				if s.Hidden {
					return handset.Answer{Action: handset.Cancel}, true
				}
				return handset.Answer{}, false
			})
			w.asks(t, u, 3, "401 ", "--text", "Pay?", "--profile", profile)
			// A user who enters the code and then presses Cancel: too late.
			late := make(chan error, 1)
			u.acts(func(s handset.Screen) (handset.Answer, bool) {
				if s.Hidden {
					go func() { late <- u.set.Answer(s.ID, handset.Answer{Action: handset.Cancel}) }()
				}
				return handset.Answer{}, false
			})
			w.asks(t, u, 0, verified, "--text", "Pay?", "--profile", profile)
			if err := <-late; err == nil {
				t.Error("the phone takes a cancel after the code")
			}
		}
	})
	c.stop(t)
	w.checkLog(t, nil)
}

// Requests to one user wait for each other: he sees them in the order in which
// they were accepted, from whomever they come.
//
// Covers: 3.5.3-4, I4 via POST /rest/service
func TestFirstInFirstOut(t *testing.T) {
	w := newWorld(t, 3, "")
	c := w.serve(t)
	w.register(t, "authentication")
	w.each(t, func(t *testing.T, u *user) {
		u.setIdle(true)
		var want string
		var last *service.SignatureResp
		for i, ap := range []mssp.APID{bank, portal, portal, bank, bank} {
			text := fmt.Sprintf("Pay %d? [%d]", i, i)
			want += text + "\n"
			var err error
			last, err = w.client(ap).Signature(t.Context(), &service.SignatureReq{
				Mode: string(mssp.AsynchClientServer), User: service.MobileUser{MSISDN: u.number.String()}, Profile: authURI,
				Data: service.Data{MimeType: "text/plain", Encoding: "UTF-8", Data: text},
			})
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				eventually(t, "the first prompt", func() bool { return u.shown("0") == 1 })
			}
		}
		u.setIdle(false)
		press(t, u)
		if st, err := w.client(bank).Wait(t.Context(), last); err != nil || st.Status.Code != mssp.Signature {
			t.Errorf("the last: %v, %v", st, err)
		}
		var have string
		for line := range strings.Lines(u.seen()) {
			if strings.HasPrefix(line, "Pay ") {
				have += line
			}
		}
		if have != "Pay 0? [0]\n"+want && have != want { // press looks at the first once more
			t.Errorf("the user saw\n%swant\n%s", have, want)
		}
	})
	c.stop(t)
}
