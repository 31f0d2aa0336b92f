package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// reconfigure replaces a text of simsign.toml.
func (w *world) reconfigure(t testing.TB, text, instead string) {
	t.Helper()
	b, err := os.ReadFile(w.path("simsign.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), text) {
		t.Fatalf("no %q in the configuration", text)
	}
	w.write(t, "simsign.toml", strings.Replace(string(b), text, instead, 1))
}

// The operator asks for certificates of ten years: a key for which nobody
// vouches so long gets fewer, and a weak kind of key is not even configured.
//
// Covers: 3.2-8, A-2 via simsign user register
// Covers: A-1 via simsign check
func TestAlgorithmPolicy(t *testing.T) {
	w := newWorld(t, 3, "")
	for _, weak := range []string{"RSA-1024", "P-192"} {
		w.write(t, "weak.toml", "")
		b, err := os.ReadFile(w.path("simsign.toml"))
		if err != nil {
			t.Fatal(err)
		}
		w.write(t, "weak.toml", strings.Replace(string(b), `tar = "B00001"`, fmt.Sprintf("tar = \"B00001\"\nalgorithms = [%q]", weak), 1))
		if r := run(t, w.dir, "check", "-c", "weak.toml"); r.code == 0 || !strings.Contains(r.stderr, weak) {
			t.Errorf("%s: exit code %d\n%s", weak, r.code, r.stderr)
		}
	}
	w.reconfigure(t, "[ca]\n", "[ca]\nyears = 10\n")
	c := w.serve(t)
	w.register(t, "authentication")
	for u, years := range map[*user]int{w.users[0]: 10, w.users[2]: 6} {
		who := w.signed(t, u)
		if most := who.NotBefore.AddDate(years, 0, 0); who.NotAfter.After(most) || who.NotAfter.Before(most.AddDate(0, 0, -2)) {
			t.Errorf("%s: valid from %s to %s, want %d years", u.alg, who.NotBefore, who.NotAfter, years)
		}
	}
	c.stop(t)
}

// A profile of level 3, where a user would only press OK, is refused, in every
// mode, and nobody is asked; a fault sends nobody there either.
//
// Covers: 1-2 via POST /rest/service
func TestClickOK(t *testing.T) {
	const clickOK = "http://localhost/simsign/click-ok"
	w := newWorld(t, 1, "")
	w.reconfigure(t, "[[signature_profile]]", fmt.Sprintf("[[signature_profile]]\nuri = %q\nusage = \"authentication\"\nloa = 3\n[[signature_profile]]", clickOK))
	c := w.serve(t)
	w.register(t, "authentication")
	u := w.users[0]
	u.acts(nil)
	for i, mode := range []string{"synch", "asynchClientServer"} {
		body := w.request(fmt.Sprint("L", i), "Pay?", map[string]any{"SignatureProfile": clickOK, "MessagingMode": mode})
		w.wantFault(t, mode, body, "109", "")
	}
	body := w.request("N", "Pay?", map[string]any{"SignatureProfile": "http://nope.example"})
	if _, text := w.post(t, "/rest/service", jsonHeader, body); !strings.Contains(text, authURI) || strings.Contains(text, clickOK) {
		t.Errorf("a fault names %s", text)
	}
	if u.seen() != "" {
		t.Errorf("the user was asked:\n%s", u.seen())
	}
	w.asks(t, u, 0, verified, "--text", "Pay?")
	c.stop(t)
}

// What a registration is refused for, before anybody is asked: a key that the
// card's profile does not have, no free slot, a code that is blocked, nobody
// with that number.
//
// Covers: 5.1-2 via simsign user register
func TestRegistrationRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "")
	c := w.serve(t)
	w.each(t, func(t *testing.T, u *user) {
		register := []string{"user", "register", "--algorithm", u.alg.String()}
		w.about(t, u, 1, "P-384", "user", "register", "--algorithm", "P-384")
		w.about(t, &user{number: "41799999999"}, 1, "no user", register...)
		for slot := 1; slot <= 4; slot++ {
			w.about(t, u, 0, fmt.Sprintf("slot %d", slot), register...)
		}
		u.acts(nil)
		w.about(t, u, 1, "slot", register...)
		if u.seen() != "" {
			t.Errorf("the user was asked for a key that has no slot:\n%s", u.seen())
		}
		u.acts(types("8317"))
		w.asks(t, u, 3, "402 ", "--text", "Pay?")
		u.acts(nil)
		w.about(t, u, 1, "blocked", register...)
		if u.seen() != "" {
			t.Errorf("the user was asked for a code that is blocked:\n%s", u.seen())
		}
	})
	c.stop(t)
}

// Keys and counters are sealed for their place: those of another card are not
// used, and nothing is sent with them.
//
// Covers: E via simsign serve
func TestForeignKeyRow(t *testing.T) {
	w := newWorld(t, 3, "")
	c := w.serve(t)
	w.register(t, "authentication")
	c.stop(t)
	db := w.database(t)
	for _, change := range []string{
		"UPDATE keyset SET keys = (SELECT keys FROM keyset WHERE iccid = '" + string(w.users[1].iccid) + "') WHERE iccid = '" + string(w.users[0].iccid) + "'",
		"UPDATE keyset SET counter = (SELECT counter FROM keyset WHERE iccid = '" + string(w.users[1].iccid) + "') WHERE iccid = '" + string(w.users[2].iccid) + "'",
	} {
		if _, err := db.ExecContext(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	c = w.serve(t)
	for _, u := range []*user{w.users[0], w.users[2]} {
		u.messages(t)
		r := w.sign(t, u, "--text", "Pay?")
		if have := u.messages(t); r.code == 0 || len(have) > 0 {
			t.Errorf("%s: exit code %d, %d messages\n%s", u.name, r.code, len(have), r.stderr)
		}
	}
	w.asks(t, w.users[1], 0, verified, "--text", "Pay?")
	c.stop(t)
}
