package store_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// A card that is suspended while transactions wait gets no packet more: not
// by the turn of the next, not by a new attempt, not at once. Their ends say so.
//
// Supports: I4
func TestSuspendedCardGetsNothing(t *testing.T) {
	onBoth(t, func(l *lab) {
		first := l.accept(newTx())
		waiting := l.accept(newTx())
		l.change(cardA, func(c *mssp.Card) { c.State = mssp.CardSuspended })

		_, err := l.Reattempt(ctx, first.Tx.ID, seal)
		var f *mssp.Fault
		if !errors.As(err, &f) || f.Code != mssp.CardBlocked {
			l.Errorf("new attempt: %v", err)
		}
		r := l.finish(done(first.Tx))
		if r.Next != nil || len(r.Failed) != 1 || r.Failed[0].ID != waiting.Tx.ID || r.Failed[0].Status != mssp.CardBlocked {
			l.Errorf("turn of the next: %+v", r)
		}
		if r := l.accept(newTx()); r.Dispatched != nil || r.Tx.Status != mssp.CardBlocked {
			l.Errorf("a new one: %+v", r)
		}
		l.change(cardA, func(c *mssp.Card) { c.State = mssp.CardActive })
		if r := l.accept(newTx()); r.Dispatched == nil {
			l.Error("the released card gets nothing")
		}
	})
}

// What an answer proves about a card does not undo what the operator has
// changed since the card was read: it is evaluated anew. An import releases
// nobody.
func TestCardFactsKeepTheRest(t *testing.T) {
	onBoth(t, func(l *lab) {
		tx := l.accept(newTx()).Tx
		read, err := l.Card(ctx, cardA)
		l.ok(err)
		changed := l.change(cardA, func(c *mssp.Card) { c.State, c.Profile = mssp.CardSuspended, "other" })
		fin := done(tx)
		read.Blocked[1], read.BadPoR = true, 3
		fin.Card = &read
		_, err = l.Finish(ctx, fin, seal)
		var now *store.Changed[mssp.Card]
		if !errors.As(err, &now) || now.Row != changed {
			l.Errorf("facts about a card that has changed: %v", err)
		}
		l.wantState(tx.ID, mssp.Sending)
		l.wantCard(changed)
		read = changed
		read.Blocked[1], read.BadPoR = true, 3
		l.finish(fin)
		want := changed
		want.Blocked[1], want.BadPoR, want.Version = true, 3, changed.Version+1
		l.wantCard(want)

		again := mssp.Card{ICCID: cardA, IMSI: "228010000000009", Profile: "third", State: mssp.CardActive}
		l.ok(l.ImportCard(ctx, again, []mssp.KeySet{{ICCID: cardA, KVN: 2, Keys: []byte{1}, Counter: make([]byte, 8)}}))
		want.IMSI, want.Profile = again.IMSI, again.Profile
		want.Version++
		l.wantCard(want)

		// An answer may suspend.
		l.change(cardA, func(c *mssp.Card) { c.State, c.BadPoR = mssp.CardActive, 0 })
		tx = l.accept(newTx()).Tx
		fin = done(tx)
		fin.Card = &mssp.Card{ICCID: cardA, State: mssp.CardSuspended, BadPoR: 10}
		l.finish(fin)
		if c, err := l.Card(ctx, cardA); err != nil || c.State != mssp.CardSuspended || c.BadPoR != 10 {
			l.Errorf("%+v, %v", c, err)
		}
	})
}

func sqliteDSN(t *testing.T) string { return filepath.Join(t.TempDir(), "simsign.db") }

// change is what an operator does to a card.
func (l *lab) change(iccid ota.ICCID, f func(*mssp.Card)) mssp.Card {
	l.Helper()
	c, err := l.ChangeCard(ctx, iccid, func(c *mssp.Card) error { f(c); return nil })
	l.ok(err)
	return c
}

func (l *lab) wantCard(want mssp.Card) {
	l.Helper()
	got, err := l.Card(ctx, want.ICCID)
	l.ok(err)
	if got != want {
		l.Errorf("card is %+v, want %+v", got, want)
	}
}

