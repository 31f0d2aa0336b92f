package store_test

import (
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/mssp/store/storetest"
	"github.com/simsign/simsign/ota"
)

// beside opens a box that permits others on the same PostgreSQL. Nothing that
// the test does not say makes another one dead for it.
func (l *lab) beside(name string, change func(*store.Options)) *lab {
	l.Helper()
	o := store.Options{DSN: l.dsn, Box: name, Beside: true, Lease: never, Clock: func() time.Time { return epoch }}
	if change != nil {
		change(&o)
	}
	s, err := store.Open(ctx, o)
	l.ok(err)
	l.Cleanup(func() { s.Close() })
	return &lab{T: l.T, Store: s, dsn: l.dsn}
}

// twoBoxes are two boxes on one PostgreSQL: one serves card A, with one more
// transaction behind, and two serves card B.
func twoBoxes(t *testing.T) (one, two *lab, a, behind, b mssp.Transaction) {
	l := &lab{T: t, dsn: postgresDSN(t)}
	l.open()
	importCard(t, l.Store, cardA)
	importCard(t, l.Store, cardB)
	l.ok(l.Close())
	one, two = l.beside("one", nil), l.beside("two", nil)
	a, behind = one.accept(newTx()).Tx, one.accept(newTx()).Tx
	other := newTx()
	other.ICCID = cardB
	return one, two, a, behind, two.accept(other).Tx
}

func (l *lab) wantSegments(id mssp.TransID, want store.SegmentState) {
	l.Helper()
	segs, err := l.Segments(ctx, id)
	l.ok(err)
	for _, s := range segs {
		if s.State != want {
			l.Errorf("segment %d of %s is %s, want %s", s.Part, id, s.State, want)
		}
	}
}

func (l *lab) wantExpired(want ...mssp.TransID) {
	l.Helper()
	txs, err := l.Expired(ctx, epoch.Add(time.Hour), 10)
	l.ok(err)
	var got []mssp.TransID
	for _, tx := range txs {
		got = append(got, tx.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		l.Errorf("timers of box %s: %s", l.Me().Name, diff)
	}
}

// What a box that lives holds is its own: neither a restart nor the look around
// of another touches it. When it has died the other takes over card, segments
// and timers, and from then on the dead one, should it wake up, changes nothing.
//
// Supports: F1
func TestTakeOver(t *testing.T) {
	one, two, a, behind, b := twoBoxes(t)
	rec, err := two.TakeOver(ctx)
	two.ok(err)
	if len(rec.Dead)+len(rec.Taken)+rec.Ambiguous != 0 {
		t.Errorf("taken from the living: %+v", rec)
	}
	if rec, err = two.Recover(ctx); err != nil || len(rec.Dead) != 0 || rec.Ambiguous != 2 || !cmp.Equal(rec.Taken, []ota.ICCID{cardB}) {
		t.Errorf("a restart beside a box that lives: %+v, %v", rec, err)
	}
	two.wantSegments(a.ID, store.SegSent)
	two.wantSegments(b.ID, store.SegAmbiguous)
	one.wantExpired(a.ID, behind.ID)
	two.wantExpired(b.ID)

	storetest.Cut(t, two.dsn, "one")
	rec, err = two.TakeOver(ctx)
	two.ok(err)
	if len(rec.Dead) != 1 || rec.Dead[0].Name != "one" || rec.Ambiguous != 2 || !cmp.Equal(rec.Taken, []ota.ICCID{cardA}) {
		t.Fatalf("%+v", rec)
	}
	two.wantExpired(a.ID, behind.ID, b.ID)
	two.wantSegments(a.ID, store.SegAmbiguous)

	segs, err := one.Segments(ctx, a.ID)
	one.ok(err)
	one.wantErr("an outcome of the dead", one.RecordOutcomes(ctx, outcomes(store.SegAccepted, segs...)), store.ErrFenced)
	two.wantSegments(a.ID, store.SegAmbiguous)
	if got := two.claim(epoch, 10); len(got) != 4 {
		t.Errorf("%d segments go out again, want 4", len(got))
	}
	r := two.finish(done(a))
	if r.Next == nil || r.Next.Tx.ID != behind.ID {
		t.Errorf("the next at the card: %+v", r.Next)
	}
	two.ok(two.Check(ctx))
}

// Everything that a box may do to a transaction is refused once it was declared
// dead; it says why, changes nothing, and the store stops.
//
// Supports: I14
func TestFence(t *testing.T) {
	for name, write := range map[string]func(l *lab, a mssp.Transaction) error{
		"accept": func(l *lab, _ mssp.Transaction) error { _, err := l.Accept(ctx, newTx(), nil, seal); return err },
		"finish": func(l *lab, a mssp.Transaction) error {
			f := done(a)
			f.At = epoch
			_, err := l.Finish(ctx, f, seal)
			return err
		},
		"next":     func(l *lab, _ mssp.Transaction) error { _, _, err := l.SealNext(ctx, cardA, epoch, seal); return err },
		"again":    func(l *lab, a mssp.Transaction) error { _, err := l.Reattempt(ctx, a.ID, seal); return err },
		"prompted": func(l *lab, a mssp.Transaction) error { return l.MarkPrompted(ctx, a.ID) },
		"claim":    func(l *lab, _ mssp.Transaction) error { _, err := l.ClaimSegments(ctx, epoch, upTo(10)); return err },
		"resolve": func(l *lab, a mssp.Transaction) error {
			segs, err := l.Segments(ctx, a.ID)
			l.ok(err)
			_, _, err = l.Resolve(ctx, store.SegmentOutcome{ID: segs[0].ID, State: store.SegAccepted})
			return err
		},
		"outcome": func(l *lab, a mssp.Transaction) error {
			segs, err := l.Segments(ctx, a.ID)
			l.ok(err)
			return l.RecordOutcomes(ctx, outcomes(store.SegRejected, segs...))
		},
		"outcomes": func(l *lab, _ mssp.Transaction) error { // a statement for all
			many := make([]store.SegmentOutcome, 16)
			for i := range many {
				many[i] = store.SegmentOutcome{ID: int64(1000 + i), State: store.SegAccepted}
			}
			return l.RecordOutcomes(ctx, many)
		},
		"recover": func(l *lab, _ mssp.Transaction) error { _, err := l.Recover(ctx); return err },
		"turn": func(l *lab, _ mssp.Transaction) error {
			_, _, err := l.Turn(ctx, store.Machine{Now: epoch})
			return err
		},
		"erase": func(l *lab, _ mssp.Transaction) error {
			_, _, err := l.Erase(ctx, store.Retention{Texts: epoch}, store.Turn{Now: epoch})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			one, two, a, _, _ := twoBoxes(t)
			db := operator(t, one.dsn)
			storetest.Cut(t, one.dsn, "one")
			_, err := two.TakeOver(ctx)
			two.ok(err)
			before := rows(t, db)
			one.wantErr(name, write(one, a), store.ErrFenced)
			if diff := cmp.Diff(before, rows(t, db)); diff != "" {
				t.Errorf("it has changed something: %s", diff)
			}
			select {
			case <-one.Stopped():
			default:
				t.Error("the store goes on")
			}
			one.wantErr("Failure", one.Failure(), store.ErrFenced)
		})
	}
}

