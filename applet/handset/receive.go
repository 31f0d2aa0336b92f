package handset

import (
	"fmt"
	"log/slog"

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

// receiver takes what the network sends: to the card what is for the card
// (TS 31.111 7.1.1), the rest to the inbox.
type receiver struct {
	log     *slog.Logger
	trace   *tracer
	card    *simSession
	radio   *radio
	toolkit *toolkit
	sender  *sender
	inbox   *inbox
	refused bool // a message was refused because the card was busy with a command
	out     []byte
}

// received takes an RP message from the network. Requirement 3.1-1.
func (r *receiver) received(f *frame) {
	defer r.radio.pool.Put(f)
	if f.link != r.radio.link || !r.radio.attached() {
		return // of an attachment that has ended; the network will send it again
	}
	m := &f.msg
	switch m.Type {
	case rp.DataMT:
		r.deliver(m)
	case rp.AckMT:
		r.sender.sent(m.Ref, 0)
	case rp.ErrorMT:
		r.sender.sent(m.Ref, max(m.Cause, 1))
	default:
		r.log.Warn("network sent an RP message of the phone's side", "type", m.Type)
	}
}

// deliver takes an SMS-DELIVER: to the card what is for the card, the rest to
// the inbox.
func (r *receiver) deliver(m *rp.Message) {
	if len(m.TPDU) > 0 && m.TPDU[0]&3 == 2 { // SMS-STATUS-REPORT
		r.trace.see(LayerSMS, FromNetwork, "SMS-STATUS-REPORT", m.TPDU, nil)
		r.radio.queue(&rp.Message{Type: rp.AckMO, Ref: m.Ref})
		return
	}
	d, err := sms.ParseDeliver(m.TPDU)
	if err != nil {
		r.log.Warn("short message cannot be read", "error", err)
		r.trace.see(LayerSMS, FromNetwork, "SMS-DELIVER", m.TPDU, nil)
		r.report(m.Ref, false, nil, fcsUnspecified)
		return
	}
	if r.trace.on() {
		r.trace.see(LayerSMS, FromNetwork, "SMS-DELIVER", m.TPDU, deliverFields(&d))
	}
	if d.PID == sms.PIDDownload && sms.Class2(d.DCS) && r.card.services.has(serviceDownload) {
		r.download(m)
		return
	}
	r.inbox.plain(&d)
	r.radio.queue(&rp.Message{Type: rp.AckMO, Ref: m.Ref})
}

// download gives a short message to the card and its answer to the network
// (TS 31.111 7.1.1.1).
func (r *receiver) download(m *rp.Message) {
	b := append(r.card.buf[:0], 0x80, insEnvelope, 0, 0, 0, berDownload)
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
	r.card.buf = b

	data, sw := r.card.apdu("ENVELOPE (SMS-PP DOWNLOAD)", b, span{})
	switch {
	case sw.ok():
		r.report(m.Ref, true, data, 0)
	case sw>>8 == 0x6F: // an applet's exception: the message has arrived (TS 31.111 7.1.1.1)
		r.report(m.Ref, true, nil, 0)
	case sw == statusBusy:
		// Who is busy without a command, of which the phone would see the end, is left
		// to the network's own tries: asked for at once, they would never end.
		r.refused = r.toolkit.waiting != waitNothing || r.card.fetch > 0
		r.report(m.Ref, false, nil, fcsToolkitBusy)
	default: // 62xx, 63xx and errors
		r.report(m.Ref, false, data, fcsDownload)
	}
	r.toolkit.proceed()
}

// report answers a delivery: RP-ACK or RP-ERROR, with the card's data when it
// gave any, and with a cause when it failed.
func (r *receiver) report(ref byte, ok bool, data []byte, cause byte) {
	m := rp.Message{Type: rp.AckMO, Ref: ref}
	if !ok {
		m.Type, m.Cause = rp.ErrorMO, rp.ProtocolError
	}
	if !ok || len(data) > 0 {
		d := sms.DeliverReport{Failed: !ok, Cause: cause}
		if len(data) > 0 {
			d.PI, d.PID, d.DCS = sms.PIPID|sms.PIDCS|sms.PIUD, sms.PIDDownload, sms.DCSClass2Data
			d.UDH, d.UD = splitUDH(data)
		}
		tpdu, err := d.AppendBinary(r.out[:0])
		if err != nil {
			r.log.Warn("card's answer does not fit a report", "error", err)
		} else {
			m.TPDU, r.out = tpdu, tpdu
		}
		r.trace.see(LayerSMS, ToNetwork, "SMS-DELIVER-REPORT", m.TPDU, []Field{{"octets of the card", fmt.Sprint(len(data))}})
	}
	r.radio.queue(&m)
}

// splitUDH tells the header of a response packet (02 71 00, TS 31.115 4.4) from
// its data: the card gives both in one.
func splitUDH(data []byte) (udh, ud []byte) {
	if len(data) >= 3 && data[0] == 2 && data[1] == byte(sms.ResponseCPI) && data[2] == 0 {
		return data[:3], data[3:]
	}
	return nil, data
}

// cardFree is called when no proactive command runs: a message that the card
// was too busy for may come again.
func (r *receiver) cardFree() {
	if r.refused && r.radio.attached() {
		r.refused = false
		r.radio.queue(&rp.Message{Type: rp.SMMA, Ref: r.sender.nextRef()})
	}
}
