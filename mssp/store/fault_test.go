package store_test

import (
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// call makes a state in which a method has something to do, and is the method.
type call func() func() error

// Whichever statement of a method fails, the method says so, and nothing has
// changed; the same when what it reads is no row of ours. When nothing fails it
// does what it is there for.
func TestEveryStatementMayFail(t *testing.T) {
	for _, of := range []func(*lab) map[string]call{
		(*lab).recordCalls, (*lab).keyCalls, (*lab).transactionCalls, (*lab).endCalls, (*lab).outboxCalls, (*lab).inboundCalls, (*lab).otherCalls,
	} {
		l := onSQLite(t)
		l.authenticated()
		db, calls := l.raw(), of(l)
		for _, name := range slices.Sorted(maps.Keys(calls)) {
			for _, row := range []bool{false, true} {
				l.failing(db, name, row, calls[name])
			}
		}
	}
}

// Where those of all sources have too many octets, who has most gives up a set.
func TestRoomOfAllMayFail(t *testing.T) {
	l := onSQLite(t)
	l.ok(l.Close())
	s, err := store.Open(ctx, store.Options{DSN: l.dsn, MaxPending: 500, Clock: func() time.Time { return epoch }})
	l.ok(err)
	l.Store = s
	db, ref := l.raw(), uint16(0)
	save := func(source sms.MSISDN) error {
		ref++
		return nothing(l.SaveMO(ctx, bearer.MO{Source: source, UD: make([]byte, 100)}, store.ConcatRef{Ref: ref, Part: 1, Total: 2}))
	}
	for _, row := range []bool{false, true} {
		l.failing(db, "SaveMO beside too many of another", row, func() func() error {
			for range 5 {
				l.ok(save(numberB))
			}
			return func() error { return save(numberA) }
		})
	}
}

// overlooks are calls that go on when the row of a pair is not ours: a certificate is
// suspended and revoked all the same, and nobody signs with such a pair.
var overlooks = map[string]bool{"SetCertStatus of a pair": true, "ChangeSituation": true, "ChangeWithPair": true, "MoveToCard": true, "read Situation of who has moved": true}

// failing makes one statement of a method fail after the other.
func (l *lab) failing(db *sql.DB, name string, row bool, c call) {
	l.Helper()
	do := c()
	before := l.commits(db)
	for at := 1; at < 200; at++ {
		f := &store.Fault{At: at, Row: row}
		err := l.With(f, do)
		after := l.commits(db)
		switch {
		case !f.Happened() && err != nil:
			l.Fatalf("%s: %v", name, err)
		case f.Over():
			if after == before && !strings.HasPrefix(name, "read ") {
				l.Errorf("%s: nothing was to be done", name)
			}
			return
		case !f.Happened(): // the statement has no row, or nobody looks at it
			do = c()
			after = l.commits(db)
		case row && err == nil && overlooks[name]:
			do = c()
			after = l.commits(db)
		case row && !errors.Is(err, store.ErrAltered), !row && !errors.Is(err, store.ErrBroken):
			l.Errorf("%s: statement %d, its row %v: error %v", name, at, row, err)
		case strings.HasSuffix(name, " in steps"): // some of them are done
			do = c()
			after = l.commits(db)
		case after != before:
			l.Errorf("%s: statement %d, its row %v, and something was committed", name, at, row)
		}
		before = after
	}
	l.Fatalf("%s: no end of statements", name)
}

// commits changes with every commit that writes anything.
func (l *lab) commits(db *sql.DB) (n int64) {
	l.Helper()
	l.ok(db.QueryRow("PRAGMA data_version").Scan(&n))
	return n
}
