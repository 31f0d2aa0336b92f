package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
)

// badCall is a call that must be refused.
type badCall struct {
	who, path string
	of        *user
	more      map[string]any
	reason    string
}

// state is what the service says of a user and his card.
func (w *world) state(t *testing.T, u *user) string {
	t.Helper()
	return must(t, w.dir, "user", "show", "--json", "--msisdn", u.number.String()) + must(t, w.dir, "card", "show", "--json", string(u.iccid))
}

// states are those of all users.
func (w *world) states(t *testing.T) map[*user]string {
	t.Helper()
	all := map[*user]string{}
	for _, u := range w.users {
		all[u] = w.state(t, u)
	}
	return all
}

// noted is what the audit log says was refused to clients: how often, by "actor action reason".
func (w *world) noted(t *testing.T) map[string]int {
	t.Helper()
	all := map[string]int{}
	for line := range strings.Lines(must(t, w.dir, "audit", "list", "--json")) {
		var l struct {
			Entry struct {
				Actor           struct{ Name, Door string }
				Action, Outcome string
				Reason          string
				Times           int
			}
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if e := l.Entry; e.Outcome == "refused" && strings.HasPrefix(e.Actor.Door, "int3") {
			all[e.Actor.Name+" "+e.Action+" "+e.Reason] += max(e.Times, 1)
		}
	}
	return all
}

// refuses has each call refused: with its own reason, by one answer of the application, though
// nothing has changed at users and cards, no phone has shown anything, and the audit log has it.
// A life of the service tells some kinds of refusals apart before it counts them only, so each
// table has one of its own.
func (d *desk) refuses(t *testing.T, rows []badCall) {
	t.Helper()
	c := d.w.serve(t)
	was, before := d.w.noted(t), d.w.states(t)
	for _, u := range d.w.users {
		u.acts(nil)
	}
	for i, r := range rows {
		m := map[string]any{}
		if r.of != nil {
			m["msisdn"] = r.of.number.String()
		}
		maps.Copy(m, r.more)
		what := fmt.Sprint(i+1, " ", r.who, " ", r.path, " ", r.more)
		status := http.StatusOK
		if r.reason == "role" {
			status = http.StatusForbidden
		}
		a := d.ask(t, r.who, r.path, m)
		d.wants(t, what, a, status, "refused", r.reason)
		if a.Detail == "" {
			t.Errorf("%s: nothing for people in %+v", what, a)
		}
		if r.of != nil && d.w.state(t, r.of) != before[r.of] {
			t.Errorf("%s: it has changed\n%s\nto\n%s", what, before[r.of], d.w.state(t, r.of))
		}
		was[r.who+" "+strings.ReplaceAll(r.path[1:], "/", ".")+" "+r.reason]++
	}
	if after := d.w.states(t); !maps.Equal(after, before) {
		t.Errorf("the users have changed:\n%v\nto\n%v", before, after)
	}
	for _, u := range d.w.users {
		if s := u.seen(); s != "" {
			t.Errorf("the phone of %s has shown %s", u.name, s)
		}
	}
	c.stop(t)
	if now := d.w.noted(t); !maps.Equal(now, was) {
		t.Errorf("the audit log has\n%v\nwant\n%v", now, was)
	}
	must(t, d.w.dir, "audit", "verify")
	must(t, d.w.dir, "check", "--data")
	d.w.checkLog(t, d.passwords)
}

// What RA and operator ask for out of order, for the wrong user, for a profile that the card
// cannot do, for another issuer's user and without the right is refused, and all goes on after it.
//
// Covers: 5-1, 5.1-2, W-2, W-8 via POST /int3c/register_init
// Covers: 5-1 via POST /int3c/certificate_status
// Covers: 5-1 via POST /int3c/notification
// Supports: 5.7-1, 5.8-1, 5.9-1, 5.10-1, I8
func TestBadCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4, "")
	d, ca := newDesk(t, w), w.externalCA(t)
	for _, u := range w.users {
		must(t, w.dir, "issuer", "assign", "north", string(u.iccid))
	}
	him, other, fresh, waits := w.users[0], w.users[1], w.users[2], w.users[3]
	spare := w.newCard(t, him, 6)
	must(t, w.dir, "issuer", "edit", "north", "--ca", "external.crt")
	must(t, w.dir, "issuer", "assign", "north", string(spare.iccid))

	// him has a certificate that is revoked, and one in force; waits: a pair without one.
	c := w.serve(t)
	pair := func(u *user, more ...any) map[string]any {
		m := map[string]any{"msisdn": u.number.String(), "profile": authURI, "algorithm": u.alg.String()}
		for i := 0; i < len(more); i += 2 {
			m[more[i].(string)] = more[i+1]
		}
		return m
	}
	revoked := d.external(t, him, ca)
	d.wants(t, "revoked", d.ask(t, "crm", "/int3c/notification", map[string]any{"msisdn": him.number.String(), "serial": revoked, "status": "revoked"}), 200, "ok", "")
	valid, his := d.external(t, him, ca), d.external(t, other, ca)
	complete := d.ask(t, "crm", "/int3c/register_complete", pair(waits, "usage", "authentication", "flow", "B"))
	d.wants(t, "complete", complete, 200, "ok", "")
	foreign := d.ask(t, "crm", "/int3c/register_complete", pair(other, "profile", signURI, "usage", "non-repudiation", "flow", "B"))
	d.wants(t, "complete", foreign, 200, "ok", "")
	d.wants(t, "refused by the CA", d.ask(t, "crm", "/int3c/certificate_status", map[string]any{"msisdn": other.number.String(), "status": "refused"}), 200, "ok", "")
	for _, u := range w.users { // what cards say of themselves is known, so no question changes it
		d.wants(t, "applet", d.ask(t, "care", "/int3b/applet_show", map[string]any{"msisdn": u.number.String()}), 200, "ok", "")
		w.idle(t, u)
	}
	w.drained(t)
	c.stop(t)

	of := func(kv ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i].(string)] = kv[i+1]
		}
		return m
	}
	auth := of("profile", authURI)
	d.refuses(t, []badCall{ // modes out of order
		{who: "crm", path: "/int3c/register_complete", of: fresh, more: pair(fresh, "usage", "authentication"), reason: "registration-nok"},
		{who: "crm", path: "/int3c/certificate_status", of: fresh, more: of("status", "created"), reason: "registration-nok"},
		{who: "crm", path: "/int3c/certificate_status", of: him, more: of("status", "refused"), reason: "registration-nok"},
		{who: "crm", path: "/int3c/certificate_status", of: waits, more: of("status", "created", "usage", "non-repudiation"), reason: "registration-nok"},
		{who: "crm", path: "/int3c/certificate_status", of: waits, more: of("status", "refused", "certificate", ca.issue(t, complete.octets(t, "csr"))), reason: "bad-request"},
		{who: "crm", path: "/int3c/notification", of: him, more: of("serial", revoked, "status", "reactivated"), reason: "revoked"},
		{who: "crm", path: "/int3c/notification", of: him, more: of("serial", revoked, "status", "suspended"), reason: "revoked"},
		{who: "crm", path: "/int3c/notification", of: fresh, more: of("serial", "77", "status", "suspended"), reason: "not-his"},
		{who: "crm", path: "/int3c/reactivate", of: him, reason: "nothing-to-do"},
		{who: "crm", path: "/int3c/reactivate", of: fresh, reason: "not-registered"},
		{who: "crm", path: "/int3c/unregister", of: fresh, more: of("consent", "with"), reason: "not-registered"},
		{who: "crm", path: "/int3c/suspend", of: fresh, reason: "not-registered"},
		{who: "crm", path: "/int3c/revoke", of: fresh, reason: "not-registered"},
		{who: "crm", path: "/int3c/renew", of: fresh, more: of("usage", "authentication"), reason: "policy"},
	})
	d.refuses(t, []badCall{ // the same
		{who: "crm", path: "/int3c/pop_check", of: fresh, more: of("pop", "12345674"), reason: "registration-nok"},
		{who: "care", path: "/int3b/user_unregister", of: fresh, more: of("consent", "without"), reason: "not-registered"},
		{who: "care", path: "/int3b/user_reactivate", of: him, reason: "nothing-to-do"},
		{who: "care", path: "/int3b/unblock_pc", of: fresh, more: of("usage", "authentication"), reason: "no-key-found"},
		{who: "care", path: "/int3b/reset_pc", of: fresh, more: of("usage", "non-repudiation"), reason: "no-key-found"},
	})
	d.refuses(t, []badCall{ // the wrong user, card or certificate
		{who: "crm", path: "/int3c/revoke", of: him, more: of("serial", his), reason: "not-his"},
		{who: "crm", path: "/int3c/suspend", of: him, more: of("serial", his), reason: "not-his"},
		{who: "crm", path: "/int3c/notification", of: him, more: of("serial", his, "status", "revoked"), reason: "not-his"},
		{who: "crm", path: "/int3c/certificate_status", of: waits, more: of("status", "created", "certificate", ca.issue(t, foreign.octets(t, "csr"))), reason: "error-certificate"},
		{who: "care", path: "/int3b/user_revoke", of: other, more: of("serial", valid), reason: "not-his"},
		{who: "admin", path: "/int3b/card_change", of: him, more: of("iccid", string(other.iccid)), reason: "card-taken"},
		{who: "admin", path: "/int3b/card_change", of: him, more: of("iccid", string(him.iccid)), reason: "nothing-to-do"},
		{who: "crm", path: "/int3c/user_add", of: him, more: of("iccid", string(spare.iccid), "name", "Anna"), reason: "number-taken"},
		{who: "crm", path: "/int3c/register_init", more: of("msisdn", "+41799999999", "profile", authURI), reason: "no-such-user"},
		{who: "crm", path: "/int3c/register_complete", more: of("msisdn", "+41799999999", "profile", authURI, "usage", "authentication"), reason: "no-such-user"},
		{who: "crm", path: "/int3c/certificate_status", more: of("msisdn", "+41799999999", "status", "refused"), reason: "no-such-user"},
		{who: "crm", path: "/int3c/notification", more: of("msisdn", "+41799999999", "serial", valid, "status", "revoked"), reason: "no-such-user"},
		{who: "crm", path: "/int3c/register_init", more: of("msisdn", "nobody", "profile", authURI), reason: "bad-request"},
	})
	d.refuses(t, []badCall{ // what the card or the service does not have
		{who: "crm", path: "/int3c/register_init", of: fresh, more: of("profile", authURI, "algorithm", "P-521"), reason: "registration-nok"},
		{who: "crm", path: "/int3c/register_complete", of: him, more: of("profile", authURI, "usage", "authentication", "algorithm", "P-521", "flow", "B"), reason: "registration-nok"},
		{who: "crm", path: "/int3c/register_init", of: him, more: of("profile", authURI, "algorithm", "DES"), reason: "bad-request"},
		{who: "crm", path: "/int3c/register_init", of: him, more: of("profile", authURI, "slot", 200), reason: "registration-nok"},
		{who: "crm", path: "/int3c/register_init", of: fresh, more: of("profile", authURI, "usage", "non-repudiation"), reason: "wrong-param"},
		{who: "crm", path: "/int3c/register_init", of: fresh, more: of("profile", "urn:none"), reason: "unsupported-profile"},
	})
	var rows []badCall // another issuer, and roles without the right
	for path, more := range map[string]map[string]any{
		"/int3c/register_init": auth, "/int3c/register_complete": of("profile", authURI, "usage", "authentication"), "/int3c/certificate_status": of("status", "refused"),
		"/int3c/unregister": of("consent", "with"), "/int3c/notification": of("serial", valid, "status", "revoked"),
	} {
		rows = append(
			rows, badCall{who: "south-ra", path: path, of: him, more: more, reason: "no-such-user"},
			badCall{who: "care", path: path, of: him, more: more, reason: "role"}, badCall{who: "auditor", path: path, of: him, more: more, reason: "role"},
		)
	}
	d.refuses(t, rows)
	rows = nil
	for path, more := range map[string]map[string]any{
		"/int3b/user_unregister": of("consent", "without"), "/int3b/user_suspend": nil, "/int3b/reset_pc": of("usage", "authentication"), "/int3b/card_change": of("iccid", string(spare.iccid)),
	} {
		rows = append(rows, badCall{who: "crm", path: path, of: him, more: more, reason: "role"}, badCall{who: "auditor", path: path, of: him, more: more, reason: "role"})
		if path != "/int3b/card_change" {
			rows = append(rows, badCall{who: "south-care", path: path, of: him, more: more, reason: "no-such-user"})
		}
	}
	d.refuses(t, rows)

	// All of them still work.
	c = w.serve(t)
	for _, u := range []*user{him, other} {
		if r := w.signBare(t, u, "--text", "Pay?"); r.code != 0 {
			t.Error(r.stdout, r.stderr)
		}
	}
	a := d.ask(t, "crm", "/int3c/certificate_status", map[string]any{"msisdn": waits.number.String(), "status": "created", "certificate": ca.issue(t, complete.octets(t, "csr"))})
	d.wants(t, "the one that waited", a, 200, "ok", "")
	c.stop(t)
}