// All sources together are bounded too. When they have too much, one of those who
// have most gives up a set: an answer of a card comes through, whether it began
// before others sent in the name of many or after, and a source that stands alone
// above the others takes its own place. The bound ends with the parts.
//
// Supports: F11, I10
func TestReassemblyFloodOfAll(t *testing.T) {
	for name, dsn := range map[string]func(*testing.T) string{"sqlite": sqliteDSN, "postgres": postgresDSN} {
		t.Run(name, func(t *testing.T) {
			l := &lab{T: t, dsn: dsn(t)}
			const most, numbers, honest = 4000, 8, 3
			open := func() {
				s, err := store.Open(ctx, store.Options{DSN: l.dsn, MaxPending: most, Clock: func() time.Time { return epoch }})
				l.ok(err)
				t.Cleanup(func() { s.Close() })
				l.Store = s
			}
			open()
			save := func(number, ref, i, size int, at time.Time) (store.MOResult, error) {
				c := store.ConcatRef{Ref: uint16(ref), Part: i, Total: 2}
				return l.SaveMO(ctx, part(numberA[:8]+sms.MSISDN(strconv.Itoa(100+number)), c, strings.Repeat("x", size), at), c)
			}
			dropped := 0
			flood := func(size, ref int) {
				for i := range 6 * numbers {
					r, err := save(honest+i%numbers, ref+i/numbers, 1, size, epoch)
					l.ok(err)
					dropped += r.Dropped
				}
				if all, err := l.PendingOctets(ctx); err != nil || all > most || all < most*9/10 {
					t.Errorf("%d octets wait, at most %d: %v", all, most, err)
				}
			}
			begin := func(from int) {
				for n := from; n < honest; n += 2 {
					_, err := save(n, 1, 1, 64, epoch)
					l.ok(err)
				}
			}
			begin(0)
			flood(140, 0)
			l.ok(l.Close())
			open() // what is there counts, and whose it is
			begin(1)
			flood(0, 100)
			for n := range honest {
				if r, err := save(n, 1, 2, 64, epoch); err != nil || r.Complete == nil {
					t.Errorf("answer %d: %+v, %v", n, r, err)
				}
			}
			if dropped == 0 {
				t.Error("nothing had to go")
			}
			for ref := range 12 { // after two minutes nothing of that counts
				r, err := save(0, 2+ref, 1, 140, epoch.Add(2*time.Minute))
				if l.ok(err); r.Dropped != 0 {
					t.Errorf("set %d: %d had to go", ref, r.Dropped)
				}
			}
		})
	}
}

// The octets of one source are bounded too: the longest untouched of its sets go
// until there is room, and none where all of them would not be enough.
//
// Supports: F11
func TestReassemblyOctetsOfASource(t *testing.T) {
	type step struct {
		ref, part, size, dropped int
		err                      error
	}
	for name, c := range map[string]struct {
		most  int
		steps []step
	}{
		"new sets": {300, []step{
			{1, 1, 140, 0, nil},
			{2, 1, 140, 0, nil},
			{3, 1, 20, 1, nil}, // counts 64 as any short part; the first goes
			{4, 1, 96, 0, nil}, // 300 are not too many
			{5, 1, 64, 1, nil}, // 364 are
			{6, 1, 301, 0, store.ErrFlood},
			{3, 2, 20, 0, nil}, // what could not help stays
			{7, 1, 300, 3, nil},
		}},
		"a set aside has its own octets": {800, []step{
			{1, 1, 140, 0, nil},
			{2, 1, 0, 0, nil},
			{3, 1, 0, 0, nil},
			{4, 1, 0, 0, nil},
			{5, 1, 0, 0, nil},
			{6, 1, 0, 0, nil},
			{7, 1, 0, 0, nil},
			{8, 1, 0, 0, nil},
			{9, 1, 0, 0, nil}, // the first is set aside
			{1, 2, 148, 0, nil},
			{10, 1, 0, 1, nil},
		}},
		"a set aside that grows too much": {800, []step{
			{1, 1, 140, 0, nil},
			{2, 1, 0, 0, nil},
			{3, 1, 0, 0, nil},
			{4, 1, 0, 0, nil},
			{5, 1, 0, 0, nil},
			{6, 1, 0, 0, nil},
			{7, 1, 0, 0, nil},
			{8, 1, 0, 0, nil},
			{9, 1, 0, 0, nil},
			{1, 2, 149, 1, nil},
		}},
	} {
		for engine, dsn := range map[string]func(*testing.T) string{"sqlite": sqliteDSN, "postgres": postgresDSN} {
			t.Run(strings.ReplaceAll(name, " ", "_")+"/"+engine, func(t *testing.T) {
				s, err := store.Open(ctx, store.Options{DSN: dsn(t), MaxOctets: c.most, Clock: func() time.Time { return epoch }})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				for i, st := range c.steps {
					ref := store.ConcatRef{Ref: uint16(st.ref), Part: st.part, Total: 3}
					at := epoch.Add(time.Duration(i) * time.Second)
					r, err := s.SaveMO(ctx, part(numberA, ref, strings.Repeat("x", st.size), at), ref)
					if !errors.Is(err, st.err) || r.Dropped != st.dropped || r.Duplicate || r.Conflict {
						t.Errorf("step %d: %+v, %v", i+1, r, err)
					}
				}
			})
		}
	}
}

