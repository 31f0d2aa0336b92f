package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
)

const (
	apCols = `id, name, password_hash, cert_sha256, profiles, prefixes, notify_url, disabled,
	octets, other_display, certificates, unique_ids, removed_at, created_at, version, tag`

	sqlAP = `SELECT ` + apCols + ` FROM ap WHERE id = $1`

	sqlNewAP = `INSERT INTO ap (id, name, password_hash, cert_sha256, profiles, prefixes, notify_url, disabled,
	octets, other_display, certificates, unique_ids, removed_at, created_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING`

	// sqlHoldAP locks the row and shows it.
	sqlHoldAP = `UPDATE ap SET disabled = disabled WHERE id = $1 RETURNING ` + apCols

	sqlChangeAP = `UPDATE ap SET name = $2, password_hash = $3, cert_sha256 = $4, profiles = $5, prefixes = $6, notify_url = $7,
	disabled = $8, octets = $9, other_display = $10, certificates = $11, unique_ids = $12, removed_at = $13, version = version + 1
	WHERE id = $1`
)

var tableAP = newTable("ap", "id", apCols)

// apArgs are the arguments $1 to $13 of sqlNewAP and sqlChangeAP.
func apArgs(ap *mssp.AP) []any {
	return []any{
		string(ap.ID), ap.Name, ap.PasswordHash, list(ap.CertSHA256), list(ap.Profiles), list(ap.Prefixes), ap.NotifyURL, ap.Disabled,
		list(ap.Octets), ap.OtherDisplay, ap.Certificates, ap.UniqueIDs, ap.RemovedAt,
	}
}

// AddAP stores a new application provider. The error is an Existing provider
// when the AP_ID is taken, also by one that was removed: whoever came after it
// would inherit its transactions.
func (s *Records) AddAP(ctx context.Context, ap mssp.AP) error {
	if ap.CreatedAt.IsZero() {
		ap.CreatedAt = s.clock()
	}
	return s.do(ctx, func(q querier) error {
		n, err := q.exec(sqlNewAP, append(apArgs(&ap), ap.CreatedAt)...)
		if err == nil && n > 0 {
			q.note(audit.Entry{Action: "ap.add", Subject: audit.Of("ap", string(ap.ID)), After: standingOfAP(&ap)})
			return tableAP.seal(q, string(ap.ID))
		}
		if err != nil {
			return err
		}
		have, err := oneOf(q, scanAP, sqlAP, string(ap.ID))
		if err != nil {
			return err
		}
		return &Existing[mssp.AP]{Row: have}
	})
}

// ChangeAP reads an application provider, lets f change everything but its
// AP_ID and stores it, in one commit. An error of f changes nothing and is
// returned as it is. f may run more than once.
func (s *Records) ChangeAP(ctx context.Context, id mssp.APID, f func(*mssp.AP) error) (ap mssp.AP, err error) {
	err = s.do(ctx, func(q querier) (err error) {
		if ap, err = oneOf(q, scanAP, sqlHoldAP, string(id)); err != nil {
			return err
		}
		was := ap
		if err := f(&ap); err != nil {
			return err
		}
		ap.ID = id
		ap.Version++
		if _, err = q.exec(sqlChangeAP, apArgs(&ap)...); err != nil {
			return err
		}
		q.note(audit.Entry{
			Action: "ap.change", Subject: audit.Of("ap", string(id)), Before: standingOfAP(&was), After: standingOfAP(&ap), Detail: changed(was, ap),
		})
		return tableAP.seal(q, string(id))
	})
	return ap, err
}

// AP is the application provider with that AP_ID, or ErrNotFound. One that was
// removed is not found.
func (s *Records) AP(ctx context.Context, id mssp.APID) (mssp.AP, error) {
	return readOne(ctx, s.db, scanAP, sqlAP+` AND removed_at = 0`, string(id))
}

// APs lists the application providers, also those that were removed.
func (s *Records) APs(ctx context.Context) ([]mssp.AP, error) {
	return readGood(ctx, s.db, tableAP, scanAP, `SELECT `+apCols+` FROM ap ORDER BY id`)
}

func scanAP(r *row) (mssp.AP, error) {
	var ap mssp.AP
	first := r.i
	var errs [4]error
	ap.ID = mssp.APID(r.text())
	ap.Name = r.text()
	ap.PasswordHash = r.text()
	ap.CertSHA256, errs[0] = unlist(r.text())
	ap.Profiles, errs[1] = unlist(r.text())
	ap.Prefixes, errs[2] = unlist(r.text())
	ap.NotifyURL = r.text()
	ap.Disabled = r.flag()
	ap.Octets, errs[3] = unlist(r.text())
	ap.OtherDisplay = r.flag()
	ap.Certificates = r.flag()
	ap.UniqueIDs = r.flag()
	ap.RemovedAt = r.moment()
	ap.CreatedAt = r.time()
	ap.Version = r.num(1, maxVersion)
	r.authentic(tableAP, first)
	if err := errors.Join(errs[:]...); err != nil {
		return ap, fmt.Errorf("store: ap: %w: %w", ErrAltered, err)
	}
	return ap, r.err()
}

// standingOfAP is what a provider may, in a word.
func standingOfAP(ap *mssp.AP) string {
	switch {
	case !ap.RemovedAt.IsZero():
		return "removed"
	case ap.Disabled:
		return "disabled"
	}
	return "active"
}

func list(s []string) string {
	if len(s) == 0 {
		return "[]"
	}
	b, _ := json.Marshal(s) // strings always marshal
	return string(b)
}

func unlist(s string) (out []string, err error) {
	if s == "[]" {
		return nil, nil
	}
	err = json.Unmarshal([]byte(s), &out)
	return out, err
}
