package signing

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/card/uicc"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// remembered is how many answers the card keeps. A transaction that comes again
// is answered from here (INT6, Duplicates), and an answer that was not sent
// when power went is sent after the next TERMINAL PROFILE.
const remembered = 8

// maxRounds is how often an answer that could not be sent is tried again in one life of
// the card: at the terminal's polls, and after the next power on.
const maxRounds = 5

// answer is one of them.
type answer struct {
	uicc.Origin
	transaction uint32
	hash        [shortHash]byte // of the message, in version 02
	seq         uint32          // how many answers before this one; gives the segment reference
	sent        bool
	octets      []byte
	sealed      bool // octets are the packet, as it was made once
	stub        bool // octets are gone; ended says what they told
	ended       ending
	rounds      int // of sending again, in this life of the card
}

const answerHeader = 4 + 4 + 2 + 1 + 8

// shortHash is how much of a message's hash is kept with its number.
const shortHash = 8

// of says whether this is the answer to a message.
func (a *answer) of(r *received) bool {
	return a.transaction == r.message.Transaction && (r.hash == nil || a.hash == [shortHash]byte(r.hash))
}

// ending is the last result of an answer: its tag and status.
type ending [3]byte

func endingOf(octets []byte) (e ending) {
	if a, err := applet.ParseAnswer(octets); err == nil && len(a.Results) > 0 {
		last := a.Results[len(a.Results)-1]
		e = ending{byte(last.Tag), byte(last.Status >> 8), byte(last.Status)}
	}
	return e
}

// result is what is said of an answer that is gone: how it ended, when it failed. What
// succeeded has told something that cannot be told again (6985).
func (e ending) result() applet.Result {
	st := applet.StatusWord(e[1])<<8 | applet.StatusWord(e[2])
	if st.OK() {
		return applet.Result{Tag: applet.TagMessage, Status: applet.StatusConditions}
	}
	return applet.Result{Tag: applet.Tag(e[0]), Status: st}
}

// Forms of a kept answer in memory.
const (
	formClear  = 0
	formSealed = 1
	formStub   = 2
)

// sealedHeader is form, hash and ending.
const sealedHeader = 1 + shortHash + len(ending{})

// encodeSealed is encode for an applet that seals its answers: form, hash and ending stand
// in front of the octets.
func (a *answer) encodeSealed() []byte {
	form := byte(formClear)
	switch {
	case a.stub:
		form = formStub
	case a.sealed:
		form = formSealed
	}
	with := *a
	with.octets = append(append([]byte{form}, a.hash[:]...), a.ended[:]...)
	return append(with.encode(), a.octets...)
}

func decodeSealed(b []byte) (answer, error) {
	a, err := decodeAnswer(b)
	if err == nil && (len(a.octets) < sealedHeader || a.octets[0] > formStub) {
		err = fmt.Errorf("%w: stored answer of %d octets", uicc.ErrMemory, len(b))
	}
	if err != nil {
		return a, err
	}
	a.sealed, a.stub = a.octets[0] == formSealed, a.octets[0] == formStub
	a.hash, a.ended, a.octets = [shortHash]byte(a.octets[1:]), ending(a.octets[1+shortHash:]), a.octets[sealedHeader:]
	return a, nil
}

// encode is transaction, seq, SPI, KVN, counter, originator (length,
// type and value), octets.
func (a *answer) encode() []byte {
	from, err := a.From.AppendValue(nil)
	if err != nil {
		from = nil
	}
	b := make([]byte, 0, answerHeader+1+len(from)+len(a.octets))
	b = binary.BigEndian.AppendUint32(b, a.transaction)
	b = binary.BigEndian.AppendUint32(b, a.seq)
	b = append(b, a.SPI[0], a.SPI[1], a.KVN)
	b = binary.BigEndian.AppendUint64(b, uint64(a.CNTR))
	b = append(b, byte(len(from)))
	b = append(b, from...)
	return append(b, a.octets...)
}

func decodeAnswer(b []byte) (answer, error) {
	var a answer
	if len(b) < answerHeader+1 || len(b) < answerHeader+1+int(b[answerHeader]) {
		return a, fmt.Errorf("%w: stored answer of %d octets", uicc.ErrMemory, len(b))
	}
	a.transaction = binary.BigEndian.Uint32(b)
	a.seq = binary.BigEndian.Uint32(b[4:])
	a.SPI, a.KVN = ota.SPI{b[8], b[9]}, b[10]
	a.CNTR = ota.CNTR(binary.BigEndian.Uint64(b[11:]))
	n := int(b[answerHeader])
	if from := b[answerHeader+1 : answerHeader+1+n]; n > 0 {
		v, err := sms.ParseAddressValue(from)
		if err != nil {
			return a, fmt.Errorf("%w: %v", uicc.ErrMemory, err)
		}
		a.From = v
	}
	a.octets = b[answerHeader+1+n:]
	return a, nil
}

