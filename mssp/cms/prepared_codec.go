package cms

import (
	"crypto"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// Stored form of a Prepared: format octet, hash size in octets, flags, then
// digest, content, attributes, and the certificates, each with a length of
// three octets; the certificates end with an empty one.
const (
	preparedFormat = 1
	flagDetached   = 1
	flagAttrs      = 2
	maxField       = 1<<24 - 1
)

// AppendBinary appends the stored form to b. Errors: ErrUnsupported for a
// field of 16 MiB or more.
func (p Prepared) AppendBinary(b []byte) ([]byte, error) {
	var flags byte
	if p.detached {
		flags |= flagDetached
	}
	if p.attrs != nil {
		flags |= flagAttrs
	}
	b = append(b, preparedFormat, byte(p.suite.hash.Size()), flags)
	fields := append([][]byte{p.digest, p.content, p.attrs}, p.certs...)
	for _, f := range append(fields, nil) {
		if len(f) > maxField {
			return nil, fmt.Errorf("%w: field of %d octets, at most %d", ErrUnsupported, len(f), maxField)
		}
		b = append(b, byte(len(f)>>16), byte(len(f)>>8), byte(len(f)))
		b = append(b, f...)
	}
	return b, nil
}

// ParsePrepared reads the stored form from the beginning of b and returns
// what follows it. The result keeps parts of b. Errors: ErrMalformed,
// ErrUnsupported.
func ParsePrepared(b []byte) (*Prepared, []byte, error) {
	in := cryptobyte.String(b)
	var format, size, flags byte
	if !in.ReadUint8(&format) || !in.ReadUint8(&size) || !in.ReadUint8(&flags) {
		return nil, nil, fmt.Errorf("%w: stored form needs at least 3 octets, have %d", ErrMalformed, len(b))
	}
	if format != preparedFormat || flags&^(flagDetached|flagAttrs) != 0 {
		return nil, nil, fmt.Errorf("%w: stored form %d, flags %02x", ErrUnsupported, format, flags)
	}
	p := &Prepared{detached: flags&flagDetached != 0}
	var err error
	if p.suite, err = suiteOfSize(size); err != nil {
		return nil, nil, err
	}
	var digest, content, attrs cryptobyte.String
	if !in.ReadUint24LengthPrefixed(&digest) || !in.ReadUint24LengthPrefixed(&content) || !in.ReadUint24LengthPrefixed(&attrs) {
		return nil, nil, fmt.Errorf("%w: stored form ends within digest, content or attributes", ErrMalformed)
	}
	if len(digest) != int(size) || p.detached && len(content) != 0 || (flags&flagAttrs != 0) != (len(attrs) != 0) {
		return nil, nil, fmt.Errorf("%w: stored form contradicts its flags", ErrMalformed)
	}
	p.digest, p.content = digest, content
	if len(attrs) > 0 {
		p.attrs = attrs
	}
	for {
		var cert cryptobyte.String
		if !in.ReadUint24LengthPrefixed(&cert) {
			return nil, nil, fmt.Errorf("%w: stored form ends within the certificates", ErrMalformed)
		}
		if len(cert) == 0 {
			break
		}
		p.certs = append(p.certs, cert)
	}
	if len(p.certs) == 0 {
		return nil, nil, fmt.Errorf("%w: stored form without certificate", ErrMalformed)
	}
	if p.id, err = identityOf(p.certs[0]); err != nil {
		return nil, nil, err
	}
	return p, in, nil
}

func suiteOfSize(size byte) (suite, error) {
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		if int(size) == h.Size() {
			return suiteOf(h)
		}
	}
	return suite{}, fmt.Errorf("%w: digest of %d octets", ErrUnsupported, size)
}
