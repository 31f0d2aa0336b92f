package signature

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Signed is what the card has signed by a stored payload, and the name of the
// hash as OpenSSL has it.
func Signed(stored, cert []byte, chain [][]byte) (digest []byte, hash string, err error) {
	var p payload
	if err = json.Unmarshal(stored, &p); err == nil {
		err = p.usable()
	}
	if err == nil {
		_, digest, err = p.signed(cert, chain)
	}
	if err != nil {
		return nil, "", fmt.Errorf("stored request: %w", err)
	}
	return digest, strings.ToLower(strings.ReplaceAll(p.Hash.String(), "-", "")), nil
}
