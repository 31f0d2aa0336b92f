package e2e

import (
	"encoding/pem"
	"fmt"
	"os"
	"strings"
	"testing"
)

// state is what an answer says of a user and of his certificates.
func (a *deskAnswer) state() string {
	s := fmt.Sprint(a.Data["state"])
	certs, _ := a.Data["certificates"].([]any)
	for _, c := range certs {
		s += fmt.Sprint(" ", c.(map[string]any)["state"])
	}
	return s
}

// step is a call of a procedure and what must come of it.
type step struct {
	who, path string
	more      map[string]any
	reason    string // of a refusal
	state     string // of a good answer
	signs     bool   // the user, afterwards
}

// walks does the steps of procedures of a user.
func (d *desk) walks(t *testing.T, u *user, steps []step) {
	t.Helper()
	for i, s := range steps {
		m := map[string]any{"msisdn": u.number.String()}
		for name, v := range s.more {
			m[name] = v
		}
		what := fmt.Sprint(i+1, " ", s.who, " ", s.path, " ", s.more)
		a := d.ask(t, s.who, s.path, m)
		switch {
		case s.reason == "role":
			d.wants(t, what, a, 403, "refused", "role")
		case s.reason != "":
			d.wants(t, what, a, 200, "refused", s.reason)
		default:
			d.wants(t, what, a, 200, "ok", "")
			if a.state() != s.state {
				t.Errorf("%s: %s, want %s: %+v", what, a.state(), s.state, a)
			}
		}
		if r := d.w.signBare(t, u, "--text", "Pay?"); (r.code == 0) != s.signs {
			t.Errorf("%s: signs with exit code %d %s%s", what, r.code, r.stdout, r.stderr)
		}
	}
}

// external registers a user by the RA in three steps, with the certificate of another CA, and
// answers its serial number.
func (d *desk) external(t *testing.T, u *user, ca *external) string {
	t.Helper()
	m := map[string]any{"msisdn": u.number.String(), "profile": authURI, "algorithm": u.alg.String(), "usage": "authentication", "flow": "B"}
	a := d.ask(t, "crm", "/int3c/register_complete", m)
	d.wants(t, "complete", a, 200, "ok", "")
	m = map[string]any{"msisdn": u.number.String(), "status": "created", "certificate": ca.issue(t, a.octets(t, "csr"))}
	a = d.ask(t, "crm", "/int3c/certificate_status", m)
	d.wants(t, "status", a, 200, "ok", "")
	return fmt.Sprint(a.Data["serial"])
}

