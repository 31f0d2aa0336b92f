package store

import (
	"context"
	"errors"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota/sms"
)

const (
	popCols = `msisdn, name, digest, channel, state, tries, made_at, expires_at, version, tag`

	sqlPoP = `SELECT ` + popCols + ` FROM pop WHERE msisdn = $1`

	sqlPutPoP = `INSERT INTO pop (msisdn, name, digest, channel, state, tries, made_at, expires_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (msisdn) DO UPDATE SET name = excluded.name, digest = excluded.digest,
	channel = excluded.channel, state = excluded.state, tries = excluded.tries, made_at = excluded.made_at,
	expires_at = excluded.expires_at, version = pop.version + 1`

	sqlEndPoP = `UPDATE pop SET state = $2, tries = $3, version = version + 1 WHERE msisdn = $1`
)

var tablePoP = newTable("pop", "msisdn", popCols)

func scanPoP(r *row) (mssp.PoP, error) {
	var p mssp.PoP
	first := r.i
	p.MSISDN = sms.MSISDN(r.text())
	p.ID = r.text()
	p.Sum = r.blob()
	p.Channel = wordOf(r, mssp.PoPChannels()...)
	p.State = wordOf(r, mssp.PoPStates()...)
	p.Tries = int(r.num(0, 1000))
	p.MadeAt = r.moment()
	p.ExpiresAt = r.moment()
	p.Version = r.num(1, maxVersion)
	r.authentic(tablePoP, first)
	return p, r.err()
}

// GivePoP stores a code that its user is about to get, in the place of an earlier one,
// which is worth nothing from then on. ErrNotFound: no subscriber has the number.
func (s *Identities) GivePoP(ctx context.Context, p mssp.PoP) error {
	return s.do(ctx, func(q querier) error {
		if _, err := oneOf(q, scanSubscriber, sqlHoldSubscriber, string(p.MSISDN)); err != nil {
			return err
		}
		if _, err := q.exec(sqlPutPoP, string(p.MSISDN), p.ID, p.Sum, string(p.Channel), string(p.State), p.Tries, p.MadeAt, p.ExpiresAt); err != nil {
			return err
		}
		q.note(audit.Entry{Action: "pop.give", Subject: audit.User(p.MSISDN), Detail: string(p.Channel)})
		return tablePoP.seal(q, string(p.MSISDN))
	})
}

// PoP is the last code that was made for a user, or ErrNotFound.
func (s *Identities) PoP(ctx context.Context, n sms.MSISDN) (mssp.PoP, error) {
	return readOne(ctx, s.db, scanPoP, sqlPoP, string(n))
}

// TakePoP takes a code back that could not be delivered. One that was made after it stays.
func (s *Identities) TakePoP(ctx context.Context, n sms.MSISDN, id string) error {
	return s.do(ctx, func(q querier) error {
		gone, err := q.exec(`DELETE FROM pop WHERE msisdn = $1 AND name = $2`, string(n), id)
		if gone > 0 {
			q.note(audit.Entry{Action: "pop.take", Subject: audit.User(n), Reason: "not delivered"})
		}
		return err
	})
}

// PoPEnd is what a registration makes of the code of its user: it was right, or a wrong one was entered.
type PoPEnd struct {
	ID    string
	Right bool
}

// EndPoP uses a code up, or counts a wrong one, where no card has asked for it. The error is
// ErrChanged when the right one is not good any more.
func (s *Identities) EndPoP(ctx context.Context, n sms.MSISDN, end PoPEnd) error {
	return s.do(ctx, func(q querier) error { return endPoP(q, n, &end) })
}

// endPoP uses a code up, or counts a wrong one. The right one must still be good, so that it serves
// one registration: else the error is ErrChanged.
func endPoP(q querier, n sms.MSISDN, end *PoPEnd) error {
	p, err := oneOf(q, scanPoP, sqlPoP, string(n))
	if errors.Is(err, ErrNotFound) || err == nil && (p.ID != end.ID || p.State != mssp.PoPGiven) {
		if !end.Right {
			return nil // it counts for nothing any more
		}
		return &Changed[mssp.PoP]{Row: p}
	}
	if err != nil {
		return err
	}
	switch p.Tries--; {
	case end.Right:
		p.State, p.Tries = mssp.PoPUsed, p.Tries+1
	case p.Tries <= 0:
		p.State, p.Tries = mssp.PoPSpent, 0
	}
	what := "pop.wrong"
	if end.Right {
		what = "pop.right"
	}
	q.note(audit.Entry{Action: what, Subject: audit.User(n), Before: string(mssp.PoPGiven), After: string(p.State)})
	if _, err := q.exec(sqlEndPoP, string(n), string(p.State), p.Tries); err != nil {
		return err
	}
	return tablePoP.seal(q, string(n))
}
