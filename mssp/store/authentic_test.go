package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/keys"
)

// keyed gives the store of a laboratory the keys of an installation.
func (l *lab) keyed() *keys.Vault {
	l.Helper()
	root, err := keys.NewRoot()
	l.ok(err)
	v, err := keys.OpenVault(ctx, root, l.Store, epoch)
	l.ok(err)
	return v
}

// raw is the database itself.
func (l *lab) raw() *sql.DB {
	l.Helper()
	driver := "sqlite"
	if strings.HasPrefix(l.dsn, "postgres") {
		driver = "pgx"
	}
	db, err := sql.Open(driver, l.dsn)
	l.ok(err)
	l.Cleanup(func() { db.Close() })
	return db
}

// decides are rows that decide, and how they are read.
func (l *lab) decides() map[string]func() error {
	return map[string]func() error{
		"ap":          func() error { _, err := l.AP(ctx, bank); return err },
		"card":        func() error { _, err := l.Card(ctx, cardA); return err },
		"subscriber":  func() error { _, _, _, err := l.Lookup(ctx, numberA); return err },
		"key_pair":    func() error { _, _, _, err := l.Lookup(ctx, numberA); return err },
		"certificate": func() error { _, err := l.Certificate(ctx, "0a"); return err },
	}
}

func (l *lab) fill() {
	l.Helper()
	l.ok(l.AddAP(ctx, mssp.AP{ID: bank, Name: "Bank", PasswordHash: "x", Profiles: []string{"urn:p"}, Prefixes: []string{"4179"}}))
	l.ok(l.AddSubscriber(ctx, mssp.Subscriber{MSISDN: numberA, ICCID: cardA, Name: "Anna", Serial: "S1", Language: "en", State: mssp.SubscriberActive}))
	l.ok(l.PutKeyPairs(ctx, []mssp.KeyPair{{ICCID: cardA, Slot: 1, Usage: 1, Algorithm: 17, State: mssp.KeyRegistered, PublicKey: []byte{1}, Serial: "0a", CertDER: []byte{2}, CSR: []byte{3}}}))
	l.ok(l.AddCertificate(ctx, mssp.Certificate{Serial: "0a", ICCID: cardA, MSISDN: numberA, Subject: "CN=Anna", NotBefore: epoch, NotAfter: epoch.Add(time.Hour), KeyHash: "ab"}))
	l.ok(l.ConfirmCertificate(ctx, "0a", []byte{2}))
	_, err := l.SetCertStatus(ctx, "0a", mssp.CertRevoked, 1, epoch)
	l.ok(err)
}

// Each column of a row that decides is under its tag, on both engines: whatever
// is written there by hand, nothing is decided by it. What the store writes
// itself stays good.
func TestAuthenticRows(t *testing.T) {
	onBoth(t, func(l *lab) {
		v := l.keyed()
		_, err := l.Authenticate(ctx, v)
		l.ok(err)
		_, err = l.AdoptAltered(ctx) // cards of the laboratory, which it imported without keys
		l.ok(err)
		l.fill()
		db := l.raw()
		for table, read := range l.decides() {
			if err := read(); err != nil {
				t.Errorf("%s: %v", table, err)
			}
			rows, err := db.Query("SELECT * FROM " + table)
			l.ok(err)
			columns, err := rows.Columns()
			l.ok(errors.Join(err, rows.Close()))
			for _, c := range columns {
				if map[string]bool{"busy_tx": true, "queued": true, "holder": true, "csr": true}[c] || c == "iccid" && table != "certificate" || c == "msisdn" && table == "subscriber" || (c == "id" || c == "serial") && table != "key_pair" && table != "subscriber" || c == "slot" {
					continue // not under the tag, or it names the row: then it is not found
				}
				l.rewrite(db, table, c, read)
			}
		}
	})
}

// rewrite writes another value into a column, wants it refused, and puts it back.
func (l *lab) rewrite(db *sql.DB, table, column string, read func() error) {
	l.Helper()
	where := map[string]string{"card": " WHERE iccid = '" + string(cardA) + "'"}[table]
	var was any
	l.ok(db.QueryRow("SELECT " + column + " FROM " + table + where).Scan(&was))
	var now any
	switch v := was.(type) {
	case int64:
		now = v ^ 1
	case string:
		if now = v + "x"; strings.HasPrefix(v, "[") {
			now = `["urn:other"]`
		}
	case []byte:
		now = append([]byte{0xFF}, v...)
	}
	_, err := db.Exec("UPDATE "+table+" SET "+column+" = $1"+where, now)
	l.ok(err)
	if err := read(); err == nil {
		l.Errorf("%s.%s may be changed by hand", table, column)
	}
	_, err = db.Exec("UPDATE "+table+" SET "+column+" = $1"+where, was)
	l.ok(err)
	if err := read(); err != nil {
		l.Errorf("%s.%s put back: %v", table, column, err)
	}
}

