package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/party"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Parties is the part of a Store that knows card issuers and the clients of INT3b and
// INT3c (package party).
type Parties struct{ *db }

const (
	issuerCols = `id, name, profiles, ca, removed_at, created_at, version, tag`

	sqlIssuer = `SELECT ` + issuerCols + ` FROM issuer WHERE id = $1`

	sqlNewIssuer = `INSERT INTO issuer (id, name, profiles, ca, removed_at, created_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`

	// sqlHoldIssuer locks the row and shows it.
	sqlHoldIssuer = `UPDATE issuer SET name = name WHERE id = $1 RETURNING ` + issuerCols

	sqlChangeIssuer = `UPDATE issuer SET name = $2, profiles = $3, ca = $4, removed_at = $5, version = version + 1 WHERE id = $1`

	clientCols = `id, role, issuer, password_hash, cert_sha256, disabled, removed_at, created_at, version, tag`

	sqlClient = `SELECT ` + clientCols + ` FROM client WHERE id = $1`

	sqlNewClient = `INSERT INTO client (id, role, issuer, password_hash, cert_sha256, disabled, removed_at, created_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`

	sqlHoldClient = `UPDATE client SET disabled = disabled WHERE id = $1 RETURNING ` + clientCols

	sqlChangeClient = `UPDATE client SET role = $2, issuer = $3, password_hash = $4, cert_sha256 = $5, disabled = $6, removed_at = $7, version = version + 1
	WHERE id = $1`
)

var (
	tableIssuer = newTable("issuer", "id", issuerCols)
	tableClient = newTable("client", "id", clientCols)
)

// record is a kind of row that has an id, a version and a tag.
type record[T any] struct {
	table                  *table
	get, put, hold, change string
	scan                   func(*row) (T, error)
	args                   func(*T) []any // what change sets, the id first
	keep                   func(v *T, id string)
	standing               func(*T) string // for the audit log
}

// add stores a new row, whose date comes last. The error is an Existing one when the id
// is taken, also by one that was removed.
func (rc *record[T]) add(q querier, v *T, id string, at any) error {
	n, err := q.exec(rc.put, append(rc.args(v), at)...)
	if err == nil && n > 0 {
		q.note(audit.Entry{Action: rc.table.name + ".add", Subject: audit.Of(rc.table.name, id), After: rc.standing(v)})
		return rc.table.seal(q, id)
	}
	if err != nil {
		return err
	}
	have, err := oneOf(q, rc.scan, rc.get, id)
	if err != nil {
		return err
	}
	return &Existing[T]{Row: have}
}

// edit reads a row, lets f change it and stores it.
func (rc *record[T]) edit(q querier, id string, f func(*T) error) (v T, err error) {
	if v, err = oneOf(q, rc.scan, rc.hold, id); err != nil {
		return v, err
	}
	was := v
	if err := f(&v); err != nil {
		return v, err
	}
	rc.keep(&v, id)
	if _, err = q.exec(rc.change, rc.args(&v)...); err != nil {
		return v, err
	}
	q.note(audit.Entry{
		Action: rc.table.name + ".change", Subject: audit.Of(rc.table.name, id), Before: rc.standing(&was), After: rc.standing(&v), Detail: changed(was, v),
	})
	return v, rc.table.seal(q, id)
}

var issuers = record[party.Issuer]{
	table: tableIssuer, get: sqlIssuer, put: sqlNewIssuer, hold: sqlHoldIssuer, change: sqlChangeIssuer, scan: scanIssuer,
	args: func(v *party.Issuer) []any {
		return []any{v.ID, v.Name, list(v.Profiles), octets(v.CA), v.RemovedAt}
	},
	keep:     func(v *party.Issuer, id string) { v.ID = id; v.Version++ },
	standing: func(v *party.Issuer) string { return standing(false, v.RemovedAt) },
}

var clients = record[party.Client]{
	table: tableClient, get: sqlClient, put: sqlNewClient, hold: sqlHoldClient, change: sqlChangeClient, scan: scanClient,
	args: func(v *party.Client) []any {
		return []any{v.ID, string(v.Role), v.Issuer, v.PasswordHash, list(v.CertSHA256), v.Disabled, v.RemovedAt}
	},
	keep:     func(v *party.Client, id string) { v.ID = id; v.Version++ },
	standing: func(v *party.Client) string { return standing(v.Disabled, v.RemovedAt) },
}

