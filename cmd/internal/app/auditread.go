package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/store"
)

// OpenAudit opens the database for reading the audit log, beside a running service too,
// with the keys that its tags and pseudonyms need. Close it.
func OpenAudit(ctx context.Context, cfg *config.Config, getenv func(string) string) (*Core, error) {
	source, err := cfg.Store.Source(getenv)
	if err != nil {
		return nil, err
	}
	st, err := store.Open(ctx, store.Options{DSN: source, ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	vault, err := readOnlyVault(ctx, cfg, st)
	if err == nil {
		_, err = st.Authenticate(ctx, vault)
	}
	if err != nil {
		return nil, closing(st, err)
	}
	return &Core{Store: st, Vault: vault}, nil
}

// ErrNoAnchorKey: no service has run on this database yet.
var ErrNoAnchorKey = errors.New("the audit log has no key for its anchors yet")

// AnchorKey is the public key of the anchors.
func (c *Core) AnchorKey(ctx context.Context) (ed25519.PublicKey, error) {
	key, err := openAnchorKey(ctx, c)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNoAnchorKey
	}
	if err != nil {
		return nil, err
	}
	return key.Public().(ed25519.PublicKey), nil
}

// anchors are those that stand beside the database.
func (a *App) anchors(ctx context.Context) ([]audit.Anchor, error) {
	key, err := a.core.AnchorKey(ctx)
	if errors.Is(err, ErrNoAnchorKey) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f, err := os.Open(AnchorFile(a.cfg))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return audit.ReadAnchors(f, key)
}