// Rows of the release before are taken over once; a mark that comes back is not
// believed, and a row without a tag is refused.
func TestRowsAreAdoptedOnce(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.fill() // without keys, as by the release before
		end := l.accept(newTx()).Tx
		l.finish(done(end))
		db := l.raw()
		mark := func() {
			_, err := db.Exec("INSERT INTO meta (name, value) VALUES ('rows', $1)", []byte("old"))
			l.ok(err)
		}
		mark()
		v := l.keyed()
		n, err := l.Authenticate(ctx, v)
		if err != nil || n != 7 {
			l.Fatalf("%d rows, %v", n, err)
		}
		for table, read := range l.decides() {
			if err := read(); err != nil {
				t.Errorf("%s: %v", table, err)
			}
		}
		if tx := l.wantState(end.ID, mssp.Done); tx.Damage != "" || len(tx.Result) == 0 {
			t.Errorf("the end of a transaction is gone: %s", tx.Damage)
		}
		_, err = db.Exec("UPDATE ap SET name = 'Mallory', tag = NULL")
		l.ok(err)
		_, err = db.Exec("UPDATE tx SET tag = NULL, ap = 'http://evil.example'")
		l.ok(err)
		mark()
		if n, err = l.Authenticate(ctx, v); n != 0 || err != nil {
			t.Errorf("%d rows are taken over again, %v", n, err)
		}
		_, err = l.AP(ctx, bank)
		l.wantErr("a provider without a tag", err, store.ErrAltered)
		if tx := l.transaction(end.ID); tx.Damage == "" || tx.Result != nil || tx.Status != mssp.InternalError {
			t.Errorf("the end of somebody else is handed out: %+v", tx)
		}
	})
}

// Every member of a transaction that says what is given to whom is under the tag
// of its end: another value in any other column but these is refused.
func TestEndsAreAuthentic(t *testing.T) {
	onBoth(t, func(l *lab) {
		_, err := l.Authenticate(ctx, l.keyed())
		l.ok(err)
		_, err = l.AdoptAltered(ctx)
		l.ok(err)
		tx := l.accept(newTx()).Tx
		l.finish(done(tx))
		db := l.raw()
		read := func() error {
			if tx := l.transaction(tx.ID); tx.Damage != "" {
				return errors.New(tx.Damage)
			}
			return nil
		}
		for _, c := range []string{"kind", "ap", "ap_trans_id", "instant", "request_hash", "msisdn", "iccid", "mode", "profile", "state", "status", "detail", "created_at", "finished_at", "result", "observer", "ended", "ended_by", "tag"} {
			l.rewrite(db, "tx", c, read)
		}
	})
}

// Inspect reads every table without a fault of its own, whatever stands there.
func TestInspectHostile(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 13))
	for i := range 20 {
		l := &lab{T: t, dsn: filepath.Join(t.TempDir(), fmt.Sprintf("%d.db", i))}
		l.open()
		defer l.Close()
		importCard(t, l.Store, cardA)
		_, err := l.Authenticate(ctx, l.keyed())
		l.ok(err)
		_, err = l.AdoptAltered(ctx)
		l.ok(err)
		l.fill()
		l.finish(done(l.accept(newTx()).Tx))
		found := 0
		look := func() {
			found = 0
			_, err := l.Inspect(ctx, store.Inspection{Report: func(store.Finding) { found++ }})
			l.ok(err)
		}
		if look(); found != 0 {
			t.Fatalf("%d faults in good rows", found)
		}
		db := l.raw()
		at := []string{"tx.deadline", "ap.disabled", "certificate.status", "keyset.kvn", "packet.cntr", "segment.state", "tx.result", "card.codes"}[i%8]
		table, column, _ := strings.Cut(at, ".")
		_, err = db.Exec("UPDATE "+table+" SET "+column+" = $1", []any{-1 - r.Int64N(1<<40), "\xffx", []byte{1}}[r.IntN(3)])
		l.ok(err)
		if look(); found == 0 {
			t.Errorf("%s: nobody notices", at)
		}
	}
}
