package signature

import (
	"crypto/sha256"
	"io"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/display"
)

// reference derives the code that is shown at the service and on the device
// (3.5.3-5) from what the card is given and a nonce of ours, so that nobody
// who chooses the text or the hash can grind for a code: four characters,
// about 20 bits.
func reference(rand io.Reader, given ...[]byte) (string, error) {
	var nonce [16]byte
	if _, err := io.ReadFull(rand, nonce[:]); err != nil {
		return "", err
	}
	h := sha256.New()
	h.Write(nonce[:])
	for _, g := range given {
		h.Write(g)
	}
	var code [4]byte
	sum := h.Sum(nil)
	n := uint64(sum[0])<<40 | uint64(sum[1])<<32 | uint64(sum[2])<<24 | uint64(sum[3])<<16 | uint64(sum[4])<<8 | uint64(sum[5])
	for i := range code {
		code[i] = display.CodeLetters[n%uint64(len(display.CodeLetters))]
		n /= uint64(len(display.CodeLetters))
	}
	return string(code[:]), nil
}

// ReferenceOf is the reference code shown on both screens (3.5.3-5). It is
// known from the moment in which Sign returns.
func (s *Signer) ReferenceOf(tx mssp.Transaction) string {
	if r, err := ParseResult(&tx); err == nil && r.Reference != "" {
		return r.Reference
	}
	_, p, err := s.engine.Procedure(&tx)
	if g, ok := p.(*signing); ok && err == nil {
		return g.Reference
	}
	return ""
}
