package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/simsign/simsign/mssp"
)

// Open transactions of an earlier release are handed out to be written anew,
// once, and only where the migration has found them.
func TestAdoptRequests(t *testing.T) {
	for name, c := range map[string]struct {
		rows    string
		adopted int
	}{
		"open": {`INSERT INTO tx VALUES (7, 'h1', 'sign', '', '', x'', '41', 'card', '', '', 1, 'queued', 0, '', 0, 1, 0, 9, 0, 1, CAST('{}' AS BLOB), x'01', x'', x''),
			(6, 'h0', 'sign', '', '', x'', '41', 'card', '', '', 1, 'failed', 0, '', 0, 1, 0, 9, 5, 1, CAST('{}' AS BLOB), x'01', x'', x'');`, 1},
		"none open":    {`INSERT INTO tx VALUES (7, 'h1', 'sign', '', '', x'', '41', 'card', '', '', 1, 'failed', 0, '', 0, 1, 0, 9, 5, 1, CAST('{}' AS BLOB), x'01', x'', x'');`, 0},
		"new database": {"", 0},
	} {
		t.Run(name, func(t *testing.T) {
			dump, err := os.ReadFile("testdata/schema-v2.sql")
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "old.db")
			db := rawDB(t, path)
			for n := range 2 {
				dump = fmt.Appendf(dump, "INSERT INTO schema_version VALUES (%d, 0);", n+1)
			}
			if _, err := db.Exec(string(dump) + c.rows); err != nil {
				t.Fatal(err)
			}
			db.Close()
			l := newLab(t, path)
			l.accept(newTx()) // is not handed out a second time either
			if c.adopted > 0 {
				n, err := l.AdoptRequests(ctx, func([]byte) bool { return true }, func(tx *mssp.Transaction) []byte {
					if tx.ID != "h1" {
						if tx.ID == "h0" {
							t.Error("one that has ended is handed out")
						}
						return nil
					}
					return append([]byte("new"), tx.Request...)
				})
				if err != nil || n != c.adopted {
					t.Errorf("%d written anew, want %d, %v", n, c.adopted, err)
				}
				if tx, err := l.Transaction(ctx, "h1"); err != nil || string(tx.Request) != "new{}" {
					t.Errorf("request %q, %v", tx.Request, err)
				}
			}
			n, err := l.AdoptRequests(ctx, func([]byte) bool { return true }, func(tx *mssp.Transaction) []byte {
				t.Errorf("%s is handed out", tx.ID)
				return nil
			})
			if n != 0 || err != nil {
				t.Errorf("%d written anew again, %v", n, err)
			}
		})
	}
}

// A mark that is not believed is taken away all the same.
func TestAdoptNothing(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.accept(newTx())
		l.ok(l.SetMeta(ctx, "requests", []byte("old")))
		for _, asked := range []bool{true, false} {
			was := false
			n, err := l.AdoptRequests(ctx, func([]byte) bool { was = true; return false }, func(*mssp.Transaction) []byte { return []byte("new") })
			if n != 0 || err != nil || was != asked {
				l.T.Errorf("%d written, asked %v, want %v, %v", n, was, asked, err)
			}
		}
	})
}
