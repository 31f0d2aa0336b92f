package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/fieldtest"
	"github.com/simsign/simsign/mssp/party"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

// Every field of what is kept in a row comes back, each in its own place: rows
// are stored that differ in one field, as new ones and by a change, and read on
// each way on which they are read.
func TestEveryField(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.everyAP()
		l.everyParty()
		l.everyCard()
		l.everySubscriber()
		l.everyIdentity()
		l.everyDevice()
		l.everyPoP()
		l.everyUnblocking()
		l.everyKeyPair()
		l.everySealed()
		l.everyCertificate()
		l.everySegment()
		l.everyOutcome()
		l.everyPacket()
		l.everyMO()
	})
}

func (l *lab) everyAP() {
	n := 0
	fieldtest.Each(l.T, mssp.AP{}, nil, func(field string, ap mssp.AP) {
		n++
		ap.ID, ap.Version = mssp.APID(fmt.Sprintf("https://%03d.example", n)), 1
		l.ok(l.AddAP(ctx, ap))
		stored := func(what string) {
			all, err := l.APs(ctx) // the removed ones too
			l.ok(err)
			l.same(what+" AP, "+field, ap, all[len(all)-1])
		}
		stored("new")
		for _, to := range []mssp.AP{{CreatedAt: ap.CreatedAt}, ap} {
			_, err := l.ChangeAP(ctx, ap.ID, func(have *mssp.AP) error {
				to.Version = have.Version
				*have = to
				return nil
			})
			l.ok(err)
		}
		ap.Version = 3
		stored("changed")
	})
}

func (l *lab) everyParty() {
	n := 0
	fieldtest.Each(l.T, party.Issuer{}, nil, func(field string, v party.Issuer) {
		n++
		v.ID, v.Version = fmt.Sprintf("issuer-%03d", n), 1
		stored := func(what string) {
			all, err := l.Issuers(ctx) // the removed ones too
			l.ok(err)
			l.same(what+" issuer, "+field, v, all[len(all)-1])
		}
		l.ok(l.AddIssuer(ctx, v))
		stored("new")
		for _, to := range []party.Issuer{{CreatedAt: v.CreatedAt}, v} {
			_, err := l.ChangeIssuer(ctx, v.ID, func(have *party.Issuer) error {
				version := have.Version
				*have = to
				have.Version = version
				return nil
			})
			l.ok(err)
		}
		v.Version = 3
		stored("changed")
	})
	base, other := party.Client{Role: audit.Auditor}, map[string]any{"Role": audit.Operator, "Issuer": "two"}
	for _, id := range []string{"one", "two"} {
		l.ok(l.AddIssuer(ctx, party.Issuer{ID: id}))
	}
	base.Issuer = "one"
	fieldtest.Each(l.T, base, other, func(field string, v party.Client) {
		n++
		v.ID, v.Version = fmt.Sprintf("client-%03d", n), 1
		stored := func(what string) {
			all, err := l.Clients(ctx)
			l.ok(err)
			l.same(what+" client, "+field, v, all[len(all)-1])
		}
		l.ok(l.AddClient(ctx, v))
		stored("new")
		for _, to := range []party.Client{{Role: audit.Administrator, CreatedAt: v.CreatedAt}, v} {
			_, err := l.ChangeClient(ctx, v.ID, func(have *party.Client) error {
				version := have.Version
				*have = to
				have.Version = version
				return nil
			})
			l.ok(err)
		}
		v.Version = 3
		stored("changed")
	})
}

