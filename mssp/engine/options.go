package engine

import (
	"context"
	"crypto/x509"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
)

// Options is what an Engine needs. Store, Vault and Route are required; VA
// for Sign; CA for Enrol.
type Options struct {
	Store Store
	Vault Vault
	// Route picks the bearer for a number; nil when none can reach it.
	Route func(sms.MSISDN) bearer.Bearer

	CardProfiles      map[string]mssp.CardProfile // by Card.Profile
	SignatureProfiles []mssp.SignatureProfile
	VA                VA
	CA                CA

	Clock      func() time.Time
	Rand       io.Reader
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Trace      func(TraceEvent) // nil costs nothing

	// DemoFaults gives the numbers +41000092NNN their faults.
	DemoFaults bool
	// ConfirmAtOnce sends "registration confirmed" in a packet of its own;
	// otherwise it travels before the first signature (5-2).
	ConfirmAtOnce bool
	// QuietRegistration sends no text message when a user is registered.
	QuietRegistration bool

	Limits        Limits
	PartialAfter  time.Duration // a part is missing that long: ask again; default 15 s
	SubmitTimeOut time.Duration // of one segment at the bearer; default 10 s
	RetryFirst    time.Duration // first pause after busy or no answer; default 1 s, doubles
	RetryMax      time.Duration // longest pause; default 30 s
	ManageTimeOut time.Duration // life of registration and management transactions; default 3 min
	// CodeHelp is the end of the text message to a user whose code has blocked (3.5.4-1).
	CodeHelp string
}

// Limits protect subscribers and memory. Zero fields take the defaults; a
// negative one switches the limit off.
type Limits struct {
	QueuePerCard     int // transactions that may wait behind the one at the card; default 5
	PromptsPerMinute int // per number; default 3
	Waiters          int // callers of Wait; default 10,000
}

// VA says whether a signature and its certificate are valid (2-1, 5.2-2).
type VA interface {
	Verify(ctx context.Context, cert *x509.Certificate, digest, signature []byte) (mssp.Code, error)
}

// CA issues certificates (2-1, INT11).
type CA interface {
	Issue(ctx context.Context, csr []byte, sub mssp.Subscriber, usage mssp.KeyUsage) (*x509.Certificate, error)
}

// Store is what the engine needs of mssp/store.
type Store interface{}

// Vault opens and seals the key rows.
type Vault interface{}
