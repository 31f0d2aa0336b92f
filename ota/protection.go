package ota

import "fmt"

// protection is what SPI, KIc and KID come to for one packet.
type protection struct {
	kind   Integrity
	tagLen int // octets of RC or CC
	block  int // octets of a cipher block, 0 in clear
}

// pad is PCNTR: what fills n octets up to whole blocks.
func (p protection) pad(n int) int {
	if p.block == 0 {
		return 0
	}
	return -n & (p.block - 1)
}

// forCommand finds the protection of a command packet and refuses octets that
// do not belong to these keys.
func (ks *KeySet) forCommand(spi SPI, kic, kid byte) (protection, error) {
	var p protection
	if spi.Ciphered() {
		if !ks.owns(kic, ks.kic) {
			return p, ks.notOurs("KIc", kic, ks.kic)
		}
		p.block = ks.kic.BlockLen()
	}
	switch spi.Integrity() {
	case IntegrityRC:
		n, err := rcLen(kid)
		if err != nil {
			return p, err
		}
		p.kind, p.tagLen = IntegrityRC, n
	case IntegrityCC:
		if !ks.owns(kid, ks.kid) {
			return p, ks.notOurs("KID", kid, ks.kid)
		}
		p.kind, p.tagLen = IntegrityCC, ks.cmacLen
	case IntegrityDS:
		return p, fmt.Errorf("%w: SPI %s asks for a digital signature", ErrAlgorithm, spi)
	}
	return p, nil
}

// forResponse finds the protection of the answer to a command with this SPI.
func (ks *KeySet) forResponse(spi SPI, tagLenRC int) (protection, error) {
	var p protection
	if spi.PoRCiphered() {
		if ks.kic == NoAlgorithm {
			return p, fmt.Errorf("%w: a ciphered answer (SPI %s) needs KIc", ErrKey, spi)
		}
		p.block = ks.kic.BlockLen()
	}
	p.kind = spi.PoRIntegrity()
	switch p.kind {
	case IntegrityRC:
		p.tagLen = tagLenRC
	case IntegrityCC:
		if ks.kid == NoAlgorithm {
			return p, fmt.Errorf("%w: an answer with CC (SPI %s) needs KID", ErrKey, spi)
		}
		p.tagLen = ks.cmacLen
	case IntegrityDS:
		return p, fmt.Errorf("%w: SPI %s asks for a digital signature in the answer", ErrAlgorithm, spi)
	}
	return p, nil
}

// owns tells a KIc or KID octet of this key set and algorithm (TS 102 225 5.1.2).
// Low nibble 0 means that both sides know the algorithm: the key set does.
func (ks *KeySet) owns(octet byte, alg Algorithm) bool {
	n := octet & 0x0F
	return alg != NoAlgorithm && (n == 0 || n == alg.Nibble()) && (ks.kvn == 0 || octet>>4 == ks.kvn)
}

// notOurs says why it does not.
func (ks *KeySet) notOurs(role string, octet byte, alg Algorithm) error {
	if alg == NoAlgorithm {
		return fmt.Errorf("%w: the SPI needs %s, the key set has none", ErrKey, role)
	}
	if n := octet & 0x0F; n != 0 && n != alg.Nibble() {
		return fmt.Errorf("%w: %s %02X, the key is for %s (low nibble %X)", ErrAlgorithm, role, octet, alg, alg.Nibble())
	}
	return fmt.Errorf("%w: %s %02X, the key set is number %d", ErrKeySet, role, octet, ks.kvn)
}

// rcLen is the length of the RC that KID names.
func rcLen(kid byte) (int, error) {
	switch kid & 0x0F {
	case nibbleCRC16:
		return 2, nil
	case nibbleCRC32:
		return 4, nil
	}
	return 0, fmt.Errorf("%w: KID %02X with an RC, the low nibble must be 1 (CRC-16) or 5 (CRC-32)", ErrAlgorithm, kid)
}

// received takes the length of the check value from the packet: a shorter one
// than the profile has is refused, a longer CMAC is welcome.
func (p protection) received(ks *KeySet, have int) (protection, error) {
	switch {
	case have == p.tagLen:
	case p.kind == IntegrityCC && ks.kid.AES() && have == 8:
		p.tagLen = have
	case p.kind == IntegrityCC && ks.kid.AES() && have == 4:
		return p, fmt.Errorf("%w: CMAC of 4 octets, the card profile has %d", ErrPolicy, p.tagLen)
	default:
		return p, fmt.Errorf("%w: check value of %d octets, the SPI asks for %d", ErrLength, have, p.tagLen)
	}
	return p, nil
}
