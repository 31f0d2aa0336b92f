package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Records is the part of a Store that says who is who: cards with their key
// sets and key pairs, subscribers, application providers.
type Records struct{ *db }

const (
	cardCols = `iccid, imsi, profile, state, codes, bad_por, created_at`

	sqlPutCard = `INSERT INTO card (iccid, imsi, profile, state, codes, bad_por, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
	ON CONFLICT (iccid) DO UPDATE SET imsi = excluded.imsi, profile = excluded.profile, state = excluded.state,
	codes = excluded.codes, bad_por = excluded.bad_por`

	sqlImportCard = `INSERT INTO card (iccid, imsi, profile, state, codes, bad_por, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
	ON CONFLICT (iccid) DO UPDATE SET imsi = excluded.imsi, profile = excluded.profile`

	sqlNewKeySet = `INSERT INTO keyset (iccid, kvn, keys, counter) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`

	subscriberCols = `msisdn, iccid, name, serial, language, state, created_at`

	sqlPutSubscriber = `INSERT INTO subscriber (msisdn, iccid, name, serial, language, state, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
	ON CONFLICT (msisdn) DO UPDATE SET iccid = excluded.iccid, name = excluded.name, serial = excluded.serial,
	language = excluded.language, state = excluded.state`

	sqlPutKeyPair = `INSERT INTO key_pair (iccid, slot, usage, algorithm, state, confirmed, public_key, serial, cert_der, csr, updated_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
	ON CONFLICT (iccid, slot) DO UPDATE SET usage = excluded.usage, algorithm = excluded.algorithm, state = excluded.state,
	confirmed = excluded.confirmed, public_key = excluded.public_key, serial = excluded.serial, cert_der = excluded.cert_der,
	csr = excluded.csr, updated_at = excluded.updated_at`
)

// codeBits packs what the applet told about its codes into the codes column.
func codeBits(c mssp.Card) (bits int64) {
	for i, b := range [...]bool{c.CodeSet[0], c.CodeSet[1], c.Blocked[0], c.Blocked[1]} {
		if b {
			bits |= 1 << i
		}
	}
	return bits
}

func scanCard(r *row) (mssp.Card, error) {
	var c mssp.Card
	c.ICCID = iccidOf(r)
	c.IMSI = r.text()
	c.Profile = r.text()
	c.State = r.text()
	bits := r.int()
	c.CodeSet = [2]bool{bits&1 != 0, bits&2 != 0}
	c.Blocked = [2]bool{bits&4 != 0, bits&8 != 0}
	c.BadPoR = int(r.int())
	c.CreatedAt = r.time()
	return c, r.err()
}

func scanSubscriber(r *row) (mssp.Subscriber, error) {
	var s mssp.Subscriber
	s.MSISDN = sms.MSISDN(r.text())
	s.ICCID = iccidOf(r)
	s.Name = r.text()
	s.Serial = r.text()
	s.Language = r.text()
	s.State = mssp.SubscriberState(r.text())
	s.CreatedAt = r.time()
	return s, r.err()
}

// scanKeyPair reads the columns up to cert_der; the ICCID is known.
func scanKeyPair(r *row, iccid ota.ICCID) (mssp.KeyPair, error) {
	k := mssp.KeyPair{ICCID: iccid}
	k.Slot = byte(r.int())
	k.Usage = mssp.KeyUsage(r.int())
	k.Algorithm = byte(r.int())
	k.State = mssp.KeyState(r.text())
	k.Confirmed = r.bool()
	k.PublicKey = r.blob()
	k.Serial = r.text()
	k.UpdatedAt = r.time()
	k.CertDER = r.blob()
	return k, r.err()
}

const keyPairCols = `k.slot, k.usage, k.algorithm, k.state, k.confirmed, k.public_key, k.serial, k.updated_at, k.cert_der`

func putCard(q querier, sql string, c mssp.Card) error {
	_, err := q.exec(sql, string(c.ICCID), c.IMSI, c.Profile, c.State, codeBits(c), c.BadPoR, c.CreatedAt)
	return err
}

func putKeyPair(q querier, k *mssp.KeyPair, now time.Time) error {
	if k.UpdatedAt.IsZero() {
		k.UpdatedAt = now
	}
	_, err := q.exec(sqlPutKeyPair, string(k.ICCID), k.Slot, byte(k.Usage), k.Algorithm, string(k.State), k.Confirmed,
		k.PublicKey, k.Serial, k.CertDER, k.CSR, k.UpdatedAt)
	return err
}

