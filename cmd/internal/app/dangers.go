package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/store"
)

// StoredDangers are those that the database holds, in the list of package config.
func StoredDangers(ctx context.Context, st *store.Store) ([]config.Danger, error) {
	aps, err := st.APs(ctx)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	var out []config.Danger
	for _, ap := range aps {
		if len(ap.CertSHA256) > 0 && ap.PasswordHash != "" && !ap.Disabled {
			out = append(out, config.Danger{
				Key: "provider " + string(ap.ID), What: "it has a pinned certificate and a password: who knows the password needs no certificate",
				Advice: fmt.Sprintf("simsign ap password --no-password %s, or simsign ap edit --cert none %s", ap.ID, ap.ID), Refused: true,
			})
		}
	}
	return out, nil
}

// idleRA is the danger of an interface for RA and operator that nobody can use yet, or
// of clients who have none.
func idleRA(ctx context.Context, cfg *config.Config, st *store.Store) ([]config.Danger, error) {
	all, err := st.Clients(ctx)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	n := 0
	for i := range all {
		if all[i].RemovedAt.IsZero() && !all[i].Disabled {
			n++
		}
	}
	switch {
	case cfg.RA.Listen != "" && n == 0:
		return []config.Danger{{Key: "ra.listen", What: "the interface for RA and operator has no client: nobody can log in", Advice: "simsign client add, or leave ra.listen out"}}, nil
	case cfg.RA.Listen == "" && n > 0:
		return []config.Danger{{Key: "ra.listen", What: fmt.Sprintf("there are %d clients of the interface for RA and operator, and it is not served", n), Advice: "set ra.listen, or remove them (simsign client remove)"}}, nil
	}
	return nil, nil
}

// tellDangers logs what is dangerous in the configuration and in the database,
// and refuses what must not stand beside an API that others reach.
func (a *App) tellDangers(ctx context.Context) error {
	stored, err := StoredDangers(ctx, a.core.Store)
	if err != nil {
		return err
	}
	idle, err := idleRA(ctx, a.cfg, a.core.Store)
	if err != nil {
		return err
	}
	for _, d := range slices.Concat(a.cfg.Dangers(), ShortOfDescriptors(a.cfg), stored, idle) {
		a.log.Warn("dangerous setting", "key", d.Key, "what", d.What, "advice", d.Advice)
	}
	return Refuse(a.cfg, stored)
}

// Refuse is an error when a danger of the database stands beside an API that
// others reach.
func Refuse(cfg *config.Config, stored []config.Danger) error {
	var all []string
	for _, d := range stored {
		if d.Refused && cfg.Public() {
			all = append(all, fmt.Sprintf("%s: %s: %s", d.Key, d.What, d.Advice))
		}
	}
	if all == nil {
		return nil
	}
	return fmt.Errorf("refused while the API listens on %s, where others reach it: %s", cfg.API.Listen, strings.Join(all, "; "))
}

// CheckStored looks at a database of SQLite that is there, beside a service that
// runs on it too: its dangers, and whether the CA is in time. unread is why it
// could not be looked at: an earlier version has made it, say.
func CheckStored(ctx context.Context, cfg *config.Config, now time.Time) (list []config.Danger, unread, err error) {
	st, unread := store.Open(ctx, store.Options{DSN: cfg.Store.DSN, ReadOnly: true})
	if unread != nil {
		return nil, unread, nil
	}
	defer func() { unread = errors.Join(unread, st.Close()) }()
	if list, unread = StoredDangers(ctx, st); unread != nil {
		return nil, unread, nil
	}
	idle, unread := idleRA(ctx, cfg, st)
	if unread != nil {
		return nil, unread, nil
	}
	list = append(list, idle...)
	end, unread := pki.Ends(ctx, st)
	switch {
	case errors.Is(unread, store.ErrNotFound):
		unread = nil
	case unread != nil:
	case now.After(end):
		err = fmt.Errorf("ca: its certificate has expired (%s): users' certificates are worth nothing any more; make a CA in a new data folder (simsign ca init)", end.UTC().Format(time.DateOnly))
	default:
		if d, near := EndsSoon("ca", end, now, caAdvice); near {
			list = append(list, d)
		}
	}
	return list, unread, errors.Join(err, Refuse(cfg, list))
}

const caAdvice = "users' certificates end with it: prepare its successor in a data folder of its own (simsign ca init)"

// EndsSoon is the danger of a certificate that has 30 days or less.
func EndsSoon(key string, until, now time.Time, advice string) (config.Danger, bool) {
	return config.Danger{
		Key: key, What: fmt.Sprintf("the certificate ends on %s, in %d days", until.UTC().Format(time.DateOnly), int(until.Sub(now)/(24*time.Hour))), Advice: advice,
	}, until.Sub(now) <= soon
}
