package signing

import (
	"fmt"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card/uicc"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/ota"
)

// Keys are the keys of the applet's own (INT6, Keys of the applet): what it needs in the
// carriages packet and own. Printed, they show no key.
type Keys struct {
	K0         carriage.CardKey `json:"-"` // kept beside the profile: storedProfile
	Set        byte             // number of the key set, 1 to 15; 0 means 1
	Generation byte             // of the installation; 0 means 1
}

// installed is one key set of the applet, with the keys that come from its K0.
type installed struct {
	set     byte // 0: there is none
	key     carriage.CardKey
	request *ota.KeySet
	answer  *ota.KeySet
}

func newInstalled(set byte, key carriage.CardKey) (installed, error) {
	i := installed{set: set, key: key}
	var err error
	if i.request, err = key.Request(set); err == nil {
		i.answer, err = key.Answer(set)
	}
	return i, err
}

// keyStore is the applet's own keys in the memory of the card: the set in use and,
// between its arrival and its proof, the one that takes its place. Each set has
// a counter of requests and one of answers. Nothing but SetKeys changes a key, neither
// the initial state nor a registration that failed.
type keyStore struct {
	nv        uicc.Memory
	profile   *Parameters
	confirmed installed
	pending   installed
}

// Names of the counters; keyApplet holds the sets.
const keyApplet = "applet keys"

func keyRequests(set byte) string { return "requests" + string('0'+rune(set)) }
func keyAnswers(set byte) string  { return "answers of set " + string('0'+rune(set)) }

// install sets the key of the profile.
func (s *keyStore) install() (err error) {
	if k := &s.profile.Keys; s.profile.sealsAnswers() {
		s.confirmed, err = newInstalled(k.Set, k.K0)
	}
	return err
}

const keyEntry = 1 + len(carriage.CardKey{})

// put writes both sets: number and K0 of each; number 0 is none.
func (s *keyStore) put() {
	b := append([]byte{s.confirmed.set}, s.confirmed.key[:]...)
	s.nv.Put(keyApplet, append(append(b, s.pending.set), s.pending.key[:]...))
}

// load takes the sets from the memory; what is not there is as installed.
func (s *keyStore) load() error {
	if err := s.install(); err != nil {
		return err
	}
	b := s.nv.Get(keyApplet)
	if b == nil || !s.profile.sealsAnswers() {
		return nil
	}
	if len(b) != 2*keyEntry {
		return fmt.Errorf("%w: keys of the applet of %d octets", uicc.ErrMemory, len(b))
	}
	s.pending = installed{}
	for at, k := range []*installed{&s.confirmed, &s.pending} {
		e := b[at*keyEntry:][:keyEntry]
		if e[0] == 0 && at == 1 {
			break
		}
		var err error
		if *k, err = newInstalled(e[0], carriage.CardKey(e[1:])); err != nil {
			return fmt.Errorf("%w: %v", uicc.ErrMemory, err)
		}
	}
	return nil
}

// sealing is the set under which answers go: the new one as soon as it is there, since
// an answer under it is what proves it to the server.
func (s *keyStore) sealing() *installed {
	if s.pending.set != 0 {
		return &s.pending
	}
	return &s.confirmed
}

// requests gives the request keys of a set, nil when there is no such one.
func (s *keyStore) requests(set byte) *ota.KeySet {
	for _, k := range []*installed{&s.confirmed, &s.pending} {
		if set != 0 && k.set == set {
			return k.request
		}
	}
	return nil
}

// heard takes the counter of an authentic request, when it is a new one; the first
// request under the new set is what proves it to the card, which drops the old.
// The caller commits.
func (s *keyStore) heard(set byte, n ota.CNTR) bool {
	if n <= uicc.Counter(s.nv.Get(keyRequests(set))) || n == ota.MaxCNTR {
		return false
	}
	s.nv.Put(keyRequests(set), uicc.CounterOctets(n))
	if set == s.pending.set {
		s.confirmed, s.pending = s.pending, installed{}
		s.put()
	}
	return true
}

// next takes the next counter of answers; ok is false when they are used up. The
// caller commits before it uses it.
func (s *keyStore) next(set byte) (n ota.CNTR, ok bool) {
	last := uicc.Counter(s.nv.Get(keyAnswers(set)))
	if last >= ota.MaxCNTR-1 {
		return 0, false
	}
	s.nv.Put(keyAnswers(set), uicc.CounterOctets(last+1))
	return last + 1, true
}

// change is SetKeys (INT6 A7): all of it is done or nothing. A set is dropped before a new
// one is taken.
func (s *keyStore) change(transaction uint32, v applet.SetKeys) applet.StatusWord {
	next := *s
	if v.Drop != 0 {
		if st := next.drop(v.Drop); st != applet.StatusOK {
			return st
		}
	}
	if v.New != nil {
		if st := next.take(transaction, v.New); st != applet.StatusOK {
			return st
		}
	}
	if next.pending.set != 0 && next.pending != s.pending {
		// Nothing was ever sealed under this key.
		s.nv.Put(keyRequests(next.pending.set), nil)
	}
	*s = next
	s.put()
	return applet.StatusOK
}

// drop forgets the old set once the new one has proven itself. In carriage own the
// request that proves it does that, so what comes under the old set cannot.
// A set that is not there has been dropped before.
func (s *keyStore) drop(set byte) applet.StatusWord {
	switch {
	case set == s.confirmed.set && s.pending.set != 0 && s.profile.Carriage != (carriage.Own{}).Name():
		s.confirmed, s.pending = s.pending, installed{}
	case set == s.confirmed.set, set == s.pending.set:
		return applet.StatusSlotInUse
	}
	return applet.StatusOK
}

// take opens a new key under the set in use. The same one again changes nothing,
// another takes the place of one that has not proven itself.
func (s *keyStore) take(transaction uint32, w *applet.WrappedKey) applet.StatusWord {
	if w.Set == s.confirmed.set {
		return applet.StatusSlotInUse
	}
	fresh, err := s.confirmed.key.Unwrap(s.confirmed.set, transaction, w)
	if err != nil {
		return applet.StatusMalformed
	}
	if w.Set == s.pending.set && fresh == s.pending.key {
		return applet.StatusOK
	}
	if s.pending, err = newInstalled(w.Set, fresh); err != nil {
		return applet.StatusOther
	}
	return applet.StatusOK
}
