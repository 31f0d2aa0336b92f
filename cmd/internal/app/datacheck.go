package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/pki"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/keys"
)

// CheckData looks at every row of the database and changes nothing: it may run
// beside a service. It answers how many rows there were. The errors are those of
// OpenCore.
func CheckData(ctx context.Context, cfg *config.Config, getenv func(string) string, report func(store.Finding)) (rows int64, err error) {
	source, err := cfg.Store.Source(getenv)
	if err != nil {
		return 0, err
	}
	st, err := store.Open(ctx, store.Options{DSN: source, ReadOnly: true})
	if err != nil {
		return 0, fmt.Errorf("database: %w", err)
	}
	defer st.Close()
	in := store.Inspection{Report: report}
	var vault *keys.Vault
	sealed, err := st.KEKs(ctx)
	if err != nil {
		return 0, fmt.Errorf("database: %w", err)
	}
	if len(sealed) > 0 { // else nothing is there that a key is needed for
		if vault, err = readOnlyVault(ctx, cfg, st); err != nil {
			return 0, err
		}
		if _, err := st.Authenticate(ctx, vault); err != nil {
			return 0, err
		}
		in.Request = func(tx *mssp.Transaction) error { return engine.CheckRequest(vault, tx) }
		in.KeySet = func(ks mssp.KeySet) error { return opens(vault, ks) }
		if _, err := pki.Load(ctx, pki.Options{Store: st, Sealer: vault}); errors.Is(err, pki.ErrDamaged) || errors.Is(err, store.ErrAltered) {
			report(store.Finding{Table: "meta", Row: "ca", What: err.Error()})
		}
	}
	if err := checkDatabase(ctx, st, report); err != nil {
		return 0, fmt.Errorf("database: %w", err)
	}
	return st.Inspect(ctx, in)
}

// checkDatabase looks at the file, at what rows say of each other, and at the chain of
// the audit log.
func checkDatabase(ctx context.Context, st *store.Store, report func(store.Finding)) error {
	err := st.Check(ctx)
	bad, cut := errors.AsType[*audit.Bad](err)
	if cut {
		report(store.Finding{Table: "audit", Row: strconv.FormatInt(bad.Seq, 10), What: bad.What})
	}
	corrupt := errors.Is(err, store.ErrCorrupt)
	if corrupt {
		report(store.Finding{Table: "database", What: err.Error()})
	}
	if cut || corrupt {
		return nil
	}
	return err
}

func readOnlyVault(ctx context.Context, cfg *config.Config, st *store.Store) (*keys.Vault, error) {
	root, err := rootKey(ctx, cfg, st)
	if err != nil {
		return nil, err
	}
	defer root.Zero()
	vault, err := keys.OpenVault(ctx, root, st, time.Now())
	if errors.Is(err, keys.ErrRoot) {
		err = unusable(err)
	}
	return vault, err
}

// opens says whether the sealed fields of a key set open.
func opens(v *keys.Vault, ks mssp.KeySet) (err error) {
	if ks.Applet {
		_, err = cardkeys.Open(v, &ks)
	} else {
		var m keys.Material
		m, err = v.OpenMaterial(ks.ICCID, ks.KVN, ks.Keys)
		m.Zero()
	}
	if err == nil {
		_, err = v.OpenCounter(ks.ICCID, cardkeys.RowNumber(&ks), ks.Counter)
	}
	return err
}

// AdoptData takes rows that decide as they are, for an operator who has changed
// them by hand; it answers how many.
func AdoptData(ctx context.Context, cfg *config.Config, log *slog.Logger) (int, error) {
	core, err := OpenCore(ctx, cfg, CoreOptions{Logger: log, Clock: time.Now, Getenv: os.Getenv})
	if err != nil {
		return 0, err
	}
	n, err := core.Store.AdoptAltered(ctx)
	return n, errors.Join(err, core.Close())
}
