// Package app wires the parts into a service: it is the only place that knows
// all of them.
//
// New takes the configuration and what a test or a demonstration wants to
// watch or replace. Start opens the store and the key vault, loads the CA,
// starts the engine (which goes on where the last process stopped), attaches
// the bearers and only then opens the listeners, one for each plane, so that
// nobody is answered by half a service. Stop does the same backwards: no new
// requests, bearers detached, engine, store. Whatever is cut off in between is
// in the store and goes on at the next start.
//
// A self-check asks every few seconds, and when a bearer comes or goes, whether a
// signature can pass: the store takes what it is given, every phone is reached by
// a bearer that takes messages, the test signature of package selftest passed.
// Readiness (/readyz), the watchdog of the service
// manager and the metric simsign_ready all come from its last result. When the
// store says that a commit may or may not have happened, that the database is
// damaged, or that another box goes on with its work, the service ends itself:
// Done closes and Err says why (exit code 1 and 3 of simsign serve).
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/cmd/internal/alert"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/cmd/internal/listen"
	"github.com/simsign/simsign/cmd/internal/selftest"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/ra"
	"github.com/simsign/simsign/mssp/renewal"
	"github.com/simsign/simsign/mssp/rest"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/mssp/signature"
	"github.com/simsign/simsign/mssp/standing"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

// Options is what New needs. Config is required.
type Options struct {
	Config  *config.Config
	Logger  *slog.Logger     // nil: none
	Version string           // for simsign_build_info
	LogLost func() uint64    // lines that Logger has lost; nil: none
	Clock   func() time.Time // the machine's
	// Elapsed is the time that this process has run, whatever becomes of Clock; nil:
	// the monotonic clock.
	Elapsed func() time.Duration
	// Synchronized says that somebody keeps Clock right; nil: as the kernel says.
	Synchronized func() bool
	Getenv       func(string) string // nil: os.Getenv; for systemd's variables

	// For demonstrations and laboratories. These see texts and octets.
	Trace           func(engine.TraceEvent)
	ObserveRequests func(rest.Exchange)
	ObserveNetwork  func(loopback.Event)
	// Console is served on console.listen; nil: nothing is.
	Console http.Handler
	// ConfirmAtOnce and QuietRegistration are ConfirmAtOnce and Quiet of package registration.
	ConfirmAtOnce, QuietRegistration bool
}

// App is the service.
type App struct {
	o        Options
	cfg      *config.Config
	log      *slog.Logger
	registry *prometheus.Registry
	alerts   *alert.Board

	core      *Core
	ca        *pki.CA
	engine    *engine.Engine
	cards     cards
	signer    *signature.Signer
	service   *service.Service
	bearers   bearers
	planes    []*plane
	health    *health
	selftest  *selftest.Test
	certs     *certificates
	steady    *steady
	eraser    *eraser
	reminders *reminders
	audit     *auditor
	standing  *standing.Standing
	renewal   *renewal.Renewal
	ra        *ra.Worker
	alone     atomic.Bool    // a single provider may use the service
	tight     bool           // at the last look: the disk takes nothing new
	loaded    *config.Config // the last one that was taken over; cfg is the one of the start
	recheck   chan struct{}  // a self-check shall not wait for its time

	connections *listen.Metrics
	listeners   listen.Group

	closers []func(context.Context) error // in the order of opening
	once    sync.Once
	done    chan struct{}
	floor   []byte // see heapFloor
	err     error
}

// New checks the options. Nothing is opened before Start.
func New(o Options) (*App, error) {
	if o.Config == nil {
		return nil, errors.New("app: Config is required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Elapsed == nil {
		start := time.Now()
		o.Elapsed = func() time.Duration { return time.Since(start) }
	}
	if o.Synchronized == nil {
		// What is known of the machine's clock says nothing of another one.
		o.Synchronized = func() bool { return false }
		if o.Clock == nil {
			o.Synchronized = clockKept
		}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	registry := newRegistry(o.Version)
	alerts, err := alert.New(registry, o.Logger, o.Clock)
	if err != nil {
		return nil, err
	}
	a := &App{o: o, cfg: o.Config, loaded: o.Config, log: o.Logger, registry: registry, alerts: alerts, recheck: make(chan struct{}, 1), done: make(chan struct{}), floor: make([]byte, heapFloor)}
	a.steady, a.eraser = newSteady(&o), &eraser{a: a}
	registry.MustRegister(a.steady.gauge, prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "simsign_log_lost_total", Help: "Lines of the log that were lost because nobody has read standard error on.",
	}, func() float64 {
		if o.LogLost == nil {
			return 0
		}
		return float64(o.LogLost())
	}))
	if a.connections, err = listen.NewMetrics(registry); err != nil {
		return nil, err
	}
	a.certs, err = newCertificates(a)
	return a, err
}

