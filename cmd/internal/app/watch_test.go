package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/simsign/simsign/cmd/internal/console"
	"github.com/simsign/simsign/mssp/engine"
	"github.com/simsign/simsign/mssp/rest"
	"github.com/simsign/simsign/ota/bearer/loopback"
	"github.com/simsign/simsign/ota/sms"
)

// What the console shows of each kind of event.
func TestEvents(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	number := sms.MSISDN("41790000001")
	deliver := sms.Deliver{
		Originator: sms.Address{}, PID: 0x7F, DCS: 0xF6, UDH: []byte{0x05, 0, 3, 7, 2, 2}, UD: []byte{0xAB},
	}
	tpdu, err := deliver.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ have, want console.Event }{
		"engine": {
			engineEvent(engine.TraceEvent{
				At: at, Tx: "h1", MSISDN: number, Layer: engine.LayerPacket, Direction: engine.Out,
				Summary: "sealed", Octets: []byte{0, 0xAB}, Fields: []engine.Field{{Name: "CNTR", Value: "1"}},
			}),
			console.Event{
				At: at, Tx: "h1", Number: "+41790000001", Layer: "packet", Dir: toCard,
				Summary: "sealed", Octets: "00AB", Fields: [][2]string{{"CNTR", "1"}},
			},
		},
		"request": {
			requestEvent(rest.Exchange{At: at, AP: "ap://bank", APTransID: "T1", Request: []byte(`{}`)}),
			console.Event{
				At: at, Ref: "T1", Layer: "request", Dir: toCard, Summary: "web request from ap://bank",
				Fields: [][2]string{{"AP_TransID", "T1"}, {"body", "{}"}},
			},
		},
		"reply": {
			requestEvent(rest.Exchange{At: at, APTransID: "T1", TransID: "h1", Response: []byte(`{}`), Status: 200}),
			console.Event{
				At: at, Tx: "h1", Ref: "T1", Layer: "reply", Dir: fromCard, Summary: "web reply, HTTP status 200",
				Fields: [][2]string{{"AP_TransID", "T1"}, {"body", "{}"}},
			},
		},
		"named request": {
			requestEvent(rest.Exchange{At: at, AP: "ap://bank", Request: []byte(`{"MSS_StatusReq":{}}`)}),
			console.Event{
				At: at, Layer: "request", Dir: toCard, Summary: "MSS_StatusReq from ap://bank",
				Fields: [][2]string{{"AP_TransID", ""}, {"body", `{"MSS_StatusReq":{}}`}},
			},
		},
		"named reply": {
			requestEvent(rest.Exchange{At: at, Response: []byte(`{"MSS_StatusResp":{"Status":{"StatusCode":{"Value":"504"}}}}`), Status: 200}),
			console.Event{
				At: at, Layer: "reply", Dir: fromCard, Summary: "MSS_StatusResp 504 OUTSTANDING_TRANSACTION, HTTP status 200",
				Fields: [][2]string{{"AP_TransID", ""}, {"body", `{"MSS_StatusResp":{"Status":{"StatusCode":{"Value":"504"}}}}`}},
			},
		},
		"fault": {
			requestEvent(rest.Exchange{At: at, Response: []byte(`{"Fault":{"Code":{"SubCode":{"ValueNs":"x","Value":"_102"}}}}`), Status: 400}),
			console.Event{
				At: at, Layer: "reply", Dir: fromCard, Summary: "Fault 102 MISSING_PARAM, HTTP status 400",
				Fields: [][2]string{{"AP_TransID", ""}, {"body", `{"Fault":{"Code":{"SubCode":{"ValueNs":"x","Value":"_102"}}}}`}},
			},
		},
		"deliver": {
			networkEvent(loopback.Event{At: at, Kind: "deliver", From: "41790000000", To: number, TPDU: tpdu}),
			console.Event{
				At: at, Number: "+41790000001", Layer: "sms", Summary: "network: deliver, +41790000000 to +41790000001", Octets: octets(tpdu),
				Fields: [][2]string{{"TPDU", "SMS-DELIVER"}, {"TP-PID", "7F"}, {"TP-DCS", "F6"}, {"UDH", "050003070202"}, {"part", "2 of 2"}, {"user data", "AB"}},
			},
		},
		"attach": {
			networkEvent(loopback.Event{At: at, Kind: "attach", From: number}),
			console.Event{At: at, Number: "+41790000001", Layer: "sms", Summary: "network: attach, +41790000001"},
		},
		"a TPDU that is none": {
			networkEvent(loopback.Event{At: at, Kind: "submit", From: number, To: number, TPDU: []byte{0xFF}, Cause: 41}),
			console.Event{
				At: at, Number: "+41790000001", Layer: "sms", Summary: "network: submit, +41790000001 to +41790000001", Octets: "FF",
				Fields: [][2]string{{"cause", "temporary failure"}},
			},
		},
	} {
		if diff := cmp.Diff(tc.want, tc.have); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
