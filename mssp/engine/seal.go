package engine

import (
	"errors"
	"time"

	"github.com/simsign/simsign/applet"
	"github.com/simsign/simsign/applet/carriage"
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/cardkeys"
	"github.com/simsign/simsign/mssp/store"
	"github.com/simsign/simsign/ota"
	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/keys"
	"github.com/simsign/simsign/ota/sms"
)

// sealer seals packets inside a commit. The commit may run it more than once,
// for different transactions, so it has no effect but what it returns and
// what it remembers of the last one: the open keys, for the answer.
type sealer struct {
	*core
	fresh mssp.TransID // just accepted, its request is known; others are read from their row
	jump  ota.CNTR     // extra step of the counter, after a card has called it too low

	id      mssp.TransID // last sealed
	ring    *keyring
	request *request
	message []byte // as it went into the packet
}

func (c *core) sealer() *sealer { return &sealer{core: c} }

// seal is a store.SealFunc. What makes the program fail is set aside: the panic
// of one transaction would stop the store, now and at every start.
func (s *sealer) seal(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
	out, err := s.sealing(tx, ks)
	if errors.Is(err, errPanic) {
		err = &mssp.Fault{Code: mssp.InternalError, Detail: "the service failed on this transaction: it was set aside; tell the operator", Err: errors.Join(mssp.ErrSetAside, err)}
	}
	return out, err
}

func (s *sealer) sealing(tx *mssp.Transaction, ks mssp.CardKeys) (out store.Sealed, err error) {
	defer s.caught("sealing transaction "+string(tx.ID), &err)
	return s.sealOne(tx, ks)
}

// sealOne makes the next counter, the packet, the segments. A
// *mssp.Fault fails that transaction only.
func (s *sealer) sealOne(tx *mssp.Transaction, ks mssp.CardKeys) (store.Sealed, error) {
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
	p, err := s.profile(r.Card, ks.Carriage, ks.Offers)
	if err != nil {
		return store.Sealed{}, err
	}
	if len(tx.INT6) > 0 && tx.INT6[0] != p.Way().Version() {
		return store.Sealed{}, mssp.Faultf(mssp.SignatureProcess, "the user's card was imported anew meanwhile, and is asked in another way now: ask again")
	}
	ring, err := s.keyring(&p, ks, r.Probe)
	if err != nil {
		return store.Sealed{}, err
	}
	message := s.inTime(tx, &p)
	out, packet, err := s.packet(ring, &p, message)
	if err != nil {
		return store.Sealed{}, err
	}
	ref := out.Packet.CNTR
	if out.Packet.KVN == 0 {
		ref = ota.CNTR(tx.AppletTxn) + ota.CNTR(tx.Attempt)
	}
	if out.Segments, err = s.split(packet, tx, &p, ref); err != nil {
		return store.Sealed{}, err
	}
	out.Packet.TxID, out.Packet.ICCID, out.Packet.Attempt, out.Packet.SealedAt = tx.ID, tx.ICCID, tx.Attempt+1, s.o.Clock()
	s.id, s.ring, s.request, s.message = tx.ID, ring, r, message
	return out, nil
}

// packet takes the next counters and makes the packet, as the carriage of the card has it.
func (s *sealer) packet(ring *keyring, p *mssp.CardProfile, message []byte) (out store.Sealed, packet []byte, err error) {
	c := carriage.Command{TAR: p.TAR, SPI: p.SPI, Lab: p.Lab, Message: message, Domain: ring.expected.Domain, Applet: ring.request}
	out.Claim, out.Packet.TAR = true, p.TAR
	if ring.applet != nil {
		row := *ring.applet
		if c.AppletCNTR, row.Counter, err = s.nextCounter(&row, keys.CounterHigher, 0); err != nil {
			return out, nil, err
		}
		out.Applet = &row
		out.Packet = store.Packet{TAR: p.TAR, Applet: true, KVN: row.KVN, CNTR: c.AppletCNTR}
	}
	if ring.domain != nil {
		if c.DomainCNTR, out.Counter, err = s.nextCounter(ring.domain, keys.ModeOf(p.SPI), s.jump); err != nil {
			return out, nil, err
		}
		out.Packet = store.Packet{TAR: p.TAR, KVN: ring.domain.KVN, CNTR: c.DomainCNTR}
	}
	if ring.way.Version() > applet.Version1 {
		out.Packet.Request = [16]byte(applet.RequestHash(message))
	}
	packet, err = ring.way.Seal(make([]byte, 0, len(message)+96), &c)
	switch {
	case errors.Is(err, ota.ErrPolicy):
		err = &mssp.Fault{Code: mssp.OTAError, Detail: "the security policy refuses the packet for this card", Err: err}
	case err != nil:
		err = s.Internal("sealing a packet", err)
	}
	return out, packet, err
}

// nextCounter is the next counter of a key row, for a card that looks at it like that, and
// the blob that says so (I3).
func (c *core) nextCounter(ks *mssp.KeySet, mode keys.CounterMode, jump ota.CNTR) (ota.CNTR, []byte, error) {
	last, err := c.o.Vault.OpenCounter(ks.ICCID, cardkeys.RowNumber(ks), ks.Counter)
	if err != nil {
		return 0, nil, c.Internal("opening a counter", err)
	}
	if mode == keys.CounterExact {
		jump = 0
	}
	next, err := keys.NextCounter(last+jump, c.o.Clock(), mode)
	if err != nil {
		c.log.Error("replay counter of a card cannot go on (see simsign card advance)", "iccid", ks.ICCID, "kvn", ks.KVN, "applet", ks.Applet, "error", err)
		return 0, nil, &mssp.Fault{Code: mssp.CardBlocked, Detail: "the replay counter of the user's card cannot go on: the operator must look at it", Err: err}
	}
	blob, err := c.o.Vault.SealCounter(ks.ICCID, cardkeys.RowNumber(ks), next)
	if err != nil {
		return 0, nil, c.Internal("sealing a counter", err)
	}
	return next, blob, nil
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
		f.request, f.ring, message = s.request, s.ring, s.message
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
