// Package enginetest is a laboratory for tests of the engine and of the
// procedures that it runs: a real store and key vault in a temporary folder, a
// CA, all procedures, a fake network and fake cards.
//
// Nothing moves by itself. The clock stands until the test moves it, there is
// no sweeper (call Engine.Sweep), and the network keeps what phones send until
// the test delivers it, so that every test decides on the order of things. A
// card does what its user would like best; Card.Say makes it say something
// else. Kill leaves the engine as a crash does and starts another one on the
// same rows.
package enginetest

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardcare"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/registration"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

var (
	_ engine.Store       = (*store.Store)(nil)
	_ signature.Store    = (*store.Store)(nil)
	_ registration.Store = (*store.Store)(nil)
	_ signature.VA       = (*pki.VA)(nil)
	_ registration.CA    = (*pki.CA)(nil)
	_ engine.Vault       = (*keys.Vault)(nil)
	_ bearer.Inbox       = (*engine.Engine)(nil)
	_ bearer.Resolver    = (*engine.Engine)(nil)
	_ bearer.Alerter     = (*engine.Engine)(nil)
)

// What every card of a laboratory has.
var (
	TAR = ota.TAR{0xB0, 0x00, 0x10}
	SPI = ota.SPI{0x16, 0x39}
)

// Number is the first user's.
const Number sms.MSISDN = "41790000001"

// Clock is a clock that stands until a test moves it.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is the present time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Add moves the clock.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Lab is an engine with its procedures between a store and a network.
type Lab struct {
	t     *testing.T
	Clock *Clock
	Store *store.Store
	Vault *keys.Vault
	CA    *pki.CA
	VA    *pki.VA
	Logs  *Buffer

	// What the next engine is made of; Kill makes it.
	Options      engine.Options
	Registration registration.Options
	Signature    signature.Options
	Observers    map[string]engine.Observer

	Engine    *engine.Engine
	Signer    *signature.Signer
	Registrar *registration.Registrar
	Care      *cardcare.Care
	Registry  *prometheus.Registry

	dsn   string
	mu    sync.Mutex
	Cards map[sms.MSISDN]*Card
	Sent  []bearer.Segment // everything that left, octet for octet
	Texts []bearer.Segment // plain messages to users
	// Phones take what is for their numbers, where Cards has none. They are asked one at a
	// time, and what they give back waits to be delivered.
	Phones map[sms.MSISDN]Phone
	mos    []bearer.MO
	// OnSubmit is asked before the card sees a segment; nil: accepted.
	// NoNetwork is why no bearer takes anything now; nil: they do.
	NoNetwork error
	OnSubmit  func(s bearer.Segment) error
	// Carriage is that of the cards that User makes; "" is response.
	Carriage string
	Lose     bool // the segment does not arrive, whatever OnSubmit says
}

// Phone is whatever is behind a number.
type Phone interface {
	Receive(s bearer.Segment) ([]bearer.MO, error)
}

// Store records outcomes at once, so that no test depends on the 20 ms that
// they may wait for company.
type Store struct{ *store.Store }

// RecordOutcomesLazy is not lazy.
func (s Store) RecordOutcomesLazy(o []store.SegmentOutcome) {
	if err := s.RecordOutcomes(context.Background(), o); err != nil {
		panic(err)
	}
}

// Buffer is what was logged.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *Buffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *Buffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// AuthProfile asks for an authentication.
var AuthProfile = mssp.SignatureProfile{
	URI: "http://mid.swisscom.ch/MID/v1/AuthProfile1", Usage: mssp.Authentication, Journey: mssp.TwoStep, TimeOut: 80 * time.Second, MaxTimeOut: 5 * time.Minute, LoA: 4,
}

// New makes a laboratory with an engine that has recovered and no user.
func New(t *testing.T) *Lab {
	t.Helper()
	root, err := keys.NewRoot()
	if err != nil {
		t.Fatal(err)
	}
	return NewOn(t, store.Options{DSN: filepath.Join(t.TempDir(), "test.db")}, root)
}

// NewOn is New on a certain database, which must be empty.
func NewOn(t *testing.T, o store.Options, root *keys.Root) *Lab {
	t.Helper()
	l := empty(t)
	l.open(o, root, true)
	return l
}

// Open makes a laboratory of a database that is there already.
func Open(t *testing.T, path string, root *keys.Root) *Lab {
	t.Helper()
	l := empty(t)
	l.open(store.Options{DSN: path}, root, false)
	return l
}

// Beside is another process on the same database and the same phones.
func (l *Lab) Beside(o store.Options, root *keys.Root) *Lab {
	l.t.Helper()
	b := empty(l.t)
	b.Clock, b.Cards = l.Clock, l.Cards
	b.open(o, root, false)
	return b
}

