package store_test

import (
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/party"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/keys"
)

// outOfOrder makes no tag when it is out of order.
type outOfOrder struct {
	*keys.Vault
	is bool
}

var errTagger = errors.New("no tag today")

func (o *outOfOrder) AppendTag(b []byte, purpose string, parts ...[]byte) ([]byte, error) {
	if o.is {
		return nil, errTagger
	}
	return o.Vault.AppendTag(b, purpose, parts...)
}

// A row for which there is no tag is not written, and nothing else of its commit: it
// would be refused by whoever reads it.
func TestNothingIsWrittenWithoutItsTag(t *testing.T) {
	l := onSQLite(t)
	l.authenticated()
	tagger := &outOfOrder{Vault: l.vault}
	l.ok(nothing(l.Authenticate(ctx, tagger)))
	db := l.raw()
	tagged := map[string]bool{
		"AddAP": true, "ChangeAP": true, "AddIssuer": true, "ChangeIssuer": true, "AddClient": true, "ChangeClient": true, "ImportCard": true, "ImportCard again": true, "ChangeCard": true, "AddSubscriber": true, "ChangeSubscriber": true, "Identify": true, "SetDevice": true, "EndDevice": true, "GivePoP": true, "KeepUnblocking": true, "ShowUnblocking": true,
		"PutKeyPairs": true, "AddCertificate": true, "AddCertificate over a pending one": true, "AddCertificate over an expired one": true,
		"ConfirmCertificate": true, "SetCertStatus": true, "SetCertStatus of a pair": true, "ChangeSituation": true, "ChangeWithPair": true, "MoveToCard": true, "ChangeDuty": true,
		"Accept what cannot be sealed": true, "SealNext of what cannot be sealed": true,
		"Finish": true, "Finish of one that waits": true, "Finish of one that nobody answers": true,
		"Finish of a damaged one in steps": true, "SetTxAside in steps": true, "AnsweredLate": true,
	}
	for _, calls := range []map[string]call{l.recordCalls(), l.keyCalls(), l.transactionCalls(), l.endCalls()} {
		for _, name := range slices.Sorted(maps.Keys(calls)) {
			do := calls[name]()
			before := l.commits(db)
			tagger.is = true
			err := do()
			tagger.is = false
			audited := unaudited[name] == "" && !strings.HasPrefix(name, "read ") // its entry has a tag
			if tagged[name] && !audited {
				t.Errorf("%s has no entry in the audit log", name)
			}
			switch {
			case audited != errors.Is(err, errTagger), err != nil && !audited:
				t.Errorf("%s: %v", name, err)
			case audited && l.commits(db) != before:
				t.Errorf("%s: something was written", name)
			}
			delete(tagged, name)
		}
	}
	if len(tagged) > 0 {
		t.Errorf("not called: %v", tagged)
	}
}

// refused is a call that must be refused, so that a fault on the way is told apart.
func refused(do func() error) func() error {
	return func() error {
		err := do()
		if errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrChanged) {
			return nil
		}
		if err == nil {
			err = errors.New("it was not refused")
		}
		return err
	}
}

