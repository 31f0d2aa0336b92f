package operator

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/abuse"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// txStore has transactions.
type txStore struct {
	Store
	asked store.TransactionFilter
	txs   []mssp.Transaction
}

func (s *txStore) Transactions(_ context.Context, f store.TransactionFilter) ([]mssp.Transaction, error) {
	s.asked = f
	return s.txs, nil
}

func (s *txStore) Transaction(_ context.Context, id mssp.TransID) (mssp.Transaction, error) {
	for i := range s.txs {
		if s.txs[i].ID == id {
			return s.txs[i], nil
		}
	}
	return mssp.Transaction{}, mssp.ErrNotFound
}

func (s *txStore) Reach(_ context.Context, tx *mssp.Transaction) (mssp.Reach, error) {
	if tx.State.Final() {
		return "", errors.New("asked for the reach of one that has ended")
	}
	return mssp.ReachOff, nil
}

// A transaction is shown with all that an operator may see of it: numbers
// masked, and nothing of what was signed.
func TestTransactions(t *testing.T) {
	s, _, _ := newService(t)
	at := func(n int) time.Time { return s.Clock().Add(time.Duration(n) * time.Second) }
	open := mssp.Transaction{
		ID: "h1", Seq: 7, Kind: mssp.KindSign, AP: "ap://bank", APTransID: "A1", MSISDN: "41790000001", ICCID: iccid1, Profile: profile1,
		State: mssp.Waiting, Attempt: 2, CreatedAt: at(1), SentAt: at(2), Deadline: at(3),
	}
	ended := open
	ended.ID, ended.State, ended.FinishedAt, ended.EndedBy, ended.Status, ended.Detail = "h2", mssp.Failed, at(4), "root", mssp.ExpiredTransaction, "cancelled"
	ended.Late, ended.LateAt = "signed", at(5)
	st := &txStore{txs: []mssp.Transaction{open, ended}}
	s.Store = st
	shown := TxInfo{
		ID: "h1", Seq: 7, Kind: mssp.KindSign, AP: "ap://bank", APTransID: "A1", MSISDN: "417******01", ICCID: "****0001", Profile: profile1,
		State: mssp.Waiting, Progress: mssp.ReachOff.Progress(), Attempts: 2, Accepted: at(1), Sent: at(2), Deadline: at(3),
	}
	over := shown
	over.ID, over.State, over.Progress, over.Ended, over.EndedBy, over.Status, over.Detail = "h2", mssp.Failed, "", at(4), "root", mssp.ExpiredTransaction, "cancelled"
	over.Late, over.LateAt = "signed", at(5)
	shown.MSISDN, over.MSISDN = sms.MSISDN("41790000001").LogValue().String(), sms.MSISDN("41790000001").LogValue().String()
	if strings.Contains(shown.MSISDN, "790000") {
		t.Fatal(shown.MSISDN)
	}
	for what, c := range map[string]struct {
		page TxPage
		want store.TransactionFilter
	}{
		"open":       {TxPage{}, store.TransactionFilter{Open: true}},
		"all":        {TxPage{All: true}, store.TransactionFilter{}},
		"a card":     {TxPage{ICCID: iccid1}, store.TransactionFilter{Open: true, ICCID: iccid1}},
		"a provider": {TxPage{AP: "ap://bank"}, store.TransactionFilter{Open: true, AP: "ap://bank"}},
		"before":     {TxPage{Before: 9}, store.TransactionFilter{Open: true, Before: 9}},
		"1,000":      {TxPage{Limit: 1000}, store.TransactionFilter{Open: true, Limit: 1000}},
		"1,001":      {TxPage{Limit: 1001}, store.TransactionFilter{Open: true, Limit: 1000}},
		"negative":   {TxPage{Limit: -1}, store.TransactionFilter{Open: true}},
	} {
		got, err := s.Transactions(t.Context(), c.page)
		if err != nil || st.asked != c.want || !reflect.DeepEqual(got, []TxInfo{shown, over}) {
			t.Errorf("%s: asked for %+v, %v\n%+v\nwant %+v", what, st.asked, err, got, []TxInfo{shown, over})
		}
	}
	_, err := s.Transactions(t.Context(), TxPage{ICCID: "12"})
	wantBad(t, "card", err, "ICCID needs 18 to 20 decimal digits, have 2 characters")
	if got, err := s.Transaction(t.Context(), TxName{ID: "h2"}); err != nil || !reflect.DeepEqual(got, over) {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = s.Transaction(t.Context(), TxName{ID: "h3"})
	wantReason(t, err, Refusal{Reason: NoSuchTransaction, Detail: "no transaction has this MSSP_TransID"})
}

// Who cancels is on record, and hears why it could not be done.
func TestCancelTransaction(t *testing.T) {
	s, _, _ := newService(t)
	ctx := t.Context()
	if _, err := s.CancelTransaction(ctx, TxCancel{ID: "h1", By: "root"}); !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
	accident := errors.New("the disk is gone")
	c := &canceller{ends: map[mssp.TransID]error{"ended": mssp.ErrFinal, "none": mssp.ErrNotFound, "broken": accident}}
	s.Engine = c
	for by, want := range map[string]string{"root": "root", " Anna from support ": "Anna from support", strings.Repeat("a", 64): strings.Repeat("a", 64)} {
		info, err := s.CancelTransaction(ctx, TxCancel{ID: "h1", By: by})
		if err != nil || c.by != want || info.ID != "h1" || info.EndedBy != want || info.State != mssp.Failed {
			t.Errorf("%q: %+v, %v", by, info, err)
		}
	}
	for _, by := range []string{"", " ", strings.Repeat("a", 65), "ro\not", "ro\u200bot"} {
		_, err := s.CancelTransaction(ctx, TxCancel{ID: "h1", By: by})
		wantBad(t, by, err, "by: say who does it, in at most 64 octets of text")
		_, err = s.EraseUser(ctx, UserErase{MSISDN: "+41790000001", By: by})
		wantBad(t, by, err, "by: say who does it, in at most 64 octets of text")
	}
	_, err := s.CancelTransaction(ctx, TxCancel{ID: "none", By: "root"})
	wantReason(t, err, Refusal{Reason: NoSuchTransaction, Detail: "no transaction has this MSSP_TransID"})
	_, err = s.CancelTransaction(ctx, TxCancel{ID: "ended", By: "root"})
	wantReason(t, err, Refusal{Reason: TransactionEnded, Detail: "this transaction has ended already: EXPIRED_TRANSACTION, cancelled"})
	if _, err = s.CancelTransaction(ctx, TxCancel{ID: "broken", By: "root"}); !errors.Is(err, accident) {
		t.Error(err)
	}
	if got := outcome(&mssp.Transaction{Status: mssp.Signature}); got != "SIGNATURE" {
		t.Error(got)
	}
}

// broken is a store of which everything fails.
type broken struct {
	Store
	err error
}

func (b broken) AddAP(context.Context, mssp.AP) error { return b.err }
func (b broken) ChangeAP(context.Context, mssp.APID, func(*mssp.AP) error) (mssp.AP, error) {
	return mssp.AP{}, b.err
}
func (b broken) APs(context.Context) ([]mssp.AP, error) { return nil, b.err }
func (b broken) ImportKeys(context.Context, mssp.Card, func([]mssp.KeySet) ([]mssp.KeySet, error)) error {
	return b.err
}
func (b broken) Cards(context.Context, ota.ICCID, int) ([]mssp.Card, error)   { return nil, b.err }
func (b broken) AddSubscriber(context.Context, mssp.Subscriber) error         { return b.err }
func (b broken) Lift(context.Context, sms.MSISDN, mssp.APID) (bool, error)    { return false, b.err }
func (b broken) EraseUser(context.Context, sms.MSISDN, time.Time) error       { return b.err }
func (b broken) Meta(context.Context, string) ([]byte, error)                 { return nil, b.err }
func (b broken) Reach(context.Context, *mssp.Transaction) (mssp.Reach, error) { return "", b.err }
func (b broken) Transaction(context.Context, mssp.TransID) (mssp.Transaction, error) {
	return mssp.Transaction{State: mssp.Waiting}, b.err
}

func (b broken) ChangeCard(context.Context, ota.ICCID, func(*mssp.Card) error) (mssp.Card, error) {
	return mssp.Card{}, b.err
}

func (b broken) ChangeKeySets(context.Context, ota.ICCID, func(mssp.Card, []mssp.KeySet) error) error {
	return b.err
}

func (b broken) Subscribers(context.Context, sms.MSISDN, int) ([]mssp.Subscriber, error) {
	return nil, b.err
}

func (b broken) Lookup(context.Context, sms.MSISDN) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, error) {
	return mssp.Subscriber{}, mssp.Card{}, nil, b.err
}

