package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/simsign/simsign/cmd/internal/admin"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/operator"
	"github.com/simsign/simsign/mssp/ra"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/keys"
)

// ErrRootKey means that the root key is missing or is not the one that sealed
// the database. Nothing can be done with the cards before it is back.
var ErrRootKey = errors.New("cannot open the card keys")

// Core is what opens the data: the store, and the vault with the keys in it.
type Core struct {
	Store *store.Store
	Vault *keys.Vault
}

// CoreOptions are as in Options.
type CoreOptions struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Clock      func() time.Time
	Getenv     func(string) string
	Alerts     store.Alerts // may be nil
	// Serve opens as the box that serves the cards. Otherwise as a visitor, who
	// may come to a PostgreSQL on which a service runs.
	Serve bool
}

// OpenCore opens (or makes) the database and the vault. The errors of package
// store pass through; ErrRootKey is its own.
func OpenCore(ctx context.Context, cfg *config.Config, o CoreOptions) (*Core, error) {
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	source, err := cfg.Store.Source(o.Getenv)
	if err != nil {
		return nil, err
	}
	st, err := store.Open(ctx, store.Options{
		DSN: source, Logger: o.Logger, Registerer: o.Registerer, Clock: o.Clock,
		Visitor: !o.Serve, Box: cfg.Store.Box, Lease: cfg.Store.Lease.Duration(), Alerts: o.Alerts,
	})
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	root, err := rootKey(ctx, cfg, st)
	if err == nil {
		var vault *keys.Vault
		vault, err = keys.OpenVault(ctx, root, st, o.Clock())
		root.Zero()
		if err == nil {
			n := 0
			if n, err = st.Authenticate(ctx, vault); err == nil {
				if n > 0 && o.Logger != nil {
					o.Logger.Warn("rows of an earlier release are taken over: they are authenticated from now on", "rows", n)
				}
				return &Core{Store: st, Vault: vault}, nil
			}
		}
		if errors.Is(err, keys.ErrRoot) {
			err = unusable(err)
		} else { // a disk that takes no new key, say
			err = fmt.Errorf("database: %w", err)
		}
	}
	return nil, closing(st, err)
}

// rootKey loads the key that the configuration names. The default file is
// made where neither it nor anything sealed is there yet; a database with
// sealed rows and no key is a loss that a new key would hide.
func rootKey(ctx context.Context, cfg *config.Config, st *store.Store) (*keys.Root, error) {
	switch k := cfg.Keys; {
	case k.RootCredential != "":
		root, err := keys.LoadCredential(k.RootCredential)
		return root, unusable(err)
	case k.RootFile != "":
		root, err := keys.LoadRoot(k.RootFile)
		return root, unusable(err)
	}
	path := cfg.DefaultRootFile()
	root, err := keys.LoadRoot(path)
	if !errors.Is(err, os.ErrNotExist) {
		return root, unusable(err)
	}
	sealed, err := st.KEKs(ctx)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	why := fmt.Errorf("%w: %s is missing, and the database has keys that it sealed: put it back", ErrRootKey, path)
	if len(sealed) == 0 {
		if root, err = keys.CreateRoot(path); err == nil {
			return root, nil
		}
		why = fmt.Errorf("cannot make a %w", err) // no key is lost: there was none
		if !errors.Is(err, os.ErrExist) {
			return nil, why
		}
	}
	// Another process may have made it a moment ago.
	if root, err = keys.LoadRoot(path); errors.Is(err, os.ErrNotExist) {
		return nil, why
	}
	return root, unusable(err)
}

// unusable makes an error ErrRootKey.
func unusable(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrRootKey, err)
}

// closing closes the store after an error. Why the store has stopped is told once.
func closing(st *store.Store, err error) error {
	closed := st.Close()
	if why := st.Failure(); why != nil && errors.Is(err, why) {
		return err
	}
	return errors.Join(err, closed)
}

// Close commits what is waiting and closes the database.
func (c *Core) Close() error { return c.Store.Close() }

// Admin is the operator's interface on these data alone, without a card in reach.
func (c *Core) Admin(cfg *config.Config, log *slog.Logger, clock func() time.Time) *admin.Service {
	s := &operator.Service{
		Store: c.Store, Vault: c.Vault, CardProfiles: cfg.CardProfiles(), Profiles: cfg.SignatureProfiles(), Public: cfg.Public(), Clock: clock, Logger: log,
		PoP:  popRules(cfg),
		Keep: func(now time.Time) store.Retention { return Keeps(&cfg.Retention, now) },
		Kept: map[mssp.Erasable]string{
			mssp.Texts: cfg.Retention.Texts.String(), mssp.Octets: cfg.Retention.Octets.String(),
			mssp.Signatures: cfg.Retention.Signatures.String(), mssp.Numbers: cfg.Retention.Numbers.String(),
			operator.AuditLog: cfg.Retention.Audit.String(),
		},
	}
	rules, worker := c.standingWith(cfg, nil, ra.Options{CA: newLazyCA(c, clock, log), Clock: clock, Logger: log})
	s.WithStanding(rules, worker)
	return &admin.Service{Service: s.WithParties(c.Store)}
}

// popRules are how codes are made and delivered. Credentials are those of this process.
func popRules(cfg *config.Config) operator.PoPRules {
	r := &cfg.Registration
	return operator.PoPRules{
		Digits: r.PoPDigits, Tries: r.PoPTries, Life: r.PoPLife.Duration(), SamePhone: r.SamePhone == "warn",
		Letters: r.Letters, Mail: cfg.Mail(os.Getenv),
	}
}

// Keeps is what a configuration keeps at a time.
func Keeps(r *config.Retention, now time.Time) store.Retention {
	return store.Retention{Texts: r.Texts.Before(now), Octets: r.Octets.Before(now), Signatures: r.Signatures.Before(now), Numbers: r.Numbers.Before(now), Audit: r.Audit.Before(now)}
}
