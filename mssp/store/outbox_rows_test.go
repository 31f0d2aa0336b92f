package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/abuse"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/mssp/store/storetest"
	"github.com/simsign/simsign/ota/bearer"
)

// However many segments a message has, each leaves as it was put in, at its time and
// no later than its own.
//
// Supports: F9
func TestMessagesOfAllSizes(t *testing.T) {
	l := onSQLite(t)
	for n := 1; n <= 9; n++ {
		segs := make([]bearer.Segment, n)
		for i := range segs {
			segs[i] = bearer.Segment{
				Dest: numberB, PID: byte(n), DCS: 0xF6, UDH: []byte{5, 0, 3, byte(n), byte(n), byte(i + 1)}, UD: bytes.Repeat([]byte{byte(i)}, i+1),
				Septets: i, Validity: time.Duration(i) * time.Hour, Report: i%2 == 0, For: fmt.Sprint("ap:", n),
			}
		}
		put, err := l.EnqueueText(ctx, segs)
		l.ok(err)
		sent := l.claim(epoch, 20)
		if len(put) != n || len(sent) != n {
			t.Fatalf("%d of %d, and %d are sent", len(put), n, len(sent))
		}
		for i, s := range sent {
			segs[i].ID = put[i].ID
			if diff := cmp.Diff(segs[i], s.Segment); diff != "" || s.ID == 0 {
				t.Errorf("segment %d of %d: %s", i+1, n, diff)
			}
			expires := segs[i].Validity
			if expires == 0 {
				expires = 24 * time.Hour
			}
			if s.Part != i+1 || s.Parts != n || s.Tries != 1 || s.State != store.SegSent || !s.NextAt.Equal(epoch) || !s.ExpiresAt.Equal(epoch.Add(expires)) {
				t.Errorf("segment %d of %d: %+v", i+1, n, s)
			}
		}
	}
}

// A segment may leave until its time is over, and not after.
func TestClaimAtTheEnd(t *testing.T) {
	l := onSQLite(t)
	for late, want := range []int{1, 0} {
		_, err := l.EnqueueText(ctx, []bearer.Segment{{Dest: numberB, UD: []byte("x"), Validity: time.Hour}})
		l.ok(err)
		if got := l.claim(epoch.Add(time.Hour+time.Duration(late)*time.Microsecond), 10); len(got) != want {
			t.Errorf("%d µs late: %d are sent", late, len(got))
		}
	}
}

// A database that gives back other parts than it was given ends the request, and no more.
func TestPartsThatAreNone(t *testing.T) {
	l := newLab(t, postgresDSN(t))
	db := operator(t, l.dsn)
	for _, part := range []string{"0", "3"} {
		refusing(t, db, "segment", "NEW.part = "+part, 1, false)
		_, err := l.EnqueueText(ctx, make([]bearer.Segment, 2))
		if err == nil || !strings.Contains(err.Error(), "part "+part+" of 2") {
			t.Errorf("%v", err)
		}
	}
	if _, err := l.EnqueueText(ctx, make([]bearer.Segment, 2)); err != nil || len(l.claim(epoch, 10)) != 2 {
		t.Errorf("the next: %v", err)
	}
}

// What a box was telling when it was declared dead is somebody else's to tell.
func TestTheDeadTellNobody(t *testing.T) {
	one, two, _, _, b := twoBoxes(t)
	tx := observed()
	tx.ICCID = cardB
	two.accept(tx)
	two.finish(done(b))
	two.finish(done(tx))
	storetest.Cut(t, one.dsn, "one")
	_, err := two.TakeOver(ctx)
	two.ok(err)
	at := epoch.Add(time.Hour)
	_, err = one.ClaimCompletions(ctx, "notify", at, at.Add(time.Minute), 10)
	one.wantErr("a claim", err, store.ErrFenced)
	one.wantErr("Failure", one.Failure(), store.ErrFenced)
	if cs, err := two.ClaimCompletions(ctx, "notify", at, at.Add(time.Minute), 10); err != nil || len(cs) != 1 || cs[0].Try != 1 {
		t.Errorf("%+v, %v", cs, err)
	}
}

// The longest due is told first, and no more at once than was asked for.
func TestToldInOrder(t *testing.T) {
	l := onSQLite(t)
	for _, after := range []time.Duration{3, 1, 2} {
		tx := observed()
		l.accept(tx)
		f := done(tx)
		f.At = epoch.Add(after * time.Second)
		l.finish(f)
	}
	at := epoch.Add(time.Hour)
	var ends []time.Duration
	for _, limit := range []int{1, 2, 5} {
		cs, err := l.ClaimCompletions(ctx, "notify", at, at.Add(time.Minute), limit)
		l.ok(err)
		if want := []int{1, 2, 0}[limit/2]; len(cs) != want {
			t.Errorf("%d of at most %d", len(cs), limit)
		}
		if limit == 1 {
			ends = append(ends, cs[0].Tx.FinishedAt.Sub(epoch))
		}
	}
	if len(ends) != 1 || ends[0] != time.Second {
		t.Errorf("first was told %v", ends)
	}
}

