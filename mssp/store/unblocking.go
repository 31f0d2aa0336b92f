package store

import (
	"context"
	"errors"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota"
)

const (
	unblockingCols = `iccid, sealed, shown_at, shown_by, how, reason, version, tag`

	sqlUnblocking = `SELECT ` + unblockingCols + ` FROM unblocking WHERE iccid = $1`

	sqlKeepUnblocking = `INSERT INTO unblocking (iccid, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING`

	// sqlHoldUnblocking locks the row and shows it.
	sqlHoldUnblocking = `UPDATE unblocking SET shown_at = shown_at WHERE iccid = $1 RETURNING ` + unblockingCols

	sqlShowUnblocking = `UPDATE unblocking SET shown_at = $2, shown_by = $3, how = $4, reason = $5, version = version + 1 WHERE iccid = $1`
)

var tableUnblocking = newTable("unblocking", "iccid", unblockingCols)

func scanUnblocking(r *row) (mssp.Unblocking, error) {
	var u mssp.Unblocking
	first := r.i
	u.ICCID = iccidOf(r)
	u.Sealed = r.blob()
	u.ShownAt = r.moment()
	u.ShownBy = r.text()
	u.How = r.text()
	u.Reason = r.text()
	u.Version = r.num(1, maxVersion)
	r.authentic(tableUnblocking, first)
	return u, r.err()
}

// KeepUnblocking stores the unblocking code of a card that has none yet: the one that is there is
// the one in the card.
func (s *Identities) KeepUnblocking(ctx context.Context, iccid ota.ICCID, sealed []byte) error {
	return s.do(ctx, func(q querier) error {
		n, err := q.exec(sqlKeepUnblocking, string(iccid), sealed)
		if err != nil || n == 0 {
			return err
		}
		q.note(audit.Entry{Action: "unblocking.keep", Subject: audit.Card(iccid)})
		return tableUnblocking.seal(q, string(iccid))
	})
}

// HasUnblocking reports whether a card has an unblocking code; it shows it to nobody.
func (s *Identities) HasUnblocking(ctx context.Context, iccid ota.ICCID) (bool, error) {
	_, err := readOne(ctx, s.db, scanUnblocking, sqlUnblocking, string(iccid))
	if errors.Is(err, mssp.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// ShowUnblocking is the code of a card for somebody to see, once: the commit that says to whom
// goes before. ErrNotFound: nothing is known of one. The error is a Changed one when it was shown
// before, unless again.
func (s *Identities) ShowUnblocking(ctx context.Context, to mssp.Unblocking, again bool) (u mssp.Unblocking, err error) {
	err = s.do(ctx, func(q querier) (err error) {
		if u, err = oneOf(q, scanUnblocking, sqlHoldUnblocking, string(to.ICCID)); err != nil {
			return err
		}
		if !u.ShownAt.IsZero() && !again {
			return &Changed[mssp.Unblocking]{Row: u}
		}
		q.note(audit.Entry{Action: "unblocking.show", Subject: audit.Card(to.ICCID), Reason: to.Reason, Detail: to.How})
		if _, err = q.exec(sqlShowUnblocking, string(to.ICCID), to.ShownAt, to.ShownBy, to.How, to.Reason); err != nil {
			return err
		}
		if err = tableUnblocking.seal(q, string(to.ICCID)); err != nil {
			return err
		}
		u, err = oneOf(q, scanUnblocking, sqlUnblocking, string(to.ICCID))
		return err
	})
	return u, err
}
