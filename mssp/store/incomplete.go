package store

import (
	"context"

	"github.com/simsign/simsign/ota/sms"
)

// Incomplete lists the sources of answers of which some parts are stored and
// others are missing, at most limit of them: after a restart these are the
// cards that may have to be asked again.
func (s *Inbound) Incomplete(ctx context.Context, limit int) ([]sms.MSISDN, error) {
	return readAll(ctx, s.db, func(r *row) (sms.MSISDN, error) { return sms.MSISDN(r.text()), r.err() },
		`SELECT DISTINCT source FROM mo_header WHERE state <> 1 AND state <> 2 LIMIT $1`, limit)
}
