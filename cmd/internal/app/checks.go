package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/simsign/simsign/cmd/internal/alert"
	"github.com/simsign/simsign/cmd/internal/config"
)

// checks are the questions of the self-check: whether a signature can pass.
func (a *App) checks() []check {
	out := []check{
		{"store", func(ctx context.Context) error {
			if err := a.core.Store.Ping(ctx); err != nil {
				return err
			}
			return a.core.Store.Writable(ctx)
		}, [2]string{alert.Store, "database"}, nil},
		{"ca", func(context.Context) error { return a.checkCA() }, [2]string{}, nil},
		{"selftest", func(context.Context) error { return a.selftest.Verdict() }, [2]string{alert.SelfTest, "signature"}, nil},
	}
	for i, c := range a.bearers.list {
		out = append(out, check{
			"bearer " + c.Name(), func(context.Context) error { return a.bearers.fault(c) },
			[2]string{alert.Bearer, c.Name()},
			func() bool { return a.spare(i) || a.bearers.awaits(c) },
		})
	}
	return out
}

func (a *App) checkCA() error {
	if a.ca == nil {
		return errors.New("there is none yet (simsign ca init, then restart)")
	}
	if end := a.ca.Certificate().NotAfter; a.o.Clock().After(end) {
		return fmt.Errorf("its certificate has expired (%s)", end.Format(time.DateOnly))
	}
	return nil
}

// spare reports whether another bearer carries the messages of the one at i, or
// waits for one that finds out.
func (a *App) spare(i int) bool {
	conditions := func(b *config.Bearer) string { return fmt.Sprint(b.Prefixes, b.ICCID, b.IMSI, b.CardProfiles) }
	for n, c := range a.bearers.list {
		if n != i && conditions(&a.cfg.Bearers[n]) == conditions(&a.cfg.Bearers[i]) && c.Attached() && (a.bearers.fault(c) == nil || a.bearers.awaits(c)) {
			return true
		}
	}
	return false
}
