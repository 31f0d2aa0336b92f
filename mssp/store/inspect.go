package store

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Finding is something in a row that cannot be, or that is not ours.
type Finding struct {
	Table  string
	Row    string // its key, masked: it may be a person's
	Column string // "" when it is the row as a whole
	What   string
}

// Inspection is a look at every row of every table. Nothing is changed.
type Inspection struct {
	Report func(Finding)
	// KeySet and Request look at what the keys of the installation are needed for:
	// a sealed key set, and the request of an open transaction.
	KeySet  func(mssp.KeySet) error
	Request func(*mssp.Transaction) error
}

// inspectPage rows are read at a time, so that a running service is not kept
// from moving its log into the database meanwhile.
const inspectPage = 1000

// Inspect looks at every row and answers how many there were. The tags of rows
// are checked when the store has its Tagger (Authenticate).
func (s *Store) Inspect(ctx context.Context, in Inspection) (rows int64, err error) {
	if err := s.current(ctx); err != nil {
		return 0, err
	}
	tables, err := s.shapes(ctx)
	if err != nil {
		return 0, err
	}
	for _, sh := range tables {
		n, err := s.inspectTable(ctx, sh, &in)
		if rows += n; err != nil {
			return rows, fmt.Errorf("store: table %s: %w", sh.table, err)
		}
	}
	for _, a := range audits {
		found, err := readAll(ctx, s.db, func(r *row) (string, error) { return r.text(), r.err() }, a.sql)
		if err != nil {
			return rows, err
		}
		for _, key := range found {
			in.Report(Finding{Table: a.table, Row: masked(a.table, key), What: a.what})
		}
	}
	return rows, nil
}

// current is an error when the schema is of another version: nothing has brought
// it up to date yet.
func (s *Store) current(ctx context.Context) error {
	v, err := readOne(ctx, s.db, scanInt, `SELECT MAX(version) FROM schema_version`)
	if err == nil && v != schemaVersion {
		err = fmt.Errorf("store: the database has schema version %d and this program %d: start the service once, which brings it up to date", v, schemaVersion)
	}
	return err
}

// shape is what a table looks like.
type shape struct {
	table string
	names []string
	types []string // BIGINT, TEXT or BLOB, as SQLite calls them
	keys  []int    // which columns are its primary key
}

