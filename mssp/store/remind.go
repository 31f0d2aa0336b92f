package store

import (
	"context"
	"time"

	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Reminders is the part of a Store that knows what users were told of the end of
// their certificates.
type Reminders struct{ *db }

const (
	sqlReminded = `INSERT INTO reminder (serial, step, told_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`

	sqlForgetReminders = `DELETE FROM reminder WHERE told_at < $1`
)

// Remind stores the text of one reminder to a user with the note that it was said. Of a
// certificate and a time before its end that stands once: first is false the second time,
// and nothing is stored (3.5.13-1).
func (s *Reminders) Remind(ctx context.Context, number sms.MSISDN, serial string, before time.Duration, segs []bearer.Segment) (out []Outbound, first bool, err error) {
	now := s.clock()
	err = s.do(ctx, func(q querier) error {
		out, first = nil, false
		n, err := q.exec(sqlReminded, serial, int64(before/time.Second), now)
		if err != nil || n == 0 {
			return err
		}
		q.note(audit.Entry{Action: "certificate.remind", Subject: audit.On("certificate", serial, number), Detail: before.String()})
		out, first = textOutbound(segs, now), true
		return insertSegments(q, 0, nobody, out)
	})
	return out, first, err
}

// ForgetReminders forgets those that were said before a time.
func (s *Reminders) ForgetReminders(ctx context.Context, before time.Time) error {
	return s.do(ctx, func(q querier) error {
		_, err := q.exec(sqlForgetReminders, before)
		return err
	})
}