// The lists of an issuer are full pages of what is its own, however much of others lies
// between.
//
// Supports: W-8
func TestListsOfAnIssuer(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.ok(l.AddIssuer(ctx, party.Issuer{ID: "own"}))
		l.ok(l.AddIssuer(ctx, party.Issuer{ID: "other"}))
		for i := range 12 {
			id, n := ota.ICCID(fmt.Sprintf("89410100000055%05d", i)), sms.MSISDN(fmt.Sprintf("4179155%04d", i))
			l.ok(l.ImportCard(ctx, mssp.Card{ICCID: id, Issuer: []string{"own", "other", ""}[i%3]}, nil))
			l.ok(l.AddSubscriber(ctx, mssp.Subscriber{MSISDN: n, ICCID: id, State: mssp.SubscriberActive}))
			_, _, err := l.ChangeSituation(ctx, n, func(s *store.Situation) error {
				s.Duties = append(s.Duties, mssp.Duty{MSISDN: n, ICCID: id, Procedure: mssp.Revoking, Step: mssp.DutyCA})
				return nil
			})
			l.ok(err)
		}
		cards, err := l.CardsOf(ctx, "own", "", 3)
		l.ok(err)
		users, err := l.SubscribersOf(ctx, "own", "", 3)
		l.ok(err)
		duties, err := l.DutiesOf(ctx, "own", 3)
		l.ok(err)
		if len(cards) != 3 || len(users) != 3 || len(duties) != 3 {
			l.Fatalf("%d cards, %d users, %d duties", len(cards), len(users), len(duties))
		}
		for i := range 3 {
			l.same("cards", cards[i].ICCID, users[i].ICCID)
			l.same("issuer", "own", cards[i].Issuer)
		}
		if duties[0].MSISDN != users[0].MSISDN && duties[0].MSISDN != "41791550009" && duties[0].MSISDN != users[1].MSISDN && duties[0].MSISDN != users[2].MSISDN {
			l.Errorf("a duty of somebody else: %s", duties[0].MSISDN)
		}
		cards, err = l.CardsOf(ctx, "own", cards[2].ICCID, 3)
		l.ok(err)
		users, err = l.SubscribersOf(ctx, "own", users[2].MSISDN, 3)
		l.ok(err)
		if len(cards) != 1 || len(users) != 1 {
			l.Errorf("behind them %d cards, %d users", len(cards), len(users))
		}
		if none, err := l.SubscribersOf(ctx, "nobody", "", 3); err != nil || len(none) > 0 {
			l.Errorf("%v, %v", none, err)
		}
	})
}

// A removed issuer is none: it gets no client and no card.
func TestIssuers(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.ok(l.AddIssuer(ctx, party.Issuer{ID: "gone"}))
		_, err := l.ChangeIssuer(ctx, "gone", func(v *party.Issuer) error { v.RemovedAt = epoch; return nil })
		l.ok(err)
		_, err = l.Issuer(ctx, "gone")
		l.wantErr("a removed issuer", err, store.ErrNotFound)
		for _, id := range []string{"gone", "never"} {
			l.wantErr("a client of "+id, l.AddClient(ctx, party.Client{ID: "c", Role: audit.Auditor, Issuer: id}), store.ErrNoIssuer)
			l.wantErr("a card of "+id, l.ImportCard(ctx, mssp.Card{ICCID: "8941010000000004001", Issuer: id}, nil), store.ErrNoIssuer)
			_, err := l.ChangeCard(ctx, cardA, func(c *mssp.Card) error { c.Issuer = id; return nil })
			l.wantErr("a card for "+id, err, store.ErrNoIssuer)
		}
		l.ok(l.AddIssuer(ctx, party.Issuer{ID: "north"}))
		_, err = l.ChangeCard(ctx, cardA, func(c *mssp.Card) error { c.Issuer = "north"; return nil })
		l.ok(err)
		l.ok(l.ImportCard(ctx, mssp.Card{ICCID: cardA, Profile: "other"}, nil)) // again, and of nobody
		if c, err := l.Card(ctx, cardA); err != nil || c.Issuer != "north" || c.Profile != "other" {
			l.Errorf("a card that is imported again: %+v, %v", c, err)
		}
		l.ok(l.AddClient(ctx, party.Client{ID: "crm", Role: audit.Registration, Issuer: "north"}))
		_, err = l.ChangeClient(ctx, "crm", func(v *party.Client) error { v.RemovedAt = epoch; return nil })
		l.ok(err)
		_, err = l.Client(ctx, "crm")
		l.wantErr("a removed client", err, store.ErrNotFound)
		l.wantErr("its id", l.AddClient(ctx, party.Client{ID: "crm", Role: audit.Auditor}), store.ErrExists)
	})
}

