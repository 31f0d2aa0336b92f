package e2e

import (
	"encoding/json"
	"os"
	osuser "os/user"
	"strings"
	"testing"
)

// Everything that was done stands in the audit log, of each edge once, by whom and on
// whom; and whoever edits, removes or cuts off something is found, on this machine and on
// another one that has an export, the anchors and the public key alone.
//
// Covers: I8 via simsign audit verify
func TestAuditLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, "")
	c := w.serve(t)
	u := w.users[0]
	u.acts(nil)
	w.register(t, "authentication")
	w.asks(t, u, 0, verified, "--text", "Pay the secret sum?")
	me, err := osuser.Current()
	if err != nil {
		t.Fatal(err)
	}
	name := me.Username
	if sudo := os.Getenv("SUDO_USER"); sudo != "" {
		name = sudo
	}
	if r := run(t, w.dir, "user", "show", "--msisdn", "+41790009999"); r.code == 0 {
		t.Error("a user whom nobody has added")
	}
	list := must(t, w.dir, "audit", "list")
	for _, want := range []string{"user.add", "call.user/show", "no-such-user", "tx.answered", name} {
		if !strings.Contains(list, want) {
			t.Errorf("%q is not in the audit log\n%s", want, list)
		}
	}
	for _, secret := range []string{"secret sum", u.number.String(), strings.TrimPrefix(u.number.String(), "+")} {
		if out := must(t, w.dir, "audit", "export"); strings.Contains(out, secret) {
			t.Errorf("%q is in the audit log", secret)
		}
	}
	w.edgesOnce(t, must(t, w.dir, "audit", "export", "--action", "tx"))
	if mine := must(t, w.dir, "audit", "export", "--msisdn", u.number.String()); !strings.Contains(mine, "tx.answered") || !strings.Contains(mine, "user.add") {
		t.Errorf("of the user: %s", mine)
	}
	if out := must(t, w.dir, "audit", "list", "--msisdn", "+41790009998", "--json"); out != "" {
		t.Errorf("of nobody: %s", out)
	}
	if out := must(t, w.dir, "audit", "list", "--to", "2001-01-01", "--json"); out != "" {
		t.Errorf("before all: %s", out)
	}
	if out := must(t, w.dir, "audit", "verify"); !strings.Contains(out, "whole") {
		t.Errorf("beside the service: %s", out)
	}
	c.stop(t)
	w.tamper(t)
}

// edgesOnce looks whether each edge of each transaction has one entry: each begins where
// the one before has ended.
func (w *world) edgesOnce(t *testing.T, export string) {
	t.Helper()
	at, edges := map[string]string{}, 0
	for line := range strings.Lines(export) {
		var l struct {
			Entry struct {
				Action, Before, After string
				Subject               struct{ Name string }
			}
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if e := l.Entry; e.After != "" {
			edges++
			if at[e.Subject.Name] != e.Before {
				t.Errorf("%s: an edge from %q where it is %q", e.Subject.Name, e.Before, at[e.Subject.Name])
			}
			at[e.Subject.Name] = e.After
		}
	}
	rows, err := w.database(t).Query("SELECT id, state FROM tx")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var id, state string
		if err := rows.Scan(&id, &state); err != nil || at[id] != state {
			t.Errorf("%s is %s, and %q in the audit log, %v", id, state, at[id], err)
		}
	}
	if rows.Err() != nil || n == 0 || n != len(at) || edges < 3*n {
		t.Errorf("%d transactions, %d in the audit log with %d edges, %v", n, len(at), edges, rows.Err())
	}
}

// tamper changes the log in each way, and puts it back.
func (w *world) tamper(t *testing.T) {
	w.write(t, "audit.jsonl", must(t, w.dir, "audit", "export"))
	w.write(t, "audit.key", must(t, w.dir, "audit", "key"))
	elsewhere := []string{"audit", "verify", "--file", "audit.jsonl", "--anchors", "data/audit.anchors", "--key", "audit.key"}
	if out := must(t, w.dir, elsewhere...); !strings.Contains(out, "whole") {
		t.Errorf("elsewhere: %s", out)
	}
	var whole struct{ Last int }
	if err := json.Unmarshal([]byte(must(t, w.dir, "audit", "verify", "--json")), &whole); err != nil || whole.Last < 10 {
		t.Fatalf("%+v, %v", whole, err)
	}
	db := w.database(t)
	exec := func(sql string) {
		t.Helper()
		if _, err := db.Exec(sql); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TABLE kept AS SELECT * FROM audit")
	for sql, want := range map[string]string{
		"UPDATE audit SET entry = CAST(REPLACE(CAST(entry AS TEXT), 'done', 'none') AS BLOB) WHERE seq = 4": "entry 4 was changed",
		"DELETE FROM audit WHERE seq = 5":                                           "entry 5 is missing",
		"DELETE FROM audit WHERE seq < 4":                                           "entry 1 is missing",
		"UPDATE audit SET mac = (SELECT mac FROM kept WHERE seq = 7) WHERE seq = 6": "entry 6 was not written by this installation",
		"DELETE FROM audit WHERE seq > 8; UPDATE audit_head SET seq = 8, hash = (SELECT hash FROM kept WHERE seq = 8)": "entry 9 is missing: the end was cut off",
	} {
		exec(sql)
		if r := run(t, w.dir, "audit", "verify"); r.code != 3 || !strings.Contains(r.stderr, want) {
			t.Errorf("%s: %d %s", sql, r.code, r.stderr)
		}
		if r := run(t, w.dir, "check", "--data"); !strings.Contains(sql, "audit_head") && (r.code == 0 || !strings.Contains(r.stdout, "audit ")) {
			t.Errorf("check --data: %s: %d %s", sql, r.code, r.stdout)
		}
		exec("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept; UPDATE audit_head SET seq = (SELECT MAX(seq) FROM kept), hash = (SELECT hash FROM kept ORDER BY seq DESC LIMIT 1)")
	}
	exec("DROP TABLE kept")
	must(t, w.dir, "audit", "verify")
	export, err := os.ReadFile(w.path("audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(export), "\n")
	w.write(t, "audit.jsonl", strings.Join(lines[:3], ""))
	if r := run(t, w.dir, elsewhere...); r.code != 3 || !strings.Contains(r.stderr, "entry 4 is missing") {
		t.Errorf("a part elsewhere: %d %s", r.code, r.stderr)
	}
	w.write(t, "audit.jsonl", strings.Replace(string(export), "tx.answered", "tx.refused!", 1))
	if r := run(t, w.dir, elsewhere...); r.code != 3 || !strings.Contains(r.stderr, "was changed") {
		t.Errorf("an edit elsewhere: %d %s", r.code, r.stderr)
	}
}
