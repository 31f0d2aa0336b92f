package esme

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/simsign/simsign/ota/bearer"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// errNobody: the message is from no phone; there is nothing to do with it.
var errNobody = errors.New("source is not a telephone number")

// errUDH: the message says that it has a UDH, and it has none.
var errUDH = errors.New("UDH is longer than the message")

// errText: the text reads like a receipt, and does not say of which phone.
var errText = errors.New("text in the form of a receipt matches no message")

// decode reads a message from a phone: a deliver_sm (SMPP 3.4 4.6.1), with a UDH
// where esm_class says so (SMPP 3.4 5.2.12). Octets of m are copied.
func (o *Options) decode(m *smpp.Message, now time.Time) (bearer.MO, error) {
	mo := bearer.MO{Bearer: o.Name, Dest: m.Dest.Addr, PID: m.ProtocolID, DCS: m.DataCoding, ReceivedAt: now}
	var err error
	if mo.Source, err = o.Quirks.number(m.Source); err != nil {
		return mo, fmt.Errorf("%w: %w", errNobody, err)
	}
	data := append([]byte(nil), m.UserData()...)
	if m.ESMClass&smpp.ESMClassUDHI != 0 {
		if len(data) == 0 || int(data[0])+1 > len(data) {
			return mo, fmt.Errorf("%w: %d octets", errUDH, len(data))
		}
		n := int(data[0]) + 1
		mo.UDH, data = data[:n:n], data[n:]
	}
	mo.UD = data
	mo.UDH = sarToUDH(mo.UDH, m.TLVs)
	if isText(&mo) {
		// SMPP carries one septet an octet; an MO is as it was on the air.
		header := (len(mo.UDH)*8 + 6) / 7
		mo.UD, mo.Septets = sms.PackSeptets(nil, data, header*7-len(mo.UDH)*8), header+len(data)
	}
	return mo, nil
}

// isText reports whether the octets are characters of the 7-bit alphabet.
// data_coding 1 to 15 are alphabets of their own (SMPP 3.4 5.2.19), and a
// packet is one whatever coding a centre has put on it.
func isText(mo *bearer.MO) bool {
	if mo.DCS > 0 && mo.DCS < 0x10 || sms.AlphabetOf(mo.DCS) != sms.AlphabetGSM || mo.PID == sms.PIDDownload {
		return false
	}
	if _, cpi, err := sms.ParseConcat(mo.UDH); err != nil || cpi != sms.NoCPI {
		return false
	}
	return !slices.ContainsFunc(mo.UD, func(b byte) bool { return b > 0x7F })
}

// sarToUDH makes a concatenation element (TS 23.040 9.2.3.24.8) of the sar_*
// parameters (SMPP 3.4 5.3.2.22 to .24), unless the UDH has one.
func sarToUDH(udh []byte, tlvs smpp.TLVs) []byte {
	ref, ok1 := tlvs.Uint16(smpp.TagSarMsgRefNum)
	total, ok2 := tlvs.Uint8(smpp.TagSarTotalSegments)
	part, ok3 := tlvs.Uint8(smpp.TagSarSegmentSeqnum)
	if !ok1 || !ok2 || !ok3 || total <= 1 {
		return udh
	}
	if c, _, err := sms.ParseConcat(udh); err != nil || c.Total > 1 || len(udh) > 250 {
		return udh
	}
	out := []byte{6, 0x08, 4, byte(ref >> 8), byte(ref), total, part}
	if len(udh) > 1 {
		out = append(out, udh[1:]...)
		out[0] = byte(len(out) - 1)
	}
	return out
}

// isReceipt reports whether a deliver_sm is about an earlier message of ours:
// esm_class says so (SMPP 3.4 5.2.12: receipt, or intermediate notification),
// or it carries the id of that message and a state. An id alone is not
// enough: Kannel's test centre puts one on ordinary messages, and an answer of
// a phone must not be lost for it.
func (o *Options) isReceipt(m *smpp.Message) bool {
	if saysReceipt(m) {
		return true
	}
	_, id := m.TLVs.Get(smpp.TagReceiptedMessageID)
	if !id && (!o.Quirks.PlainReceipts || m.ESMClass&smpp.ESMClassUDHI != 0) {
		return false
	}
	_, err := smpp.ParseReceipt(receiptText(m))
	return err == nil
}

