package rest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/ota/sms"
)

// oneEngine signs everything at once, with a result that the test has set.
type oneEngine struct {
	seen     []signature.Request
	state    mssp.State // of new transactions; final ones carry status and result
	status   mssp.Code
	detail   string
	answered []byte
	polls    int // StatusQuery says outstanding that often first
}

func (e *oneEngine) tx(ap mssp.APID) mssp.Transaction {
	tx := mssp.Transaction{ID: "h1", Kind: mssp.KindSign, AP: ap, MSISDN: "41791234567", State: e.state, Status: e.status, Detail: e.detail}
	tx.Result, _ = json.Marshal(signature.Result{Format: signature.CMS, Signature: e.answered, Reference: "7F3K"})
	return tx
}

func (e *oneEngine) Sign(_ context.Context, r signature.Request) (mssp.Transaction, error) {
	e.seen = append(e.seen, r)
	return e.tx(r.AP.ID), nil
}

func (e *oneEngine) Repeat(context.Context, signature.Request) (mssp.Transaction, bool, error) {
	return mssp.Transaction{}, false, nil
}

func (e *oneEngine) Progress(_ context.Context, tx mssp.Transaction) string {
	return mssp.ReachOf(tx.State, true, false).Progress()
}

func (e *oneEngine) ReferenceOf(mssp.Transaction) string { return "" }

func (e *oneEngine) Wait(context.Context, mssp.TransID) (mssp.Transaction, error) {
	return e.tx(e.seen[len(e.seen)-1].AP.ID), nil
}

func (e *oneEngine) Status(_ context.Context, ap mssp.APID, id mssp.TransID) (mssp.Transaction, error) {
	if id != "h1" {
		return mssp.Transaction{}, mssp.ErrNotFound
	}
	tx := e.tx(ap)
	if e.polls > 0 {
		e.polls--
		tx.State = mssp.Waiting
	}
	return tx, nil
}

// oneUser is 35847001001, who has not enrolled.
type oneUser struct{}

func (oneUser) Lookup(_ context.Context, n sms.MSISDN) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, error) {
	if n != "35847001001" {
		return mssp.Subscriber{}, mssp.Card{}, nil, mssp.ErrNotFound
	}
	return mssp.Subscriber{MSISDN: n, State: mssp.SubscriberActive}, mssp.Card{}, nil, nil
}

type directory map[mssp.APID]mssp.AP

func (d directory) AP(_ context.Context, id mssp.APID) (mssp.AP, error) {
	if ap, ok := d[id]; ok {
		return ap, nil
	}
	return mssp.AP{}, mssp.ErrNotFound
}

// now is when the captures were taken.
var now = time.Date(2026, 11, 22, 18, 3, 0, 0, time.UTC)

func testService(t testing.TB, e *oneEngine, dir directory) *service.Service {
	t.Helper()
	s, err := service.New(service.Options{
		FailureTime: -1,
		Subscribers: oneUser{},
		Engine:      e, Directory: dir, MSSPID: "http://mssp.example/", MSSPAliases: []string{"http://mid.swisscom.ch/"},
		Profiles: []mssp.SignatureProfile{
			{URI: "http://alauda.mobi/digitalSignature", Aliases: []string{"http://mid.swisscom.ch/Any-LoA4"}, LoA: 4, OtherDisplay: true},
		},
		RequestsPerSecond: 1e9, Burst: 1e9,
		Clock: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
