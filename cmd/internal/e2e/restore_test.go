package e2e

import (
	"os"
	"strings"
	"testing"
	"time"
)

// The operator puts an old copy of the data back, after signatures that the
// copy knows nothing of. The cards have seen higher counters than the database;
// all the same the next signature comes at once, and no counter is used twice.
//
// Covers: F17, I3 via simsign serve
func TestRestore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "")
	c := w.serve(t)
	w.register(t, "authentication")
	all := func(text string) {
		t.Helper()
		for _, u := range w.users {
			w.asks(t, u, 0, verified, "--text", text)
		}
	}
	all("Pay 1?")
	c.stop(t)
	if err := os.CopyFS(w.path("backup"), os.DirFS(w.path("data"))); err != nil {
		t.Fatal(err)
	}
	c = w.serve(t)
	for range 5 {
		all("Pay 2?")
	}
	c.stop(t)
	// Counters follow the clock, and nobody restores within the second.
	last := time.Now().Unix()
	eventually(t, "the next second", func() bool { return time.Now().Unix() > last })
	if err := os.RemoveAll(w.path("data")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(w.path("backup"), w.path("data")); err != nil {
		t.Fatal(err)
	}
	for _, private := range []string{"data", "data/root.key", "data/simsign.db"} { // a copy is made with the umask
		mode := os.FileMode(0o600)
		if private == "data" {
			mode = 0o700
		}
		if err := os.Chmod(w.path(private), mode); err != nil {
			t.Fatal(err)
		}
	}
	c = w.serve(t)
	all("Pay 3?")
	w.checkCounters(t)
	c.stop(t)
}

// A database that is cut off or something else is told from one that is well:
// the service does not start on it, says so, and a restart would not help
// (exit code 3).
//
// Supports: F7
func TestDamagedDatabase(t *testing.T) {
	w := newWorld(t, 1, "")
	c := w.serve(t)
	w.register(t, "authentication")
	c.stop(t)
	whole, err := os.ReadFile(w.path("data/simsign.db"))
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"cut off":    func(b []byte) []byte { return b[:len(b)/2] },
		"no pages":   func(b []byte) []byte { return b[:100] },
		"other file": func([]byte) []byte { return []byte(strings.Repeat("no database ", 1000)) },
	} {
		w.write(t, "data/simsign.db", string(damage([]byte(string(whole)))))
		r := run(t, w.dir, "serve")
		if r.code != 3 || !strings.Contains(r.stderr, "restore a backup") {
			t.Errorf("%s: exit code %d, want 3\n%s", name, r.code, r.stderr)
		}
	}
	w.write(t, "data/simsign.db", string(whole))
	c = w.serve(t)
	w.asks(t, w.users[0], 0, verified, "--text", "Pay?")
	c.stop(t)
}