// saysReceipt reports whether the centre itself says so, in fields that no phone
// writes. All else is a text, which anybody can send.
func saysReceipt(m *smpp.Message) bool {
	switch m.ESMClass & smpp.ESMClassTypeMask {
	case smpp.ESMClassReceipt, 0x20:
		return true
	}
	_, id := m.TLVs.Get(smpp.TagReceiptedMessageID)
	_, state := m.TLVs.Get(smpp.TagMessageState)
	return id && state
}

// receiptText is the text of a receipt in octets of ASCII, whatever the
// data_coding (SMPP 3.4 5.2.19) says: centres send it as 7-bit text, as binary and as UCS2.
func receiptText(m *smpp.Message) []byte {
	b := m.UserData()
	if m.ESMClass&smpp.ESMClassUDHI != 0 && len(b) > 0 && int(b[0])+1 <= len(b) {
		b = b[int(b[0])+1:]
	}
	if sms.AlphabetOf(m.DataCoding) == sms.AlphabetUCS2 {
		if s, err := sms.DecodeUCS2(b); err == nil {
			return []byte(s)
		}
	}
	return b
}

// report reads a receipt: the parameters 001E and 0427 where they are there
// (SMPP 3.4 5.3.2.12, 5.3.2.35), else the text (SMPP 3.4 appendix B). final is false for a message that is still on its way.
func (o *Options) report(m *smpp.Message, now time.Time) (r bearer.Report, final bool, err error) {
	r = bearer.Report{Bearer: o.Name, At: now}
	text, textErr := smpp.ParseReceipt(receiptText(m))
	state := text.State
	if s, ok := m.TLVs.Uint8(smpp.TagMessageState); ok && s != byte(smpp.StateNone) {
		state = smpp.MessageState(s)
	}
	id, _ := m.TLVs.String(smpp.TagReceiptedMessageID)
	r.MessageID = o.Quirks.receiptID(id, text.ID)
	if o.Quirks.UserRef {
		if ref, ok := m.TLVs.Uint16(smpp.TagUserMessageRef); ok {
			r.MessageID = userRef(ref)
		}
	}
	if r.MessageID == "" || state == smpp.StateNone {
		return r, false, fmt.Errorf("receipt without id or state: %w", cmp.Or(textErr, smpp.ErrReceipt))
	}
	r.Delivered = state == smpp.StateDelivered
	if !r.Delivered {
		r.Cause = state.String()
		if e := networkError(m.TLVs, text.Err); e != "" {
			r.Cause += " " + e
		}
	}
	r.Dest, r.Text = o.receiptDest(m), !saysReceipt(m)
	if r.Text && (r.Dest == "" || m.Source.TON == 5) {
		return r, false, fmt.Errorf("%w: its sender is no telephone number", errText)
	}
	return r, state.Final(), nil
}

// receiptDest is the phone of the receipt: its source; some centres leave the
// addresses as they were in the submit_sm, some leave them out.
func (o *Options) receiptDest(m *smpp.Message) sms.MSISDN {
	from := m.Source
	for _, r := range o.Source {
		if r.Address.Addr != "" && r.Address.Addr == from.Addr {
			from = m.Dest
			break
		}
	}
	n, err := o.Quirks.number(from)
	if err != nil {
		return ""
	}
	return n
}

// networkError is why, as the network says it: network_error_code (SMPP 3.4
// 5.3.2.31) or the err field. Only letters and digits come from outside.
func networkError(tlvs smpp.TLVs, err string) string {
	if v, ok := tlvs.Get(smpp.TagNetworkErrorCode); ok && len(v) == 3 {
		return "network error " + strconv.Itoa(int(v[0])) + "/" + strconv.Itoa(int(v[1])<<8|int(v[2]))
	}
	clean := make([]byte, 0, 8)
	for _, c := range []byte(err[:min(len(err), 8)]) {
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			clean = append(clean, c)
		}
	}
	if len(clean) == 0 || string(clean) == "000" {
		return ""
	}
	return "err " + string(clean)
}