// The procedures with the built-in CA, by operator and customer care: the user is suspended,
// comes back, refuses to leave, leaves. Who has not the right, or not the user, or comes out
// of order, is told so, and nothing has changed.
//
// Covers: W-2, W-10, 3.5.11-1, 5.9-1, 5.10-1 via POST /int3b/user_suspend
// Covers: 3.5.9-1, 5.7-1, 5.7-2 via POST /int3b/user_unregister
func TestProceduresByCustomerCare(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	d := newDesk(t, w)
	u := w.users[0]
	must(t, w.dir, "issuer", "assign", "north", string(u.iccid))
	c := w.serve(t)
	d.walks(t, u, []step{{who: "care", path: "/int3b/user_suspend", reason: "not-registered"}})
	w.register(t, "authentication")
	d.walks(t, u, []step{
		{who: "auditor", path: "/int3b/user_suspend", reason: "role", signs: true},
		{who: "crm", path: "/int3b/user_suspend", reason: "role", signs: true},
		{who: "care", path: "/int3c/suspend", reason: "role", signs: true},
		{who: "care", path: "/int3c/notification", more: map[string]any{"serial": "1", "status": "revoked"}, reason: "role", signs: true},
		{who: "south-care", path: "/int3b/user_suspend", reason: "no-such-user", signs: true},
		{who: "care", path: "/int3b/user_suspend", more: map[string]any{"serial": "x"}, reason: "bad-request", signs: true},
		{who: "care", path: "/int3b/user_suspend", more: map[string]any{"serial": "77"}, reason: "not-his", signs: true},
		{who: "care", path: "/int3b/user_reactivate", reason: "nothing-to-do", signs: true},
		{who: "care", path: "/int3b/user_suspend", more: map[string]any{"note": "on holiday"}, state: "suspended suspended"},
		{who: "care", path: "/int3b/user_suspend", reason: "not-active"},
		{who: "care", path: "/int3b/user_unregister", more: map[string]any{"consent": "without"}, reason: "not-active"},
		{who: "op", path: "/int3b/user_reactivate", state: "active registered", signs: true},
		{who: "op", path: "/int3b/user_unregister", reason: "bad-request", signs: true},
		{who: "op", path: "/int3b/user_unregister", more: map[string]any{"consent": "without", "question": "?"}, reason: "bad-request", signs: true},
	})
	leave := map[string]any{"msisdn": u.number.String(), "consent": "with", "question": "Leave for good?", "request": "leave-1"}
	u.acts(cancels(1))
	d.wants(t, "not consented", d.ask(t, "care", "/int3b/user_unregister", leave), 200, "refused", "declined")
	u.acts(nil)
	w.asks(t, u, 0, verified, "--text", "Pay?")
	leave["request"] = "leave-2"
	a := d.ask(t, "care", "/int3b/user_unregister", leave)
	d.wants(t, "consented", a, 200, "ok", "")
	u.wantSeen(t, "asked", "Leave for good?")
	w.write(t, "consent.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: a.octets(t, "signed")})))
	if cms := w.peer(t, "cms", "-verify", "-noverify", "-inform", "PEM", "-in", "consent.pem"); !strings.Contains(cms, "Leave for good?") || a.state() != "removed revoked" {
		t.Errorf("%+v signed %s", a, cms)
	}
	d.walks(t, u, []step{{who: "care", path: "/int3b/user_revoke", reason: "not-registered"}})
	must(t, w.dir, "audit", "verify")
	if out := must(t, w.dir, "audit", "list", "--actor", "care"); !strings.Contains(out, "int3b.user_suspend") || !strings.Contains(out, "on holiday") || !strings.Contains(out, "declined") {
		t.Error(out)
	}
	c.stop(t)
	must(t, w.dir, "check", "--data")
	w.checkLog(t, d.passwords)
}

// The same with a CA of the RA: a call checks and stops, the RA has its CA act, and
// notifies. What is revoked stays so. Of a user with certificates of two CAs each is asked
// by its own RA.
//
// Covers: W-6, 3.5.10-1, 3.5.10-2, 5.8-1, 5.9-1, 5.10-1 via POST /int3c/notification
// Covers: 5.7-1 via simsign ra unregister
func TestProceduresByRA(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	d, ca := newDesk(t, w), w.externalCA(t)
	u := w.users[0]
	must(t, w.dir, "issuer", "assign", "north", string(u.iccid))
	must(t, w.dir, "issuer", "edit", "north", "--ca", "external.crt")
	c := w.serve(t)
	serial := d.external(t, u, ca)
	said := func(status string) map[string]any {
		return map[string]any{"serial": strings.ToUpper(serial), "status": status}
	}
	d.walks(t, u, []step{
		{who: "south-ra", path: "/int3c/suspend", reason: "no-such-user", signs: true},
		{who: "south-ra", path: "/int3c/notification", more: said("revoked"), reason: "no-such-user", signs: true},
		{who: "crm", path: "/int3c/notification", more: map[string]any{"serial": "77", "status": "suspended"}, reason: "not-his", signs: true},
		{who: "crm", path: "/int3c/notification", more: map[string]any{"serial": serial, "status": "suspended", "reason": "lost"}, reason: "bad-request", signs: true},
		{who: "crm", path: "/int3c/suspend", state: "suspended suspended"},
		{who: "crm", path: "/int3c/suspend", reason: "not-active"},
		{who: "crm", path: "/int3c/notification", more: said("suspended"), state: "suspended suspended"},
		{who: "crm", path: "/int3c/notification", more: said("suspended"), state: "suspended suspended"},
		{who: "crm", path: "/int3c/reactivate", state: "suspended suspended"},
		{who: "crm", path: "/int3c/notification", more: said("reactivated"), state: "active registered", signs: true},
	})
	// The CA acts by itself.
	d.walks(t, u, []step{
		{who: "crm", path: "/int3c/notification", more: said("suspended"), state: "active suspended"},
		{who: "crm", path: "/int3c/notification", more: said("reactivated"), state: "active registered", signs: true},
	})
	// Another pair, with the built-in CA: by the operator, an issuer's RA brings certificates of its own CA.
	a := d.ask(t, "crm", "/int3c/register", map[string]any{"msisdn": u.number.String(), "profile": signURI, "algorithm": u.alg.String()})
	d.wants(t, "another pair", a, 200, "refused", "policy")
	w.register(t, "non-repudiation")
	a = d.ask(t, "crm", "/int3c/revoke", map[string]any{"msisdn": u.number.String(), "reason": "lost", "note": "stolen"})
	d.wants(t, "revoke both", a, 200, "ok", "")
	user := func() string {
		a := d.ask(t, "op", "/int3b/user_show", map[string]any{"msisdn": u.number.String()})
		s := ""
		for _, k := range a.Data["keys"].([]any) {
			s += fmt.Sprint(k.(map[string]any)["state"], " ")
		}
		return s
	}
	eventually(t, "the built-in CA's is revoked", func() bool { return user() == "revoking revoked " })
	d.walks(t, u, []step{{who: "crm", path: "/int3c/reactivate", reason: "revoked"}})
	open := d.ask(t, "crm", "/int3b/duty_list", map[string]any{})
	if ds, _ := open.List.([]any); len(ds) != 1 || !strings.Contains(fmt.Sprint(ds[0]), "stolen") || !strings.Contains(fmt.Sprint(ds[0]), serial) {
		t.Errorf("%+v", open)
	}
	if other := d.ask(t, "south-ra", "/int3b/duty_list", map[string]any{}); fmt.Sprint(other.List) != "[]" && other.List != nil {
		t.Errorf("%+v", other)
	}
	d.walks(t, u, []step{
		{who: "crm", path: "/int3c/notification", more: map[string]any{"serial": serial, "status": "revoked", "reason": "lost"}, state: "active revoked revoked"},
		{who: "crm", path: "/int3c/notification", more: said("reactivated"), reason: "revoked"},
		{who: "crm", path: "/int3c/reactivate", reason: "revoked"},
		{who: "crm", path: "/int3c/suspend", reason: "no-certificate"},
		{who: "crm", path: "/int3c/revoke", reason: "no-certificate"},
	})

	// He registers anew, and leaves: by the commands.
	serial = d.external(t, u, ca)
	args := []string{"--server", d.url, "--ca-cert", "server.crt", "--client", "crm", "--password-file", "crm.password"}
	mine := append([]string{"--msisdn", u.number.String()}, args...)
	must(t, w.dir, append([]string{"ra", "unregister", "--consent", "--question", "Leave now?", "--signed", "consent.pem"}, mine...)...)
	if b, err := os.ReadFile(w.path("consent.pem")); err != nil || !strings.Contains(string(b), "CMS") {
		t.Errorf("%s %v", b, err)
	}
	if out := must(t, w.dir, append([]string{"ra", "duties"}, args...)...); !strings.Contains(out, serial) {
		t.Error(out)
	}
	if out := must(t, w.dir, append([]string{"ra", "notify", "--json", "--certificate", serial, "--status", "revoked"}, mine...)...); !strings.Contains(out, `"state":"removed"`) {
		t.Error(out)
	}
	c.stop(t)
	must(t, w.dir, "check", "--data")
	must(t, w.dir, "audit", "verify")
	w.checkLog(t, d.passwords)
}
