package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card/uicc"
)

// slot is a key slot (requirement 3.3-1).
type slot struct {
	applet.Slot
	status applet.SlotStatus
	key    crypto.Signer // nil when empty
	public []byte        // as in INT6 tag B2
	cert   []byte
	staged []byte // beginning of a certificate that comes in parts
	total  int    // octets that it will have
}

// slotStore is the key slots in the memory of the card.
type slotStore struct {
	nv      uicc.Memory
	profile *Parameters
	slots   []slot
}

// load takes the slots from the memory; what is not there is empty.
func (s *slotStore) load() error {
	s.slots = make([]slot, s.profile.Slots)
	for i := range s.slots {
		s.slots[i].Number = byte(i + 1)
		if err := s.slots[i].load(s.nv, i); err != nil {
			return err
		}
	}
	return nil
}

// report is the slots as INT6 tells them.
func (s *slotStore) report() []applet.SlotState {
	out := make([]applet.SlotState, 0, len(s.slots))
	for i := range s.slots {
		k := &s.slots[i]
		out = append(out, applet.SlotState{Slot: k.Slot, Status: k.status, Certificate: k.cert != nil})
	}
	return out
}

// emptyAll forgets every pair.
func (s *slotStore) emptyAll() {
	for i := range s.slots {
		s.empty(&s.slots[i])
	}
}

// registered says whether any pair has begun its registration or ended it.
func (s *slotStore) registered() bool {
	return slices.ContainsFunc(s.slots, func(k slot) bool { return k.status >= applet.SlotRegistering })
}

// slotHeader is usage, algorithm, code, status; PKCS#8 follows.
const slotHeader = 4

// load reads a slot. The private key is parsed once and kept, in CRT form
// when it is RSA (requirement 3.3-7).
func (k *slot) load(nv uicc.Memory, i int) error {
	b := nv.Get(keySlot(i))
	if b == nil {
		return nil
	}
	if len(b) < slotHeader {
		return fmt.Errorf("%w: slot of %d octets", uicc.ErrMemory, len(b))
	}
	key, err := x509.ParsePKCS8PrivateKey(b[slotHeader:])
	if err != nil {
		return fmt.Errorf("%w: key of slot %d: %v", uicc.ErrMemory, i+1, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return fmt.Errorf("%w: key of slot %d is %T", uicc.ErrMemory, i+1, key)
	}
	_, public, err := applet.MarshalPublicKey(signer.Public())
	if err != nil {
		return fmt.Errorf("%w: key of slot %d: %v", uicc.ErrMemory, i+1, err)
	}
	k.Usage, k.Algorithm, k.Code = applet.Usage(b[0]), applet.Algorithm(b[1]), applet.CodeRef(b[2])
	k.status, k.key, k.public = applet.SlotStatus(b[3]), signer, public
	k.cert = nv.Get(keyCertificate(i))
	if s := nv.Get(keyStaged(i)); len(s) >= 2 {
		k.total, k.staged = int(s[0])<<8|int(s[1]), s[2:]
	}
	return nil
}

// get finds a slot by number, nil when the card has no such one.
func (s *slotStore) get(number byte) *slot {
	if number < 1 || int(number) > len(s.slots) {
		return nil
	}
	return &s.slots[number-1]
}

// putStatus rewrites a slot whose key stays the same.
func (s *slotStore) putStatus(k *slot) {
	key := keySlot(int(k.Number - 1))
	b := slices.Clone(s.nv.Get(key))
	b[3] = byte(k.status)
	s.nv.Put(key, b)
}

// empty forgets a pair and its certificate (4-10).
func (s *slotStore) empty(k *slot) {
	i := int(k.Number - 1)
	if k.status == applet.SlotEmpty {
		return
	}
	s.nv.Put(keySlot(i), nil)
	s.putCertificate(k, nil)
	s.putStaged(k, nil, 0)
	*k = slot{Slot: applet.Slot{Number: k.Number}}
}

// generate makes a pair in a slot, whatever was there.
func (s *slotStore) generate(k *slot, d applet.Slot) applet.StatusWord {
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
	s.empty(k)
	*k = slot{Slot: d, status: applet.SlotGenerated, key: key, public: public}
	header := []byte{byte(d.Usage), byte(d.Algorithm), byte(d.Code), byte(k.status)}
	s.nv.Put(keySlot(int(k.Number-1)), append(header, der...))
	return applet.StatusOK
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
func (s *slotStore) offers(a applet.Algorithm) bool { return slices.Contains(s.profile.Algorithms, a) }
