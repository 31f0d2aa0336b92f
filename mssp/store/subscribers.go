package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

const (
	subscriberCols = `msisdn, iccid, name, serial, language, state, created_at, version, tag`

	sqlNewSubscriber = `INSERT INTO subscriber (msisdn, iccid, name, serial, language, state, created_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`

	sqlSubscriber = `SELECT ` + subscriberCols + ` FROM subscriber WHERE msisdn = $1`

	// sqlHoldSubscriber locks the row and shows it.
	sqlHoldSubscriber = `UPDATE subscriber SET state = state WHERE msisdn = $1 RETURNING ` + subscriberCols

	sqlChangeSubscriber = `UPDATE subscriber SET iccid = $2, name = $3, serial = $4, language = $5, state = $6, version = version + 1
	WHERE msisdn = $1`

	// sqlHolder is the subscriber who has the card.
	sqlHolder = `SELECT ` + subscriberCols + ` FROM subscriber WHERE iccid = $1 AND state <> 'removed'`
)

var tableSubscriber = newTable("subscriber", "msisdn", subscriberCols)

func scanSubscriber(r *row) (mssp.Subscriber, error) {
	var s mssp.Subscriber
	first := r.i
	s.MSISDN = sms.MSISDN(r.text())
	s.ICCID = iccidOf(r)
	s.Name = r.text()
	s.Serial = r.text()
	s.Language = r.text()
	s.State = wordOf(r, mssp.SubscriberActive, mssp.SubscriberSuspended, mssp.SubscriberRemoved)
	s.CreatedAt = r.time()
	s.Version = r.num(1, maxVersion)
	r.authentic(tableSubscriber, first)
	return s, r.err()
}

// AddSubscriber registers a number with a card, in one commit with the checks
// that belong to it. ErrNotFound: there is no such card. The error is an
// Existing subscriber when the number is taken (it has that number then), or
// the card is: a card belongs to one subscriber who is not removed.
func (s *Records) AddSubscriber(ctx context.Context, u mssp.Subscriber) error {
	if u.CreatedAt.IsZero() {
		u.CreatedAt = s.clock()
	}
	return s.do(ctx, func(q querier) error {
		if _, err := q.one(sqlHoldCard, string(u.ICCID)); err != nil {
			return fmt.Errorf("store: card of the subscriber: %w", err)
		}
		n, err := q.exec(sqlNewSubscriber, string(u.MSISDN), string(u.ICCID), u.Name, u.Serial, u.Language, string(u.State), u.CreatedAt)
		if err == nil && n > 0 {
			q.note(audit.Entry{Action: "user.add", Subject: audit.User(u.MSISDN), After: string(u.State)})
			return tableSubscriber.seal(q, string(u.MSISDN))
		}
		if err != nil {
			return err
		}
		have, err := oneOf(q, scanSubscriber, sqlSubscriber, string(u.MSISDN))
		if errors.Is(err, ErrNotFound) {
			have, err = oneOf(q, scanSubscriber, sqlHolder, string(u.ICCID))
		}
		if err != nil {
			return err
		}
		return &Existing[mssp.Subscriber]{Row: have}
	})
}

// ChangeSubscriber reads a subscriber, lets f change everything but the number
// and stores it, in one commit. ErrNotFound: there is no such number, or not the
// card that f has set. The error is an Existing subscriber when somebody else
// has that card. An error of f changes nothing and is returned as it is. f may
// run more than once.
func (s *Records) ChangeSubscriber(ctx context.Context, n sms.MSISDN, f func(*mssp.Subscriber) error) (u mssp.Subscriber, err error) {
	err = s.do(ctx, func(q querier) (err error) {
		if u, err = oneOf(q, scanSubscriber, sqlHoldSubscriber, string(n)); err != nil {
			return err
		}
		was := u
		if err := f(&u); err != nil {
			return err
		}
		u.MSISDN = n
		if err := cardIsFree(q, &u); err != nil {
			return err
		}
		u.Version++
		if _, err = q.exec(sqlChangeSubscriber, string(n), string(u.ICCID), u.Name, u.Serial, u.Language, string(u.State)); err != nil {
			return err
		}
		q.note(audit.Entry{
			Action: "user.change", Subject: audit.User(n), Before: string(was.State), After: string(u.State), Detail: changed(was, u),
		})
		return tableSubscriber.seal(q, string(n))
	})
	return u, err
}

