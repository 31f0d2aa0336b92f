package store_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/keys"
)

func (l *lab) same(what string, want, got any) {
	l.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		l.Errorf("%s: %s", what, diff)
	}
}

var errStop = errors.New("stop")

func TestAPs(t *testing.T) {
	onBoth(t, func(l *lab) {
		full := mssp.AP{
			ID: bank, Name: "Bänk \"1\"", PasswordHash: "$argon2id$x", CertSHA256: []string{"ab", "cd"}, Profiles: []string{"urn:p"},
			Prefixes: []string{"4179"}, NotifyURL: "https://bank.example/n", CreatedAt: epoch,
			Switches: mssp.Switches{Octets: []string{"urn:p"}, OtherDisplay: true, Certificates: true, UniqueIDs: true},
		}
		bare := mssp.AP{ID: "https://a.example", Name: "A", Disabled: true, CreatedAt: epoch}
		l.ok(l.AddAP(ctx, full))
		l.ok(l.AddAP(ctx, bare))
		full.Version, bare.Version = 1, 1
		got, err := l.AP(ctx, bank)
		l.ok(err)
		l.same("AP", full, got)
		other := full
		other.Name = "Other"
		var there *store.Existing[mssp.AP]
		if err := l.AddAP(ctx, other); !errors.As(err, &there) || !errors.Is(err, store.ErrExists) {
			l.Errorf("the same AP_ID twice: %v", err)
		} else {
			l.same("what is there", full, there.Row)
		}
		changed, err := l.ChangeAP(ctx, bank, func(ap *mssp.AP) error {
			l.same("AP to change", full, *ap)
			ap.ID, ap.Name, ap.Prefixes, ap.OtherDisplay = "ap://never", "Bank", nil, false
			return nil
		})
		l.ok(err)
		full.Name, full.Prefixes, full.Version = "Bank", nil, 2
		full.OtherDisplay, full.Certificates = false, true
		l.same("changed AP", full, changed)
		_, err = l.ChangeAP(ctx, bank, func(ap *mssp.AP) error { ap.Name = "x"; return errStop })
		l.wantErr("a change that stops", err, errStop)
		_, err = l.ChangeAP(ctx, "ap://none", func(*mssp.AP) error { return nil })
		l.wantErr("change of an unknown AP", err, store.ErrNotFound)
		all, err := l.APs(ctx)
		l.ok(err)
		l.same("APs", []mssp.AP{bare, full}, all)
		_, err = l.AP(ctx, "https://none.example")
		l.wantErr("unknown AP", err, store.ErrNotFound)

		// One that was removed is unknown, and nobody takes its place.
		_, err = l.ChangeAP(ctx, bank, func(ap *mssp.AP) error { ap.RemovedAt = epoch; return nil })
		l.ok(err)
		_, err = l.AP(ctx, bank)
		l.wantErr("removed AP", err, store.ErrNotFound)
		if err := l.AddAP(ctx, other); !errors.As(err, &there) || !there.Row.RemovedAt.Equal(epoch) {
			l.Errorf("the AP_ID of a removed AP was given away: %v", err)
		}
	})
}

