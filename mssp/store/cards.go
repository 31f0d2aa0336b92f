package store

import (
	"cmp"
	"context"
	"encoding/hex"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota"
)

// Records is the part of a Store that says who is who: cards with their key
// sets and key pairs, subscribers, application providers.
//
// What people change there has a version. A method that is given a row which
// its caller has read (a version above 0) writes it only when it is still the
// same, and answers with a Changed otherwise; a method that is given a function
// calls it inside of the commit with the row as it is then.
type Records struct{ *db }

const (
	cardCols = `iccid, imsi, profile, state, codes, bad_por, created_at, version, carriage, offers, applet, issuer, tag`

	joinedCardCols = `c.iccid, c.imsi, c.profile, c.state, c.codes, c.bad_por, c.created_at, c.version, c.carriage, c.offers, c.applet, c.issuer, c.tag`

	sqlCard = `SELECT ` + cardCols + ` FROM card WHERE iccid = $1`

	sqlImportCard = `INSERT INTO card (iccid, imsi, profile, state, codes, bad_por, created_at, carriage, offers, applet, issuer) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
	ON CONFLICT (iccid) DO UPDATE SET imsi = excluded.imsi, profile = excluded.profile, carriage = excluded.carriage, offers = '', applet = '', version = card.version + 1`

	// sqlHoldCard locks the card's row and shows its facts.
	sqlHoldCard = `UPDATE card SET queued = queued WHERE iccid = $1 RETURNING ` + cardCols

	sqlChangeCard = `UPDATE card SET imsi = $2, profile = $3, state = $4, codes = $5, bad_por = $6, carriage = $7, offers = $8, applet = $9, issuer = $10, version = version + 1
	WHERE iccid = $1`
)

var tableCard = newTable("card", "iccid", cardCols)

// codeBits packs what the applet told about its codes into the codes column.
func codeBits(c *mssp.Card) (bits int64) {
	for i, b := range [...]bool{c.CodeSet[0], c.CodeSet[1], c.Blocked[0], c.Blocked[1]} {
		if b {
			bits |= 1 << i
		}
	}
	return bits
}

func scanCard(r *row) (mssp.Card, error) {
	var c mssp.Card
	first := r.i
	c.ICCID = iccidOf(r)
	c.IMSI = r.text()
	c.Profile = r.text()
	c.State = wordOf(r, mssp.CardActive, mssp.CardSuspended)
	bits := r.num(0, 15)
	c.CodeSet = [2]bool{bits&1 != 0, bits&2 != 0}
	c.Blocked = [2]bool{bits&4 != 0, bits&8 != 0}
	c.BadPoR = int(r.num(0, 1<<31-1))
	c.CreatedAt = r.time()
	c.Version = r.num(1, maxVersion)
	c.Carriage = wordOf(r, "", "packet", "own")
	c.Offers = hexOf(r)
	c.Applet = wordOf(r, mssp.AppletUnknown, mssp.AppletInstalled, mssp.AppletActive, mssp.AppletDeactivated)
	c.Issuer = r.text()
	r.authentic(tableCard, first)
	return c, r.err()
}

// hexOf reads octets that stand as text, so that none are "".
func hexOf(r *row) string {
	b, err := hex.DecodeString(r.text())
	if err != nil {
		r.wrong("no hexadecimal digits")
	}
	return string(b)
}

// ImportCard stores a new card with its key sets in one commit. A card that is
// there gets the new key sets, and its state and what it told about its codes
// stay: an import releases nobody. The error is an Existing key set when the
// card has one of that version already; its counter may have been used, so that
// import never overwrites it. The issuer of a card that is there stays too. ErrNoIssuer: c
// names one that is not there.
func (s *Records) ImportCard(ctx context.Context, c mssp.Card, ks []mssp.KeySet) error {
	return s.ImportKeys(ctx, c, func([]mssp.KeySet) ([]mssp.KeySet, error) { return ks, nil })
}

