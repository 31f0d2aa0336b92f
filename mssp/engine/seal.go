package engine

import (
	"errors"
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
	*core
	fresh mssp.TransID // just accepted, its request is known; others are read from their row
	jump  ota.CNTR     // extra step of the counter, after a card has called it too low

	id      mssp.TransID // last sealed
	set     *ota.KeySet
	request *request
	message []byte // as it went into the packet
}

func (c *core) sealer() *sealer { return &sealer{core: c} }

// seal is a store.SealFunc. What makes the program fail is set aside: the panic
// of one transaction would stop the store, now and at every start.
func (s *sealer) seal(tx *mssp.Transaction, ks mssp.KeySet) (store.Sealed, error) {
	out, err := s.sealing(tx, ks)
	if errors.Is(err, errPanic) {
		err = &mssp.Fault{Code: mssp.InternalError, Detail: "the service failed on this transaction: it was set aside; tell the operator", Err: errors.Join(mssp.ErrSetAside, err)}
	}
	return out, err
}

func (s *sealer) sealing(tx *mssp.Transaction, ks mssp.KeySet) (out store.Sealed, err error) {
	defer s.caught("sealing transaction "+string(tx.ID), &err)
	return s.sealOne(tx, ks)
}

// sealOne makes the next counter, the packet, the segments. A
// *mssp.Fault fails that transaction only.
func (s *sealer) sealOne(tx *mssp.Transaction, ks mssp.KeySet) (store.Sealed, error) {
	if !tx.Deadline.After(s.o.Clock()) {
		// Its turn comes too late (after a restart, say): nobody waits for an answer any more.
		return store.Sealed{}, &mssp.Fault{Code: mssp.ExpiredTransaction, Detail: "time is up: " + mssp.ReachQueued.Ended()}
	}
	r, err := s.request, error(nil)
	if tx.ID != s.fresh {
		if r, err = s.core.request(tx); err != nil {
			return store.Sealed{}, s.requestFault(tx, err)
		}
	}
	p, ok := s.o.CardProfiles[r.Card]
	if !ok {
		return store.Sealed{}, mssp.Faultf(mssp.UnsupportedProfile, "the configuration has no card profile %s any more", r.Card)
	}
	set, err := s.keySet(&p, ks)
	if err != nil {
		return store.Sealed{}, err
	}
	message := s.inTime(tx, &p)
	c := ota.Command{SPI: p.SPI, TAR: p.TAR, Data: message}
	counter, err := s.nextCounter(&c, &p, ks, s.jump)
	if err != nil {
		return store.Sealed{}, err
	}
	if err := (ota.Security{SPI: p.SPI, Lab: p.Lab}).CheckCommand(&c); err != nil {
		return store.Sealed{}, &mssp.Fault{Code: mssp.OTAError, Detail: "the security policy refuses the packet for this card", Err: err}
	}
	packet, err := set.Seal(make([]byte, 0, len(message)+64), &c)
	if err != nil {
		return store.Sealed{}, s.Internal("sealing a packet", err)
	}
	segs, err := s.split(packet, tx, &p, c.CNTR)
	if err != nil {
		return store.Sealed{}, err
	}
	s.id, s.set, s.request, s.message = tx.ID, set, r, message
	return store.Sealed{
		Counter: counter, Claim: true, Segments: segs,
		Packet: store.Packet{TxID: tx.ID, ICCID: tx.ICCID, KVN: ks.KVN, TAR: p.TAR, CNTR: c.CNTR, Attempt: tx.Attempt + 1, SealedAt: s.o.Clock()},
	}, nil
}

