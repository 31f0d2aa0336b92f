package store

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/simsign/simsign/mssp"
)

// Tagger makes and checks tags (keys.Vault). What it is given is bound to the
// purpose and to the order of the parts.
type Tagger interface {
	AppendTag(b []byte, purpose string, parts ...[]byte) ([]byte, error)
	CheckTag(tag []byte, purpose string, parts ...[]byte) error
}

// ErrAltered: what stands in a row was not written by this program. Nothing is
// decided by it.
var ErrAltered = errors.New("row was not written by simsign: it is damaged, or somebody has changed it (simsign check --data lists such rows)")

// authority is what the rows of one database are held to. Without a Tagger, as
// in tools that have no keys, rows get no tag and none is asked for.
type authority struct {
	tagger atomic.Pointer[Tagger]
	alerts Alerts
	good   remembered
}

func (a *authority) get() Tagger {
	if a == nil {
		return nil
	}
	if t := a.tagger.Load(); t != nil {
		return *t
	}
	return nil
}

// Alerts takes what an operator must know (package alert).
type Alerts interface {
	Raise(kind, name, text string)
	Clear(kind, name string)
}

// The kind of alert of this package.
const alertRow = "row"

// table is a kind of row with a tag in its column tag: whoever can write the
// database can then neither give a provider more than the operator has, nor a
// card another number, nor a certificate another key or its validity back. The
// tag covers the names and values of all columns that are not 0 or empty, so
// that a later version may add a column whose default is that. A row that is put
// back as it was at an earlier time has the right tag, and a row that is missing
// has none: for these there are backups and their own checks.
type table struct {
	name    string
	columns []string // under the tag, those of the key first
	keys    int
	purpose string
	sqlRow  string
	sqlTag  string

	sqlUntagged string
}

// newTable is made of the columns as they are scanned, of which tag is the last.
func newTable(name, key, cols string) *table {
	t := &table{name: name, purpose: "row " + name}
	cols = cols[:strings.LastIndexByte(cols, ',')]
	for c := range strings.SplitSeq(cols, ",") {
		c = strings.TrimSpace(c)
		t.columns = append(t.columns, c[strings.LastIndexByte(c, '.')+1:])
	}
	var where []string
	for i, k := range strings.Split(key, ", ") {
		where = append(where, fmt.Sprintf("%s = $%d", k, i+1))
	}
	t.keys = len(where)
	cond := strings.Join(where, " AND ")
	t.sqlRow = "SELECT " + strings.Join(t.columns, ", ") + ", tag FROM " + name + " WHERE " + cond
	t.sqlUntagged = "SELECT " + key + " FROM " + name + " WHERE tag IS NULL OR LENGTH(tag) = 0 ORDER BY " + key + " LIMIT $1"
	t.sqlTag = fmt.Sprintf("UPDATE %s SET tag = $%d WHERE %s", name, t.keys+1, cond)
	return t
}

// content is what the tag of a row covers.
func (t *table) content(values ...[]driver.Value) []byte {
	b := make([]byte, 0, 512)
	i := 0
	for _, vs := range values {
		for _, v := range vs {
			b = appendColumn(b, t.columns[min(i, len(t.columns)-1)], v)
			i++
		}
	}
	return b
}

func appendColumn(b []byte, name string, v driver.Value) []byte {
	text := func(n int) []byte {
		b = append(append(b, byte(len(name))), name...)
		return binary.AppendUvarint(append(b, 's'), uint64(n))
	}
	switch v := v.(type) {
	case int64:
		if v != 0 {
			b = append(append(b, byte(len(name))), name...)
			b = binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v))
		}
	case string:
		if v != "" {
			b = append(text(len(v)), v...)
		}
	case []byte:
		if len(v) > 0 {
			b = append(text(len(v)), v...)
		}
	}
	return b
}

// named is the key of a row that was read with its columns from the first on, masked.
func (t *table) named(r *row) string {
	var parts []string
	for i, v := range r.v[:min(t.keys, len(r.v))] {
		if s, ok := v.(string); ok {
			v = masked(t.columns[i], s)
		}
		parts = append(parts, fmt.Sprint(v))
	}
	return strings.Join(parts, " ")
}

