package e2e

import "testing"

// Customer care suspends a user, ends that, and revokes, by JSON: each time he is told once,
// in his language, and signs only while he is active.
//
// Covers: 5.10-2 via POST /int3b/user_suspend
// Covers: 5.10-2 via POST /int3b/user_reactivate
// Covers: 5.10-2, W-10 via POST /int3b/user_revoke
func TestToldInHisLanguage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	d := newDesk(t, w)
	u := w.users[0]
	number := u.number.String()
	must(t, w.dir, "user", "erase", number, "--confirm", number)
	must(t, w.dir, "user", "add", "--msisdn", number, "--iccid", string(u.iccid), "--name", u.name, "--language", "de")
	must(t, w.dir, "issuer", "assign", "north", string(u.iccid))
	c := w.serve(t)
	w.register(t, "authentication")
	d.walks(t, u, []step{
		{who: "care", path: "/int3b/user_suspend", state: "suspended suspended"},
		{who: "care", path: "/int3b/user_reactivate", state: "active registered", signs: true},
		{who: "care", path: "/int3b/user_revoke", more: map[string]any{"reason": "lost"}, state: "active revoked"},
	})
	texts := []string{"Ihr Dienst ist ausgesetzt", "Ihr Dienst ist wieder aktiv", "Ihr Zertifikat ist widerrufen"}
	for _, text := range texts {
		u.message(t, text)
	}
	w.drained(t)
	for _, text := range texts {
		if n := u.told(text); n != 1 {
			t.Errorf("%q was told %d times", text, n)
		}
	}
	if n := u.told("is suspended") + u.told("active again") + u.told("is revoked"); n != 0 {
		t.Errorf("%d texts are in another language", n)
	}
	c.stop(t)
	must(t, w.dir, "check", "--data")
	must(t, w.dir, "audit", "verify")
	w.checkLog(t, d.passwords)
}
