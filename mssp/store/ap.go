package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/mssp"
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

var aps = record[mssp.AP]{
	table: tableAP, get: sqlAP, put: sqlNewAP, hold: sqlHoldAP, change: sqlChangeAP, scan: scanAP, args: apArgs, standing: standingOfAP,
	keep: func(v *mssp.AP, id string) { v.ID = mssp.APID(id); v.Version++ },
}

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
	return s.do(ctx, func(q querier) error { return aps.add(q, &ap, string(ap.ID), ap.CreatedAt) })
}

// ChangeAP reads an application provider, lets f change everything but its
// AP_ID and stores it, in one commit. An error of f changes nothing and is
// returned as it is. f may run more than once.
func (s *Records) ChangeAP(ctx context.Context, id mssp.APID, f func(*mssp.AP) error) (ap mssp.AP, err error) {
	err = s.do(ctx, func(q querier) (err error) {
		ap, err = aps.edit(q, string(id), f)
		return err
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
func standingOfAP(ap *mssp.AP) string { return standing(ap.Disabled, ap.RemovedAt) }

func standing(disabled bool, removed time.Time) string {
	switch {
	case !removed.IsZero():
		return "removed"
	case disabled:
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
