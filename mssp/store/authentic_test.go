package store_test

import (
	"bytes"
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/party"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
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

// authenticated gives the store its Tagger, and the cards of the laboratory,
// which it imported without keys, their tags.
func (l *lab) authenticated() {
	l.Helper()
	l.vault = l.keyed()
	_, err := l.Authenticate(ctx, l.vault)
	l.ok(err)
	_, err = l.AdoptAltered(ctx)
	l.ok(err)
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
	if db.SetMaxOpenConns(1); driver == "pgx" { // keys are rewritten too
		_, err = db.Exec("SET session_replication_role = replica")
		l.ok(err)
	}
	return db
}

// decides are rows that decide, and how they are read: under the key that they have now.
func (l *lab) decides(db *sql.DB) map[string]func() error {
	key := func(sql string) (k string) {
		l.Helper()
		l.ok(db.QueryRow(sql).Scan(&k))
		return k
	}
	number := func() sms.MSISDN { return sms.MSISDN(key("SELECT msisdn FROM subscriber")) }
	return map[string]func() error{
		"ap": func() error {
			return notStopped(l.ChangeAP(ctx, mssp.APID(key("SELECT id FROM ap")), func(*mssp.AP) error { return errStop })) // a removed one too
		},
		"card": func() error {
			_, err := l.Card(ctx, ota.ICCID(key("SELECT iccid FROM card"+onlyA)))
			return err
		},
		"subscriber": func() error { _, _, _, err := l.Lookup(ctx, number()); return err },
		"key_pair": func() error {
			_, err := l.KeyPairs(ctx, ota.ICCID(key("SELECT iccid FROM key_pair")))
			_, _, _, looked := l.Lookup(ctx, number())
			return cmp.Or(err, looked)
		},
		"unblocking": func() error {
			_, err := l.ShowUnblocking(ctx, mssp.Unblocking{ICCID: ota.ICCID(key("SELECT iccid FROM unblocking"))}, false)
			if errors.Is(err, store.ErrChanged) {
				return nil // shown before
			}
			return err
		},
		"pop":         func() error { return nothing(l.PoP(ctx, sms.MSISDN(key("SELECT msisdn FROM pop")))) },
		"identity":    func() error { return nothing(l.Identity(ctx, sms.MSISDN(key("SELECT msisdn FROM identity")))) },
		"device":      func() error { return nothing(l.Device(ctx, sms.MSISDN(key("SELECT msisdn FROM device")))) },
		"certificate": func() error { _, err := l.Certificate(ctx, key("SELECT serial FROM certificate")); return err },
		"issuer": func() error {
			return notStopped(l.ChangeIssuer(ctx, key("SELECT id FROM issuer"), func(*party.Issuer) error { return errStop }))
		},
		"client": func() error {
			return notStopped(l.ChangeClient(ctx, key("SELECT id FROM client"), func(*party.Client) error { return errStop }))
		},
		"duty": func() error {
			return notStopped(l.ChangeDuty(ctx, key("SELECT id FROM duty"), func(*mssp.Duty) error { return errStop }))
		},
		"tx": func() error {
			if tx := l.transaction(mssp.TransID(key("SELECT id FROM tx"))); tx.Damage != "" {
				return fmt.Errorf("%w%s", store.ErrAltered, strings.TrimPrefix(tx.Damage, store.ErrAltered.Error()))
			}
			return nil
		},
	}
}

// notStopped is the error of a change that has not come as far as errStop.
func notStopped[T any](_ T, err error) error {
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

func (l *lab) fill() {
	l.Helper()
	l.ok(l.AddIssuer(ctx, party.Issuer{ID: "north", Name: "North", Profiles: []string{"urn:p"}, CA: []byte{1}}))
	l.ok(l.AddClient(ctx, party.Client{ID: "crm", Role: audit.Registration, Issuer: "north", PasswordHash: "x", CertSHA256: []string{"ab"}}))
	l.ok(l.AddAP(ctx, mssp.AP{ID: bank, Name: "Bank", PasswordHash: "x", Profiles: []string{"urn:p"}, Prefixes: []string{"4179"}}))
	l.ok(l.AddSubscriber(ctx, mssp.Subscriber{MSISDN: numberA, ICCID: cardA, Name: "Anna", Serial: "S1", Language: "en", State: mssp.SubscriberActive}))
	l.ok(l.KeepUnblocking(ctx, cardA, []byte{1}))
	l.ok(nothing(l.ShowUnblocking(ctx, mssp.Unblocking{ICCID: cardA, ShownAt: epoch, ShownBy: "x", How: "eid", Reason: "y"}, false)))
	l.ok(l.GivePoP(ctx, mssp.PoP{MSISDN: numberA, ID: "x", Sum: []byte{7}, Channel: mssp.PoPByEmail, State: mssp.PoPGiven, Tries: 3, MadeAt: epoch, ExpiresAt: epoch.Add(time.Hour)}))
	l.ok(nothing(l.Identify(ctx, mssp.Identity{MSISDN: numberA, How: mssp.ByEID, By: "Carl", At: epoch, Email: "a@b.example", Document: "P1", Recorder: "ops", RecordedAt: epoch})))
	l.ok(nothing(l.SetDevice(ctx, mssp.Device{MSISDN: numberA, Email: "a@b.example"})))
	l.ok(l.PutKeyPairs(ctx, []mssp.KeyPair{{ICCID: cardA, Slot: 1, Usage: 1, Algorithm: 17, State: mssp.KeyRegistered, PublicKey: []byte{1}, Serial: "0c", CertDER: []byte{2}, CSR: []byte{3}}}))
	l.ok(l.AddCertificate(ctx, mssp.Certificate{Serial: "0a", ICCID: cardA, MSISDN: numberA, Subject: "CN=Anna", NotBefore: epoch, NotAfter: epoch.Add(time.Hour), KeyHash: "ab"}))
	l.ok(l.ConfirmCertificate(ctx, "0a", []byte{2}))
	_, err := l.SetCertStatus(ctx, "0a", mssp.CertRevoked, 1, epoch)
	l.ok(err)
	_, _, err = l.ChangeSituation(ctx, numberA, func(s *store.Situation) error {
		s.Duties = append(s.Duties, mssp.Duty{MSISDN: numberA, ICCID: cardA, Procedure: mssp.Revoking, Step: mssp.DutyCA, Serials: []string{"0c"}})
		return nil
	})
	l.ok(err)
}

// Columns of tagged rows that are not under the tag, and why nothing is decided by
// them that should not be.
var untagged = map[string]string{
	"card.busy_tx":  "the queue moves with every request; what is at the card is told by the transaction itself",
	"card.queued":   "as busy_tx: wrong counts are mended",
	"card.holder":   "of a box, which must be there",
	"key_pair.csr":  "signed by the key of the pair, which is under the tag: whoever uses it compares (package registration)",
	"tx.seq":        "the order, which other tables name",
	"tx.applet_txn": "under the tag of the request, as long as an answer can come",
	"tx.attempt":    "counts packets",
	"tx.sent_at":    "for the operator, and for what is said of a late answer",
	"tx.deadline":   "of open transactions only",
	"tx.version":    "of open transactions only",
	"tx.request":    "has a tag of its own (package engine)",
	"tx.int6":       "under the tag of the request",
	"tx.mo":         "recognises an answer that comes again",
	"tx.late":       "for the operator, comes after the end",
	"tx.late_at":    "as late",
	"tx.kept":       "finds what can be erased; what was erased is told by erased, under the tag",
}

// tagless are tables of which no row has a tag.
var tagless = map[string]string{
	"schema_version": "", "meta": "documents have seals or tags of their own", "sequence": "only rises",
	"kek": "sealed under the root key", "keyset": "sealed", "packet": "the answer itself is authenticated, by the keys of the card",
	"segment": "packets are secured; a text binds nobody", "receipt": "the network's word, as everything of it",
	"mo_header": "the answer itself is authenticated", "mo_part": "the answer itself is authenticated", "mo_seen": "digests of messages that are worth nothing",
	"notice": "who changes one has a user told once more, or not at all",
	"audit":  "a chain with a tag of its own kind, see audit.go", "audit_head": "says what the chain says",
	"heard":      "an answer names a request that waits for it besides",
	"erasure":    "numbers that are being erased: who can write here can delete too",
	"retention":  "as erasure",
	"int3_call":  "meaning and answer are sealed, and say whose they are",
	"completion": "what is told is what the transaction says", "box": "the lock decides, not the row", "patience": "spares people prompts; its end is near by itself",
}

// schema are the columns of all tables, in their order, as the database has them.
func (l *lab) schema(db *sql.DB) (columns map[string][]string) {
	l.Helper()
	ask := "SELECT m.name, p.name FROM sqlite_schema m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, p.cid"
	if strings.HasPrefix(l.dsn, "postgres") {
		ask = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position"
	}
	rows, err := db.Query(ask)
	l.ok(err)
	defer rows.Close()
	columns = map[string][]string{}
	for rows.Next() {
		var table, column string
		l.ok(rows.Scan(&table, &column))
		columns[table] = append(columns[table], column)
	}
	l.ok(rows.Err())
	return columns
}

// Each column of a row that decides is under its tag, on both engines: whatever
// is written there by hand, nothing is decided by it. What the store writes
// itself stays good. Tables and columns are those that the database has: who adds
// one puts it under a tag, or says why not.
func TestAuthenticRows(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.authenticated()
		l.fill()
		tx := l.accept(newTx()).Tx
		l.finish(store.Finish{TxID: tx.ID, Event: mssp.EventCancelled, Status: mssp.ExpiredTransaction, Detail: "d", Result: []byte("{}"), By: "op"})
		db := l.raw()
		reads, left := l.decides(db), maps.Clone(untagged)
		for table, columns := range l.schema(db) {
			read := reads[table]
			if why, ok := tagless[table]; (read == nil) != ok || ok == slices.Contains(columns, "tag") {
				l.Errorf("table %s: a tag, or a reason for none (%q)", table, why)
			}
			if read == nil {
				continue
			}
			delete(reads, table)
			l.ok(read())
			for _, c := range columns {
				name := table + "." + c
				if delete(left, name); untagged[name] == "" {
					l.rewrite(db, table, c, read)
				}
			}
		}
		if len(reads)+len(left) > 0 {
			l.Errorf("not in the schema: tables of %v, columns %v", reads, left)
		}
	})
}

