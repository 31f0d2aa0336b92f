package store_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
)

// A job may run more than once, and what it answers and counts is what its last run did.
func TestJobsThatRunAgain(t *testing.T) {
	l := onSQLite(t)
	odd := func() mssp.Transaction {
		tx := newTx()
		tx.AppletTxn |= 1
		return l.accept(tx).Tx
	}
	queued := func() (first, bad, good mssp.Transaction) {
		return l.accept(newTx()).Tx, odd(), l.accept(newTx()).Tx
	}
	before := l.counts()
	first, bad, good := queued()
	l.ok(l.Twice(nil, func() error {
		r, err := l.Finish(ctx, done(first), refuseOdd)
		if len(r.Failed) != 1 || r.Failed[0].ID != bad.ID || r.Next == nil || r.Next.Tx.ID != good.ID || r.Next.Packet.CNTR != 2 {
			t.Errorf("Finish: %+v", r)
		}
		return err
	}))
	after := l.counts()
	for _, name := range []string{"tx_changes_total answered sending", "tx_changes_total undeliver queued", "tx_changes_total turn queued"} {
		if after[name]-before[name] != map[bool]float64{true: 2, false: 1}[strings.Contains(name, " turn ")] {
			t.Errorf("%s rose by %v", name, after[name]-before[name])
		}
	}
	l.finish(done(good))

	first, bad, good = queued()
	l.ok(nothing(l.Finish(ctx, done(first), nil)))
	l.ok(l.Twice(nil, func() error {
		d, failed, err := l.SealNext(ctx, cardA, epoch, refuseOdd)
		if len(failed) != 1 || failed[0].ID != bad.ID || d == nil || d.Tx.ID != good.ID {
			t.Errorf("SealNext: %+v, %+v", d, failed)
		}
		return err
	}))
	l.finish(done(good))

	r := l.acceptAsking()
	l.ok(nothing(l.Reported(ctx, bearer.Report{Bearer: "smsc1", MessageID: "m1", Dest: numberA, Delivered: true, At: epoch})))
	l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAccepted, r.Dispatched.Segments[:1]...)))
	l.ok(l.Twice(nil, func() error {
		done, err := l.MatchReceipts(ctx, 10)
		l.same("receipts", []store.Receipt{{TxID: r.Tx.ID, Dest: numberA, Delivered: true}}, done)
		return err
	}))
	l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAmbiguous, r.Dispatched.Segments[1])))
	l.ok(l.Twice(nil, func() error {
		id, changed, err := l.Resolve(ctx, store.SegmentOutcome{ID: r.Dispatched.Segments[1].ID, State: store.SegAccepted, Route: "smsc1"})
		if id != r.Tx.ID || !changed {
			t.Errorf("Resolve: %q, %v", id, changed)
		}
		return err
	}))
	l.ok(l.Twice(nil, func() error {
		d, err := l.Reattempt(ctx, r.Tx.ID, seal)
		if d == nil || d.Tx.Attempt != 2 || d.Packet.Attempt != 2 {
			t.Errorf("Reattempt: %+v", d)
		}
		return err
	}))
	l.ok(l.Twice(nil, func() error {
		r, err := l.Accept(ctx, newTx(), nil, seal)
		if r.Ahead != 1 || r.Own != 0 && r.Own != 1 {
			t.Errorf("Accept: %+v", r)
		}
		return err
	}))
	l.ok(l.SetMeta(ctx, "requests", []byte("old")))
	l.ok(l.Twice(nil, func() error {
		n, err := l.AdoptRequests(ctx, func([]byte) bool { return true }, func(*mssp.Transaction) []byte { return []byte("new") })
		if n != 2 {
			t.Errorf("AdoptRequests: %d", n)
		}
		return err
	}))
}

