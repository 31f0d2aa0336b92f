package e2e

import (
	"os"
	"strings"
	"testing"
)

// Cards of a profile with one code for both usages: the second registration asks for no new
// code, and both keys sign with the first one; blocked at one usage it is blocked for both,
// and unblocked for both, by whichever it is called.
//
// Covers: 3.4-8 via simsign user register
func TestOneCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, "")
	b, err := os.ReadFile(w.path("simsign.toml"))
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, "simsign.toml", strings.ReplaceAll(string(b), "[[card_profile]]\n", "[[card_profile]]\none_code = true\n"))
	w.join(t, newUser(0), newUser(1), newUser(2))
	c := w.serve(t)
	w.each(t, func(t *testing.T, u *user) {
		both := []string{"--usage", "non-repudiation"}
		u.acts(types(signCode))
		w.about(t, u, 0, "slot 1", append([]string{"user", "register", "--algorithm", u.alg.String()}, both...)...)
		w.about(t, u, 0, "slot 2", "user", "register", "--algorithm", u.alg.String())
		if u.has("signature code") || strings.Count(u.seen(), "Choose a personal code") != 1 {
			t.Errorf("codes were chosen:\n%s", u.seen())
		}
		w.asks(t, u, 0, verified, "--text", "Pay?")
		w.asks(t, u, 0, verified, "--text", "Pay?", "--profile", signURI)
		u.acts(types("1111", "1111", "1111"))
		w.asks(t, u, 3, "PIN", "--text", "Pay?", "--profile", signURI)
		w.asks(t, u, 3, "PIN", "--text", "Pay?")
		w.about(t, u, 0, "", append([]string{"user", "code", "unblock"}, both...)...)
		u.acts(types(signCode))
		w.asks(t, u, 0, verified, "--text", "Pay?")
		if r := run(t, w.dir, "card", "show", string(u.iccid)); !strings.Contains(r.stdout, "one, for both usages") {
			t.Errorf("%s%s", r.stdout, r.stderr)
		}
	})
	c.stop(t)
}
