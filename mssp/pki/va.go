package pki

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cms"
)

// VAOptions is what a validation authority needs.
type VAOptions struct {
	CA *CA // the built-in CA, whose store knows every status; may be nil
	// Foreign are further CAs whose certificates are taken.
	Foreign []ForeignCA
	// Issuers are the CAs of card issuers, asked for anew each time. What becomes of one of
	// their certificates its RA notifies, and it is kept with the key pair: here it is
	// checked that it is by one of them, and in time.
	Issuers func(ctx context.Context) ([]*x509.Certificate, error)
	Clock   func() time.Time // nil: time.Now
	// MaxAge is how long a status from the store may be used again. A change
	// that this process makes is seen at once all the same; this is the most
	// that another process's change may take. 0 means 10 seconds.
	MaxAge time.Duration
}

// ForeignCA is a CA that we do not run.
type ForeignCA struct {
	Issuer     *x509.Certificate
	Chain      []*x509.Certificate // between the issuer and Root
	Root       *x509.Certificate   // trusted; Issuer itself when nil
	Revocation Revocation          // nil: nothing of that CA is ever valid
}

// Revocation says whether a foreign CA has revoked a certificate. Errors wrap
// ErrCRL (nothing is known) or ErrCRLExpired (what is known is too old).
type Revocation interface {
	Revoked(ctx context.Context, cert *x509.Certificate, now time.Time) (bool, error)
}

// VA is the validation authority. It is safe for concurrent use.
type VA struct {
	o       VAOptions
	issuers map[string]*issuer // by raw subject
	known   *cache[knownCert]
}

// issuer is a CA that the VA trusts.
type issuer struct {
	cert       *x509.Certificate
	roots      *x509.CertPool
	between    *x509.CertPool
	revocation Revocation // nil for the built-in CA
	own        bool
	notified   bool // of VAOptions.Issuers
}

// knownCert is what never changes about a certificate whose chain was good:
// the chain is checked once and not with every signature.
type knownCert struct {
	issuer *issuer
	serial string
	// Validity of the whole chain.
	notBefore, notAfter time.Time
	status              atomic.Pointer[knownStatus]
}

// knownStatus is a status from the store with the moment up to which it counts.
type knownStatus struct {
	status  mssp.CertStatus
	asked   time.Time
	changes int64
}

// vaCertificates is how many users' certificates the VA remembers, twice.
const vaCertificates = 16384

// NewVA makes a validation authority.
func NewVA(o VAOptions) *VA {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.MaxAge == 0 {
		o.MaxAge = 10 * time.Second
	}
	v := &VA{o: o, issuers: make(map[string]*issuer), known: newCache[knownCert](vaCertificates)}
	for _, f := range o.Foreign {
		root := f.Root
		if root == nil {
			root = f.Issuer
		}
		v.trust(&issuer{cert: f.Issuer, revocation: f.Revocation}, root, f.Chain)
	}
	if o.CA != nil {
		v.trust(&issuer{cert: o.CA.cert, own: true}, o.CA.Root(), nil)
	}
	return v
}

func (v *VA) trust(i *issuer, root *x509.Certificate, between []*x509.Certificate) {
	i.pools(root, between)
	v.issuers[string(i.cert.RawSubject)] = i
}

func (i *issuer) pools(root *x509.Certificate, between []*x509.Certificate) {
	i.roots, i.between = x509.NewCertPool(), x509.NewCertPool()
	i.roots.AddCert(root)
	i.between.AddCert(i.cert)
	for _, c := range between {
		i.between.AddCert(c)
	}
}

// errNobodyKnows: who is trusted could not be found out.
var errNobodyKnows = errors.New("the CAs of card issuers could not be read")

