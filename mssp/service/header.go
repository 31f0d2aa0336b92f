package service

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/mssp/store"
)

// Operation is an operation of the service, by its name in TS 102 204.
type Operation string

// The operations.
const (
	OpSignature    Operation = "MSS_Signature"
	OpStatusQuery  Operation = "MSS_StatusQuery"
	OpReceipt      Operation = "MSS_Receipt"
	OpProfileQuery Operation = "MSS_ProfileQuery"
)

// maxAPID is the longest AP_ID that is looked up and logged.
const maxAPID = 256

// maxUser is the longest user name of HTTP Basic: it may be an AP_ID in base64.
const maxUser = 2 * maxAPID

// begin authenticates the provider and checks what every message carries.
func (s *Service) begin(ctx context.Context, op Operation, d *Dialect, peer Peer, h *Header) (mssp.AP, *mssp.Fault) {
	if len(h.AP.ID) > maxAPID {
		return mssp.AP{}, mssp.Faultf(mssp.WrongParam, "AP_Info.AP_ID has %d octets: the most is %d", len(h.AP.ID), maxAPID)
	}
	if len(peer.User) > maxUser {
		return mssp.AP{}, mssp.Faultf(mssp.WrongParam, "the user name of HTTP Basic has %d octets: the most is %d", len(peer.User), maxUser)
	}
	if err := s.o.Available(); err != nil { // nobody needs to wait for it
		return mssp.AP{}, &mssp.Fault{Code: mssp.UnableToProvide, Detail: unavailable, Err: err}
	}
	ap, f := s.auth.authenticate(ctx, peer, h.AP)
	if f != nil {
		return mssp.AP{}, f
	}
	if peer.Proved != nil {
		peer.Proved()
	}
	h.AP.ID = ap.ID // HTTP Basic may have named it alone
	if f := s.rates.allow(ap.ID); f != nil {
		return mssp.AP{}, f
	}
	if f := d.checkVersion(op, h); f != nil {
		return mssp.AP{}, f
	}
	if !s.ours(h.MSSP.ID) {
		return mssp.AP{}, foreign("MSSP_Info.MSSP_ID", s.o.MSSPID)
	}
	if f := s.checkInstant(d, h.AP.Instant); f != nil {
		return mssp.AP{}, f
	}
	if op != OpSignature { // there a repeat is looked for first
		if f := s.checkAge(d, h.AP.Instant); f != nil {
			return mssp.AP{}, f
		}
	}
	if h.AP.TransID == "" {
		if d.Absent.TransID[op] {
			return ap, nil
		}
		return mssp.AP{}, mssp.Faultf(mssp.MissingParam, "AP_Info.AP_TransID is missing: send an identifier of your own, new for each request")
	}
	return ap, d.TransID("AP_Info.AP_TransID", h.AP.TransID)
}

func (d *Dialect) checkVersion(op Operation, h *Header) *mssp.Fault {
	if h.MajorVersion == "" && h.MinorVersion == "" && d.Absent.Version {
		return nil
	}
	if h.MajorVersion == "" || h.MinorVersion == "" {
		return mssp.Faultf(mssp.MissingParam, "MajorVersion or MinorVersion is missing: send %s and %s", d.Version.Major, d.Version.Minor)
	}
	minor, err := strconv.ParseUint(h.MinorVersion, 10, 8)
	if err == nil && minor <= 9 && slices.Contains(d.Versions[op], h.MajorVersion) {
		return nil
	}
	return mssp.Faultf(mssp.IncompatibleInterface, "version %s of %s is not spoken here: send MajorVersion %s, MinorVersion %s",
		quote(h.MajorVersion+"."+h.MinorVersion), op, d.Version.Major, d.Version.Minor)
}

// checkInstant: AP_Info.Instant is there, and a time.
func (s *Service) checkInstant(d *Dialect, instant string) *mssp.Fault {
	if instant == "" {
		if d.Absent.Instant {
			return nil
		}
		return mssp.Faultf(mssp.MissingParam, "AP_Info.Instant is missing: send the present time, for example %s", d.instantExample())
	}
	_, f := d.instant("AP_Info.Instant", instant)
	return f
}

// checkAge holds AP_Info.Instant against the clock: a recording of an old
// request is refused, and so is a provider whose clock is wrong.
func (s *Service) checkAge(d *Dialect, instant string) *mssp.Fault {
	if instant == "" {
		return nil // and may be
	}
	t, f := d.instant("AP_Info.Instant", instant)
	if f != nil {
		return f
	}
	now := s.o.Clock()
	off := now.Sub(t)
	side := "behind"
	if off < 0 {
		off, side = off.Abs(), "ahead of" // -off is no time when a far year is the smallest one
	}
	if off <= s.o.InstantWindow {
		return nil
	}
	return mssp.Faultf(mssp.WrongParam, "AP_Info.Instant is %s %s the time here (%s), the most is %s: set your clock by NTP",
		off.Round(time.Second), side, now.UTC().Format(time.RFC3339), s.o.InstantWindow)
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
func (s *Service) reply(d *Dialect, ap mssp.AP, h *Header) Header {
	r := Header{MajorVersion: h.MajorVersion, MinorVersion: h.MinorVersion}
	if r.MajorVersion == "" {
		r.MajorVersion, r.MinorVersion = d.Version.Major, d.Version.Minor
	}
	r.AP = APInfo{ID: ap.ID, TransID: h.AP.TransID, Instant: h.AP.Instant}
	r.MSSP = MSSPInfo{Instant: s.o.Clock().UTC().Format(d.ReplyInstant), ID: MeshMember{URI: s.o.MSSPID}}
	return r
}

const unavailable = "the service can read and store nothing at present: ask again in a minute, with the same AP_TransID"

// internal hides an accident from the provider and keeps it for the log. A store
// that does not serve is none of the service's: 780.
func internal(err error) *mssp.Fault {
	if store.Unavailable(err) {
		return &mssp.Fault{Code: mssp.UnableToProvide, Detail: unavailable, Err: err}
	}
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
