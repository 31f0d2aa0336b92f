package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// A card that is suspended while transactions wait for it, and that somebody makes
// active by hand, gets no packet: they are set aside, and the operator is told.
func TestAlteredCardGetsNoPacket(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.ok(l.Close())
		var alerts heard
		s, err := store.Open(ctx, store.Options{DSN: l.dsn, Clock: func() time.Time { return epoch }, Alerts: &alerts})
		l.ok(err)
		l.Store = s
		l.authenticated()
		db := l.raw()
		for name, change := range map[string]string{
			"suspended, made active": "UPDATE card SET state = 'active' WHERE iccid = $1",
			"no tag any more":        "UPDATE card SET tag = NULL WHERE iccid = $1",
		} {
			first, waiting := l.accept(newTx()).Tx, l.accept(newTx()).Tx
			l.change(cardA, func(c *mssp.Card) { c.State = mssp.CardSuspended })
			_, err := db.Exec(change, string(cardA))
			l.ok(err)
			sealed := 0
			fin := done(first)
			fin.At = epoch
			res, err := l.Finish(ctx, fin, func(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
				sealed++
				return seal(tx, ks)
			})
			l.ok(err)
			tx := l.wantState(waiting.ID, mssp.Failed)
			if sealed != 0 || res.Next != nil || tx.Status != mssp.InternalError || !strings.Contains(tx.Detail, "the user's card is damaged") || len(l.claim(epoch, 10)) != 0 {
				t.Errorf("%s: %d packets, %+v, %+v", name, sealed, res, tx)
			}
			if len(alerts) == 0 || !strings.HasPrefix(alerts[len(alerts)-1], "row card ****0017: is damaged") {
				t.Errorf("%s: told %q", name, alerts)
			}
			alerts = nil
			_, err = l.AdoptAltered(ctx)
			l.ok(err)
			l.change(cardA, func(c *mssp.Card) { c.State = mssp.CardActive })
		}
	})
}
