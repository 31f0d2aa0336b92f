package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota/sms"
)

// Audits is the part of a Store that keeps the audit log (package audit). A job notes its
// entries as it goes; the last thing it does is to take the head of the chain and
// append them. So on PostgreSQL, where each job has a transaction of its own, the head is
// locked only until the commit that follows at once, and who holds it waits for
// nobody. On SQLite the jobs that share a commit append once, all together.
type Audits struct{ *db }

const (
	sqlTakeHead = `INSERT INTO audit_head (id, seq, hash) VALUES (1, $1, $2)
	ON CONFLICT (id) DO UPDATE SET seq = audit_head.seq + excluded.seq RETURNING seq, hash`

	sqlPutHead = `UPDATE audit_head SET hash = $1 WHERE id = 1`

	sqlAudit1 = `INSERT INTO audit (seq, at, entry, hash, mac) VALUES ($1, $2, $3, $4, $5)`
)

// sqlAudit inserts as many records as its number says.
var sqlAudit = func() (sql [17]string) {
	sql[1] = sqlAudit1
	for n := 2; n < len(sql); n++ {
		first := 5*n - 4
		sql[n] = sql[n-1] + fmt.Sprintf(", ($%d, $%d, $%d, $%d, $%d)", first, first+1, first+2, first+3, first+4)
	}
	return sql
}()

// keeper is a querier of a commit that several jobs share: it appends what they have noted.
type keeper interface{ keep(entries []audit.Entry) }

// appender appends to the audit log.
type appender func(querier, []audit.Entry) error

// auditPurpose and whoPurpose are those of the tags: of a hash, and of the number of a
// person or card.
const (
	auditPurpose = "audit"
	whoPurpose   = "audit who"
)

// noting is a run of a business transaction with what it notes.
type noting struct {
	querier
	actor   audit.Actor
	entries []audit.Entry
}

// note keeps an entry for the end of the job. Its actor is that of the context unless it
// has one.
func (n *noting) note(e audit.Entry) {
	if e.Actor == (audit.Actor{}) {
		e.Actor = n.actor
	}
	n.entries = append(n.entries, e)
}

// audited is a job that appends what it has noted when it has done the rest. It may run
// more than once: each run notes anew.
func (d *db) audited(ctx context.Context, written *int, f func(querier) error) func(querier) error {
	actor := audit.From(ctx)
	return func(q querier) error {
		n := &noting{querier: q, actor: actor}
		*written = 0
		if err := f(n); err != nil || len(n.entries) == 0 {
			return err
		}
		*written = len(n.entries)
		if k, ok := q.(keeper); ok {
			k.keep(n.entries)
			return nil
		}
		if err := d.appendEntries(q, n.entries); err != nil {
			return fmt.Errorf("store: audit: %w", err)
		}
		return nil
	}
}

func (d *db) appendEntries(q querier, entries []audit.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	r, err := q.one(sqlTakeHead, len(entries), []byte(nil))
	if err != nil {
		return err
	}
	last, hash := r.int(), r.blob()
	if err := r.err(); err != nil {
		return err
	}
	rec := audit.Record{Seq: last - int64(len(entries)), At: d.clock()}
	args := make([]any, 0, 5*min(len(entries), len(sqlAudit)-1))
	for i := range entries {
		if err := d.pseudonym(&entries[i].Subject); err != nil {
			return err
		}
		rec.Seq++
		rec.Entry = entries[i].Canonical()
		hash = rec.Next(hash)
		if rec.Tag, err = d.tagOf(hash); err != nil {
			return err
		}
		args = append(args, rec.Seq, rec.At, rec.Entry, hash, rec.Tag)
		if len(args) < cap(args) && i < len(entries)-1 {
			continue
		}
		if _, err := q.exec(sqlAudit[len(args)/5], args...); err != nil {
			return err
		}
		args = args[:0]
	}
	_, err = q.exec(sqlPutHead, hash)
	return err
}

func (d *db) tagOf(hash []byte) ([]byte, error) {
	k := d.auth.get()
	if k == nil {
		return nil, nil
	}
	return k.AppendTag(nil, auditPurpose, hash)
}

// pseudonym names the person or card of an entry.
func (d *db) pseudonym(s *audit.Subject) error {
	k := d.auth.get()
	if k == nil || s.Secret() == "" {
		return nil
	}
	tag, err := k.AppendTag(nil, whoPurpose, []byte(s.Secret()))
	s.Who = hex.EncodeToString(tag)
	return err
}

// Audit writes entries in a commit of their own: what was refused, and what changes
// nothing here.
func (a Audits) Audit(ctx context.Context, entries ...audit.Entry) error {
	return a.do(ctx, func(q querier) error {
		for _, e := range entries {
			q.note(e)
		}
		return nil
	})
}

const auditCols = `seq, at, entry, hash, mac`

func scanAudit(r *row) (audit.Record, error) {
	rec := audit.Record{Seq: r.num(1, maxVersion), At: r.moment(), Entry: r.blob(), Hash: r.blob(), Tag: r.blob()}
	return rec, r.err()
}

// AuditRecords lists the audit log in its order, from the record after the given.
func (a Audits) AuditRecords(ctx context.Context, after int64, limit int) ([]audit.Record, error) {
	return readAll(ctx, a.db, scanAudit, `SELECT `+auditCols+` FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2`, after, limit)
}

