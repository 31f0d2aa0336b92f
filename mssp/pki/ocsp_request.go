package pki

import (
	"bytes"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Context-specific tags of OCSP (RFC 6960 4.1.1, 4.2.1).
const (
	tagCtx0 = asn1.Tag(0xa0) // [0], constructed
	tagCtx1 = asn1.Tag(0xa1)
	tagCtx2 = asn1.Tag(0xa2)
)

// oidNonce is id-pkix-ocsp-nonce, a whole element (RFC 9654).
const oidNonce = "\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x02"

const (
	maxOCSPCerts = 16  // certificates asked about in one request
	maxNonce     = 128 // octets, RFC 9654 2.1
)

// ocspCertID is CertID (RFC 6960 4.1.1).
type ocspCertID struct {
	raw    []byte // whole element, echoed
	hash   []byte // OBJECT IDENTIFIER, content
	name   []byte // issuerNameHash
	key    []byte // issuerKeyHash
	serial string // in hexadecimal, as the store has it
}

// ocspRequest is OCSPRequest as far as we look at it: a signature on it and
// the name of who asks are not.
type ocspRequest struct {
	certs []ocspCertID
	nonce []byte // whole Extension; nil when none
}

// parseOCSPRequest reads a DER OCSPRequest. The error wraps ErrRequest.
func parseOCSPRequest(der []byte) (ocspRequest, error) {
	bad := func(what string) (ocspRequest, error) {
		return ocspRequest{}, fmt.Errorf("%w: OCSP: %s", ErrRequest, what)
	}
	in := cryptobyte.String(der)
	var outer, tbs, list cryptobyte.String
	if !in.ReadASN1(&outer, asn1.SEQUENCE) || !in.Empty() || !outer.ReadASN1(&tbs, asn1.SEQUENCE) {
		return bad("not an OCSPRequest")
	}
	if !tbs.SkipOptionalASN1(tagCtx0) || !tbs.SkipOptionalASN1(tagCtx1) || !tbs.ReadASN1(&list, asn1.SEQUENCE) {
		return bad("tbsRequest")
	}
	var req ocspRequest
	for !list.Empty() {
		var one cryptobyte.String
		if !list.ReadASN1(&one, asn1.SEQUENCE) {
			return bad("requestList")
		}
		id, err := parseCertID(one)
		if err != nil {
			return ocspRequest{}, err
		}
		if req.certs = append(req.certs, id); len(req.certs) > maxOCSPCerts {
			return bad(fmt.Sprintf("asks about more than %d certificates", maxOCSPCerts))
		}
	}
	if len(req.certs) == 0 {
		return bad("asks about no certificate")
	}
	var exts cryptobyte.String
	var have bool
	if !tbs.ReadOptionalASN1(&exts, &have, tagCtx2) || !tbs.Empty() {
		return bad("requestExtensions")
	}
	if !have {
		return req, nil
	}
	var err error
	req.nonce, err = parseNonce(exts)
	return req, err
}

// parseCertID reads the content of a Request.
func parseCertID(one cryptobyte.String) (ocspCertID, error) {
	bad := fmt.Errorf("%w: OCSP: CertID", ErrRequest)
	var raw, id, alg, hash, name, key, serial cryptobyte.String
	if !one.ReadASN1Element(&raw, asn1.SEQUENCE) {
		return ocspCertID{}, bad
	}
	in := raw
	if !in.ReadASN1(&id, asn1.SEQUENCE) || !id.ReadASN1(&alg, asn1.SEQUENCE) || !alg.ReadASN1(&hash, asn1.OBJECT_IDENTIFIER) ||
		!id.ReadASN1(&name, asn1.OCTET_STRING) || !id.ReadASN1(&key, asn1.OCTET_STRING) ||
		!id.ReadASN1(&serial, asn1.INTEGER) || !id.Empty() || len(serial) == 0 || len(serial) > 21 {
		return ocspCertID{}, bad
	}
	return ocspCertID{
		raw: raw, hash: hash, name: name, key: key,
		serial: fmt.Sprintf("%x", bytes.TrimLeft(serial, "\x00")),
	}, nil
}

// parseNonce reads requestExtensions and returns the nonce. Another critical
// extension cannot be ignored and is refused.
func parseNonce(exts cryptobyte.String) ([]byte, error) {
	bad := fmt.Errorf("%w: OCSP: requestExtensions", ErrRequest)
	var list cryptobyte.String
	var nonce []byte
	if !exts.ReadASN1(&list, asn1.SEQUENCE) || !exts.Empty() {
		return nil, bad
	}
	for !list.Empty() {
		var raw, ext, oid, value cryptobyte.String
		var critical bool
		if !list.ReadASN1Element(&raw, asn1.SEQUENCE) {
			return nil, bad
		}
		in := raw
		if !in.ReadASN1(&ext, asn1.SEQUENCE) || !ext.ReadASN1Element(&oid, asn1.OBJECT_IDENTIFIER) ||
			!ext.ReadOptionalASN1Boolean(&critical, asn1.BOOLEAN, false) || !ext.ReadASN1(&value, asn1.OCTET_STRING) || !ext.Empty() {
			return nil, bad
		}
		switch {
		case string(oid) == oidNonce && nonce == nil && len(value) > 0 && len(value) <= maxNonce+3:
			nonce = raw
		case string(oid) == oidNonce:
			return nil, fmt.Errorf("%w: OCSP: one nonce of 1 to %d octets", ErrRequest, maxNonce)
		case critical:
			return nil, fmt.Errorf("%w: OCSP: unknown critical extension", ErrRequest)
		}
	}
	return nonce, nil
}