// What nobody can give up is refused: a set that is all there is, and too much.
//
// Supports: F11
func TestReassemblyFloodOfOne(t *testing.T) {
	for name, dsn := range map[string]func(*testing.T) string{"sqlite": sqliteDSN, "postgres": postgresDSN} {
		t.Run(name, func(t *testing.T) {
			l := &lab{T: t, dsn: dsn(t)}
			s, err := store.Open(ctx, store.Options{DSN: l.dsn, MaxPending: 250, Clock: func() time.Time { return epoch }})
			l.ok(err)
			defer s.Close()
			l.Store = s
			c := store.ConcatRef{Ref: 1, Part: 1, Total: 3}
			save := func(from sms.MSISDN, size int) (int, error) {
				r, err := l.SaveMO(ctx, part(from, c, strings.Repeat("x", size), epoch), c)
				c.Part++
				return r.Dropped, err
			}
			_, err = save(numberA, 140)
			l.ok(err)
			_, err = save(numberA, 111)
			l.wantErr("another part", err, store.ErrFlood)
			_, err = save(numberA, 110)
			l.ok(err)
			c = store.ConcatRef{Ref: 2, Part: 1, Total: 2}
			dropped, err := save(numberB, 64)
			if l.ok(err); dropped != 1 {
				l.Errorf("%d sets of another had to go", dropped)
			}
		})
	}
}

// Incomplete sets go early, consumed ones are kept to recognise redeliveries.
func TestPurgeIncomplete(t *testing.T) {
	onBoth(t, func(l *lab) {
		one, two := store.ConcatRef{Ref: 7, Part: 1, Total: 2}, store.ConcatRef{Ref: 7, Part: 2, Total: 2}
		l.saveMO(numberA, one, "a")
		r := l.saveMO(numberA, two, "b")
		l.ok(l.ConsumeMO(ctx, r.Complete.ID))
		l.saveMO(numberB, one, "c")
		p, err := l.Purge(ctx, store.Retention{Incomplete: epoch.Add(time.Second)})
		l.ok(err)
		if p.Parts != 1 {
			l.Errorf("%d sets went, want 1", p.Parts)
		}
		if r := l.saveMO(numberA, two, "b"); !r.Duplicate {
			l.Error("a redelivery is not recognised")
		}
		if r := l.saveMO(numberB, two, "d"); r.Complete != nil {
			l.Error("the incomplete set is still there")
		}
	})
}

// A commit of which PostgreSQL does not say how it ended (the connection is
// lost in the middle of it) stops the store; one that PostgreSQL says it has
// rolled back, or a connection lost before it, does not.
//
// Supports: F4, I14
func TestPostgresCommit(t *testing.T) {
	for _, c := range []struct {
		name, body string
		unknown    bool
	}{
		{"rolled back", "RAISE EXCEPTION 'not this time'", false},
		{"connection lost in the commit", "PERFORM pg_terminate_backend(pg_backend_pid())", true},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			l := &lab{T: t, dsn: postgresDSN(t)}
			l.open()
			importCard(t, l.Store, cardA)
			db, err := sql.Open("pgx", l.dsn)
			l.ok(err)
			defer db.Close()
			_, err = db.Exec(`CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ` + c.body + `; RETURN NULL; END $$;
				CREATE CONSTRAINT TRIGGER fault AFTER INSERT ON tx DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fault()`)
			l.ok(err)
			tx := newTx()
			_, err = l.Accept(ctx, tx, nil, seal)
			if err == nil || errors.Is(err, store.ErrOutcomeUnknown) != c.unknown {
				t.Fatalf("the commit that failed: %v", err)
			}
			stopped := false
			select {
			case <-l.Stopped():
				stopped = true
			default:
			}
			if stopped != c.unknown {
				t.Errorf("stopped: %v", stopped)
			}
			_, err = l.Accept(ctx, newTx(), nil, seal)
			if errors.Is(err, store.ErrOutcomeUnknown) != c.unknown {
				t.Errorf("the next one: %v", err)
			}
			// A process that is told to stop meanwhile says so all the same.
			if err := l.Close(); errors.Is(err, store.ErrOutcomeUnknown) != c.unknown {
				t.Errorf("Close: %v", err)
			}

			// The next process finds nothing half done, and the card in order.
			_, err = db.Exec(`DROP TRIGGER fault ON tx`)
			l.ok(err)
			l.open()
			defer l.Close()
			if _, err := l.Transaction(ctx, tx.ID); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the transaction is there: %v", err)
			}
			if r := l.accept(tx); r.Dispatched == nil || r.Dispatched.Packet.CNTR != 1 {
				t.Errorf("accepted again: %+v", r)
			}
		})
	}
}

