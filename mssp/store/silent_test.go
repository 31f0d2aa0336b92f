package store_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp/store"
)

// closeEnv makes the child of childEnv open, write and close.
const closeEnv = "SIMSIGN_STORE_CHILD_CLOSES"

// childCloses ends with 0 when it may believe that everything is on the disk,
// 4 when it could not open, 6 when Close failed.
func childCloses() int {
	s, err := store.Open(ctx, store.Options{DSN: os.Getenv(childEnv)})
	if err != nil {
		fmt.Println(err)
		return 4
	}
	if err := s.SetMeta(ctx, "silent", []byte("kept")); err != nil {
		fmt.Println(err)
		return 5
	}
	if err := s.Close(); err != nil {
		fmt.Println(err)
		return 6
	}
	return 0
}

// SQLite does not tell of a folder that cannot be synced, nor of a log that
// cannot be moved into the database when it closes. Neither ends well here.
//
// Supports: F4
func TestSilentSyncs(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		if os.Getenv("SIMSIGN_REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	fresh := filepath.Join(t.TempDir(), "simsign.db")
	old, whole := crashDB(t), crashDB(t)
	for _, c := range []struct {
		name, db, fails string // fails: the path whose sync fails
		code            int
		says            string
	}{
		{"the folder of a new database", fresh, filepath.Dir(fresh), 4, "sync the folder " + filepath.Dir(fresh)},
		{"the database at the end", old, old, 6, "the -wal file stays"},
		{"nothing", whole, whole + ".none", 0, ""},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			cmd := childCommand(t, c.db, strace, "-f", "-qq", "-o", "/dev/null", "-P", c.fails, "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO")
			cmd.Env = append(cmd.Env, closeEnv+"=1")
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			cmd.Run() // the exit code is looked at
			if have := cmd.ProcessState.ExitCode(); have != c.code || !strings.Contains(out.String(), c.says) {
				t.Errorf("exit code %d, want %d; it says %q, want %q in it", have, c.code, out.String(), c.says)
			}
			// Nothing is lost, and the next one goes on.
			s, err := store.Open(ctx, store.Options{DSN: c.db})
			if err != nil {
				t.Fatal(err)
			}
			if kept, err := s.Meta(ctx, "silent"); string(kept) != "kept" && c.code != 4 {
				t.Errorf("what was acknowledged: %q, %v", kept, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
