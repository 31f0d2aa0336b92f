package service

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// argonParams are the parameters of argon2id (RFC 9106).
type argonParams struct {
	memory  uint32 // KiB
	time    uint32 // passes
	threads uint8
}

// 19 MiB and two passes on one thread: about 25 ms here, once per provider
// and chosen password (see verified). Limits keep a damaged row from taking the box.
const (
	argonMemory, argonTime       = 19 << 10, 2
	argonMaxMemory, argonMaxTime = 256 << 10, 16
	argonSalt, argonKey          = 16, 32
)

// quickMark begins the hash of a password that we have drawn ourselves.
const quickMark = "$hmac-sha256$"

// ErrPasswordHash means that a stored password hash is neither a PHC string of
// argon2id nor the hash of a password that was drawn here.
var ErrPasswordHash = errors.New("password hash is not $argon2id$v=19$m=...,t=...,p=...$salt$hash or " + quickMark + "salt$hash")

// NewPassword draws a password of 130 random bits and makes its hash, an
// HMAC-SHA-256 under a fresh salt: nobody can try so many, so the work that
// argon2id puts into each guess would protect nothing, and cost the provider its
// turn among those whose passwords need it.
func NewPassword() (password, hash string, err error) {
	salt := make([]byte, argonSalt)
	if _, err := rand.Read(salt); err != nil {
		return "", "", err
	}
	password = rand.Text()
	e := base64.RawStdEncoding
	return password, quickMark + e.EncodeToString(salt) + "$" + e.EncodeToString(quickHash(salt, password)), nil
}

func quickHash(salt []byte, password string) []byte {
	h := hmac.New(sha256.New, salt)
	h.Write([]byte(password))
	return h.Sum(nil)
}

// isQuick reports whether a stored hash costs nothing to compare with.
func isQuick(hash string) bool { return strings.HasPrefix(hash, quickMark) }

func verifyQuick(hash, password string) (bool, error) {
	s, h, ok := strings.Cut(hash[len(quickMark):], "$")
	salt, err1 := base64.RawStdEncoding.Strict().DecodeString(s)
	want, err2 := base64.RawStdEncoding.Strict().DecodeString(h)
	if !ok || err1 != nil || err2 != nil || len(salt) != argonSalt || len(want) != sha256.Size {
		return false, ErrPasswordHash
	}
	return subtle.ConstantTimeCompare(quickHash(salt, password), want) == 1, nil
}

// HashPassword makes the PHC string that mssp.AP.PasswordHash holds for a
// password that somebody has chosen, with a fresh salt of 16 octets.
func HashPassword(password string) (string, error) {
	return hashPassword(password, argonParams{argonMemory, argonTime, 1})
}

func hashPassword(password string, p argonParams) (string, error) {
	if password == "" {
		return "", errors.New("the password is empty")
	}
	salt := make([]byte, argonSalt)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	key := argon2.IDKey([]byte(password), salt, p.time, p.memory, p.threads, argonKey)
	e := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, p.memory, p.time, p.threads, e.EncodeToString(salt), e.EncodeToString(key)), nil
}

// VerifyPassword compares in constant time. The error is ErrPasswordHash
// when the stored hash cannot be read.
func VerifyPassword(hash, password string) (bool, error) {
	if isQuick(hash) {
		return verifyQuick(hash, password)
	}
	p, salt, want, err := parsePHC(hash)
	if err != nil {
		return false, err
	}
	got := argon2.IDKey([]byte(password), salt, p.time, p.memory, p.threads, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

func parsePHC(phc string) (p argonParams, salt, key []byte, err error) {
	f := strings.Split(phc, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" || f[2] != "v=19" {
		return p, nil, nil, ErrPasswordHash
	}
	n, err := fmt.Sscanf(f[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.threads)
	if err != nil || n != 3 || p.memory < 8 || p.memory > argonMaxMemory || p.time < 1 || p.time > argonMaxTime || p.threads < 1 {
		return p, nil, nil, fmt.Errorf("%w: m is 8 to %d, t 1 to %d, p 1 to 255", ErrPasswordHash, argonMaxMemory, argonMaxTime)
	}
	salt, err1 := base64.RawStdEncoding.Strict().DecodeString(f[4])
	key, err2 := base64.RawStdEncoding.Strict().DecodeString(f[5])
	if err1 != nil || err2 != nil || len(salt) < 8 || len(key) < 16 || len(key) > 64 {
		return p, nil, nil, fmt.Errorf("%w: salt needs 8 octets, hash 16 to 64", ErrPasswordHash)
	}
	return p, salt, key, nil
}