// ImportCard stores a new card with its key sets in one commit. A card that is
// there gets the new key sets, and its state and what it told about its codes
// stay: an import releases nobody. ErrExists: a key set of that card and
// version is there already; its counter may have been used, so that import
// never overwrites it.
func (s *Records) ImportCard(ctx context.Context, c mssp.Card, ks []mssp.KeySet) error {
	if c.CreatedAt.IsZero() {
		c.CreatedAt = s.clock()
	}
	return s.do(ctx, func(q querier) error {
		if err := putCard(q, sqlImportCard, c); err != nil {
			return err
		}
		for _, k := range ks {
			n, err := q.exec(sqlNewKeySet, string(c.ICCID), k.KVN, k.Keys, k.Counter)
			if err != nil {
				return err
			}
			if n == 0 {
				return fmt.Errorf("store: key set %d of the card: %w", k.KVN, ErrExists)
			}
		}
		return nil
	})
}

// PutCard stores a card's facts; its queue and keys stay.
func (s *Records) PutCard(ctx context.Context, c mssp.Card) error {
	if c.CreatedAt.IsZero() {
		c.CreatedAt = s.clock()
	}
	return s.do(ctx, func(q querier) error { return putCard(q, sqlPutCard, c) })
}

// Card is the card with that ICCID, or ErrNotFound.
func (s *Records) Card(ctx context.Context, iccid ota.ICCID) (mssp.Card, error) {
	return readOne(ctx, s.db, scanCard, `SELECT `+cardCols+` FROM card WHERE iccid = $1`, string(iccid))
}

// Cards lists cards by ICCID, from the one after the given.
func (s *Records) Cards(ctx context.Context, after ota.ICCID, limit int) ([]mssp.Card, error) {
	return readAll(ctx, s.db, scanCard, `SELECT `+cardCols+` FROM card WHERE iccid > $1 ORDER BY iccid LIMIT $2`, string(after), limit)
}

// KeySets lists the key sets of a card, the current one (highest KVN) first.
func (s *Records) KeySets(ctx context.Context, iccid ota.ICCID) ([]mssp.KeySet, error) {
	return readAll(ctx, s.db, scanKeySet, `SELECT iccid, kvn, keys, counter FROM keyset WHERE iccid = $1 ORDER BY kvn DESC`, string(iccid))
}

const sqlOneKeySet = `SELECT iccid, kvn, keys, counter FROM keyset WHERE iccid = $1 AND kvn = $2`

// KeySet is one key set, or ErrNotFound.
func (s *Records) KeySet(ctx context.Context, iccid ota.ICCID, kvn byte) (mssp.KeySet, error) {
	return readOne(ctx, s.db, scanKeySet, sqlOneKeySet, string(iccid), kvn)
}

func scanKeySet(r *row) (mssp.KeySet, error) {
	ks := mssp.KeySet{ICCID: iccidOf(r), KVN: byte(r.int()), Keys: r.blob(), Counter: r.blob()}
	return ks, r.err()
}

// UpdateKeySet reads a key set, lets f change its blobs and stores it, in one
// commit: advancing a counter, sealing anew under a new key-encryption key. f
// may run more than once.
func (s *Records) UpdateKeySet(ctx context.Context, iccid ota.ICCID, kvn byte, f func(*mssp.KeySet) error) error {
	return s.do(ctx, func(q querier) error {
		if _, err := q.one(sqlTouch, string(iccid)); err != nil {
			return err
		}
		r, err := q.one(sqlOneKeySet, string(iccid), kvn)
		if err != nil {
			return err
		}
		ks, err := scanKeySet(r)
		if err != nil {
			return err
		}
		if err := f(&ks); err != nil {
			return err
		}
		_, err = q.exec(`UPDATE keyset SET keys = $3, counter = $4 WHERE iccid = $1 AND kvn = $2`, string(iccid), kvn, ks.Keys, ks.Counter)
		return err
	})
}

// AllKeySets lists key sets in the order of card and version, from the one
// after the given: for sealing all of them anew.
func (s *Records) AllKeySets(ctx context.Context, after ota.ICCID, afterKVN byte, limit int) ([]mssp.KeySet, error) {
	return readAll(ctx, s.db, scanKeySet, `SELECT iccid, kvn, keys, counter FROM keyset
		WHERE iccid > $1 OR iccid = $1 AND kvn > $2 ORDER BY iccid, kvn LIMIT $3`, string(after), afterKVN, limit)
}