// What is refused because something is there names it; a fault on the way is told as
// one, and so is a row that is there and not ours: whose it is is not known then.
func TestRefusalsMayFail(t *testing.T) {
	l := onSQLite(t)
	l.authenticated()
	l.fill()
	db := l.raw()
	u := mssp.Subscriber{MSISDN: numberB, ICCID: cardB, State: mssp.SubscriberActive}
	late := func() func() error {
		tx := l.under(seal)
		c, err := l.Card(ctx, tx.ICCID)
		l.ok(err)
		l.change(tx.ICCID, func(c *mssp.Card) { c.Profile = "other" })
		f := done(tx)
		f.At, f.Card = epoch, &c
		return func() error { return nothing(l.Finish(ctx, f, seal)) }
	}
	calls := map[string]struct {
		do    call
		alter string // the row that stands in the way
	}{
		"AddAP":     {always(func() error { return l.AddAP(ctx, mssp.AP{ID: bank}) }), "ap SET name = 'Mallory'"},
		"AddIssuer": {always(func() error { return l.AddIssuer(ctx, party.Issuer{ID: "north"}) }), "issuer SET name = 'Mallory'"},
		"AddClient": {always(func() error {
			return l.AddClient(ctx, party.Client{ID: "crm", Role: audit.Auditor})
		}), "client SET issuer = ''"},
		"AddSubscriber of a number": {always(func() error {
			u := u
			u.MSISDN = numberA
			return l.AddSubscriber(ctx, u)
		}), "subscriber SET name = 'Mallory'"},
		"AddSubscriber of a card": {always(func() error {
			u := u
			u.ICCID = cardA
			return l.AddSubscriber(ctx, u)
		}), "subscriber SET name = 'Mallory'"},
		"ChangeSubscriber": {func() func() error {
			if _, _, _, err := l.Lookup(ctx, numberB); errors.Is(err, store.ErrNotFound) {
				l.ok(l.AddSubscriber(ctx, u))
			}
			return func() error {
				return nothing(l.ChangeSubscriber(ctx, numberB, func(u *mssp.Subscriber) error { u.ICCID = cardA; return nil }))
			}
		}, "subscriber SET name = 'Mallory' WHERE msisdn = '" + string(numberA) + "'"},
		"PutKeyPairs": {always(func() error {
			return l.PutKeyPairs(ctx, []mssp.KeyPair{{ICCID: cardA, Slot: 1, State: mssp.KeyGenerated, Version: 7}})
		}), "key_pair SET usage = 2"},
		"AddCertificate of a key": {always(func() error {
			return l.AddCertificate(ctx, mssp.Certificate{Serial: "0b", KeyHash: "ab"})
		}), "certificate SET subject = 'CN=Mallory'"},
		"AddCertificate of a serial number": {always(func() error {
			return l.AddCertificate(ctx, mssp.Certificate{Serial: "0a", KeyHash: "cd"})
		}), "certificate SET subject = 'CN=Mallory'"},
		"ConfirmCertificate": {always(func() error { return l.ConfirmCertificate(ctx, "0a", []byte{1}) }), "certificate SET status = 'pending'"},
		"SetCertStatus": {always(func() error {
			return nothing(l.SetCertStatus(ctx, "0a", mssp.CertValid, 0, epoch))
		}), "certificate SET status = 'suspended'"},
		"Finish on a changed card": {late, ""},
	}
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		c := calls[name]
		made := func() func() error { return refused(c.do()) }
		for _, row := range []bool{false, true} {
			l.failing(db, "read "+name, row, made)
		}
		if c.alter == "" {
			continue
		}
		do, before := made(), l.sumOf(db)
		_, err := db.Exec("UPDATE " + c.alter)
		l.ok(err)
		altered := l.sumOf(db)
		l.wantErr(name+" where what is there is not ours", do(), store.ErrAltered)
		if before == altered || l.sumOf(db) != altered {
			t.Errorf("%s: something was written", name)
		}
		_, err = l.AdoptAltered(ctx)
		l.ok(err)
		for _, back := range []string{
			"ap SET name = 'Bank'", "subscriber SET name = ''", "key_pair SET usage = 1",
			"certificate SET subject = 'CN=Anna', status = 'revoked'", "issuer SET name = 'North'", "client SET issuer = 'north'",
		} {
			_, err := db.Exec("UPDATE " + back)
			l.ok(err)
		}
		_, err = l.AdoptAltered(ctx)
		l.ok(err)
	}
}

// sumOf are the rows that people change, in one text.
func (l *lab) sumOf(db *sql.DB) string {
	l.Helper()
	var all strings.Builder
	for _, sql := range []string{
		"SELECT group_concat(id || name || version) FROM ap", "SELECT group_concat(msisdn || iccid || name || version) FROM subscriber",
		"SELECT group_concat(id || name || version) FROM issuer", "SELECT group_concat(id || issuer || version) FROM client",
		"SELECT group_concat(slot || usage || state || version) FROM key_pair", "SELECT group_concat(serial || subject || status || hex(der)) FROM certificate",
	} {
		var s string
		l.ok(db.QueryRow(sql).Scan(&s))
		all.WriteString(s + "\n")
	}
	return all.String()
}
