package e2e

import (
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp"
)

// Users change to another operator, who has a box and a CA of his own. One leaves while his
// card still works here, and is told; another one is suspended with a blocked code and his
// card is gone: he is ended here without a word to number or card. Afterwards the old box
// has revoked the certificates and signs nothing, and the new one, which did not know him,
// registers him with its own card.
//
// Covers: 5.6-1 via simsign user unregister
// Covers: 5.6-1 via simsign user register
// Covers: 5.6-1 via POST /int3b/user_unregister
func TestOperatorChanged(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t, 3, ""), newWorld(t, 0, "")
	w.extend(t, "[procedures]\ncard = \"deactivate\"\n")
	d := newDesk(t, w)
	must(t, w.dir, "issuer", "assign", "north", string(w.users[2].iccid))
	old, next := w.serve(t), other.serve(t)
	w.register(t, "authentication")
	stays, ported, called := w.users[0], w.users[1], w.users[2]

	ends := func(u *user, says string, end func()) {
		t.Helper()
		who := w.signed(t, u).SerialNumber.Text(16)
		if says != "" { // what he cannot sign stops 5.7
			u.acts(types("8317"))
			w.asks(t, u, 3, "402 ", "--text", "Pay?")
			w.about(t, u, 0, "suspended", "user", "suspend")
			w.nothingLeft(t, u)
			w.drained(t)
			w.about(t, u, 1, says, "user", "unregister")
			u.set.Stop()
		}
		had := u.received()
		end()
		w.nothingLeft(t, u)
		if crl := w.listed(t, who); !strings.Contains(crl, "Affiliation Changed") {
			t.Errorf("the revocation list says of %s: %s", who, crl)
		}
		if r := w.sign(t, u, "--text", "Pay?"); r.code == 0 || !strings.Contains(r.stderr, mssp.UnknownClient.String()) {
			t.Errorf("%d %s%s", r.code, r.stdout, r.stderr)
		}
		w.about(t, u, 0, "removed", "user", "show")
		w.drained(t)
		if now := u.received(); says != "" && now != had {
			t.Errorf("%d packets reached the card", now-had)
		}
	}
	ends(stays, "", func() { w.about(t, stays, 0, "removed", "user", "unregister", "--reason", "changed") })
	stays.message(t, "registration has ended")
	if r := run(t, w.dir, "user", "unregister", "--gone", "--consent", "--msisdn", ported.number.String()); r.code != 2 {
		t.Errorf("asked, though he is gone: %d %s", r.code, r.stderr)
	}
	ends(ported, "is suspended", func() { w.about(t, ported, 0, "removed", "user", "unregister", "--gone", "--reason", "changed") })
	ends(called, "is suspended", func() {
		m := map[string]any{"msisdn": called.number.String(), "consent": "gone", "reason": "changed"}
		d.wants(t, "another issuer", d.ask(t, "south-care", "/int3b/user_unregister", m), 200, "refused", "no-such-user")
		a := d.ask(t, "care", "/int3b/user_unregister", m)
		d.wants(t, "gone", a, 200, "ok", "")
		if !strings.HasPrefix(a.state(), "removed") {
			t.Errorf("%+v", a)
		}
	})
	for _, u := range []*user{ported, called} {
		if u.told("registration has ended") != 0 {
			t.Error("told, though the number is somebody else's")
		}
	}

	for i, u := range w.users {
		n := newUser(20 + i)
		n.number, n.name = u.number, u.name
		other.about(t, n, 1, "no user with this number", "user", "show")
		other.join(t, n)
		other.about(t, n, 0, "registered, certificate", "user", "register", "--algorithm", n.alg.String())
		other.asks(t, n, 0, verified, "--text", "Pay?")
	}
	must(t, w.dir, "audit", "verify")
	old.stop(t)
	next.stop(t)
	must(t, w.dir, "check", "--data")
	must(t, other.dir, "check", "--data")
	w.checkLog(t, d.passwords)
}
