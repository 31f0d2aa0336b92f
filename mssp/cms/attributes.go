package cms

import (
	"bytes"
	"crypto"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Attribute types, whole OBJECT IDENTIFIER elements (RFC 5652 11; RFC 5035 3).
const (
	attrContentType   = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03"
	attrMessageDigest = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"
	attrSigningTime   = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05"
	attrSigningCertV2 = "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x2f"

	oidData       = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
	oidSignedData = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
)

// signedAttributes makes the content of the SET OF Attribute that is signed:
// contentType, signingTime, messageDigest and, if asked for, the CAdES
// signing-certificate-v2, each in DER and all in DER order (RFC 5652 5.3).
func signedAttributes(o *Options, digest []byte, id identity) []byte {
	var attrs [4][]byte
	list := append(attrs[:0],
		attribute(attrContentType, []byte(oidData)),
		attribute(attrMessageDigest, appendElement(nil, tagOctets, digest)),
		attribute(attrSigningTime, signingTime(o.SigningTime)))
	if o.SigningCertificate {
		list = append(list, attribute(attrSigningCertV2, signingCertificateV2(o.Certificate, id)))
	}
	slices.SortFunc(list, bytes.Compare)
	return bytes.Join(list, nil)
}

// attribute is Attribute ::= SEQUENCE { type, values SET OF } with one value.
func attribute(oid string, value []byte) []byte {
	b := newBuilder(len(oid) + len(value) + 8)
	b.prepend([]byte(oid), appendHeader(nil, tagSet, len(value)), value)
	b.wrap(tagSequence, 0)
	return b.bytes()
}

// signingTime is Time: UTCTime up to 2049, GeneralizedTime from 2050 (RFC 5652 11.3).
func signingTime(t time.Time) []byte {
	t = t.UTC()
	if t.Year() < 2050 && t.Year() >= 1950 {
		return appendElement(nil, byte(asn1.UTCTime), t.AppendFormat(nil, "060102150405Z"))
	}
	return appendElement(nil, byte(asn1.GeneralizedTime), t.AppendFormat(nil, "20060102150405Z"))
}

// signingCertificateV2 is SigningCertificateV2 with one ESSCertIDv2: SHA-256
// (the DEFAULT, so left out) of the certificate, its issuer and serial number
// (RFC 5035 3).
func signingCertificateV2(cert []byte, id identity) []byte {
	h := crypto.SHA256.New()
	h.Write(cert)
	b := newBuilder(len(id.issuer) + len(id.serial) + 64)
	b.prepend(id.serial)
	names := b.mark()
	b.prepend(id.issuer)
	b.wrap(tagName4, names)
	b.wrap(tagSequence, names) // GeneralNames
	b.wrap(tagSequence, 0)     // IssuerSerial
	b.element(tagOctets, h.Sum(nil))
	b.wrap(tagSequence, 0) // ESSCertIDv2
	b.wrap(tagSequence, 0) // SEQUENCE OF ESSCertIDv2
	b.wrap(tagSequence, 0) // SigningCertificateV2
	return b.bytes()
}

func appendElement(b []byte, tag byte, content []byte) []byte {
	return append(appendHeader(b, tag, len(content)), content...)
}

// looksSigned reports whether content is itself a DER SET OF Attribute with a
// contentType or messageDigest. A signature over such content could be passed off as one
// over signed attributes, that is over another content, so it is refused on
// both sides when there are no signed attributes.
func looksSigned(content []byte) bool {
	set, ok := whole(content, asn1.SET)
	if !ok {
		return false
	}
	for !set.Empty() {
		var attr, oid cryptobyte.String
		if !set.ReadASN1(&attr, asn1.SEQUENCE) || !attr.ReadASN1Element(&oid, asn1.OBJECT_IDENTIFIER) {
			return false
		}
		if string(oid) == attrContentType || string(oid) == attrMessageDigest {
			return true
		}
	}
	return false
}
