package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

var (
	_ Store        = (*store.Store)(nil)
	_ VA           = (*pki.VA)(nil)
	_ CA           = (*pki.CA)(nil)
	_ Vault        = (*keys.Vault)(nil)
	_ bearer.Inbox = (*Engine)(nil)
)

var (
	testTAR = ota.TAR{0xB0, 0x00, 0x10}
	testSPI = ota.SPI{0x16, 0x39}
)

const testNumber sms.MSISDN = "41790000001"

// clock is a clock that stands until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// lab is an engine on a real store, with a fake network and fake cards. The
// network keeps what phones send until the test pumps it, so that every test
// decides on the order of things.
type lab struct {
	t     *testing.T
	dir   string
	clock *clock
	st    *store.Store
	vault *keys.Vault
	ca    *pki.CA
	e     *Engine
	o     Options
	reg   *prometheus.Registry
	logs  *lockedBuffer

	mu     sync.Mutex
	cards  map[sms.MSISDN]*fakeCard
	sent   []bearer.Segment // everything that left, octet for octet
	texts  []bearer.Segment // plain messages to users
	mos    []bearer.MO
	submit func(s bearer.Segment) error // before the card sees it; nil: accepted
	lose   bool                         // the segment does not arrive, whatever submit says
}

// labStore records outcomes at once, so that no test depends on the 20 ms
// that they may wait for company.
type labStore struct{ *store.Store }

func (s labStore) RecordOutcomesLazy(o []store.SegmentOutcome) {
	if err := s.RecordOutcomes(context.Background(), o); err != nil {
		panic(err)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, dir: t.TempDir(), clock: &clock{now: time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)}, cards: map[sms.MSISDN]*fakeCard{}, logs: &lockedBuffer{}}
	ctx := context.Background()
	l.open()
	root, err := keys.NewRoot()
	l.ok(err)
	l.vault, err = keys.OpenVault(ctx, root, l.st, l.clock.Now())
	l.ok(err)
	l.ok(pki.Create(ctx, l.st, l.vault, pki.CreateOptions{Name: "Test CA", Test: true, Now: l.clock.Now().Add(-time.Hour)}))
	l.ca, err = pki.Load(ctx, pki.Options{Store: l.st, Sealer: l.vault, Clock: l.clock.Now})
	l.ok(err)
	l.o = Options{
		Store: labStore{l.st}, Vault: l.vault, Route: func(bearer.Destination) bearer.Bearer { return l },
		CardProfiles: map[string]mssp.CardProfile{"test": {
			Name: "test", TAR: testTAR, SPI: testSPI, PID: 0x7F, DCS: 0xF6, UTF8: true, Slots: 4,
			Algorithms: []byte{byte(applet.ECDSAP256), byte(applet.RSA2048), byte(applet.ECDSAP384)},
		}},
		VA: pki.NewVA(pki.VAOptions{CA: l.ca, Clock: l.clock.Now}), CA: l.ca, Clock: l.clock.Now,
		Logger: slog.New(slog.NewTextHandler(l.logs, nil)), Limits: Limits{PromptsPerMinute: -1, CoolOffAfter: -1},
		QuietRegistration: true, SignatureProfiles: []mssp.SignatureProfile{authProfile},
	}
	l.start()
	return l
}

func (l *lab) open() {
	l.t.Helper()
	st, err := store.Open(context.Background(), store.Options{DSN: filepath.Join(l.dir, "test.db"), Clock: l.clock.Now})
	l.ok(err)
	l.st = st
	l.t.Cleanup(func() { st.Close() })
}

// start makes an engine without its sweeper: tests call sweepOnce.
func (l *lab) start() {
	l.t.Helper()
	l.reg = prometheus.NewRegistry()
	l.o.Registerer = l.reg
	e, err := New(l.o)
	l.ok(err)
	l.e = e
	l.ok(e.recover(context.Background()))
	l.t.Cleanup(func() { l.ok(e.Stop(context.Background())) })
}

// kill leaves the engine as a crash does: nothing that it knows is stored any
// more. Then a new one starts on the same rows.
func (l *lab) kill() {
	l.t.Helper()
	l.ok(l.e.Stop(context.Background()))
	l.drop()
	l.start()
}

// drop takes what is under way from the phones.
func (l *lab) drop() []bearer.MO {
	l.mu.Lock()
	defer l.mu.Unlock()
	mos := l.mos
	l.mos = nil
	return mos
}

func (l *lab) ok(err error) {
	if err != nil {
		l.t.Helper()
		l.t.Fatal(err)
	}
}

