// Package service is the Mobile Signature Service of ETSI TS 102 204 without
// its wire formats: one model of the messages, the authentication of
// application providers, every rule about what a request may say, and the
// translation of transactions into replies and faults. A binding (package
// rest, and SOAP) decodes octets into the model, calls one method per
// operation and encodes what comes back; it takes no decision of its own. What
// its kind of client writes in its own way, it says in a Dialect.
//
// A request passes these gates in this order, and the first that closes
// gives the fault: who asks (104), how fast (780), version (108), time (101),
// then the message itself: what is missing (102), wrong (101, 103, 107),
// unsupported (108, 109) or not permitted (104). Only a request that passed
// all of them reaches the engine, which answers for the subscriber and the
// card. Each fault says which element is meant and what to send instead.
//
// A signature is given only to the provider that asked for it (I2): engine
// and service both compare. A repeat of a request, that is the same AP_ID,
// AP_TransID, Instant and meaning, finds the first transaction for a day, and is
// looked for before the time is checked (I12).
package service

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/ota/sms"
)

// Engine is what the service needs of *signature.Signer. Errors that are a
// *mssp.Fault go to the provider as they are.
type Engine interface {
	// Repeat finds the transaction of a request that came before.
	Repeat(ctx context.Context, r signature.Request) (tx mssp.Transaction, found bool, err error)
	// Sign returns once the request is durable; a repeat returns the first transaction.
	Sign(ctx context.Context, r signature.Request) (mssp.Transaction, error)
	// Wait returns when the transaction is final, or with the error of ctx.
	Wait(ctx context.Context, id mssp.TransID) (mssp.Transaction, error)
	// Status finds a transaction of that provider; a *mssp.Fault or
	// mssp.ErrNotFound when there is none.
	Status(ctx context.Context, ap mssp.APID, id mssp.TransID) (mssp.Transaction, error)
	// ReferenceOf is the code that the user sees with this transaction.
	ReferenceOf(tx mssp.Transaction) string
	// Progress is what an open transaction waits for, in a few words.
	Progress(ctx context.Context, tx mssp.Transaction) string
}

// Directory knows the application providers. AP gives mssp.ErrNotFound for
// one that is not registered.
type Directory interface {
	AP(ctx context.Context, id mssp.APID) (mssp.AP, error)
}

// Subscribers knows the users; *store.Store does. Lookup gives
// mssp.ErrNotFound for a number that is not registered.
type Subscribers interface {
	Lookup(ctx context.Context, number sms.MSISDN) (mssp.Subscriber, mssp.Card, []mssp.KeyPair, error)
}

// Options is what a Service needs. Engine and Directory are required; zero
// values of the rest take the defaults named beside them.
type Options struct {
	Engine      Engine
	Directory   Directory
	Subscribers Subscribers // nil: MSS_ProfileQuery is not offered
	// Available is why nothing can be read or stored now: a request is refused
	// at once then. nil: each finds out.
	Available func() error

	Profiles       []mssp.SignatureProfile
	DefaultProfile string   // URI for requests that name none; "" refuses them
	MSSPID         string   // URI in MSSP_Info of replies
	MSSPAliases    []string // what a request may call this service besides

	InstantWindow  time.Duration // how far an Instant may be off; 5 min
	DefaultTimeOut time.Duration // for profiles that set none; 5 min
	MinTimeOut     time.Duration // MinTimeOut: below it no user can answer
	MaxTimeOut     time.Duration // for profiles that set none; 15 min
	MaxData        int           // octets to be signed; 16 KiB

	RequestsPerSecond float64 // of one provider; 100
	Burst             int     // 200
	ProfilesPerMinute int     // MSS_ProfileReq of one provider; 30
	MaxWaits          int     // synch requests that wait at the same time; 10,000

	FailureTime time.Duration // failed log-ins are answered on this grid; 500 ms, negative: at once

	Calls *audit.Calls // what is asked and refused is counted there; nil: nowhere

	Clock      func() time.Time
	Steady     func() time.Time // for limits: makes no jumps; nil: Clock
	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil: not registered
}

// Service answers the operations of TS 102 204. It is safe for concurrent use.
type Service struct {
	o        Options
	profiles map[string]*mssp.SignatureProfile // by URI and alias
	auth     *authenticator
	rates    *rates
	quiet    *quiet
	metrics  *metrics
	log      *slog.Logger
}

// New checks the options.
func New(o Options) (*Service, error) {
	if o.Engine == nil || o.Directory == nil {
		return nil, errors.New("service: Engine and Directory are required")
	}
	o.defaults()
	s := &Service{o: o, log: o.Logger, profiles: make(map[string]*mssp.SignatureProfile)}
	for i := range o.Profiles {
		p := &o.Profiles[i]
		for _, uri := range append([]string{p.URI}, p.Aliases...) {
			if uri == "" {
				return nil, errors.New("service: a signature profile needs a URI")
			}
			if s.profiles[uri] != nil {
				return nil, fmt.Errorf("service: signature profile %s is there twice", uri)
			}
			s.profiles[uri] = p
		}
	}
	if o.DefaultProfile != "" && s.profiles[o.DefaultProfile] == nil {
		return nil, fmt.Errorf("service: the default signature profile %s is not configured", o.DefaultProfile)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // crypto/rand.Read never fails
	s.auth = newAuthenticator(&o, key)
	s.rates, s.quiet = newRates(o), newQuiet(o.Steady)
	s.metrics = newMetrics(o.Registerer)
	return s, nil
}

// MinTimeOut is the shortest life of a transaction.
const MinTimeOut = 10 * time.Second

func (o *Options) defaults() {
	if o.Available == nil {
		o.Available = func() error { return nil }
	}
	setDefault(&o.InstantWindow, 5*time.Minute)
	setDefault(&o.DefaultTimeOut, 5*time.Minute)
	setDefault(&o.MinTimeOut, MinTimeOut)
	setDefault(&o.MaxTimeOut, 15*time.Minute)
	setDefault(&o.MaxData, 16<<10)
	setDefault(&o.RequestsPerSecond, 100)
	setDefault(&o.Burst, 200)
	setDefault(&o.ProfilesPerMinute, 30)
	setDefault(&o.MaxWaits, 10_000)
	setDefault(&o.FailureTime, failureTime)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Steady == nil {
		o.Steady = o.Clock
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