// A connection that is lost before the commit is an error of that job only.
//
// Supports: F9
func TestPostgresConnectionLost(t *testing.T) {
	l := newLab(t, postgresDSN(t))
	db, err := sql.Open("pgx", l.dsn)
	l.ok(err)
	defer db.Close()
	kill := func(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
		if _, err := db.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL`); err != nil {
			t.Error(err)
		}
		return seal(tx, ks)
	}
	tx := newTx()
	if _, err := l.Accept(ctx, tx, nil, kill); err == nil || errors.Is(err, store.ErrOutcomeUnknown) {
		t.Fatalf("the job whose connection was lost: %v", err)
	}
	var r store.AcceptResult
	for range 20 { // connections that died idle are found one by one
		if r, err = l.Accept(ctx, tx, nil, seal); err == nil {
			break
		}
	}
	if err != nil || r.Duplicate || r.Dispatched == nil || r.Dispatched.Packet.CNTR != 1 {
		t.Errorf("accepted again: %+v, %v", r, err)
	}
}

// A new request does not overtake those that wait at an idle card (after a
// restart, before the sweep has come by).
//
// Supports: 3.5.3-4, I4
func TestNobodyOvertakesAtAnIdleCard(t *testing.T) {
	onBoth(t, func(l *lab) {
		first, waiting := l.accept(newTx()), l.accept(newTx())
		fin := done(first.Tx)
		fin.At = epoch
		_, err := l.Finish(ctx, fin, nil) // the card is idle now, and somebody waits
		l.ok(err)
		late := l.accept(newTx())
		if late.Dispatched != nil || late.Ahead == 0 {
			l.Fatalf("%+v", late)
		}
		for _, want := range []mssp.TransID{waiting.Tx.ID, late.Tx.ID} {
			d, _, err := l.SealNext(ctx, cardA, epoch, seal)
			l.ok(err)
			if d == nil || d.Tx.ID != want {
				l.Fatalf("%+v, want %s", d, want)
			}
			fin := done(d.Tx)
			fin.At = epoch
			_, err = l.Finish(ctx, fin, nil)
			l.ok(err)
		}
	})
}

// What waits in the outbox for a transaction that has ended never leaves, and
// what is claimed once is not claimed again.
//
// Supports: I5
func TestDeadSegmentsStay(t *testing.T) {
	onBoth(t, func(l *lab) {
		r, err := l.Accept(ctx, newTx(), nil, sealUnclaimed)
		l.ok(err)
		l.finish(done(r.Tx))
		out, err := l.ClaimSegments(ctx, epoch.Add(2*time.Second), upTo(10))
		l.ok(err)
		if len(out) != 0 {
			l.Errorf("%d segments of an ended transaction leave", len(out))
		}
		segs, err := l.Segments(ctx, r.Tx.ID)
		l.ok(err)
		for _, s := range segs {
			if s.State != store.SegDropped {
				l.Errorf("segment %d is %s", s.Part, s.State)
			}
		}
		live, err := l.Accept(ctx, newTx(), nil, sealUnclaimed)
		l.ok(err)
		for _, want := range []int{2, 0} {
			if out, err = l.ClaimSegments(ctx, epoch.Add(2*time.Second), upTo(10)); err != nil || len(out) != want {
				l.Errorf("claimed %d segments of %s, want %d, %v", len(out), live.Tx.ID, want, err)
			}
		}
	})
}