// authentic reads the tag of a row whose columns have been read from number
// first on, and checks it; lead are values of columns before them.
func (r *row) authentic(t *table, first int, lead ...driver.Value) {
	values := r.v[min(first, len(r.v)):min(r.i, len(r.v))]
	tag := r.blob()
	k := r.auth.get()
	if r.bad != nil || k == nil {
		return
	}
	content := t.content(lead, values)
	if r.auth.good.has(t, tag, content) {
		return
	}
	if err := k.CheckTag(tag, t.purpose, content); err == nil {
		r.auth.good.add(t, tag, content)
	} else {
		r.bad = fmt.Errorf("store: %s: %w: %w", t.name, ErrAltered, err)
	}
}

// seal tags a row that this job has written, whose earlier content it has read
// and so checked, or written over.
func (t *table) seal(q querier, key ...any) error {
	k := q.authority().get()
	if k == nil {
		return nil
	}
	r, err := q.one(t.sqlRow, key...)
	if err != nil {
		return err
	}
	tag, err := k.AppendTag(nil, t.purpose, t.content(r.v[:len(r.v)-1]))
	if err != nil {
		return fmt.Errorf("store: tag of a row: %w", err)
	}
	_, err = q.exec(t.sqlTag, append(key, tag)...)
	return err
}

// untagged lists the keys of rows without a tag.
func (t *table) untagged(q querier, limit int) (keys [][]any, err error) {
	err = q.each(t.sqlUntagged, func(r *row) error {
		var k []any
		for range t.keys {
			k = append(k, r.next())
		}
		keys = append(keys, k)
		return r.err()
	}, limit)
	return keys, err
}

// raise tells an operator of a row.
func (a *authority) raise(name, text string) {
	if a.alerts != nil {
		a.alerts.Raise(alertRow, name, text)
	}
}

// tables are those with tags.
var tables = []*table{tableAP, tableCard, tableSubscriber, tableKeyPair, tableCertificate, tableIdentity, tableDevice, tablePoP, tableUnblocking, tableIssuer, tableClient, tableDuty}

// endPurpose and endContent are the tag of a transaction that has ended: what is
// given to whom.
const endPurpose = "end of tx"

func endContent(tx *mssp.Transaction) []byte {
	b := make([]byte, 0, 256+len(tx.Result))
	for _, c := range [...]struct {
		name string
		v    driver.Value
	}{
		{"id", string(tx.ID)},
		{"kind", string(tx.Kind)},
		{"ap", string(tx.AP)},
		{"ap_trans_id", Storable(tx.APTransID)},
		{"request_hash", tx.RequestHash},
		{"instant", tx.Instant},
		{"once", value(tx.Once)},
		{"ended", string(tx.Ended)},
		{"ended_by", Storable(tx.EndedBy)},
		{"msisdn", string(tx.MSISDN)},
		{"iccid", string(tx.ICCID)},
		{"mode", string(tx.Mode)},
		{"profile", Storable(tx.Profile)},
		{"state", string(tx.State)},
		{"status", int64(tx.Status)},
		{"detail", Storable(tx.Detail)},
		{"created_at", micros(tx.CreatedAt)},
		{"finished_at", micros(tx.FinishedAt)},
		{"observer", tx.Observer.Name},
		{"observer_data", tx.Observer.Data},
		{"result", tx.Result},
		{"erased", string(tx.Erased)},
	} {
		b = appendColumn(b, c.name, c.v)
	}
	return b
}

// endTag is the tag of a transaction that ends; nil as long as it is open.
func (a *authority) endTag(tx *mssp.Transaction) ([]byte, error) {
	k := a.get()
	if k == nil || tx.FinishedAt.IsZero() {
		return nil, nil
	}
	return k.AppendTag(nil, endPurpose, endContent(tx))
}

// checkEnd is ErrAltered for the row of a transaction that has not ended so.
func (a *authority) checkEnd(tx *mssp.Transaction, tag []byte) error {
	k := a.get()
	if k == nil {
		return nil
	}
	if err := k.CheckTag(tag, endPurpose, endContent(tx)); err != nil {
		return fmt.Errorf("%w: %w", ErrAltered, err)
	}
	return nil
}

// Authenticate gives the store its Tagger: from now on rows that decide are
// tagged when they are written and checked when they are read. Rows that an
// earlier release has left are tagged once, in commits of bounded size, and it
// answers how many. It must be called before any other work.
func (s *Store) Authenticate(ctx context.Context, t Tagger) (adopted int, err error) {
	s.auth.tagger.Store(&t)
	if s.o.ReadOnly {
		return 0, nil
	}
	return s.adoptRows(ctx, t)
}
