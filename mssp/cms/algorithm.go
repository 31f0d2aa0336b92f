package cms

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes that crypto.Hash.New needs
	_ "crypto/sha512"
	"fmt"
)

// keyKind is the family of a public key.
type keyKind byte

const (
	keyRSA keyKind = 1 // PKCS#1 v1.5
	keyEC  keyKind = 2 // ECDSA
)

// suite is one hash with its identifiers. Requirement 3.2-1: SHA-256, SHA-384
// and SHA-512, with RSA PKCS#1 v1.5 and ECDSA. SHA-1 has no row: it is
// neither made nor accepted.
type suite struct {
	hash crypto.Hash
	// digest is the whole AlgorithmIdentifier, parameters absent (RFC 5754 2).
	digest []byte
	// ecdsa is the whole AlgorithmIdentifier of ecdsa-with-SHAnnn (RFC 5758 3.2).
	ecdsa []byte
	// rsa is shaNNNWithRSAEncryption, which some signers write (RFC 5754 3.2).
	rsa []byte
}

// rsaEncryption with NULL parameters: what a CMS SignerInfo says for PKCS#1
// v1.5 with any hash (RFC 3370 3.2).
func rsaEncryption() []byte {
	return []byte("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00")
}

// suiteOf is the table of hashes.
func suiteOf(h crypto.Hash) (suite, error) {
	const (
		sha  = "\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02"
		ec   = "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03"
		pkcs = "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01"
	)
	switch h {
	case crypto.SHA256:
		return suite{h, []byte(sha + "\x01"), []byte(ec + "\x02"), []byte(pkcs + "\x0b\x05\x00")}, nil
	case crypto.SHA384:
		return suite{h, []byte(sha + "\x02"), []byte(ec + "\x03"), []byte(pkcs + "\x0c\x05\x00")}, nil
	case crypto.SHA512:
		return suite{h, []byte(sha + "\x03"), []byte(ec + "\x04"), []byte(pkcs + "\x0d\x05\x00")}, nil
	}
	return suite{}, fmt.Errorf("%w: hash %v, use SHA-256, SHA-384 or SHA-512", ErrUnsupported, h)
}

// suiteByDigest finds the hash of a digest AlgorithmIdentifier, with
// parameters absent or NULL (RFC 5754 2 wants both accepted).
func suiteByDigest(id []byte) (suite, error) {
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		s, err := suiteOf(h)
		if err != nil {
			return suite{}, err
		}
		if bytes.Equal(id, s.digest) {
			return s, nil
		}
		// The same with NULL: two octets longer, the OID unchanged.
		if len(id) == len(s.digest)+2 && id[1] == s.digest[1]+2 &&
			bytes.Equal(id[2:len(s.digest)], s.digest[2:]) && bytes.HasSuffix(id, []byte{5, 0}) {
			return s, nil
		}
	}
	return suite{}, fmt.Errorf("%w: digest algorithm, use SHA-256, SHA-384 or SHA-512", ErrUnsupported)
}

// signature is the AlgorithmIdentifier that we write for a kind of key.
func (s suite) signature(k keyKind) []byte {
	if k == keyEC {
		return s.ecdsa
	}
	return rsaEncryption()
}

// accepts reports the kind of key that a signature AlgorithmIdentifier of a
// foreign SignerInfo asks for.
func (s suite) accepts(id []byte) (keyKind, error) {
	switch {
	case bytes.Equal(id, s.ecdsa):
		return keyEC, nil
	case bytes.Equal(id, s.rsa), bytes.Equal(id, rsaEncryption()):
		return keyRSA, nil
	}
	return 0, fmt.Errorf("%w: signature algorithm does not go with the digest algorithm", ErrUnsupported)
}

// VerifyDigest checks a signature over a digest: RSA PKCS#1 v1.5 (an octet
// string as long as the modulus) or ECDSA (DER Ecdsa-Sig-Value), with a
// *rsa.PublicKey or *ecdsa.PublicKey. The error is ErrSignature, or
// ErrUnsupported for another kind of key or hash.
func VerifyDigest(pub crypto.PublicKey, hash crypto.Hash, digest, signature []byte) error {
	switch hash {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512:
	default:
		return fmt.Errorf("%w: hash %v, use SHA-256, SHA-384 or SHA-512", ErrUnsupported, hash)
	}
	if len(digest) != hash.Size() {
		return fmt.Errorf("%w: %v digest needs %d octets, have %d", ErrUnsupported, hash, hash.Size(), len(digest))
	}
	switch k := pub.(type) {
	case *rsa.PublicKey:
		if err := rsa.VerifyPKCS1v15(k, hash, digest, signature); err != nil {
			return fmt.Errorf("%w: RSA with %v", ErrSignature, hash)
		}
		return nil
	case *ecdsa.PublicKey:
		if !ecdsa.VerifyASN1(k, digest, signature) {
			return fmt.Errorf("%w: ECDSA with %v", ErrSignature, hash)
		}
		return nil
	}
	return fmt.Errorf("%w: public key of type %T, use RSA or ECDSA", ErrUnsupported, pub)
}