// Supports: 3.5.7-1, 3.5.8-1
func TestSubscribersAndCards(t *testing.T) {
	onBoth(t, func(l *lab) {
		u := mssp.Subscriber{MSISDN: numberA, ICCID: cardA, Name: "Ann Ä", Serial: "PNO-1", Language: "fi", State: mssp.SubscriberActive, CreatedAt: epoch}
		l.ok(l.AddSubscriber(ctx, u))
		u.Version = 1
		kp := []mssp.KeyPair{
			{ICCID: cardA, Slot: 1, Usage: mssp.Authentication, Algorithm: 3, State: mssp.KeyRegistered, Confirmed: true, PublicKey: []byte{1}, CSR: []byte{2}, Serial: "0a", CertDER: []byte{3}, UpdatedAt: epoch},
			{ICCID: cardA, Slot: 2, Usage: mssp.NonRepudiation, State: mssp.KeyDeleted, UpdatedAt: epoch},
			{ICCID: cardA, Slot: 3, Usage: mssp.NonRepudiation, State: mssp.KeyGenerated, UpdatedAt: epoch},
		}
		l.ok(l.PutKeyPairs(ctx, kp))
		for i := range kp {
			kp[i].Version = 1
		}
		all, err := l.KeyPairs(ctx, cardA)
		l.ok(err)
		l.same("key pairs", kp, all)

		sub, card, used, err := l.Lookup(ctx, numberA)
		l.ok(err)
		l.same("subscriber", u, sub)
		stored, err := l.Card(ctx, cardA)
		l.ok(err)
		l.same("card", stored, card)
		kp[0].CSR = nil
		l.same("slots in use", []mssp.KeyPair{kp[0], kp[2]}, used)
		_, _, _, err = l.Lookup(ctx, numberB)
		l.wantErr("unknown number", err, store.ErrNotFound)

		// A new card under the same number.
		u, err = l.ChangeSubscriber(ctx, numberA, func(u *mssp.Subscriber) error { u.ICCID = cardB; return nil })
		l.ok(err)
		_, card, used, err = l.Lookup(ctx, numberA)
		l.ok(err)
		if card.ICCID != cardB || len(used) != 0 {
			l.Errorf("%+v, %d keys", card, len(used))
		}
		removed := mssp.Subscriber{MSISDN: numberB, ICCID: cardB, State: mssp.SubscriberRemoved, CreatedAt: epoch.Add(time.Hour)}
		l.ok(l.AddSubscriber(ctx, removed))
		removed.Version = 1
		page, err := l.Subscribers(ctx, numberA, 10)
		l.ok(err)
		l.same("second page", []mssp.Subscriber{removed}, page)
		u.ICCID = "8941010000000000999"
		l.wantErr("unknown card", l.AddSubscriber(ctx, u), store.ErrNotFound)
		_, err = l.ChangeSubscriber(ctx, numberA, func(u *mssp.Subscriber) error { u.ICCID = "8941010000000000999"; return nil })
		l.wantErr("change to an unknown card", err, store.ErrNotFound)
		_, err = l.ChangeSubscriber(ctx, numberA, func(u *mssp.Subscriber) error { u.Name = "x"; return errStop })
		l.wantErr("a change that stops", err, errStop)
		_, err = l.ChangeSubscriber(ctx, "41790000009", func(*mssp.Subscriber) error { return nil })
		l.wantErr("change of an unknown number", err, store.ErrNotFound)
		cards, err := l.Cards(ctx, cardA, 10)
		l.ok(err)
		if len(cards) != 1 || cards[0].ICCID != cardB {
			l.Errorf("%+v", cards)
		}
		st, err := l.Stats(ctx)
		l.ok(err)
		l.same("stats", store.Stats{Cards: 2, Subscribers: 1}, st)
	})
}

func TestKeySets(t *testing.T) {
	onBoth(t, func(l *lab) {
		card := mssp.Card{ICCID: "8941010000000000777", CreatedAt: epoch}
		bad := []mssp.KeySet{{KVN: 1, Keys: []byte{1}, Counter: []byte{2}}, {KVN: 1, Keys: []byte{3}, Counter: []byte{4}}}
		l.wantErr("the same version twice", l.ImportCard(ctx, card, bad), store.ErrExists)
		_, err := l.Card(ctx, card.ICCID)
		l.wantErr("a card whose import failed", err, store.ErrNotFound)
		bad[1].KVN = 15
		l.ok(l.ImportCard(ctx, card, bad))
		bad[0].ICCID, bad[1].ICCID = card.ICCID, card.ICCID
		got, err := l.KeySets(ctx, card.ICCID)
		l.ok(err)
		l.same("key sets", []mssp.KeySet{bad[1], bad[0]}, got)
		l.ok(l.ChangeKeySets(ctx, card.ICCID, func(c mssp.Card, sets []mssp.KeySet) error {
			if c.ICCID != card.ICCID {
				l.Errorf("key sets of %+v", c)
			}
			l.same("key sets to change", []mssp.KeySet{bad[1], bad[0]}, sets)
			sets[1].Counter = append([]byte(nil), 9)
			return nil
		}))
		l.wantErr("update that stops", l.ChangeKeySets(ctx, card.ICCID, func(_ mssp.Card, sets []mssp.KeySet) error {
			sets[1].Counter = nil
			return errStop
		}), errStop)
		one, err := l.KeySet(ctx, card.ICCID, 1)
		l.ok(err)
		if !bytes.Equal(one.Counter, []byte{9}) || !bytes.Equal(one.Keys, []byte{1}) {
			l.Errorf("%+v", one)
		}
		_, err = l.KeySet(ctx, card.ICCID, 2)
		l.wantErr("unknown version", err, store.ErrNotFound)
		l.wantErr("unknown card", l.ChangeKeySets(ctx, "8941010000000000999", nil), store.ErrNotFound)
		var walked []byte
		l.ok(l.AddKeySet(ctx, card.ICCID, func(mssp.Card, []mssp.KeySet) (*mssp.KeySet, error) {
			return &mssp.KeySet{ICCID: card.ICCID, Applet: true, KVN: 2, Keys: []byte{1}, Counter: []byte{1}}, nil
		}))
		for after := (mssp.KeySet{}); ; {
			page, err := l.AllKeySets(ctx, after, 1)
			l.ok(err)
			if len(page) == 0 {
				break
			}
			after = page[0]
			walked = append(walked, after.KVN)
			if after.Applet != (after.KVN == 2) {
				l.Errorf("%+v", after)
			}
		}
		l.same("versions on the walk", []byte{1, 1, 1, 15, 2}, walked)
	})
}