// A receipt that another process has given to its segment meanwhile is not given again.
func TestReceiptThatAnotherWasFasterWith(t *testing.T) {
	l := onSQLite(t)
	r := l.acceptAsking()
	for i := range 2 {
		l.ok(nothing(l.Reported(ctx, bearer.Report{Bearer: "smsc1", MessageID: fmt.Sprint("m", i+1), Dest: numberA, Delivered: true, At: epoch})))
	}
	l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAccepted, r.Dispatched.Segments...)))
	l.ok(l.Twice(func() { l.sql("DELETE FROM receipt WHERE message_id = 'm1'") }, func() error {
		done, err := l.MatchReceipts(ctx, 10)
		if len(done) != 1 {
			t.Errorf("%+v", done)
		}
		return err
	}))
	segs, err := l.Segments(ctx, r.Tx.ID)
	l.ok(err)
	var delivered int
	l.ok(l.raw().QueryRow("SELECT COUNT(*) FROM segment WHERE delivered = 1").Scan(&delivered))
	if len(segs) != 2 || delivered != 1 {
		t.Errorf("%d are delivered", delivered)
	}
}

// Writing old requests anew fails whole, at whatever statement, and goes on from there.
func TestAdoptionOfRequestsMayFail(t *testing.T) {
	l := onSQLite(t)
	l.accept(newTx())
	db := l.raw()
	l.failing(db, "AdoptRequests", false, func() func() error {
		l.ok(l.SetMeta(ctx, "requests", []byte("old")))
		return func() error {
			return nothing(l.AdoptRequests(ctx, func([]byte) bool { return true }, func(*mssp.Transaction) []byte { return []byte("new") }))
		}
	})
}

