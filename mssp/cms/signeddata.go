package cms

import (
	"bytes"
	"crypto"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// SignedData is a parsed SignedData with its one SignerInfo. What it holds is
// as it stood in the message: nothing is verified before Verify.
type SignedData struct {
	// Content is the attached content; nil when Detached.
	Content  []byte
	Detached bool
	Hash     crypto.Hash
	// Certificates in the order of the message, DER.
	Certificates [][]byte
	// Issuer and Serial name the signer: whole Name, whole INTEGER.
	Issuer, Serial []byte
	// Attributes is the content of the signed attributes; nil without.
	Attributes []byte
	Signature  []byte

	kind         keyKind
	digestAlgs   []byte // content of digestAlgorithms
	digestAlg    []byte // of the SignerInfo, whole element
	signatureAlg []byte // whole element
	crls         []byte // content of crls [1]; nil without
	unsigned     []byte // content of unsignedAttrs [1]; nil without
}

// reader reads DER fields in turn and remembers the first that was not there.
type reader struct{ err error }

func (r *reader) need(ok bool, field string) {
	if !ok && r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, field)
	}
}

// Parse reads a DER ContentInfo with SignedData from the beginning of b and
// returns what follows it. Only the form that Prepare and Assemble make is
// taken, with room for unsigned attributes (a time-stamp) and CRLs: version
// 1, data content, one SignerInfo by issuer and serial number, SHA-2. The
// result keeps parts of b. Errors: ErrMalformed, ErrUnsupported.
func Parse(b []byte) (*SignedData, []byte, error) {
	in := cryptobyte.String(b)
	var info, oid, explicit, signed cryptobyte.String
	var r reader
	r.need(in.ReadASN1(&info, asn1.SEQUENCE), "ContentInfo")
	r.need(info.ReadASN1Element(&oid, asn1.OBJECT_IDENTIFIER), "contentType")
	if r.err == nil && string(oid) != oidSignedData {
		return nil, nil, fmt.Errorf("%w: content type is not signed-data", ErrUnsupported)
	}
	r.need(info.ReadASN1(&explicit, tag0) && info.Empty(), "content")
	r.need(explicit.ReadASN1(&signed, asn1.SEQUENCE) && explicit.Empty(), "SignedData")
	if r.err != nil {
		return nil, nil, r.err
	}
	s := new(SignedData)
	if err := s.parse(signed); err != nil {
		return nil, nil, err
	}
	return s, in, nil
}

// parse reads the content of SignedData (RFC 5652 5.1).
func (s *SignedData) parse(in cryptobyte.String) error {
	var version, algs, encap, certs, crls, infos, signer cryptobyte.String
	var haveCerts, haveCRLs bool
	var r reader
	r.need(in.ReadASN1Element(&version, asn1.INTEGER), "version")
	r.need(in.ReadASN1(&algs, asn1.SET), "digestAlgorithms")
	r.need(in.ReadASN1(&encap, asn1.SEQUENCE), "encapContentInfo")
	r.need(in.ReadOptionalASN1(&certs, &haveCerts, tag0), "certificates")
	r.need(in.ReadOptionalASN1(&crls, &haveCRLs, tag1), "crls")
	r.need(in.ReadASN1(&infos, asn1.SET) && in.Empty(), "signerInfos")
	r.need(infos.ReadASN1(&signer, asn1.SEQUENCE), "SignerInfo")
	if r.err != nil {
		return r.err
	}
	switch {
	case !infos.Empty():
		return fmt.Errorf("%w: more than one SignerInfo", ErrUnsupported)
	case !bytes.Equal(version, version1()):
		return fmt.Errorf("%w: SignedData version is not 1", ErrUnsupported)
	case !haveCerts:
		return fmt.Errorf("%w: no certificates", ErrUnsupported)
	}
	s.digestAlgs = algs
	if haveCRLs {
		s.crls = some(crls)
	}
	for !certs.Empty() {
		var cert cryptobyte.String
		if !certs.ReadASN1Element(&cert, asn1.SEQUENCE) {
			return fmt.Errorf("%w: certificate %d", ErrMalformed, len(s.Certificates)+1)
		}
		s.Certificates = append(s.Certificates, cert)
	}
	if err := s.parseContent(encap); err != nil {
		return err
	}
	return s.parseSigner(signer)
}