// Supports: 3.5.10-1, 3.5.11-1, W-6
func TestCertificates(t *testing.T) {
	onBoth(t, func(l *lab) {
		c := mssp.Certificate{Serial: "0abc", ICCID: cardA, MSISDN: numberA, Subject: "CN=Ann", NotBefore: epoch, NotAfter: epoch.AddDate(3, 0, 0)}
		l.ok(l.AddCertificate(ctx, c))
		l.wantErr("a serial number twice", l.AddCertificate(ctx, c), store.ErrExists)
		got, err := l.Certificate(ctx, c.Serial)
		l.ok(err)
		c.Status = mssp.CertPending
		l.same("pending", c, got)
		setStatus := func(serial string, to mssp.CertStatus, reason int) error {
			_, err := l.SetCertStatus(ctx, serial, to, reason, epoch)
			return err
		}
		l.wantErr("pending to valid without a signature", setStatus(c.Serial, mssp.CertValid, 0), store.ErrChanged)
		l.ok(l.ConfirmCertificate(ctx, c.Serial, []byte{0x30}))
		l.wantErr("confirmed twice", l.ConfirmCertificate(ctx, c.Serial, []byte{0x31}), store.ErrChanged)
		l.wantErr("confirmed and never recorded", l.ConfirmCertificate(ctx, "ff", []byte{0x31}), store.ErrNotFound)
		for _, s := range []struct {
			to     mssp.CertStatus
			reason int
			err    error
		}{
			{mssp.CertSuspended, 6, nil},
			{mssp.CertValid, 0, nil},
			{mssp.CertSuspended, 6, nil},
			{mssp.CertRevoked, 1, nil},
			{mssp.CertValid, 0, store.ErrChanged},
			{mssp.CertSuspended, 6, store.ErrChanged},
			{mssp.CertRevoked, 4, store.ErrChanged},
			{"odd", 0, store.ErrChanged},
		} {
			l.wantErr("to "+string(s.to), setStatus(c.Serial, s.to, s.reason), s.err)
		}
		l.wantErr("unknown serial", setStatus("ff", mssp.CertRevoked, 0), store.ErrNotFound)
		c.DER, c.Status, c.Reason, c.RevokedAt = []byte{0x30}, mssp.CertRevoked, 1, epoch
		l.ok(l.AddCertificate(ctx, mssp.Certificate{Serial: "0def", ICCID: cardB, Status: mssp.CertPending}))
		of, err := l.CertificatesOf(ctx, cardA)
		l.ok(err)
		l.same("of the card", []mssp.Certificate{c}, of)
		on := mssp.Certificate{Serial: c.Serial, Status: mssp.CertRevoked, Reason: 1, RevokedAt: epoch}
		for want := range int64(3) {
			n, revoked, err := l.NextCRL(ctx)
			if err != nil || n != want+1 {
				l.Errorf("CRL number %d, %v", n, err)
			}
			l.same("revoked", []mssp.Certificate{on}, revoked)
		}
	})
}

// A certificate that is valid again is as it was before, whatever reason is given,
// and in no list.
func TestReactivatedCertificate(t *testing.T) {
	onBoth(t, func(l *lab) {
		c := mssp.Certificate{Serial: "0abc", ICCID: cardA, NotBefore: epoch, NotAfter: epoch.AddDate(3, 0, 0)}
		l.ok(l.AddCertificate(ctx, c))
		l.ok(l.ConfirmCertificate(ctx, c.Serial, []byte{0x30}))
		for _, to := range []mssp.CertStatus{mssp.CertSuspended, mssp.CertValid} {
			_, err := l.SetCertStatus(ctx, c.Serial, to, 6, epoch)
			l.ok(err)
		}
		got, err := l.Certificate(ctx, c.Serial)
		l.ok(err)
		c.DER, c.Status = []byte{0x30}, mssp.CertValid
		l.same("certificate", c, got)
		if _, revoked, err := l.NextCRL(ctx); len(revoked) != 0 || err != nil {
			l.Errorf("revoked: %+v, %v", revoked, err)
		}
	})
}