// Start opens everything; after an error everything is closed again.
func (a *App) Start(ctx context.Context) (err error) {
	ctx = audit.With(ctx, audit.Self)
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close(context.WithoutCancel(ctx)))
		}
	}()
	if a.core, err = OpenCore(ctx, a.cfg, CoreOptions{Logger: a.log, Registerer: a.registry, Clock: a.steady.now, Getenv: a.o.Getenv, Alerts: a.alerts, Serve: true}); err != nil {
		return err
	}
	a.onClose(func(context.Context) error { return a.core.Close() })
	for _, begin := range []func(context.Context) error{a.resumeClock, a.newAuditor, a.tellDangers, a.tellRetention} {
		if err := begin(ctx); err != nil {
			return err
		}
	}
	a.countProviders(ctx)
	if err := a.newEngine(ctx); err != nil {
		return err
	}
	a.reminders = a.newReminders()
	if err := a.newProcedures(); err != nil {
		return err
	}
	if err := a.newBearers(); err != nil {
		return err
	}
	if err := a.engine.Start(ctx); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	a.onClose(a.engine.Stop)
	if err := a.attach(ctx); err != nil {
		return err
	}
	if a.selftest, err = selftest.New(selftest.Options{
		Dir: filepath.Join(a.cfg.Data, "selftest"), Every: a.cfg.Metrics.SelfTest.Duration(), Commit: a.core.Store.Write,
		Changed: a.checkNow, Logger: a.log, Registerer: a.registry,
	}); err != nil {
		return err
	}
	a.health = newHealth(a.registry, a.log, time.Now, a.alerts, a.checkNow, a.checks()) // what it measures is how long something lasts
	if err := a.newService(); err != nil {
		return err
	}
	a.health.run(ctx)
	if err := a.listen(); err != nil {
		return err
	}
	a.certs.tell()
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	for _, run := range []func(context.Context){a.watch, a.forget, a.audit.run, a.selftest.Run, a.ra.Run} {
		wg.Go(func() { run(life) })
	}
	a.onClose(func(context.Context) error { cancel(); wg.Wait(); return nil })
	a.log.Info("service started", "version", a.o.Version, "api", a.APIAddr())
	return nil
}

// Stop closes everything in reverse order. ctx bounds how long it waits for
// requests and transactions under way. It returns Err too: whoever stops a
// service that cannot go on learns it, whichever was first.
func (a *App) Stop(ctx context.Context) error {
	err := a.close(ctx)
	select {
	case <-a.done:
		if !errors.Is(err, a.err) {
			err = errors.Join(a.err, err)
		}
	default:
	}
	a.log.Info("service stopped")
	return err
}

// Done is closed when the service cannot go on; Err says why then.
func (a *App) Done() <-chan struct{} { return a.done }

// Err is valid once Done is closed.
func (a *App) Err() error { return a.err }

func (a *App) fail(err error) {
	a.once.Do(func() {
		a.err = err
		a.log.Error("service cannot go on", "error", err)
		close(a.done)
	})
}

func (a *App) onClose(f func(context.Context) error) { a.closers = append(a.closers, f) }

func (a *App) close(ctx context.Context) error {
	var errs []error
	for _, f := range slices.Backward(a.closers) {
		errs = append(errs, f(ctx))
	}
	a.closers = nil
	return errors.Join(errs...)
}

