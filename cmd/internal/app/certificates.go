package app

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/cmd/internal/alert"
	"github.com/simsign/simsign/cmd/internal/config"
)

// soon is how long before its end a certificate is an alert.
const soon = 30 * 24 * time.Hour

// certificates are those that the running service shows and trusts. The files
// are looked at with every self-check: what has changed there holds for the next
// connection. A faulty file is an alert, and the certificates that were read
// before stay in use.
type certificates struct {
	a      *App
	expiry *prometheus.GaugeVec
	api    atomic.Pointer[tls.Config]
	ra     atomic.Pointer[tls.Config]

	mu    sync.Mutex
	files map[string]*certFiles // by "api" and "bearer.NAME"
}

// certFiles are the files of one listener or bearer.
type certFiles struct {
	read  func(now time.Time) (*tls.Config, []config.Certificate, error)
	paths []string
	print [sha256.Size]byte
	good  *tls.Config
	list  []config.Certificate
}

func newCertificates(a *App) (*certificates, error) {
	c := &certificates{a: a, files: map[string]*certFiles{}, expiry: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "simsign_certificate_expiry_timestamp_seconds", Help: "When a certificate ends, in seconds since 1970, by the key of the configuration that names its file; ca: that of the built-in CA.",
	}, []string{"certificate"})}
	return c, a.registry.Register(c.expiry)
}

// take reads the files of a name and keeps what they hold. An error changes nothing.
func (c *certificates) take(name string, f *certFiles) error {
	f.print = config.Print(f.paths...)
	var err error
	if f.good, f.list, err = f.read(c.a.o.Clock()); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if was := c.files[name]; was != nil {
		for _, x := range was.list {
			c.expiry.DeleteLabelValues(x.Key)
			c.a.alerts.Clear(alert.Certificate, x.Key)
		}
	}
	c.files[name] = f
	switch name {
	case "api":
		c.api.Store(f.good)
	case "ra":
		c.ra.Store(f.good)
	}
	c.a.alerts.Clear(alert.Certificate, name)
	return nil
}

func apiFiles(s config.API) *certFiles {
	return &certFiles{read: s.TLSConfig, paths: []string{s.TLSCert, s.TLSKey, s.ClientCA}}
}

func raFiles(s config.RA) *certFiles {
	return &certFiles{read: s.TLSConfig, paths: []string{s.TLSCert, s.TLSKey, s.ClientCA}}
}

func bearerFiles(b config.Bearer) *certFiles {
	return &certFiles{read: b.TLSConfig, paths: []string{b.TLSCA, b.TLSCert, b.TLSKey}}
}

// listener is the configuration of the API, by which each connection gets the
// certificates of its time; nil for plain HTTP.
func (c *certificates) listener() (*tls.Config, error) {
	if c.a.cfg.API.TLSCert == "" {
		return nil, nil
	}
	return c.shown("api", apiFiles(c.a.cfg.API), &c.api)
}

// raListener is the same for RA and operator.
func (c *certificates) raListener() (*tls.Config, error) {
	if c.a.cfg.RA.TLSCert == "" {
		return nil, nil
	}
	return c.shown("ra", raFiles(c.a.cfg.RA), &c.ra)
}

func (c *certificates) shown(name string, f *certFiles, now *atomic.Pointer[tls.Config]) (*tls.Config, error) {
	if err := c.take(name, f); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return now.Load(), nil
	}}, nil
}

// bearer is the configuration of the connections to a centre, now and later;
// nil without TLS.
func (c *certificates) bearer(b *config.Bearer) (*tls.Config, func() (*tls.Config, error), error) {
	if !b.TLS {
		return nil, nil, nil
	}
	name := "bearer." + b.Name
	if err := c.take(name, bearerFiles(*b)); err != nil {
		return nil, nil, err
	}
	now := func() (*tls.Config, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.files[name].good, nil
	}
	t, err := now()
	return t, now, err
}

// look reads the files that have changed, and tells what ends soon.
func (c *certificates) look() {
	c.mu.Lock()
	changed := map[string]certFiles{}
	for name, f := range c.files {
		if print := config.Print(f.paths...); print != f.print {
			f.print = print // a faulty file is read once, not every few seconds
			changed[name] = *f
		}
	}
	c.mu.Unlock()
	for name, f := range changed {
		if err := c.take(name, &f); err != nil {
			c.a.alerts.Raise(alert.Certificate, name, fmt.Sprintf("the new certificate is refused, the one before stays in use: %v", err))
			continue
		}
		c.a.log.Info("certificates were read anew", "name", name)
	}
	c.tell()
}

// tell sets the metric, and opens and closes the alerts of what ends soon.
func (c *certificates) tell() {
	now := c.a.o.Clock()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.files {
		for _, x := range f.list {
			c.one(now, x.Key, x.Until, "put a new one into "+x.Path)
		}
	}
	if c.a.ca != nil {
		c.one(now, "ca", c.a.ca.Certificate().NotAfter, caAdvice)
	}
}

func (c *certificates) one(now time.Time, key string, until time.Time, advice string) {
	c.expiry.WithLabelValues(key).Set(float64(until.Unix()))
	switch left := until.Sub(now); {
	case left > soon:
		c.a.alerts.Clear(alert.Certificate, key)
	case left > 0:
		c.a.alerts.Raise(alert.Certificate, key, fmt.Sprintf("ends on %s, in %d days: %s", until.UTC().Format(time.DateOnly), int(left/(24*time.Hour)), advice))
	default:
		c.a.alerts.Raise(alert.Certificate, key, fmt.Sprintf("has expired on %s: %s", until.UTC().Format(time.DateOnly), advice))
	}
}

// Reload takes over what a running service can of a new configuration, all of
// it or nothing: the certificates of TLS. One call at a time. It returns the keys that changed and
// hold from now on, and those for which the service must be started again.
func (a *App) Reload(cfg *config.Config) (now, restart []string, err error) {
	now, _ = config.Changes(a.loaded, cfg)
	_, restart = config.Changes(a.cfg, cfg)
	next := map[string]*certFiles{}
	if a.cfg.API.TLSCert != "" && cfg.API.TLSCert != "" {
		next["api"] = apiFiles(cfg.API)
	}
	for i := range cfg.Bearers {
		if b := cfg.Bearers[i]; b.TLS && a.certs.has("bearer."+b.Name) {
			next["bearer."+b.Name] = bearerFiles(b)
		}
	}
	for _, f := range next {
		if _, _, err := f.read(a.o.Clock()); err != nil {
			return nil, nil, err
		}
	}
	for name, f := range next {
		was := a.certs.print(name)
		if err := a.certs.take(name, f); err != nil {
			return nil, nil, err // it has changed between the two readings
		}
		if f.print != was {
			a.log.Info("certificates were read anew", "name", name)
		}
	}
	a.loaded = cfg
	a.certs.tell()
	return now, restart, nil
}

// print is what the files of a name held when they were read last.
func (c *certificates) print(name string) [sha256.Size]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.files[name]; f != nil {
		return f.print
	}
	return [sha256.Size]byte{}
}

func (c *certificates) has(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.files[name] != nil
}
