package ota

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"fmt"
	"log/slog"
	"sync"
)

// KeySet is one pair of keys of a card with their key schedules: KIc to
// cipher, KID for the checksum. It may be used by many goroutines at once.
type KeySet struct {
	kvn     byte
	kic     Algorithm
	kid     Algorithm
	weak    bool // a key repeats itself so that 3DES is no more than DES
	cmacLen int
	cipher  cipher.Block // nil without KIc
	mac     cipher.Block // nil without KID
	k1, k2  [aes.BlockSize]byte
	pool    sync.Pool // of *workspace
}

// NewKeySet prepares the keys of key set kvn (1 to 15: the high nibble of KIc
// and KID; 0 matches every number). A zero Key is allowed where the SPI never
// uses it. cmacLen is the length of the checksum that is made, and the
// shortest that is accepted, when KID is AES: 4 or 8 octets; 0 means 8. It is
// not used with DES, whose checksums have 8. The errors are ErrKey,
// ErrAlgorithm and ErrKeySet.
func NewKeySet(kvn byte, kic, kid Key, cmacLen int) (*KeySet, error) {
	if kvn > 15 {
		return nil, fmt.Errorf("%w: number %d, the highest is 15", ErrKeySet, kvn)
	}
	if cmacLen == 0 || !kid.Alg.AES() {
		cmacLen = 8
	}
	if cmacLen != 4 && cmacLen != 8 {
		return nil, fmt.Errorf("%w: CMAC length %d, it must be 4 or 8 octets", ErrKey, cmacLen)
	}
	if kid.Alg == DESECB {
		return nil, fmt.Errorf("%w: DES-ECB cannot make a checksum (KID)", ErrAlgorithm)
	}
	ks := &KeySet{kvn: kvn, kic: kic.Alg, kid: kid.Alg, cmacLen: cmacLen}
	var err error
	if ks.cipher, err = newBlock("KIc", kic); err != nil {
		return nil, err
	}
	if ks.mac, err = newBlock("KID", kid); err != nil {
		return nil, err
	}
	ks.weak = repeats(kic) || repeats(kid)
	if kid.Alg.AES() {
		ks.k1, ks.k2 = cmacSubkeys(ks.mac)
	}
	ks.pool.New = func() any { return ks.newWorkspace() }
	return ks, nil
}

func newBlock(role string, k Key) (cipher.Block, error) {
	if err := k.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", role, err)
	}
	o := k.Octets
	switch k.Alg {
	case NoAlgorithm:
		return nil, nil
	case DES, DESECB:
		return des.NewCipher(o)
	case TripleDES2:
		k3 := make([]byte, 0, 24)
		return des.NewTripleDESCipher(append(append(k3, o...), o[:8]...))
	case TripleDES3:
		return des.NewTripleDESCipher(o)
	}
	return aes.NewCipher(o)
}

// repeats reports a 3DES key whose neighbouring thirds are equal but for the
// parity bits: E(D(E(x))) then is single DES.
func repeats(k Key) bool {
	if k.Alg != TripleDES2 && k.Alg != TripleDES3 {
		return false
	}
	same := func(a, b []byte) bool {
		d := byte(0)
		for i := range 8 {
			d |= (a[i] ^ b[i]) &^ 1
		}
		return d == 0
	}
	o := k.Octets
	return same(o[:8], o[8:16]) || k.Alg == TripleDES3 && same(o[8:16], o[16:24])
}

// KVN is the number of the key set, 0 when it matches every number.
func (ks *KeySet) KVN() byte { return ks.kvn }

// Algorithms are those of KIc and KID.
func (ks *KeySet) Algorithms() (kic, kid Algorithm) { return ks.kic, ks.kid }

// Octets are KIc and KID as a command with this SPI carries them
// (TS 102 225 5.1.2, TS 102 225 5.1.3). With an RC
// the KID octet asks for CRC-32; a Command may say CRC-16 (low nibble 1).
func (ks *KeySet) Octets(spi SPI) (kic, kid byte) {
	kic = ks.kvn<<4 | ks.kic.Nibble()
	kid = ks.kvn<<4 | ks.kid.Nibble()
	if spi.Integrity() == IntegrityRC {
		kid = ks.kvn<<4 | nibbleCRC32
	}
	return kic, kid
}

// String names the key set without its keys.
func (ks *KeySet) String() string {
	return fmt.Sprintf("key set %d (KIc %s, KID %s)", ks.kvn, ks.kic, ks.kid)
}

// LogValue hides the keys.
func (ks *KeySet) LogValue() slog.Value { return slog.StringValue(ks.String()) }

// GoString hides the keys from %#v.
func (ks *KeySet) GoString() string { return ks.String() }

// blockMode is what the modes of crypto/cipher are beneath their interface:
// they can be set back to the start of a chain without a new allocation.
type blockMode interface {
	cipher.BlockMode
	SetIV([]byte)
}

// workspace holds what one packet needs for a moment. All of it is reused.
type workspace struct {
	enc, dec blockMode           // nil without KIc and with ECB
	mac      blockMode           // nil without KID
	iv       [aes.BlockSize]byte // zeros
	tag      [8]byte
	covered  [512]byte // octets on their way into the checksum
}

func (ks *KeySet) newWorkspace() *workspace {
	ws := new(workspace)
	mode := func(b cipher.Block, f func(cipher.Block, []byte) cipher.BlockMode) blockMode {
		if b == nil {
			return nil
		}
		return f(b, ws.iv[:b.BlockSize()]).(blockMode)
	}
	if ks.kic != DESECB {
		ws.enc = mode(ks.cipher, cipher.NewCBCEncrypter)
		ws.dec = mode(ks.cipher, cipher.NewCBCDecrypter)
	}
	ws.mac = mode(ks.mac, cipher.NewCBCEncrypter)
	return ws
}

func (ks *KeySet) encrypt(ws *workspace, b []byte) {
	if ks.kic == DESECB {
		for ; len(b) > 0; b = b[des.BlockSize:] {
			ks.cipher.Encrypt(b, b)
		}
		return
	}
	ws.enc.SetIV(ws.iv[:ks.kic.BlockLen()])
	ws.enc.CryptBlocks(b, b)
}

func (ks *KeySet) decrypt(ws *workspace, b []byte) {
	if ks.kic == DESECB {
		for ; len(b) > 0; b = b[des.BlockSize:] {
			ks.cipher.Decrypt(b, b)
		}
		return
	}
	ws.dec.SetIV(ws.iv[:ks.kic.BlockLen()])
	ws.dec.CryptBlocks(b, b)
}
