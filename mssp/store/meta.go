package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota/keys"
)

// Meta is a small document of the installation, or ErrNotFound.
func (s *Store) Meta(ctx context.Context, name string) ([]byte, error) {
	return readOne(ctx, s.db, scanBlob, sqlMeta, name)
}

const sqlMeta = `SELECT value FROM meta WHERE name = $1`

func scanBlob(r *row) ([]byte, error) { return r.blob(), r.err() }

// SetMeta stores a small document of the installation.
func (s *Store) SetMeta(ctx context.Context, name string, val []byte) error {
	return s.do(ctx, func(q querier) error {
		_, err := q.exec(`INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, val)
		return err
	})
}

// AddMeta stores a small document of the installation that is made once. The
// error is an Existing document when there is one of that name.
func (s *Store) AddMeta(ctx context.Context, name string, val []byte) error {
	return s.do(ctx, func(q querier) error {
		n, err := q.exec(`INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, name, val)
		if err == nil && n > 0 {
			q.note(audit.Entry{Action: "document.add", Subject: audit.Of("document", name)})
		}
		if err != nil || n > 0 {
			return err
		}
		have, err := oneOf(q, scanBlob, sqlMeta, name)
		if err != nil {
			return err
		}
		return &Existing[[]byte]{Row: have}
	})
}

// KEKs lists the wrapped key-encryption keys (keys.KEKStore).
func (s *Store) KEKs(ctx context.Context) ([]keys.WrappedKEK, error) {
	scan := func(r *row) (keys.WrappedKEK, error) {
		k := keys.WrappedKEK{ID: uint32(r.int()), Blob: r.blob(), CreatedAt: r.time()}
		return k, r.err()
	}
	return readAll(ctx, s.db, scan, `SELECT id, blob, created_at FROM kek ORDER BY id`)
}

// AddKEK stores a wrapped key-encryption key; ErrExists when its id is taken.
func (s *Store) AddKEK(ctx context.Context, k keys.WrappedKEK) error {
	return s.do(ctx, func(q querier) error {
		n, err := q.exec(`INSERT INTO kek (id, blob, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, k.ID, k.Blob, k.CreatedAt)
		if err == nil && n == 0 {
			err = fmt.Errorf("store: key-encryption key %d: %w", k.ID, ErrExists)
		}
		q.note(audit.Entry{Action: "kek.add", Subject: audit.Of("kek", fmt.Sprint(k.ID))})
		return err
	})
}

// Stats counts for metrics and the console.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	scan := func(r *row) (Stats, error) {
		st := Stats{
			Queued: int(r.int()), OldestQueued: r.time(), AtCard: int(r.int()), Outbox: int(r.int()),
			Cards: int(r.int()), Subscribers: int(r.int()),
		}
		return st, r.err()
	}
	return readOne(ctx, s.db, scan, `SELECT
		(SELECT COUNT(*) FROM tx WHERE state = 'queued'), (SELECT MIN(created_at) FROM tx WHERE state = 'queued'),
		(SELECT COUNT(*) FROM tx WHERE finished_at = 0 AND state <> 'queued'),
		(SELECT COUNT(*) FROM segment WHERE state IN ('queued', 'ambiguous')),
		(SELECT COUNT(*) FROM card), (SELECT COUNT(*) FROM subscriber WHERE state <> 'removed')`)
}

// audits are what must be true of the rows whatever crash came before; each
// query lists what contradicts it.
var audits = [...]struct{ table, what, sql string }{
	{
		"card", "a card is busy with a transaction that has ended or is not there",
		`SELECT iccid FROM card WHERE busy_tx <> '' AND NOT EXISTS (SELECT 1 FROM tx WHERE tx.id = card.busy_tx AND tx.finished_at = 0 AND tx.iccid = card.iccid)`,
	},
	{
		"tx", "a transaction is under way and not the one at its card",
		`SELECT id FROM tx WHERE finished_at = 0 AND state <> 'queued' AND NOT EXISTS (SELECT 1 FROM card WHERE card.iccid = tx.iccid AND card.busy_tx = tx.id)`,
	},
	{
		"card", "a card counts its queue wrongly",
		`SELECT iccid FROM card WHERE queued <> (SELECT COUNT(*) FROM tx WHERE tx.iccid = card.iccid AND tx.state = 'queued')`,
	},
	{
		"tx", "a transaction was sealed and has no packet",
		`SELECT id FROM tx WHERE attempt > 0 AND (kept & 8) <> 0 AND NOT EXISTS (SELECT 1 FROM packet WHERE packet.iccid = tx.iccid AND packet.tx_seq = tx.seq)`,
	},
	{
		"tx", "a final state without its time, or a time without it",
		`SELECT id FROM tx WHERE (finished_at <> 0) <> (state IN ('done', 'failed'))`,
	},
}

// Check verifies the whole database: pages and indexes (SQLite), and that the
// rows of cards, queues and packets agree with each other. It reads
// everything: seconds on a large database.
func (s *Store) Check(ctx context.Context) error {
	errs := []error{s.b.check(ctx)}
	for _, a := range audits {
		errs = append(errs, s.read(ctx, func(q querier) error {
			r, err := q.one(a.sql)
			if err != nil {
				return notFoundIsNil(err)
			}
			return errors.Join(r.err(), fmt.Errorf("%w: %s", ErrCorrupt, a.what))
		}))
	}
	_, err := s.VerifyAudit(ctx, nil)
	return errors.Join(append(errs, err)...)
}
