package store_test

import (
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/sms"
)

// What the store writes itself is no fault to whoever looks at every row: sets of
// parts in each state, requests without an Instant and of an earlier release, rows of
// which everything was erased.
func TestInspectOurOwn(t *testing.T) {
	onBoth(t, func(l *lab) {
		open, aside, used := sms.MSISDN("41790000011"), sms.MSISDN("41790000012"), sms.MSISDN("41790000013")
		one, two := store.ConcatRef{Ref: 1, Part: 1, Total: 2}, store.ConcatRef{Ref: 1, Part: 2, Total: 2}
		for _, n := range []sms.MSISDN{open, aside, used} {
			l.saveMO(n, one, "a")
		}
		l.ok(l.SetAside(ctx, *l.saveMO(aside, two, "b").Complete))
		l.ok(l.ConsumeMO(ctx, l.saveMO(used, two, "b").Complete.ID))
		for _, instant := range []int64{mssp.OldInstant, 0, time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()} {
			tx := newTx()
			tx.Instant = instant
			l.accept(tx)
			l.finish(done(tx))
		}
		later := epoch.Add(time.Hour)
		l.erase(store.Retention{Texts: later, Octets: later, Signatures: later, Numbers: later})
		n, err := l.Inspect(ctx, store.Inspection{Report: func(f store.Finding) { l.Errorf("%+v", f) }})
		l.ok(err)
		if n == 0 {
			l.Error("nothing was looked at")
		}
	})
}
