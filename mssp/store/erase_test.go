package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer"
)

const secretText = "Pay 4711 EUR to Mallory"

// ended is a transaction that has ended in a signature, with everything that can be erased.
func (l *lab) ended() mssp.Transaction {
	l.Helper()
	tx := newTx()
	tx.Request, tx.INT6 = []byte(secretText+" request"), []byte(secretText+" int6")
	r := l.accept(tx)
	f := done(tx)
	f.Result = []byte(`{"result":"` + secretText + ` result"}`)
	f.MO = &bearer.MO{Source: tx.MSISDN, UD: []byte(secretText + " answer")}
	f.At = epoch
	l.finish(f)
	return l.transaction(r.Tx.ID)
}

func (l *lab) erase(keep store.Retention) (sum store.Erased) {
	l.Helper()
	sum = store.Erased{}
	for more := true; more; {
		var gone store.Erased
		var err error
		gone, more, err = l.Erase(ctx, keep, l.turn())
		l.ok(err)
		for k, n := range gone {
			sum[k] += n
		}
	}
	return sum
}

// turn is that of the only box, forty days later.
func (l *lab) turn() store.Turn {
	t, _, err := l.Turn(ctx, store.Machine{Now: epoch.Add(40 * 24 * time.Hour), Known: true})
	l.ok(err)
	return t
}

// one is a Retention that keeps all but one kind.
func one(kind mssp.Erasable, before time.Time) (keep store.Retention) {
	name := string(kind)
	reflect.ValueOf(&keep).Elem().FieldByName(strings.ToUpper(name[:1]) + name[1:]).Set(reflect.ValueOf(before))
	return keep
}

// Each kind goes alone when its time has come, not earlier; the row says so, and
// it is no damage.
func TestEraseByKind(t *testing.T) {
	columns := map[mssp.Erasable]string{
		mssp.Texts: "request int6 request_hash", mssp.Octets: "mo", mssp.Signatures: "result", mssp.Numbers: "msisdn iccid",
	}
	for kind, blank := range columns {
		t.Run(string(kind), func(t *testing.T) {
			onBoth(t, func(l *lab) {
				l.authenticated()
				was := l.ended()
				open := l.accept(newTx()).Tx
				if gone := l.erase(one(kind, epoch)); len(gone) != 0 {
					l.Fatalf("%v went too early", gone)
				}
				want := store.Erased{kind: 1}
				if kind == mssp.Texts {
					want[mssp.Repeat] = 1
				}
				if gone := l.erase(one(kind, epoch.Add(time.Microsecond))); !reflect.DeepEqual(gone, want) {
					l.Fatalf("%v went", gone)
				}
				if gone := l.erase(one(kind, epoch.Add(time.Hour))); len(gone) != 0 {
					l.Errorf("%v went again", gone)
				}
				db := l.raw()
				for _, c := range columns {
					for c := range strings.FieldsSeq(c) {
						var n int
						l.ok(db.QueryRow("SELECT LENGTH("+c+") FROM tx WHERE seq = $1", was.Seq).Scan(&n))
						if (n == 0) != strings.Contains(" "+blank+" ", " "+c+" ") {
							l.Errorf("%s has %d octets", c, n)
						}
						l.ok(db.QueryRow("SELECT LENGTH("+c+") FROM tx WHERE seq = $1", open.Seq).Scan(&n))
						if n == 0 && c != "mo" && c != "result" {
							l.Errorf("%s of an open transaction is gone", c)
						}
					}
				}
				tx := l.transaction(was.ID)
				x, ok := tx.Erased.Of(kind)
				if tx.Damage != "" || tx.State != mssp.Done || !ok || x.Why != mssp.ByRetention || !x.At.Equal(epoch.Add(40*24*time.Hour)) {
					l.Errorf("%q, %s, %v, %v", tx.Damage, tx.State, x, ok)
				}
				if out, err := l.Segments(ctx, was.ID); err != nil || (len(out) == 0) != (kind == mssp.Octets) {
					l.Errorf("%d segments, %v", len(out), err)
				}
			})
		})
	}
}