func empty(t *testing.T) *Lab {
	return &Lab{t: t, Clock: &Clock{now: time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)}, Cards: map[sms.MSISDN]*Card{}, Phones: map[sms.MSISDN]Phone{}, Logs: &Buffer{}, Carriage: over}
}

func (l *Lab) open(o store.Options, root *keys.Root, empty bool) {
	t := l.t
	t.Helper()
	ctx := context.Background()
	o.Clock, o.Logger = l.Clock.Now, slog.New(slog.NewTextHandler(l.Logs, nil))
	l.dsn = o.DSN
	var err error
	l.Store, err = store.Open(ctx, o)
	l.OK(err)
	t.Cleanup(func() { l.Store.Close() })
	l.Vault, err = keys.OpenVault(ctx, root, l.Store, l.Clock.Now())
	l.OK(err)
	_, err = l.Store.Authenticate(ctx, l.Vault)
	l.OK(err)
	if empty {
		l.OK(pki.Create(ctx, l.Store, l.Vault, pki.CreateOptions{Name: "Test CA", Test: true, Now: l.Clock.Now().Add(-time.Hour)}))
	}
	l.CA, err = pki.Load(ctx, pki.Options{Store: l.Store, Sealer: l.Vault, Clock: l.Clock.Now})
	l.OK(err)
	l.VA = pki.NewVA(pki.VAOptions{CA: l.CA, Clock: l.Clock.Now})
	l.Options = engine.Options{
		Store: l.EngineStore(), Vault: l.Vault, Route: func(bearer.Destination) bearer.Bearer { return l },
		CardProfiles: map[string]mssp.CardProfile{"test": profile("test", SPI), "bare": profile("bare", ota.SPI{})},
		Clock:        l.Clock.Now, Logger: slog.New(slog.NewTextHandler(l.Logs, nil)), Limits: engine.Limits{PromptsPerMinute: -1, CoolOffAfter: -1},
	}
	l.Registration = registration.Options{CA: l.CA, SignatureProfiles: []mssp.SignatureProfile{AuthProfile}, Quiet: true}
	l.start()
}

func profile(name string, spi ota.SPI) mssp.CardProfile {
	return mssp.CardProfile{
		Name: name, TAR: TAR, SPI: spi, PID: 0x7F, DCS: 0xF6, UTF8: true, Slots: 4,
		Algorithms: []byte{byte(applet.ECDSAP256), byte(applet.RSA2048), byte(applet.ECDSAP384)},
	}
}

// EngineStore is the store as engines of the laboratory get it.
func (l *Lab) EngineStore() Store { return Store{l.Store} }

// Make makes a new engine with its procedures, which has not started. Whether
// it starts or not, it ends before the store is closed.
func (l *Lab) Make() {
	l.t.Helper()
	var err error
	l.Engine, err = engine.New(l.Options)
	l.OK(err)
	e := l.Engine
	l.t.Cleanup(func() { l.OK(e.Stop(context.Background())) })
	for name, o := range l.Observers {
		l.OK(l.Engine.Observe(name, o))
	}
	l.Care, err = cardcare.New(l.Engine)
	l.OK(err)
	r := l.Registration
	r.Engine, r.Clock, r.Logger = l.Engine, l.Clock.Now, l.Options.Logger
	if r.Store == nil {
		r.Store = l.Store
	}
	l.Registrar, err = registration.New(r)
	l.OK(err)
	s := l.Signature
	s.Engine, s.Store, s.Chain, s.Clock, s.Logger = l.Engine, l.Store, l.CA.Chain, l.Clock.Now, l.Options.Logger
	if s.VA == nil {
		s.VA = l.VA
	}
	if s.Care == nil {
		s.Care = l.Care
	}
	l.Signer, err = signature.New(s)
	l.OK(err)
}

func (l *Lab) start() {
	l.t.Helper()
	l.Registry = prometheus.NewRegistry()
	l.Options.Registerer = l.Registry
	l.Make()
	l.OK(l.Engine.Recover(context.Background()))
}

// Kill leaves the engine as a crash does: nothing that it knows is stored any
// more. Then a new one starts on the same rows.
func (l *Lab) Kill() {
	l.t.Helper()
	l.OK(l.Engine.Stop(context.Background()))
	l.Drop()
	l.start()
}

// Restart makes a new engine on a store, as a new process does, and answers
// how its start went.
func (l *Lab) Restart(st engine.Store) error {
	l.t.Helper()
	l.OK(l.Engine.Stop(context.Background()))
	l.Options.Store, l.Options.Registerer = st, nil
	l.Make()
	return l.Engine.Recover(context.Background())
}

// OK ends the test on an error.
func (l *Lab) OK(err error) {
	if err != nil {
		l.t.Helper()
		l.t.Fatal(err)
	}
}
