package e2e

import (
	"strings"
	"testing"
)

// newCard imports a card for the number of a user, and puts it into no phone yet.
func (w *world) newCard(t *testing.T, u *user, i int) *user {
	t.Helper()
	n := newUser(i)
	n.number, n.name = u.number, u.name
	w.write(t, "cards.csv", cardHeader+n.row())
	must(t, w.dir, "card", "import", "cards.csv")
	return n
}

// into puts another card into the phone of a user.
func (w *world) into(t *testing.T, u, n *user) {
	t.Helper()
	u.set.Stop()
	n.switchOn(t, w.networkAddr)
	for i := range w.users {
		if w.users[i] == u {
			w.users[i] = n
		}
	}
}

func (u *user) received() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.packets)
}

func (w *world) nothingLeft(t *testing.T, u *user) {
	t.Helper()
	eventually(t, "nothing left to do", func() bool { return !strings.Contains(must(t, w.dir, "ra", "work"), u.number.String()) })
}

// A user gets another card of the same operator: what was open at the old one ends, its
// certificate is revoked, and nothing is sent to it any more, though the policy would
// deactivate it; with the new card he registers anew, chooses a code and signs. What cannot
// be is refused and changes nothing. The number may come back to the former card, as a new
// registration.
//
// Covers: 5.5-1 via simsign user change-card
func TestCardChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4, "")
	w.extend(t, "[procedures]\ncard = \"deactivate\"\n")
	must(t, w.dir, "issuer", "add", "north", "--name", "North")
	c := w.serve(t)
	taken := string(w.users[3].iccid)
	for i, u := range w.users[:3] {
		t.Run(u.way, func(t *testing.T) { w.changesCard(t, u, w.newCard(t, u, 10+i), taken) })
	}
	if out := must(t, w.dir, "audit", "list"); !strings.Contains(out, "user.change-card") {
		t.Errorf("no change in the audit log:\n%s", out)
	}
	must(t, w.dir, "audit", "verify")
	c.stop(t)
	must(t, w.dir, "check", "--data")
	w.checkLog(t, nil)
}

func (w *world) changesCard(t *testing.T, u, n *user, taken string) {
	t.Helper()
	refused := func(says, iccid string) {
		t.Helper()
		w.about(t, u, 1, says, "user", "change-card", "--iccid", iccid)
	}
	refused("not registered for any key pair", string(n.iccid))
	w.about(t, u, 0, "registered", "user", "register", "--algorithm", u.alg.String())
	w.asks(t, u, 0, verified, "--text", "Pay?")
	who := w.signed(t, u).SerialNumber.Text(16)
	refused("has this card already", string(u.iccid))
	refused("belongs to another user", taken)
	refused("no card with this iccid", "8941010000000009999")
	must(t, w.dir, "issuer", "assign", "north", string(n.iccid))
	refused("of another issuer", string(n.iccid))
	must(t, w.dir, "issuer", "assign", "north", string(u.iccid))
	w.asks(t, u, 0, verified, "--text", "Pay?")

	u.setIdle(true)
	u.acts(nil)
	open := make(chan result, 1)
	go func() { open <- w.sign(t, u, "--text", "Pay for nothing?") }()
	eventually(t, "the request on the old card", func() bool { return u.has("Pay for nothing?") })
	had := u.received()
	w.about(t, u, 0, "register him with it", "user", "change-card", "--iccid", string(n.iccid), "--note", "phone lost")
	if r := <-open; r.code == 0 || !strings.Contains(r.stderr, "NO_KEY_FOUND") || !strings.Contains(r.stderr, "new card") {
		t.Errorf("the open request: %d %s%s", r.code, r.stdout, r.stderr)
	}
	w.nothingLeft(t, u)
	u.message(t, "new SIM card")
	w.about(t, u, 0, string(n.iccid), "user", "show")
	if r := w.sign(t, u, "--text", "Pay?"); r.code == 0 {
		t.Error("signed without a registration")
	}
	if crl := w.listed(t, who); !strings.Contains(crl, "Superseded") {
		t.Errorf("the revocation list says of %s: %s", who, crl)
	}
	if now := u.received(); now != had {
		t.Errorf("%d packets reached the old card", now-had)
	}

	w.into(t, u, n)
	w.about(t, n, 0, "slot 1", "user", "register", "--algorithm", n.alg.String())
	n.wantSeen(t, "registered", "new code")
	w.asks(t, n, 0, verified, "--text", "Pay?")
	if now := u.received(); now != had {
		t.Errorf("%d packets reached the old card", now-had)
	}

	w.about(t, n, 0, string(u.iccid), "user", "change-card", "--iccid", string(u.iccid))
	w.nothingLeft(t, n)
	n.set.Stop()
	u.setIdle(false)
	u.insert(t, w.networkAddr)
	w.about(t, u, 0, "registered, certificate", "user", "register", "--algorithm", u.alg.String())
	w.asks(t, u, 0, verified, "--text", "Pay?")
}

