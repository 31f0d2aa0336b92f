package store_test

import (
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// A number that gets another card leaves nothing open at the old one: who waited there is
// told, no segment leaves, nothing is accepted for it any more, its pairs are on their way to be
// revoked without what is personal, and certificates that are about to be issued are not.
//
// Supports: 5.5-1
func TestMoveToCard(t *testing.T) {
	onBoth(t, func(l *lab) {
		u, to := l.certified(), l.freshCard()
		ks, err := l.KeyPairs(ctx, u.ICCID)
		l.ok(err)
		ks[0].CertDER, ks[0].CSR = []byte{1}, []byte{2}
		l.ok(l.PutKeyPairs(ctx, append(ks, mssp.KeyPair{ICCID: u.ICCID, Slot: 2, Usage: 1, State: mssp.KeyRequested, PublicKey: []byte{2}})))
		pending := mssp.Certificate{Serial: fresh("%08x"), ICCID: u.ICCID, MSISDN: u.MSISDN, NotBefore: epoch, NotAfter: epoch.Add(time.Hour), KeyHash: fresh("%064x")}
		l.ok(l.AddCertificate(ctx, pending))
		untold := pending
		untold.Serial, untold.KeyHash = fresh("%08x"), fresh("%064x")
		l.ok(l.AddCertificate(ctx, untold))
		l.ok(l.ConfirmCertificate(ctx, untold.Serial, []byte{1}))
		order := func() mssp.Transaction {
			return mssp.Transaction{ID: mssp.TransID(fresh("moved-%d")), Kind: mssp.KindSign, MSISDN: u.MSISDN, ICCID: u.ICCID, CreatedAt: epoch, Deadline: epoch.Add(time.Hour)}
		}
		for range 2 {
			l.ok(nothing(l.Accept(ctx, order(), nil, sealUnclaimed)))
		}
		c, ended, err := l.MoveToCard(ctx, u.MSISDN, to, leavesCard)
		l.ok(err)
		if len(ended) != 2 || len(c.Loose) != 1 || c.Loose[0] != untold.Serial || c.Moved {
			t.Errorf("%d ended, %+v", len(ended), c)
		}
		for i := range ended {
			if tx := l.transaction(ended[i].ID); tx.State != mssp.Failed || tx.Status != mssp.NoKeyFound || tx.Ended != mssp.EventCancelled || tx.EndedBy == "" {
				t.Errorf("%+v", tx)
			}
			segs, err := l.Segments(ctx, ended[i].ID)
			l.ok(err)
			for _, s := range segs {
				if s.State == store.SegQueued || s.State == store.SegAmbiguous {
					t.Errorf("%+v", s)
				}
			}
		}
		_, err = l.Accept(ctx, order(), nil, seal)
		if f, ok := err.(*mssp.Fault); !ok || f.Code != mssp.NoKeyFound {
			t.Errorf("accepted for the old card: %v", err)
		}
		l.wantErr("a certificate that was pending", l.ConfirmCertificate(ctx, pending.Serial, []byte{1}), store.ErrChanged)
		sub, card, keys, err := l.Lookup(ctx, u.MSISDN)
		l.ok(err)
		if sub.ICCID != to || card.ICCID != to || len(keys) != 0 || sub.Version != 2 {
			t.Errorf("%+v %+v %v", sub, card, keys)
		}
		old, err := l.KeyPairs(ctx, u.ICCID)
		l.ok(err)
		if old[0].State != mssp.KeyRevoking || old[0].CertDER != nil || old[0].CSR != nil || old[1].State != mssp.KeyDeleted {
			t.Errorf("%+v", old)
		}
		l.settlesAtOld(u, to, untold.Serial)
	})
}

// settlesAtOld: what a CA confirms reaches the pair on the old card, and who is erased
// leaves nothing that is not confirmed.
func (l *lab) settlesAtOld(u mssp.Subscriber, to any, untold string) {
	l.Helper()
	sit, err := l.Situation(ctx, u.MSISDN)
	l.ok(err)
	if len(sit.Former) != 1 || sit.Former[0].ICCID != u.ICCID || sit.Card.ICCID != to {
		l.Errorf("%+v", sit)
	}
	sit, _, err = l.ChangeSituation(ctx, u.MSISDN, func(s *store.Situation) error {
		s.Former[0].State, s.Duties[0].Serials = mssp.KeyRevoked, []string{untold}
		return nil
	})
	l.ok(err)
	old, err := l.KeyPairs(ctx, u.ICCID)
	l.ok(err)
	if old[0].State != mssp.KeyRevoked {
		l.Errorf("%+v", old)
	}
	l.ok(l.EraseUser(ctx, u.MSISDN, epoch))
	ds, err := l.OpenDuties(ctx, epoch.AddDate(1, 0, 0), 10)
	l.ok(err)
	found := false
	for i := range ds {
		found = found || ds[i].MSISDN == "" && len(ds[i].Serials) == 1 && ds[i].Serials[0] == untold
		if ds[i].ID == sit.Duties[0].ID {
			l.Errorf("%+v", ds[i])
		}
	}
	if !found {
		l.Errorf("nobody has %s revoked: %+v", untold, ds)
	}
}
