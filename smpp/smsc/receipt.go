package smsc

import (
	"fmt"

	"github.com/simsign/simsign/smpp"
)

// registered_delivery (SMPP 3.4 5.2.17), the two low bits. 3 is of SMPP 5.0.
const (
	wantAlways  = 1
	wantFailure = 2
	wantSuccess = 3
)

// wanted reports whether the end of a message is to be told.
func (m *message) wanted() bool {
	switch m.want & 3 {
	case wantAlways:
		return true
	case wantFailure:
		return m.state != smpp.StateDelivered
	case wantSuccess:
		return m.state == smpp.StateDelivered
	}
	return false
}

// receipt queues the delivery receipt of a message at its end: a deliver_sm with
// esm_class 04 (SMPP 3.4 5.2.12), the text of SMPP 3.4 appendix B and the
// parameters of 5.3.2.12 and 5.3.2.35. mu is held.
func (s *SMSC) receipt(m *message) {
	r := &s.o.Receipts
	if !m.reserved {
		s.letGo(m)
		return
	}
	if !m.wanted() || r.NoText && r.NoTLV {
		m.acct.held--
		s.letGo(m)
		return
	}
	id := m.id
	if r.ID != nil {
		id = r.ID.format(m.n)
	}
	body := &smpp.Message{ServiceType: m.service, Source: m.dest, Dest: m.source, ESMClass: smpp.ESMClassReceipt}
	if !r.NoText {
		delivered := 0
		if m.state == smpp.StateDelivered {
			delivered = 1
		}
		body.ShortMessage = smpp.Receipt{
			ID: id, Sub: 1, Dlvrd: delivered, SubmitDate: m.accepted, DoneDate: m.ended, State: m.state,
			Err: fmt.Sprintf("%03d", m.err), Text: m.text,
		}.AppendText(nil)
	}
	if !r.NoTLV {
		body.TLVs = smpp.TLVs{tlvString(smpp.TagReceiptedMessageID, id), tlv8(smpp.TagMessageState, byte(m.state))}
		if m.err != 0 {
			body.TLVs = append(body.TLVs, networkError(m.err))
		}
	}
	it := m.acct.newItem(kindReceipt, smpp.DeliverSM, body)
	it.msg = m
	it.append()
	m.acct.assign()
}

// letGo sends a response that waited for its receipt. It leaves on a
// goroutine of its own: a session must not be called with the lock held.
func (s *SMSC) letGo(m *message) {
	if r := m.respond; r != nil && !s.closed {
		m.respond = nil
		s.wg.Go(r)
	}
}
