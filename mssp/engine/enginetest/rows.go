package enginetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

// Meddle runs SQL on the database (SQLite) as somebody does who has the file.
func (l *Lab) Meddle(statement string, args ...any) {
	l.t.Helper()
	db := l.Raw()
	_, err := db.Exec(statement, args...)
	l.OK(errors.Join(err, db.Close()))
}

// Raw is the database (SQLite) itself; its user closes it.
func (l *Lab) Raw() *sql.DB {
	l.t.Helper()
	db, err := sql.Open("sqlite", l.dsn)
	l.OK(err)
	return db
}

// User imports a card and its subscriber.
func (l *Lab) User(number sms.MSISDN) *Card {
	l.t.Helper()
	ctx := context.Background()
	iccid := ota.ICCID("8941010000000" + string(number[len(number)-6:]))
	m := keys.Material{
		KVN: 1, CMACLen: 8,
		KIc: ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{byte(len(l.Cards) + 1)}, 16)},
		KID: ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{byte(len(l.Cards) + 101)}, 16)},
	}
	blob, err := l.Vault.SealMaterial(iccid, m)
	l.OK(err)
	counter, err := l.Vault.SealCounter(iccid, 1, 0)
	l.OK(err)
	card := mssp.Card{ICCID: iccid, IMSI: "228010000000001", Profile: "test", Carriage: l.Carriage, State: "active", CreatedAt: l.Clock.Now()}
	rows := []mssp.KeySet{{ICCID: iccid, KVN: 1, Keys: blob, Counter: counter}}
	key := carriage.CardKey(bytes.Repeat([]byte{byte(len(l.Cards) + 201)}, 16))
	if l.Carriage == (carriage.Own{}).Name() {
		card.Profile, rows = "bare", nil
	}
	if l.Carriage != "" {
		rows = append(rows, l.AppletKey(iccid, cardkeys.Installed{Set: 1, Generation: 1, State: cardkeys.Confirmed, Key: key}))
	}
	l.OK(l.Store.ImportCard(ctx, card, rows))
	l.OK(l.Store.AddSubscriber(ctx, mssp.Subscriber{
		MSISDN: number, ICCID: iccid, Name: "Test Person", Serial: "MIDCHE" + string(number), Language: "en", State: mssp.SubscriberActive, CreatedAt: l.Clock.Now(),
	}))
	set, err := m.KeySet()
	l.OK(err)
	c := newCard(l.t, number, set)
	if l.Carriage != "" {
		c.Key, c.KeySet = key, 1
		c.Way, err = carriage.Of(l.Carriage)
		l.OK(err)
	}
	l.mu.Lock()
	l.Cards[number] = c
	l.mu.Unlock()
	return c
}

// AppletKey is a key row of an applet.
func (l *Lab) AppletKey(iccid ota.ICCID, k cardkeys.Installed) mssp.KeySet {
	l.t.Helper()
	ks := mssp.KeySet{ICCID: iccid, Applet: true, KVN: k.Set}
	var err error
	ks.Keys, err = cardkeys.Seal(l.Vault, iccid, k)
	l.OK(err)
	ks.Counter, err = l.Vault.SealCounter(iccid, cardkeys.RowNumber(&ks), 0)
	l.OK(err)
	return ks
}

// Enrolled is a user with a registered key.
func (l *Lab) Enrolled(number sms.MSISDN, alg applet.Algorithm, u mssp.KeyUsage) *Card {
	l.t.Helper()
	c := l.User(number)
	l.Enrol(registration.EnrolRequest{MSISDN: number, Usage: u, Algorithm: alg})
	return c
}

// Enrol registers a key pair.
func (l *Lab) Enrol(r registration.EnrolRequest) registration.Enrolment {
	l.t.Helper()
	en, err := Pumped(l, func() (registration.Enrolment, error) { return l.Registrar.Enrol(context.Background(), r) })
	l.OK(err)
	return en
}

// Request is a provider's request for a signature of a text; all have one Instant.
func Request(id, text string) signature.Request {
	sum := sha256.Sum256([]byte(id + text))
	return signature.Request{
		AP: mssp.AP{ID: "http://bank.example", Name: "Bank"}, APTransID: id, Instant: 1, RequestHash: sum[:], MSISDN: Number,
		Mode: mssp.Synch, Profile: AuthProfile, MimeType: "text/plain", Content: []byte(text),
	}
}

// Sign asks and delivers everything; the transaction is final when it returns.
func (l *Lab) Sign(r signature.Request) mssp.Transaction {
	l.t.Helper()
	tx, err := l.Signer.Sign(context.Background(), r)
	l.OK(err)
	l.Pump()
	return l.Tx(tx.ID)
}

// Tx is the row of a transaction.
func (l *Lab) Tx(id mssp.TransID) mssp.Transaction {
	l.t.Helper()
	tx, err := l.Store.Transaction(context.Background(), id)
	l.OK(err)
	return tx
}

// EditCard changes the row of the first user's card.
func (l *Lab) EditCard(f func(*mssp.Card)) {
	l.t.Helper()
	_, c, _, err := l.Store.Lookup(context.Background(), Number)
	l.OK(err)
	_, err = l.Store.ChangeCard(context.Background(), c.ICCID, func(c *mssp.Card) error { f(c); return nil })
	l.OK(err)
}

// EditSubscriber changes the row of the first user.
func (l *Lab) EditSubscriber(f func(*mssp.Subscriber)) {
	l.t.Helper()
	_, err := l.Store.ChangeSubscriber(context.Background(), Number, func(s *mssp.Subscriber) error { f(s); return nil })
	l.OK(err)
}

// Key is the row of a slot of the first user's card.
func (l *Lab) Key(slot byte) mssp.KeyPair {
	l.t.Helper()
	_, _, ks, err := l.Store.Lookup(context.Background(), Number)
	l.OK(err)
	for _, k := range ks {
		if k.Slot == slot {
			return k
		}
	}
	l.t.Fatalf("no key in slot %d", slot)
	return mssp.KeyPair{}
}

// KeySet is a sealed key set of AES keys made of one octet.
func (l *Lab) KeySet(iccid ota.ICCID, kvn, octet byte) mssp.KeySet {
	l.t.Helper()
	k := ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{octet}, 16)}
	blob, err := l.Vault.SealMaterial(iccid, keys.Material{KVN: kvn, CMACLen: 8, KIc: k, KID: k})
	l.OK(err)
	counter, err := l.Vault.SealCounter(iccid, kvn, 0)
	l.OK(err)
	return mssp.KeySet{ICCID: iccid, KVN: kvn, Keys: blob, Counter: counter}
}
