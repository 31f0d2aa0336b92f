package handset

import (
	"errors"
	"fmt"

	"github.com/simsign/simsign/ota/sms"
)

// ErrExplain: octets that are none of what a card and its phone say to each other.
var ErrExplain = errors.New("neither a proactive command (D0), an ENVELOPE (D1), a TERMINAL RESPONSE (81 03) nor a short message")

// Explain says what octets are that a card and its phone or the network have exchanged: a
// proactive command, the data of an ENVELOPE (SMS-PP DOWNLOAD) or of a TERMINAL RESPONSE, an
// SMS-DELIVER or SMS-SUBMIT. The codes that were entered are among them.
func Explain(b []byte) (what string, fields []Field, err error) {
	switch {
	case len(b) < 3:
		return "", nil, ErrExplain
	case b[0] == berProactive:
		c, err := parseCommand(b)
		if err != nil {
			return "", nil, err
		}
		fields = append(c.fields(), submitFields(c.tpdu)...)
		return c.kind.String(), fields, nil
	case b[0] == berDownload:
		return explainEnvelope(b)
	case b[0]&^comprehension == tagDetails && b[1] == 3:
		return explainResponse(b)
	case b[0]&3 == 1:
		if fields = submitFields(b); fields != nil {
			return "SMS-SUBMIT", fields, nil
		}
	case b[0]&3 == 0:
		if d, err := sms.ParseDeliver(b); err == nil {
			return "SMS-DELIVER", deliverFields(&d), nil
		}
	}
	return "", nil, ErrExplain
}

func explainEnvelope(b []byte) (string, []Field, error) {
	const name = "ENVELOPE (SMS-PP DOWNLOAD)"
	_, inside, _, err := takeTLV(b)
	for len(inside) > 0 && err == nil {
		var tag byte
		var v []byte
		if tag, v, inside, err = takeTLV(inside); err == nil && tag == tagTPDU {
			d, err := sms.ParseDeliver(v)
			return name, deliverFields(&d), err
		}
	}
	if err == nil {
		err = fmt.Errorf("%w: there is no TPDU (8B) in it", errTLV)
	}
	return name, nil, err
}

func explainResponse(b []byte) (string, []Field, error) {
	var fields []Field
	for len(b) > 0 {
		tag, v, rest, err := takeTLV(b)
		if err != nil {
			return "", nil, err
		}
		value := fmt.Sprintf("%X", v)
		switch tag {
		case tagDetails:
			if len(v) != 3 {
				return "", nil, fmt.Errorf("%w: command details have 3 octets, not %d", errTLV, len(v))
			}
			fields = append(fields, Field{"number", fmt.Sprint(v[0])}, Field{"of", CommandType(v[1]).String()}, Field{"qualifier", fmt.Sprintf("%02X", v[2])})
		case tagResult:
			if len(v) > 0 {
				value = Result(v[0]).String()
			}
			if len(v) > 1 {
				value += fmt.Sprintf(", with %X", v[1:])
			}
			fields = append(fields, Field{"result", value})
		case tagText:
			if s, dcs, _, ok := text(v); ok {
				fields = append(fields, Field{"text", s}, Field{"DCS", fmt.Sprintf("%02X", dcs)})
			} else {
				fields = append(fields, Field{"text", value})
			}
		case tagItemID:
			fields = append(fields, Field{"item", value})
		case tagDevices:
		default:
			fields = append(fields, Field{fmt.Sprintf("object %02X", tag), value})
		}
		b = rest
	}
	return "TERMINAL RESPONSE", fields, nil
}

// TextObject is what a user has entered, as TERMINAL RESPONSE carries it (TS 102 223 8.15):
// in the 7-bit alphabet, an octet a character (04) or packed (00), or where that does not have
// its characters, or when ucs2 is wanted, in UCS2 (08).
func TextObject(entered string, packed, ucs2 bool) []byte {
	b, _ := appendInput(nil, entered, packed, ucs2)
	return b
}
