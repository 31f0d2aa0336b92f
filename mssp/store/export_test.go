package store

import "context"

// HotStatements are the statements of the usual path and of the sweeps: none
// of them may walk a table.
func HotStatements() map[string]string {
	open, _ := filterSQL(TransactionFilter{ICCID: "x", Open: true})
	return map[string]string{
		"enter": sqlEnter, "keyset": sqlKeySet, "burn": sqlBurn, "next queued": sqlNextQueued, "turn": sqlTurn, "touch": sqlTouch,
		"leave": sqlLeave, "finish": sqlFinish, "consume": sqlConsume, "tx by id": sqlTxByID, "tx by AP": sqlTxByAP,
		"open by packet": sqlOpenByPacket, "any due": sqlAnyDue, "claim": sqlClaim, "outcome": sqlOutcome,
		"all accepted": sqlAllAccepted, "report": sqlReport, "parts": sqlParts, "one part": sqlOnePart, "octets": sqlPendingOctets, "all octets": sqlAllPending,
		"lookup": sqlLookup, "expired": sqlExpired, "next due": sqlNextDue, "drop": sqlDropSegments, "open of a card": open,
		"park": sqlPark, "park limit": sqlParkLimit, "unpark": sqlUnpark, "resolve": sqlResolve,
	}
}

// Plan is what SQLite would do for a statement.
func (s *Store) Plan(sql string) (plan []string, err error) {
	err = s.read(context.Background(), func(q querier) error {
		return q.each("EXPLAIN QUERY PLAN "+sql, func(r *row) error {
			r.i = 3
			plan = append(plan, r.text())
			return r.err()
		}, nilArgs(sql)...)
	})
	return plan, err
}

// Waiting is how many jobs wait for the writer of SQLite.
func (s *Store) Waiting() int {
	w := s.b.(*sqliteEngine).writer
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue)
}

// Pragma sets one on a reader and reads it back.
func (s *Store) Pragma(name, set, want string) error {
	return s.read(context.Background(), func(q querier) error {
		return q.(*sqliteConn).pragma(pragma{name, set, want})
	})
}

func nilArgs(sql string) []any {
	n := 0
	for i := range len(sql) - 1 {
		if sql[i] == '$' {
			n = max(n, int(sql[i+1]-'0'))
		}
	}
	args := make([]any, n)
	for i := range args {
		args[i] = 0
	}
	return args
}

// SchemaDump is the schema as SQLite has it, one statement a paragraph.
func (s *Store) SchemaDump() (dump string, err error) {
	err = s.read(context.Background(), func(q querier) error {
		return q.each("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid", func(r *row) error {
			dump += r.text() + ";\n"
			return r.err()
		})
	})
	return dump, err
}

// Beat gives one sign of life, as the box does by itself from time to time.
func (b *Boxes) Beat(ctx context.Context) error { return b.beat(ctx) }

// Me is this process.
func (b *Boxes) Me() Box { return b.me }
