package e2e

import (
	"reflect"
	"testing"
)

// A request of the RA that comes again after the service was killed gets the answer of the
// first. One that was cut off while the user had the prompt is not begun again: its client is
// told so, the user is asked once, and what he does counts. An erased user leaves no answer.
//
// Covers: 5-1, I5 via POST /int3c/register_complete
func TestRequestIDsOverKills(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	d := newDesk(t, w)
	u := w.users[0]
	must(t, w.dir, "issuer", "assign", "north", string(u.iccid))
	c := w.serve(t)
	m := func(request string) map[string]any {
		return map[string]any{"msisdn": u.number.String(), "profile": authURI, "usage": "authentication", "algorithm": u.alg.String(), "request": request}
	}
	pair := func() (state string) {
		keys, _ := d.ask(t, "care", "/int3b/user_show", map[string]any{"msisdn": u.number.String()}).Data["keys"].([]any)
		if len(keys) == 1 {
			state, _ = keys[0].(map[string]any)["state"].(string)
		}
		return state
	}

	first := d.ask(t, "crm", "/int3c/register_init", m("i1"))
	d.wants(t, "init", first, 200, "ok", "")
	c.kill()
	c = w.serve(t)
	if again := d.ask(t, "crm", "/int3c/register_init", m("i1")); again.Call != first.Call || !reflect.DeepEqual(again.Data, first.Data) {
		t.Errorf("after a kill: %+v, first %+v", again, first)
	}
	d.wants(t, "its status", d.ask(t, "crm", "/int3/call_status", map[string]any{"call": first.Call}), 200, "ok", "")
	d.wants(t, "somebody else's call", d.ask(t, "south-ra", "/int3/call_status", map[string]any{"call": first.Call}), 200, "refused", "no-such-call")
	d.wants(t, "another operation under the same id", d.ask(t, "crm", "/int3c/register_complete", m("i1")), 200, "refused", "request-reused")
	if other := d.ask(t, "admin", "/int3c/register_init", m("i1")); other.Call == first.Call {
		t.Errorf("another client has the call: %+v", other)
	}

	u.setIdle(true)
	complete := m("c1")
	complete["wait"] = 0
	begun := d.ask(t, "crm", "/int3c/register_complete", complete)
	d.wants(t, "complete", begun, 200, "pending", "")
	eventually(t, "the prompt", func() bool { return u.seen() != "" })
	c.kill()
	c = w.serve(t)
	cut := d.ask(t, "crm", "/int3c/register_complete", complete)
	d.wants(t, "cut off", cut, 200, "refused", "interrupted")
	if cut.Call != begun.Call {
		t.Errorf("%+v, begun as %+v", cut, begun)
	}
	d.wants(t, "its status", d.ask(t, "crm", "/int3/call_status", map[string]any{"call": begun.Call}), 200, "refused", "interrupted")
	u.setIdle(false)
	press(t, u)
	eventually(t, "the end of what was begun", func() bool { return pair() == "requested" })
	screens := u.seen()
	d.wants(t, "once more", d.ask(t, "crm", "/int3c/register_complete", complete), 200, "refused", "interrupted")
	if u.seen() != screens {
		t.Error("the user was asked twice for one thing")
	}

	d.wants(t, "refused by the CA", d.ask(t, "crm", "/int3c/certificate_status", map[string]any{"msisdn": u.number.String(), "status": "refused", "request": "s1"}), 200, "ok", "")
	db := w.database(t)
	var n int
	eventually(t, "the pair to be deleted on the card", func() bool { // nobody is erased while something is open
		return db.QueryRow("SELECT COUNT(*) FROM tx WHERE finished_at = 0").Scan(&n) == nil && n == 0
	})
	if err := db.QueryRow("SELECT COUNT(*) FROM int3_call").Scan(&n); err != nil || n < 3 {
		t.Errorf("%d calls, %v", n, err)
	}
	must(t, w.dir, "user", "erase", u.number.String(), "--confirm", u.number.String())
	if err := db.QueryRow("SELECT COUNT(*) FROM int3_call WHERE about = ?", string(u.number)).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d calls about an erased user, %v", n, err)
	}
	d.wants(t, "the user is gone", d.ask(t, "crm", "/int3c/register_init", m("i1")), 200, "refused", "no-such-user")
	c.stop(t)
	w.checkLog(t, d.passwords)
}
