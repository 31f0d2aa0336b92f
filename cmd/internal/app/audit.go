package app

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/simsign/simsign/cmd/internal/config"
	"github.com/simsign/simsign/mssp/audit"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota/keys"
)

const (
	unknownUser = "unknown"
	flushEvery  = 10 * time.Second // of what is called and changes nothing
	anchorEvery = 10 * time.Minute
)

// AnchorFile is where the anchors of the audit log stand.
func AnchorFile(cfg *config.Config) string { return filepath.Join(cfg.Data, "audit.anchors") }

// auditor anchors the audit log, and counts calls for it.
type auditor struct {
	a     *App
	calls *audit.Calls
	key   ed25519.PrivateKey
	last  int64 // the record of the last anchor
	when  prometheus.Gauge
}

var anchorKey = keys.Field{Table: "meta", Row: "audit", Field: "anchorKey"}

const anchorMeta = "audit anchor key"

// openAnchorKey is the key that signs anchors; store.ErrNotFound when there is none yet.
func openAnchorKey(ctx context.Context, c *Core) (ed25519.PrivateKey, error) {
	sealed, err := c.Store.Meta(ctx, anchorMeta)
	if err != nil {
		return nil, err
	}
	seed, err := c.Vault.Open(anchorKey, sealed)
	if err != nil {
		return nil, err
	}
	defer clear(seed)
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%w: %s", keys.ErrOpen, anchorMeta)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// makeAnchorKey makes it where there is none.
func makeAnchorKey(ctx context.Context, c *Core) (ed25519.PrivateKey, error) {
	key, err := openAnchorKey(ctx, c)
	if !errors.Is(err, store.ErrNotFound) {
		return key, err
	}
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // never fails
	defer clear(seed)
	sealed, err := c.Vault.Seal(anchorKey, seed)
	if err == nil {
		err = c.Store.AddMeta(ctx, anchorMeta, sealed)
	}
	if err != nil && !errors.Is(err, store.ErrExists) { // another process was faster
		return nil, err
	}
	return openAnchorKey(ctx, c)
}

// newAuditor begins the audit log of this run.
func (a *App) newAuditor(ctx context.Context) (err error) {
	au := &auditor{a: a, calls: audit.NewCalls(a.core.Store.Audit)}
	au.when = prometheus.NewGauge(prometheus.GaugeOpts{Name: "simsign_audit_anchor_timestamp_seconds", Help: "When the audit log was anchored last."})
	if err := a.registry.Register(au.when); err != nil {
		return err
	}
	if au.key, err = makeAnchorKey(ctx, a.core); err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	a.audit = au
	if err := au.event(ctx, "service.start"); err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	au.anchor(ctx)
	a.onClose(func(ctx context.Context) error {
		if a.core.Store.Failure() != nil { // it takes nothing more
			return nil
		}
		ctx = context.WithoutCancel(ctx)
		err := errors.Join(au.calls.Flush(ctx), au.event(ctx, "service.stop"))
		au.anchor(ctx)
		return err
	})
	return nil
}

func (au *auditor) event(ctx context.Context, action string) error {
	return au.a.core.Store.Audit(ctx, audit.Entry{Action: action, Subject: audit.Of("service", au.a.cfg.Store.Box), Detail: au.a.o.Version})
}

// anchor notes where the chain is, in the log and in the file.
func (au *auditor) anchor(ctx context.Context) {
	log := au.a.log
	seq, hash, err := au.a.core.Store.AuditHead(ctx)
	if err != nil {
		log.Error("the audit log cannot be anchored", "error", err)
		return
	}
	if seq == au.last {
		return
	}
	now := au.a.steady.now()
	log.Info("audit log anchored", "seq", seq, "hash", hex.EncodeToString(hash))
	anchor := audit.Sign(au.key, seq, hash, now)
	if err := appendLine(AnchorFile(au.a.cfg), anchor.Line()); err != nil {
		log.Error("the anchor of the audit log is in no file", "error", err)
		return
	}
	au.last = seq
	au.when.Set(float64(now.Unix()))
}

// appendLine is durable when it has returned. Behind what a crash has left of a line it
// begins a new one.
func appendLine(path string, line []byte) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if info, e := f.Stat(); e == nil && info.Size() > 0 {
		var last [1]byte
		if _, e := f.ReadAt(last[:], info.Size()-1); e == nil && last[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	_, err = f.Write(line)
	return errors.Join(err, f.Sync(), f.Close())
}

// run flushes and anchors until the end.
func (au *auditor) run(ctx context.Context) {
	flush, anchor := time.NewTicker(flushEvery), time.NewTicker(anchorEvery)
	defer flush.Stop()
	defer anchor.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-flush.C:
			if err := au.calls.Flush(ctx); err != nil && ctx.Err() == nil {
				au.a.log.Error("calls are not in the audit log", "error", err)
			}
		case <-anchor.C:
			au.anchor(ctx)
		}
	}
}