func (l *lab) everyCard() {
	n := 0
	for _, id := range []string{"red", "blue"} {
		l.ok(l.AddIssuer(ctx, party.Issuer{ID: id}))
	}
	base, other := mssp.Card{State: mssp.CardActive, Carriage: "own", Applet: mssp.AppletActive, Issuer: "red"}, map[string]any{"State": mssp.CardSuspended, "Carriage": "packet", "Applet": mssp.AppletInstalled, "Issuer": "blue"}
	fieldtest.Each(l.T, base, other, func(field string, c mssp.Card) {
		n++
		c.ICCID, c.Version = ota.ICCID(fmt.Sprintf("8941010000000001%03d", n)), 1
		stored := func(what string) {
			have, err := l.Card(ctx, c.ICCID)
			l.ok(err)
			l.same(what+" card, "+field, c, have)
		}
		l.ok(l.ImportCard(ctx, c, nil))
		stored("new")
		for _, to := range []mssp.Card{{State: mssp.CardActive, CreatedAt: c.CreatedAt}, c} {
			_, err := l.ChangeCard(ctx, c.ICCID, func(have *mssp.Card) error {
				to.Version = have.Version
				*have = to
				return nil
			})
			l.ok(err)
		}
		c.Version = 3
		stored("changed")
	})
}

func (l *lab) everySubscriber() {
	n := 0
	base, other := mssp.Subscriber{ICCID: cardA, State: mssp.SubscriberRemoved}, map[string]any{"State": mssp.SubscriberActive, "ICCID": cardB}
	fieldtest.Each(l.T, base, other, func(field string, u mssp.Subscriber) {
		n++
		u.MSISDN, u.Version = sms.MSISDN(fmt.Sprintf("41790002%03d", n)), 1
		stored := func(what string) {
			page, err := l.Subscribers(ctx, u.MSISDN[:len(u.MSISDN)-1], 1000)
			l.ok(err)
			l.same(what+" subscriber, "+field, u, page[len(page)-1])
		}
		l.ok(l.AddSubscriber(ctx, u))
		stored("new")
		for _, to := range []mssp.Subscriber{{ICCID: cardB, State: mssp.SubscriberRemoved, CreatedAt: u.CreatedAt}, u} {
			_, err := l.ChangeSubscriber(ctx, u.MSISDN, func(have *mssp.Subscriber) error {
				to.Version = have.Version
				*have = to
				return nil
			})
			l.ok(err)
		}
		u.Version = 3
		stored("changed")
		_, err := l.ChangeSubscriber(ctx, u.MSISDN, func(u *mssp.Subscriber) error { u.State = mssp.SubscriberRemoved; return nil }) // the card is free again
		l.ok(err)
	})
}

func (l *lab) everyIdentity() {
	n := 0
	fieldtest.Each(l.T, mssp.Identity{How: mssp.ByEID}, map[string]any{"How": mssp.ByKiosk}, func(field string, i mssp.Identity) {
		n++
		i.MSISDN, i.Version = sms.MSISDN(fmt.Sprintf("41790003%03d", n)), 1
		l.ok(l.AddSubscriber(ctx, mssp.Subscriber{MSISDN: i.MSISDN, ICCID: l.freshCard(), State: mssp.SubscriberActive}))
		have, err := l.Identify(ctx, i)
		l.ok(err)
		l.same("new identity, "+field, i, have)
		l.ok(nothing(l.Identify(ctx, mssp.Identity{MSISDN: i.MSISDN, How: mssp.FaceToFace})))
		l.ok(nothing(l.Identify(ctx, i)))
		i.Version = 3
		have, err = l.Identity(ctx, i.MSISDN)
		l.ok(err)
		l.same("identity written over, "+field, i, have)
	})
}

