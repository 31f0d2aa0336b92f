package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

// pairs are how many times two do the same thing at the same moment.
const pairs = 20

// atOnce runs two functions side by side and answers their errors.
func atOnce(a, b func() error) (errs [2]error) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i, f := range []func() error{a, b} {
		wg.Go(func() {
			<-start
			errs[i] = f()
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// loser is the error of the one of two that has not succeeded.
func (l *lab) loser(errs [2]error) error {
	l.Helper()
	switch {
	case errs[0] == nil && errs[1] != nil:
		return errs[1]
	case errs[1] == nil && errs[0] != nil:
		return errs[0]
	}
	l.Fatalf("of two exactly one must succeed: %v", errs)
	return nil
}

// Of two who want one card, or one number, one gets it; the other is told who has it.
func TestOneSubscriberACard(t *testing.T) {
	onBoth(t, func(l *lab) {
		for i := range pairs {
			for what, want := range map[string][2]mssp.Subscriber{
				"one card":   {{MSISDN: num(i, 1), ICCID: iccid(i, 1)}, {MSISDN: num(i, 2), ICCID: iccid(i, 1)}},
				"one number": {{MSISDN: num(i, 3), ICCID: iccid(i, 3)}, {MSISDN: num(i, 3), ICCID: iccid(i, 4)}},
			} {
				for k := range want {
					want[k].State, want[k].CreatedAt = mssp.SubscriberActive, epoch
					l.ok(l.ImportCard(ctx, mssp.Card{ICCID: want[k].ICCID}, nil))
				}
				errs := atOnce(
					func() error { return l.AddSubscriber(ctx, want[0]) },
					func() error { return l.AddSubscriber(ctx, want[1]) },
				)
				there, ok := errors.AsType[*store.Existing[mssp.Subscriber]](l.loser(errs))
				if !ok || !errors.Is(there, store.ErrExists) {
					l.Fatalf("%s: %v", what, errs)
				}
				winner := want[0]
				if errs[0] != nil {
					winner = want[1]
				}
				winner.Version = 1
				l.same(what+": who has it", winner, there.Row)
			}
		}
		// A card that its subscriber has left is free.
		gone, err := l.ChangeSubscriber(ctx, num(0, 3), func(u *mssp.Subscriber) error { u.State = mssp.SubscriberRemoved; return nil })
		l.ok(err)
		l.ok(l.AddSubscriber(ctx, mssp.Subscriber{MSISDN: num(0, 5), ICCID: gone.ICCID, State: mssp.SubscriberActive}))
		_, err = l.ChangeSubscriber(ctx, num(0, 3), func(u *mssp.Subscriber) error { u.State = mssp.SubscriberActive; return nil })
		there, ok := errors.AsType[*store.Existing[mssp.Subscriber]](err)
		if !ok || there.Row.MSISDN != num(0, 5) {
			l.Errorf("a second subscriber by a change: %v", err)
		}
	})
}

func num(i, k int) sms.MSISDN { return sms.MSISDN(fmt.Sprintf("4179%04d%03d", i, k)) }

func iccid(i, k int) ota.ICCID { return ota.ICCID(fmt.Sprintf("89410100%07d%04d", i, k)) }

// What is made once is made once: a provider, a key set, a document, a
// key-encryption key.
func TestMadeOnce(t *testing.T) {
	onBoth(t, func(l *lab) {
		for i := range pairs {
			id := mssp.APID(fmt.Sprintf("ap://%d", i))
			err := l.loser(atOnce(
				func() error { return l.AddAP(ctx, mssp.AP{ID: id, Name: "A"}) },
				func() error { return l.AddAP(ctx, mssp.AP{ID: id, Name: "B"}) },
			))
			if there, ok := errors.AsType[*store.Existing[mssp.AP]](err); !ok || there.Row.Name == "" {
				l.Fatalf("provider: %v", err)
			}
			have, err := l.AP(ctx, id)
			l.ok(err)
			if have.Version != 1 {
				l.Errorf("a provider was overwritten: %+v", have)
			}
			imported := func(counter byte) func() error {
				c, ks := mssp.Card{ICCID: iccid(i, 1)}, mssp.KeySet{KVN: 3, Keys: []byte{1}, Counter: []byte{counter}}
				return func() error { return l.ImportCard(ctx, c, []mssp.KeySet{ks}) }
			}
			there, ok := errors.AsType[*store.Existing[mssp.KeySet]](l.loser(atOnce(imported(1), imported(2))))
			if !ok || there.Row.KVN != 3 || there.Row.ICCID != iccid(i, 1) || there.Row.Keys != nil {
				l.Fatalf("key set: %+v", there)
			}
			name := fmt.Sprint("document ", i)
			doc, ok := errors.AsType[*store.Existing[[]byte]](l.loser(atOnce(
				func() error { return l.AddMeta(ctx, name, []byte("a")) },
				func() error { return l.AddMeta(ctx, name, []byte("b")) },
			)))
			if now, err := l.Meta(ctx, name); !ok || err != nil || string(now) != string(doc.Row) {
				l.Fatalf("document: %v, %v", doc, err)
			}
			kek := func(octet byte) func() error {
				return func() error { return l.AddKEK(ctx, keys.WrappedKEK{ID: uint32(100 + i), Blob: []byte{octet}}) }
			}
			errs := atOnce(kek(1), kek(2))
			l.wantErr("key-encryption key", l.loser(errs), store.ErrExists)
			keks, err := l.KEKs(ctx)
			l.ok(err)
			if last := keks[len(keks)-1]; last.Blob[0] == 1 != (errs[0] == nil) {
				l.Errorf("the key-encryption key of the second is there: %v, %v", last, errs)
			}
		}
	})
}

// Nobody's change is lost, however many make theirs at once.
func TestNoLostChange(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.ok(l.AddSubscriber(ctx, mssp.Subscriber{MSISDN: numberA, ICCID: cardA, State: mssp.SubscriberActive}))
		l.ok(l.AddAP(ctx, mssp.AP{ID: bank}))
		const n = 16
		var wg sync.WaitGroup
		errs := make([]error, 4*n)
		for i := range n {
			wg.Go(func() {
				_, errs[4*i] = l.ChangeCard(ctx, cardA, func(c *mssp.Card) error { c.BadPoR++; return nil })
			})
			wg.Go(func() {
				_, errs[4*i+1] = l.ChangeSubscriber(ctx, numberA, func(u *mssp.Subscriber) error { u.Name += "x"; return nil })
			})
			wg.Go(func() {
				_, errs[4*i+2] = l.ChangeAP(ctx, bank, func(ap *mssp.AP) error { ap.Name += "x"; return nil })
			})
			wg.Go(func() {
				errs[4*i+3] = l.ChangeKeySets(ctx, cardA, func(_ mssp.Card, sets []mssp.KeySet) error { sets[0].Counter[7]++; return nil })
			})
		}
		wg.Wait()
		l.ok(errors.Join(errs...))
		u, c, _, err := l.Lookup(ctx, numberA)
		l.ok(err)
		ap, err := l.AP(ctx, bank)
		l.ok(err)
		ks, err := l.KeySet(ctx, cardA, 1)
		l.ok(err)
		if c.BadPoR != n || len(u.Name) != n || len(ap.Name) != n || ks.Counter[7] != n {
			l.Errorf("of %d changes each there are %d, %d, %d, %d", n, c.BadPoR, len(u.Name), len(ap.Name), ks.Counter[7])
		}
		if c.Version != n+1 || u.Version != n+1 || ap.Version != n+1 {
			l.Errorf("versions %d, %d, %d after %d changes", c.Version, u.Version, ap.Version, n)
		}
	})
}

// A key slot is written by whoever has seen what is in it.
func TestKeyPairVersions(t *testing.T) {
	onBoth(t, func(l *lab) {
		put := func(k mssp.KeyPair) error { return l.PutKeyPairs(ctx, []mssp.KeyPair{k}) }
		slot := func(n byte, version int64, serial string) mssp.KeyPair {
			return mssp.KeyPair{ICCID: cardA, Slot: n, State: mssp.KeyGenerated, Serial: serial, Version: version, UpdatedAt: epoch}
		}
		for n := range byte(pairs) {
			claim := func(serial string) func() error {
				return func() error { return put(slot(n, store.Absent, serial)) }
			}
			now, ok := errors.AsType[*store.Changed[mssp.KeyPair]](l.loser(atOnce(claim("a"), claim("b"))))
			if !ok || now.Row.Version != 1 || now.Row.Slot != n {
				l.Fatalf("an empty slot for two: %+v", now)
			}
			change := func(serial string) func() error { return func() error { return put(slot(n, 1, serial)) } }
			now, ok = errors.AsType[*store.Changed[mssp.KeyPair]](l.loser(atOnce(change("c"), change("d"))))
			if !ok || now.Row.Version != 2 || !errors.Is(now, store.ErrChanged) {
				l.Fatalf("a slot that two have read: %+v", now)
			}
		}
		l.ok(put(slot(1, 0, "the card says so")))
		l.wantErr("all or nothing", l.PutKeyPairs(ctx, []mssp.KeyPair{slot(2, 2, "e"), slot(3, 1, "e")}), store.ErrChanged)
		gone := slot(4, 2, "")
		gone.State = mssp.KeyDeleted
		l.ok(put(gone))
		l.ok(put(slot(4, store.Absent, "new")))
		ks, err := l.KeyPairs(ctx, cardA)
		l.ok(err)
		for n, want := range map[int]mssp.KeyPair{1: slot(1, 3, "the card says so"), 4: slot(4, 4, "new")} {
			l.same("slot", want, ks[n])
		}
		if ks[2].Version != 2 || ks[2].Serial == "e" {
			l.Errorf("half of what was refused is there: %+v", ks[2])
		}
	})
}

// An answer whose facts rest on a key that somebody has changed meanwhile ends
// nothing; evaluated anew it does.
func TestFinishOnAChangedKey(t *testing.T) {
	onBoth(t, func(l *lab) {
		tx := l.accept(newTx()).Tx
		k := mssp.KeyPair{ICCID: cardA, Slot: 1, State: mssp.KeyRegistered, Serial: "0a", UpdatedAt: epoch}
		l.ok(l.PutKeyPairs(ctx, []mssp.KeyPair{k}))
		read := k
		read.Version, read.Confirmed = 1, true
		k.Version, k.Serial = 1, "0b"
		l.ok(l.PutKeyPairs(ctx, []mssp.KeyPair{k}))
		fin := done(tx)
		fin.Keys = []mssp.KeyPair{read}
		_, err := l.Finish(ctx, fin, seal)
		now, ok := errors.AsType[*store.Changed[mssp.KeyPair]](err)
		if !ok || now.Row.Serial != "0b" {
			l.Fatalf("%v", err)
		}
		l.wantState(tx.ID, mssp.Sending)
		again := now.Row
		again.Confirmed = true
		fin.Keys = []mssp.KeyPair{again}
		if r := l.finish(fin); !r.Applied {
			l.Error("not applied")
		}
		ks, err := l.KeyPairs(ctx, cardA)
		l.ok(err)
		again.Version++
		l.same("keys", []mssp.KeyPair{again}, ks)
	})
}

// A key has one certificate.
func TestOneCertificateAKey(t *testing.T) {
	onBoth(t, func(l *lab) {
		cert := func(serial, key string) mssp.Certificate {
			return mssp.Certificate{Serial: serial, KeyHash: key, Status: mssp.CertPending, NotBefore: epoch, NotAfter: epoch.AddDate(1, 0, 0)}
		}
		issue := func(c mssp.Certificate) error {
			if err := l.AddCertificate(ctx, c); err != nil {
				return err
			}
			return l.ConfirmCertificate(ctx, c.Serial, []byte{0x30})
		}
		for i := range pairs {
			key := fmt.Sprint("key ", i)
			a, b := cert(fmt.Sprintf("%04xa", i), key), cert(fmt.Sprintf("%04xb", i), key)
			err := l.loser(atOnce(func() error { return issue(a) }, func() error { return issue(b) }))
			if !errors.Is(err, store.ErrExists) && !errors.Is(err, store.ErrChanged) {
				l.Fatalf("two for one key: %v", err)
			}
			valid := 0
			for _, c := range []mssp.Certificate{a, b} {
				if have, err := l.Certificate(ctx, c.Serial); err == nil && have.Status == mssp.CertValid {
					valid++
				}
			}
			if valid != 1 {
				l.Fatalf("%d valid certificates for a key", valid)
			}
		}
		// One that was never confirmed gives way; its owner finds it changed.
		l.ok(l.AddCertificate(ctx, cert("01", "k")))
		l.ok(issue(cert("02", "k")))
		now, ok := errors.AsType[*store.Changed[mssp.Certificate]](l.ConfirmCertificate(ctx, "01", nil))
		if !ok || now.Row.Status != mssp.CertRevoked || now.Row.Reason != 4 {
			l.Errorf("the first of two: %+v", now)
		}
		// A serial number is given once: nothing gives way to it.
		l.ok(l.AddCertificate(ctx, cert("0a", "a")))
		for _, key := range []string{"a", "b", ""} {
			there, ok := errors.AsType[*store.Existing[mssp.Certificate]](l.AddCertificate(ctx, cert("0a", key)))
			if !ok || there.Row.Serial != "0a" || there.Row.Status != mssp.CertPending {
				l.Errorf("its serial number again, with key %q: %+v", key, there)
			}
		}
		if c, err := l.Certificate(ctx, "0a"); err != nil || c.Status != mssp.CertPending || c.KeyHash != "a" {
			l.Errorf("after that it is %+v, %v", c, err)
		}
		// A revoked key gets no other, an expired one does.
		_, err := l.SetCertStatus(ctx, "02", mssp.CertRevoked, 1, epoch)
		l.ok(err)
		there, ok := errors.AsType[*store.Existing[mssp.Certificate]](l.AddCertificate(ctx, cert("03", "k")))
		if !ok || there.Row.Serial != "02" || there.Row.Status != mssp.CertRevoked {
			l.Errorf("a revoked key: %+v", there)
		}
		old := cert("04", "old")
		old.NotAfter = epoch.Add(-time.Second)
		l.ok(issue(old))
		l.ok(issue(cert("05", "old")))
		gone := cert("08", "gone") // revoked, and expired since
		gone.NotAfter = epoch.Add(-time.Second)
		l.ok(issue(gone))
		_, err = l.SetCertStatus(ctx, "08", mssp.CertRevoked, 1, epoch)
		l.ok(err)
		l.wantErr("a key that was revoked before it expired", l.AddCertificate(ctx, cert("09", "gone")), store.ErrExists)
		l.ok(l.AddCertificate(ctx, mssp.Certificate{Serial: "06"})) // of a key that nobody has noted
		l.ok(l.AddCertificate(ctx, mssp.Certificate{Serial: "07"}))
	})
}

// Of two who revoke, or suspend, one does.
func TestOneRevocation(t *testing.T) {
	onBoth(t, func(l *lab) {
		for i := range pairs {
			serial := fmt.Sprintf("%04x", i)
			l.ok(l.AddCertificate(ctx, mssp.Certificate{Serial: serial}))
			l.ok(l.ConfirmCertificate(ctx, serial, []byte{0x30}))
			for _, to := range []mssp.CertStatus{mssp.CertSuspended, mssp.CertRevoked} {
				set := func(reason int) func() error {
					return func() error {
						was, err := l.SetCertStatus(ctx, serial, to, reason, epoch)
						if err == nil && was.Status == to {
							return fmt.Errorf("was %s before", was.Status)
						}
						return err
					}
				}
				now, ok := errors.AsType[*store.Changed[mssp.Certificate]](l.loser(atOnce(set(1), set(4))))
				if have, err := l.Certificate(ctx, serial); !ok || err != nil || have.Status != to || now.Row.Reason != have.Reason {
					l.Fatalf("to %s: %+v, %v", to, have, err)
				}
			}
		}
	})
}

// Whoever revokes looks at the certificate once he has its row: who looks
// before does not see that another has revoked it at that moment.
func TestRevocationUnderTheLock(t *testing.T) {
	l := newLab(t, postgresDSN(t))
	l.ok(l.AddCertificate(ctx, mssp.Certificate{Serial: "01"}))
	l.ok(l.ConfirmCertificate(ctx, "01", []byte{0x30}))
	db := operator(t, l.dsn)
	other, err := db.Begin()
	l.ok(err)
	_, err = other.Exec("UPDATE certificate SET status = 'revoked', reason = 4 WHERE serial = '01'")
	l.ok(err)
	revoked := make(chan error, 1)
	go func() {
		_, err := l.SetCertStatus(ctx, "01", mssp.CertRevoked, 1, epoch)
		revoked <- err
	}()
	for blocked := 0; blocked == 0; { // until it waits for the certificate
		l.ok(db.QueryRow("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'UPDATE certificate%'").Scan(&blocked))
	}
	l.ok(other.Commit())
	now, ok := errors.AsType[*store.Changed[mssp.Certificate]](<-revoked)
	if !ok || now.Row.Status != mssp.CertRevoked || now.Row.Reason != 4 {
		t.Errorf("revoked twice: %+v", now)
	}
}

// A CRL of a higher number holds at least what one of a lower number does,
// whoever revokes while both are made.
func TestCRLsInOrder(t *testing.T) {
	onBoth(t, func(l *lab) {
		const n = 40
		var wg sync.WaitGroup
		errs := make([]error, 2*n)
		sizes := make([]int, n+1) // by number
		for i := range n {
			serial := fmt.Sprintf("%04x", i)
			l.ok(l.AddCertificate(ctx, mssp.Certificate{Serial: serial}))
			wg.Go(func() { _, errs[2*i] = l.SetCertStatus(ctx, serial, mssp.CertRevoked, 1, epoch) })
			wg.Go(func() {
				number, list, err := l.NextCRL(ctx)
				errs[2*i+1] = err
				sizes[number] = len(list)
			})
		}
		wg.Wait()
		l.ok(errors.Join(errs...))
		for number := 2; number <= n; number++ {
			if sizes[number] < sizes[number-1] {
				l.Errorf("CRL %d lists %d certificates, the one before %d", number, sizes[number], sizes[number-1])
			}
		}
	})
}

// A database in which earlier versions have let two subscribers have one card
// is not brought along before somebody has decided, and stays as it is.
func TestSharedCardStopsTheMigration(t *testing.T) {
	for _, e := range []struct{ engine, driver, dsn string }{
		{"sqlite", "sqlite", sqliteDSN(t)},
		{"postgres", "pgx", ""},
	} {
		t.Run(e.engine, func(t *testing.T) {
			if e.dsn == "" {
				e.dsn = postgresDSN(t)
			}
			db, err := sql.Open(e.driver, e.dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			run := func(script string) {
				t.Helper()
				if _, err := db.Exec(script); err != nil {
					t.Fatal(err)
				}
			}
			run(store.OldSchema(2, e.engine == "postgres"))
			run(`INSERT INTO card (iccid, imsi, profile, state, codes, bad_por, created_at) VALUES ('8941010000000000017', '', '', 'active', 0, 0, 0)`)
			for n, state := range map[string]string{"41790000001": "active", "41790000002": "suspended", "41790000003": "removed"} {
				run(`INSERT INTO subscriber (msisdn, iccid, name, serial, language, state, created_at)
					VALUES ('` + n + `', '8941010000000000017', '', '', '', '` + state + `', 0)`)
			}
			_, err = store.Open(ctx, store.Options{DSN: e.dsn})
			if !errors.Is(err, store.ErrShared) {
				t.Fatalf("opened: %v", err)
			}
			for _, want := range []string{"+417****01", "+417****02", "****0017", "UPDATE subscriber"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v: no %s in it", err, want)
				}
			}
			if strings.Contains(err.Error(), "****03") || strings.Contains(err.Error(), "41790000001") {
				t.Errorf("%v: names whom it should not, or whole", err)
			}
			var version int
			if err := db.QueryRow("SELECT MAX(version) FROM schema_version").Scan(&version); err != nil || version != 2 {
				t.Errorf("version %d, %v: the earlier release cannot go on meanwhile", version, err)
			}
			run(`UPDATE subscriber SET state = 'removed' WHERE msisdn = '41790000002'`)
			s, err := store.Open(ctx, store.Options{DSN: e.dsn})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if u, c, _, err := s.Lookup(ctx, numberA); err != nil || c.ICCID != cardA || u.Version != 1 || c.Version != 1 {
				t.Errorf("%+v, %+v, %v", u, c, err)
			}
		})
	}
}
