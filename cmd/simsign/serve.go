package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/cmd/internal/console"
	"github.com/simsign/simsign/cmd/internal/logpipe"
	"github.com/simsign/simsign/cmd/internal/sdnotify"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/store"
)

// ServeCmd is the service. It runs until it is interrupted, or until it
// cannot go on.
type ServeCmd struct {
	ConfigFlag
}

// Help says what signals do.
func (*ServeCmd) Help() string {
	return `SIGTERM and Ctrl-C stop the service; what is accepted is stored and goes on at the
next start. SIGHUP (systemctl reload) never ends it: the configuration is read
anew. What holds from then on, without a restart: log.level, and the certificates
of TLS (api.tls_cert, tls_key, client_ca; tls_ca, tls_cert, tls_key of a bearer, with
its next connection). Everything else needs a restart: the log names the keys. A
faulty file is refused with the reason in the log, and the service goes on as it
was. Files of certificates are also read when they change. SIGQUIT stops it with
all stacks in the log; SIGUSR1 and SIGUSR2 mean nothing.`
}

// Run starts the service and stops it.
func (k *ServeCmd) Run(c *cli) error {
	signals, end := serviceSignals()
	defer end()
	cfg, err := k.load(c)
	if err != nil {
		return err
	}
	var level slog.LevelVar
	log, pipe := c.logger(cfg, &level)
	defer pipe.Flush(flushTime)
	o := app.Options{Config: cfg, Logger: log, LogLost: pipe.Lost, Version: version()}
	if cfg.Console.Listen != "" {
		hub := console.NewHub()
		o.Watch(hub.Trace)
		o.Console = console.New(console.Options{Hub: hub, Logger: log})
	}
	a, err := app.New(o)
	if err != nil {
		return err
	}
	manager := sdnotify.New(os.Getenv)
	if err := a.Start(c.ctx); err != nil {
		return storeHint(err)
	}
	tell := func(message string) {
		if err := manager.Send(message); err != nil {
			log.Warn("service manager does not listen", "error", err)
		}
	}
	tell(sdnotify.Ready)
	k.watchdog(c.ctx, a, manager.WatchdogEvery(), tell, log, signals, &level)
	tell(sdnotify.Stopping)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), cfg.Limits.Stop.Duration())
	defer cancel()
	return storeHint(a.Stop(ctx))
}

// watchdog returns when the service shall stop. Until then it tells the
// service manager, at half of its time, that the service does its work; when
// it does not, the manager hears nothing and starts it anew.
func (k *ServeCmd) watchdog(ctx context.Context, a *app.App, every time.Duration, tell func(string), log *slog.Logger, signals <-chan os.Signal, level *slog.LevelVar) {
	var tick <-chan time.Time
	if every > 0 {
		t := time.NewTicker(every / 2)
		defer t.Stop()
		tick = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.Done():
			return
		case s := <-signals:
			if k.signalled(s, a, level, log) {
				return
			}
		case <-tick:
			if err := a.Alive(ctx); err != nil {
				log.Error("no sign of life for the service manager", "error", err)
				continue
			}
			tell(sdnotify.Watchdog)
		}
	}
}

// flushTime is for the last lines of a log that nobody reads on.
const flushTime = 2 * time.Second

// logger writes to standard error what the configuration asks for, and so does the
// command from now on. Nobody waits for who reads it.
func (c *cli) logger(cfg *config.Config, level *slog.LevelVar) (*slog.Logger, *logpipe.Writer) {
	level.Set(slog.Level(cfg.Log.Level))
	to := func(w io.Writer) *slog.Logger {
		o := &slog.HandlerOptions{Level: level}
		if cfg.Log.Format == "text" {
			return slog.New(slog.NewTextHandler(w, o))
		}
		return slog.New(slog.NewJSONHandler(w, o))
	}
	pipe := logpipe.New(c.stderr, func(lost uint64) []byte {
		var b bytes.Buffer
		to(&b).Error("lines of the log are lost here: nobody has read standard error on", "lines", lost)
		return b.Bytes()
	})
	c.stderr = pipe
	return to(pipe), pipe
}

// storeHint gives errors of the data their exit code and says what to do.
func storeHint(err error) error {
	for _, x := range []struct {
		is   error
		code int
		hint string
	}{
		{store.ErrOutcomeUnknown, exitFailed, "start again: what was stored is found then. If it happens again, look at the disk."},
		{store.ErrCorrupt, exitStore, "write nothing more to this disk; restore the last backup of the database, then start again: counters go on behind those that were used"},
		{pki.ErrDamaged, exitStore, "restore the last backup of the database; simsign check --data looks at every row"},
		{store.ErrAltered, exitStore, "simsign check --data names such rows and says what to do"},
		{store.ErrNone, exitFailed, "store.dsn of the configuration says where it is; simsign ca init or simsign serve makes a new one"},
		{store.ErrNewer, exitStore, "install the version that wrote it, or a later one"},
		{app.ErrRootKey, exitStore, "the key that sealed this database must be back in its place; without it the cards cannot be reached"},
		{store.ErrLocked, exitFailed, "another simsign uses these data: stop it, or give this one a data folder, or a database, of its own"},
		{store.ErrFenced, exitFailed, "another simsign goes on with its work: look why this one gave no sign of life to the database, then start it again"},
	} {
		if errors.Is(err, x.is) {
			return &exitError{Code: x.code, Err: err, Hint: x.hint}
		}
	}
	return err
}
