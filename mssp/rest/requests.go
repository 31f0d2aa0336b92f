package rest

import (
	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/service"
	"github.com/simsign/simsign/mssp/strictjson"
)

// limits of a document. What real clients send stays far below them.
var limits = strictjson.Limits{Depth: 12, Members: 32, Items: 32}

// request is a decoded document: exactly one of the messages is set.
type request struct {
	signature *service.SignatureReq
	status    *service.StatusReq
	receipt   *service.ReceiptReq
	profile   *service.ProfileReq
	doc       string
	secret    [2]int // octets of doc that hold AP_PWD
}

// header is the part that all messages share.
func (r *request) header() *service.Header {
	switch {
	case r.signature != nil:
		return &r.signature.Header
	case r.status != nil:
		return &r.status.Header
	case r.receipt != nil:
		return &r.receipt.Header
	}
	return &r.profile.Header
}

// decode reads a document strictly: one message, no name twice, no name
// that the schema does not have, nothing behind it. The ETSI schema says
// which names there are. Inside an additional service any name is taken, because
// each operator adds his own, and noted: package service knows which of them may be left.
func decode(body []byte) (request, *mssp.Fault) {
	d := decoder{Reader: strictjson.NewReader(body, limits)}
	d.doc = d.Document()
	n := 0
	d.Object(func(name string) {
		if n++; n > 1 {
			d.fail(mssp.WrongParam, "a second message: send one at a time")
			return
		}
		d.message(name)
	})
	d.End()
	if n == 0 {
		d.fail(mssp.MissingParam, "no message: send MSS_SignatureReq, MSS_StatusReq or MSS_ProfileReq")
	}
	return d.request, d.fault()
}

type decoder struct {
	*strictjson.Reader
	request
	code mssp.Code // of the error, where it is not WrongParam
}

// fail keeps the first fault.
func (d *decoder) fail(code mssp.Code, format string, args ...any) {
	if d.Err() == nil {
		d.code = code
		d.Failf(format, args...)
	}
}

func (d *decoder) fault() *mssp.Fault {
	err := d.Err()
	if err == nil {
		return nil
	}
	f := &mssp.Fault{Code: d.code, Detail: err.Error()}
	if f.Code == 0 {
		f.Code = mssp.WrongParam
	}
	return f
}

func (d *decoder) message(name string) {
	switch name {
	case "MSS_SignatureReq":
		d.signature = new(service.SignatureReq)
		d.signatureReq(d.signature)
	case "MSS_StatusReq":
		m := new(service.StatusReq)
		d.status = m
		d.Object(func(name string) {
			if name == "MSSP_TransID" {
				d.str(&m.TransID)
			} else if !d.common(&m.Header, name) {
				d.unknown(name)
			}
		})
	case "MSS_ReceiptReq":
		m := new(service.ReceiptReq)
		d.receipt = m
		d.receiptReq(m)
	case "MSS_ProfileReq":
		m := new(service.ProfileReq)
		d.profile = m
		d.Object(func(name string) {
			switch name {
			case "MobileUser":
				d.user(&m.User)
			case "Params":
				d.str(&m.Params)
			default:
				if !d.common(&m.Header, name) {
					d.unknown(name)
				}
			}
		})
	case "MSS_RegistrationReq", "MSS_HandshakeReq":
		d.fail(mssp.IncompatibleInterface, "%s is not offered here: offered are MSS_SignatureReq, MSS_StatusReq and MSS_ProfileReq", name)
	default:
		d.fail(mssp.WrongParam, "unknown message %q: send MSS_SignatureReq, MSS_StatusReq or MSS_ProfileReq", strictjson.Printable(name))
	}
}

func (d *decoder) signatureReq(m *service.SignatureReq) {
	d.Object(func(name string) {
		switch name {
		case "MessagingMode":
			d.str(&m.Mode)
		case "ValidityDate":
			d.str(&m.ValidityDate)
		case "TimeOut":
			d.str(&m.TimeOut)
		case "MobileUser":
			d.user(&m.User)
		case "DataToBeSigned":
			d.data(&m.Data)
		case "DataToBeDisplayed":
			m.Display = new(service.Data)
			d.data(m.Display)
		case "SignatureProfile":
			d.uri(&m.Profile)
		case "MSS_Format":
			d.uri(&m.Format)
		case "SignatureProfileComparison":
			d.str(&m.Comparison)
		case "AdditionalServices":
			d.services(&m.Services)
		case "KeyReference":
			if !d.Null() {
				m.KeyReference = true
				d.Skip()
			}
		default:
			if !d.common(&m.Header, name) {
				d.unknown(name)
			}
		}
	})
}

func (d *decoder) receiptReq(m *service.ReceiptReq) {
	d.Object(func(name string) {
		switch name {
		case "MSSP_TransID":
			d.str(&m.TransID)
		case "MobileUser":
			d.user(&m.User)
		case "Message":
			d.data(&m.Message)
		case "Status", "SignedReceipt":
			d.Skip()
		default:
			if !d.common(&m.Header, name) {
				d.unknown(name)
			}
		}
	})
}

