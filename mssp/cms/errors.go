package cms

import "errors"

// Errors of this package; every other error wraps one of them.
var (
	// ErrMalformed: octets are not what they should be.
	ErrMalformed = errors.New("malformed CMS")
	// ErrUnsupported: well formed, but an algorithm or form that is not taken here.
	ErrUnsupported = errors.New("not supported in CMS")
	// ErrOptions: the options of Prepare contradict each other or miss something.
	ErrOptions = errors.New("cannot prepare CMS")
	// ErrSignature: the signature does not fit key and data.
	ErrSignature = errors.New("signature does not verify")
	// ErrContent: the content is not the one that was signed or expected.
	ErrContent = errors.New("content is not what was signed")
	// ErrCertificate: the signer's certificate is missing, does not chain to a
	// trusted authority, or was not valid at that time.
	ErrCertificate = errors.New("signer certificate refused")
)