const (
	sqliteTables = `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name`

	sqliteColumns = `SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid`

	pgTables = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY table_name`

	pgColumns = `SELECT a.attname, CASE format_type(a.atttypid, NULL) WHEN 'bytea' THEN 'BLOB' WHEN 'text' THEN 'TEXT' ELSE 'BIGINT' END,
	CASE WHEN a.attnum = ANY (i.indkey) THEN 1 ELSE 0 END
	FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
	WHERE a.attrelid = CAST(CAST($1 AS TEXT) AS REGCLASS) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`
)

func (s *Store) shapes(ctx context.Context) (out []shape, err error) {
	tables, columns := sqliteTables, sqliteColumns
	if _, ok := s.b.(*pgEngine); ok {
		tables, columns = pgTables, pgColumns
	}
	names, err := readAll(ctx, s.db, func(r *row) (string, error) { return r.text(), r.err() }, tables)
	for _, name := range names {
		sh := shape{table: name}
		if err == nil {
			err = s.read(ctx, func(q querier) error {
				return q.each(columns, func(r *row) error {
					sh.names, sh.types = append(sh.names, r.text()), append(sh.types, r.text())
					if r.int() > 0 {
						sh.keys = append(sh.keys, len(sh.names)-1)
					}
					return r.err()
				}, name)
			})
		}
		out = append(out, sh)
	}
	return out, err
}

func (s *Store) inspectTable(ctx context.Context, sh shape, in *Inspection) (rows int64, err error) {
	return s.eachRow(ctx, &sh, func(r *row) { sh.inspect(r, in) })
}

// eachRow reads a table page by page.
func (s *Store) eachRow(ctx context.Context, sh *shape, f func(*row)) (rows int64, err error) {
	keys := make([]string, len(sh.keys))
	marks := make([]string, len(sh.keys))
	for i, k := range sh.keys {
		keys[i], marks[i] = sh.names[k], fmt.Sprintf("$%d", i+2)
	}
	head := "SELECT " + strings.Join(sh.names, ", ") + " FROM " + sh.table
	tail := " ORDER BY " + strings.Join(keys, ", ") + " LIMIT $1"
	next := " WHERE (" + strings.Join(keys, ", ") + ") > (" + strings.Join(marks, ", ") + ")"
	args, sql := []any{inspectPage}, head+tail
	for {
		n := 0
		after := []any{inspectPage}
		err := s.read(ctx, func(q querier) error {
			return q.each(sql, func(r *row) error {
				n++
				after = after[:1]
				for _, k := range sh.keys {
					v := r.v[k]
					if b, ok := v.([]byte); ok {
						v = bytes.Clone(b)
					}
					after = append(after, raw{v})
				}
				f(r)
				return nil
			}, args...)
		})
		rows += int64(n)
		if err != nil || n < inspectPage {
			return rows, err
		}
		args, sql = after, head+next+tail
	}
}

// raw is an argument as it was read.
type raw struct{ v driver.Value }

// inspect looks at one row.
func (sh *shape) inspect(r *row, in *Inspection) {
	report := func(column, what string) {
		in.Report(Finding{Table: sh.table, Row: sh.name(r), Column: column, What: what})
	}
	bad := false
	for i, v := range r.v {
		if what := sh.value(i, v); what != "" {
			report(sh.names[i], what)
			bad = true
		}
	}
	for _, t := range tables {
		if t.name == sh.table {
			o := sh.ordered(r, append(t.columns[:len(t.columns):len(t.columns)], "tag"))
			o.i = len(t.columns)
			if o.authentic(t, 0); o.bad != nil && errors.Is(o.bad, ErrAltered) {
				report("", "was not written by simsign: it is damaged, or somebody has changed it")
			}
		}
	}
	switch {
	case sh.table == "tx" && !bad:
		tx, err := scanTx(sh.ordered(r, strings.Split(strings.NewReplacer("\n", "", "\t", "", " ", "").Replace(txCols), ",")))
		if err == nil && tx.Damage != "" {
			err = errors.New(tx.Damage)
		} else if err == nil && !tx.State.Final() && in.Request != nil {
			err = in.Request(&tx)
		}
		if err != nil {
			report("", err.Error())
		}
	case sh.table == "keyset" && !bad && in.KeySet != nil:
		ks, err := scanKeySet(sh.ordered(r, strings.Split(keySetCols, ", ")))
		if err == nil {
			err = in.KeySet(ks)
		}
		if err != nil {
			report("", err.Error())
		}
	}
}

// ordered is a row with its columns as a scan function wants them.
func (sh *shape) ordered(r *row, columns []string) *row {
	o := &row{auth: r.auth}
	for _, c := range columns {
		for i, name := range sh.names {
			if name == c {
				o.v = append(o.v, r.v[i])
			}
		}
	}
	return o
}

func (sh *shape) name(r *row) string {
	var parts []string
	for _, k := range sh.keys {
		switch v := r.v[k].(type) {
		case []byte:
			parts = append(parts, masked(sh.names[k], string(v)))
		case string:
			parts = append(parts, masked(sh.names[k], v))
		default:
			parts = append(parts, fmt.Sprint(v))
		}
	}
	return strings.Join(parts, " ")
}

// masked hides what belongs to a person.
func masked(column, v string) string {
	switch column {
	case "msisdn":
		return sms.MSISDN(v).LogValue().String()
	case "iccid", "card":
		return ota.ICCID(v).LogValue().String()
	}
	return strings.ToValidUTF8(v, "?")
}