// onlyA leaves the other card of the laboratory out.
const onlyA = " WHERE iccid LIKE '" + string(cardA) + "%'"

// otherWords are values of columns that may hold only certain words.
var otherWords = map[string]any{
	"subscriber.iccid": string(cardB),
	"card.state":       "suspended", "subscriber.state": "suspended", "key_pair.state": "requested", "certificate.status": "valid", "tx.state": "done",
	"identity.how": "kiosk", "pop.state": "used", "pop.channel": "sms",
	"duty.what": "suspend", "duty.step": "card",
}

// rewrite writes another value into a column, one that it may hold, wants it
// refused, and puts it back.
func (l *lab) rewrite(db *sql.DB, table, column string, read func() error) {
	l.Helper()
	where := ""
	if table == "card" {
		where = onlyA
	}
	var was any
	l.ok(db.QueryRow("SELECT " + column + " FROM " + table + where).Scan(&was))
	now := otherWords[table+"."+column]
	switch v := was.(type) {
	case int64:
		if now = v ^ 1; column == "version" {
			now = v + 1
		}
	case string:
		if strings.HasPrefix(v, "[") {
			now = `["urn:other"]`
		} else if now == nil {
			now = v + "x"
		}
	case []byte:
		other := append(bytes.Clone(v), 0xFF)
		if column == "tag" {
			other = other[:len(v)]
			other[0] ^= 1
		}
		now = other
	}
	_, err := db.Exec("UPDATE "+table+" SET "+column+" = $1"+where, now)
	l.ok(err)
	if err := read(); !errors.Is(err, store.ErrAltered) {
		l.Errorf("%s.%s is changed by hand from %v to %v: %v", table, column, was, now, err)
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
		if err != nil || n != 14 {
			l.Fatalf("%d rows, %v", n, err)
		}
		for table, read := range l.decides(db) {
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
