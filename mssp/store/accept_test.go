package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
)

// Supports: F1, I3
func TestAcceptDispatches(t *testing.T) {
	onBoth(t, func(l *lab) {
		tx := newTx()
		r := l.accept(tx)
		if r.Duplicate || r.Ahead != 0 || r.Dispatched == nil || r.Tx.State != mssp.Sending || r.Tx.Attempt != 1 {
			l.Fatalf("%+v", r)
		}
		stored := l.wantState(tx.ID, mssp.Sending)
		if diff := cmp.Diff(r.Tx, stored); diff != "" {
			l.Errorf("answered and stored differ: %s", diff)
		}
		if diff := cmp.Diff(r.Dispatched.Tx, stored); diff != "" {
			l.Errorf("dispatched and stored differ: %s", diff)
		}
		segs, err := l.Segments(ctx, tx.ID)
		l.ok(err)
		if diff := cmp.Diff(r.Dispatched.Segments, segs); diff != "" || len(segs) != 2 || segs[0].ID == 0 || segs[1].State != store.SegSent {
			l.Errorf("segments: %s", diff)
		}
		ps, err := l.Packets(ctx, tx.ID)
		l.ok(err)
		if diff := cmp.Diff([]store.Packet{r.Dispatched.Packet}, ps); diff != "" {
			l.Errorf("packets: %s", diff)
		}
		got, p, err := l.OpenByPacket(ctx, store.Packet{ICCID: cardA, TAR: p1TAR, CNTR: 1})
		l.ok(err)
		if got.ID != tx.ID || p != ps[0] {
			l.Errorf("OpenByPacket: %s, %+v", got.ID, p)
		}
		ks, err := l.KeySet(ctx, cardA, 1)
		l.ok(err)
		if !bytes.Equal(ks.Counter, []byte{0, 0, 0, 0, 0, 0, 0, 1}) {
			l.Errorf("counter %x", ks.Counter)
		}
	})
}

var p1TAR = ota.TAR{0xB0, 0, 1}

func TestOpenByPacketRefuses(t *testing.T) {
	onBoth(t, func(l *lab) {
		l.accept(newTx())
		for _, c := range []struct {
			iccid ota.ICCID
			tar   ota.TAR
			cntr  ota.CNTR
		}{{cardB, p1TAR, 1}, {cardA, ota.TAR{1, 2, 3}, 1}, {cardA, p1TAR, 2}, {cardA, p1TAR, 0}} {
			_, _, err := l.OpenByPacket(ctx, store.Packet{ICCID: c.iccid, TAR: c.tar, CNTR: c.cntr})
			l.wantErr(fmt.Sprint(c), err, store.ErrNotFound)
		}
	})
}

func TestAcceptTwice(t *testing.T) {
	onBoth(t, func(l *lab) {
		tx := newTx()
		tx.Instant = 17
		first := l.accept(tx)
		again := newTx()
		again.Instant, again.APTransID, again.RequestHash = 17, first.Tx.APTransID, []byte{9}
		for range 2 { // at the busy card, then at the idle one
			r := l.accept(again)
			if !r.Duplicate || r.Tx.ID != first.Tx.ID || r.Dispatched != nil || !bytes.Equal(r.Tx.RequestHash, []byte{1, 2, 3}) {
				l.Fatalf("%+v", r)
			}
			l.finish(done(first.Tx))
		}
		// The place at the card was given back.
		if r := l.accept(newTx()); r.Dispatched == nil {
			l.Error("the card is not idle after a duplicate")
		}
		other := newTx()
		other.AP, other.APTransID, other.Instant = "https://shop.example", first.Tx.APTransID, 17
		if r := l.accept(other); r.Duplicate {
			l.Error("the AP_TransID of another AP counts")
		}
		same := newTx()
		same.ID = first.Tx.ID
		_, err := l.Accept(ctx, same, nil, seal)
		l.wantErr("the same MSSP_TransID", err, store.ErrExists)
		for range 2 { // the operator's own have no AP
			own := newTx()
			own.AP, own.APTransID, own.ICCID = "", "", cardB
			if r := l.accept(own); r.Duplicate {
				l.Error("two transactions without AP are the same")
			}
		}
	})
}

