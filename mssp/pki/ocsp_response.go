package pki

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/simsign/simsign/mssp"
)

// ocspError is OCSPResponseStatus of a response that says nothing about any
// certificate (RFC 6960 4.2.1).
type ocspError byte

const (
	ocspMalformed     ocspError = 1
	ocspInternalError ocspError = 2
)

// response is the whole OCSPResponse of an error.
func (e ocspError) response() []byte { return []byte{0x30, 3, 0x0a, 1, byte(e)} }

// ocspSingle is what we say about one certificate.
type ocspSingle struct {
	id     []byte          // CertID, as asked
	status mssp.CertStatus // valid is good, suspended and revoked are revoked, all else is unknown
	at     time.Time       // of the revocation
	reason int
}

// ocspSigner signs responses: a delegate of the CA (RFC 6960 4.2.2.2).
type ocspSigner struct {
	cert    *x509.Certificate
	key     crypto.Signer
	keyHash []byte // SHA-1 of the public key: ResponderID byKey is defined with it
}

// sign makes a whole OCSPResponse with a BasicOCSPResponse in it. nonce is a
// whole Extension or nil.
func (s *ocspSigner) sign(random io.Reader, list []ocspSingle, nonce []byte, this, next time.Time) ([]byte, error) {
	tbs, err := s.responseData(list, nonce, this, next)
	if err != nil {
		return nil, fmt.Errorf("OCSP response: %w", err)
	}
	h := crypto.SHA256.New()
	h.Write(tbs)
	sig, err := s.key.Sign(random, h.Sum(nil), crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("sign OCSP response: %w", err)
	}
	alg, err := signatureAlgorithm(s.key.Public(), crypto.SHA256)
	if err != nil {
		return nil, err
	}
	// id-pkix-ocsp-basic, RFC 6960 4.2.1.
	const oidBasic = "\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x01"
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes([]byte{0x0a, 1, 0}) // successful
		b.AddASN1(tagCtx0, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddBytes([]byte(oidBasic))
				b.AddASN1(asn1.OCTET_STRING, func(b *cryptobyte.Builder) {
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddBytes(tbs)
						b.AddBytes(alg)
						b.AddASN1BitString(sig)
						b.AddASN1(tagCtx0, func(b *cryptobyte.Builder) {
							b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(s.cert.Raw) })
						})
					})
				})
			})
		})
	})
	return b.Bytes()
}

// responseData is ResponseData: what is signed.
func (s *ocspSigner) responseData(list []ocspSingle, nonce []byte, this, next time.Time) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(tagCtx2, func(b *cryptobyte.Builder) { b.AddASN1OctetString(s.keyHash) }) // byKey
		b.AddASN1GeneralizedTime(this)                                                      // producedAt
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, one := range list {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { one.add(b, this, next) })
			}
		})
		if nonce != nil {
			b.AddASN1(tagCtx1, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(nonce) })
			})
		}
	})
	return b.Bytes()
}

// add writes the content of a SingleResponse.
func (o ocspSingle) add(b *cryptobyte.Builder, this, next time.Time) {
	b.AddBytes(o.id)
	switch o.status {
	case mssp.CertValid:
		b.AddBytes([]byte{0x80, 0}) // good [0] IMPLICIT NULL
	case mssp.CertSuspended, mssp.CertRevoked:
		at, reason := o.at.UTC(), o.reason
		if o.at.IsZero() {
			at = this
		}
		if o.status == mssp.CertSuspended {
			reason = CertificateHold
		}
		b.AddASN1(tagCtx1, func(b *cryptobyte.Builder) {
			b.AddASN1GeneralizedTime(at)
			b.AddASN1(tagCtx0, func(b *cryptobyte.Builder) { b.AddASN1Enum(int64(reason)) })
		})
	default:
		b.AddBytes([]byte{0x82, 0}) // unknown [2] IMPLICIT NULL
	}
	b.AddASN1GeneralizedTime(this)
	b.AddASN1(tagCtx0, func(b *cryptobyte.Builder) { b.AddASN1GeneralizedTime(next) })
}
