package rest

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
)

// Replies are one line without spaces, the members in the order
// that is in use: scripts read them with regular expressions, and
// take the last "Value": on the line for the status code.

const (
	nsMSS   = "http://uri.etsi.org/TS102204/v1.1.2#"
	nsFiCom = "http://mss.ficom.fi/TS102204/v1.0.0#" // second level of a fault
	nsSOAP  = "http://www.w3.org/2003/05/soap-envelope"
)

func appendFault(b []byte, f *mssp.Fault) []byte {
	b = append(b, `{"Fault":{"Code":{"SubCode":{"Value":"_`...)
	b = strconv.AppendInt(b, int64(f.Code), 10)
	b = append(b, `","ValueNs":"`+nsMSS+`"`...)
	if f.Sub != 0 {
		b = append(b, `,"SubCode":{"Value":"_`...)
		b = strconv.AppendInt(b, int64(f.Sub), 10)
		b = append(b, `","ValueNs":"`+nsFiCom+`"}`...)
	}
	b = append(b, `},"Value":"`...)
	if f.Code.Sender() {
		b = append(b, "Sender"...)
	} else {
		b = append(b, "Receiver"...)
	}
	b = append(b, `","ValueNs":"`+nsSOAP+`"},"Detail":`...)
	b = appendString(b, f.Detail)
	b = append(b, `,"Reason":`...)
	b = appendString(b, f.Code.String())
	return append(b, "}}"...)
}

func appendSignatureResp(b []byte, m *service.SignatureResp) []byte {
	b = append(b, `{"MSS_SignatureResp":{`...)
	b = appendInfo(b, &m.Header)
	b = appendMember(b, "MSSP_TransID", string(m.TransID)) // none when the request was not taken
	b = appendVersion(b, &m.Header)
	b = appendUser(b, &m.User)
	b = append(b, `,"SignatureProfile":`...)
	b = appendString(b, m.Profile)
	b = appendSignature(b, m.Signature)
	if len(m.Responses) > 0 {
		b = append(b, `,"ServiceResponses":[`...)
		for i := range m.Responses {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendServiceResponse(b, &m.Responses[i])
		}
		b = append(b, ']')
	}
	b = appendStatus(b, &m.Status)
	return append(b, "}}"...)
}

func appendServiceResponse(b []byte, r *service.ServiceResponse) []byte {
	b = append(b, `{"Description":`...)
	b = appendString(b, r.Description)
	b = append(b, `,"Geofencing":{"ErrorCode":`...)
	b = appendString(b, r.ErrorCode)
	b = append(b, `,"ErrorMessage":`...)
	b = appendString(b, r.ErrorMessage)
	return append(b, "}}"...)
}

func appendStatusResp(b []byte, m *service.StatusResp) []byte {
	b = append(b, `{"MSS_StatusResp":{`...)
	b = appendInfo(b, &m.Header)
	b = appendVersion(b, &m.Header)
	b = appendUser(b, &m.User)
	b = appendSignature(b, m.Signature)
	b = appendStatus(b, &m.Status)
	return append(b, "}}"...)
}

func appendReceiptResp(b []byte, m *service.ReceiptResp) []byte {
	b = append(b, `{"MSS_ReceiptResp":{`...)
	b = appendInfo(b, &m.Header)
	b = appendVersion(b, &m.Header)
	b = appendStatus(b, &m.Status)
	return append(b, "}}"...)
}

func appendProfileResp(b []byte, m *service.ProfileResp) []byte {
	b = append(b, `{"MSS_ProfileResp":{`...)
	b = appendInfo(b, &m.Header)
	b = appendVersion(b, &m.Header)
	b = append(b, `,"SignatureProfile":[`...)
	for i, p := range m.Profiles {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, p)
	}
	b = append(b, `],"Status":{"StatusCode":{"Value":"`...)
	b = strconv.AppendInt(b, int64(m.Status.Code), 10)
	b = append(b, `"},"StatusDetail":{"ProfileQueryExtension":{"Sscds":{"Sim":{"MobileUserCertificate":[`...)
	for i := range m.User.Certificates {
		if i > 0 {
			b = append(b, ',')
		}
		c := &m.User.Certificates[i]
		b = append(b, `{"Algorithm":`...)
		b = appendString(b, c.Algorithm)
		b = append(b, `,"State":`...)
		b = appendString(b, c.State)
		b = append(b, `,"X509Certificate":["`...)
		b = base64.StdEncoding.AppendEncode(b, c.DER)
		b = append(b, `"],"X509SubjectName":[`...)
		b = appendString(b, c.Subject)
		b = append(b, "]}"...)
	}
	b = append(b, ']')
	if !m.User.Bare {
		b = append(b, `,"PinStatus":{"Blocked":`...)
		b = strconv.AppendBool(b, m.User.PINBlocked)
		b = append(b, '}')
	}
	b = append(b, `,"State":`...)
	b = appendString(b, m.User.State)
	b = append(b, `}}}},"StatusMessage":`...)
	b = appendString(b, m.Status.Message)
	return append(b, "}}}"...)
}

func appendInfo(b []byte, h *service.Header) []byte {
	b = append(b, `"AP_Info":{"AP_ID":`...)
	b = appendString(b, string(h.AP.ID))
	if h.AP.TransID != "" {
		b = append(b, `,"AP_TransID":`...)
		b = appendString(b, h.AP.TransID)
	}
	if h.AP.Instant != "" {
		b = append(b, `,"Instant":`...)
		b = appendString(b, h.AP.Instant)
	}
	b = append(b, `},"MSSP_Info":{"Instant":`...)
	b = appendString(b, h.MSSP.Instant)
	b = append(b, `,"MSSP_ID":{"URI":`...)
	b = appendString(b, h.MSSP.ID.URI)
	return append(b, "}}"...)
}

func appendVersion(b []byte, h *service.Header) []byte {
	b = append(b, `,"MajorVersion":`...)
	b = appendString(b, h.MajorVersion)
	b = append(b, `,"MinorVersion":`...)
	return appendString(b, h.MinorVersion)
}

func appendUser(b []byte, u *service.MobileUser) []byte {
	b = append(b, `,"MobileUser":{"MSISDN":`...)
	b = appendString(b, u.MSISDN)
	return append(b, '}')
}

func appendSignature(b []byte, s *service.Signature) []byte {
	if s == nil {
		return b
	}
	b = append(b, `,"MSS_Signature":{"Base64Signature":"`...)
	b = base64.StdEncoding.AppendEncode(b, s.Value)
	return append(b, `"}`...)
}

// appendStatus keeps the status code last.
func appendStatus(b []byte, s *service.Status) []byte {
	b = append(b, `,"Status":{"StatusMessage":`...)
	b = appendString(b, s.Message)
	open := `,"StatusDetail":{`
	for _, m := range [...]struct{ name, value string }{{`"ReferenceCode":`, s.Reference}, {`"Progress":`, s.Progress}} {
		if m.value != "" {
			b = append(append(b, open...), m.name...)
			b = appendString(b, m.value)
			open = ","
		}
	}
	if open == "," {
		b = append(b, '}')
	}
	b = append(b, `,"StatusCode":{"Value":"`...)
	b = strconv.AppendInt(b, int64(s.Code), 10)
	return append(b, `"}}`...)
}

// appendString writes a JSON string. Octets that are not UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		n := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, n = utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || n != 1 {
				i += n
				continue
			}
		}
		b = append(b, s[start:i]...)
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, "\uFFFD"...)
		}
		i += n
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}
