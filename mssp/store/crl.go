package store

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp"
)

// What the world hears of a certificate, by list (CRL) or by question (OCSP), is
// decided here. A row that is not ours must not take a certificate off the list:
// whoever can write the database could then make a revoked one good by one word.
// So all rows are looked at for each list, not only those that say revoked, and
// one that is not ours is held (certificateHold, which can be taken back) until
// an operator has looked at it; an operator is told, and the others go on.

const (
	sqlNextCRL = `INSERT INTO sequence (name, value) VALUES ('crl', 1)
	ON CONFLICT (name) DO UPDATE SET value = sequence.value + 1 RETURNING value`

	sqlRevoked = `SELECT serial, status, reason, revoked_at FROM certificate WHERE status IN ('suspended', 'revoked') ORDER BY serial`

	sqlCertificatesAfter = `SELECT ` + certCols + `, tag FROM certificate WHERE serial > $1 ORDER BY serial LIMIT $2`
)

// certificateHold is the reason of a suspended certificate (RFC 5280 5.3.1).
const certificateHold = 6

// heldNamed rows that are not ours are named in the log and to the operator, each
// time that they are looked at; simsign check --data names all.
const heldNamed = 20

// Where the columns of certCols stand that are told to others.
const atSerial, atStatus, atReason, atRevokedAt = 0, 5, 6, 9

// NextCRL takes the number of a new CRL, which is never given twice (RFC 5280
// 5.2.3), and lists what belongs into it: the revoked and the suspended
// certificates and those of which the row is not ours (see PublishedCertificate),
// of which serial number, status, reason and time are set. Number and list
// are one commit, so that no CRL of a higher number holds less than one that
// another process makes at the same moment. The tags are checked before it, page
// by page: nobody waits for that who writes.
func (s *Certificates) NextCRL(ctx context.Context) (number int64, revoked []mssp.Certificate, err error) {
	held, err := s.heldCertificates(ctx)
	if err != nil {
		return 0, nil, err
	}
	err = s.do(ctx, func(q querier) (err error) {
		if number, err = oneOf(q, scanInt, sqlNextCRL); err != nil {
			return err
		}
		revoked, err = allOf(q, scanRevoked, sqlRevoked)
		return err
	})
	return number, withHeld(revoked, held), err
}

// withHeld is the list with the held certificates in the place of their rows.
func withHeld(list, held []mssp.Certificate) []mssp.Certificate {
	is := map[string]bool{}
	for i := range held {
		is[held[i].Serial] = true
	}
	list = append(slices.DeleteFunc(list, func(c mssp.Certificate) bool { return is[c.Serial] }), held...)
	slices.SortFunc(list, func(a, b mssp.Certificate) int { return strings.Compare(a.Serial, b.Serial) })
	return list
}

// PublishedCertificate is Certificate for those who tell others whether it is
// good. Of a row that is not ours it answers what NextCRL lists, and that all the
// time since 1970, since nobody knows when: revoked for its reason when it still says so,
// and else suspended.
func (s *Certificates) PublishedCertificate(ctx context.Context, serial string) (mssp.Certificate, error) {
	return readOne(ctx, s.db, func(r *row) (mssp.Certificate, error) {
		c, err := scanCertificate(r)
		if errors.Is(err, ErrAltered) {
			s.tellHeld(r, err)
			return heldCertificate(r), nil
		}
		return c, err
	}, sqlCertificate, serial)
}

// heldCertificates are those of which the row is not ours.
func (s *Certificates) heldCertificates(ctx context.Context) (held []mssp.Certificate, err error) {
	if s.auth.get() == nil {
		return nil, nil // a tool without keys
	}
	var auth authority // what is remembered of rows in use is not lost to rows that are only looked at
	auth.tagger.Store(s.auth.tagger.Load())
	for after, more := driver.Value(""), true; more && err == nil; {
		n, from := 0, raw{after}
		err = s.read(ctx, func(q querier) error {
			return q.each(sqlCertificatesAfter, func(r *row) error {
				n++
				if after = r.v[atSerial]; n == inspectPage {
					if b, ok := after.([]byte); ok {
						after = bytes.Clone(b)
					}
				}
				r.auth = &auth
				if _, err := scanCertificate(r); err != nil {
					if len(held) < heldNamed {
						s.tellHeld(r, err)
					}
					held = append(held, heldCertificate(r))
				}
				return nil
			}, from, inspectPage)
		})
		more = n == inspectPage
	}
	if len(held) > heldNamed {
		s.o.Logger.Error("more certificates are held because their rows are not ours", "count", len(held)-heldNamed)
	}
	return held, err
}

func (s *Certificates) tellHeld(r *row, err error) {
	name := tableCertificate.name + " " + tableCertificate.named(r)
	s.o.Logger.Error("a certificate is held because its row is not ours", "row", name, "error", err)
	s.auth.raise(name, "is damaged, or somebody has changed it: until you have looked at it, revocation list and OCSP say that the certificate is not good (simsign check --data says what to do)")
}

// heldCertificate is what is told of a row that is not ours.
func heldCertificate(r *row) mssp.Certificate {
	c, err := scanRevoked(&row{v: []driver.Value{r.v[atSerial], r.v[atStatus], r.v[atReason], r.v[atRevokedAt]}})
	if err != nil || c.Status != mssp.CertRevoked {
		c.Status, c.Reason = mssp.CertSuspended, certificateHold
	}
	c.RevokedAt = time.UnixMicro(0).UTC()
	return c
}

func scanInt(r *row) (int64, error) { return r.int(), r.err() }

func scanRevoked(r *row) (mssp.Certificate, error) {
	c := mssp.Certificate{Serial: r.text(), Status: mssp.CertStatus(r.text())}
	if err := r.err(); err != nil {
		return c, err
	}
	if c.Reason, c.RevokedAt = int(r.num(0, 10)), r.moment(); r.bad != nil || c.RevokedAt.IsZero() {
		c.Reason, c.RevokedAt = 0, time.UnixMicro(0).UTC() // it is revoked, whatever else the row says: all others must be listed
	}
	return c, nil
}
