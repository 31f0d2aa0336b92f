package service

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/ota/sms"
)

// fakeEngine answers like the engine: a repeat finds the first transaction,
// a transaction ends when the test says so.
type fakeEngine struct {
	mu    sync.Mutex
	seen  []signature.Request
	byAP  map[string]mssp.TransID
	byID  map[mssp.TransID]*mssp.Transaction
	ended map[mssp.TransID]chan struct{}
	fail  error // of the next Sign
	// atWait is called before somebody waits; nil: nothing happens.
	atWait func(mssp.TransID)
	leak   bool // Status gives transactions of others: a fault in the engine
}

func newFakeEngine() *fakeEngine {
	return &fakeEngine{byAP: map[string]mssp.TransID{}, byID: map[mssp.TransID]*mssp.Transaction{}, ended: map[mssp.TransID]chan struct{}{}}
}

func (e *fakeEngine) Sign(_ context.Context, r signature.Request) (mssp.Transaction, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail != nil {
		return mssp.Transaction{}, e.fail
	}
	e.seen = append(e.seen, r)
	id := mssp.TransID("h" + string(rune('a'+len(e.byID))))
	tx := &mssp.Transaction{
		ID: id, Kind: mssp.KindSign, AP: r.AP.ID, APTransID: r.APTransID, RequestHash: r.RequestHash,
		MSISDN: r.MSISDN, Mode: r.Mode, State: mssp.Waiting,
	}
	e.byAP[keyOf(r)], e.byID[id], e.ended[id] = id, tx, make(chan struct{})
	return *tx, nil
}

func keyOf(r signature.Request) string {
	return fmt.Sprintf("%s|%s|%d", r.AP.ID, r.APTransID, r.Instant)
}

func (e *fakeEngine) Repeat(_ context.Context, r signature.Request) (mssp.Transaction, bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	id, ok := e.byAP[keyOf(r)]
	if !ok {
		return mssp.Transaction{}, false, nil
	}
	tx := *e.byID[id]
	if string(tx.RequestHash) != string(r.RequestHash) {
		return mssp.Transaction{}, true, mssp.Faultf(mssp.WrongParam, "AP_TransID was used for another request")
	}
	return tx, true, nil
}

// end makes a transaction final.
func (e *fakeEngine) end(t *testing.T, id mssp.TransID, state mssp.State, code mssp.Code, detail string, value []byte) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	tx := e.byID[id]
	if tx == nil {
		t.Fatalf("no transaction %q", id)
	}
	tx.State, tx.Status, tx.Detail = state, code, detail
	if value != nil {
		tx.Result, _ = json.Marshal(signature.Result{Format: signature.CMS, Signature: value, Certificate: []byte("certificate")})
	}
	close(e.ended[id])
}

func (e *fakeEngine) Progress(_ context.Context, tx mssp.Transaction) string {
	return mssp.ReachOf(tx.State, true, false).Progress()
}

func (e *fakeEngine) ReferenceOf(mssp.Transaction) string { return "" }

func (e *fakeEngine) Wait(ctx context.Context, id mssp.TransID) (mssp.Transaction, error) {
	if e.atWait != nil {
		e.atWait(id)
	}
	e.mu.Lock()
	c := e.ended[id]
	e.mu.Unlock()
	select {
	case <-c:
		e.mu.Lock()
		defer e.mu.Unlock()
		return *e.byID[id], nil
	case <-ctx.Done():
		return mssp.Transaction{}, ctx.Err()
	}
}

func (e *fakeEngine) Status(_ context.Context, ap mssp.APID, id mssp.TransID) (mssp.Transaction, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	tx := e.byID[id]
	if tx == nil || tx.AP != ap && !e.leak {
		return mssp.Transaction{}, mssp.ErrNotFound
	}
	return *tx, nil
}

type fakeDirectory map[mssp.APID]mssp.AP

func (d fakeDirectory) AP(_ context.Context, id mssp.APID) (mssp.AP, error) {
	ap, ok := d[id]
	if !ok {
		return mssp.AP{}, mssp.ErrNotFound
	}
	return ap, nil
}

var now = time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)

const (
	profileAuth = "http://alauda.mobi/digitalSignature"
	profileSign = "http://alauda.mobi/nonRepudiation"
)

func cheapHash(t testing.TB, password string) string {
	t.Helper()
	h, err := hashPassword(password, argonParams{8, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// testService has the providers http://bank (password "geheim"; it may everything),
// http://shop ("secret"; only Swiss numbers, only the sign profile) and
// http://gone (disabled).
func testService(t testing.TB, change ...func(*Options)) (*Service, *fakeEngine) {
	t.Helper()
	e := newFakeEngine()
	o := Options{
		Engine: e, MSSPID: "http://mssp.example/", MSSPAliases: []string{"http://mid.swisscom.ch/"},
		Directory: fakeDirectory{
			"http://bank": {
				ID: "http://bank", Name: "Bank", PasswordHash: cheapHash(t, "geheim"),
				Switches: mssp.Switches{Octets: []string{profileAuth, profileSign}, OtherDisplay: true, Certificates: true},
			},
			"http://shop": {
				ID: "http://shop", Name: "Shop", PasswordHash: cheapHash(t, "secret"),
				Prefixes: []string{"41"}, Profiles: []string{profileSign},
			},
			"http://gone": {ID: "http://gone", PasswordHash: cheapHash(t, "geheim"), Disabled: true},
		},
		Profiles: []mssp.SignatureProfile{
			{URI: profileAuth, Aliases: []string{"http://mid.swisscom.ch/Any-LoA4"}, Usage: mssp.Authentication, TimeOut: 80 * time.Second, MaxTimeOut: 5 * time.Minute, LoA: 4, OtherDisplay: true},
			{URI: profileSign, Usage: mssp.NonRepudiation, LoA: 4},
			{URI: "http://uri.gsma.com/mobileconnect/LoA3", Usage: mssp.NonRepudiation, LoA: 3},
		},
		Clock: func() time.Time { return now }, FailureTime: -1,
	}
	for _, c := range change {
		c(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s, e
}

// plain is a dialect without surprises; all members have to be there.
func plain() *Dialect {
	one := []string{"1"}
	return &Dialect{
		Versions: map[Operation][]string{OpSignature: one, OpStatusQuery: one, OpReceipt: one, OpProfileQuery: {"1", "2"}},
		Version:  Version{"1", "1"},
		Instant:  time.RFC3339Nano, ReplyInstant: "2006-01-02T15:04:05.000Z",
		TransID: Name(64), Number: sms.ParseMSISDN, ReplyNumber: sms.MSISDN.String,
		Modes: map[string]mssp.MessagingMode{
			"synch": mssp.Synch, "asynch": mssp.AsynchClientServer,
			"asynchClientServer": mssp.AsynchClientServer, "asynchServerServer": mssp.AsynchServerServer,
		},
		Encodings: map[string]Encoding{"utf-8": UTF8, "base64": Base64},
	}
}

func bankHeader(txn string) Header {
	return Header{
		MajorVersion: "1", MinorVersion: "2",
		AP: APInfo{ID: "http://bank", Password: "geheim", TransID: txn, Instant: now.Format(time.RFC3339)},
	}
}

func bankRequest(txn string) *SignatureReq {
	return &SignatureReq{
		Header: bankHeader(txn), Mode: "asynch", User: MobileUser{MSISDN: "+41791234567"},
		Data: Data{MimeType: "text/plain", Encoding: "UTF-8", Data: "Log in?"}, Profile: profileAuth,
	}
}
