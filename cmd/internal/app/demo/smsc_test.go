package demo

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/simsign/simsign/smpp/smsc"
)

// The whole loop over SMPP: both users are registered and sign, by an ESME of
// ours, an SMSC and its network. A data folder goes either way.
//
// Covers: 1-1 via simsign demo
func TestOverSMPP(t *testing.T) {
	dir := t.TempDir()
	d := startDemo(t, Options{Data: dir, Auto: Code, Plain: true, SMPP: true})
	eventually(t, "two binds", func() bool { return d.centre.smsc.Binds()[systemID] == 2 })
	for _, u := range d.o.Users {
		signOnce(t, d.Client(), u.Number)
	}
	// The answer may overtake the handset's acknowledgement of the request.
	eventually(t, "no message left at the SMSC", func() bool { n, _ := d.centre.smsc.Waiting(); return n == 0 })
	stopDemo(t, d)
	d = startDemo(t, Options{Data: dir, Auto: Code, Plain: true})
	if d.SMSC() != "" {
		t.Error("there is an SMSC that nobody asked for")
	}
	signOnce(t, d.Client(), d.o.Users[0].Number)
}

// A centre that throttles, answers in the wrong order, sends what nobody
// asked for and loses our acknowledgements costs no signature.
func TestOverBadSMPP(t *testing.T) {
	script, err := smsc.ParseScript(`submit_sm%3 reorder; submit_sm#9 throttle; submit_sm%5 unknown; submit_sm%7 alert; submit_sm%11 data
deliver_sm%3 lost-ack; deliver_sm%4 as-data; deliver_sm%5 as-payload; deliver_sm%7 dup; seq=collide`)
	if err != nil {
		t.Fatal(err)
	}
	d := startDemo(t, Options{Data: t.TempDir(), Auto: Code, Plain: true, SMPP: true, Faults: script})
	for range 3 {
		for _, u := range d.o.Users {
			signOnce(t, d.Client(), u.Number)
		}
	}
}

// A centre that throttles several messages, whose queue is full for others and
// that answers late costs no signature either, and each of them is counted.
//
// Covers: F13 via simsign demo
func TestOverBusySMPP(t *testing.T) {
	script, err := smsc.ParseScript("submit_sm#5-7 throttle; submit_sm#9-10 full; submit_sm%3 late=300ms")
	if err != nil {
		t.Fatal(err)
	}
	d := startDemo(t, Options{Data: t.TempDir(), Auto: Code, Plain: true, SMPP: true, Faults: script})
	for range 4 {
		for _, u := range d.o.Users {
			signOnce(t, d.Client(), u.Number)
		}
	}
	resp, err := http.Get("http://" + d.App.Addr("metrics") + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`status="ESME_RTHROTTLED"} 3`, `status="ESME_RMSGQFUL"} 2`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in:\n%s", want, b)
		}
	}
}