// common reads the members of MessageAbstractType; false when name is none of them.
func (d *decoder) common(h *service.Header, name string) bool {
	switch name {
	case "MajorVersion":
		d.str(&h.MajorVersion)
	case "MinorVersion":
		d.str(&h.MinorVersion)
	case "AP_Info":
		d.apInfo(&h.AP)
	case "MSSP_Info":
		d.members(func(name string) {
			switch name {
			case "Instant":
				d.str(&h.MSSP.Instant)
			case "MSSP_ID":
				d.mesh(&h.MSSP.ID)
			default:
				d.unknown(name)
			}
		})
	default:
		return false
	}
	return true
}

func (d *decoder) apInfo(a *service.APInfo) {
	d.members(func(name string) {
		switch name {
		case "AP_ID":
			var id string
			d.str(&id)
			a.ID = mssp.APID(id)
		case "AP_TransID":
			d.str(&a.TransID)
		case "AP_PWD":
			if d.str(&a.Password); d.Err() == nil {
				d.secret[0], d.secret[1] = d.Span()
			}
		case "Instant":
			d.str(&a.Instant)
		case "AP_URL":
			d.str(&a.URL)
		default:
			d.unknown(name)
		}
	})
}

func (d *decoder) user(u *service.MobileUser) {
	d.members(func(name string) {
		switch name {
		case "MSISDN":
			d.str(&u.MSISDN)
		case "UserIdentifier":
			d.str(&u.UserIdentifier)
		case "IdentityIssuer":
			d.mesh(&u.IdentityIssuer)
		case "HomeMSSP":
			d.mesh(&u.HomeMSSP)
		default:
			d.unknown(name)
		}
	})
}

func (d *decoder) mesh(m *service.MeshMember) {
	d.members(func(name string) {
		switch name {
		case "DNSName":
			d.str(&m.DNSName)
		case "IPAddress":
			d.str(&m.IPAddress)
		case "URI":
			d.str(&m.URI)
		case "IdentifierString":
			d.str(&m.Identifier)
		default:
			d.unknown(name)
		}
	})
}

// data reads DataType; a bare string is its data.
func (d *decoder) data(v *service.Data) {
	if d.Kind() == '"' {
		d.str(&v.Data)
		return
	}
	d.members(func(name string) {
		switch name {
		case "MimeType":
			d.str(&v.MimeType)
		case "Encoding":
			d.str(&v.Encoding)
		case "Data":
			d.str(&v.Data)
		default:
			d.unknown(name)
		}
	})
}

func (d *decoder) services(list *[]service.AdditionalService) {
	if d.Null() {
		return
	}
	d.Array(func() {
		var s service.AdditionalService
		d.Object(func(name string) {
			switch name {
			case "Description":
				d.uri(&s.Description)
			case "Entity":
				d.mesh(&s.Entity)
			case "UserLang":
				d.value(&s.UserLang)
			case "EventID":
				d.value(&s.EventID)
			case "NoSpamCode":
				d.noSpam(&s)
			default:
				if !d.Null() {
					s.Members = append(s.Members, name)
					d.Skip()
				}
			}
		})
		*list = append(*list, s)
	})
}

// noSpam reads NoSpamCode, bare or with Verify.
func (d *decoder) noSpam(s *service.AdditionalService) {
	if d.Null() {
		return
	}
	s.NoSpam = new(service.NoSpamCode)
	if d.Kind() != '{' {
		d.str(&s.NoSpam.Code)
		return
	}
	d.Object(func(name string) {
		switch name {
		case "Verify", "verify":
			d.str(&s.NoSpam.Verify)
		case "Code", "Value":
			d.str(&s.NoSpam.Code)
		default:
			d.unknown(name)
		}
	})
}

// uri reads a URI, bare or as {"mssURI": ...}.
func (d *decoder) uri(v *string) { d.wrapped("mssURI", v) }

// value reads a string, bare or as {"Value": ...}.
func (d *decoder) value(v *string) { d.wrapped("Value", v) }

func (d *decoder) wrapped(in string, v *string) {
	if d.Kind() != '{' {
		d.str(v)
		return
	}
	d.Object(func(name string) {
		if name == in {
			d.str(v)
		} else {
			d.unknown(name)
		}
	})
}

// members reads an object, or null for none.
func (d *decoder) members(member func(name string)) {
	if !d.Null() {
		d.Object(member)
	}
}

// str reads a string. Numbers are taken as they are written: some clients
// send TimeOut or MSISDN so. null is absent.
func (d *decoder) str(v *string) {
	if !d.Null() {
		*v = d.String()
	}
}

func (d *decoder) unknown(name string) {
	d.Failf("unknown member %q: leave it out or correct its spelling", strictjson.Printable(name))
}