// answerStore is the answers in the memory of the card.
type answerStore struct {
	nv     uicc.Memory
	sealed bool // the applet seals its answers: version 02
	whole  int  // how many are kept with their octets
	kept   [remembered]answer
	seq    uint32 // of the next answer
}

func (s *answerStore) load() error {
	for i := range uint32(remembered) {
		b := s.nv.Get(keyAnswer(i))
		if b == nil {
			continue
		}
		decode := decodeAnswer
		if s.sealed {
			decode = decodeSealed
		}
		k, err := decode(b)
		if err != nil {
			return err
		}
		mark := s.nv.Get(keySent(i))
		k.sent = mark != nil && uicc.Counter(mark) == k.CNTR
		s.kept[i] = k
		s.seq = max(s.seq, k.seq+1)
	}
	return nil
}

// reset gives each answer its rounds again.
func (s *answerStore) reset() {
	for i := range s.kept {
		s.kept[i].rounds = 0
	}
}

// recall finds the answer to a message: by its number, in version 02 also by its hash,
// which alone finds one whose number could not be read.
func (s *answerStore) recall(r *received) *answer {
	for i := range s.kept {
		if k := &s.kept[i]; k.octets != nil && (r.message.Transaction != 0 || r.hash != nil) && k.of(r) {
			return k
		}
	}
	return nil
}

// used says whether the number of a message is that of another, in version 02.
func (s *answerStore) used(r *received) bool {
	for i := range s.kept {
		k := &s.kept[i]
		if r.hash != nil && r.message.Transaction != 0 && k.octets != nil && k.transaction == r.message.Transaction && !k.of(r) {
			return true
		}
	}
	return false
}

// remember takes the place of the oldest answer. The caller commits.
func (s *answerStore) remember(r *received, octets []byte) *answer {
	k := &s.kept[s.seq%remembered]
	*k = answer{Origin: r.Origin, transaction: r.message.Transaction, seq: s.seq, octets: octets}
	copy(k.hash[:], r.hash)
	s.nv.Put(keySent(k.seq%remembered), nil) // of the answer that was here
	if s.sealed {
		k.ended = endingOf(octets)
		s.shorten()
	}
	s.seq++
	s.put(k)
	return k
}

// shorten takes the octets of the oldest answers that are too many.
func (s *answerStore) shorten() {
	whole := 0
	for i := range uint32(remembered) {
		k := &s.kept[(s.seq-i)%remembered] // the newest first
		if k.octets == nil || k.stub {
			continue
		}
		if whole++; whole > s.whole {
			k.octets, k.stub, k.sealed, k.sent = []byte{}, true, false, true
			s.put(k)
		}
	}
}

// restore gives a shortened answer octets again, for the message that asks.
func (s *answerStore) restore(k *answer, r *received) {
	octets, err := r.answer(k.ended.result()).MarshalBinary()
	if err == nil {
		k.octets, k.stub = octets, false
	}
}

// replace puts the answer in the place that was kept for it. The caller commits.
func (s *answerStore) replace(k *answer, o uicc.Origin, octets []byte) {
	k.Origin, k.octets, k.sealed = o, octets, false
	if s.sealed {
		k.ended = endingOf(octets)
	}
	s.put(k)
}

// renew makes a known answer the newest one, so that it goes under another segment
// reference: sealed for another counter it has other octets. A packet of the
// applet's own stays as it is.
func (s *answerStore) renew(k *answer, r *received) *answer {
	octets, sealed, ended := k.octets, k.sealed, k.ended
	s.nv.Put(keyAnswer(k.seq%remembered), nil)
	s.nv.Put(keySent(k.seq%remembered), nil)
	*k = answer{}
	if k = s.remember(r, octets); sealed {
		k.sealed, k.ended = true, ended
		s.put(k)
	}
	return k
}

func (s *answerStore) put(k *answer) {
	b := k.encode
	if s.sealed {
		b = k.encodeSealed
	}
	s.nv.Put(keyAnswer(k.seq%remembered), b())
}

// markSent is put and not committed by itself: if power goes before the next
// record, the server gets the same answer twice. An answer that is wanted
// again comes with another counter, so the mark names the counter.
func (s *answerStore) markSent(k *answer) {
	k.sent = true
	s.nv.Put(keySent(k.seq%remembered), uicc.CounterOctets(k.CNTR))
}

// unsent gives the answers that were not sent and may be tried again, the
// oldest first.
func (s *answerStore) unsent() iter.Seq[*answer] {
	return func(yield func(*answer) bool) {
		for i := range uint32(remembered) {
			k := &s.kept[(s.seq+i)%remembered]
			if k.octets != nil && !k.stub && !k.sent && k.rounds < maxRounds && !yield(k) {
				return
			}
		}
	}
}
