package e2e

import (
	"encoding/base64"
	"encoding/json"
	"os"
	osuser "os/user"
	"strings"
	"testing"
)

// What was done without the service stands in the audit log with whom it was done to, and
// each filter selects what it says, as text and as JSON; the anchors beside the database are
// read, and a file of another installation, an edited one and one that cannot be read are told.
//
// Covers: I8 via simsign audit list
func TestAuditFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, "")
	me := operatorName(t)
	a, b := w.users[0].number.String(), w.users[1].number.String()
	whole := w.entries(t)
	both := map[string]bool{}
	for _, e := range whole {
		if e.Entry.Action == "user.add" {
			both[e.Entry.Subject.Who] = true
			if e.Entry.Subject.Kind != "user" || e.Entry.Subject.Who == "" || e.Entry.Actor.Name != me {
				t.Errorf("added without the service: %+v", e)
			}
		}
	}
	if len(both) != 2 || both[""] {
		t.Errorf("two users are %v", both)
	}
	for _, f := range []struct {
		args []string
		some bool
		only func(e *entryLine) bool
	}{
		{[]string{"--actor", me}, true, func(e *entryLine) bool { return e.Entry.Actor.Name == me }},
		{[]string{"--actor", "nobody"}, false, nil},
		{[]string{"--action", "user.add"}, true, func(e *entryLine) bool { return e.Entry.Action == "user.add" }},
		{[]string{"--action", "user"}, true, func(e *entryLine) bool { return strings.HasPrefix(e.Entry.Action, "user.") }},
		{[]string{"--action", "use"}, false, nil},
		{[]string{"--msisdn", a}, true, func(e *entryLine) bool { return both[e.Entry.Subject.Who] }},
		{[]string{"--msisdn", "+41790009998"}, false, nil},
		{[]string{"--from", "2001-01-01"}, true, func(*entryLine) bool { return true }},
		{[]string{"--to", "2001-01-01T00:00:00Z"}, false, nil},
		{[]string{"--from", "2999-01-01"}, false, nil},
		{[]string{"--to", "2999-01-01", "--actor", me, "--action", "user.add", "--msisdn", b}, true, func(e *entryLine) bool { return e.Entry.Action == "user.add" && both[e.Entry.Subject.Who] }},
	} {
		got := w.entries(t, f.args...)
		if (len(got) > 0) != f.some || f.some && len(got) == len(whole) && f.args[0] == "--msisdn" {
			t.Errorf("%v: %d of %d entries", f.args, len(got), len(whole))
		}
		for i := range got {
			if f.only == nil || !f.only(&got[i]) {
				t.Errorf("%v: %+v", f.args, got[i])
			}
		}
		if lines := strings.Count(must(t, w.dir, append([]string{"audit", "list"}, f.args...)...), "\n"); lines != len(got)+1 && len(got) > 0 {
			t.Errorf("%v: %d lines for %d entries", f.args, lines, len(got))
		}
	}
	for args, want := range map[string]string{"--from yesterday": `--from: "yesterday" is no date`, "--msisdn abc": "MSISDN needs the international form"} {
		if r := run(t, w.dir, append([]string{"audit", "list"}, strings.Fields(args)...)...); r.code == 0 || !strings.Contains(r.stderr, want) {
			t.Errorf("%s: %d %s", args, r.code, r.stderr)
		}
	}
	w.anchorFiles(t)
}

// entryLine is what the JSON of a record has.
type entryLine struct {
	Entry struct {
		Action  string
		Actor   struct{ Name string }
		Subject struct{ Kind, Who string }
	}
}

// entries are those of the audit log that a filter selects.
func (w *world) entries(t *testing.T, filter ...string) (all []entryLine) {
	t.Helper()
	for line := range strings.Lines(must(t, w.dir, append([]string{"audit", "list", "--json"}, filter...)...)) {
		var e entryLine
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func operatorName(t *testing.T) string {
	me, err := osuser.Current()
	if err != nil {
		t.Fatal(err)
	}
	if sudo := os.Getenv("SUDO_USER"); sudo != "" {
		return sudo
	}
	return me.Username
}

// anchorFiles has audit verify read files of anchors, right and wrong ones.
func (w *world) anchorFiles(t *testing.T) {
	w.serve(t).stop(t) // it makes the key, and the first anchor
	file, err := os.ReadFile(w.path("data/audit.anchors"))
	if err != nil {
		t.Fatal(err)
	}
	newest := string(file)
	w.serve(t).stop(t)
	if file, err = os.ReadFile(w.path("data/audit.anchors")); err != nil {
		t.Fatal(err)
	}
	var first struct{ Sig string }
	if err := json.Unmarshal([]byte(strings.SplitAfter(newest, "\n")[0]), &first); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text string
		code int
		want string
	}{
		"older":   {newest, 0, "whole"},
		"as here": {string(file), 0, "whole"},
		"edited":  {strings.Replace(newest, first.Sig, base64.StdEncoding.EncodeToString(make([]byte, 64)), 1), 1, "line 1: anchor was not signed by this key"},
		"empty":   {"", 0, "0 anchors"},
	} {
		w.write(t, "anchors", c.text)
		r := run(t, w.dir, "audit", "verify", "--anchors", "anchors")
		if out := r.stdout + r.stderr; (r.code == 0) != (c.code == 0) || !strings.Contains(out, c.want) {
			t.Errorf("%s: %d %s", name, r.code, out)
		}
	}
	other := newWorld(t, 1, "")
	other.serve(t).stop(t)
	w.write(t, "anchors", mustRead(t, other.path("data/audit.anchors")))
	if r := run(t, w.dir, "audit", "verify", "--anchors", "anchors"); r.code == 0 || !strings.Contains(r.stderr, "not signed by this key") {
		t.Errorf("of another installation: %d %s", r.code, r.stderr)
	}
	if r := run(t, w.dir, "audit", "verify", "--anchors", "data"); r.code == 0 || !strings.Contains(r.stderr, "data") {
		t.Errorf("unreadable: %d %s", r.code, r.stderr)
	}
	if err := os.Remove(w.path("data/audit.anchors")); err != nil {
		t.Fatal(err)
	}
	if r := run(t, w.dir, "audit", "verify"); r.code != 0 || !strings.Contains(r.stderr, "There are no anchors in") {
		t.Errorf("removed: %d %s", r.code, r.stderr)
	}
}

func mustRead(t *testing.T, path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