// user imports a card and its subscriber.
func (l *lab) user(number sms.MSISDN) *fakeCard {
	l.t.Helper()
	ctx := context.Background()
	iccid := ota.ICCID("8941010000000" + string(number[len(number)-6:]))
	m := keys.Material{
		KVN: 1, CMACLen: 8,
		KIc: ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{byte(len(l.cards) + 1)}, 16)},
		KID: ota.Key{Alg: ota.AES128, Octets: bytes.Repeat([]byte{byte(len(l.cards) + 101)}, 16)},
	}
	blob, err := l.vault.SealMaterial(iccid, m)
	l.ok(err)
	counter, err := l.vault.SealCounter(iccid, 1, 0)
	l.ok(err)
	l.ok(l.st.ImportCard(ctx, mssp.Card{ICCID: iccid, IMSI: "228010000000001", Profile: "test", State: "active", CreatedAt: l.clock.Now()},
		[]mssp.KeySet{{ICCID: iccid, KVN: 1, Keys: blob, Counter: counter}}))
	l.ok(l.st.PutSubscriber(ctx, mssp.Subscriber{
		MSISDN: number, ICCID: iccid, Name: "Test Person", Serial: "MIDCHE" + string(number), Language: "en", State: mssp.SubscriberActive, CreatedAt: l.clock.Now(),
	}))
	set, err := m.KeySet()
	l.ok(err)
	c := newFakeCard(l.t, number, set)
	l.mu.Lock()
	l.cards[number] = c
	l.mu.Unlock()
	return c
}

// enrolled is a user with a registered key.
func (l *lab) enrolled(number sms.MSISDN, alg applet.Algorithm, u mssp.KeyUsage) *fakeCard {
	l.t.Helper()
	c := l.user(number)
	l.enrol(EnrolRequest{MSISDN: number, Usage: u, Algorithm: alg})
	return c
}

func (l *lab) enrol(r EnrolRequest) Enrolment {
	l.t.Helper()
	en, err := pumped(l, func() (Enrolment, error) { return l.e.Enrol(context.Background(), r) })
	l.ok(err)
	return en
}

// pumped runs f while the network delivers everything.
func pumped[T any](l *lab, f func() (T, error)) (T, error) {
	type out struct {
		v   T
		err error
	}
	done := make(chan out, 1)
	go func() {
		v, err := f()
		done <- out{v, err}
	}()
	for {
		select {
		case o := <-done:
			return o.v, o.err
		default:
			l.deliver()
			runtime.Gosched()
		}
	}
}

var authProfile = mssp.SignatureProfile{
	URI: "http://mid.swisscom.ch/MID/v1/AuthProfile1", Usage: mssp.Authentication, Journey: mssp.TwoStep, TimeOut: 80 * time.Second, MaxTimeOut: 5 * time.Minute, LoA: 4,
}

func request(id, text string) SignRequest {
	sum := sha256.Sum256([]byte(id + text))
	return SignRequest{
		AP: mssp.AP{ID: "http://bank.example", Name: "Bank"}, APTransID: id, RequestHash: sum[:], MSISDN: testNumber,
		Mode: mssp.Synch, Profile: authProfile, MimeType: "text/plain", Content: []byte(text),
	}
}

// sign asks and delivers everything; the transaction is final when it returns.
func (l *lab) sign(r SignRequest) mssp.Transaction {
	l.t.Helper()
	tx, err := l.e.Sign(context.Background(), r)
	l.ok(err)
	l.pump()
	return l.tx(tx.ID)
}

func (l *lab) tx(id mssp.TransID) mssp.Transaction {
	l.t.Helper()
	tx, err := l.st.Transaction(context.Background(), id)
	l.ok(err)
	return tx
}

// wantFault checks a fault and that its detail says something.
func wantFault(t *testing.T, err error, code mssp.Code) {
	t.Helper()
	var f *mssp.Fault
	if !errors.As(err, &f) || f.Code != code || f.Detail == "" {
		t.Errorf("error %v, want fault %d with a detail", err, int(code))
	}
}

func (l *lab) want(id mssp.TransID, st mssp.State, code mssp.Code) mssp.Transaction {
	l.t.Helper()
	tx := l.tx(id)
	if tx.State != st || tx.Status != code {
		l.t.Errorf("transaction is %s %d (%s), want %s %d", tx.State, int(tx.Status), tx.Detail, st, int(code))
	}
	return tx
}

// metric is the value of one counter.
func (l *lab) metric(name, label, value string) float64 {
	l.t.Helper()
	fams, err := l.reg.Gather()
	l.ok(err)
	sum := 0.0
	for _, f := range fams {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, lp := range m.GetLabel() {
				if lp.GetName() == label && lp.GetValue() == value {
					sum += m.GetCounter().GetValue()
				}
			}
		}
	}
	return sum
}

func (l *lab) mo(result string, want float64) {
	l.t.Helper()
	if got := l.metric("simsign_mo_total", "result", result); got != want {
		l.t.Errorf("simsign_mo_total{result=%q} is %v, want %v", result, got, want)
	}
}

func parseCert(t *testing.T, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