// octets are never NULL.
func octets(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func scanIssuer(r *row) (party.Issuer, error) {
	var v party.Issuer
	var err error
	first := r.i
	v.ID = r.text()
	v.Name = r.text()
	v.Profiles, err = unlist(r.text())
	if v.CA = r.blob(); len(v.CA) == 0 {
		v.CA = nil
	}
	v.RemovedAt = r.moment()
	v.CreatedAt = r.time()
	v.Version = r.num(1, maxVersion)
	r.authentic(tableIssuer, first)
	if err != nil {
		return v, fmt.Errorf("store: issuer: %w: %w", ErrAltered, err)
	}
	return v, r.err()
}

func scanClient(r *row) (party.Client, error) {
	var v party.Client
	var err error
	first := r.i
	v.ID = r.text()
	v.Role = wordOf(r, audit.Administrator, audit.Operator, audit.Registration, audit.CustomerCare, audit.Auditor)
	v.Issuer = r.text()
	v.PasswordHash = r.text()
	v.CertSHA256, err = unlist(r.text())
	v.Disabled = r.flag()
	v.RemovedAt = r.moment()
	v.CreatedAt = r.time()
	v.Version = r.num(1, maxVersion)
	r.authentic(tableClient, first)
	if err != nil {
		return v, fmt.Errorf("store: client: %w: %w", ErrAltered, err)
	}
	return v, r.err()
}

// AddIssuer stores a new card issuer. The error is an Existing issuer when the id is taken.
func (s *Parties) AddIssuer(ctx context.Context, v party.Issuer) error {
	if v.CreatedAt.IsZero() {
		v.CreatedAt = s.clock()
	}
	return s.do(ctx, func(q querier) error { return issuers.add(q, &v, v.ID, v.CreatedAt) })
}

// ChangeIssuer reads an issuer, lets f change everything but its id and stores it, in one
// commit. An error of f changes nothing and is returned as it is. f may run more than once.
func (s *Parties) ChangeIssuer(ctx context.Context, id string, f func(*party.Issuer) error) (v party.Issuer, err error) {
	err = s.do(ctx, func(q querier) (err error) {
		v, err = issuers.edit(q, id, f)
		return err
	})
	return v, err
}

// Issuer is the card issuer with that id, or ErrNotFound. One that was removed is not found.
func (s *Parties) Issuer(ctx context.Context, id string) (party.Issuer, error) {
	return readOne(ctx, s.db, scanIssuer, sqlIssuer+` AND removed_at = 0`, id)
}

// Issuers lists the card issuers, also those that were removed.
func (s *Parties) Issuers(ctx context.Context) ([]party.Issuer, error) {
	return readGood(ctx, s.db, tableIssuer, scanIssuer, `SELECT `+issuerCols+` FROM issuer ORDER BY id`)
}

// AddClient stores a new client. ErrNotFound: there is no such issuer. The error is an
// Existing client when the id is taken, also by one that was removed.
func (s *Parties) AddClient(ctx context.Context, v party.Client) error {
	if v.CreatedAt.IsZero() {
		v.CreatedAt = s.clock()
	}
	return s.do(ctx, func(q querier) error {
		if err := holdIssuer(q, v.Issuer); err != nil {
			return err
		}
		return clients.add(q, &v, v.ID, v.CreatedAt)
	})
}

// holdIssuer wants an issuer that is there; "" is.
func holdIssuer(q querier, id string) error {
	if id == "" {
		return nil
	}
	v, err := oneOf(q, scanIssuer, sqlHoldIssuer, id)
	if err == nil && !v.RemovedAt.IsZero() {
		err = ErrNotFound
	}
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("store: issuer: %w", ErrNoIssuer)
	}
	return err
}

// ErrNoIssuer: a row names a card issuer that is not there.
var ErrNoIssuer = errors.New("there is no such card issuer")

// ChangeClient reads a client, lets f change everything but its id and stores it, in one
// commit. An error of f changes nothing and is returned as it is. f may run more than once.
func (s *Parties) ChangeClient(ctx context.Context, id string, f func(*party.Client) error) (v party.Client, err error) {
	err = s.do(ctx, func(q querier) (err error) {
		v, err = clients.edit(q, id, f)
		return err
	})
	return v, err
}

// Client is the client with that id, or ErrNotFound. One that was removed is not found.
func (s *Parties) Client(ctx context.Context, id string) (party.Client, error) {
	return readOne(ctx, s.db, scanClient, sqlClient+` AND removed_at = 0`, id)
}

// Clients lists the clients, also those that were removed.
func (s *Parties) Clients(ctx context.Context) ([]party.Client, error) {
	return readGood(ctx, s.db, tableClient, scanClient, `SELECT `+clientCols+` FROM client ORDER BY id`)
}

const (
	sqlCardsOf = `SELECT ` + cardCols + ` FROM card WHERE issuer = $1 AND issuer <> '' AND iccid > $2 ORDER BY iccid LIMIT $3`

	sqlSubscribersOf = `SELECT ` + subscriberCols + ` FROM subscriber WHERE msisdn > $2
	AND EXISTS (SELECT 1 FROM card c WHERE c.iccid = subscriber.iccid AND c.issuer = $1) ORDER BY msisdn LIMIT $3`

	sqlDutiesOfIssuer = `SELECT ` + dutyCols + ` FROM duty WHERE ended_at = 0
	AND EXISTS (SELECT 1 FROM card c WHERE c.iccid = duty.iccid AND c.issuer = $1) ORDER BY due_at, id LIMIT $2`
)

// CardsOf lists the cards of an issuer by ICCID, from the one after the given.
func (s *Parties) CardsOf(ctx context.Context, issuer string, after ota.ICCID, limit int) ([]mssp.Card, error) {
	return readGood(ctx, s.db, tableCard, scanCard, sqlCardsOf, issuer, string(after), limit)
}

// SubscribersOf lists the subscribers of an issuer's cards by number, from the one after
// the given.
func (s *Parties) SubscribersOf(ctx context.Context, issuer string, after sms.MSISDN, limit int) ([]mssp.Subscriber, error) {
	return readGood(ctx, s.db, tableSubscriber, scanSubscriber, sqlSubscribersOf, issuer, string(after), limit)
}

// DutiesOf lists what is left to do on an issuer's cards, what is due first before the
// others.
func (s *Parties) DutiesOf(ctx context.Context, issuer string, limit int) ([]mssp.Duty, error) {
	return readGood(ctx, s.db, tableDuty, scanDuty, sqlDutiesOfIssuer, issuer, limit)
}