// issuerOf is the CA that has issued a certificate.
func (v *VA) issuerOf(ctx context.Context, cert *x509.Certificate) (*issuer, error) {
	if i, ok := v.issuers[string(cert.RawIssuer)]; ok {
		return i, nil
	}
	if v.o.Issuers != nil {
		all, err := v.o.Issuers(ctx)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNobodyKnows, err)
		}
		for _, c := range all {
			if bytes.Equal(c.RawSubject, cert.RawIssuer) && cert.CheckSignatureFrom(c) == nil {
				i := &issuer{cert: c, notified: true}
				i.pools(c, nil)
				return i, nil
			}
		}
	}
	return nil, errors.New("issuer is not known")
}

// Verdict is the answer of the VA.
type Verdict struct {
	// Code is ValidSignature (502), and in no case of doubt; InvalidSignature
	// (503): the signature does not fit; RevokedCertificate (501): revoked or
	// suspended; ErrorCertificate (425): expired, not yet valid, refused or of
	// nobody we trust; NoCertFound (422); CRLProblem (423), CRLExpired (424);
	// InternalError (900): it could not be found out.
	Code   mssp.Code
	Detail string // why, for the AP
	Err    error  // why, for the log
}

// Verify is Check for who needs the code only. The error is set when nothing
// could be found out, with InternalError.
func (v *VA) Verify(ctx context.Context, cert *x509.Certificate, digest, signature []byte) (mssp.Code, error) {
	d := v.Check(ctx, cert, digest, signature)
	if d.Code == mssp.InternalError {
		return d.Code, d.Err
	}
	return d.Code, nil
}

// Check says whether signature (RSA octet string or DER Ecdsa-Sig-Value) over
// digest (SHA-256, SHA-384 or SHA-512, told by its length) is by the key of
// cert, and cert valid now (5.2-2).
func (v *VA) Check(ctx context.Context, cert *x509.Certificate, digest, signature []byte) Verdict {
	if cert == nil {
		return Verdict{Code: mssp.NoCertFound, Detail: "the user has no certificate for this use"}
	}
	hash, err := hashOfLen(len(digest))
	if err != nil {
		return Verdict{Code: mssp.InternalError, Detail: "cannot verify", Err: err}
	}
	switch err := cms.VerifyDigest(cert.PublicKey, hash, digest, signature); {
	case errors.Is(err, cms.ErrSignature):
		return Verdict{Code: mssp.InvalidSignature, Detail: "the signature does not verify", Err: err}
	case err != nil:
		return Verdict{Code: mssp.ErrorCertificate, Detail: "the key of the certificate is of no use here", Err: err}
	}
	return v.CheckCertificate(ctx, cert)
}

// CheckCertificate says whether a certificate is valid now; Code is
// ValidSignature when it is.
func (v *VA) CheckCertificate(ctx context.Context, cert *x509.Certificate) Verdict {
	if cert == nil {
		return Verdict{Code: mssp.NoCertFound, Detail: "the user has no certificate for this use"}
	}
	now := v.o.Clock()
	if d, bad := period(cert.NotBefore, cert.NotAfter, now); bad {
		return d // 3.5.12-1
	}
	k, ok := v.known.get(cert.Raw)
	if !ok {
		var err error
		if k, err = v.chain(ctx, cert, now); errors.Is(err, errNobodyKnows) {
			return Verdict{Code: mssp.InternalError, Detail: "the status of the certificate could not be found out", Err: err}
		} else if err != nil {
			return Verdict{Code: mssp.ErrorCertificate, Detail: "the certificate is not by a trusted CA or was refused", Err: err}
		}
		if !k.issuer.notified { // an issuer may be gone, or have another CA, at any time
			v.known.put(cert.Raw, k)
		}
	}
	if d, bad := period(k.notBefore, k.notAfter, now); bad {
		return d
	}
	if k.issuer.notified {
		return Verdict{Code: mssp.ValidSignature}
	}
	if !k.issuer.own {
		return foreignStatus(ctx, k.issuer.revocation, cert, now)
	}
	return v.ownStatus(ctx, k, cert, now)
}

