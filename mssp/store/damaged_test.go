package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// alerted opens the store again with somebody who hears its alerts.
func (l *lab) alerted(change func(*store.Options)) *heard {
	l.Helper()
	l.ok(l.Close())
	var alerts heard
	o := store.Options{DSN: l.dsn, Clock: func() time.Time { return epoch }, Alerts: &alerts}
	if change != nil {
		change(&o)
	}
	s, err := store.Open(ctx, o)
	l.ok(err)
	l.Store = s
	return &alerts
}

func (l *lab) sql(statement string, args ...any) {
	l.Helper()
	l.ok(nothing(l.raw().Exec(statement, args...)))
}

// What takes part in a decision and cannot be read is an error, which says that
// somebody has changed it, and not a guess.
func TestUnreadableRows(t *testing.T) {
	for _, tc := range []struct {
		change string
		read   func(l *lab) error
	}{
		{"ap SET profiles = 'x'", func(l *lab) error { return nothing(l.AP(ctx, bank)) }},
		{"ap SET prefixes = '[1]'", func(l *lab) error { return nothing(l.AP(ctx, bank)) }},
		{"ap SET cert_sha256 = '{}'", func(l *lab) error { return nothing(l.AP(ctx, bank)) }},
		{"ap SET octets = '[\"a\"'", func(l *lab) error { return nothing(l.AP(ctx, bank)) }},
		{"ap SET disabled = 2", func(l *lab) error { return nothing(l.AP(ctx, bank)) }},
		{"card SET codes = 16", func(l *lab) error { return nothing(l.Card(ctx, cardA)) }},
		{"card SET codes = -1", func(l *lab) error { return nothing(l.Card(ctx, cardA)) }},
		{"card SET bad_por = 2147483648", func(l *lab) error { return nothing(l.Card(ctx, cardA)) }},
		{"card SET version = 0", func(l *lab) error { return nothing(l.Card(ctx, cardA)) }},
		{"card SET state = 'Active'", func(l *lab) error { return nothing(l.Card(ctx, cardA)) }},
		{"subscriber SET state = ''", func(l *lab) error { _, _, _, err := l.Lookup(ctx, numberA); return err }},
		{"subscriber SET version = 0", func(l *lab) error { _, _, _, err := l.Lookup(ctx, numberA); return err }},
		{"key_pair SET usage = 3", func(l *lab) error { return nothing(l.KeyPairs(ctx, cardA)) }},
		{"key_pair SET algorithm = 256", func(l *lab) error { return nothing(l.KeyPairs(ctx, cardA)) }},
		{"key_pair SET confirmed = 2", func(l *lab) error { return nothing(l.KeyPairs(ctx, cardA)) }},
		{"key_pair SET slot = 256", func(l *lab) error { _, _, _, err := l.Lookup(ctx, numberA); return err }},
		{"key_pair SET version = 0", func(l *lab) error { _, _, _, err := l.Lookup(ctx, numberA); return err }},
		{"certificate SET reason = 11", func(l *lab) error { return nothing(l.Certificate(ctx, "0a")) }},
		{"certificate SET status = 'good'", func(l *lab) error { return nothing(l.CertificatesOf(ctx, cardA)) }},
		{"packet SET kvn = 'x'", func(l *lab) error {
			all, err := l.Transactions(ctx, store.TransactionFilter{Limit: 1})
			l.ok(err)
			return nothing(l.Packets(ctx, all[0].ID))
		}},
		{"packet SET attempt = 'x'", func(l *lab) error {
			_, _, err := l.OpenByPacket(ctx, store.Packet{ICCID: cardA, KVN: 1, TAR: p1TAR, CNTR: 1})
			return err
		}},
		{"packet SET sealed_at = 'x'", func(l *lab) error {
			_, _, err := l.OpenByPacket(ctx, store.Packet{ICCID: cardA, KVN: 1, TAR: p1TAR, CNTR: 1})
			return err
		}},
	} {
		t.Run(tc.change, func(t *testing.T) {
			l := onSQLite(t)
			l.fill() // without keys: no tag tells
			l.accept(newTx())
			l.ok(tc.read(l))
			l.sql("UPDATE " + tc.change)
			l.wantErr("read", tc.read(l), store.ErrAltered)
		})
	}
}

