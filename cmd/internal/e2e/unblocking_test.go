package e2e

import (
	"strings"
	"testing"
)

// Customer care sees the unblocking code of a card once, when its holder is identified, and
// nobody sees it in a log or in the database; with it the user unblocks his code at the menu of
// his phone, which the text after the block names. A wrong one does nothing. Cards that all have the same one are refused.
//
// Covers: 3.5.4-3, 3.5.4-7 via simsign card unblocking-code
// Covers: 3.5.4-8 via simsign sign
func TestUnblockingCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "")
	c := w.serve(t)
	head := strings.TrimSpace(cardHeader) + ",gen,aset,level,unblock\n"
	csv, same := head, head
	for _, u := range w.users {
		row := strings.TrimSpace(u.row()) + ",,,,"
		csv, same = csv+row+u.puk+"\n", same+row+"12345678\n"
	}
	w.write(t, "same.csv", same)
	if r := run(t, w.dir, "card", "import", "same.csv"); r.code != 1 || !strings.Contains(r.stderr, "all cards have the same code") {
		t.Errorf("%d %s", r.code, r.stderr)
	}
	show := func(u *user, more ...string) result {
		return run(t, w.dir, append([]string{"card", "unblocking-code", "--iccid", string(u.iccid), "--identified", "portal", "--by", "Carl Care", "--reason", "blocked after holidays"}, more...)...)
	}
	if r := show(w.users[0]); r.code != 1 || !strings.Contains(r.stderr, "no unblocking code of this card is known") {
		t.Errorf("%d %s", r.code, r.stderr)
	}
	w.write(t, "codes.csv", csv)
	must(t, w.dir, "card", "import", "codes.csv")
	w.register(t, "authentication")
	secrets := map[string]string{}
	w.each(t, func(t *testing.T, u *user) {
		secrets["unblocking code of "+u.name] = u.puk
		u.acts(types("0000"))
		w.asks(t, u, 3, "402 ", "--text", "Pay?")
		u.message(t, "Choose 'Unblock personal code' in the menu of your SIM card and enter your unblocking code. Call 0800 123 456.")
		r := show(u)
		if r.code != 0 || !strings.Contains(r.stdout, u.puk) {
			t.Fatalf("%d %s%s", r.code, r.stdout, r.stderr)
		}
		if r := show(u); r.code != 1 || !strings.Contains(r.stderr, "Carl Care") || !strings.Contains(r.stderr, "blocked after holidays") || strings.Contains(r.stdout+r.stderr, u.puk) {
			t.Errorf("a second time: %d %s%s", r.code, r.stdout, r.stderr)
		}
		if r := show(u, "--again"); r.code != 0 || !strings.Contains(r.stdout, u.puk) {
			t.Errorf("again: %d %s%s", r.code, r.stdout, r.stderr)
		}
		wrong := u.puk[:7] + string('0'+(u.puk[7]-'0'+1)%10)
		u.acts(types(wrong, u.puk, "4711", "4711"))
		u.menu(t, "Unblock personal code")
		eventually(t, "the new code", func() bool { return u.has("Your new code is set.") })
		u.wantSeen(t, "a wrong one", "Wrong code. Tries left:")
		w.about(t, u, 0, "authentication: set, 3 tries left", "user", "applet")
		u.acts(types("4711"))
		w.asks(t, u, 0, verified, "--text", "Pay?")
	})
	c.stop(t)
	w.checkLog(t, secrets)
	for name, s := range secrets {
		if strings.Contains(string(w.files(t)), s) {
			t.Errorf("%s is in the database", name)
		}
	}
}
