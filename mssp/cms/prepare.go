package cms

import (
	"crypto"
	"fmt"
	"time"
)

// Options is everything that a SignedData holds besides the signature.
type Options struct {
	// Content is what is signed. Nil when only Digest is known.
	Content []byte
	// Detached leaves the content out of the result.
	Detached bool
	// Digest is the hash of the content where the content itself is not known
	// (an AP that sends a hash to be signed). It must be as long as Hash says,
	// and Detached must be set.
	Digest []byte
	// Hash is SHA-256, SHA-384 or SHA-512.
	Hash crypto.Hash
	// SignedAttrs adds contentType, messageDigest and signingTime; the card
	// then signs their hash and not that of the content.
	SignedAttrs bool
	// SigningTime goes into the signed attributes, in whole seconds, UTC.
	SigningTime time.Time
	// SigningCertificate adds the CAdES attribute signing-certificate-v2.
	// It needs SignedAttrs.
	SigningCertificate bool
	// Certificate is the signer's, DER; Chain its issuers, nearest first, DER.
	// They are written in this order, the signer's first.
	Certificate []byte
	Chain       [][]byte
}

// Prepared is a SignedData that waits for its signature. It does not change;
// any number of goroutines may use it. The zero value is of no use.
type Prepared struct {
	suite    suite
	detached bool
	content  []byte
	digest   []byte // what the card signs
	attrs    []byte // content of the SET OF Attribute; nil without
	certs    [][]byte
	id       identity // of certs[0]
}

// Prepare fixes everything but the signature. It keeps the slices that the
// options hold and the caller must not change them. Errors: ErrOptions,
// ErrUnsupported, ErrMalformed (a certificate).
func Prepare(o Options) (*Prepared, error) {
	s, err := suiteOf(o.Hash)
	if err != nil {
		return nil, err
	}
	if err := o.check(s); err != nil {
		return nil, err
	}
	id, err := identityOf(o.Certificate)
	if err != nil {
		return nil, err
	}
	digest := o.Digest
	if digest == nil {
		digest = hashOf(o.Hash, o.Content)
	}
	p := &Prepared{suite: s, detached: o.Detached, digest: digest, id: id}
	p.certs = append(append(make([][]byte, 0, 1+len(o.Chain)), o.Certificate), o.Chain...)
	if !o.Detached {
		p.content = o.Content
	}
	if o.SignedAttrs {
		p.attrs = signedAttributes(&o, digest, id)
		p.digest = p.attrsDigest()
	}
	return p, nil
}

// check refuses options that contradict each other.
func (o *Options) check(s suite) error {
	switch {
	case len(o.Certificate) == 0:
		return fmt.Errorf("%w: no signer certificate", ErrOptions)
	case o.Digest != nil && len(o.Digest) != s.hash.Size():
		return fmt.Errorf("%w: %v digest needs %d octets, have %d", ErrOptions, s.hash, s.hash.Size(), len(o.Digest))
	case o.Digest != nil && !o.Detached:
		return fmt.Errorf("%w: with a digest alone the content can only be detached", ErrOptions)
	case o.Digest != nil && o.Content != nil:
		return fmt.Errorf("%w: give the content or its digest, not both", ErrOptions)
	case o.SigningCertificate && !o.SignedAttrs:
		return fmt.Errorf("%w: signing-certificate-v2 needs signed attributes", ErrOptions)
	case o.SignedAttrs && o.SigningTime.IsZero():
		return fmt.Errorf("%w: signed attributes need a signing time", ErrOptions)
	case !o.SignedAttrs && looksSigned(o.Content):
		return fmt.Errorf("%w: the content is a set of CMS attributes, sign it with signed attributes", ErrOptions)
	}
	for i, c := range o.Chain {
		if len(c) == 0 {
			return fmt.Errorf("%w: certificate %d of the chain is empty", ErrOptions, i+1)
		}
	}
	return nil
}

// Digest is what the card signs: the hash of the content, or of the signed
// attributes. 32, 48 or 64 octets; not to be changed.
func (p *Prepared) Digest() []byte { return p.digest }

// Hash is the algorithm of Digest.
func (p *Prepared) Hash() crypto.Hash { return p.suite.hash }

// SignedAttributes reports whether the signature covers signed attributes.
func (p *Prepared) SignedAttributes() bool { return p.attrs != nil }

// Attributes are the signed attributes as a SET OF, DER: what the digest is made of. Nil
// without them.
func (p *Prepared) Attributes() []byte {
	if p.attrs == nil {
		return nil
	}
	return append(appendHeader(make([]byte, 0, 6+len(p.attrs)), tagSet, len(p.attrs)), p.attrs...)
}

// attrsDigest hashes the attributes as SET OF, which is how they are signed,
// and not as the [0] under which they travel (RFC 5652 5.4).
func (p *Prepared) attrsDigest() []byte {
	var head [6]byte
	h := p.suite.hash.New()
	h.Write(appendHeader(head[:0], tagSet, len(p.attrs)))
	h.Write(p.attrs)
	return h.Sum(nil)
}

func hashOf(hash crypto.Hash, content []byte) []byte {
	h := hash.New()
	h.Write(content)
	return h.Sum(nil)
}