func (b broken) Standing(context.Context, sms.MSISDN) (abuse.Record, error) {
	return abuse.Record{}, b.err
}

func (b broken) Transactions(context.Context, store.TransactionFilter) ([]mssp.Transaction, error) {
	return []mssp.Transaction{{State: mssp.Waiting}}, b.err
}

func (b broken) Identify(context.Context, mssp.Identity) (mssp.Identity, error) {
	return mssp.Identity{}, b.err
}

func (b broken) SetDevice(context.Context, mssp.Device) (mssp.Device, error) {
	return mssp.Device{}, b.err
}
func (b broken) EndDevice(context.Context, sms.MSISDN) error { return b.err }
func (b broken) Device(context.Context, sms.MSISDN) (mssp.Device, error) {
	return mssp.Device{}, b.err
}

func (b broken) Identity(context.Context, sms.MSISDN) (mssp.Identity, error) {
	return mssp.Identity{}, b.err
}

func (b broken) GivePoP(context.Context, mssp.PoP) error { return b.err }

// half is broken but for one method, so that what comes behind it fails.
type half struct{ broken }

func (h half) Lookup(context.Context, sms.MSISDN) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, error) {
	return mssp.Subscriber{}, mssp.Card{}, nil, nil
}

func (h half) Device(context.Context, sms.MSISDN) (mssp.Device, error) {
	return mssp.Device{}, mssp.ErrNotFound
}