// newEngine loads the CA, when there is one, and makes the engine.
func (a *App) newEngine(ctx context.Context) error {
	ca, err := pki.Load(ctx, pki.Options{
		Store: a.core.Store, Sealer: a.core.Vault, Clock: a.o.Clock, Logger: a.log, BaseURL: a.cfg.CA.URL,
		Country: a.cfg.CA.Country, Organization: a.cfg.CA.Organization, LifetimeYears: a.cfg.CA.Years, Publish: a.cfg.CA.Publish,
		Production: !a.cfg.Lab.TestCA,
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		a.log.Warn("there is no CA yet: simsign ca init, then restart")
	case err != nil:
		return fmt.Errorf("CA: %w", err)
	}
	a.ca = ca
	a.engine, err = engine.New(engine.Options{
		Store: a.core.Store, Vault: a.core.Vault, Route: a.bearers.route, RouteByCard: byCard(a.cfg.Bearers), SubmitTimeOut: patience(a.cfg.Bearers),
		CardProfiles: a.cfg.CardProfiles(), Clock: a.steady.now, Elapsed: a.o.Elapsed, Logger: a.log, Registerer: a.registry, Alerts: a.alerts, Trace: a.o.Trace,
		Reports: a.cfg.Messages.DeliveryReports || reports(a.cfg.Bearers), Texts: a.cfg.Notices(), Poll: a.poll(),
		Limits: engine.Limits{
			QueuePerCard: a.cfg.Limits.Queue, PromptsPerMinute: a.cfg.Limits.PromptsPerMinute, Waiters: a.cfg.Limits.Waiting,
			AllPromptsPerMinute: a.cfg.Limits.AllPromptsPerMinute, AllCoolOffAfter: a.cfg.Limits.AllCoolOffAfter,
			CoolOffAfter: cmp.Or(a.cfg.Limits.CoolOffAfter, -1), CoolOff: a.cfg.Limits.CoolOff.Duration(),
		},
	})
	return err
}

// poll is how often a caller who waits looks at the row: never where nobody
// else can change it.
func (a *App) poll() time.Duration {
	if a.cfg.Store.Postgres() {
		return time.Second
	}
	return 0
}

func (a *App) newService() (err error) {
	a.service, err = service.New(service.Options{
		Engine: a.signers(), Directory: a.core.Store, Subscribers: a.core.Store,
		Available: func() error { return a.health.hangs("store") },
		Profiles:  a.cfg.SignatureProfiles(), DefaultProfile: a.cfg.API.DefaultProfile, MSSPID: a.cfg.API.MSSPID, MSSPAliases: a.cfg.API.MSSPAliases,
		InstantWindow:     a.cfg.Limits.Instant.Duration(),
		RequestsPerSecond: float64(a.cfg.Limits.RequestsPerSecond), Calls: a.audit.calls, Burst: a.cfg.Limits.Burst, ProfilesPerMinute: a.cfg.Limits.ProfilesPerMinute, MaxWaits: a.cfg.Limits.Waiting,
		Clock: a.o.Clock, Steady: a.steady.now, Logger: a.log, Registerer: a.registry,
	})
	return err
}

// watch repeats the self-check until the end, and ends the service when the
// store has stopped.
func (a *App) watch(ctx context.Context) {
	t := time.NewTicker(checkEvery)
	defer t.Stop()
	clock := time.NewTicker(clockEvery)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.core.Store.Stopped():
			a.fail(a.core.Store.Failure())
			return
		case <-t.C:
			a.health.run(ctx)
			a.certs.look()
		case <-clock.C:
			a.compareClocks(ctx)
			a.tellSpace()
		case <-a.recheck:
			a.health.run(ctx)
		}
	}
}

// How long inbound parts are kept: those that were used, so that a redelivery
// is recognised; those of messages that never became whole, in case the rest
// comes (the store joins nothing that is older than 90 s).
const (
	purgeEvery     = 5 * time.Minute
	keepUsed       = 24 * time.Hour
	keepIncomplete = 10 * time.Minute
)

// forget purges again and again until the end. It has nothing to do with watch: a
// million old transactions take a quarter of an hour.
func (a *App) forget(ctx context.Context) {
	t := time.NewTicker(purgeEvery)
	defer t.Stop()
	a.reminders.remind(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			a.countProviders(ctx)
			a.purge(ctx)
			a.reminders.remind(ctx)
		}
	}
}

// purge bounds the disk, and erases what retention does not keep.
func (a *App) purge(ctx context.Context) {
	now := a.steady.now()
	for more := true; more && ctx.Err() == nil; {
		p, err := a.core.Store.Purge(ctx, store.Retention{Parts: now.Add(-keepUsed), Incomplete: now.Add(-keepIncomplete)})
		if err != nil {
			a.log.Error("forgetting old parts", "error", err)
			return
		}
		more = p.More
	}
	if _, err := a.eraser.erase(ctx); err != nil && ctx.Err() == nil {
		a.log.Error("erasing what is not kept any more", "error", err)
	}
	for n := sms.MSISDN(""); ctx.Err() == nil; {
		var err error
		if n, err = a.core.Store.Forget(ctx, n, now); err != nil {
			a.log.Error("forgetting what counts against numbers no more", "error", err)
			return
		}
		if n == "" {
			return
		}
	}
}
