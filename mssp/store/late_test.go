package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
)

// The first late answer is noted with what the user is told, the second changes
// nothing; a transaction that has not ended has none. What may still be answered is
// found by number, the latest first, until it was.
func TestAnsweredLate(t *testing.T) {
	onBoth(t, func(l *lab) {
		end := func(e mssp.Event, at time.Duration) mssp.TransID {
			id := l.accept(newTx()).Tx.ID
			l.finish(store.Finish{TxID: id, Event: e, Status: mssp.ExpiredTransaction, At: epoch.Add(at)})
			return id
		}
		late := func(id mssp.TransID, what string) (bool, int) {
			first, texts, err := l.AnsweredLate(ctx, store.Late{TxID: id, At: epoch.Add(time.Hour), What: what, Notices: []store.Notice{{To: numberA, Kind: notice.Late, About: string(id), Text: []bearer.Segment{{Dest: numberA, UD: []byte("x")}}}}})
			l.ok(err)
			return first, len(texts)
		}
		first, second := end(mssp.EventExpired, time.Minute), end(mssp.EventCancelled, 2*time.Minute)
		end(mssp.EventAnswered, 3*time.Minute)
		if tx, err := l.Unanswered(ctx, numberA, epoch); err != nil || tx.ID != second {
			l.Errorf("the latest: %s, %v", tx.ID, err)
		}
		if _, err := l.Unanswered(ctx, numberA, epoch.Add(3*time.Minute)); !errors.Is(err, store.ErrNotFound) {
			l.Errorf("too long ago: %v", err)
		}
		if ok, n := late(second, "signed"); !ok || n != 1 {
			l.Errorf("the first: %v, %d texts", ok, n)
		}
		if ok, n := late(second, "again"); ok || n != 0 {
			l.Errorf("the second: %v, %d texts", ok, n)
		}
		if tx := l.transaction(second); tx.Late != "signed" || !tx.LateAt.Equal(epoch.Add(time.Hour)) || tx.Ended != mssp.EventCancelled {
			l.Errorf("%+v", tx)
		}
		if tx, err := l.Unanswered(ctx, numberA, epoch); err != nil || tx.ID != first {
			l.Errorf("once it was answered: %s, %v", tx.ID, err)
		}
		open := l.accept(newTx()).Tx.ID
		if ok, n := late(open, "early"); ok || n != 0 || l.transaction(open).Late != "" {
			l.Errorf("an open one: %v, %d texts", ok, n)
		}
	})
}