// rows is what a box may change, in words.
func rows(t *testing.T, db *sql.DB) (s string) {
	t.Helper()
	err := db.QueryRow(`SELECT (SELECT string_agg(concat_ws(' ', iccid, busy_tx, queued, holder), E'\n' ORDER BY iccid) FROM card) || E'\n' ||
		(SELECT string_agg(concat_ws(' ', id, state, version, attempt), E'\n' ORDER BY id) FROM tx) || E'\n' ||
		(SELECT string_agg(concat_ws(' ', id, state, tries, holder, route), E'\n' ORDER BY id) FROM segment)`).Scan(&s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A machine that vanished leaves a session behind for a while. Its lease is
// counted on the clock of the database; when that has run out it is dead for
// the others, and one that starts ends its session.
func TestLease(t *testing.T) {
	one, _, _, _, _ := twoBoxes(t)
	var later atomic.Int64 // the boxes read it while it moves
	now := func() time.Time { return time.UnixMicro(later.Load()) }
	clock := func(o *store.Options) {
		o.Lease = 5 * time.Second
		o.DatabaseClock = now
	}
	crew, err := one.Crew(ctx)
	one.ok(err)
	first, last := crew[0].SeenAt, crew[1].SeenAt // they started one after the other
	later.Store(first.Add(5 * time.Second).UnixMicro())
	three := one.beside("three", clock)
	if rec, err := three.TakeOver(ctx); err != nil || len(rec.Dead) != 0 {
		t.Errorf("within the lease: %+v, %v", rec, err)
	}
	later.Store(last.Add(6 * time.Second).UnixMicro())
	if rec, err := three.TakeOver(ctx); err != nil || len(rec.Dead) != 2 { // nobody else has given a sign of life either
		t.Errorf("after the lease: %+v, %v", rec, err)
	}
	one.wantErr("a sign of life of the dead", one.Beat(ctx), store.ErrFenced)

	l := newLab(t, postgresDSN(t))
	l.ok(l.Close())
	l.Store, err = store.Open(ctx, store.Options{DSN: l.dsn, Lease: never}) // it gives no sign of life, and does not take its session back
	l.ok(err)
	crew, err = l.Crew(ctx)
	l.ok(err)
	later.Store(crew[0].SeenAt.Add(time.Hour).UnixMicro())
	next, err := store.Open(ctx, store.Options{DSN: l.dsn, Box: "next", Lease: 5 * time.Second, DatabaseClock: now})
	l.ok(err)
	if rec, err := next.Recover(ctx); err != nil || len(rec.Dead) != 1 {
		t.Errorf("%+v, %v", rec, err)
	}
	_, err = l.Accept(ctx, newTx(), nil, seal)
	l.wantErr("the one that vanished", err, store.ErrFenced)
	l.ok(next.Close())
	l.Close()
	l.open()
}

// Whoever corrects the count of a queue counts once he has the card's row:
// counted before, a transaction that another ends at that moment is still in
// it, and the card never becomes idle again.
func TestRecountUnderTheLock(t *testing.T) {
	l := newLab(t, postgresDSN(t))
	first, waiting := l.accept(newTx()).Tx, l.accept(newTx()).Tx
	fin := done(first)
	fin.At = epoch
	_, err := l.Finish(ctx, fin, nil) // an idle card with a queue
	l.ok(err)
	db := operator(t, l.dsn)
	order := func(q interface {
		Exec(string, ...any) (sql.Result, error)
	}, sql string, args ...any,
	) {
		if _, err := q.Exec(sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	order(db, "UPDATE card SET queued = 7 WHERE iccid = $1", string(cardA))
	other, err := db.Begin() // somebody ends the one that waits
	l.ok(err)
	order(other, "UPDATE card SET queued = 0 WHERE iccid = $1", string(cardA))
	order(other, "UPDATE tx SET state = 'failed', finished_at = 1 WHERE id = $1", string(waiting.ID))
	recovered := make(chan error, 1)
	go func() {
		_, err := l.Recover(ctx)
		recovered <- err
	}()
	for blocked := 0; blocked == 0; { // until it waits for the card
		err := db.QueryRow("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'UPDATE card%'").Scan(&blocked)
		l.ok(err)
	}
	l.ok(other.Commit())
	l.ok(<-recovered)
	l.ok(l.Check(ctx))
	var queued int
	l.ok(db.QueryRow("SELECT queued FROM card WHERE iccid = $1", string(cardA)).Scan(&queued))
	if queued != 0 {
		t.Errorf("the card counts %d", queued)
	}
}

// A visitor, who is no box, may not take part in any of it.
func TestVisitorHoldsNothing(t *testing.T) {
	l := onSQLite(t)
	l.ok(l.Close())
	v, err := store.Open(ctx, store.Options{DSN: l.dsn, Visitor: true})
	l.ok(err)
	if _, err := v.Accept(ctx, newTx(), nil, seal); err == nil || errors.Is(err, store.ErrFenced) || v.Failure() != nil {
		t.Errorf("%v, %v", err, v.Failure())
	}
	l.ok(v.Close())
	l.open()
}

// A box that starts while others take in and end transactions leaves every
// queue counted as it is.
//
// Supports: I4
func TestRecoverAmongTheLiving(t *testing.T) {
	one, two, a, behind, b := twoBoxes(t)
	for _, tx := range []mssp.Transaction{a, behind} {
		one.finish(done(tx))
	}
	two.finish(done(b))
	var wg sync.WaitGroup
	for c, l := range []*lab{one, two, one, two, one, two} {
		wg.Go(func() {
			for range 15 {
				tx := newTx()
				if c%3 == 0 {
					tx.ICCID = cardB
				}
				r, err := l.Accept(ctx, tx, nil, seal)
				if err != nil {
					t.Error(err)
					return
				}
				for d := r.Dispatched; d != nil; {
					f, err := l.Finish(ctx, store.Finish{TxID: d.Tx.ID, Event: mssp.EventAnswered, At: epoch}, seal)
					if err != nil {
						t.Error(err)
						return
					}
					d = f.Next
				}
			}
		})
	}
	working := make(chan struct{})
	go func() { wg.Wait(); close(working) }()
	for busy := true; busy; {
		select {
		case <-working:
			busy = false
		default:
		}
		if _, err := two.Recover(ctx); err != nil {
			t.Error(err)
			<-working
			return
		}
	}
	one.ok(one.Check(ctx))
	if open, err := one.Transactions(ctx, store.TransactionFilter{Open: true}); err != nil || len(open) != 0 {
		t.Errorf("%d are left open, %v", len(open), err)
	}
}
