package store

import (
	"context"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Notices is the part of a Store that knows what users were told by text messages. A
// notice is a row beside its segments in the outbox, in the commit of what it tells of, and
// there is one of a kind about one thing: who comes to the same end twice tells it once.
type Notices struct{ *db }

// Notice is a text that tells a user of one thing.
type Notice struct {
	To    sms.MSISDN
	Kind  notice.Kind
	About string // what it tells of: a transaction, a certificate, a duty, and which of its steps
	Text  []bearer.Segment
}

const (
	sqlNotice = `INSERT INTO notice (kind, about, msisdn, told_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`

	sqlForgetNotices = `DELETE FROM notice WHERE told_at < $1`

	sqlNamelessNotices = `UPDATE notice SET msisdn = '' WHERE (kind, about) IN
	(SELECT kind, about FROM notice WHERE msisdn <> '' AND told_at < $1 LIMIT $2)`
)

// noticeLife is how long a notice waits for a network that takes it: no outage loses it.
const noticeLife = 7 * 24 * time.Hour

// tell stores notices that were not given before, and answers what is to be sent of them.
func tell(q querier, notices []Notice, now time.Time) (out []Outbound, err error) {
	for i := range notices {
		n := &notices[i]
		first, err := q.exec(sqlNotice, string(n.Kind), n.About, string(n.To), now)
		if err != nil {
			return nil, err
		}
		if first == 0 {
			continue
		}
		q.note(audit.Entry{Action: "user.tell", Subject: audit.User(n.To), After: string(n.Kind), Detail: n.About})
		segs := textOutbound(n.Text, now)
		for j := range segs {
			segs[j].ExpiresAt = now.Add(max(noticeLife, segs[j].Validity))
		}
		if err := insertSegments(q, 0, nobody, segs); err != nil {
			return nil, err
		}
		out = append(out, segs...)
	}
	return out, nil
}

// Tell stores notices about what no other commit tells. out are the segments of those that
// were not given before.
func (s *Notices) Tell(ctx context.Context, notices ...Notice) (out []Outbound, err error) {
	now := s.clock()
	err = s.do(ctx, func(q querier) (err error) {
		out, err = tell(q, notices, now)
		return err
	})
	return out, err
}

// TellOfKeyPair stores a pair as PutKeyPairs does, with what its user is told of it.
func (s *Notices) TellOfKeyPair(ctx context.Context, k mssp.KeyPair, notices ...Notice) (out []Outbound, err error) {
	now := s.clock()
	err = s.do(ctx, func(q querier) (err error) {
		if err = putKeyPair(q, &k, now); err != nil {
			return err
		}
		out, err = tell(q, notices, now)
		return err
	})
	return out, err
}

// ForgetNotices forgets those that were given before a time.
func (s *Notices) ForgetNotices(ctx context.Context, before time.Time) error {
	return s.do(ctx, func(q querier) error {
		_, err := q.exec(sqlForgetNotices, before)
		return err
	})
}
