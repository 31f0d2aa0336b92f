package store

import (
	"context"
	"errors"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
)

// oldRequests is the mark of migration 5: open transactions have requests as
// an earlier release wrote them.
const oldRequests = "requests"

// adoptBatch rows are in memory at a time.
const adoptBatch = 500

// AdoptRequests writes the requests of all open transactions anew when a
// migration has marked them as those of an earlier release, and takes the mark
// away, all in one commit. Of a row for which anew has nothing the request
// stays. newest gets the request of the transaction that was accepted last, and
// says whether the mark is to be believed; with a Tagger, a mark that the
// adoption of the rows has not tagged (Authenticate) is not. The functions may run more than
// once. It answers how many requests it has written.
func (s *Store) AdoptRequests(ctx context.Context, newest func(request []byte) bool, anew func(tx *mssp.Transaction) []byte) (int, error) {
	if _, err := s.Meta(ctx, oldRequests); errors.Is(err, ErrNotFound) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	var done int
	var unbelieved bool
	err := s.do(ctx, func(q querier) error {
		done, unbelieved = 0, false
		mark, err := oneOf(q, scanBlob, sqlMeta, oldRequests)
		if err != nil {
			return notFoundIsNil(err)
		}
		if _, err := q.exec(`DELETE FROM meta WHERE name = $1`, oldRequests); err != nil {
			return err
		}
		if k := q.authority().get(); k != nil && k.CheckTag(mark, markPurpose(oldRequests)) != nil {
			unbelieved = true
			return nil
		}
		var last []byte
		if r, err := q.one(`SELECT request FROM tx ORDER BY seq DESC LIMIT 1`); err == nil {
			last = r.blob()
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
		if !newest(last) {
			return nil
		}
		if done, err = adopt(q, anew); done > 0 {
			q.note(audit.Entry{Action: "row.adopt", Subject: audit.Of("row", "tx"), Detail: "requests", Times: int64(done)})
		}
		return err
	})
	if unbelieved {
		s.o.Logger.Error("the database says that its requests are of an earlier release, and its rows are not: none is taken over")
		s.auth.raise("meta "+oldRequests, errMark.Error())
	}
	return done, err
}

func adopt(q querier, anew func(tx *mssp.Transaction) []byte) (done int, err error) {
	for after := int64(0); ; {
		var txs []mssp.Transaction
		err := q.each(`SELECT `+txCols+` FROM tx WHERE finished_at = 0 AND seq > $1 ORDER BY seq LIMIT $2`, func(r *row) error {
			tx, err := scanTx(r)
			txs = append(txs, tx)
			return err
		}, after, adoptBatch)
		if err != nil || len(txs) == 0 {
			return done, err
		}
		for i := range txs {
			after = txs[i].Seq
			request := anew(&txs[i])
			if request == nil {
				continue
			}
			if _, err := q.exec(`UPDATE tx SET request = $2 WHERE seq = $1`, after, request); err != nil {
				return done, err
			}
			done++
		}
	}
}