// What cannot be read is lifted for all providers together, and then counts no more.
func TestLiftWhatCannotBeRead(t *testing.T) {
	l := onSQLite(t)
	l.user()
	_, err := rawDB(t, l.dsn).Exec(`INSERT INTO patience VALUES (?, 1, 0, x'FF')`, string(numberA))
	l.ok(err)
	if ok, err := l.Lift(ctx, numberA, bank); ok || !errors.Is(err, abuse.ErrRecord) {
		t.Errorf("of one: %v, %v", ok, err)
	}
	if ok, err := l.Recheck(ctx, numberA, epoch); ok || !errors.Is(err, abuse.ErrRecord) {
		t.Errorf("a question of the card: %v, %v", ok, err)
	}
	if ok, err := l.Lift(ctx, numberA, ""); !ok || err != nil {
		t.Errorf("of all: %v, %v", ok, err)
	}
	if n, err := l.Standings(); n != 0 || err != nil {
		t.Errorf("%d are left, %v", n, err)
	}
	l.ok(l.ask(newTx()))
}

// As many numbers as are looked at in one go: there may be more.
func TestForgetWholeBatches(t *testing.T) {
	l := onSQLite(t)
	db := l.raw()
	_, err := db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
	INSERT INTO patience SELECT 41790100000 + i, 1, $1, x'' FROM n`, epoch.UnixMicro())
	l.ok(err)
	if next, err := l.Forget(ctx, "", epoch); next != "41790100500" || err != nil {
		t.Errorf("goes on at %q, %v", next, err)
	}
	if n, err := l.Standings(); n != 500 || err != nil { // until that moment they count
		t.Errorf("%d are left, %v", n, err)
	}
	if next, err := l.Forget(ctx, "41790100001", epoch.Add(time.Microsecond)); next != "" || err != nil {
		t.Errorf("goes on at %q, %v", next, err)
	}
	if n, err := l.Standings(); n != 1 || err != nil {
		t.Errorf("%d are left, %v", n, err)
	}
}

// What an operator has changed by hand is taken over where it can be, and counted.
func TestAlteredIsAdopted(t *testing.T) {
	l := onSQLite(t)
	l.authenticated()
	l.fill()
	l.ok(l.AddAP(ctx, mssp.AP{ID: "http://shop"}))
	db := l.raw()
	for _, s := range []string{
		"UPDATE ap SET name = name || 'x'", "UPDATE card SET imsi = '228010000000002' WHERE iccid = '" + string(cardB) + "'",
		"UPDATE subscriber SET state = 'none such'",
	} {
		_, err := db.Exec(s)
		l.ok(err)
	}
	if n, err := l.AdoptAltered(ctx); n != 3 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
	for id, want := range map[mssp.APID]string{bank: "Bankx", "http://shop": "x"} {
		if ap, err := l.AP(ctx, id); err != nil || ap.Name != want {
			t.Errorf("%+v, %v", ap, err)
		}
	}
	_, _, _, err := l.Lookup(ctx, numberA)
	l.wantErr("a state that is none", err, store.ErrAltered)
	if n, err := l.AdoptAltered(ctx); n != 0 || err != nil {
		t.Errorf("%d rows again, %v", n, err)
	}
}

// Of the transactions that ended before an upgrade those of the last two days are
// taken over, however many they are; a damaged one among them stays damaged.
func TestEndedOnesAreAdopted(t *testing.T) {
	l := onSQLite(t)
	const many = 1001 // two batches and one
	late, last := l.endedAt(epoch.Add(-48*time.Hour-time.Microsecond)), l.endedAt(epoch.Add(-48*time.Hour))
	db := l.raw()
	into := strings.Join(l.schema(db)["tx"], ", ")
	from := strings.NewReplacer("seq, id", "seq + i, 'x' || i", "ap_trans_id", "'x' || i", "attempt", "0").Replace(into)
	_, err := db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
	INSERT INTO tx (`+into+`) SELECT `+from+` FROM tx, n WHERE id = $2`, many-1, string(last))
	l.ok(err)
	_, err = db.Exec("UPDATE tx SET version = -3 WHERE id = 'x7'")
	l.ok(err)
	_, err = db.Exec("INSERT INTO meta (name, value) VALUES ('rows', $1)", []byte("old"))
	l.ok(err)
	n, err := l.Authenticate(ctx, l.keyed())
	if err != nil || n != many+2 { // and the two cards
		t.Errorf("%d rows, %v", n, err)
	}
	for id, good := range map[mssp.TransID]bool{late: false, last: true, "x1": true, "x7": false, "x499": true, "x500": true, "x1000": true} {
		if tx := l.transaction(id); (tx.Damage == "") != good {
			t.Errorf("%s: %q", id, tx.Damage)
		}
	}
	if _, err := l.Meta(ctx, "rows"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the mark is left: %v", err)
	}
}