func (l *lab) everyDevice() {
	n := 0
	fieldtest.Each(l.T, mssp.Device{}, nil, func(field string, d mssp.Device) {
		n++
		d.MSISDN, d.Version = sms.MSISDN(fmt.Sprintf("41790013%03d", n)), 1
		l.ok(l.AddSubscriber(ctx, mssp.Subscriber{MSISDN: d.MSISDN, ICCID: l.freshCard(), State: mssp.SubscriberActive}))
		if d.Owner != "" {
			d.Owner = sms.MSISDN(fmt.Sprintf("41790014%03d", n))
			l.ok(l.AddSubscriber(ctx, mssp.Subscriber{MSISDN: d.Owner, ICCID: l.freshCard(), State: mssp.SubscriberActive}))
		}
		have, err := l.SetDevice(ctx, d)
		l.ok(err)
		l.same("new device, "+field, d, have)
		l.ok(nothing(l.SetDevice(ctx, mssp.Device{MSISDN: d.MSISDN})))
		l.ok(nothing(l.SetDevice(ctx, d)))
		d.Version = 3
		have, err = l.Device(ctx, d.MSISDN)
		l.ok(err)
		l.same("device written over, "+field, d, have)
	})
}

func (l *lab) everyUnblocking() {
	fieldtest.Each(l.T, mssp.Unblocking{Version: 2}, nil, func(field string, u mssp.Unblocking) {
		if u.ICCID, u.Version = l.freshCard(), 2; field == "Version" {
			return
		}
		if has, err := l.HasUnblocking(ctx, u.ICCID); has || err != nil {
			l.Errorf("a card without an unblocking code has one: %v", err)
		}
		l.ok(l.KeepUnblocking(ctx, u.ICCID, u.Sealed))
		if has, err := l.HasUnblocking(ctx, u.ICCID); !has || err != nil {
			l.Errorf("a card with an unblocking code has none: %v", err)
		}
		l.ok(l.KeepUnblocking(ctx, u.ICCID, []byte("another")))
		have, err := l.ShowUnblocking(ctx, u, false)
		l.ok(err)
		l.same("unblocking code, "+field, u, have)
		_, err = l.ShowUnblocking(ctx, u, false)
		l.wantErr("a second time", err, store.ErrChanged)
		l.ok(nothing(l.ShowUnblocking(ctx, u, true)))
	})
}

func (l *lab) everyPoP() {
	n := 0
	base, other := mssp.PoP{Channel: mssp.PoPBySMS, State: mssp.PoPGiven}, map[string]any{"Channel": mssp.PoPByPrint, "State": mssp.PoPSpent}
	fieldtest.Each(l.T, base, other, func(field string, p mssp.PoP) {
		n++
		p.MSISDN, p.Version = sms.MSISDN(fmt.Sprintf("41790004%03d", n)), 1
		l.ok(l.AddSubscriber(ctx, mssp.Subscriber{MSISDN: p.MSISDN, ICCID: l.freshCard(), State: mssp.SubscriberActive}))
		l.ok(l.GivePoP(ctx, p))
		have, err := l.PoP(ctx, p.MSISDN)
		l.ok(err)
		l.same("code, "+field, p, have)
		l.ok(l.GivePoP(ctx, mssp.PoP{MSISDN: p.MSISDN, Channel: mssp.PoPByEmail, State: mssp.PoPUsed}))
		l.ok(l.GivePoP(ctx, p))
		p.Version = 3
		have, err = l.PoP(ctx, p.MSISDN)
		l.ok(err)
		l.same("code in the place of another, "+field, p, have)
	})
}

func (l *lab) everyKeyPair() {
	l.ok(l.AddSubscriber(ctx, mssp.Subscriber{MSISDN: numberA, ICCID: cardA, State: mssp.SubscriberActive}))
	slot := byte(0)
	base, other := mssp.KeyPair{ICCID: cardA, Usage: mssp.Authentication, State: mssp.KeyGenerated}, map[string]any{"ICCID": cardB, "State": mssp.KeyRegistered}
	fieldtest.Each(l.T, base, other, func(field string, k mssp.KeyPair) {
		slot++
		k.Slot, k.Version = slot, store.Absent
		stored := func(what string) {
			all, err := l.KeyPairs(ctx, k.ICCID)
			l.ok(err)
			l.same(what+" key pair, "+field, k, all[len(all)-1])
		}
		put := func(k mssp.KeyPair) { l.ok(l.PutKeyPairs(ctx, []mssp.KeyPair{k})) }
		put(k)
		k.Version = 1
		stored("new")
		put(mssp.KeyPair{ICCID: k.ICCID, Slot: k.Slot, State: mssp.KeyDeleted})
		k.Version = 0
		put(k)
		k.Version = 3
		stored("changed")
		if _, _, used, err := l.Lookup(ctx, numberA); k.ICCID == cardA {
			l.ok(err)
			k.CSR = nil // see Lookup
			l.same("key pair of a number, "+field, k, used[len(used)-1])
		}
	})
}

