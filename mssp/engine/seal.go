package engine

import (
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

// sealer seals packets inside a commit. The commit may run it more than once,
// for different transactions, so it has no effect but what it returns and
// what it remembers of the last one: the open key set, for the answer.
type sealer struct {
	e    *Engine
	jobs map[mssp.TransID]*job // known already; others are read from their row
	jump ota.CNTR              // extra step of the counter, after a card has called it too low

	id  mssp.TransID // last sealed
	set *ota.KeySet
	job *job
}

func (e *Engine) sealer() *sealer { return &sealer{e: e} }

// seal is a store.SealFunc: the next counter, the packet, the segments. A
// *mssp.Fault fails that transaction only.
func (s *sealer) seal(tx *mssp.Transaction, ks mssp.KeySet) (store.Sealed, error) {
	if !tx.Deadline.After(s.e.o.Clock()) {
		// Its turn comes too late (after a restart, say): nobody waits for an answer any more.
		return store.Sealed{}, &mssp.Fault{Code: mssp.ExpiredTransaction, Detail: expiredDetail(tx)}
	}
	j := s.jobs[tx.ID]
	if j == nil {
		d, err := parseDocument(tx.Request)
		if err != nil {
			return store.Sealed{}, s.e.internal("reading a request document", err)
		}
		j = &job{doc: d} // the rest is computed when the answer is there
	}
	p, ok := s.e.o.CardProfiles[j.doc.Card]
	if !ok {
		return store.Sealed{}, mssp.Faultf(mssp.UnsupportedProfile, "the configuration has no card profile %s any more", j.doc.Card)
	}
	set, err := s.e.keySet(&p, ks)
	if err != nil {
		return store.Sealed{}, err
	}
	c := ota.Command{SPI: p.SPI, TAR: p.TAR, Data: tx.INT6}
	counter, err := s.e.nextCounter(&c, &p, ks, s.jump)
	if err != nil {
		return store.Sealed{}, err
	}
	if err := (ota.Security{SPI: p.SPI, Lab: p.Lab}).CheckCommand(&c); err != nil {
		return store.Sealed{}, &mssp.Fault{Code: mssp.OTAError, Detail: "the security policy refuses the packet for this card", Err: err}
	}
	packet, err := set.Seal(make([]byte, 0, len(tx.INT6)+64), &c)
	if err != nil {
		return store.Sealed{}, s.e.internal("sealing a packet", err)
	}
	segs, err := s.e.split(packet, tx, &p, c.CNTR)
	if err != nil {
		return store.Sealed{}, err
	}
	s.id, s.set, s.job = tx.ID, set, j
	return store.Sealed{
		Counter: counter, Claim: true, Segments: segs,
		Packet: store.Packet{TxID: tx.ID, ICCID: tx.ICCID, KVN: ks.KVN, TAR: p.TAR, CNTR: c.CNTR, Attempt: tx.Attempt + 1, SealedAt: s.e.o.Clock()},
	}, nil
}

// keySet opens the keys of a card and holds them to the policy of its profile.
func (e *Engine) keySet(p *mssp.CardProfile, ks mssp.KeySet) (*ota.KeySet, error) {
	m, err := e.o.Vault.OpenMaterial(ks.ICCID, ks.KVN, ks.Keys)
	if err != nil {
		return nil, e.internal("opening card keys", err)
	}
	set, err := m.KeySet()
	if err != nil {
		return nil, e.internal("preparing card keys", err)
	}
	if err := (ota.Security{SPI: p.SPI, Lab: p.Lab}).CheckKeys(set); err != nil {
		return nil, &mssp.Fault{Code: mssp.OTAError, Detail: "the security policy refuses the keys of this card", Err: err}
	}
	return set, nil
}

// nextCounter puts the next counter into c and returns the row's new blob
// (I3).
func (e *Engine) nextCounter(c *ota.Command, p *mssp.CardProfile, ks mssp.KeySet, jump ota.CNTR) ([]byte, error) {
	last, err := e.o.Vault.OpenCounter(ks.ICCID, ks.KVN, ks.Counter)
	if err != nil {
		return nil, e.internal("opening a counter", err)
	}
	mode := keys.CounterHigher
	if p.SPI.Counter() == ota.CounterNext {
		mode, jump = keys.CounterExact, 0
	}
	next, err := keys.NextCounter(last+jump, e.o.Clock(), mode)
	if err != nil {
		e.log.Error("replay counter of a card cannot go on (see simsign card advance)", "iccid", ks.ICCID, "kvn", ks.KVN, "error", err)
		return nil, &mssp.Fault{Code: mssp.CardBlocked, Detail: "the replay counter of the user's card cannot go on: the operator must look at it", Err: err}
	}
	c.CNTR = next
	blob, err := e.o.Vault.SealCounter(ks.ICCID, ks.KVN, next)
	if err != nil {
		return nil, e.internal("sealing a counter", err)
	}
	return blob, nil
}

// split makes the segments of a packet. The concatenation reference is the
// low end of the counter: two packets of one card in a row never share it.
func (e *Engine) split(packet []byte, tx *mssp.Transaction, p *mssp.CardProfile, c ota.CNTR) ([]bearer.Segment, error) {
	o := sms.SplitOptions{CPI: sms.CommandCPI, Ref: uint16(c), Ref16: p.ConcatRef16, CPIFirst: p.CPIFirst}
	if !o.Ref16 {
		o.Ref &= 0xFF
	}
	parts, err := sms.Split(packet, o)
	if err != nil {
		return nil, e.internal("splitting a packet", err)
	}
	if m := maxSegments(p); len(parts) > m {
		return nil, mssp.Faultf(mssp.WrongDataLength, "the request needs %d short messages, the user's card takes %d", len(parts), m)
	}
	segs := make([]bearer.Segment, len(parts))
	validity := tx.Deadline.Sub(e.o.Clock()).Round(time.Second)
	for i, part := range parts {
		segs[i] = bearer.Segment{
			Dest: tx.MSISDN, PID: p.PID, DCS: p.DCS, UDH: part.UDH, UD: part.UD,
			Validity: max(validity, time.Second), Report: e.o.Reports && i == len(parts)-1,
		}
	}
	return segs, nil
}

// takeOff makes the flight of a transaction that this process has just sealed.
func (e *Engine) takeOff(d *store.Dispatched, s *sealer) *flight {
	f := &flight{tx: d.Tx, packets: []store.Packet{d.Packet}, ends: e.ends(&d.Tx)}
	if s.id == d.Tx.ID {
		f.job, f.set = s.job, s.set
	}
	if old := e.flights.byID(d.Tx.ID); old != nil { // a new attempt
		old.mu.Lock()
		f.packets = append(old.packets[:len(old.packets):len(old.packets)], d.Packet)
		f.prompted, f.jumped, f.ends = old.prompted, old.jumped || s.jump > 0, old.ends
		old.mu.Unlock()
		if f.job == nil || f.job.prepared == nil {
			f.job = old.job
		}
	}
	e.flights.put(f)
	e.poke(d.Tx.Deadline)
	e.traceSealed(d, f)
	return f
}
