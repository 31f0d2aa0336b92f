package service

import (
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/simsign/simsign/mssp"
	"github.com/simsign/simsign/ota/sms"
)

// TestDialect: each member decides something, and nothing else of the service
// does: what a client writes in another way is taken with that member changed,
// and only then.
func TestDialect(t *testing.T) {
	day := now.Format("02.01.2006 15:04:05 -0700")
	cases := map[string]struct {
		ask      func(*SignatureReq) // what another client sends
		change   func(*Dialect)      // the member that lets it in
		refused  string              // without it
		accepted func(*SignatureResp) bool
	}{
		"Versions": {
			ask:     func(r *SignatureReq) { r.MajorVersion, r.MinorVersion = "2", "0" },
			change:  func(d *Dialect) { d.Versions = map[Operation][]string{OpSignature: {"2"}} },
			refused: `version "2.0" of MSS_Signature is not spoken here: send MajorVersion 1, MinorVersion 1`,
		},
		"Version": {
			ask:      func(r *SignatureReq) { r.MajorVersion, r.MinorVersion = "", "" },
			change:   func(d *Dialect) { d.Absent.Version, d.Version = true, Version{"2", "3"} },
			refused:  "MajorVersion or MinorVersion is missing: send 1 and 1",
			accepted: func(r *SignatureResp) bool { return r.MajorVersion == "2" && r.MinorVersion == "3" },
		},
		"Absent.Version": {
			ask:      func(r *SignatureReq) { r.MajorVersion, r.MinorVersion = "", "" },
			change:   func(d *Dialect) { d.Absent.Version = true },
			refused:  "MinorVersion is missing",
			accepted: func(r *SignatureResp) bool { return r.MajorVersion == "1" && r.MinorVersion == "1" },
		},
		"Absent.Instant": {
			ask:     func(r *SignatureReq) { r.AP.Instant = "" },
			change:  func(d *Dialect) { d.Absent.Instant = true },
			refused: "AP_Info.Instant is missing: send the present time, for example 2006-01-02T15:04:05Z",
		},
		"Absent.TransID": {
			ask:     func(r *SignatureReq) { r.AP.TransID = "" },
			change:  func(d *Dialect) { d.Absent.TransID = map[Operation]bool{OpSignature: true} },
			refused: "AP_Info.AP_TransID is missing",
		},
		"Instant": {
			ask: func(r *SignatureReq) {
				r.AP.Instant, r.ValidityDate = day, now.Add(time.Minute).Format("02.01.2006 15:04:05 -0700")
			},
			change:  func(d *Dialect) { d.Instant = "02.01.2006 15:04:05 -0700" },
			refused: "is not a time with a zone: send it like 2006-01-02T15:04:05Z",
		},
		"ReplyInstant": {
			change:   func(d *Dialect) { d.ReplyInstant = "15:04" },
			accepted: func(r *SignatureResp) bool { return r.MSSP.Instant == "18:00" },
		},
		"TransID": {
			ask:     func(r *SignatureReq) { r.AP.TransID = "urn:uuid:1" },
			change:  func(d *Dialect) { d.TransID = func(string, string) *mssp.Fault { return nil } },
			refused: "AP_Info.AP_TransID: U+003A at octet 4",
		},
		"Number": {
			ask: func(r *SignatureReq) { r.User.MSISDN = "tel:+41791234567" },
			change: func(d *Dialect) {
				d.Number = func(s string) (sms.MSISDN, error) {
					n, ok := strings.CutPrefix(s, "tel:")
					if !ok {
						return "", errors.New("no number of this dialect")
					}
					return sms.ParseMSISDN(n)
				}
			},
			refused: "MobileUser.MSISDN: MSISDN needs the international form",
		},
		"Modes": {
			ask:     func(r *SignatureReq) { r.Mode = "later" },
			change:  func(d *Dialect) { d.Modes = map[string]mssp.MessagingMode{"later": mssp.AsynchClientServer} },
			refused: `MessagingMode "later" is unknown`,
		},
		"Encodings": {
			ask: func(r *SignatureReq) {
				r.Data = Data{"application/x-sha256", "B64", base64.StdEncoding.EncodeToString(make([]byte, 32))}
				r.Display = &Data{"", "Utf8", "Contract.pdf"}
			},
			change:  func(d *Dialect) { d.Encodings = map[string]Encoding{"b64": Base64, "utf8": UTF8} },
			refused: `DataToBeSigned.Encoding "B64" is not supported`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			req := bankRequest("T1")
			if c.ask != nil {
				c.ask(req)
			}
			s, _ := testService(t)
			resp, f := s.Signature(t.Context(), plain(), Peer{}, req)
			if c.refused != "" && (f == nil || !strings.Contains(f.Detail, c.refused)) || c.refused == "" && c.accepted(resp) {
				t.Errorf("without the member: %+v, %v", resp, f)
			}
			d := plain()
			c.change(d)
			s, _ = testService(t)
			resp, f = s.Signature(t.Context(), d, Peer{}, req)
			if f != nil || c.accepted != nil && !c.accepted(resp) {
				t.Errorf("with the member: %+v, %v", resp, f)
			}
		})
	}
	cases["ReplyNumber"] = cases["Number"] // only a status reply writes a number of its own
	members := func(prefix string, of reflect.Type) {
		for i := range of.NumField() {
			if name := prefix + of.Field(i).Name; name != "Absent" {
				if _, ok := cases[name]; !ok {
					t.Errorf("%s has no case here", name)
				}
			}
		}
	}
	members("", reflect.TypeFor[Dialect]())
	members("Absent.", reflect.TypeFor[Absent]())
}

// TestReplyNumber: the number in a status reply is written as the dialect writes it.
func TestReplyNumber(t *testing.T) {
	s, _ := testService(t)
	d := plain()
	d.ReplyNumber = func(n sms.MSISDN) string { return "tel:" + n.String() }
	resp, f := s.Signature(t.Context(), d, Peer{}, bankRequest("T1"))
	if f != nil {
		t.Fatal(f)
	}
	st, f := s.StatusQuery(t.Context(), d, Peer{}, statusRequest(resp.TransID))
	if f != nil || st.User.MSISDN != "tel:+41791234567" {
		t.Errorf("%+v, %v", st, f)
	}
}
