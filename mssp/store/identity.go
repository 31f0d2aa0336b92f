package store

import (
	"context"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota/sms"
)

// Identities is the part of a Store that keeps what the RA knows of persons: who has
// identified them.
type Identities struct{ *db }

const (
	identityCols = `msisdn, how, identifier, identified_at, email, document, recorder, recorded_at, version, tag`

	sqlIdentity = `SELECT ` + identityCols + ` FROM identity WHERE msisdn = $1`

	sqlPutIdentity = `INSERT INTO identity (msisdn, how, identifier, identified_at, email, document, recorder, recorded_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (msisdn) DO UPDATE SET how = excluded.how, identifier = excluded.identifier,
	identified_at = excluded.identified_at, email = excluded.email, document = excluded.document, recorder = excluded.recorder,
	recorded_at = excluded.recorded_at, version = identity.version + 1`
)

var tableIdentity = newTable("identity", "msisdn", identityCols)

func scanIdentity(r *row) (mssp.Identity, error) {
	var i mssp.Identity
	first := r.i
	i.MSISDN = sms.MSISDN(r.text())
	i.How = wordOf(r, mssp.Identifications()...)
	i.By = r.text()
	i.At = r.moment()
	i.Email = r.text()
	i.Document = r.text()
	i.Recorder = r.text()
	i.RecordedAt = r.moment()
	i.Version = r.num(1, maxVersion)
	r.authentic(tableIdentity, first)
	return i, r.err()
}

// Identify stores the record of a person, over an earlier one. ErrNotFound: no
// subscriber has the number. The row that is written over need not be ours: who was
// identified again needs no other proof.
func (s *Identities) Identify(ctx context.Context, i mssp.Identity) (mssp.Identity, error) {
	err := s.do(ctx, func(q querier) (err error) {
		if _, err = oneOf(q, scanSubscriber, sqlHoldSubscriber, string(i.MSISDN)); err != nil {
			return err
		}
		if _, err = q.exec(sqlPutIdentity, string(i.MSISDN), string(i.How), i.By, i.At, i.Email, i.Document, i.Recorder, i.RecordedAt); err != nil {
			return err
		}
		q.note(audit.Entry{Action: "user.identify", Subject: audit.User(i.MSISDN), Detail: string(i.How)})
		if err = tableIdentity.seal(q, string(i.MSISDN)); err != nil {
			return err
		}
		i, err = oneOf(q, scanIdentity, sqlIdentity, string(i.MSISDN))
		return err
	})
	return i, err
}

// Identity is the record of a person, or ErrNotFound.
func (s *Identities) Identity(ctx context.Context, n sms.MSISDN) (mssp.Identity, error) {
	return readOne(ctx, s.db, scanIdentity, sqlIdentity, string(n))
}
