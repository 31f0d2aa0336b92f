package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// A note of a late answer that comes between the reading of a row and its blanking is
// not lost, and the row stays good.
func TestEraseAndLateAnswers(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.authenticated()
		var txs []mssp.Transaction
		for range 40 {
			tx := newTx()
			l.accept(tx)
			l.finish(store.Finish{TxID: tx.ID, Event: mssp.EventExpired, Status: mssp.ExpiredTransaction, At: epoch})
			txs = append(txs, tx)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range txs {
				if _, _, err := l.AnsweredLate(ctx, store.Late{TxID: txs[i].ID, At: epoch, What: "late"}); err != nil {
					l.Error(err)
				}
			}
		})
		l.erase(store.Retention{Texts: epoch.Add(time.Hour), Numbers: epoch.Add(time.Hour)})
		wg.Wait()
		for i := range txs {
			if tx := l.transaction(txs[i].ID); tx.Damage != "" || tx.Late != "late" || tx.MSISDN != "" || len(tx.Request) != 0 {
				l.Fatalf("%+v", tx)
			}
		}
	})
}

// A row that somebody changes between its reading and its blanking is left to the
// next commit, whole, and the other rows of this one go: a stream of late answers
// holds up nobody.
func TestEraseLeavesWhatMoved(t *testing.T) {
	old := epoch.Add(time.Hour)
	for name, erase := range map[string]func(*lab) (store.Erased, bool, error){
		"by age": func(l *lab) (store.Erased, bool, error) {
			return l.Erase(ctx, store.Retention{Numbers: old}, l.turn())
		},
		"by person": func(l *lab) (store.Erased, bool, error) { return l.EraseMarked(ctx, epoch) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, postgresDSN(t))
			txs := []mssp.Transaction{l.ended(), l.ended(), l.ended()}
			if name == "by person" {
				l.ok(l.EraseUser(ctx, numberA, epoch))
			}
			db := operator(t, l.dsn)
			other, err := db.Begin()
			l.ok(err)
			defer other.Rollback()
			_, err = other.Exec("UPDATE tx SET late = 'late', late_at = 1, version = version + 1 WHERE id = $1", string(txs[1].ID))
			l.ok(err)
			type result struct {
				gone store.Erased
				more bool
				err  error
			}
			ended := make(chan result, 1)
			go func() {
				gone, more, err := erase(l)
				ended <- result{gone, more, err}
			}()
			for blocked := 0; blocked == 0; { // until it waits for the row
				l.ok(db.QueryRow("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'UPDATE tx%'").Scan(&blocked))
			}
			l.ok(other.Commit())
			r := <-ended
			if r.err != nil || !r.more || r.gone[mssp.Numbers] != 2 {
				t.Errorf("%+v", r)
			}
			numbered := func(id mssp.TransID) (n int) {
				l.ok(db.QueryRow("SELECT count(*) FROM segment s JOIN tx ON s.tx_seq = tx.seq WHERE tx.id = $1 AND s.dest <> ''", string(id)).Scan(&n))
				return n
			}
			for i := range txs {
				tx := l.transaction(txs[i].ID)
				if moved := i == 1; tx.Damage != "" || (tx.MSISDN != "") != moved || (numbered(tx.ID) > 0) != moved {
					t.Errorf("%d: %+v", i, tx)
				}
			}
			gone, _, err := erase(l)
			if tx := l.transaction(txs[1].ID); err != nil || gone[mssp.Numbers] != 1 || tx.MSISDN != "" || tx.Late != "late" || numbered(tx.ID) != 0 {
				t.Errorf("the next time: %v, %v, %+v", gone, err, tx)
			}
		})
	}
}
