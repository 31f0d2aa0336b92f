package card

import (
	"encoding/binary"
	"fmt"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/sms"
)

// remembered is how many answers the card keeps. A transaction that comes
// again is answered from here, and an answer that was not sent when power
// went is sent after the next TERMINAL PROFILE.
const remembered = 8

// answer is one of them.
type answer struct {
	origin
	transaction uint32
	seq         uint32 // how many answers before this one; gives the segment reference
	sent        bool
	octets      []byte
	rounds      int // of sending again, in this life of the card
}

const answerHeader = 4 + 4 + 2 + 1 + 8

// encode is transaction, seq, SPI, KVN, counter, originator (length,
// type and value), octets.
func (a *answer) encode() []byte {
	from, err := a.from.AppendValue(nil)
	if err != nil {
		from = nil
	}
	b := make([]byte, 0, answerHeader+1+len(from)+len(a.octets))
	b = binary.BigEndian.AppendUint32(b, a.transaction)
	b = binary.BigEndian.AppendUint32(b, a.seq)
	b = append(b, a.spi[0], a.spi[1], a.kvn)
	b = binary.BigEndian.AppendUint64(b, uint64(a.cntr))
	b = append(b, byte(len(from)))
	b = append(b, from...)
	return append(b, a.octets...)
}

func decodeAnswer(b []byte) (answer, error) {
	var a answer
	if len(b) < answerHeader+1 || len(b) < answerHeader+1+int(b[answerHeader]) {
		return a, fmt.Errorf("%w: stored answer of %d octets", ErrJournal, len(b))
	}
	a.transaction = binary.BigEndian.Uint32(b)
	a.seq = binary.BigEndian.Uint32(b[4:])
	a.spi, a.kvn = ota.SPI{b[8], b[9]}, b[10]
	a.cntr = ota.CNTR(binary.BigEndian.Uint64(b[11:]))
	n := int(b[answerHeader])
	if from := b[answerHeader+1 : answerHeader+1+n]; n > 0 {
		v, err := sms.ParseAddressValue(from)
		if err != nil {
			return a, fmt.Errorf("%w: %v", ErrJournal, err)
		}
		a.from = v
	}
	a.octets = b[answerHeader+1+n:]
	return a, nil
}

// recall finds the answer to a transaction.
func (c *Card) recall(transaction uint32) *answer {
	for i := range c.answers {
		if k := &c.answers[i]; transaction != 0 && k.transaction == transaction && k.octets != nil {
			return k
		}
	}
	return nil
}

// remember takes the place of the oldest answer. The caller commits.
func (c *Card) remember(o origin, transaction uint32, octets []byte) *answer {
	k := &c.answers[c.seq%remembered]
	*k = answer{origin: o, transaction: transaction, seq: c.seq, octets: octets}
	c.seq++
	c.putAnswer(k)
	return k
}

// renew makes a known answer the newest one: sealed for another counter it has
// other octets, and goes under another segment reference.
func (c *Card) renew(k *answer, o origin) *answer {
	transaction, octets := k.transaction, k.octets
	c.nv.put(keyAnswer(k.seq%remembered), nil)
	c.nv.put(keySent(k.seq%remembered), nil)
	*k = answer{}
	return c.remember(o, transaction, octets)
}

func (c *Card) putAnswer(k *answer) { c.nv.put(keyAnswer(k.seq%remembered), k.encode()) }

// markSent is put and not committed by itself: if power goes before the next
// record, the server gets the same answer twice. An answer that is wanted
// again comes with another counter, so the mark names the counter.
func (c *Card) markSent(k *answer) {
	k.sent = true
	c.nv.put(keySent(k.seq%remembered), encodeCounter(k.cntr))
}

// answerMessage is the job of an INT6 message.
func (s *session) answerMessage() {
	c, r := s.c, s.job.msg
	k := c.recall(r.message.Transaction)
	if k != nil {
		k = c.renew(k, r.origin)
		c.trace(EventMessage, "INT6 answer", "from memory", k.octets)
	} else {
		a := s.run(r)
		if s.off {
			return
		}
		octets, err := a.MarshalBinary()
		if err != nil {
			c.log.Error("answer cannot be written", "err", err)
			return
		}
		c.trace(EventMessage, "INT6 answer", a.Status().String(), octets)
		k = c.remember(r.origin, a.Transaction, octets)
	}
	if c.nv.commit() != nil {
		return
	}
	r.done = true
	s.sendAnswer(k, r)
}

// run executes the commands of a message.
func (s *session) run(r *received) applet.Answer {
	a := applet.Answer{Transaction: r.message.Transaction}
	if r.err != nil {
		s.c.log.Warn("INT6 message refused", "err", r.err)
		a.Results = []applet.Result{{Tag: applet.TagMessage, Status: applet.StatusOf(r.err)}}
		return a
	}
	a.Results = make([]applet.Result, 0, len(r.message.Commands))
	for _, cmd := range r.message.Commands {
		res := s.execute(cmd)
		res.Tag = cmd.Tag().Result()
		a.Results = append(a.Results, res)
		if s.off || !res.Status.OK() {
			break
		}
	}
	return a
}

// sendAnswer seals an answer and brings it on its way: into the
// SMS-DELIVER-REPORT when that is still open and large enough, otherwise by
// SMS-SUBMIT.
func (s *session) sendAnswer(k *answer, r *received) {
	c := s.c
	if k.spi.PoR() != ota.PoRAlways {
		k.sent = true // nobody wants it
		return
	}
	packet := c.seal(k.origin, ota.StatusOK, k.octets, false)
	if packet == nil {
		return
	}
	if r != nil && r.inline && len(packet)+3 <= maxReport {
		r.report = append([]byte{0x02, 0x71, 0x00}, packet...)
		c.markSent(k)
		return
	}
	c.concatRef = uint16(k.seq)
	if s.submit(packet, c.destination(k.origin)) {
		c.markSent(k)
	}
}
