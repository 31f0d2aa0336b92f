package store

import (
	"context"

	"github.com/simsign/simsign/mssp"
)

// RequestKey is how a provider's request is told from its others (I12).
type RequestKey struct {
	AP      mssp.APID
	TransID string // AP_TransID
	Instant int64  // nanoseconds since 1970; 0: it came without one
	Hash    []byte // of its meaning
	Once    bool   // the provider never uses an AP_TransID again
}

// RequestOf is the key of a transaction's request.
func RequestOf(tx *mssp.Transaction) RequestKey {
	return RequestKey{AP: tx.AP, TransID: tx.APTransID, Instant: tx.Instant, Hash: tx.RequestHash, Once: tx.Once}
}

// sqlEarlier finds what stands against a request, the nearest first: the same
// instant; without instants an open transaction of the same meaning; an open one of
// an earlier release, of which nobody knows the instant; and any, when the
// provider's identifiers are used once.
const sqlEarlier = `SELECT ` + txCols + ` FROM tx WHERE ap = $1 AND ap_trans_id = $2 AND ap <> ''
	AND (instant = $3 AND $3 > 0
	OR instant = 0 AND $3 = 0 AND finished_at = 0 AND request_hash = $4
	OR instant = -1 AND finished_at = 0
	OR $5 = 1)
	ORDER BY CASE WHEN instant = $3 AND (instant > 0 OR finished_at = 0 AND request_hash = $4) THEN 0 ELSE 1 END, seq DESC LIMIT 1`

// Earlier is the transaction that stands against a request, or ErrNotFound for a
// request that is new. Whether the one repeats the other, or only uses its
// identifier again, is not said: compare instants and hashes.
func (s *Store) Earlier(ctx context.Context, k RequestKey) (tx mssp.Transaction, err error) {
	err = s.read(ctx, func(q querier) error {
		tx, err = earlier(q, k)
		return err
	})
	return tx, err
}

func earlier(q querier, k RequestKey) (mssp.Transaction, error) {
	return oneTx(q, sqlEarlier, string(k.AP), k.TransID, k.Instant, k.Hash, k.Once)
}