// PutKeyPairs stores key slots, each as a whole row.
func (s *Records) PutKeyPairs(ctx context.Context, kp []mssp.KeyPair) error {
	now := s.clock()
	return s.do(ctx, func(q querier) error {
		for _, k := range kp {
			if err := putKeyPair(q, &k, now); err != nil {
				return err
			}
		}
		return nil
	})
}

// KeyPairs lists the key slots of a card, deleted ones too, with their CSRs.
func (s *Records) KeyPairs(ctx context.Context, iccid ota.ICCID) ([]mssp.KeyPair, error) {
	scan := func(r *row) (mssp.KeyPair, error) {
		k, err := scanKeyPair(r, iccid)
		k.CSR = r.blob()
		return k, errors.Join(err, r.err())
	}
	return readAll(ctx, s.db, scan, `SELECT `+keyPairCols+`, k.csr FROM key_pair k WHERE k.iccid = $1 ORDER BY k.slot`, string(iccid))
}

const (
	lookupCols = `s.msisdn, s.iccid, s.name, s.serial, s.language, s.state, s.created_at,
	c.iccid, c.imsi, c.profile, c.state, c.codes, c.bad_por, c.created_at, ` + standingCols + `, COALESCE(k.slot, -1), ` + keyPairCols

	sqlLookup = `SELECT ` + lookupCols + ` FROM subscriber s JOIN card c ON c.iccid = s.iccid
	LEFT JOIN patience p ON p.msisdn = s.msisdn
	LEFT JOIN key_pair k ON k.iccid = c.iccid AND k.state <> 'deleted' WHERE s.msisdn = $1 ORDER BY k.slot`
)

// Lookup is everything about a number that a request needs, in one query: the
// subscriber in whatever state, his card, and the key slots in use, without
// their CSRs. ErrNotFound: no such subscriber.
func (s *Records) Lookup(ctx context.Context, n sms.MSISDN) (sub mssp.Subscriber, card mssp.Card, keys []mssp.KeyPair, err error) {
	sub, card, keys, _, err = s.LookupStanding(ctx, n)
	return sub, card, keys, err
}

// LookupStanding is Lookup, with what counts against the number.
func (s *Records) LookupStanding(ctx context.Context, n sms.MSISDN) (sub mssp.Subscriber, card mssp.Card, keys []mssp.KeyPair, st Standing, err error) {
	first := true
	err = s.read(ctx, func(q querier) error {
		return q.each(sqlLookup, func(r *row) (err error) {
			if !first {
				r.i = subscriberColumns + cardColumns + standingColumns // the same as in the first row
			} else if sub, err = scanSubscriber(r); err == nil {
				first = false
				if card, err = scanCard(r); err == nil {
					st, err = scanStanding(r)
				}
			}
			if err != nil {
				return err
			}
			if r.int() < 0 {
				return r.err()
			}
			k, err := scanKeyPair(r, card.ICCID)
			keys = append(keys, k)
			return err
		}, string(n))
	})
	if err == nil && first {
		err = ErrNotFound
	}
	return sub, card, keys, st, err
}

const subscriberColumns, cardColumns = 7, 7

// SubscriberByICCID is the subscriber who has the card: the newest one that is
// not removed. ErrNotFound when there is none.
func (s *Records) SubscriberByICCID(ctx context.Context, iccid ota.ICCID) (mssp.Subscriber, error) {
	return readOne(ctx, s.db, scanSubscriber, `SELECT `+subscriberCols+` FROM subscriber
		WHERE iccid = $1 AND state <> 'removed' ORDER BY created_at DESC LIMIT 1`, string(iccid))
}

// PutSubscriber stores a subscriber; the card must be there.
func (s *Records) PutSubscriber(ctx context.Context, u mssp.Subscriber) error {
	if u.CreatedAt.IsZero() {
		u.CreatedAt = s.clock()
	}
	return s.do(ctx, func(q querier) error {
		if _, err := q.one(`SELECT 1 FROM card WHERE iccid = $1`, string(u.ICCID)); err != nil {
			return fmt.Errorf("store: card of the subscriber: %w", err)
		}
		_, err := q.exec(sqlPutSubscriber, string(u.MSISDN), string(u.ICCID), u.Name, u.Serial, u.Language, string(u.State), u.CreatedAt)
		return err
	})
}

// Subscribers lists subscribers by number, from the one after the given.
func (s *Records) Subscribers(ctx context.Context, after sms.MSISDN, limit int) ([]mssp.Subscriber, error) {
	return readAll(ctx, s.db, scanSubscriber, `SELECT `+subscriberCols+` FROM subscriber
		WHERE msisdn > $1 ORDER BY msisdn LIMIT $2`, string(after), limit)
}