// The bounds of what a row may hold are held themselves.
func TestLargestValues(t *testing.T) {
	l := onSQLite(t)
	l.fill()
	l.sql("UPDATE card SET codes = 15, bad_por = 2147483647 WHERE iccid = $1", string(cardA))
	l.sql("UPDATE key_pair SET slot = 255, usage = 2, algorithm = 255, confirmed = 1")
	l.sql("UPDATE certificate SET reason = 10")
	c, err := l.Card(ctx, cardA)
	l.ok(err)
	all := [2]bool{true, true}
	if c.CodeSet != all || c.Blocked != all || c.BadPoR != 1<<31-1 {
		t.Errorf("%+v", c)
	}
	_, _, ks, err := l.Lookup(ctx, numberA)
	l.ok(err)
	if len(ks) != 1 || ks[0].Slot != 255 || ks[0].Usage != 2 || ks[0].Algorithm != 255 || !ks[0].Confirmed {
		t.Errorf("%+v", ks)
	}
	if cert, err := l.Certificate(ctx, "0a"); err != nil || cert.Reason != 10 {
		t.Errorf("%+v, %v", cert, err)
	}
}

// An answer to a transaction whose card is not there, or one that its procedure cannot
// bear, ends it with fault 900 and is used up, all the same.
func TestAsideUsesUpTheAnswer(t *testing.T) {
	onBoth(t, func(l *lab) {
		for name, tc := range map[string]struct {
			event  mssp.Event
			change string
			detail string
		}{
			"it makes the program fail":  {mssp.EventSetAside, "", "why"},
			"no such card":               {mssp.EventAnswered, "UPDATE tx SET iccid = '8941010000000000999' WHERE id = $1", ""},
			"it cannot be read":          {mssp.EventAnswered, "UPDATE tx SET attempt = -1 WHERE id = $1", ""},
			"nobody knows when it began": {mssp.EventSetAside, "UPDATE tx SET created_at = 0 WHERE id = $1", "why"},
		} {
			first := l.accept(newTx()).Tx
			waits := l.accept(newTx()).Tx
			if tc.change != "" {
				l.sql(tc.change, string(first.ID))
			}
			var j *store.Joined
			for i := range 2 {
				j = l.saveMO(numberB, store.ConcatRef{Ref: uint16(len(name)), Part: i + 1, Total: 2}, "x").Complete
			}
			r := l.finish(store.Finish{TxID: first.ID, Event: tc.event, Detail: tc.detail, At: epoch.Add(time.Second), Joined: j.ID, Status: mssp.Signature, Result: []byte("{}")})
			tx := l.wantState(first.ID, mssp.Failed)
			if !r.Applied || !r.Aside || tx.Damage != "" || tx.Status != mssp.InternalError || tx.Result != nil || tx.Ended != mssp.EventSetAside || tx.CreatedAt.Year() != 2026 {
				l.Errorf("%s: %+v, %+v", name, r, tx)
			}
			if tc.detail != "" && tx.Detail != tc.detail || tx.Detail == "" {
				l.Errorf("%s: its requester hears %q", name, tx.Detail)
			}
			if js, err := l.PendingMO(ctx); err != nil || len(js) != 0 {
				l.Errorf("%s: %d answers pend, %v", name, len(js), err)
			}
			if !slices.Contains(r.Idle, cardA) {
				l.Errorf("%s: idle %v", name, r.Idle)
			}
			d, _, err := l.SealNext(ctx, cardA, epoch, seal)
			if err != nil || d == nil || d.Tx.ID != waits.ID {
				l.Fatalf("%s: next is %+v, %v", name, d, err)
			}
			l.finish(done(waits))
			l.sql("UPDATE tx SET iccid = $1", string(cardA)) // for Check
		}
	})
}

