package service

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/simsign/simsign/mssp"
)

// Whatever a provider puts into the wrong member, it stands in the fault that
// he gets and not in the log; the log names him all the same.
//
// Supports: I9
func TestLogQuotesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*SignatureReq, *Peer)
		says   string // in the log
	}{
		"text as time-out":   {func(r *SignatureReq, _ *Peer) { r.TimeOut = `Pay "secret" sum` }, `TimeOut \"...\" is not a number`},
		"number as mode":     {func(r *SignatureReq, _ *Peer) { r.Mode = "+41791234567" }, "ap=http://bank aptransid=T1 code=101 detail="},
		"no AP_TransID":      {func(r *SignatureReq, _ *Peer) { r.AP.TransID = "" }, `aptransid="" code=102`},
		"AP_ID of 81 octets": {func(r *SignatureReq, _ *Peer) { r.AP.ID = mssp.APID("http://" + strings.Repeat("a", 74)) }, "ap=http://" + strings.Repeat("a", 73) + "... "},
		"text as encoding":   {func(r *SignatureReq, _ *Peer) { r.Data.Encoding = "secret" }, "http://bank"},
		"text as AP_TransID": {func(r *SignatureReq, _ *Peer) { r.AP.TransID = "Pay secret sum" }, "(not a name)"},
		"password as AP_ID":  {func(r *SignatureReq, _ *Peer) { r.AP.ID, r.AP.Password = "geheim", "http://bank" }, "(not a URI)"},
		"basic, wrong mode": {func(r *SignatureReq, p *Peer) {
			*p = Peer{Basic: true, User: "aHR0cDovL2Jhbms=", Password: "geheim"}
			r.AP.ID, r.Mode = "", "secret"
		}, "http://bank"},
		"a quote cut in two": {func(r *SignatureReq, _ *Peer) { r.Mode = strings.Repeat("x", 79) + `"secret" sum` }, "http://bank"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			s, _ := testService(t)
			s.log = slog.New(slog.NewTextHandler(&log, nil))
			r, p := bankRequest("T1"), Peer{}
			c.change(r, &p)
			if _, f := s.Signature(t.Context(), plain(), p, r); f == nil {
				t.Fatal("taken")
			}
			for _, secret := range []string{"secret", "geheim", "1791234567"} {
				if strings.Contains(log.String(), secret) {
					t.Errorf("%s in the log: %s", secret, log.String())
				}
			}
			if !strings.Contains(log.String(), c.says) {
				t.Errorf("%s: want %s", log.String(), c.says)
			}
		})
	}
}