// A card may have no key at all, and the way to it no counter of ours: its packets are told
// apart by their transactions and attempts.
func TestCardWithoutKeys(t *testing.T) {
	onBoth(t, func(l *lab) {
		const bare = "8941010000000000777"
		l.ok(l.ImportCard(ctx, mssp.Card{ICCID: bare, Carriage: "own"}, nil))
		plain := func(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
			if ks.KVN != 0 || len(ks.Applet) > 0 || ks.Carriage != "own" {
				l.Errorf("keys %+v", ks)
			}
			return store.Sealed{Packet: store.Packet{TAR: ota.TAR{0xB0, 0, 1}}, Segments: []bearer.Segment{{Dest: tx.MSISDN, UD: []byte{1}, Validity: time.Minute}}, Claim: true}, nil
		}
		seen := map[ota.CNTR]bool{}
		for range 3 {
			tx := newTx()
			tx.ICCID = bare
			res, err := l.Accept(ctx, tx, nil, plain)
			l.ok(err)
			if p := res.Dispatched.Packet; p.KVN != 0 || p.Applet || seen[p.CNTR] {
				l.Errorf("packet %+v", p)
			} else {
				seen[p.CNTR] = true
			}
			ps, err := l.Packets(ctx, tx.ID)
			if err != nil || len(ps) != 1 || ps[0].CNTR != res.Dispatched.Packet.CNTR || ps[0].KVN != 0 {
				l.Errorf("stored %+v, %v", ps, err)
			}
			l.finish(done(res.Tx))
		}
	})
}

func TestAcceptRefuses(t *testing.T) {
	onBoth(t, func(l *lab) {
		tx := newTx()
		tx.ICCID = "8941010000000000999"
		_, err := l.Accept(ctx, tx, nil, seal)
		l.wantErr("unknown card", err, store.ErrNotFound)

		broken := errors.New("out of order")
		_, err = l.Accept(ctx, newTx(), nil, func(*mssp.Transaction, mssp.CardKeys) (store.Sealed, error) { return store.Sealed{}, broken })
		l.wantErr("a SealFunc that fails", err, broken)
		_, err = l.Accept(ctx, newTx(), nil, func(*mssp.Transaction, mssp.CardKeys) (store.Sealed, error) { return store.Sealed{}, nil })
		if err == nil {
			l.Error("an empty packet is accepted")
		}
		for _, p := range []store.Packet{{KVN: 1}, {Applet: true, KVN: 1}} {
			if _, err := l.Accept(ctx, newTx(), nil, func(*mssp.Transaction, mssp.CardKeys) (store.Sealed, error) {
				return store.Sealed{Packet: p, Segments: []bearer.Segment{{UD: []byte{1}}}}, nil
			}); err == nil {
				l.Errorf("a packet without its counter is accepted: %+v", p)
			}
		}
		if txs, err := l.Transactions(ctx, store.TransactionFilter{}); err != nil || len(txs) != 0 {
			l.Errorf("%d transactions are stored, %v", len(txs), err)
		}
		ended, cancel := cancelled()
		cancel()
		_, err = l.Accept(ended, newTx(), nil, seal)
		if err == nil {
			l.Error("a job whose context has ended is run")
		}
	})
}

// A fault of the SealFunc is an answer: stored, final, and the card goes on.
func TestAcceptFault(t *testing.T) {
	onBoth(t, func(l *lab) {
		odd := newTx()
		odd.AppletTxn |= 1
		r, err := l.Accept(ctx, odd, nil, refuseOdd)
		l.ok(err)
		if r.Tx.State != mssp.Failed || r.Tx.Status != mssp.OTAError || r.Dispatched != nil {
			l.Fatalf("%+v", r)
		}
		tx := l.wantState(odd.ID, mssp.Failed)
		if tx.Detail != errFault.Detail || !tx.FinishedAt.Equal(epoch) || tx.Attempt != 0 {
			l.Errorf("%+v", tx)
		}
		if r := l.accept(newTx()); r.Dispatched == nil {
			l.Error("the card is not idle after a refused packet")
		}
	})
}
