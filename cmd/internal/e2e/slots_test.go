package e2e

import (
	"strings"
	"testing"
)

// An operator sees what a card says of its slots beside what is known here, and empties
// those that hold nothing in force: of a former database, and of a certificate that is
// revoked. A pair in force stays, and the refusal names it. Both by commands and by the
// JSON interface, and each in the audit log.
//
// Covers: 4-10, 3.5.1-9 via simsign card slot empty
// Covers: 4-10 via POST /int3b/slot_empty
func TestSlotEmptied(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "")
	c := w.serve(t)
	card := func(t *testing.T, u *user, code int, says string, args ...string) {
		t.Helper()
		r := run(t, w.dir, append(args, string(u.iccid))...)
		if got := strings.Join(strings.Fields(r.stdout+r.stderr), " "); r.code != code || !strings.Contains(got, says) {
			t.Errorf("%v: exit code %d, want %d and %q\n%s%s", args, r.code, code, says, r.stdout, r.stderr)
		}
	}
	w.each(t, func(t *testing.T, u *user) {
		w.about(t, u, 0, "slot 1, authentication", "user", "register", "--algorithm", u.alg.String())
		w.asks(t, u, 0, verified, "--text", "Pay?")
		card(t, u, 0, "1 registered, authentication, "+u.alg.String()+" registered, authentication, "+u.alg.String(), "card", "slots")
		card(t, u, 1, "slot 1 holds a key for authentication in force (registered, certificate ", "card", "slot", "empty", "--slot", "1")
		card(t, u, 1, "4 key slots, there is no slot 5", "card", "slot", "empty", "--slot", "5")
		w.asks(t, u, 0, verified, "--text", "Pay?")
	})
	c.stop(t)
	w.anew(t)
	d := newDesk(t, w)
	card(t, w.users[0], 1, "needs the running service", "card", "slot", "empty", "--slot", "1")
	card(t, w.users[0], 0, "1 not asked - - yes", "card", "slots", "--known")
	c = w.serve(t)
	w.each(t, func(t *testing.T, u *user) {
		card(t, u, 0, "1 registered, authentication, "+u.alg.String()+" - - yes", "card", "slots")
		card(t, u, 0, "slot 1 of card "+string(u.iccid)+" is empty", "card", "slot", "empty", "--slot", "1")
		card(t, u, 0, "1 empty - - -", "card", "slots")
		card(t, u, 0, `"slot": 1`, "card", "slot", "empty", "--json", "--slot", "1") // it is
		w.about(t, u, 0, "slot 1, authentication", "user", "register", "--algorithm", u.alg.String())
		slot := map[string]any{"iccid": string(u.iccid), "slot": 1}
		d.wants(t, "in force", d.ask(t, "admin", "/int3b/slot_empty", slot), 200, "refused", "slot-in-use")
		d.wants(t, "the auditor", d.ask(t, "auditor", "/int3b/slot_empty", slot), 403, "refused", "role")
		w.about(t, u, 0, "revoked", "user", "revoke")
		w.idle(t, u)
		d.wants(t, "revoked", d.ask(t, "admin", "/int3b/slot_empty", slot), 200, "ok", "")
		a := d.ask(t, "admin", "/int3b/card_slots", map[string]any{"iccid": string(u.iccid)})
		slots, _ := a.Data["slots"].([]any)
		if len(slots) != 4 || slots[0].(map[string]any)["row"] != nil || slots[0].(map[string]any)["card"].(map[string]any)["state"] != "empty" {
			t.Errorf("%+v", a)
		}
	})
	list := must(t, w.dir, "audit", "list")
	for _, said := range []string{"call.card/slot/empty", "int3b.slot_empty", "slot-in-use"} {
		if !strings.Contains(list, said) {
			t.Errorf("no %s in the audit log", said)
		}
	}
	c.stop(t)
	w.checkLog(t, nil)
}
