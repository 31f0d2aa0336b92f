package store

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/simsign/simsign/mssp"
)

const (
	apCols = `id, name, password_hash, cert_sha256, profiles, prefixes, notify_url, disabled, created_at`

	sqlPutAP = `INSERT INTO ap (` + apCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
	ON CONFLICT (id) DO UPDATE SET name = excluded.name, password_hash = excluded.password_hash,
	cert_sha256 = excluded.cert_sha256, profiles = excluded.profiles, prefixes = excluded.prefixes,
	notify_url = excluded.notify_url, disabled = excluded.disabled`
)

// PutAP stores an application provider.
func (s *Records) PutAP(ctx context.Context, ap mssp.AP) error {
	if ap.CreatedAt.IsZero() {
		ap.CreatedAt = s.clock()
	}
	return s.do(ctx, func(q querier) error {
		_, err := q.exec(sqlPutAP, string(ap.ID), ap.Name, ap.PasswordHash, list(ap.CertSHA256), list(ap.Profiles), list(ap.Prefixes),
			ap.NotifyURL, ap.Disabled, ap.CreatedAt)
		return err
	})
}

// AP is the application provider with that AP_ID, or ErrNotFound.
func (s *Records) AP(ctx context.Context, id mssp.APID) (mssp.AP, error) {
	return readOne(ctx, s.db, scanAP, `SELECT `+apCols+` FROM ap WHERE id = $1`, string(id))
}

// APs lists the application providers.
func (s *Records) APs(ctx context.Context) ([]mssp.AP, error) {
	return readAll(ctx, s.db, scanAP, `SELECT `+apCols+` FROM ap ORDER BY id`)
}

func scanAP(r *row) (mssp.AP, error) {
	var ap mssp.AP
	var errs [3]error
	ap.ID = mssp.APID(r.text())
	ap.Name = r.text()
	ap.PasswordHash = r.text()
	ap.CertSHA256, errs[0] = unlist(r.text())
	ap.Profiles, errs[1] = unlist(r.text())
	ap.Prefixes, errs[2] = unlist(r.text())
	ap.NotifyURL = r.text()
	ap.Disabled = r.bool()
	ap.CreatedAt = r.time()
	return ap, errors.Join(r.err(), errors.Join(errs[:]...))
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
