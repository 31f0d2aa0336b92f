package engine

import (
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/mssp/notice"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/keys"
)

// Options is what an Engine needs. Store, Vault and Route are required.
type Options struct {
	Store Store
	Vault Vault
	// Route picks the bearer for a phone; nil when none can reach it. It knows
	// ICCID, IMSI and card profile for sure only with RouteByCard.
	Route       func(bearer.Destination) bearer.Bearer
	RouteByCard bool

	CardProfiles map[string]mssp.CardProfile // by Card.Profile

	Clock func() time.Time
	// Elapsed is the time that this process has run, whatever becomes of the
	// clock; nil: the monotonic clock.
	Elapsed    func() time.Duration
	Rand       io.Reader
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Alerts     Alerts           // may be nil
	Trace      func(TraceEvent) // nil costs nothing; called from many goroutines, must not block

	// Reports asks the network for delivery reports.
	Reports bool

	Limits        Limits
	PartialAfter  time.Duration // a part of an answer is missing that long: ask again; default 15 s
	SubmitTimeOut time.Duration // of one segment at its bearers, one after the other; default 10 s
	RetryFirst    time.Duration // first pause after busy or no answer; default 1 s, doubles
	RetryMax      time.Duration // longest pause; default 30 s
	ManageTimeOut time.Duration // life of registration and management transactions; default 3 min
	// Poll is how often Wait reads the row, for transactions that another
	// process may finish (PostgreSQL: 1 s); 0 never.
	Poll  time.Duration
	Texts *notice.Catalogue // text messages to users; nil: those that are built in
}

// Limits protect subscribers and memory. Zero fields take the defaults; a
// negative one switches the limit off.
type Limits struct {
	QueuePerCard        int // transactions that may wait behind the one at the card; default 5
	PromptsPerMinute    int // of one provider to one number; default 3
	AllPromptsPerMinute int // of all providers to one number; default twice as many
	Waiters             int // callers of Wait at once; default 10,000
	// After so many requests of one provider within ten minutes that a user was shown
	// and has cancelled or left (default 3), or of all (default three times as many), that provider, or
	// nobody, reaches him for CoolOff (default 15 min).
	CoolOffAfter, AllCoolOffAfter int
	CoolOff                       time.Duration
}

// Vault opens and seals the fields of key rows and tags requests; *keys.Vault
// is one.
type Vault interface {
	OpenMaterial(iccid ota.ICCID, kvn byte, blob []byte) (keys.Material, error)
	OpenCounter(iccid ota.ICCID, kvn byte, blob []byte) (ota.CNTR, error)
	SealCounter(iccid ota.ICCID, kvn byte, c ota.CNTR) ([]byte, error)
	cardkeys.Vault
	AppendTag(b []byte, purpose string, parts ...[]byte) ([]byte, error)
	CheckTag(tag []byte, purpose string, parts ...[]byte) error
}

func (o *Options) defaults() error {
	if o.Store == nil || o.Vault == nil || o.Route == nil {
		return errors.New("engine needs Store, Vault and Route")
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Elapsed == nil {
		start := time.Now()
		o.Elapsed = func() time.Duration { return time.Since(start) }
	}
	if o.Texts == nil {
		o.Texts, _ = notice.New(notice.Options{})
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	for _, d := range []struct {
		at *time.Duration
		is time.Duration
	}{
		{&o.PartialAfter, 15 * time.Second},
		{&o.SubmitTimeOut, 10 * time.Second},
		{&o.RetryFirst, time.Second},
		{&o.RetryMax, 30 * time.Second},
		{&o.ManageTimeOut, 3 * time.Minute},
		{&o.Limits.CoolOff, 15 * time.Minute},
	} {
		if *d.at <= 0 {
			*d.at = d.is
		}
	}
	for _, d := range []struct {
		at *int
		is int
	}{
		{&o.Limits.QueuePerCard, 5},
		{&o.Limits.PromptsPerMinute, 3},
		{&o.Limits.Waiters, 10_000},
		{&o.Limits.CoolOffAfter, 3},
	} {
		if *d.at == 0 {
			*d.at = d.is
		}
	}
	if l := &o.Limits; l.AllPromptsPerMinute == 0 {
		l.AllPromptsPerMinute = 2 * l.PromptsPerMinute
	}
	if l := &o.Limits; l.AllCoolOffAfter == 0 {
		l.AllCoolOffAfter = 3 * l.CoolOffAfter
	}
	return nil
}