// A queue that is counted though nobody waits holds up nobody.
func TestCountedQueueWithNobody(t *testing.T) {
	l := onSQLite(t)
	tx := l.accept(newTx()).Tx
	l.sql("UPDATE card SET queued = 1 WHERE iccid = $1", string(cardA))
	if r := l.finish(done(tx)); r.Next != nil || r.Failed != nil {
		t.Errorf("%+v", r)
	}
	if d, failed, err := l.SealNext(ctx, cardA, epoch, seal); d != nil || failed != nil || err != nil {
		t.Errorf("%+v, %+v, %v", d, failed, err)
	}
	l.sql("UPDATE card SET queued = 0") // for Check
}

// A mark that says that the requests are of an earlier release is believed when it was
// tagged with the rows, and else told of: nothing is written anew then.
func TestRequestsMark(t *testing.T) {
	for _, ours := range []bool{false, true} {
		l := onSQLite(t)
		alerts := l.alerted(nil)
		l.authenticated()
		tx := l.accept(newTx()).Tx
		mark := []byte("old")
		if ours {
			var err error
			mark, err = l.vault.AppendTag(nil, "mark of requests")
			l.ok(err)
		}
		l.ok(l.SetMeta(ctx, "requests", mark))
		anew := func(*mssp.Transaction) []byte { return []byte("new") }
		n, err := l.AdoptRequests(ctx, func(last []byte) bool { return string(last) == string(tx.Request) }, anew)
		l.ok(err)
		want, request, told := 0, string(tx.Request), []string{"row meta requests: "}
		if ours {
			want, request, told = 1, "new", nil
		}
		if n != want || string(l.transaction(tx.ID).Request) != request || len(*alerts) != len(told) || len(told) > 0 && (*alerts)[0][:len(told[0])] != told[0] {
			t.Errorf("ours %v: %d written, %q, alerts %q", ours, n, l.transaction(tx.ID).Request, *alerts)
		}
		_, err = l.Meta(ctx, "requests")
		l.wantErr("the mark", err, store.ErrNotFound)
	}
}

// All open requests are written anew, however many there are, and only those for which
// there is something new.
func TestAdoptManyRequests(t *testing.T) {
	l := onSQLite(t)
	l.ok(l.AddSubscriber(ctx, mssp.Subscriber{MSISDN: numberA, ICCID: cardA, State: mssp.SubscriberActive}))
	const n = 1001
	for range n {
		l.accept(newTx())
	}
	l.ok(l.SetMeta(ctx, "requests", []byte("old")))
	seen := map[mssp.TransID]int{}
	done, err := l.AdoptRequests(ctx, func([]byte) bool { return true }, func(tx *mssp.Transaction) []byte {
		if seen[tx.ID]++; len(seen)%2 == 0 {
			return nil
		}
		return []byte("new")
	})
	if err != nil || done != n/2+1 || len(seen) != n {
		t.Errorf("%d of %d written, %d seen, %v", done, n, len(seen), err)
	}
	var stored int
	l.ok(l.raw().QueryRow("SELECT COUNT(*) FROM tx WHERE CAST(request AS TEXT) = 'new'").Scan(&stored))
	if stored != done {
		t.Errorf("%d are stored, %d were told", stored, done)
	}
	for limit, want := range map[int]int{-1: 100, 0: 100, 1: 1, 101: 101, n + 1: n} {
		txs, err := l.Transactions(ctx, store.TransactionFilter{Limit: limit})
		if err != nil || len(txs) != want || txs[0].Seq != n {
			t.Errorf("of at most %d there are %d, %v", limit, len(txs), err)
		}
	}
	txs, err := l.Transactions(ctx, store.TransactionFilter{AtCard: true})
	if err != nil || len(txs) != 1 || txs[0].Seq != 1 {
		t.Errorf("at the card: %d, %v", len(txs), err)
	}
}

