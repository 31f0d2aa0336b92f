package registration

import (
	"crypto/rand"
	"crypto/sha256"
	"strings"
)

// NewPoPCode draws a Proof of Possession code of n digits, the last of them a
// Luhn check digit (3.5.1-3). The RA gives it to the user by another channel.
func NewPoPCode(n int) (string, error) {
	b := make([]byte, n-1)
	if _, err := rand.Read(b); err != nil {
		return "", err
	}
	var s strings.Builder
	sum := 0
	for i, x := range b {
		d := int(x) % 10
		s.WriteByte(byte('0' + d))
		if (n-1-i)%2 == 1 { // every second digit from the one beside the check digit
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	s.WriteByte(byte('0' + (10-sum%10)%10))
	return s.String(), nil
}

func popSum(code string) []byte {
	if code == "" {
		return nil
	}
	s := sha256.Sum256([]byte(code))
	return s[:]
}
