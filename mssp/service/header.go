package service

import (
	"context"
	"errors"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/simsign/simsign/mssp"
)

// operation is one of the operations, with what its messages may say.
type operation struct {
	name    string
	major   []string // versions that are spoken
	needsTx bool     // AP_TransID is needed even in the sparse flavour
}

var (
	opSignature = operation{"MSS_Signature", []string{"1"}, true}
	opStatus    = operation{"MSS_StatusQuery", []string{"1"}, false}
	opReceipt   = operation{"MSS_Receipt", []string{"1"}, false}
	opProfile   = operation{"MSS_ProfileQuery", []string{"1", "2"}, false}
)

// longest identities that are stored and logged.
const (
	maxAPID    = 256
	maxTransID = 64 // FiCom: 32
)

// begin authenticates the provider and checks what every message carries.
func (s *Service) begin(ctx context.Context, op operation, peer Peer, h *Header) (mssp.AP, *mssp.Fault) {
	if len(h.AP.ID) > maxAPID || len(peer.User) > 2*maxAPID {
		return mssp.AP{}, mssp.Faultf(mssp.WrongParam, "AP_Info.AP_ID has %d octets: the most is %d", len(h.AP.ID), maxAPID)
	}
	ap, f := s.auth.authenticate(ctx, peer, h.AP)
	if f != nil {
		return mssp.AP{}, f
	}
	h.AP.ID = ap.ID // HTTP Basic may have named it alone
	if f := s.rates.allow(ap.ID); f != nil {
		return mssp.AP{}, f
	}
	if f := checkVersion(op, peer.Basic, h); f != nil {
		return mssp.AP{}, f
	}
	if f := s.checkInstant(peer.Basic, h.AP.Instant); f != nil {
		return mssp.AP{}, f
	}
	if h.AP.TransID == "" {
		if peer.Basic && !op.needsTx {
			return ap, nil
		}
		return mssp.AP{}, mssp.Faultf(mssp.MissingParam, "AP_Info.AP_TransID is missing: send an identifier of your own, new for each request")
	}
	return ap, checkTransID("AP_Info.AP_TransID", h.AP.TransID)
}

// checkVersion accepts 1.x, and 2.x for MSS_ProfileQuery.
func checkVersion(op operation, sparse bool, h *Header) *mssp.Fault {
	if h.MajorVersion == "" && h.MinorVersion == "" && sparse {
		return nil
	}
	if h.MajorVersion == "" || h.MinorVersion == "" {
		return mssp.Faultf(mssp.MissingParam, "MajorVersion or MinorVersion is missing: send 1 and 1")
	}
	minor, err := strconv.ParseUint(h.MinorVersion, 10, 8)
	for _, v := range op.major {
		if h.MajorVersion == v && err == nil && minor <= 9 {
			return nil
		}
	}
	return mssp.Faultf(mssp.IncompatibleInterface, "version %s of %s is not spoken here: send MajorVersion 1, MinorVersion 1",
		quote(h.MajorVersion+"."+h.MinorVersion), op.name)
}

// checkInstant holds AP_Info.Instant against the clock: a recording of an
// old request is refused, and so is a provider whose clock is wrong.
func (s *Service) checkInstant(sparse bool, instant string) *mssp.Fault {
	if instant == "" {
		if sparse {
			return nil
		}
		return mssp.Faultf(mssp.MissingParam, "AP_Info.Instant is missing: send the present time, for example 2006-01-02T15:04:05Z")
	}
	t, err := time.Parse(time.RFC3339Nano, instant)
	if err != nil {
		return mssp.Faultf(mssp.WrongParam, "AP_Info.Instant %s is not a time with a zone: send it like 2006-01-02T15:04:05Z", quote(instant))
	}
	now := s.o.Clock()
	off := now.Sub(t)
	side := "behind"
	if off < 0 {
		off, side = -off, "ahead of"
	}
	if off <= s.o.InstantWindow {
		return nil
	}
	return mssp.Faultf(mssp.WrongParam, "AP_Info.Instant is %s %s the time here (%s), the most is %s: set your clock by NTP",
		off.Round(time.Second), side, now.UTC().Format(time.RFC3339), s.o.InstantWindow)
}

// checkTransID accepts an NCName of 1 to 64 characters, and one that begins
// with a digit: clients send bare UUIDs.
func checkTransID(field, id string) *mssp.Fault {
	if len(id) > maxTransID {
		return mssp.Faultf(mssp.WrongParam, "%s has %d octets: the most is %d", field, len(id), maxTransID)
	}
	for i, r := range id {
		switch {
		case r == utf8.RuneError:
		case r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			continue
		case i > 0 && (r == '-' || r == '.' || unicode.IsMark(r)):
			continue
		}
		return mssp.Faultf(mssp.WrongParam, "%s: %U at octet %d is not allowed: use letters, digits, '-', '_' and '.', and begin with a letter", field, r, i+1)
	}
	return nil
}

// quote shows a value of a request in the detail of a fault: short, and
// without anything that could forge a line of a log.
func quote(s string) string { return strconv.Quote(shorten(s)) }

func shorten(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// reply is the header of the answer to h.
func (s *Service) reply(ap mssp.AP, h *Header) Header {
	r := Header{MajorVersion: h.MajorVersion, MinorVersion: h.MinorVersion}
	if r.MajorVersion == "" {
		r.MajorVersion, r.MinorVersion = "1", "1"
	}
	r.AP = APInfo{ID: ap.ID, TransID: h.AP.TransID, Instant: h.AP.Instant}
	r.MSSP = MSSPInfo{Instant: s.o.Clock().UTC().Format("2006-01-02T15:04:05.000Z"), ID: MeshMember{URI: s.o.MSSPID}}
	return r
}

// internal hides an accident from the provider and keeps it for the log.
func internal(err error) *mssp.Fault {
	return &mssp.Fault{
		Code: mssp.InternalError, Err: err,
		Detail: "internal error: repeat the request with the same AP_TransID; if it stays, give the operator the time and the AP_TransID",
	}
}

// asFault turns an error of the engine into the fault that the provider gets.
func asFault(err error) *mssp.Fault {
	var f *mssp.Fault
	if errors.As(err, &f) {
		return f
	}
	return internal(err)
}