// Without keys a revoked certificate is listed, whatever else its row says: since 1970
// when nobody can say when it was, and for no reason when that is none.
func TestRevokedWithoutKeys(t *testing.T) {
	since := time.UnixMicro(0).UTC()
	for change, want := range map[string]mssp.Certificate{
		"reason = 1":                      {Reason: 1, RevokedAt: epoch},
		"reason = 10":                     {Reason: 10, RevokedAt: epoch},
		"reason = 11":                     {RevokedAt: since},
		"reason = -1":                     {RevokedAt: since},
		"revoked_at = 0":                  {RevokedAt: since},
		"revoked_at = -1":                 {RevokedAt: since},
		"revoked_at = 1":                  {Reason: 1, RevokedAt: time.UnixMicro(1).UTC()},
		"revoked_at = 253402300799000000": {Reason: 1, RevokedAt: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		"revoked_at = 253402300799000001": {RevokedAt: since},
		"revoked_at = 'x'":                {RevokedAt: since},
	} {
		l := onSQLite(t)
		l.fill()
		l.sql("UPDATE certificate SET " + change)
		_, list, err := l.NextCRL(ctx)
		l.ok(err)
		want.Serial, want.Status = "0a", mssp.CertRevoked
		l.same(change, []mssp.Certificate{want}, list)
	}
}

// Rows whose key is not even a text are held too, each once, however many there are.
func TestHeldRowsOfAnyKey(t *testing.T) {
	l := onSQLite(t)
	l.authenticated()
	l.fill()
	const n = 2001
	l.sql(`WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < $1)
		INSERT INTO certificate (serial, iccid, msisdn, subject, der, status, reason, not_before, not_after, revoked_at, spki_sha256)
		SELECT CAST(printf('f%06d', i) AS BLOB), '', '', '', '', 'valid', 0, 0, 0, 0, i FROM c`, n)
	_, list, err := l.NextCRL(ctx)
	l.ok(err)
	if len(list) != n+1 {
		t.Fatalf("%d on the list", len(list))
	}
	for i, c := range list[1:] {
		if want := fmt.Sprintf("f%06d", i+1); c.Serial != want || c.Status != mssp.CertSuspended {
			t.Fatalf("%+v in the place of %s", c, want)
		}
	}
}

// A tool that only reads gives no row a tag, whatever mark is there.
func TestReadersAdoptNothing(t *testing.T) {
	l := onSQLite(t)
	l.fill()
	v := l.keyed()
	l.ok(l.SetMeta(ctx, "rows", []byte("old")))
	r, err := store.Open(ctx, store.Options{DSN: "sqlite:" + l.dsn, ReadOnly: true})
	l.ok(err)
	defer r.Close()
	if n, err := r.Authenticate(ctx, v); n != 0 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
	_, err = r.AP(ctx, bank)
	l.wantErr("a row without a tag", err, store.ErrAltered)
	if n, err := l.Authenticate(ctx, v); n != 13 || err != nil {
		t.Errorf("who writes adopts %d rows, %v", n, err)
	}
}

// A change that its maker gives up changes nothing, of a card as of all others.
func TestChangeOfACardThatStops(t *testing.T) {
	l := onSQLite(t)
	before, err := l.Card(ctx, cardA)
	l.ok(err)
	_, err = l.ChangeCard(ctx, cardA, func(c *mssp.Card) error { c.State, c.BadPoR = mssp.CardSuspended, 3; return errStop })
	l.wantErr("a change that stops", err, errStop)
	l.wantCard(before)
	_, err = l.ChangeCard(ctx, "8941010000000000999", func(*mssp.Card) error { return errors.New("asked") })
	l.wantErr("no such card", err, store.ErrNotFound)
	after, err := l.ChangeCard(ctx, cardA, func(c *mssp.Card) error { c.ICCID = cardB; c.BadPoR = 3; return nil })
	l.ok(err)
	before.BadPoR, before.Version = 3, before.Version+1
	l.same("the card keeps its number", before, after)
	l.wantCard(before)
}
