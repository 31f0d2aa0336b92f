package store_test

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// What cannot stand in a column is found, and what just can is not: numbers at
// both ends of their range.
func TestRangesOfNumbers(t *testing.T) {
	const year9999 = 253402300799000000 // 9999-12-31T23:59:59Z in microseconds
	for columns, r := range map[string][2]int64{
		"ap.disabled ap.other_display ap.certificates ap.unique_ids client.disabled key_pair.confirmed segment.report segment.delivered receipt.delivered": {0, 1},
		"keyset.kvn":                       {1, 31}, // TS 102 225 5.1.2: four bits, 0 is no version; 16 more for applets
		"packet.kvn":                       {0, 31}, // 0: sealed without a key set
		"pop.tries":                        {0, 1000},
		"heard.kvn":                        {1, 15},
		"card.codes":                       {0, 15},
		"key_pair.usage":                   {0, 2},
		"key_pair.slot key_pair.algorithm": {0, 0xFF},
		"segment.pid segment.dcs segment.septets": {0, 0xFF}, // TS 23.040 9.2.3.9, 9.2.3.10, 9.2.3.16
		"mo_part.part":                        {0, 0xFF},
		"mo_header.state":                     {0, 3},
		"mo_header.ref":                       {0, 0x1FFFF}, // 16 bits, and which form it has
		"mo_header.total":                     {1, 63},
		"mo_header.slot":                      {-63, 1 << 62},
		"certificate.reason":                  {0, 10}, // RFC 5280 5.3.1
		"tx.status":                           {0, 9999},
		"tx.attempt packet.attempt":           {0, 0x10000},
		"tx.applet_txn":                       {0, 0xFFFFFFFF},
		"packet.tar":                          {0, 0xFFFFFF},     // TS 102 225 5.1: 3 octets
		"packet.cntr segment.cntr heard.cntr": {0, 0xFFFFFFFFFF}, // 5 octets
		"tx.deadline tx.created_at patience.until certificate.not_after certificate.not_before segment.next_at": {0, year9999},
		"tx.seq tx.version card.queued": {0, 1 << 62},
		"box.pid box.session":           {-1 << 62, 1 << 62},
		"tx.instant":                    {-2, math.MaxInt64},
	} {
		for name := range strings.FieldsSeq(columns) {
			table, column, _ := strings.Cut(name, ".")
			for _, v := range r {
				if what := store.Wrong(table, column, "BIGINT", v); what != "" {
					t.Errorf("%s = %d %s", name, v, what)
				}
			}
			for i, v := range [2]int64{r[0] - 1, r[1] + 1} {
				if past := (i == 1) == (v > r[1]); past && store.Wrong(table, column, "BIGINT", v) == "" { // else there is none past it
					t.Errorf("%s = %d passes", name, v)
				}
			}
		}
	}
}

// Words, types and texts likewise.
func TestRangesOfWords(t *testing.T) {
	text := func(w any) string { return fmt.Sprintf("%s", w) }
	for name, all := range map[string][]any{
		"tx.state":           {mssp.Queued, mssp.Sending, mssp.Waiting, mssp.Prompted, mssp.Done, mssp.Failed},
		"tx.kind":            {mssp.KindSign, mssp.KindRegister, mssp.KindHandler, mssp.KindCode, mssp.KindApplet},
		"card.state":         {mssp.CardActive, mssp.CardSuspended},
		"card.carriage":      {"packet", "own"},
		"card.applet":        {mssp.AppletInstalled, mssp.AppletActive, mssp.AppletDeactivated},
		"subscriber.state":   {mssp.SubscriberActive, mssp.SubscriberSuspended, mssp.SubscriberRemoved},
		"key_pair.state":     {mssp.KeyGenerated, mssp.KeyRegistering, mssp.KeyRequested, mssp.KeyRegistered, mssp.KeyAborted, mssp.KeyDeleted},
		"certificate.status": {mssp.CertPending, mssp.CertValid, mssp.CertSuspended, mssp.CertRevoked},
		"segment.state":      {store.SegQueued, store.SegSent, store.SegAccepted, store.SegRejected, store.SegAmbiguous, store.SegDropped},
	} {
		table, column, _ := strings.Cut(name, ".")
		for _, w := range all {
			word := text(w)
			if what := store.Wrong(table, column, "TEXT", word); what != "" {
				t.Errorf("%s = %q %s", name, word, what)
			}
			for _, other := range []string{word + " ", word[1:], word + "x", strings.ToUpper(word)} {
				if store.Wrong(table, column, "TEXT", other) == "" {
					t.Errorf("%s = %q passes", name, other)
				}
			}
		}
	}
	for _, c := range []struct {
		kind string
		v    any
		bad  bool
	}{
		{"BIGINT", int64(1), false},
		{"INTEGER", int64(1), false}, // what SQLite calls the key of a table
		{"TEXT", int64(1), true},
		{"BLOB", int64(1), true},
		{"TEXT", "x", false},
		{"TEXT", "\xff", true},
		{"BIGINT", "x", true},
		{"INTEGER", "x", true},
		{"BLOB", "x", true},
		{"BLOB", []byte{1}, false},
		{"TEXT", []byte{1}, true},
		{"BIGINT", []byte{1}, true},
		{"BIGINT", 1.5, true},
		{"BIGINT", nil, false},
	} {
		if what := store.Wrong("ap", "x", c.kind, c.v); (what != "") != c.bad {
			t.Errorf("%T in a column of type %s: %q", c.v, c.kind, what)
		}
	}
}

// The file of SQLite's log is cut to the length at which its pages are moved into
// the database: pages of 4096 octets.
func TestLogIsCut(t *testing.T) {
	l := onSQLite(t)
	l.accept(newTx())
	pages, err := l.Setting("wal_autocheckpoint")
	l.ok(err)
	limit, err := l.Setting("journal_size_limit")
	if err != nil || pages <= 0 || limit != 4096*pages {
		t.Errorf("%d pages, cut to %d octets, %v", pages, limit, err)
	}
}

// A database whose version cannot be read is not taken for an empty one.
func TestVersionThatIsNone(t *testing.T) {
	for name, dsn := range map[string]func() string{
		"sqlite":   func() string { return filepath.Join(t.TempDir(), "odd.db") },
		"postgres": func() string { return postgresDSN(t) },
	} {
		t.Run(name, func(t *testing.T) {
			l := &lab{T: t, dsn: dsn()}
			db := l.raw()
			for _, sql := range []string{"CREATE TABLE schema_version (version TEXT PRIMARY KEY, applied_at BIGINT)", "INSERT INTO schema_version VALUES ('one', 0)"} {
				_, err := db.Exec(sql)
				l.ok(err)
			}
			s, err := store.Open(ctx, store.Options{DSN: l.dsn})
			if err == nil {
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), "read the schema version") {
				t.Errorf("it is opened: %v", err)
			}
		})
	}
}