// cardIsFree holds the card's row, as everybody does who gives a card away, and
// looks whether somebody else has it.
func cardIsFree(q querier, u *mssp.Subscriber) error {
	if _, err := q.one(sqlHoldCard, string(u.ICCID)); err != nil {
		return fmt.Errorf("store: card of the subscriber: %w", err)
	}
	have, err := oneOf(q, scanSubscriber, sqlHolder, string(u.ICCID))
	if errors.Is(err, ErrNotFound) || err == nil && (have.MSISDN == u.MSISDN || u.State == mssp.SubscriberRemoved) {
		return nil
	}
	if err != nil {
		return err
	}
	return &Existing[mssp.Subscriber]{Row: have}
}

const (
	lookupCols = `s.msisdn, s.iccid, s.name, s.serial, s.language, s.state, s.created_at, s.version, s.tag,
	` + joinedCardCols + `, ` + standingCols + `, COALESCE(k.slot, -1), ` + underCols

	sqlLookup = `SELECT ` + lookupCols + ` FROM subscriber s JOIN card c ON c.iccid = s.iccid
	LEFT JOIN patience p ON p.msisdn = s.msisdn
	LEFT JOIN key_pair k ON k.iccid = c.iccid AND k.state <> 'deleted' ` + sqlUnder + ` WHERE s.msisdn = $1 ORDER BY k.slot`
)

// Lookup is everything about a number that a request needs, in one query: the
// subscriber in whatever state, his card, and the key slots in use, under their
// certificates and without their CSRs. ErrNotFound: no such subscriber.
func (s *Records) Lookup(ctx context.Context, n sms.MSISDN) (sub mssp.Subscriber, card mssp.Card, keys []mssp.KeyPair, err error) {
	return s.lookup(ctx, n, func(*row) error { return nil }) // no answer waits for what counts against its sender
}

// LookupStanding is Lookup, with what counts against the number.
func (s *Records) LookupStanding(ctx context.Context, n sms.MSISDN) (sub mssp.Subscriber, card mssp.Card, keys []mssp.KeyPair, st Standing, err error) {
	sub, card, keys, err = s.lookup(ctx, n, func(r *row) (err error) {
		st, err = scanStanding(r)
		return err
	})
	return sub, card, keys, st, err
}

func (s *Records) lookup(ctx context.Context, n sms.MSISDN, standing func(*row) error) (sub mssp.Subscriber, card mssp.Card, keys []mssp.KeyPair, err error) {
	first := true
	err = s.read(ctx, func(q querier) error {
		return q.each(sqlLookup, func(r *row) (err error) {
			if first {
				if sub, err = scanSubscriber(r); err == nil {
					card, err = scanCard(r)
				}
				if err == nil {
					err = standing(r)
				}
				first = false
			}
			if err != nil {
				return err
			}
			r.i = subscriberColumns + cardColumns + standingColumns // before that all rows are the same
			if r.int() < 0 {
				return r.err()
			}
			k, err := scanUnder(r, card.ICCID, sub.MSISDN)
			keys = append(keys, k)
			return err
		}, string(n))
	})
	if err == nil && first {
		err = ErrNotFound
	}
	return sub, card, keys, err
}

var subscriberColumns, cardColumns = strings.Count(subscriberCols, ",") + 1, strings.Count(cardCols, ",") + 1

// Holder is the subscriber who has the card, or ErrNotFound.
func (s *Records) Holder(ctx context.Context, iccid ota.ICCID) (mssp.Subscriber, error) {
	return readOne(ctx, s.db, scanSubscriber, sqlHolder, string(iccid))
}

// Subscribers lists subscribers by number, from the one after the given.
func (s *Records) Subscribers(ctx context.Context, after sms.MSISDN, limit int) ([]mssp.Subscriber, error) {
	return readGood(ctx, s.db, tableSubscriber, scanSubscriber, `SELECT `+subscriberCols+` FROM subscriber
		WHERE msisdn > $1 ORDER BY msisdn LIMIT $2`, string(after), limit)
}