// A second end of a transaction is everyday life, of which no operator wants to read;
// an event that cannot happen is not.
func TestWhatIsSaidOfEventsThatDoNotFit(t *testing.T) {
	l := onSQLite(t)
	var log bytes.Buffer
	l.alerted(func(o *store.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	tx, waits := l.accept(newTx()).Tx, l.accept(newTx()).Tx
	log.Reset()
	l.wantErr("a prompt before a packet", l.MarkPrompted(ctx, waits.ID), mssp.ErrEvent)
	if !strings.Contains(log.String(), string(waits.ID)) {
		t.Errorf("nothing is said of a prompt before the packet: %q", &log)
	}
	l.finish(done(tx))
	log.Reset()
	l.finish(done(tx))
	l.ok(l.MarkPrompted(ctx, tx.ID))
	if log.Len() > 0 {
		t.Errorf("of a second end it is said %q", &log)
	}
}

// What nobody has dated is dated by the clock of the store: requests, ends, parts.
func TestDates(t *testing.T) {
	l := onSQLite(t)
	tx := newTx()
	tx.CreatedAt = time.Time{}
	r := l.accept(tx)
	if tx := l.transaction(tx.ID); !tx.CreatedAt.Equal(epoch) || !tx.SentAt.Equal(epoch) || !r.Dispatched.Packet.SealedAt.Equal(epoch) {
		t.Errorf("%+v", tx)
	}
	f, err := l.Finish(ctx, done(tx), seal)
	if err != nil || !f.Tx.FinishedAt.Equal(epoch) {
		t.Errorf("%+v, %v", f, err)
	}
	mo, err := l.SaveMO(ctx, bearer.MO{Source: numberA, UD: []byte{1}}, store.ConcatRef{})
	if err != nil || !mo.Complete.At.Equal(epoch) {
		t.Errorf("%+v, %v", mo.Complete, err)
	}
	tx = newTx()
	tx.CreatedAt = epoch.Add(-time.Hour)
	tx.Deadline = epoch
	if got := l.accept(tx).Tx; !got.CreatedAt.Equal(tx.CreatedAt) || !got.SentAt.Equal(tx.CreatedAt) {
		t.Errorf("%+v", got)
	}
}

// What a row of a transaction may hold, and one more or less, of which it says itself
// that it is damaged.
func TestDamagedTransactions(t *testing.T) {
	l := onSQLite(t)
	tx := l.accept(newTx()).Tx
	created, day := epoch.UnixMicro(), (24 * time.Hour).Microseconds()
	for change, damaged := range map[string]bool{
		"applet_txn = 4294967295":                      false,
		"applet_txn = 4294967296":                      true,
		"applet_txn = -1":                              true,
		"status = 9999":                                false,
		"status = 10000":                               true,
		"status = -1":                                  true,
		"attempt = 65536":                              false,
		"attempt = 65537":                              true,
		"attempt = -1":                                 true,
		"state = 'sent'":                               true,
		"state = 'done'":                               true,
		"finished_at = 1":                              true,
		"version = 0":                                  true,
		fmt.Sprint("deadline = ", created+2*day):       false,
		fmt.Sprint("deadline = ", created+2*day+1):     true,
		fmt.Sprint("deadline = ", created-2*day):       false,
		fmt.Sprint("deadline = ", created-2*day-1):     true,
		"created_at = -1":                              true,
		"late_at = 'x'":                                true,
		"once = 1, mode = 'asynch', detail = 'anyhow'": false,
	} {
		var columns, back []string
		for set := range strings.SplitSeq(change, ", ") {
			column, _, _ := strings.Cut(set, " ")
			columns = append(columns, column)
			back = append(back, fmt.Sprintf("%s = (SELECT %s FROM kept)", column, column))
		}
		l.sql("CREATE TABLE kept AS SELECT " + strings.Join(columns, ", ") + " FROM tx")
		l.sql("UPDATE tx SET " + change)
		if got := l.transaction(tx.ID); (got.Damage != "") != damaged || damaged != (got.Request == nil) {
			t.Errorf("%s: damage %q, request %q", change, got.Damage, got.Request)
		}
		l.sql("UPDATE tx SET " + strings.Join(back, ", "))
		l.sql("DROP TABLE kept")
	}
}

// A number in a receipt must have seven digits to be the end of another; of fewer it
// is the whole.
func TestShortNumbersOfReceipts(t *testing.T) {
	l := onSQLite(t)
	r := l.acceptAsking()
	l.ok(l.RecordOutcomes(ctx, outcomes(store.SegAccepted, r.Dispatched.Segments...)))
	for digits, want := range map[int]mssp.TransID{5: "", 6: "", 7: r.Tx.ID, 8: r.Tx.ID, len(numberA): r.Tx.ID} {
		id, err := l.Reported(ctx, bearer.Report{Bearer: "smsc1", MessageID: "m1", Dest: numberA[len(numberA)-digits:], Delivered: true, At: epoch})
		if err != nil || id != want {
			t.Errorf("%d digits: %q, %v", digits, id, err)
		}
	}
	short := newTx()
	short.MSISDN, short.ICCID = "417000", cardB
	s, err := l.Accept(ctx, short, nil, asking)
	l.ok(err)
	out := outcomes(store.SegAccepted, s.Dispatched.Segments...)
	out[0].MessageID = "short"
	l.ok(l.RecordOutcomes(ctx, out))
	if id, err := l.Reported(ctx, bearer.Report{Bearer: "smsc1", MessageID: "short", Dest: "417000", Delivered: true, At: epoch}); err != nil || id != short.ID {
		t.Errorf("a short number, whole: %q, %v", id, err)
	}
}

// Everything about a number, with what counts against it and without; slots of all numbers.
func TestLookups(t *testing.T) {
	l := onSQLite(t)
	l.user()
	l.ok(l.PutKeyPairs(ctx, []mssp.KeyPair{{ICCID: cardA, Slot: 0, State: mssp.KeyGenerated}, {ICCID: cardA, Slot: 255, State: mssp.KeyRegistered}}))
	l.ok(nothing(l.Accept(ctx, newTx(), l.prompt(), seal)))
	sub, card, ks, st, err := l.LookupStanding(ctx, numberA)
	l.ok(err)
	s, c, k, err := l.Lookup(ctx, numberA)
	l.ok(err)
	l.same("subscriber", s, sub)
	l.same("card", c, card)
	l.same("keys", k, ks)
	if sub.MSISDN != numberA || card.ICCID != cardA || len(ks) != 2 || ks[0].Slot != 0 || ks[1].Slot != 255 {
		t.Errorf("%+v, %+v, %+v, %+v", sub, card, ks, st)
	}
	_, _, _, _, err = l.LookupStanding(ctx, numberB)
	l.wantErr("nobody", err, store.ErrNotFound)
}
