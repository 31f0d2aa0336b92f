package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/mssp/int3"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/rest"
)

// plane is one listener with what it serves. Each plane has its own, so that
// a firewall can tell them apart and a flood on one does not block the others.
type plane struct {
	name string
	l    net.Listener
	srv  *http.Server
}

// listen opens every plane.
func (a *App) listen() error {
	tlsConfig, err := a.certs.listener()
	if err != nil {
		return err
	}
	api := rest.New(rest.Options{Service: a.service, Observe: a.o.ObserveRequests, Clock: a.o.Clock, Proxies: a.cfg.API.Proxies(), Proved: proved})
	if err := a.tcp("api", a.cfg.API.Listen, tlsConfig, api); err != nil {
		return err
	}
	if err := a.listenRA(); err != nil {
		return err
	}
	if a.ca != nil {
		if err := a.tcp("ca", a.cfg.CA.Listen, nil, a.ca.Handler("", nil)); err != nil {
			return err
		}
	}
	if err := a.tcp("metrics", a.cfg.Metrics.Listen, nil, a.metrics()); err != nil {
		return err
	}
	if a.o.Console != nil && a.cfg.Console.Listen != "" {
		if err := a.tcp("console", a.cfg.Console.Listen, nil, a.o.Console); err != nil {
			return err
		}
	}
	return a.adminSocket()
}

// listenRA opens the interface of RA and operator, where the file has one.
func (a *App) listenRA() error {
	if a.cfg.RA.Listen == "" {
		return nil
	}
	tlsConfig, err := a.certs.raListener()
	if err != nil {
		return err
	}
	o := int3.Options{
		Calls: a.audit.calls, Audit: &operator.Auditor{Store: a.core.Store, Anchors: a.anchors},
		Store: a.core.Store, Sealer: a.core.Vault, Operator: a.Admin(), Registrar: a.cards.Registrar, Profiles: a.cfg.SignatureProfiles(),
		Question: a.cfg.Procedures.Question, Clock: a.o.Clock, Steady: a.steady.now, Logger: a.log, Registerer: a.registry,
	}
	o.Find = (&pki.Repositories{CA: a.ca, URLs: a.cfg.CA.Repositories, Client: repositoryClient, Logger: a.log}).Find
	if a.ca != nil {
		o.CA = a.ca.Chain()[0]
	}
	desk, err := int3.NewDesk(o)
	if err != nil {
		return err
	}
	return a.tcp("ra", a.cfg.RA.Listen, tlsConfig, int3.Handler(desk))
}

// repositoryClient asks the repositories of other CAs. It follows nobody elsewhere.
var repositoryClient = &http.Client{
	Timeout:       10 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (a *App) tcp(name, addr string, tlsConfig *tls.Config, h http.Handler) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("%s.listen: %w", name, err)
	}
	l = a.limited(name, l)
	if tlsConfig != nil {
		l = tls.NewListener(l, tlsConfig)
	}
	a.serve(name, l, h)
	return nil
}

// quick is how long a request to the planes may take whose replies are at hand.
const quick = 30 * time.Second

// headTime is how long a client may take to send the head of a request; tests
// have more.
var headTime = 10 * time.Second

// serve runs a plane until the service stops. There is no ReadTimeout and no
// WriteTimeout where a request lasts as long as its user thinks: the handler
// of the API bounds what it reads and writes, the socket of the operator is
// his alone. What is open to everybody (ca) or has no handler of ours
// (metrics) is bounded here.
func (a *App) serve(name string, l net.Listener, h http.Handler) {
	base, cancel := context.WithCancel(context.Background())
	unused := &newConns{}
	p := &plane{name: name, l: l, srv: &http.Server{
		Handler:           succeeding(h, name),
		ConnContext:       withConn,
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: headTime,
		IdleTimeout:       5 * time.Minute, // FiCom: connections are kept that long
		MaxHeaderBytes:    16 << 10,
		ConnState:         unused.track, // and that of the limits
		ErrorLog:          slog.NewLogLogger(a.log.With("listener", name).Handler(), slog.LevelDebug),
	}}
	if name == "ca" || name == "metrics" {
		p.srv.ReadTimeout, p.srv.WriteTimeout = quick, quick
	}
	p.srv.RegisterOnShutdown(unused.close)
	a.planes = append(a.planes, p)
	go func() {
		if err := p.srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.fail(fmt.Errorf("listener %s: %w", name, err))
		}
	}()
	a.onClose(func(ctx context.Context) error {
		cancel() // who waits for a signature is told to ask for it later
		if err := p.srv.Shutdown(ctx); err != nil {
			return p.srv.Close()
		}
		return nil
	})
}

// metrics serves /metrics, /healthz, /readyz and /alerts.
func (a *App) metrics() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{Registry: a.registry}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /alerts", func(w http.ResponseWriter, _ *http.Request) { a.alerts.Print(w) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if reasons := a.Ready(); len(reasons) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, strings.Join(reasons, "\n"))
			return
		}
		fmt.Fprintln(w, strings.Join(append([]string{"ready"}, a.health.spared()...), "\n"))
	})
	return mux
}

// adminSocket opens the socket of package admin. A socket that nobody listens
// on any more is a left-over and goes away: the store is locked, so no other
// service of these data is alive.
func (a *App) adminSocket() error {
	path := a.cfg.Admin.Socket
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("admin.socket: %w", err)
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&os.ModeSocket == 0 {
			return fmt.Errorf("admin.socket: %s is there and is no socket", path)
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("admin.socket: %w", err)
		}
	}
	l, err := listenPrivate(path)
	if err != nil {
		return fmt.Errorf("admin.socket: %w", err)
	}
	a.serve("admin", a.limited("admin", l), admin.Handler(a.Admin(), a.log, a.audit.calls))
	return nil
}

// listenPrivate listens on a unix socket that only its owner can open: it is
// bound in a private folder, made 0600 there and then moved to its place, so
// that there is no moment in which others could connect.
func listenPrivate(path string) (net.Listener, error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), ".sock")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	private := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: private, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(private, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if err := os.Rename(private, path); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return unlinking{l, path}, nil
}

// unlinking removes its socket when it closes.
type unlinking struct {
	net.Listener
	path string
}

func (u unlinking) Close() error {
	return errors.Join(u.Listener.Close(), os.Remove(u.path))
}

// Admin is the operator's interface of the running service.
func (a *App) Admin() *admin.Service {
	s := a.core.Admin(a.cfg, a.log, a.o.Clock)
	s.Engine, s.SMSCs, s.Eraser = a.cards, centres{&a.bearers, a.log}, a.eraser
	s.WithStanding(a.standing, a.ra)
	s.Renewal = a.renewal
	if a.ca != nil {
		s.Revoked = a.ca.Changed
	}
	return s
}

// Addr is the address of a plane (api, ca, metrics, console), as bound; ""
// when it is not there.
func (a *App) Addr(name string) string {
	for _, p := range a.planes {
		if p.name == name {
			return p.l.Addr().String()
		}
	}
	return ""
}

// APIAddr is the address of the web service.
func (a *App) APIAddr() string { return a.Addr("api") }

// newRegistry holds the metrics of one service, with those of the process.
func newRegistry(version string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "simsign_build_info", Help: "Always 1; the label says what runs.", ConstLabels: prometheus.Labels{"version": version},
	})
	info.Set(1)
	r.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}
