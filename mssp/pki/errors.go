package pki

import "errors"

// Errors that callers act on; others wrap what went wrong below.
var (
	// ErrPolicy: key, hash or lifetime is refused by Annex A.
	ErrPolicy = errors.New("refused by the algorithm policy")
	// ErrRequest: a PKCS#10, a part of one, or an OCSP request is malformed,
	// or its own signature does not verify.
	ErrRequest = errors.New("certificate request refused")
	// ErrSubject: the record of the registration authority makes no subject.
	ErrSubject = errors.New("subject refused")
	// ErrRevoked: the certificate is revoked, and stays so (W-6).
	ErrRevoked = errors.New("certificate is revoked for good, the user registers again")
	// ErrTransition: that change of status is not possible from the present one.
	ErrTransition = errors.New("certificate status does not permit that")
	// ErrExists: there is a CA of that name already.
	ErrExists = errors.New("CA exists already")
	// ErrTestCA: a CA marked TEST was loaded for production.
	ErrTestCA = errors.New("the CA is marked TEST and serves no production")
	// ErrExpired: the CA's own certificate is expired or not yet valid.
	ErrExpired = errors.New("CA certificate is not valid now")
)
