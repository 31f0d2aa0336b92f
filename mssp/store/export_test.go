package store

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// HotStatements are the statements of the usual path and of the sweeps: none
// of them may walk a table.
func HotStatements() map[string]string {
	open, _ := filterSQL(TransactionFilter{ICCID: "x", Open: true})
	return map[string]string{
		"enter": sqlEnter, "keyset": sqlSealKeys, "burn": sqlBurn, "next queued": sqlNextQueued, "turn": sqlTurn, "lock card": sqlLockCard,
		"standing": sqlStanding, "put standing": sqlPutStanding, "card facts": sqlCardFacts, "put key pair": sqlPutKeyPair, "one key pair": sqlOneKeyPair,
		"leave": sqlLeave, "save state": sqlSaveState, "save submit": sqlSaveSubmit, "save end": sqlSaveEnd, "consume": sqlConsume, "tx by id": sqlTxByID, "earlier": sqlEarlier, "unanswered": sqlUnanswered,
		"open by packet": sqlOpenByPacket, "names": sqlNames, "claim": sqlClaim, "outcome": sqlOutcome,
		"all taken": sqlAllTaken, "open of": sqlOpenOf, "report": sqlReport, "parts": sqlParts, "set": sqlSet, "other total": sqlOtherTotal, "grow": sqlGrow, "variants": sqlVariants, "drop variant": sqlDropVariant,
		"sets of a source": sqlOfSource, "one aside": sqlOneAside, "first to go": sqlFirstToGo, "aside": sqlAside,
		"lookup": sqlLookup, "expired": sqlExpired, "next due": sqlNextDue, "drop": sqlDropSegments, "open of a card": open,
		"due completion": sqlDueCompletion, "claim completions": sqlClaimCompletions, "tx by seq": sqlTxBySeq,
		"park": sqlPark, "park limit": sqlParkLimit, "unpark": sqlUnpark, "resolve": sqlResolve,
	}
}

// SetLifecycle gives the store another state table.
func (s *Store) SetLifecycle(l mssp.Lifecycle) { s.table = l }

// Ambiguous makes the accepted segments of a transaction ambiguous, as if the
// link had broken before the network's answer.
func (s *Store) Ambiguous(id mssp.TransID) error {
	return s.do(context.Background(), func(q querier) error {
		_, err := q.exec(`UPDATE segment SET state = 'ambiguous' WHERE tx_seq = (SELECT seq FROM tx WHERE id = $1) AND state = 'accepted'`, string(id))
		return err
	})
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
	for strings.Contains(sql, "$"+strconv.Itoa(n+1)) {
		n++
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

// OldSchema is what brings an empty database to an earlier version.
func OldSchema(version int, postgres bool) (script string) {
	words := sqliteDDL()
	if postgres {
		words = pgDDL()
	}
	script = sqlVersionTable
	for v := 1; v <= version; v++ {
		ddl, _ := schemaFiles.ReadFile(fmt.Sprintf("schema/%04d.sql", v))
		script += words.Replace(string(ddl)) + fmt.Sprintf("\nINSERT INTO schema_version VALUES (%d, 0);", v)
	}
	return script
}

// Standings counts the numbers against which something counts.
func (s *Store) Standings() (n int, err error) {
	return readOne(context.Background(), s.db, func(r *row) (int, error) { return int(r.int()), r.err() }, "SELECT COUNT(*) FROM patience")
}

// Statements is how many different statements the writer of SQLite has run.
func (s *Store) Statements() int { return len(s.b.(*sqliteEngine).writer.c.stmts) }

// CommitSetting is how commits of the pool of PostgreSQL wait.
func (s *Store) CommitSetting() (v string, err error) {
	err = s.read(context.Background(), func(q querier) error {
		r, err := q.one("SELECT current_setting('synchronous_commit')")
		if err == nil {
			v, err = r.text(), r.err()
		}
		return err
	})
	return v, err
}

// Durability judges two settings of PostgreSQL where the others are right.
func Durability(commit, standbys string) error {
	return (&durability{fsync: "on", pages: "on", zero: "off", role: "origin", commit: commit, standbys: standbys}).fault()
}

// Sets is how many sets of parts a source has, and how many of them are open.
func (s *Store) Sets(source sms.MSISDN) (open, kept int64, err error) {
	err = s.read(context.Background(), func(q querier) error {
		r, err := q.one(sqlOfSource, string(source), 0)
		if err == nil {
			kept, open = r.int(), r.int()
		}
		return err
	})
	return open, kept, err
}

// PendingOctets is how many octets all incomplete messages have.
func (s *Store) PendingOctets(ctx context.Context) (octets int64, err error) {
	err = s.read(ctx, func(q querier) error {
		r, err := q.one(`SELECT CAST(COALESCE(SUM(octets), 0) AS BIGINT) FROM mo_header WHERE state <> 1 AND state <> 2`)
		if err == nil {
			octets = r.int()
		}
		return err
	})
	return octets, err
}

// PackMO is a short message as the row of the transaction keeps it that it has ended.
func PackMO(mo bearer.MO) []byte { return packMO(&mo) }

// FullRoom is who gives up a set, where these sources have so many octets each.
func FullRoom(source sms.MSISDN, n, limit int64, have map[sms.MSISDN]int64) (most sms.MSISDN, full bool) {
	m := &room{begun: map[int64]map[sms.MSISDN]int64{}, sources: map[sms.MSISDN]int64{}}
	for s, octets := range have {
		m.count(s, 1, octets)
	}
	return m.full(source, n, limit)
}

// KeepOutcomes is what happens to outcomes that could not be stored.
func (s *Store) KeepOutcomes(o []SegmentOutcome) bool { return s.b.(*pgEngine).again(o) }

// LimitPages keeps the file of the writer from growing by more than so many pages.
func (s *Store) LimitPages(more int64) error {
	w := s.b.(*sqliteEngine).writer
	w.turn.Lock()
	defer w.turn.Unlock()
	r, err := w.c.one("PRAGMA page_count")
	if err != nil {
		return err
	}
	return w.c.script(fmt.Sprintf("PRAGMA max_page_count=%d", r.int()+more))
}

// Tightness is whether a reserve of that size is tight as the free octets of its disk change.
func Tightness(path string, size int64, free ...int64) (tight []bool) {
	now := int64(0)
	m, err := newMetrics(nil)
	if err != nil {
		return nil
	}
	r := &reserve{
		path: path, size: size, log: slog.New(slog.DiscardHandler), m: m,
		disk: func(string) (int64, int64, error) { return now, 1 << 40, nil },
	}
	for _, now = range free {
		r.look()
		tight = append(tight, r.tight)
	}
	return tight
}

// Faulty are the same boxes, of which only what this Boxes asks has a fault.
func (b *Boxes) Faulty(f *Fault) *Boxes {
	d, other := *b.db, *b
	other.db, d.boxes, d.b = &d, &other, &faulty{b.b, f}
	return &other
}

// LimitJobs gives a job on PostgreSQL no more time than that.
func (s *Store) LimitJobs(d time.Duration) { s.b.(*pgEngine).limit = d }