// everySealed looks at what only the keys of the installation open.
func (l *lab) everySealed() {
	n := 1
	fieldtest.Each(l.T, mssp.KeySet{ICCID: "8941010000000002001"}, map[string]any{"ICCID": "8941010000000002002"}, func(field string, ks mssp.KeySet) {
		n++
		ks.KVN = byte(n)
		l.ok(l.ImportCard(ctx, mssp.Card{ICCID: ks.ICCID}, []mssp.KeySet{ks}))
		stored := func(what string) {
			sets, err := l.KeySets(ctx, ks.ICCID)
			l.ok(err)
			l.same(what+" key set, "+field, ks, sets[slices.IndexFunc(sets, func(s mssp.KeySet) bool { return s.KVN == ks.KVN })])
		}
		stored("new")
		ks.Keys, ks.Counter = append(ks.Keys, 1), append(ks.Counter, 2)
		l.ok(l.ChangeKeySets(ctx, ks.ICCID, func(_ mssp.Card, sets []mssp.KeySet) error {
			sets[slices.IndexFunc(sets, func(s mssp.KeySet) bool { return s.KVN == ks.KVN })] = ks
			return nil
		}))
		stored("changed")
	})
	fieldtest.Each(l.T, keys.WrappedKEK{}, nil, func(field string, k keys.WrappedKEK) {
		n++
		k.ID = uint32(n)
		l.ok(l.AddKEK(ctx, k))
		all, err := l.KEKs(ctx)
		l.ok(err)
		l.same("key-encryption key, "+field, k, all[len(all)-1])
	})
}

func (l *lab) everyCertificate() {
	n := 0
	base, other := mssp.Certificate{Status: mssp.CertValid, Reason: 1}, map[string]any{"Status": mssp.CertSuspended}
	fieldtest.Each(l.T, base, other, func(field string, c mssp.Certificate) {
		n++
		c.Serial, c.KeyHash = fmt.Sprintf("%04x", n), fmt.Sprintf("%064x", n)
		l.ok(l.AddCertificate(ctx, c))
		have, err := l.Certificate(ctx, c.Serial)
		l.ok(err)
		l.same("certificate, "+field, c, have)
	})
}

// Every field of a transaction that its row keeps is the same after its whole
// life, a late answer included.
func TestEveryFieldOfTransactions(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.authenticated()
		n := 0
		base := mssp.Transaction{ICCID: cardA, Kind: mssp.KindSign, Mode: mssp.Synch, Ended: mssp.EventCancelled}
		other := map[string]any{"ICCID": cardB, "Kind": mssp.KindCode, "Mode": mssp.AsynchClientServer, "Ended": mssp.EventExpired}
		fieldtest.Each(t, base, other, func(field string, tx mssp.Transaction) {
			n++
			tx.ID, tx.APTransID = mssp.TransID(fmt.Sprintf("h%025d", n)), fmt.Sprintf("%s %d", tx.APTransID, n)
			asked := tx // without what comes later
			asked.Status, asked.Detail, asked.Result, asked.SentAt, asked.FinishedAt = 0, "", nil, time.Time{}, time.Time{}
			asked.Ended, asked.EndedBy, asked.Late, asked.LateAt, asked.Erased, asked.Damage = "", "", "", time.Time{}, "", ""
			r := l.accept(asked)
			l.same("accepted, "+field, r.Tx, l.transaction(tx.ID))
			end := l.finish(store.Finish{TxID: tx.ID, Event: tx.Ended, Status: tx.Status, Detail: tx.Detail, Result: tx.Result, By: tx.EndedBy, At: tx.FinishedAt})
			l.same("ended, "+field, end.Tx, l.transaction(tx.ID))
			_, _, err := l.AnsweredLate(ctx, store.Late{TxID: tx.ID, What: tx.Late, At: tx.LateAt})
			l.ok(err)
			// What is not the requester's to say.
			tx.Seq, tx.State, tx.Attempt, tx.SentAt, tx.Version, tx.Erased, tx.Damage = r.Tx.Seq, mssp.Failed, 1, tx.CreatedAt, 3, "", ""
			have := l.transaction(tx.ID)
			l.same("after the late answer, "+field, tx, have)
			if zero := fieldtest.Zero(t, have); field == "" && !slices.Equal(zero, []string{"Erased", "Damage"}) { // of what is erased, see TestEraseByKind
				l.Errorf("nobody has stored %v", zero)
			}
			have, _, err = l.OpenByPacket(ctx, store.Packet{ICCID: tx.ICCID, TAR: r.Dispatched.Packet.TAR, CNTR: r.Dispatched.Packet.CNTR})
			l.ok(err)
			l.same("found by its packet, "+field, tx, have)
		})
	})
}