// parseContent reads EncapsulatedContentInfo (RFC 5652 5.2).
func (s *SignedData) parseContent(in cryptobyte.String) error {
	var oid, explicit, content cryptobyte.String
	var have bool
	var r reader
	r.need(in.ReadASN1Element(&oid, asn1.OBJECT_IDENTIFIER), "eContentType")
	r.need(in.ReadOptionalASN1(&explicit, &have, tag0) && in.Empty(), "eContent")
	if r.err != nil {
		return r.err
	}
	if string(oid) != oidData {
		return fmt.Errorf("%w: eContentType is not data", ErrUnsupported)
	}
	if s.Detached = !have; s.Detached {
		return nil
	}
	r.need(explicit.ReadASN1(&content, asn1.OCTET_STRING) && explicit.Empty(), "eContent is not one primitive OCTET STRING")
	s.Content = some(content)
	return r.err
}

// parseSigner reads SignerInfo (RFC 5652 5.3).
func (s *SignedData) parseSigner(in cryptobyte.String) error {
	var version, sid, issuer, serial, digestAlg, attrs, sigAlg, sig, unsigned cryptobyte.String
	var haveAttrs, haveUnsigned bool
	var r reader
	r.need(in.ReadASN1Element(&version, asn1.INTEGER), "SignerInfo version")
	if r.err == nil && !bytes.Equal(version, version1()) {
		return fmt.Errorf("%w: SignerInfo version is not 1, the signer must be named by issuer and serial number", ErrUnsupported)
	}
	r.need(in.ReadASN1(&sid, asn1.SEQUENCE), "issuerAndSerialNumber")
	r.need(sid.ReadASN1Element(&issuer, asn1.SEQUENCE), "issuer")
	r.need(sid.ReadASN1Element(&serial, asn1.INTEGER) && sid.Empty(), "serialNumber")
	r.need(in.ReadASN1Element(&digestAlg, asn1.SEQUENCE), "digestAlgorithm")
	r.need(in.ReadOptionalASN1(&attrs, &haveAttrs, tag0), "signedAttrs")
	r.need(in.ReadASN1Element(&sigAlg, asn1.SEQUENCE), "signatureAlgorithm")
	r.need(in.ReadASN1(&sig, asn1.OCTET_STRING), "signature")
	r.need(in.ReadOptionalASN1(&unsigned, &haveUnsigned, tag1) && in.Empty(), "unsignedAttrs")
	r.need(!haveAttrs || len(attrs) > 0, "signedAttrs are empty")
	if r.err != nil {
		return r.err
	}
	suite, err := suiteByDigest(digestAlg)
	if err != nil {
		return err
	}
	if s.kind, err = suite.accepts(sigAlg); err != nil {
		return err
	}
	s.Hash, s.Issuer, s.Serial, s.Signature = suite.hash, issuer, serial, sig
	s.digestAlg, s.signatureAlg = digestAlg, sigAlg
	if haveAttrs {
		s.Attributes = attrs
	}
	if haveUnsigned {
		s.unsigned = some(unsigned)
	}
	return nil
}

// some is b, and not nil when b is empty: nil means absent.
func some(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// AppendBinary appends the message again, octet for octet as it was parsed.
func (s SignedData) AppendBinary(dst []byte) ([]byte, error) {
	b := newBuilder(512 + len(s.Content) + len(s.Attributes) + len(s.Signature))
	if s.unsigned != nil {
		b.element(tag1, s.unsigned)
	}
	b.element(tagOctets, s.Signature)
	b.prepend(s.signatureAlg)
	if s.Attributes != nil {
		b.element(tag0, s.Attributes)
	}
	b.prepend(s.digestAlg)
	sid := b.mark()
	b.prepend(s.Issuer, s.Serial)
	b.wrap(tagSequence, sid)
	b.prepend(version1())
	b.wrap(tagSequence, 0)
	b.wrap(tagSet, 0) // signerInfos
	if s.crls != nil {
		b.element(tag1, s.crls)
	}
	certs := b.mark()
	b.prepend(s.Certificates...)
	b.wrap(tag0, certs)
	content := b.mark()
	if !s.Detached {
		b.element(tagOctets, s.Content)
		b.wrap(tag0, content)
	}
	b.prepend([]byte(oidData))
	b.wrap(tagSequence, content)
	b.element(tagSet, s.digestAlgs)
	b.prepend(version1())
	b.wrap(tagSequence, 0)
	b.wrap(tag0, 0)
	b.prepend([]byte(oidSignedData))
	b.wrap(tagSequence, 0)
	return append(dst, b.bytes()...), nil
}