// What says of itself that it was erased, and was not by us, is damage; and what was
// damaged does not become good by being erased.
func TestEraseIsAuthentic(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.authenticated()
		forged, changed, bad := l.ended(), l.ended(), l.ended()
		db := l.raw()
		exec := func(sql string, args ...any) {
			_, err := db.Exec(sql, args...)
			l.ok(err)
		}
		exec("UPDATE tx SET erased = $2 WHERE seq = $1", forged.Seq, string(mssp.Erased("").Add(mssp.Signatures, epoch, mssp.ByRetention)))
		exec("UPDATE tx SET ap = 'urn:mallory' WHERE seq = $1", changed.Seq)
		// Already such as a damaged row is shown: a tag of what is shown would fit.
		as := l.transaction(changed.ID)
		exec("UPDATE tx SET state = $2, status = $3, detail = $4 WHERE seq = $1", changed.Seq, string(as.State), int(as.Status), as.Detail)
		exec("UPDATE tx SET version = -3 WHERE seq = $1", bad.Seq)
		later := epoch.Add(time.Hour)
		good := l.ended()
		if gone := l.erase(store.Retention{Texts: later, Octets: later, Signatures: later, Numbers: later, Repeat: later}); gone[mssp.Texts] != 4 {
			l.Errorf("%v", gone)
		}
		for _, tx := range []mssp.Transaction{forged, changed, bad} {
			if now := l.transaction(tx.ID); now.Damage == "" {
				l.Errorf("%d has become good", tx.Seq)
			}
		}
		if now := l.transaction(good.ID); now.Damage != "" || len(now.Erased.List()) != 5 {
			l.Errorf("%q %q", now.Damage, now.Erased)
		}
	})
}

// Of each card the newest packet stays: its counter is used once.
func TestEraseKeepsTheCounter(t *testing.T) {
	onBoth(t, func(l *lab) {
		first, second := l.ended(), l.ended()
		if gone := l.erase(one(mssp.Numbers, epoch.Add(time.Hour))); gone[mssp.Numbers] != 2 {
			l.Fatalf("%v", gone)
		}
		var n, cntr, of int
		l.ok(l.raw().QueryRow("SELECT COUNT(*), MAX(cntr), MAX(tx_seq) FROM packet").Scan(&n, &cntr, &of))
		if n != 1 || cntr != 2 || of != 0 {
			l.Errorf("%d packets, the last counter %d, of transaction %d (%d, %d)", n, cntr, of, first.Seq, second.Seq)
		}
	})
}

// files are the octets of a database on this disk.
func (l *lab) files() (b []byte) {
	l.Helper()
	names, err := filepath.Glob(l.dsn + "*")
	l.ok(err)
	for _, n := range names {
		x, err := os.ReadFile(n)
		l.ok(err)
		b = append(b, x...)
	}
	return b
}

// What is erased is in no file any more, the log included.
func TestErasedLeavesTheFiles(t *testing.T) {
	l := onSQLite(t)
	var txs []mssp.Transaction
	for range 300 { // several batches; rows on shared and on own pages
		txs = append(txs, l.ended())
	}
	l.reopen()
	what := []string{secretText, string(numberA), string(cardA), string(txs[7].ID) + " "}
	for _, s := range what {
		if !strings.Contains(string(l.files()), s) {
			t.Fatalf("%q is not there before", s)
		}
	}
	later := epoch.Add(time.Hour)
	l.erase(store.Retention{Texts: later, Octets: later, Signatures: later, Numbers: later, Repeat: later})
	l.ok(l.Scrub(ctx))
	for _, s := range what {
		if s == string(cardA) {
			continue // the card itself stays
		}
		if n := strings.Count(string(l.files()), s); n != 0 {
			t.Errorf("%q is there %d times", s, n)
		}
	}
}

