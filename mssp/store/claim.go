package store

import (
	"cmp"
	"context"
	"slices"
	"time"
)

const (
	// sqlNames are the names that have something due, the longest due first. It is
	// two steps in an index for each name, however much waits in it.
	sqlNames = `WITH RECURSIVE names (ap) AS (
	SELECT MIN(ap) FROM segment WHERE state IN ('queued', 'ambiguous')
	UNION ALL
	SELECT (SELECT MIN(s.ap) FROM segment s WHERE s.state IN ('queued', 'ambiguous') AND s.ap > names.ap) FROM names WHERE names.ap IS NOT NULL)
	SELECT ap FROM (SELECT names.ap,
	(SELECT MIN(s.next_at) FROM segment s WHERE s.state IN ('queued', 'ambiguous') AND s.ap = names.ap) AS due FROM names) AS first
	WHERE due <= $1 ORDER BY due, ap`

	// sqlClaim takes what is due in one name, oldest first. What must not leave any more
	// is dropped: the transaction is final, or it is too late for the message.
	sqlClaim = `UPDATE segment SET tries = tries + 1, state = CASE WHEN expires_at < $1
	OR EXISTS (SELECT 1 FROM tx WHERE tx.seq = segment.tx_seq AND tx.finished_at <> 0) THEN 'dropped' ELSE 'sent' END, holder = $4
	WHERE id IN (SELECT id FROM segment WHERE state IN ('queued', 'ambiguous') AND ap = $3 AND next_at <= $1 ORDER BY next_at, id LIMIT $2)
	AND state IN ('queued', 'ambiguous') AND ` + sqlFence + `$4` + sqlKept + `
	RETURNING id, cntr, part, parts, dest, pid, dcs, septets, validity, report, udh, ud, ap, state, tries, next_at, expires_at, route, message_id,
	(SELECT tx.id FROM tx WHERE tx.seq = segment.tx_seq), (SELECT tx.iccid FROM tx WHERE tx.seq = segment.tx_seq)`
)

// claim is how many segments may be claimed in one name.
type claim struct {
	name  string
	limit int
}

// ClaimSegments hands out segments whose time has come, of each name the longest
// due first, and stores them as Sent before. share is told the names that have
// some (bearer.Segment.For), the longest due first, and says how many each gets:
// how many wait in one name is no matter of the others. A segment of a
// transaction that has ended, or whose time is over, is dropped instead:
// Finish leaves that to this place. It is one commit, whatever waits behind.
func (s *Store) ClaimSegments(ctx context.Context, now time.Time, share func(names []string) []int) ([]Outbound, error) {
	for {
		claims, err := s.claims(ctx, now, share)
		if err != nil || len(claims) == 0 {
			return nil, err
		}
		var out []Outbound
		seen := 0
		err = s.hold(ctx, func(q querier) error {
			out, seen = out[:0], 0
			for _, c := range claims {
				err := q.each(sqlClaim, func(r *row) error {
					o, err := scanOutbound(r)
					if seen++; o.State == SegSent {
						out = append(out, o)
					}
					return err
				}, now, c.limit, c.name, s.me.Start)
				if err != nil {
					return err
				}
			}
			if seen == 0 { // somebody was faster, or it is the fence
				return s.fenced(q, nil)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(out) > 0 || seen == 0 { // else all of them were dropped: there may be more
			slices.SortFunc(out, func(a, b Outbound) int {
				return cmp.Or(a.NextAt.Compare(b.NextAt), cmp.Compare(a.ID, b.ID))
			})
			return out, nil
		}
	}
}

// claims asks who gets how many of what is due, and spares the sweeper a commit
// when there is nothing. Two boxes claim in the same order, so that neither has
// what the other waits for.
func (s *Store) claims(ctx context.Context, now time.Time, share func(names []string) []int) (cs []claim, err error) {
	var names []string
	err = s.read(ctx, func(q querier) error {
		names = nil
		return q.each(sqlNames, func(r *row) error {
			names = append(names, r.text())
			return r.err()
		}, now)
	})
	if err != nil || len(names) == 0 {
		return nil, err
	}
	for i, n := range share(names) {
		if n > 0 {
			cs = append(cs, claim{names[i], n})
		}
	}
	slices.SortFunc(cs, func(a, b claim) int { return cmp.Compare(a.name, b.name) })
	return cs, nil
}
