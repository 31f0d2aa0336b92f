package store

import (
	"context"
	"strconv"

	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/notice"
)

const sqlGiven = `SELECT COUNT(*) FROM notice WHERE kind = $1 AND about = $2`

// Given reports whether a notice of a kind about a thing was given.
func (s *Notices) Given(ctx context.Context, k notice.Kind, about string) (bool, error) {
	n, err := readOne(ctx, s.db, scanInt, sqlGiven, string(k), about)
	return n > 0, err
}

// Mailed stores what an e-mail has told the operator, so that it is told once: each notice, and
// nobody gets a text.
func (s *Notices) Mailed(ctx context.Context, notices ...Notice) error {
	now := s.clock()
	return s.do(ctx, func(q querier) error {
		for i := range notices {
			n := &notices[i]
			if _, err := q.exec(sqlNotice, string(n.Kind), n.About, string(n.To), now); err != nil {
				return err
			}
		}
		q.note(audit.Entry{Action: "operator.mail", Subject: audit.Of("mail", string(notice.Mailed)), Detail: strconv.Itoa(len(notices))})
		return nil
	})
}
