package e2e

import (
	"strings"
	"testing"
)

const verified = "chain     leads to the given CA"

// A user enters wrong codes until the code is blocked; customer care unblocks
// it, to whom the text after the block has sent him; the user unblocks it by himself; customer care resets it; the user
// changes it. Of both codes. No command says what the code shall be.
//
// Covers: 3.3-3, 3.5.3-2, 3.5.4-1, 3.5.4-8 via simsign sign
// Covers: 3.5.4-2, 5.3-1 via simsign user code unblock
// Covers: 3.4-1, 3.5.5-1, 5.4-1 via simsign user code reset
// Covers: 3.4-7, 4-4 via simsign user code unblock
func TestCodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "")
	c := w.serve(t)
	w.register(t, "authentication", "non-repudiation")
	w.each(t, func(t *testing.T, u *user) {
		for _, code := range []struct{ usage, profile, name, right, wrong, next, last, format string }{
			{"authentication", authURI, "personal code", personalCode, "8317", "7204", "6390", "4-8 digits"},
			{"non-repudiation", signURI, "signature code", signCode, "83174625", "72046183", "63905172", "6-8 digits"},
		} {
			sign := []string{"--text", "Pay?", "--profile", code.profile}
			care := func(command string) {
				t.Helper()
				w.about(t, u, 0, "done", append(strings.Fields(command), "--usage", code.usage)...)
			}
			block := func() {
				t.Helper()
				u.acts(types(code.wrong))
				w.asks(t, u, 3, "402 ", sign...)
				u.wantSeen(t, "wrong codes", "Tries left: 2", "Tries left: 1", "blocked")
			}

			block()
			u.message(t, "Customer care unblocks it. Call 0800 123 456.")
			w.about(t, u, 0, code.usage+": blocked", "user", "show")
			u.acts(nil)
			w.asks(t, u, 3, "402 ", sign...)
			if u.seen() != "" {
				t.Errorf("a user whose code is blocked was asked:\n%s", u.seen())
			}
			care("user code unblock")
			w.about(t, u, 0, code.usage+": set, 3 tries left", "user", "applet")
			u.acts(types(code.right))
			w.asks(t, u, 0, verified, sign...)

			block()
			u.acts(types(u.puk, code.next, code.next))
			u.menu(t, "Unblock "+code.name)
			eventually(t, "the new code", func() bool { return u.has("Your new code is set.") })
			u.wantSeen(t, "unblocking on the device", "Enter the unblocking code", code.format)
			w.about(t, u, 0, code.usage+": set, 3 tries left", "user", "applet")
			u.acts(types(code.next))
			w.asks(t, u, 0, verified, sign...)

			block()
			u.acts(types(code.last))
			care("user code reset")
			u.wantSeen(t, "reset", code.format, "Enter the new code again", "Your new code is set.")
			w.about(t, u, 0, code.usage+": set, 3 tries left", "user", "applet")
			u.acts(types(code.next, code.last))
			w.asks(t, u, 0, verified, sign...)
			u.wantSeen(t, "the code before the reset", "Wrong code. Tries left: 2")

			u.acts(types(code.last, code.right, code.right))
			u.menu(t, "Change "+code.name)
			eventually(t, "the new code", func() bool { return u.has("Your new code is set.") })
			u.wantSeen(t, "change by the menu", "Enter your present "+code.name, code.format)
			u.acts(types(code.right))
			w.asks(t, u, 0, verified, sign...)
		}
	})
	c.stop(t)
	w.checkLog(t, nil)
}