// keySet opens the keys of a card and holds them to the policy of its profile.
func (c *core) keySet(p *mssp.CardProfile, ks mssp.KeySet) (*ota.KeySet, error) {
	m, err := c.o.Vault.OpenMaterial(ks.ICCID, ks.KVN, ks.Keys)
	if err != nil {
		return nil, c.Internal("opening card keys", err)
	}
	set, err := m.KeySet()
	if err != nil {
		return nil, c.Internal("preparing card keys", err)
	}
	if err := (ota.Security{SPI: p.SPI, Lab: p.Lab}).CheckKeys(set); err != nil {
		return nil, &mssp.Fault{Code: mssp.OTAError, Detail: "the security policy refuses the keys of this card", Err: err}
	}
	return set, nil
}

// nextCounter puts the next counter into cmd and returns the row's new blob
// (I3).
func (c *core) nextCounter(cmd *ota.Command, p *mssp.CardProfile, ks mssp.KeySet, jump ota.CNTR) ([]byte, error) {
	last, err := c.o.Vault.OpenCounter(ks.ICCID, ks.KVN, ks.Counter)
	if err != nil {
		return nil, c.Internal("opening a counter", err)
	}
	mode := keys.CounterHigher
	if p.SPI.Counter() == ota.CounterNext {
		mode, jump = keys.CounterExact, 0
	}
	next, err := keys.NextCounter(last+jump, c.o.Clock(), mode)
	if err != nil {
		c.log.Error("replay counter of a card cannot go on (see simsign card advance)", "iccid", ks.ICCID, "kvn", ks.KVN, "error", err)
		return nil, &mssp.Fault{Code: mssp.CardBlocked, Detail: "the replay counter of the user's card cannot go on: the operator must look at it", Err: err}
	}
	cmd.CNTR = next
	blob, err := c.o.Vault.SealCounter(ks.ICCID, ks.KVN, next)
	if err != nil {
		return nil, c.Internal("sealing a counter", err)
	}
	return blob, nil
}

// split makes the segments of a packet. The concatenation reference is the
// low end of the counter: two packets of one card in a row never share it.
func (c *core) split(packet []byte, tx *mssp.Transaction, p *mssp.CardProfile, cntr ota.CNTR) ([]bearer.Segment, error) {
	o := sms.SplitOptions{CPI: sms.CommandCPI, Ref: uint16(cntr), Ref16: p.ConcatRef16, CPIFirst: p.CPIFirst}
	if !o.Ref16 {
		o.Ref &= 0xFF
	}
	parts, err := sms.Split(packet, o)
	if err != nil {
		return nil, c.Internal("splitting a packet", err)
	}
	if m := maxSegments(p); len(parts) > m {
		return nil, mssp.Faultf(mssp.WrongDataLength, "the request needs %d short messages, the user's card takes %d", len(parts), m)
	}
	segs := make([]bearer.Segment, len(parts))
	validity := tx.Deadline.Sub(c.o.Clock()).Round(time.Second)
	for i, part := range parts {
		segs[i] = bearer.Segment{
			Dest: tx.MSISDN, PID: p.PID, DCS: p.DCS, UDH: part.UDH, UD: part.UD,
			Validity: max(validity, time.Second), Report: c.o.Reports && i == len(parts)-1,
		}
	}
	return segs, nil
}

// takeOff makes the flight of a transaction that this process has just sealed.
func (c *core) takeOff(d *store.Dispatched, s *sealer) *flight {
	message := d.Tx.INT6
	f := &flight{tx: d.Tx, packets: []store.Packet{d.Packet}, ends: c.ends(&d.Tx)}
	if s.id == d.Tx.ID {
		f.request, f.set, message = s.request, s.set, s.message
	}
	if old := c.flights.byID(d.Tx.ID); old != nil { // a new attempt
		old.mu.Lock()
		f.packets = append(old.packets[:len(old.packets):len(old.packets)], d.Packet)
		f.prompted, f.jumped, f.ends, f.doubts = old.prompted, old.jumped || s.jump > 0, old.ends, old.doubts
		old.mu.Unlock()
		f.request = old.request // with what has been computed for it
	}
	c.flights.put(f)
	c.alarm.poke(d.Tx.Deadline)
	c.traceSealed(d, f, message)
	return f
}