func (h half) Identity(context.Context, sms.MSISDN) (mssp.Identity, error) {
	return mssp.Identity{}, mssp.ErrNotFound
}

func (h half) Situation(context.Context, sms.MSISDN) (store.Situation, error) {
	return store.Situation{}, nil
}

func (h half) APs(context.Context) ([]mssp.AP, error) { return nil, nil }

func (h half) Transaction(context.Context, mssp.TransID) (mssp.Transaction, error) {
	return mssp.Transaction{State: mssp.Waiting}, nil
}

func (h half) Transactions(context.Context, store.TransactionFilter) ([]mssp.Transaction, error) {
	return []mssp.Transaction{{State: mssp.Waiting}}, nil
}

// An accident of the store is told as one: never as a refusal, and never as
// success.
func TestAccidents(t *testing.T) {
	accident := errors.New("the disk is gone")
	ctx := t.Context()
	s, _, _ := newService(t)
	s.Profiles[0].Aliases = []string{alias1}
	name := "B"
	operations := map[string]func() error{
		"AddAP":       func() error { _, err := s.AddAP(ctx, madeAP()); return err },
		"EditAP":      func() error { _, err := s.EditAP(ctx, APEdit{ID: "ap://bank", Name: &name}); return err },
		"SetPassword": func() error { _, err := s.SetPassword(ctx, APPassword{ID: "ap://bank"}); return err },
		"DisableAP":   func() error { _, err := s.DisableAP(ctx, APDisable{ID: "ap://bank"}); return err },
		"RemoveAP":    func() error { _, err := s.RemoveAP(ctx, APName{ID: "ap://bank"}); return err },
		"ImportCards": func() error { _, err := s.ImportCards(ctx, CardImport{CSV: goodFile}); return err },
		"ReleaseCard": func() error { _, err := s.ReleaseCard(ctx, CardName{ICCID: iccid1}); return err },
		"Advance":     func() error { _, err := s.AdvanceCounters(ctx, CardName{ICCID: iccid1}); return err },
		"Cards":       func() error { _, err := s.Cards(ctx, Page{}); return err },
		"AddUser":     func() error { _, err := s.AddUser(ctx, goodUser()); return err },
		"Users":       func() error { _, err := s.Users(ctx, Page{}); return err },
		"User":        func() error { _, err := s.User(ctx, UserName{MSISDN: "+41790000001"}); return err },
		"MarkDevice": func() error {
			_, err := s.MarkDevice(ctx, DeviceMark{MSISDN: "+41790000001", Email: "a@b.example"})
			return err
		},
		"IdentifyUser": func() error { _, err := s.IdentifyUser(ctx, goodIdentification()); return err },
		"MakePoP": func() error {
			_, err := s.MakePoP(ctx, PoPRequest{MSISDN: "+41790000001", Channel: "screen"})
			return err
		},
		"LiftLimits":   func() error { _, err := s.LiftLimits(ctx, Lift{MSISDN: "+41790000001"}); return err },
		"EraseUser":    func() error { _, err := s.EraseUser(ctx, UserErase{MSISDN: "+41790000001", By: "root"}); return err },
		"Transactions": func() error { _, err := s.Transactions(ctx, TxPage{}); return err },
		"Transaction":  func() error { _, err := s.Transaction(ctx, TxName{ID: "h1"}); return err },
		"InitCA":       func() error { _, err := s.InitCA(ctx, CARequest{Name: "A"}); return err },
	}
	shown := map[string]func() error{
		"APs":          func() error { _, err := s.APs(ctx, Page{}); return err },
		"ProviderInfo": func() error { _, err := s.ProviderInfo(ctx, APName{ID: "ap://bank"}); return err },
	}
	for _, st := range []Store{broken{err: accident}, half{broken: broken{err: accident}}} {
		s.Store = st
		for what, do := range operations {
			if err := do(); !errors.Is(err, accident) || errors.Is(err, &Refusal{Reason: BadRequest}) {
				t.Errorf("%s with %T: %v", what, st, err)
			}
		}
	}
	s.Store = broken{err: accident}
	for what, do := range shown {
		if err := do(); !errors.Is(err, accident) {
			t.Errorf("%s: %v", what, err)
		}
	}
	done, err := s.ImportCards(ctx, CardImport{CSV: goodFile})
	if done != (CardImported{}) || err == nil || err.Error() != "after 0 cards: the disk is gone" {
		t.Errorf("%+v, %v", done, err)
	}
}
