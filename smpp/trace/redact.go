package trace

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/simsign/simsign/smpp"
)

// redact blanks in place what must not be kept. A PDU that cannot be read
// keeps only its header.
func redact(pdu []byte, messages bool) {
	if len(pdu) < smpp.HeaderLen {
		clear(pdu)
		return
	}
	body := pdu[smpp.HeaderLen:]
	cmd := smpp.CommandID(binary.BigEndian.Uint32(pdu[4:]))
	switch cmd {
	case smpp.BindReceiver, smpp.BindTransmitter, smpp.BindTransceiver, smpp.Outbind:
		if !blankPassword(body) {
			clear(body)
		}
		return
	}
	if messages && cmd.Known() {
		return
	}
	maskNumbers(cmd, body)
	switch cmd {
	case smpp.SubmitSM, smpp.DeliverSM, smpp.DataSM, smpp.SubmitMulti, smpp.ReplaceSM:
	default:
		if cmd.Known() {
			return
		}
	}
	// Slices of a parsed body are slices of the frame: to blank them is to
	// blank the frame.
	b, err := smpp.Parse(smpp.Frame{Header: smpp.Header{Command: cmd}, Body: body})
	if err != nil {
		clear(body)
		return
	}
	switch m := b.(type) {
	case *smpp.Message:
		blankMessage(m.ESMClass, m.ShortMessage, m.TLVs)
	case *smpp.Data:
		blankMessage(m.ESMClass, nil, m.TLVs)
	case *smpp.Multi:
		blankMessage(m.ESMClass, m.ShortMessage, m.TLVs)
	case *smpp.Replace:
		blankMessage(0, m.ShortMessage, nil)
	}
}

// blankPassword blanks the second C-octet string of a body (SMPP 3.4 4.1.1 to
// 4.1.7: system_id, then password).
func blankPassword(body []byte) bool {
	_, rest, ok := bytes.Cut(body, []byte{0})
	if !ok {
		return false
	}
	password, _, ok := bytes.Cut(rest, []byte{0})
	for i := range password {
		password[i] = '*'
	}
	return ok
}

// blankMessage blanks user data, and parameters that carry some (SMPP 3.4
// 5.3.2.32 and what is not known). The UDH stays; of a receipt (SMPP 3.4
// appendix B), everything before its text.
func blankMessage(esmClass byte, short []byte, tlvs smpp.TLVs) {
	blankUserData(esmClass, short)
	for _, t := range tlvs {
		switch t.Tag {
		case smpp.TagMessagePayload:
			blankUserData(esmClass, t.Value)
		case smpp.TagReceiptedMessageID, smpp.TagMessageState, smpp.TagNetworkErrorCode, smpp.TagUserMessageRef,
			smpp.TagSarMsgRefNum, smpp.TagSarTotalSegments, smpp.TagSarSegmentSeqnum, smpp.TagSourcePort, smpp.TagDestPort:
		default:
			clear(t.Value)
		}
	}
}

func blankUserData(esmClass byte, b []byte) {
	if esmClass&smpp.ESMClassTypeMask == smpp.ESMClassReceipt {
		if _, err := smpp.ParseReceipt(b); err == nil {
			for i := 0; i+5 <= len(b); i++ { // in place: octets that are no text have no lower case of their length
				if strings.EqualFold(string(b[i:i+5]), "text:") {
					clear(b[i+5:])
					break
				}
			}
			return
		}
	}
	if esmClass&smpp.ESMClassUDHI != 0 && len(b) > 0 && int(b[0])+1 <= len(b) {
		b = b[int(b[0])+1:]
	}
	clear(b)
}