// Everything of one person goes, whatever retention says, and nothing of another's.
func TestEraseUser(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.authenticated()
		l.fill()
		mine := l.ended()
		other := newTx()
		other.MSISDN, other.ICCID = numberB, cardB
		l.accept(other)
		f := done(other)
		f.At = epoch
		l.finish(f)
		err := l.EraseUser(ctx, numberA, epoch)
		l.ok(err)
		for more := true; more; {
			_, more, err = l.EraseMarked(ctx, epoch)
			l.ok(err)
		}
		if tx := l.transaction(mine.ID); tx.Damage != "" || tx.MSISDN != "" || tx.ICCID != "" || len(tx.Result)+len(tx.Request)+len(tx.INT6) != 0 || len(tx.RequestHash) == 0 {
			l.Errorf("%+v", tx)
		}
		if tx := l.transaction(other.ID); tx.MSISDN != numberB || tx.Erased != "" || len(tx.Result) == 0 {
			l.Errorf("of another: %+v", tx)
		}
		_, _, _, err = l.Lookup(ctx, numberA)
		l.wantErr("the user", err, store.ErrNotFound)
		var cards, names int
		l.ok(l.raw().QueryRow("SELECT COUNT(*) FROM card WHERE iccid = $1", string(cardA)).Scan(&cards))
		if cards != 1 {
			l.Error("the card is gone")
		}
		c, err := l.Certificate(ctx, "0a")
		if err != nil || c.Status != mssp.CertRevoked || c.RevokedAt.IsZero() || c.MSISDN != "" || c.ICCID != "" || c.Subject != "" || len(c.DER) != 0 {
			l.Errorf("the certificate: %+v, %v", c, err)
		}
		l.ok(l.raw().QueryRow("SELECT COUNT(*) FROM key_pair WHERE LENGTH(cert_der) + LENGTH(csr) + LENGTH(public_key) > 0").Scan(&names))
		if names != 0 {
			l.Error("a key still has its certificate")
		}
		if old, err := l.Earlier(ctx, store.RequestOf(&mine)); err == nil && old.ID != mine.ID {
			l.Errorf("a repeat is %v", old.ID)
		}
		// A day later the hash goes too.
		if gone := l.erase(one(mssp.Repeat, epoch.Add(time.Hour))); gone[mssp.Repeat] != 1 {
			l.Errorf("%v", gone)
		}
	})
}

// An open transaction keeps its user, and says so.
func TestEraseUserWhoIsAsked(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.fill()
		tx := l.accept(newTx()).Tx
		l.wantErr("erased while he is asked", l.EraseUser(ctx, numberA, epoch), store.ErrOpen)
		if _, more, err := l.EraseMarked(ctx, epoch); err != nil || more {
			l.Errorf("%v %v", more, err)
		}
		l.wantState(tx.ID, mssp.Sending)
	})
}

// An erasure that was cut off after any of its commits is finished by the next process.
func TestEraseUserGoesOn(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.fill()
		const n = 150
		for range n {
			l.ended()
		}
		l.ok(l.EraseUser(ctx, numberA, epoch))
		sum, restarts := int64(0), 0
		for more := true; more; restarts++ {
			l.reopen()
			gone, again, err := l.EraseMarked(ctx, epoch)
			l.ok(err)
			sum, more = sum+gone[mssp.Numbers], again
		}
		if sum != n || restarts < 3 {
			l.Errorf("%d in %d commits", sum, restarts)
		}
		var left int
		l.ok(l.raw().QueryRow(fmt.Sprintf("SELECT (SELECT COUNT(*) FROM tx WHERE msisdn = '%[1]s') + (SELECT COUNT(*) FROM erasure) + (SELECT COUNT(*) FROM subscriber WHERE msisdn = '%[1]s')", numberA)).Scan(&left))
		if left != 0 {
			l.Errorf("%d rows are left", left)
		}
	})
}

// While everything old is erased, live transactions begin and end as ever, and what
// has not ended loses nothing.
func TestEraseBesideLiveOnes(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.authenticated()
		for range 150 {
			l.ended()
		}
		later := epoch.Add(500 * time.Millisecond) // what ends from here on ends later
		var live []mssp.TransID
		failed := make(chan error, 1)
		var wg sync.WaitGroup
		wg.Go(func() {
			for more := true; more; {
				var err error
				if _, more, err = l.Erase(ctx, store.Retention{Texts: later, Octets: later, Signatures: later, Numbers: later}, l.turn()); err != nil {
					failed <- err
					return
				}
			}
		})
		for range 50 {
			tx := newTx()
			l.accept(tx)
			l.finish(done(tx))
			live = append(live, tx.ID)
		}
		open := l.accept(newTx()).Tx
		wg.Wait()
		select {
		case err := <-failed:
			l.Fatal(err)
		default:
		}
		for _, id := range live {
			if tx := l.transaction(id); tx.Erased != "" || tx.Damage != "" || len(tx.Result) == 0 || tx.MSISDN != numberA {
				l.Fatalf("%+v", tx)
			}
		}
		if tx := l.transaction(open.ID); tx.Erased != "" || len(tx.Request) == 0 {
			l.Errorf("%+v", tx)
		}
		if gone, more, err := l.Erase(ctx, store.Retention{Numbers: later}, l.turn()); err != nil || more || len(gone) != 0 {
			l.Errorf("left: %v %v %v", gone, more, err)
		}
	})
}
