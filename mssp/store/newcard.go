package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// CardChange is what a number that gets another card leaves behind (5.5).
type CardChange struct {
	Situation           // at the card that it has: what ChangeSituation may change, this may
	Next      mssp.Card // that it gets
	Moved     bool      // it has had another card before
	Loose     []string  // valid certificates of number and card that no pair has: their registration was cut off
}

const (
	sqlMoved = `SELECT id FROM duty WHERE msisdn = $1 AND msisdn <> '' AND what = 'change-card' LIMIT 1`

	// sqlForget: nothing personal stays with the slots of a card that somebody has had.
	sqlForget = `UPDATE key_pair SET cert_der = $3, csr = $3, version = version + 1 WHERE iccid = $1 AND slot = $2`
)

// MoveToCard gives a number another card, as f permits: the pairs and certificates of the
// old one change as in ChangeSituation, its slots are forgotten, and what is open at it
// ends, all in one commit. From then on nothing is accepted for the old card under
// this number. ErrNotFound: no such user, or card. The error is an Existing subscriber when
// somebody else has the card, and ErrUnderWay while a bearer has a message for the old card:
// no packet leaves for it after the commit. An error of f changes nothing and is returned as it is. f may
// run more than once. The answer is the situation at the old card, and what has ended.
func (s *Duties) MoveToCard(ctx context.Context, n sms.MSISDN, to ota.ICCID, f func(*CardChange) error) (c CardChange, ended []mssp.Transaction, err error) {
	now := s.clock()
	err = s.change(ctx, func(w *work) error {
		c, ended = CardChange{}, nil
		if err := holdMove(w, n, to, &c); err != nil {
			return err
		}
		was := c.Situation
		was.Keys, was.Certs, was.Duties = slices.Clone(c.Keys), slices.Clone(c.Certs), slices.Clone(c.Duties)
		if err := f(&c); err != nil {
			return err
		}
		if err := storeSituation(w, &was, &c.Situation, now); err != nil {
			return err
		}
		if err := forget(w, &c, now); err != nil {
			return err
		}
		if err := nothingLeaves(w, &c.Situation, now); err != nil {
			return err
		}
		if ended, err = vacate(w, c.Card.ICCID, toNewCard, now); err != nil {
			return err
		}
		c.User.Version++
		if _, err := w.exec(`UPDATE subscriber SET iccid = $2, version = version + 1 WHERE msisdn = $1`, string(n), string(to)); err != nil {
			return err
		}
		w.note(audit.Entry{Action: "user.change-card", Subject: audit.User(n), Before: string(was.User.State), After: string(c.User.State), Detail: "ICCID"})
		w.note(audit.Entry{Action: "card.left", Subject: audit.Card(c.Card.ICCID)})
		w.note(audit.Entry{Action: "card.taken", Subject: audit.Card(to)})
		return tableSubscriber.seal(w, string(n))
	})
	return c, ended, err
}

// holdMove locks both cards, then the user, and reads how it is with him.
func holdMove(q querier, n sms.MSISDN, to ota.ICCID, c *CardChange) error {
	u, err := oneOf(q, scanSubscriber, sqlSubscriber, string(n))
	if err != nil {
		return err
	}
	both := []ota.ICCID{u.ICCID, to}
	slices.SortFunc(both, func(a, b ota.ICCID) int { return strings.Compare(string(a), string(b)) }) // as everybody who locks two
	for _, id := range both {
		card, err := oneOf(q, scanCard, sqlHoldCard, string(id))
		if err != nil {
			return err
		}
		if id == to {
			c.Next = card
		}
		if id == u.ICCID {
			c.Card = card
		}
	}
	if c.User, err = oneOf(q, scanSubscriber, sqlHoldSubscriber, string(n)); err != nil {
		return err
	}
	if c.User.ICCID != u.ICCID {
		return errMoved
	}
	if err := readSituation(q, &c.Situation); err != nil {
		return err
	}
	next := c.User
	if next.ICCID = to; next.State != mssp.SubscriberRemoved {
		if err := cardIsFree(q, &next); err != nil {
			return err
		}
	}
	if c.Loose, err = looseOf(q, c); err != nil {
		return err
	}
	_, err = q.one(sqlMoved, string(n))
	c.Moved = err == nil
	return notFoundIsNil(err)
}

// looseOf are valid certificates of a user and his card that no pair of it has.
func looseOf(q querier, c *CardChange) (serials []string, err error) {
	certs, err := allOf(q, scanCertificate, sqlCertificatesOf, string(c.User.MSISDN))
	for i := range certs {
		x := &certs[i]
		if x.ICCID != c.Card.ICCID || x.Status != mssp.CertValid && x.Status != mssp.CertSuspended || c.Cert(x.Serial) != nil {
			continue
		}
		serials = append(serials, x.Serial)
	}
	return serials, err
}

// forget takes what is personal from the slots of the old card, and the place from
// certificates that are about to be issued for them.
func forget(q querier, c *CardChange, now time.Time) error {
	for i := range c.Keys {
		if _, err := q.exec(sqlForget, string(c.Card.ICCID), c.Keys[i].Slot, []byte(nil)); err != nil {
			return err
		}
		if err := tableKeyPair.seal(q, string(c.Card.ICCID), c.Keys[i].Slot); err != nil {
			return err
		}
	}
	certs, err := allOf(q, scanCertificate, sqlCertificatesOf, string(c.User.MSISDN))
	if err != nil {
		return err
	}
	for i := range certs {
		if x := &certs[i]; x.ICCID == c.Card.ICCID && x.Status == mssp.CertPending {
			if _, err := setCertStatus(q, x.Serial, mssp.CertRevoked, superseded, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// readFormer reads the pairs at cards that a user has had, of which a certificate has still
// to be confirmed, and the certificates.
func readFormer(q querier, s *Situation) error {
	s.Former = nil
	for i := range s.Duties {
		d := &s.Duties[i]
		if d.ICCID == "" || d.ICCID == s.Card.ICCID {
			continue
		}
		for _, serial := range d.Serials {
			found, err := allOf(q, wholeKeyPair(d.ICCID), sqlPairsOf, string(d.ICCID), serial)
			if errors.Is(err, ErrAltered) { // nobody signs with it, and it keeps nothing from being revoked
				continue
			}
			if err != nil {
				return err
			}
			s.Former = append(s.Former, found...)
			if err := s.readCert(q, serial); err != nil {
				return err
			}
		}
	}
	return nil
}

// readCert reads a certificate, where the built-in CA has issued it.
func (s *Situation) readCert(q querier, serial string) error {
	c, err := oneOf(q, scanCertificate, sqlCertificate, serial)
	if err == nil && s.Cert(serial) == nil {
		s.Certs = append(s.Certs, c)
	}
	return notFoundIsNil(err)
}
