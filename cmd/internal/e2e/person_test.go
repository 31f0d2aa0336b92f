package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/simsign/simsign/applet/handset"
)

// script is what a user does with a screen; false does what everybody does.
type script func(handset.Screen) (handset.Answer, bool)

// acts gives the user a script, nil for none, and forgets what was on the screen.
func (u *user) acts(s script) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.script, u.screens = s, nil
}

// types enters the texts into hidden prompts, one after the other, the last
// one for ever.
func types(codes ...string) script {
	return func(s handset.Screen) (handset.Answer, bool) {
		if !s.Hidden {
			return handset.Answer{}, false
		}
		code := codes[0]
		if len(codes) > 1 {
			codes = codes[1:]
		}
		return handset.Answer{Action: handset.OK, Input: code}, true
	}
}

// seen is all text that was on the user's screen since acts.
func (u *user) seen() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var b strings.Builder
	for _, s := range u.screens {
		fmt.Fprintf(&b, "%s %v %d-%d: %s\n", s.Kind, s.Hidden, s.Min, s.Max, s.Text)
	}
	return b.String()
}

// wantSeen fails for each text that was not on the screen.
func (u *user) wantSeen(t testing.TB, what string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if have := u.seen(); !strings.Contains(have, text) {
			t.Errorf("%s: %q was never on the screen:\n%s", what, text, have)
		}
	}
}

// message waits for a short message to the user that has the text.
func (u *user) message(t testing.TB, text string) {
	t.Helper()
	eventually(t, "a message with "+text, func() bool {
		for _, m := range u.set.Snapshot().Inbox {
			if strings.Contains(m.Text, text) {
				return true
			}
		}
		return false
	})
}

// rest waits until nothing is on the user's screen.
func (u *user) rest(t testing.TB) {
	t.Helper()
	eventually(t, "an idle screen", func() bool { return u.set.Snapshot().Screen == nil })
}

// menu chooses an item of the SIM menu.
func (u *user) menu(t testing.TB, text string) {
	t.Helper()
	u.rest(t)
	for _, i := range u.set.Snapshot().Menu.Items {
		if i.Text == text {
			if err := u.set.SelectMenu(i.ID, false); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no %q in the menu %v", text, u.set.Snapshot().Menu)
}

// about runs a command about the user and wants an exit code and a text of it.
func (w *world) about(t testing.TB, u *user, code int, says string, args ...string) {
	t.Helper()
	r := run(t, w.dir, append(args, "--msisdn", u.number.String())...)
	if r.code != code || !strings.Contains(r.stdout+r.stderr, says) {
		t.Errorf("simsign %s: exit code %d, want %d and %q\n%s%s\nscreen:\n%s", strings.Join(args, " "), r.code, code, says, r.stdout, r.stderr, u.seen())
	}
}

// asks asks for a signature as the bank and wants an exit code and a text.
func (w *world) asks(t testing.TB, u *user, code int, says string, args ...string) {
	t.Helper()
	r := w.sign(t, u, append(args, "--out", "signed.p7s")...)
	if r.code != code || !strings.Contains(r.stdout+r.stderr, says) {
		t.Errorf("simsign sign %s: exit code %d, want %d and %q\n%s%s\nscreen:\n%s", strings.Join(args, " "), r.code, code, says, r.stdout, r.stderr, u.seen())
	}
}

// has tells whether a text was on the screen since acts.
func (u *user) has(text string) bool { return strings.Contains(u.seen(), text) }
