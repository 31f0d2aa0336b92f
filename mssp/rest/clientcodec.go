package rest

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/mssp/strictjson"
)

// The client's half of the codec: requests are written, replies are read.
// Replies are read leniently: a service may add members that we do not know.

func appendSignatureReq(b []byte, m *service.SignatureReq) []byte {
	b = append(b, `{"MSS_SignatureReq":{`...)
	b = appendAsker(b, &m.Header)
	b = appendUser(b, &m.User)
	b = appendMember(b, "MessagingMode", m.Mode)
	b = append(b, `,"DataToBeSigned":`...)
	b = appendData(b, &m.Data)
	if m.Display != nil {
		b = append(b, `,"DataToBeDisplayed":`...)
		b = appendData(b, m.Display)
	}
	b = appendMember(b, "ValidityDate", m.ValidityDate)
	b = appendMember(b, "TimeOut", m.TimeOut)
	b = appendMember(b, "SignatureProfile", m.Profile)
	b = append(b, `,"AdditionalServices":[`...)
	for i := range m.Services {
		s := &m.Services[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"Description":`...)
		b = appendString(b, s.Description)
		for _, v := range [...]struct{ name, value string }{{"UserLang", s.UserLang}, {"EventID", s.EventID}} {
			if v.value != "" {
				b = append(b, `,"`+v.name+`":{"Value":`...)
				b = appendString(b, v.value)
				b = append(b, '}')
			}
		}
		b = append(b, '}')
	}
	b = append(b, ']')
	b = appendMember(b, "MSS_Format", m.Format)
	b = appendMember(b, "SignatureProfileComparison", m.Comparison)
	return append(b, "}}"...)
}

func appendStatusReq(b []byte, m *service.StatusReq) []byte {
	b = append(b, `{"MSS_StatusReq":{`...)
	b = appendAsker(b, &m.Header)
	b = appendMember(b, "MSSP_TransID", m.TransID)
	return append(b, "}}"...)
}

func appendAsker(b []byte, h *service.Header) []byte {
	b = append(b, `"MajorVersion":`...)
	b = appendString(b, h.MajorVersion)
	b = appendMember(b, "MinorVersion", h.MinorVersion)
	b = append(b, `,"AP_Info":{"AP_ID":`...)
	b = appendString(b, string(h.AP.ID))
	b = appendMember(b, "AP_TransID", h.AP.TransID)
	b = append(b, `,"AP_PWD":`...)
	b = appendString(b, h.AP.Password)
	b = appendMember(b, "Instant", h.AP.Instant)
	b = append(b, `},"MSSP_Info":{"MSSP_ID":{"URI":`...)
	b = appendString(b, h.MSSP.ID.URI)
	return append(b, "}}"...)
}

func appendData(b []byte, d *service.Data) []byte {
	b = append(b, `{"MimeType":`...)
	b = appendString(b, d.MimeType)
	b = append(b, `,"Encoding":`...)
	b = appendString(b, d.Encoding)
	b = append(b, `,"Data":`...)
	b = appendString(b, d.Data)
	return append(b, '}')
}

// appendMember writes a member that is there.
func appendMember(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return appendString(b, value)
}

// reply is what of MSS_SignatureResp and MSS_StatusResp the client uses.
type reply struct {
	header    service.Header
	transID   string
	user      service.MobileUser
	signature *service.Signature
	profile   string
	status    service.Status
	fault     *mssp.Fault
}

// decodeReply reads the message named want, or a fault.
func decodeReply(body []byte, want string) (*reply, error) {
	d := replyDecoder{decoder: decoder{Reader: strictjson.NewReader(body, limits)}}
	found := ""
	d.Object(func(name string) {
		switch found = name; name {
		case want:
			d.message()
		case "Fault":
			d.faultMessage()
		default:
			d.Skip()
		}
	})
	d.End()
	switch {
	case d.Err() != nil:
		return nil, d.Err()
	case d.out.fault == nil && (found != want || d.out.status.Code == 0):
		return nil, fmt.Errorf("no %s with a status code in it", want)
	}
	return &d.out, nil
}

type replyDecoder struct {
	decoder
	out    reply
	base64 string
}

func (d *replyDecoder) message() {
	d.Object(func(name string) {
		switch name {
		case "AP_Info":
			d.lenient(map[string]*string{"AP_TransID": &d.out.header.AP.TransID, "Instant": &d.out.header.AP.Instant})
		case "MSSP_Info":
			d.Object(func(name string) {
				switch name {
				case "Instant":
					d.str(&d.out.header.MSSP.Instant)
				case "MSSP_ID":
					d.lenient(map[string]*string{"URI": &d.out.header.MSSP.ID.URI})
				default:
					d.Skip()
				}
			})
		case "MSSP_TransID":
			d.str(&d.out.transID)
		case "MobileUser":
			d.lenient(map[string]*string{"MSISDN": &d.out.user.MSISDN})
		case "SignatureProfile":
			d.uri(&d.out.profile)
		case "MSS_Signature":
			d.signatureValue()
		case "Status":
			d.statusValue()
		default:
			d.Skip()
		}
	})
}

func (d *replyDecoder) signatureValue() {
	d.lenient(map[string]*string{"Base64Signature": &d.base64})
	if d.base64 == "" || d.Err() != nil {
		return
	}
	der, err := base64.StdEncoding.DecodeString(d.base64)
	if err != nil {
		d.Failf("Base64Signature: %v", err)
		return
	}
	d.out.signature = &service.Signature{Value: der}
}

func (d *replyDecoder) statusValue() {
	var code string
	d.Object(func(name string) {
		switch name {
		case "StatusCode":
			d.lenient(map[string]*string{"Value": &code})
		case "StatusMessage":
			d.str(&d.out.status.Message)
		case "StatusDetail":
			if d.Kind() != '{' {
				d.Skip()
				return
			}
			d.lenient(map[string]*string{"ReferenceCode": &d.out.status.Reference, "Progress": &d.out.status.Progress})
		default:
			d.Skip()
		}
	})
	d.out.status.Code = d.code(code)
}

func (d *replyDecoder) faultMessage() {
	f := &mssp.Fault{Code: mssp.InternalError}
	var code, second string
	d.Object(func(name string) {
		switch name {
		case "Code":
			d.Object(func(name string) {
				if name != "SubCode" {
					d.Skip()
					return
				}
				d.Object(func(name string) {
					switch name {
					case "Value":
						d.str(&code)
					case "SubCode":
						d.lenient(map[string]*string{"Value": &second})
					default:
						d.Skip()
					}
				})
			})
		case "Detail":
			d.str(&f.Detail)
		default:
			d.Skip()
		}
	})
	f.Code = d.code(strings.TrimPrefix(code, "_"))
	if second != "" {
		f.Sub = d.code(strings.TrimPrefix(second, "_"))
	}
	d.out.fault = f
}

func (d *replyDecoder) code(s string) mssp.Code {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		d.Failf("status code %q is not a number", strictjson.Printable(s))
	}
	return mssp.Code(n)
}

// lenient reads the named strings of an object and skips the rest.
func (d *replyDecoder) lenient(into map[string]*string) {
	d.Object(func(name string) {
		if v := into[name]; v != nil {
			d.str(v)
		} else {
			d.Skip()
		}
	})
}