func (l *lab) everySegment() {
	never := []string{"Ref", "Elsewhere"} // leave the process, see bearer.Segment
	fieldtest.Each(l.T, bearer.Segment{}, nil, func(field string, s bearer.Segment) {
		if slices.Contains(never, field) {
			return
		}
		s.Ref, s.Elsewhere = "", false
		texts, err := l.EnqueueText(ctx, []bearer.Segment{s})
		l.ok(err)
		claimed, err := l.ClaimSegments(ctx, epoch, upTo(10))
		l.ok(err)
		s.ID = texts[0].ID
		want := store.Outbound{Segment: s, Part: 1, Parts: 1, State: store.SegSent, Tries: 1, NextAt: epoch, ExpiresAt: epoch.Add(s.Validity)}
		l.same("segment of a text, "+field, []store.Outbound{want}, claimed)
		d, _ := l.dispatch(func(sd *store.Sealed) { sd.Segments = []bearer.Segment{s} })
		want.ID, want.TxID, want.ICCID, want.CNTR, want.ExpiresAt = d.Segments[0].ID, d.Tx.ID, d.Tx.ICCID, d.Packet.CNTR, d.Tx.Deadline
		want.For = string(d.Tx.AP) // whatever the seal says
		have, err := l.Segments(ctx, d.Tx.ID)
		l.ok(err)
		l.same("segment of a packet, "+field, []store.Outbound{want}, have)
	})
}

// dispatch sends a packet, which f has changed before, and ends its transaction.
func (l *lab) dispatch(f func(*store.Sealed)) (*store.Dispatched, mssp.Transaction) {
	l.Helper()
	r, err := l.Accept(ctx, newTx(), nil, func(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
		sd, err := seal(tx, ks)
		f(&sd)
		return sd, err
	})
	l.ok(err)
	return r.Dispatched, l.finish(done(r.Tx)).Tx
}

func (l *lab) everyOutcome() {
	for _, many := range []bool{false, true} { // a statement each, and one for all
		fieldtest.Each(l.T, store.SegmentOutcome{State: store.SegRejected}, map[string]any{"State": store.SegQueued}, func(field string, o store.SegmentOutcome) {
			d, _ := l.dispatch(func(sd *store.Sealed) { sd.Segments = slices.Repeat(sd.Segments[:1], 16) })
			want, all := d.Segments, []store.SegmentOutcome(nil)
			for i := range want {
				if o.ID = want[i].ID; many || i == 3 {
					want[i].State, want[i].Route, want[i].MessageID, want[i].NextAt = o.State, o.Route, o.MessageID, o.NextAt
					all = append(all, o)
				}
			}
			l.ok(l.RecordOutcomes(ctx, all))
			have, err := l.Segments(ctx, d.Tx.ID)
			l.ok(err)
			l.same("outcome, "+field, want, have)
		})
	}
}