// ImportKeys is ImportCard with the key sets that f takes, which sees those that the
// card has, as KeySets lists them. An error of f changes nothing and is returned as it
// is. f may run more than once.
func (s *Records) ImportKeys(ctx context.Context, c mssp.Card, f func(have []mssp.KeySet) ([]mssp.KeySet, error)) error {
	c.State = cmp.Or(c.State, mssp.CardActive)
	if c.CreatedAt.IsZero() {
		c.CreatedAt = s.clock()
	}
	if err := s.b.room(); err != nil {
		return err
	}
	return s.do(ctx, func(q querier) error {
		// What is there is not made good by being written beside.
		if _, err := oneOf(q, scanCard, sqlHoldCard, string(c.ICCID)); notFoundIsNil(err) != nil {
			return err
		}
		if err := holdIssuer(q, c.Issuer); err != nil {
			return err
		}
		have, err := allOf(q, scanKeySet, sqlKeySets, string(c.ICCID))
		if err != nil {
			return err
		}
		ks, err := f(have)
		if err != nil {
			return err
		}
		_, err = q.exec(sqlImportCard, string(c.ICCID), c.IMSI, c.Profile, c.State, codeBits(&c), c.BadPoR, c.CreatedAt, c.Carriage, hex.EncodeToString([]byte(c.Offers)), string(c.Applet), c.Issuer)
		if err == nil {
			err = tableCard.seal(q, string(c.ICCID))
		}
		if err != nil {
			return err
		}
		for _, k := range ks {
			n, err := q.exec(sqlNewKeySet, string(c.ICCID), rowNumber(&k), k.Keys, k.Counter)
			if err != nil {
				return err
			}
			if n == 0 {
				return &Existing[mssp.KeySet]{Row: mssp.KeySet{ICCID: c.ICCID, Applet: k.Applet, KVN: k.KVN}}
			}
		}
		q.note(audit.Entry{Action: "card.import", Subject: audit.Card(c.ICCID), Detail: versions(ks)})
		return nil
	})
}

// ChangeCard reads a card, lets f change its facts and stores them, in one
// commit; its queue and keys stay. An error of f changes nothing and is
// returned as it is. f may run more than once.
func (s *Records) ChangeCard(ctx context.Context, iccid ota.ICCID, f func(*mssp.Card) error) (c mssp.Card, err error) {
	err = s.do(ctx, func(q querier) (err error) {
		if c, err = oneOf(q, scanCard, sqlHoldCard, string(iccid)); err != nil {
			return err
		}
		was := c
		if err := f(&c); err != nil {
			return err
		}
		if c.Issuer != was.Issuer {
			if err := holdIssuer(q, c.Issuer); err != nil {
				return err
			}
		}
		c.ICCID = iccid
		c.Version++
		if _, err = q.exec(sqlChangeCard, string(iccid), c.IMSI, c.Profile, c.State, codeBits(&c), c.BadPoR, c.Carriage, hex.EncodeToString([]byte(c.Offers)), string(c.Applet), c.Issuer); err != nil {
			return err
		}
		q.note(audit.Entry{Action: "card.change", Subject: audit.Card(iccid), Before: was.State, After: c.State, Detail: changed(was, c)})
		return tableCard.seal(q, string(iccid))
	})
	return c, err
}

// Card is the card with that ICCID, or ErrNotFound.
func (s *Records) Card(ctx context.Context, iccid ota.ICCID) (mssp.Card, error) {
	return readOne(ctx, s.db, scanCard, sqlCard, string(iccid))
}

// Cards lists cards by ICCID, from the one after the given.
func (s *Records) Cards(ctx context.Context, after ota.ICCID, limit int) ([]mssp.Card, error) {
	return readGood(ctx, s.db, tableCard, scanCard, `SELECT `+cardCols+` FROM card WHERE iccid > $1 ORDER BY iccid LIMIT $2`, string(after), limit)
}