// The vault on a real store: two openings, one database.
func TestVaultOnStore(t *testing.T) {
	onBoth(t, func(l *lab) {
		_, err := l.Meta(ctx, "ca")
		l.wantErr("no such document", err, store.ErrNotFound)
		l.ok(l.SetMeta(ctx, "ca", []byte("1")))
		l.ok(l.SetMeta(ctx, "ca", []byte("2")))
		if v, err := l.Meta(ctx, "ca"); err != nil || string(v) != "2" {
			l.Errorf("%q, %v", v, err)
		}
		root, err := keys.NewRoot()
		l.ok(err)
		v, err := keys.OpenVault(ctx, root, l.Store, epoch)
		l.ok(err)
		blob, err := v.SealCounter(cardA, 1, 5)
		l.ok(err)
		l.reopen()
		v, err = keys.OpenVault(ctx, root, l.Store, epoch)
		l.ok(err)
		if c, err := v.OpenCounter(cardA, 1, blob); c != 5 || err != nil {
			l.Errorf("%s, %v", c, err)
		}
		ks, err := l.KEKs(ctx)
		l.ok(err)
		if len(ks) != 1 || !ks[0].CreatedAt.Equal(epoch) {
			l.Errorf("%+v", ks)
		}
		l.wantErr("the same number twice", l.AddKEK(ctx, ks[0]), store.ErrExists)
	})
}

func TestTransactionFilter(t *testing.T) {
	onBoth(t, func(l *lab) {
		a := l.accept(newTx()).Tx
		other := newTx()
		other.ICCID, other.AP = cardB, "https://shop.example"
		b := l.accept(other).Tx
		c := l.accept(newTx()).Tx
		l.finish(done(a))
		for name, want := range map[string]struct {
			f   store.TransactionFilter
			ids []mssp.TransID
		}{
			"all":             {store.TransactionFilter{}, []mssp.TransID{c.ID, b.ID, a.ID}},
			"a card":          {store.TransactionFilter{ICCID: cardA}, []mssp.TransID{c.ID, a.ID}},
			"open at a card":  {store.TransactionFilter{ICCID: cardA, Open: true}, []mssp.TransID{c.ID}},
			"an AP":           {store.TransactionFilter{AP: "https://shop.example"}, []mssp.TransID{b.ID}},
			"the second page": {store.TransactionFilter{Before: c.Seq, Limit: 1}, []mssp.TransID{b.ID}},
			"everything set":  {store.TransactionFilter{ICCID: cardB, AP: bank, Open: true, Before: 99}, nil},
		} {
			txs, err := l.Transactions(ctx, want.f)
			l.ok(err)
			var ids []mssp.TransID
			for _, tx := range txs {
				ids = append(ids, tx.ID)
			}
			l.same(name, want.ids, ids)
		}
		if tx, err := l.Earlier(ctx, store.RequestKey{AP: bank, TransID: a.APTransID, Once: true}); err != nil || tx.ID != a.ID {
			l.Errorf("%s, %v", tx.ID, err)
		}
		_, err := l.Earlier(ctx, store.RequestKey{AP: "https://shop.example", TransID: a.APTransID, Once: true})
		l.wantErr("another AP", err, store.ErrNotFound)
		_, err = l.Earlier(ctx, store.RequestKey{Once: true})
		l.wantErr("no AP", err, store.ErrNotFound)
		st, err := l.Stats(ctx)
		l.ok(err)
		if st.Queued != 0 || st.AtCard != 2 || !st.OldestQueued.IsZero() {
			l.Errorf("%+v", st)
		}
	})
}

func TestClosed(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.ok(l.Close())
		defer l.open()
		_, err := l.Accept(ctx, newTx(), nil, seal)
		l.wantErr("Accept", err, store.ErrClosed)
		_, err = l.Transaction(ctx, "h1")
		l.wantErr("Transaction", err, store.ErrClosed)
		l.RecordOutcomesLazy([]store.SegmentOutcome{{ID: 1}})
		l.ok(l.Close())
	})
}
