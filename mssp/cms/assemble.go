package cms

import (
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Assemble puts the signature in place and returns the whole ContentInfo, DER
// but for the order of the certificates. signature is the RSA octet string (as
// long as the modulus) or the DER Ecdsa-Sig-Value. Its form is checked, not
// whether it verifies: that is the validation authority's (5.2-2). Errors:
// ErrMalformed.
func (p *Prepared) Assemble(signature []byte) ([]byte, error) {
	if err := p.id.checkSignature(signature); err != nil {
		return nil, err
	}
	size := 256 + len(p.content) + len(p.attrs) + len(p.id.issuer) + len(p.id.serial) + len(signature)
	for _, c := range p.certs {
		size += len(c)
	}
	b := newBuilder(size)

	// SignerInfo, RFC 5652 5.3, the last element of all.
	b.element(tagOctets, signature)
	b.prepend(p.suite.signature(p.id.kind))
	if p.attrs != nil {
		b.element(tag0, p.attrs)
	}
	b.prepend(p.suite.digest)
	sid := b.mark()
	b.prepend(p.id.issuer, p.id.serial)
	b.wrap(tagSequence, sid)
	b.prepend(version1())
	b.wrap(tagSequence, 0)
	b.wrap(tagSet, 0) // signerInfos

	certs := b.mark()
	b.prepend(p.certs...)
	b.wrap(tag0, certs)

	// EncapsulatedContentInfo, RFC 5652 5.2.
	content := b.mark()
	if !p.detached {
		b.element(tagOctets, p.content)
		b.wrap(tag0, content)
	}
	b.prepend([]byte(oidData))
	b.wrap(tagSequence, content)

	b.element(tagSet, p.suite.digest) // digestAlgorithms
	b.prepend(version1())
	b.wrap(tagSequence, 0) // SignedData
	b.wrap(tag0, 0)
	b.prepend([]byte(oidSignedData))
	b.wrap(tagSequence, 0) // ContentInfo
	return b.bytes(), nil
}

// version1 is CMSVersion 1: right for data content, version 3 certificates
// and a signer named by issuer and serial number (RFC 5652 5.1, 5.3).
func version1() []byte { return []byte{tagInteger, 1, 1} }

// checkSignature checks the form of a signature: an octet of r or s that got
// lost on the way is found here and not by the AP.
func (id identity) checkSignature(signature []byte) error {
	if id.kind == keyRSA {
		if len(signature) != id.modulus {
			return fmt.Errorf("%w: RSA signature needs %d octets, have %d", ErrMalformed, id.modulus, len(signature))
		}
		return nil
	}
	seq, ok := whole(signature, asn1.SEQUENCE)
	var r, s cryptobyte.String
	if !ok || !seq.ReadASN1(&r, asn1.INTEGER) || !seq.ReadASN1(&s, asn1.INTEGER) || !seq.Empty() {
		return fmt.Errorf("%w: ECDSA signature is not a DER SEQUENCE of r and s", ErrMalformed)
	}
	return nil
}
