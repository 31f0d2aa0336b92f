package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet/handset"
	"github.com/simsign/simsign/mssp/letter/lettertest"
)

// registers enters codes where the card asks for the registration code, one after the other, the
// last one for ever, and does otherwise what everybody does.
func registers(codes ...string) script {
	return func(s handset.Screen) (handset.Answer, bool) {
		if s.Hidden || !strings.Contains(s.Text, "Enter the registration code") {
			return handset.Answer{}, false
		}
		code := codes[0]
		if len(codes) > 1 {
			codes = codes[1:]
		}
		return handset.Answer{Action: handset.OK, Input: code}, true
	}
}

var eightDigits = regexp.MustCompile(`\b\d{8}\b`)

// other is another code than the given with a right check digit, or with a wrong one.
func other(code string, right bool) string {
	digit := func(i, by int) string {
		return code[:i] + fmt.Sprint((int(code[i]-'0')+by)%10) + code[i+1:]
	}
	if !right {
		return digit(7, 1)
	}
	code = digit(0, 1)
	for range 10 {
		if code = digit(7, 1); luhn(code) {
			return code
		}
	}
	panic("no check digit")
}

func luhn(s string) bool {
	sum := 0
	for i := range s {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// The code of a registration is made here and goes to the user on another way than his phone: by
// e-mail, on paper, on the clerk's screen, in a text to another phone. The card asks for it,
// refuses one with a wrong check digit and asks again; a wrong one that the card takes is refused
// here, the user is told by a text, and card and service are as before. It is good for one
// registration of one user, and not for ever. No file and no log has it.
//
// Covers: 3.5.1-3, 3.5.1-12 via simsign user pop
func TestPoPCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "")
	srv := lettertest.New(t, lettertest.Options{})
	w.extend(t, fmt.Sprintf("[registration]\nidentity = false\nletters = \"letters\"\nmail_server = %q\nmail_from = \"mobile-id@example.com\"\nmail_tls = \"none\"\n", srv.Addr))
	c := w.serve(t)
	secrets := map[string]string{}
	neighbour := map[*user]*user{w.users[0]: w.users[1], w.users[1]: w.users[2], w.users[2]: w.users[0]}
	make1 := func(t *testing.T, u *user, args ...string) (code, out string) {
		t.Helper()
		args = append([]string{"user", "pop", "--msisdn", u.number.String(), "--channel"}, args...)
		out = must(t, w.dir, args...)
		code = eightDigits.FindString(out)
		if code != "" {
			secrets["code "+code] = code
		}
		return code, out
	}
	w.each(t, func(t *testing.T, u *user) {
		for i, flow := range []string{"A", "B"} {
			usage := []string{"authentication", "non-repudiation"}[i]
			register := []string{"user", "register", "--algorithm", u.alg.String(), "--usage", usage, "--flow", flow, "--pop"}
			empty := func(what string) {
				t.Helper()
				w.about(t, u, 0, fmt.Sprintf("slot    %d: empty", i+1), "user", "applet")
				if t.Failed() {
					t.Fatal("after " + what)
				}
			}
			if u == w.users[0] {
				w.about(t, u, 1, []string{"no Proof of Possession code was made", "was used by a registration"}[i], register...)
			}

			// The right one at last, after one whose check digit is wrong.
			code, _ := make1(t, u, "screen")
			u.acts(registers(other(code, false), other(code, true)))
			w.about(t, u, 1, "another Proof of Possession code than he was given; 2 tries are left", register...)
			u.wantSeen(t, "a wrong check digit", "Wrong registration code. Tries left:")
			u.message(t, "the registration code was wrong")
			empty("a wrong code")

			// The card gives up, which counts.
			u.acts(registers(other(code, false)))
			w.about(t, u, 1, "too many wrong Proof of Possession codes", register...)
			empty("wrong check digits")
			u.acts(registers(other(code, true)))
			w.about(t, u, 1, "once too often", register...)
			empty("the last wrong one")
			u.acts(registers(code))
			w.about(t, u, 1, "the right one is not good any more", register...)
			if s := u.seen(); s != "" {
				t.Errorf("asked all the same: %s", s)
			}

			// One of another user.
			foreign, _ := make1(t, neighbour[u], "screen")
			code, _ = make1(t, u, "screen")
			u.acts(registers(foreign))
			w.about(t, u, 1, "2 tries are left", register...)
			u.acts(registers(code))
			w.about(t, u, 0, "registered", register...)
			w.about(t, u, 1, "was used by a registration", register...)
		}
		w.asks(t, u, 0, verified, "--text", "Pay?")
	})
	u := w.users[0]
	w.about(t, u, 1, "whoever has the phone reads it", "user", "pop", "--channel", "sms")
	w.about(t, u, 1, "no e-mail address of the user is known", "user", "pop", "--channel", "email")
	w.about(t, u, 1, "to: is for channels", "user", "pop", "--channel", "print", "--to", "anna@mail.example")
	w.byChannels(t, u, srv, secrets)
	c.stop(t)
	w.checkLog(t, secrets)
	for _, s := range secrets {
		if strings.Contains(string(w.files(t)), s) {
			t.Errorf("the database has a code")
		}
	}
}

// byChannels has a user registered with the code that came on each channel.
func (w *world) byChannels(t *testing.T, u *user, srv *lettertest.Server, secrets map[string]string) {
	t.Helper()
	w.about(t, u, 0, "e-mail", "user", "identify", "--how", "portal", "--by", "portal", "--email", "anna@mail.example")
	try := func(what, code string) {
		t.Helper()
		if len(code) != 8 || !luhn(code) {
			t.Fatalf("%s: %q", what, code)
		}
		secrets["code "+code] = code
		u.acts(registers(code))
		w.about(t, u, 0, "registered", "user", "register", "--algorithm", u.alg.String(), "--pop")
	}
	w.about(t, u, 0, "sent    by email", "user", "pop", "--channel", "email")
	l := srv.Letters()
	if len(l) != 1 || l[0].To != "anna@mail.example" || l[0].From != "mobile-id@example.com" {
		t.Fatalf("%+v", l)
	}
	try("e-mail", eightDigits.FindString(l[0].Body))

	out := must(t, w.dir, "user", "pop", "--msisdn", u.number.String(), "--channel", "print")
	path := strings.Fields(out)[1]
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), u.name) {
		t.Errorf("%s", page)
	}
	code := eightDigits.FindString(string(page))
	if err := os.Remove(path); err != nil { // as whoever prints it does
		t.Fatal(err)
	}
	friend := w.users[1]
	friend.acts(nil)
	if code == "" {
		t.Error("no code in the letter")
	}
	w.about(t, u, 0, "sent    by sms", "user", "pop", "--channel", "sms", "--to", friend.number.String())
	secrets["code "+code] = code
	friend.message(t, "your registration code is")
	code = ""
	for _, m := range friend.set.Snapshot().Inbox {
		if strings.Contains(m.Text, "your registration code is") {
			code = eightDigits.FindString(m.Text)
		}
	}
	try("SMS", code)
}
