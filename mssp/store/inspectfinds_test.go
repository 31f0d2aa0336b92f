package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// found is what Inspect reports, one line each, and how many rows there were.
func (l *lab) found(in store.Inspection) (lines []string, rows int64) {
	l.Helper()
	in.Report = func(f store.Finding) {
		lines = append(lines, fmt.Sprintf("%s %s %s: %s", f.Table, f.Row, f.Column, f.What))
	}
	rows, err := l.Inspect(ctx, in)
	l.ok(err)
	return lines, rows
}

// What a change made behind the back of simsign is told, with the row and the column,
// and never with a person's number.
//
// Supports: F7
func TestInspectFinds(t *testing.T) {
	l := onSQLite(t)
	l.authenticated()
	l.fill()
	tx := l.accept(newTx()).Tx
	l.behind(tx)
	end := newTx()
	end.ICCID, end.MSISDN = cardB, numberB
	l.accept(end)
	l.finish(done(end))
	id, ended := string(tx.ID), string(end.ID)
	if lines, _ := l.found(store.Inspection{}); lines != nil {
		t.Fatalf("before: %q", lines)
	}
	db := l.raw()
	l.ok(nothing(db.Exec("PRAGMA foreign_keys=OFF; PRAGMA ignore_check_constraints=ON")))
	altered := "was not written by simsign"
	for _, c := range []struct {
		sql  string
		want []string // beginnings of what is reported, in order
	}{
		{"UPDATE card SET busy_tx = 'h0' WHERE iccid = '" + string(cardB) + "'", []string{"card ****0025 : a card is busy"}},
		{"UPDATE card SET busy_tx = '' WHERE iccid = '" + string(cardA) + "'", []string{"tx " + id + " : a transaction is under way and not the one"}},
		{"UPDATE card SET queued = 7 WHERE iccid = '" + string(cardA) + "'", []string{"card ****0017 : a card counts its queue wrongly"}},
		{"DELETE FROM packet WHERE iccid = '" + string(cardA) + "'", []string{"tx " + id + " : a transaction was sealed and has no packet"}},
		{"UPDATE card SET imsi = '1' WHERE iccid = '" + string(cardA) + "'", []string{"card ****0017 : " + altered}},
		{"UPDATE subscriber SET serial = 'S2'", []string{"subscriber +417****01 : " + altered}},
		{"UPDATE subscriber SET serial = x'01'", []string{"subscriber +417****01 serial: holds a value of type BLOB instead of TEXT", "subscriber +417****01 : " + altered}},
		{"UPDATE key_pair SET usage = 3", []string{"key_pair ****0017 1 usage: is 3, and must be 0 to 2", "key_pair ****0017 1 : " + altered}},
		{"UPDATE patience SET until = -1", nil}, // there is none
		{"UPDATE segment SET dcs = 256 WHERE id = 1", []string{"segment 1 dcs: is 256, and must be 0 to 255"}},
		{"UPDATE keyset SET kvn = 16 WHERE iccid = '" + string(cardB) + "'", []string{"keyset ****0025 16 kvn: is 16, and must be 1 to 15 or 17 to 31"}},
		{"UPDATE keyset SET kvn = 32 WHERE iccid = '" + string(cardB) + "'", []string{"keyset ****0025 32 kvn: is 32, and must be 1 to 31"}},
		{"UPDATE tx SET result = x'31' WHERE id = '" + ended + "'", []string{"tx 3 : row " + altered}},
		{"UPDATE tx SET deadline = created_at + 1000000000000000 WHERE id = '" + id + "'", []string{"tx 1 : its deadline is far from its beginning"}},
		{"UPDATE tx SET state = 'odd' WHERE id = '" + id + "'", []string{"tx 1 state: is none of the words queued sending waiting prompted done failed"}},
		{"INSERT INTO meta (name, value) VALUES (x'80FF', x'00')", []string{"meta ? name: holds a value of type BLOB instead of TEXT"}},
	} {
		table := strings.Fields(strings.NewReplacer("UPDATE ", "", "DELETE FROM ", "", "INSERT INTO ", "").Replace(c.sql))[0]
		l.ok(nothing(db.Exec("CREATE TEMP TABLE was AS SELECT * FROM " + table)))
		l.ok(nothing(db.Exec(c.sql)))
		lines, _ := l.found(store.Inspection{})
		good := len(lines) == len(c.want)
		for i := range min(len(lines), len(c.want)) {
			good = good && strings.HasPrefix(lines[i], c.want[i])
		}
		for _, secret := range []string{string(numberA), string(cardA), string(cardB)} {
			good = good && !strings.Contains(strings.Join(lines, ""), secret)
		}
		if !good {
			t.Errorf("%s: %q, want %q", c.sql, lines, c.want)
		}
		l.ok(nothing(db.Exec(fmt.Sprintf("DELETE FROM %[1]s; INSERT INTO %[1]s SELECT * FROM was; DROP TABLE was", table))))
	}
}

