package card

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/simsign/simsign/applet"
)

// slotHeader is usage, algorithm, code, status; PKCS#8 follows.
const slotHeader = 4

// load reads a slot. The private key is parsed once and kept, in CRT form
// when it is RSA (requirement 3.3-7).
func (k *slot) load(nv *nvm, i int) error {
	b := nv.get(keySlot(i))
	if b == nil {
		return nil
	}
	if len(b) < slotHeader {
		return fmt.Errorf("%w: slot of %d octets", ErrJournal, len(b))
	}
	key, err := x509.ParsePKCS8PrivateKey(b[slotHeader:])
	if err != nil {
		return fmt.Errorf("%w: key of slot %d: %v", ErrJournal, i+1, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return fmt.Errorf("%w: key of slot %d is %T", ErrJournal, i+1, key)
	}
	_, public, err := applet.MarshalPublicKey(signer.Public())
	if err != nil {
		return fmt.Errorf("%w: key of slot %d: %v", ErrJournal, i+1, err)
	}
	k.Usage, k.Algorithm, k.Code = applet.Usage(b[0]), applet.Algorithm(b[1]), applet.CodeRef(b[2])
	k.status, k.key, k.public = applet.SlotStatus(b[3]), signer, public
	k.cert = nv.get(keyCertificate(i))
	if s := nv.get(keyStaged(i)); len(s) >= 2 {
		k.total, k.staged = int(s[0])<<8|int(s[1]), s[2:]
	}
	return nil
}

// slot finds a slot by number, nil when the card has no such one.
func (c *Card) slot(number byte) *slot {
	if number < 1 || int(number) > len(c.slots) {
		return nil
	}
	return &c.slots[number-1]
}

// putSlotStatus rewrites a slot whose key stays the same.
func (c *Card) putSlotStatus(k *slot) {
	key := keySlot(int(k.Number - 1))
	b := slices.Clone(c.nv.get(key))
	b[3] = byte(k.status)
	c.nv.put(key, b)
}

// emptySlot forgets a pair and its certificate (4-10).
func (c *Card) emptySlot(k *slot) {
	i := int(k.Number - 1)
	if k.status == applet.SlotEmpty {
		return
	}
	c.nv.put(keySlot(i), nil)
	c.putCertificate(k, nil)
	c.putStaged(k, nil, 0)
	*k = slot{Slot: applet.Slot{Number: k.Number}}
}

func (c *Card) putCertificate(k *slot, cert []byte) {
	if k.cert != nil || cert != nil {
		k.cert = cert
		c.nv.put(keyCertificate(int(k.Number-1)), cert)
	}
}

func (c *Card) putStaged(k *slot, octets []byte, total int) {
	if k.staged == nil && octets == nil {
		return
	}
	k.staged, k.total = octets, total
	var b []byte
	if octets != nil {
		b = append([]byte{byte(total >> 8), byte(total)}, octets...)
	}
	c.nv.put(keyStaged(int(k.Number-1)), b)
}

// generate makes a pair on the card (3.3-4). RSA takes time: the terminal is
// told so before, and again every second for as long as a real card would
// take.
func (s *session) generate(k *slot, d applet.Slot) applet.StatusWord {
	s.wait(d.Algorithm)
	if s.off {
		return statusOff
	}
	key, err := newKey(d.Algorithm)
	if err != nil {
		return applet.StatusNotSupported
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return applet.StatusOther
	}
	_, public, err := applet.MarshalPublicKey(key.Public())
	if err != nil {
		return applet.StatusOther
	}
	s.c.emptySlot(k)
	*k = slot{Slot: d, status: applet.SlotGenerated, key: key, public: public}
	header := []byte{byte(d.Usage), byte(d.Algorithm), byte(d.Code), byte(k.status)}
	s.c.nv.put(keySlot(int(k.Number-1)), append(header, der...))
	return applet.StatusOK
}

// wait sends MORE TIME while a real card would be busy.
func (s *session) wait(a applet.Algorithm) {
	c := s.c
	var delay time.Duration
	if c.opt.KeygenDelay != nil {
		delay = c.opt.KeygenDelay(a)
	}
	if a.RSA() && !s.asked && c.terminalHas(facilityMoreTime) {
		c.moreTime()
		s.send()
	}
	for delay > 0 && !s.off {
		step := min(delay, time.Second)
		c.opt.Sleep(step)
		if delay -= step; c.terminalHas(facilityMoreTime) {
			c.moreTime()
			s.send()
		}
	}
}

func newKey(a applet.Algorithm) (crypto.Signer, error) {
	if a.EC() {
		return ecdsa.GenerateKey(a.Curve(), rand.Reader)
	}
	return rsa.GenerateKey(rand.Reader, a.Bits())
}

// sign signs a digest and gives the form of INT6 tag B3.
func (k *slot) sign(h applet.Hash, digest []byte) ([]byte, error) {
	if key, ok := k.key.(*ecdsa.PrivateKey); ok {
		der, err := ecdsa.SignASN1(rand.Reader, key, digest)
		if err != nil {
			return nil, err
		}
		return k.Algorithm.SignatureFromASN1(der)
	}
	return k.key.Sign(rand.Reader, digest, h.Hash())
}

// offers says whether the card makes keys of an algorithm.
func (c *Card) offers(a applet.Algorithm) bool { return slices.Contains(c.opt.Algorithms, a) }