// AuditHead is number and hash of the newest record; 0 when there is none.
func (a Audits) AuditHead(ctx context.Context) (seq int64, hash []byte, err error) {
	err = a.read(ctx, func(q querier) error {
		r, err := q.one(`SELECT seq, hash FROM audit_head WHERE id = 1`)
		if err != nil {
			seq, hash = 0, nil
			return notFoundIsNil(err)
		}
		seq, hash = r.int(), r.blob()
		return r.err()
	})
	return seq, hash, err
}

// AuditTag checks that a record was written by this installation; nil too where the store
// has no keys to tell by.
func (a Audits) AuditTag(rec *audit.Record) error {
	k := a.auth.get()
	if k == nil {
		return nil
	}
	return k.CheckTag(rec.Tag, auditPurpose, rec.Hash)
}

// VerifyAudit verifies the whole audit log, against its tags too where the store has keys,
// and answers how far it goes. The error is an *audit.Bad where it is not what was written.
func (a Audits) VerifyAudit(ctx context.Context, anchors []audit.Anchor) (*audit.Verifier, error) {
	var tag func(*audit.Record) error
	if a.auth.get() != nil {
		tag = a.AuditTag
	}
	least, _, err := a.AuditHead(ctx)
	if err != nil {
		return nil, err
	}
	v := audit.NewVerifier(tag, anchors)
	err = a.EachAudit(ctx, v.Add)
	if err != nil {
		return v, err
	}
	most, _, err := a.AuditHead(ctx) // some were written meanwhile
	if err == nil {
		err = v.End(least, most)
	}
	return v, err
}

// EachAudit calls f for every record in its order, page by page.
func (a Audits) EachAudit(ctx context.Context, f func(*audit.Record) error) error {
	for last, more := int64(0), true; more; {
		records, err := a.AuditRecords(ctx, last, inspectPage)
		for i := 0; i < len(records) && err == nil; i++ {
			last = records[i].Seq
			err = f(&records[i])
		}
		if err != nil {
			return err
		}
		more = len(records) == inspectPage
	}
	return nil
}

// cutBatch entries are cut off in a commit.
const cutBatch = 2000

// CutAudit cuts off the oldest entries, as far as they are from before a time and are not
// the newest, a bounded number in a commit. An entry says so, from which the rest is verified. It
// answers how many; call it again while any.
func (a Audits) CutAudit(ctx context.Context, before time.Time) (n int64, err error) {
	err = a.do(ctx, func(q querier) error {
		var cut audit.Cut
		n = 0
		old := true
		err := q.each(`SELECT seq, at, hash FROM audit ORDER BY seq LIMIT $1`, func(r *row) error {
			seq, at, hash := r.int(), r.moment(), r.blob()
			if old = old && r.bad == nil && at.Before(before); old {
				cut = audit.Cut{To: seq, Hash: bytes.Clone(hash)}
			}
			return nil
		}, cutBatch)
		if err != nil || cut.To == 0 {
			return err
		}
		if n, err = q.exec(`DELETE FROM audit WHERE seq <= $1`, cut.To); err != nil {
			return err
		}
		q.note(audit.Entry{Action: "audit.cut", Subject: audit.Of("audit", ""), Reason: "retention", Detail: fmt.Sprintf("%d entries", n), Cut: &cut})
		return nil
	})
	return n, err
}

// AuditDue is how many entries CutAudit would cut off, and from when the oldest is; zero when
// there is none.
func (a Audits) AuditDue(ctx context.Context, before time.Time) (due int64, oldest time.Time, err error) {
	err = a.read(ctx, func(q querier) error {
		due, oldest = 0, time.Time{}
		r, err := q.one(`SELECT seq, at FROM audit ORDER BY seq LIMIT 1`)
		if err != nil {
			return notFoundIsNil(err)
		}
		first := r.int()
		if oldest = r.moment(); r.err() != nil || before.IsZero() {
			return r.err()
		}
		kept, err := oneOf(q, scanInt, `SELECT COALESCE((SELECT seq FROM audit WHERE at >= $1 ORDER BY seq LIMIT 1), (SELECT MAX(seq) + 1 FROM audit))`, before)
		due = kept - first
		return err
	})
	return due, oldest, err
}

// IsWho tells whether the pseudonym of a subject is that of a number or card.
func (a Audits) IsWho(s *audit.Subject, secret string) bool {
	k := a.auth.get()
	tag, err := hex.DecodeString(s.Who)
	return k != nil && err == nil && len(tag) > 0 && k.CheckTag(tag, whoPurpose, []byte(secret)) == nil
}

// txEntry is the one entry of an edge of the state table.
func txEntry(tx *mssp.Transaction, c *Change) audit.Entry {
	e := audit.Entry{Action: "tx." + string(c.Event), Before: string(c.From), After: string(c.To), Reason: tx.EndedBy}
	var n sms.MSISDN
	if c.From == mssp.New { // the edges behind it are found by the name
		n = tx.MSISDN
	}
	if c.To.Final() && tx.Status != 0 {
		e.Detail = fmt.Sprint("status ", int(tx.Status))
	}
	e.Subject = audit.Tx(string(tx.ID), n)
	return e
}