func (l *lab) everyPacket() {
	n := ota.CNTR(1000)
	ofApplet := mssp.KeySet{ICCID: cardA, Applet: true, KVN: 5, Keys: []byte{1}, Counter: []byte{2}}
	l.ok(l.ImportCard(ctx, mssp.Card{ICCID: cardA, Profile: "test"}, []mssp.KeySet{ofApplet}))
	fieldtest.Each(l.T, store.Packet{}, nil, func(field string, p store.Packet) {
		n++
		p.CNTR, p.Request[15] = n, byte(n-1000)
		d, tx := l.dispatch(func(sd *store.Sealed) {
			if sd.Packet = p; p.Applet {
				sd.Counter, sd.Applet = nil, &ofApplet
			}
		})
		p.TxID, p.ICCID, p.KVN, p.Attempt, p.SealedAt = tx.ID, tx.ICCID, d.Packet.KVN, 1, tx.CreatedAt
		l.same("sealed packet, "+field, p, d.Packet)
		have, err := l.Packets(ctx, tx.ID)
		l.ok(err)
		l.same("packet, "+field, []store.Packet{p}, have)
		_, found, err := l.OpenByPacket(ctx, store.Packet{ICCID: p.ICCID, Request: p.Request})
		l.ok(err)
		l.same("packet of an answer that names the request, "+field, p, found)
		byCounter, is := store.Packet{ICCID: p.ICCID, TAR: p.TAR, CNTR: p.CNTR}, error(nil)
		if p.Applet {
			is = mssp.ErrNotFound // its counter is in no response packet
		}
		_, again, err := l.OpenByPacket(ctx, byCounter)
		if !errors.Is(err, is) || err == nil && again != found {
			l.Errorf("packet of an answer, %s: %+v, %v", field, again, err)
		}
		if zero := fieldtest.Zero(l.T, found); len(zero) > 0 && !slices.Equal(zero, []string{"Applet"}) {
			l.Errorf("nobody has stored %v", zero)
		}
	})
}

// A message from a card is kept with every field, or a field does not make it
// another message: networks bring the same one again by another way.
func (l *lab) everyMO() {
	theSame := []string{"", "Bearer", "Dest", "PID", "DCS", "ReceivedAt"}
	n := uint16(0)
	fieldtest.Each(l.T, bearer.MO{}, nil, func(field string, mo bearer.MO) {
		n++
		ref := store.ConcatRef{Ref: n, Total: 2, Part: 1}
		_, err := l.SaveMO(ctx, mo, ref)
		l.ok(err)
		second := mo
		ref.Part, second.UDH, second.UD = 2, []byte{2}, []byte{3}
		_, err = l.SaveMO(ctx, second, ref)
		l.ok(err)
		pending, err := l.PendingMO(ctx)
		l.ok(err)
		want := store.Joined{
			ID: pending[0].ID, Source: mo.Source, UDH: mo.UDH, UD: append(slices.Clone(mo.UD), 3), At: mo.ReceivedAt,
			Variants: [][]store.Piece{{{UDH: mo.UDH, UD: mo.UD}}, {{UDH: []byte{2}, UD: []byte{3}}}}, Stored: 2,
		}
		l.same("message of two parts, "+field, []store.Joined{want}, pending)
		l.ok(l.ConsumeMO(ctx, want.ID))
		r, err := l.SaveMO(ctx, mo, store.ConcatRef{})
		l.ok(err)
		if again := field != "" && slices.Contains(theSame, field); r.Duplicate != again {
			l.Errorf("another %s: the same message %v, want %v", field, r.Duplicate, again)
		}
	})
	// An answer that ended its transaction, and comes again.
	tx, mo := newTx(), fieldtest.Filled(l.T, bearer.MO{})
	l.accept(tx)
	f := done(tx)
	f.MO = &mo
	l.finish(f)
	fieldtest.Each(l.T, mo, nil, func(field string, other bearer.MO) {
		f.MO = &other
		if r, again := l.finish(f), slices.Contains(theSame, field); r.Redelivered != again {
			l.Errorf("an answer with another %s: the same message %v, want %v", field, r.Redelivered, again)
		}
	})
}