// listed is what the revocation list says of a certificate, as OpenSSL reads it.
func (w *world) listed(t *testing.T, serial string) string {
	t.Helper()
	serial = strings.ToUpper(serial)
	if len(serial)%2 == 1 {
		serial = "0" + serial
	}
	w.write(t, "got.crl", get(t, "http://"+w.ca+"/ca.crl"))
	_, entry, _ := strings.Cut(w.peer(t, "crl", "-inform", "DER", "-in", "got.crl", "-noout", "-text"), "Serial Number: "+serial)
	entry, _, _ = strings.Cut(entry, "Serial Number:")
	return entry
}

// The same by the JSON interface: the operator changes the card and the RA registers the
// user with the new one; a role without the right, and an issuer whose card it is not, change
// nothing. simsign is killed while the CA has not been asked: the old certificate is
// revoked after the next start, and the old card gets nothing.
//
// Covers: 5.5-1 via POST /int3b/card_change
func TestCardChangedByOperator(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	d := newDesk(t, w)
	u := w.users[0]
	n := w.newCard(t, u, 4)
	for _, iccid := range []string{string(u.iccid), string(n.iccid)} {
		must(t, w.dir, "issuer", "assign", "north", iccid)
	}
	c := w.serve(t)
	profile := map[string]any{"msisdn": u.number.String(), "profile": authURI, "algorithm": u.alg.String()}
	d.wants(t, "registered", d.ask(t, "crm", "/int3c/register", profile), 200, "ok", "")
	who := w.signed(t, u).SerialNumber.Text(16)
	m := map[string]any{"msisdn": u.number.String(), "iccid": string(n.iccid), "note": "lost"}
	d.wants(t, "customer care", d.ask(t, "care", "/int3b/card_change", m), 403, "refused", "role")
	d.wants(t, "the RA", d.ask(t, "crm", "/int3b/card_change", m), 403, "refused", "role")
	d.wants(t, "the same card", d.ask(t, "admin", "/int3b/card_change", map[string]any{"msisdn": u.number.String(), "iccid": string(u.iccid)}), 200, "refused", "nothing-to-do")
	d.wants(t, "no such card", d.ask(t, "admin", "/int3b/card_change", map[string]any{"msisdn": u.number.String(), "iccid": "8941010000000009999"}), 200, "refused", "no-such-card")
	had := u.received()
	a := d.ask(t, "admin", "/int3b/card_change", m)
	d.wants(t, "changed", a, 200, "ok", "")
	if a.Data["iccid"] != n.iccid.String() {
		t.Errorf("%+v", a)
	}
	c.kill()
	c = w.serve(t)
	w.nothingLeft(t, u)
	if crl := w.listed(t, who); !strings.Contains(crl, "Superseded") {
		t.Errorf("the revocation list says of %s: %s", who, crl)
	}
	w.into(t, u, n)
	profile["algorithm"] = n.alg.String()
	d.wants(t, "registered anew", d.ask(t, "crm", "/int3c/register", profile), 200, "ok", "")
	w.asks(t, n, 0, verified, "--text", "Pay?")
	if now := u.received(); now != had {
		t.Errorf("%d packets reached the old card", now-had)
	}
	c.stop(t)
	must(t, w.dir, "check", "--data")
	must(t, w.dir, "audit", "verify")
	w.checkLog(t, d.passwords)
}
