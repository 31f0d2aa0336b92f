package handset

import (
	"fmt"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
)

// TP-FCS of an SMS-DELIVER-REPORT (TS 23.040 9.2.3.22).
const (
	fcsToolkitBusy  = 0xD4
	fcsDownload     = 0xD5 // data download error
	fcsUnspecified  = 0xFF
	centreOfNetwork = "\x91\x00\x00\x00"
)

// received takes an RP message from the network. Requirement 3.1-1.
func (h *Handset) received(f *frame) {
	defer h.pool.Put(f)
	if f.link != h.link || h.link == nil {
		return // of an attachment that has ended; the network will send it again
	}
	m := &f.msg
	switch m.Type {
	case rp.DataMT:
		h.deliver(m)
	case rp.AckMT:
		h.sent(m.Ref, 0)
	case rp.ErrorMT:
		h.sent(m.Ref, max(m.Cause, 1))
	default:
		h.log.Warn("network sent an RP message of the phone's side", "type", m.Type)
	}
}

// deliver takes an SMS-DELIVER: to the card what is for the card, the rest to
// the inbox.
func (h *Handset) deliver(m *rp.Message) {
	if len(m.TPDU) > 0 && m.TPDU[0]&3 == 2 { // SMS-STATUS-REPORT
		h.traceSMS(FromNetwork, "SMS-STATUS-REPORT", m.TPDU, nil)
		h.queue(&rp.Message{Type: rp.AckMO, Ref: m.Ref})
		return
	}
	d, err := sms.ParseDeliver(m.TPDU)
	if err != nil {
		h.log.Warn("short message cannot be read", "error", err)
		h.traceSMS(FromNetwork, "SMS-DELIVER", m.TPDU, nil)
		h.report(m.Ref, false, nil, fcsUnspecified)
		return
	}
	if h.tracing() {
		h.traceSMS(FromNetwork, "SMS-DELIVER", m.TPDU, deliverFields(&d))
	}
	if d.PID == sms.PIDDownload && sms.Class2(d.DCS) && h.services.has(serviceDownload) {
		h.download(m)
		return
	}
	h.plain(&d)
	h.queue(&rp.Message{Type: rp.AckMO, Ref: m.Ref})
}

// download gives a short message to the card and its answer to the network
// (TS 31.111 7.1.1.1).
func (h *Handset) download(m *rp.Message) {
	b := append(h.apduBuf[:0], 0x80, insEnvelope, 0, 0, 0, berDownload)
	lengths := len(b)
	b = appendTLV(b, comprehension|tagDevices, devNetwork, devCard)
	b = append(b, tagAddress, byte(len(centreOfNetwork)))
	b = append(b, centreOfNetwork...)
	b = appendTLV(b, comprehension|tagTPDU, m.TPDU...)
	n := len(b) - lengths
	head := 1
	if n > 0x7F {
		head = 2
	}
	b = append(b, 0, 0)[:len(b)+head]
	copy(b[lengths+head:], b[lengths:len(b)-head])
	appendLen(b[:lengths], n)
	b[4] = byte(len(b) - 5)
	h.apduBuf = b

	data, sw := h.apdu("ENVELOPE (SMS-PP DOWNLOAD)", b, span{})
	switch {
	case sw.ok():
		h.report(m.Ref, true, data, 0)
	case sw == statusBusy:
		h.refused = true
		h.report(m.Ref, false, nil, fcsToolkitBusy)
	default: // 62xx, 63xx and errors
		h.report(m.Ref, false, data, fcsDownload)
	}
	h.proceed()
}

// report answers a delivery: RP-ACK or RP-ERROR, with the card's data when it
// gave any, and with a cause when it failed.
func (h *Handset) report(ref byte, ok bool, data []byte, cause byte) {
	m := rp.Message{Type: rp.AckMO, Ref: ref}
	if !ok {
		m.Type, m.Cause = rp.ErrorMO, rp.ProtocolError
	}
	if !ok || len(data) > 0 {
		r := sms.DeliverReport{Failed: !ok, Cause: cause}
		if len(data) > 0 {
			r.PI, r.PID, r.DCS = sms.PIPID|sms.PIDCS|sms.PIUD, sms.PIDDownload, sms.DCSClass2Data
			r.UDH, r.UD = splitUDH(data)
		}
		tpdu, err := r.AppendBinary(h.out[:0])
		if err != nil {
			h.log.Warn("card's answer does not fit a report", "error", err)
		} else {
			m.TPDU, h.out = tpdu, tpdu
		}
		h.traceSMS(ToNetwork, "SMS-DELIVER-REPORT", m.TPDU, []Field{{"octets of the card", fmt.Sprint(len(data))}})
	}
	h.queue(&m)
}

// splitUDH tells the header of a response packet (02 71 00, TS 31.115 5) from
// its data: the card gives both in one.
func splitUDH(data []byte) (udh, ud []byte) {
	if len(data) >= 3 && data[0] == 2 && data[1] == byte(sms.ResponseCPI) && data[2] == 0 {
		return data[:3], data[3:]
	}
	return nil, data
}

// cardFree is called when no proactive command runs: a message that the card
// was too busy for may come again.
func (h *Handset) cardFree() {
	if h.refused && h.link != nil {
		h.refused = false
		h.queue(&rp.Message{Type: rp.SMMA, Ref: h.sending.nextRef()})
	}
}

func (h *Handset) traceSMS(d Direction, name string, tpdu []byte, fields []Field) {
	if h.tracing() {
		h.trace(LayerSMS, d, name, tpdu, fields)
	}
}
