//go:build linux

package proof

import (
	"database/sql"
	"math"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp/audit"
)

// compareAudit verifies the chain of the audit log, and that each edge of each transaction
// is in it once: it begins where the one before has ended, and the last one ends where the
// row is.
func (s *site) compareAudit(t *testing.T, v *verdict, db *sql.DB) {
	t.Helper()
	chain := audit.NewVerifier(nil, nil)
	at, broken := map[string]string{}, false
	rows(t, db, "SELECT seq, at, entry, hash FROM audit ORDER BY seq", func(scan func(...any)) {
		var rec audit.Record
		var us int64
		scan(&rec.Seq, &us, &rec.Entry, &rec.Hash)
		rec.At = time.UnixMicro(us)
		if err := chain.Add(&rec); err != nil && !broken {
			v.add("audit", "%v", err)
			broken = true
		}
		e, err := rec.Parse()
		if err != nil || e.Subject.Kind != "tx" || e.After == "" {
			return
		}
		if at[e.Subject.Name] != e.Before {
			v.add("audit", "%s: an edge from %q where it is %q", e.Subject.Name, e.Before, at[e.Subject.Name])
		}
		at[e.Subject.Name] = e.After
	})
	var head int64
	if err := db.QueryRow("SELECT seq FROM audit_head").Scan(&head); err != nil {
		t.Fatal(err)
	}
	if err := chain.End(head, math.MaxInt64); err != nil && !broken {
		v.add("audit", "%v", err)
	}
	rows(t, db, "SELECT id, state FROM tx", func(scan func(...any)) {
		var id, state string
		if scan(&id, &state); at[id] != state {
			v.add("audit", "%s is %s, and %q in the audit log", id, state, at[id])
		}
	})
}