// Whoever has the keys looks at every sealed key set, and at the request of each
// transaction that has not ended; what he finds is reported with its row.
func TestInspectWithKeys(t *testing.T) {
	l := onSQLite(t)
	open, end := l.accept(newTx()).Tx, newTx()
	end.ICCID = cardB
	l.accept(end)
	l.finish(done(end))
	var sets, requests []string
	in := store.Inspection{
		KeySet: func(ks mssp.KeySet) error {
			sets = append(sets, fmt.Sprintf("%s %d %d %x", ks.ICCID, ks.KVN, len(ks.Keys), ks.Counter))
			if ks.ICCID == cardB {
				return errors.New("it does not open")
			}
			return nil
		},
		Request: func(tx *mssp.Transaction) error {
			requests = append(requests, string(tx.ID)+string(tx.Request))
			return errors.New("it does not hold")
		},
	}
	lines, _ := l.found(in)
	if want := []string{"keyset ****0025 1 : it does not open", fmt.Sprintf("tx %d : it does not hold", open.Seq)}; !slices.Equal(lines, want) {
		t.Errorf("%q, want %q", lines, want)
	}
	if want := []string{string(cardA) + " 1 100 0000000000000001", string(cardB) + " 1 100 0000000000000001"}; !slices.Equal(sets, want) {
		t.Errorf("key sets %q, want %q", sets, want)
	}
	if want := []string{string(open.ID) + string(open.Request)}; !slices.Equal(requests, want) {
		t.Errorf("requests %q, want %q", requests, want)
	}
}

// A table is read a thousand rows at a time: each row is looked at once, wherever a page ends.
func TestInspectPages(t *testing.T) {
	onBoth(t, func(l *lab) {
		_, before := l.found(store.Inspection{})
		db := l.raw()
		blob, digits := "x'00'", "printf('%05d', n)"
		if l.onPostgres() {
			blob, digits = `'\x00'`, "lpad(CAST(n AS TEXT), 5, '0')"
		}
		series := "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 2000) "
		// Four rows a key, so that pages end between rows that have the first column in common.
		l.ok(nothing(db.Exec(series + "INSERT INTO keyset (iccid, kvn, keys, counter) SELECT '8941010000000000017', n + 1, " + blob + ", " + blob + " FROM s WHERE n < 4")))
		l.ok(nothing(db.Exec(series + "INSERT INTO meta (name, value) SELECT " + digits + ", " + blob + " FROM s")))
		l.ok(nothing(db.Exec(series + "INSERT INTO receipt (route, message_id, dest, delivered, cause, report_at, parked_at) SELECT 'r', " + digits + ", '', CASE n % 500 WHEN 0 THEN 2 ELSE 1 END, '', 0, 0 FROM s")))
		lines, rows := l.found(store.Inspection{})
		if rows != before+3+2000+2000 || len(lines) != 4 {
			l.Errorf("%d rows, before %d; %q", rows, before, lines)
		}
	})
}

// What an older release has written is not looked at by the rules of this one.
func TestInspectOlderSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	if _, err := rawDB(t, path).Exec(store.OldSchema(11, false)); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(ctx, store.Options{DSN: path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if rows, err := s.Inspect(ctx, store.Inspection{}); rows != 0 || err == nil || !strings.Contains(err.Error(), "schema version 11 and this program 15: start the service once") {
		t.Errorf("%d rows, %v", rows, err)
	}
}