func period(notBefore, notAfter, now time.Time) (Verdict, bool) {
	switch {
	case now.Before(notBefore):
		return Verdict{Code: mssp.ErrorCertificate, Detail: "the certificate is not valid before " + notBefore.UTC().Format(time.DateTime)}, true
	case now.After(notAfter):
		return Verdict{Code: mssp.ErrorCertificate, Detail: "the certificate has expired on " + notAfter.UTC().Format(time.DateOnly) + ", the user must register again"}, true
	}
	return Verdict{}, false
}

// chain checks a certificate that was not seen before: algorithms, usage and
// path. The status is not its concern.
func (v *VA) chain(ctx context.Context, cert *x509.Certificate, now time.Time) (*knownCert, error) {
	iss, err := v.issuerOf(ctx, cert)
	if err != nil {
		return nil, err
	}
	if err := CheckKey(cert.PublicKey); err != nil {
		return nil, err
	}
	if err := CheckSignatureAlgorithm(cert.SignatureAlgorithm); err != nil {
		return nil, err
	}
	if cert.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 || cert.IsCA {
		return nil, errors.New("certificate is not for signatures of a person")
	}
	paths, err := cert.Verify(x509.VerifyOptions{
		Roots: iss.roots, Intermediates: iss.between, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection},
	})
	if err != nil {
		return nil, fmt.Errorf("chain: %w", err)
	}
	k := &knownCert{issuer: iss, serial: hex.EncodeToString(cert.SerialNumber.Bytes()), notBefore: cert.NotBefore, notAfter: cert.NotAfter}
	for _, c := range paths[0][1:] {
		if c.NotAfter.Before(k.notAfter) {
			k.notAfter = c.NotAfter
		}
		if c.NotBefore.After(k.notBefore) {
			k.notBefore = c.NotBefore
		}
	}
	return k, nil
}

// ownStatus takes the status of a certificate of the built-in CA from the
// store, or from memory while it is fresh.
func (v *VA) ownStatus(ctx context.Context, k *knownCert, cert *x509.Certificate, now time.Time) Verdict {
	changes := v.o.CA.changes.Load() // before the store is asked: a later change makes the answer old
	if s := k.status.Load(); s != nil && s.changes == changes {
		if age := now.Sub(s.asked); age >= 0 && age < v.o.MaxAge {
			return ownVerdict(s.status)
		}
	}
	row, err := v.o.CA.o.Store.Certificate(ctx, k.serial)
	switch {
	case errors.Is(err, mssp.ErrNotFound):
		return Verdict{Code: mssp.NoCertFound, Detail: "the CA has no record of the certificate", Err: err}
	case err != nil:
		return Verdict{Code: mssp.InternalError, Detail: "the status of the certificate could not be found out", Err: err}
	case string(row.DER) != string(cert.Raw):
		return Verdict{Code: mssp.ErrorCertificate, Detail: "the certificate is not the one that the CA recorded"}
	}
	k.status.Store(&knownStatus{status: row.Status, asked: now, changes: changes})
	return ownVerdict(row.Status)
}

func ownVerdict(s mssp.CertStatus) Verdict {
	switch s {
	case mssp.CertValid:
		return Verdict{Code: mssp.ValidSignature}
	case mssp.CertSuspended:
		return Verdict{Code: mssp.RevokedCertificate, Detail: "the certificate is suspended"}
	case mssp.CertRevoked:
		return Verdict{Code: mssp.RevokedCertificate, Detail: "the certificate is revoked, the user must register again"}
	}
	return Verdict{Code: mssp.ErrorCertificate, Detail: "the certificate was never confirmed"}
}

func hashOfLen(n int) (crypto.Hash, error) {
	switch n {
	case 32:
		return crypto.SHA256, nil
	case 48:
		return crypto.SHA384, nil
	case 64:
		return crypto.SHA512, nil
	}
	return 0, fmt.Errorf("digest needs 32, 48 or 64 octets, has %d", n)
}
