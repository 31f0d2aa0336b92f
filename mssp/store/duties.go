package store

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// Duties is the part of a Store in which a procedure changes the standing of a user and
// his certificates, and which keeps what is left to do of it.
type Duties struct{ *db }

const (
	dutyCols = `id, msisdn, iccid, what, step, serials, whole, reason, own, note, by_whom, tries, failure, due_at, created_at, ended_at, version, tag`

	sqlPutDuty = `INSERT INTO duty (id, msisdn, iccid, what, step, serials, whole, reason, own, note, by_whom, tries, failure, due_at, created_at, ended_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
	ON CONFLICT (id) DO UPDATE SET step = excluded.step, serials = excluded.serials, reason = excluded.reason, tries = excluded.tries,
	failure = excluded.failure, due_at = excluded.due_at, ended_at = excluded.ended_at, version = duty.version + 1`

	sqlOpenDuties = `SELECT ` + dutyCols + ` FROM duty WHERE ended_at = 0 AND due_at <= $1 ORDER BY due_at, id LIMIT $2`

	sqlDutiesOf = `SELECT ` + dutyCols + ` FROM duty WHERE msisdn = $1 AND msisdn <> '' AND ended_at = 0 ORDER BY created_at, id`

	sqlHoldDuty = `UPDATE duty SET step = step WHERE id = $1 RETURNING ` + dutyCols
)

var tableDuty = newTable("duty", "id", dutyCols)

func scanDuty(r *row) (mssp.Duty, error) {
	var d mssp.Duty
	first := r.i
	d.ID = r.text()
	d.MSISDN = sms.MSISDN(r.text())
	d.ICCID = ota.ICCID(r.text())
	d.Procedure = wordOf(r, mssp.Procedures()...)
	d.Step = wordOf(r, mssp.DutyCA, mssp.DutyCard, mssp.DutyTell, mssp.DutyDone)
	if s := strings.Fields(r.text()); len(s) > 0 {
		d.Serials = s
	}
	d.All = r.flag()
	d.Reason = int(r.num(0, 10))
	d.Own = r.flag()
	d.Note = r.text()
	d.By = r.text()
	d.Tries = int(r.num(0, 1<<31-1))
	d.Failure = r.text()
	d.DueAt = r.time()
	d.CreatedAt = r.time()
	d.EndedAt = r.time()
	d.Version = r.num(1, maxVersion)
	r.authentic(tableDuty, first)
	return d, r.err()
}

func putDuty(q querier, d *mssp.Duty, now time.Time) error {
	if d.ID == "" {
		d.ID = rand.Text()
	}
	if d.CreatedAt.IsZero() {
		d.CreatedAt = now
	}
	if d.DueAt.IsZero() {
		d.DueAt = now
	}
	if d.Step == mssp.DutyDone && d.EndedAt.IsZero() {
		d.EndedAt = now
	}
	_, err := q.exec(sqlPutDuty, d.ID, string(d.MSISDN), string(d.ICCID), string(d.Procedure), string(d.Step), strings.Join(d.Serials, " "), d.All, d.Reason,
		d.Own, d.Note, d.By, d.Tries, d.Failure, d.DueAt, d.CreatedAt, d.EndedAt)
	if err != nil {
		return err
	}
	return tableDuty.seal(q, d.ID)
}

// noteDuty tells of a duty that is new or has come a step further.
func noteDuty(q querier, d *mssp.Duty, was mssp.DutyStep) {
	if was == d.Step {
		return
	}
	q.note(audit.Entry{
		Action: "duty.change", Subject: audit.User(d.MSISDN), Before: string(was), After: string(d.Step), Reason: d.Note,
		Detail: strings.TrimSpace(string(d.Procedure) + " " + strings.Join(d.Serials, " ")),
	})
}

// orderLost has certificates revoked whose pairs are gone.
func orderLost(q querier, iccid ota.ICCID, serials []string, why string, now time.Time) error {
	if len(serials) == 0 {
		return nil
	}
	d := mssp.Duty{
		ICCID: iccid, Procedure: mssp.Revoking, Step: mssp.DutyCA, Serials: serials, Reason: ceased, Own: true,
		Note: why, By: "simsign",
	}
	noteDuty(q, &d, "")
	return putDuty(q, &d, now)
}

// OpenDuties lists what is left to do, what was due first before the others.
func (s *Duties) OpenDuties(ctx context.Context, due time.Time, limit int) ([]mssp.Duty, error) {
	return readGood(ctx, s.db, tableDuty, scanDuty, sqlOpenDuties, due, limit)
}

// Duty is a duty, also one that is done; ErrNotFound: there is none.
func (s *Duties) Duty(ctx context.Context, id string) (mssp.Duty, error) {
	return readOne(ctx, s.db, scanDuty, `SELECT `+dutyCols+` FROM duty WHERE id = $1`, id)
}

// ChangeDuty reads an open duty, lets f change it and stores it, in one commit.
// ErrNotFound: it has ended, or there is none. An error of f changes nothing and is
// returned as it is. f may run more than once.
func (s *Duties) ChangeDuty(ctx context.Context, id string, f func(*mssp.Duty) error) (d mssp.Duty, err error) {
	now := s.clock()
	err = s.do(ctx, func(q querier) (err error) {
		if d, err = oneOf(q, scanDuty, sqlHoldDuty, id); err != nil {
			return err
		}
		if !d.EndedAt.IsZero() {
			return ErrNotFound
		}
		was := d.Step
		if err := f(&d); err != nil {
			return err
		}
		noteDuty(q, &d, was)
		d.Version++
		return putDuty(q, &d, now)
	})
	return d, err
}
