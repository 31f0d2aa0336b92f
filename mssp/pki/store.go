package pki

import (
	"context"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/keys"
)

// Store is what the authorities need of package store. Each method is one
// commit.
type Store interface {
	// AddCertificate records a certificate that is about to be signed: status
	// pending, no DER. The error is a *store.Existing when its key has one.
	AddCertificate(ctx context.Context, c mssp.Certificate) error
	// ConfirmCertificate makes a pending certificate valid and keeps its DER.
	// The error is a *store.Changed when it is not pending any more.
	ConfirmCertificate(ctx context.Context, serial string, der []byte) error
	// SetCertStatus changes the status and answers what the row was before. The
	// error is a *store.Changed when that status does not permit it.
	SetCertStatus(ctx context.Context, serial string, to mssp.CertStatus, reason int, at time.Time) (was mssp.Certificate, err error)
	// Certificate returns mssp.ErrNotFound where there is none.
	Certificate(ctx context.Context, serial string) (mssp.Certificate, error)
	// CertificateOfKey is the certificate of the key with that SHA-256 (hexadecimal) of its
	// SubjectPublicKeyInfo; mssp.ErrNotFound where there is none.
	CertificateOfKey(ctx context.Context, hash string) (mssp.Certificate, error)
	// PublishedCertificate is Certificate for what others are told: one of which
	// the row is not ours is suspended or revoked.
	PublishedCertificate(ctx context.Context, serial string) (mssp.Certificate, error)
	// NextCRL takes the next number, never twice, and lists the revoked and the
	// suspended certificates, in one commit, as PublishedCertificate has them.
	NextCRL(ctx context.Context) (number int64, revoked []mssp.Certificate, err error)
	// Meta and AddMeta hold small documents that are made once; Meta returns
	// mssp.ErrNotFound where there is none, AddMeta a *store.Existing where there is one.
	Meta(ctx context.Context, name string) ([]byte, error)
	AddMeta(ctx context.Context, name string, val []byte) error
}

// Sealer seals the CA's private key at rest; *keys.Vault is one.
type Sealer interface {
	Seal(f keys.Field, plaintext []byte) ([]byte, error)
	Open(f keys.Field, blob []byte) ([]byte, error)
}
