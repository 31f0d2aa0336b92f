package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"runtime/pprof"
	"strings"
	"syscall"

	"github.com/simsign/simsign/cmd/internal/app"
	"github.com/simsign/simsign/cmd/internal/config"
)

// What signals mean. SIGINT and SIGTERM end every command in good order. SIGHUP
// says that the terminal was closed, which ends what people look at and does not
// mean the service: that one reads its configuration anew. Whoever reads our
// output may end first: a service, and whatever else runs for long, goes on then.

// hangUp ends a context when the terminal is closed; not under nohup.
func hangUp(ctx context.Context) (context.Context, context.CancelFunc) {
	if signal.Ignored(syscall.SIGHUP) {
		return ctx, func() {}
	}
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}

// lasting is for commands that run until they are stopped.
func lasting() { signal.Ignore(syscall.SIGPIPE) }

// serviceSignals are those of the service besides SIGINT and SIGTERM.
func serviceSignals() (c chan os.Signal, stop func()) {
	lasting()
	c = make(chan os.Signal, 8)
	signal.Notify(c, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM)
	return c, func() { signal.Stop(c) }
}

// signalled does what a signal asks for; end: the service shall stop.
func (k *ServeCmd) signalled(s os.Signal, a *app.App, level *slog.LevelVar, log *slog.Logger) (end bool) {
	switch s {
	case syscall.SIGHUP:
		k.reload(a, level, log)
	case syscall.SIGQUIT:
		var stacks strings.Builder
		pprof.Lookup("goroutine").WriteTo(&stacks, 1)
		log.Warn("SIGQUIT: the service stops", "stacks", stacks.String())
		return true
	default:
		log.Info("signal without a meaning here", "signal", s.String())
	}
	return false
}

// reload reads the configuration anew. A faulty one changes nothing.
func (k *ServeCmd) reload(a *app.App, level *slog.LevelVar, log *slog.Logger) {
	cfg, err := config.Load(k.Config)
	var now, restart []string
	if err == nil {
		now, restart, err = a.Reload(cfg)
	}
	if err != nil {
		log.Error("the new configuration is refused, the service goes on as it was", "file", k.Config, "error", err)
		return
	}
	// Said before a level that would hide it.
	if len(restart) > 0 {
		log.Warn("these keys have changed and need a restart of the service", "keys", strings.Join(restart, " "))
	}
	log.Info("configuration was read anew", "file", k.Config, "changed", strings.Join(now, " "))
	level.Set(slog.Level(cfg.Log.Level))
}
