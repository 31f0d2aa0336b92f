package smsc

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/simsign/simsign/ota/bearer/loopback/rp"
	"github.com/simsign/simsign/ota/sms"
	"github.com/simsign/simsign/smpp"
)

// How many SMS-DELIVER a text makes (TS 23.040 9.2.3.24.1): one of 160 characters,
// 140 octets or 70 units, parts of 153, 134 or 67; and where the parts begin.
func TestPartCounts(t *testing.T) {
	for _, tc := range []struct {
		dcs   byte
		unit  string
		units int
		parts string // units in each
	}{
		{0, "a", 160, "160"},
		{0, "a", 161, "153 8"},
		{0, "a", 306, "153 153"},
		{0, "a", 307, "153 153 1"},
		{4, "a", 140, "140"},
		{4, "a", 141, "134 7"},
		{4, "a", 268, "134 134"},
		{4, "a", 269, "134 134 1"},
		{8, "\x00a", 70, "70"},
		{8, "\x00a", 71, "67 4"},
		{8, "\x00a", 134, "67 67"},
		{8, "\x00a", 135, "67 67 1"},
		{8, "\x00\x1b", 71, "67 4"}, // an escape of another alphabet
		{4, "\xd8", 141, "134 7"},   // half a pair of another alphabet
		{0, "\x1b", 161, "152 9"},   // never an escape without what it escapes
	} {
		u := userData{data: []byte(strings.Repeat(tc.unit, tc.units)), dcs: tc.dcs}
		parts, err := u.split(7)
		if err != nil {
			t.Fatal(err)
		}
		have := ""
		for i, p := range parts {
			have += fmt.Sprint(" ", len(p.data)/len(tc.unit))
			if want := fmt.Sprintf("05000307%02x%02x", len(parts), i+1); len(parts) > 1 && fmt.Sprintf("%x", p.udh) != want {
				t.Errorf("header %x, want %s", p.udh, want)
			}
		}
		if have != " "+tc.parts {
			t.Errorf("%d times %q: parts of%s, want %s", tc.units, tc.unit, have, tc.parts)
		}
	}
}

// SMS-DELIVER, octet by octet (TS 23.040 9.2.2.1): 04 is the last one, 00 one with
// more behind it; 40 has a header, 80 a reply path.
func TestDeliverOctets(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 34, 56, 0, time.UTC)
	long := strings.Repeat("AA", 134)
	for name, tc := range map[string]struct {
		class, pid, dcs byte
		from            smpp.Address
		data            string
		want            []string
	}{
		"a packet":     {0x40, 0x7F, 0xF6, smpp.Address{NPI: 1, Addr: "1234"}, "027000AABB", []string{"44" + "04812143" + "7FF6" + "62110321436500" + "05027000AABB"}},
		"a text":       {0x00, 0x00, 0x00, smpp.Address{TON: 1, NPI: 1, Addr: "41790000001"}, "48656C6C6F", []string{"04" + "0B911497000000F1" + "0000" + "62110321436500" + "05C8329BFD06"}},
		"a reply path": {0x80, 0x00, 0x04, smpp.Address{NPI: 1, Addr: "1234"}, "AA", []string{"84" + "04812143" + "0004" + "62110321436500" + "01AA"}},
		"two parts": {0x00, 0x00, 0x04, smpp.Address{NPI: 1, Addr: "1234"}, long + strings.Repeat("BB", 8), []string{
			"40" + "04812143" + "0004" + "62110321436500" + "8C" + "050003070201" + long,
			"44" + "04812143" + "0004" + "62110321436500" + "0E" + "050003070202" + strings.Repeat("BB", 8),
		}},
	} {
		tpdus, err := deliverTPDUs(&smpp.Message{ESMClass: tc.class, ProtocolID: tc.pid, DataCoding: tc.dcs, ShortMessage: unhex(tc.data)}, tc.from, 7, at)
		if err != nil {
			t.Fatal(err)
		}
		have := make([]string, len(tpdus))
		for i, b := range tpdus {
			have[i] = fmt.Sprintf("%X", b)
		}
		if strings.Join(have, "\n") != strings.Join(tc.want, "\n") {
			t.Errorf("%s:\n%q, want\n%q", name, have, tc.want)
		}
	}
}

// What holds where nothing is said, and what an account can be.
func TestDefaultsOfOptions(t *testing.T) {
	var o Options
	o.defaults()
	want := Limits{
		Conns: 200, Messages: 20000, Octets: 16777216, Finals: 10000, Keep: 15 * time.Minute, PerAccount: 30000, Validity: 24 * time.Hour, MaxValidity: 168 * time.Hour,
		RetryFirst: 5 * time.Second, RetryMost: 5 * time.Minute, BindTimeout: 10 * time.Second, Response: 10 * time.Second, Enquire: 30 * time.Second,
	}
	if o.Limits != want || o.SystemID != "simsign" || o.Clock == nil || o.Logger == nil {
		t.Errorf("%+v", o)
	}
	for text, good := range map[string]bool{
		"exactly15chars-:eight888:1234": true, "a::": true, "a:b": true, "a:b:1234,41790000001": true,
		"exactly16chars--:b:1234": false, "a:nine99999:1234": false, ":b:1234": false, "a": false, "a:b:12x": false, "a\x00:b": false, "a:b\x00": false,
	} {
		a, err := ParseAccount(text)
		if (err == nil) != good || err != nil && !errors.Is(err, ErrAccount) || good && (a.Binds != AnyBind || a.MaxBinds != 10 || a.Window != 10) {
			t.Errorf("%q: %+v, %v", text, a, err)
		}
	}
	for number, want := range map[sms.MSISDN]smpp.Address{
		"123456": {TON: 0, NPI: 1, Addr: "123456"}, "1234567": {TON: 1, NPI: 1, Addr: "1234567"},
	} {
		if have := address(number); have != want {
			t.Errorf("%s: %+v", number, have)
		}
	}
	for kind, want := range map[BindKinds]string{Receiver: "in", Transmitter: "out", Transceiver: "in out"} {
		have := strings.TrimSpace(map[bool]string{true: "in"}[kind.receives()] + map[bool]string{true: " out"}[kind.submits()])
		if have != want {
			t.Errorf("%d goes %s", kind, have)
		}
	}
}

// A message without a source has the first number of its account; one that is
// replaced keeps its end, unless it gets another.
func TestReplaceKeepsTheEnd(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		a := w.bind(smpp.BindTransceiver)
		m := text(alice, "old")
		m.Source, m.ValidityPeriod, m.RegisteredDelivery = smpp.Address{}, "000000010000000R", 1 // an hour
		kept, other := a.submit(m), a.submit(m)
		time.Sleep(30 * time.Minute)
		for id, end := range map[string]string{kept: "", other: "000000010000000R"} {
			r := &smpp.Replace{MessageID: id, ValidityPeriod: end, ShortMessage: []byte("new"), RegisteredDelivery: 1}
			a.ask(smpp.ReplaceSM, r, smpp.ROK)
		}
		a.take()
		for _, step := range []struct {
			sleep time.Duration
			ended []string
		}{{30*time.Minute - time.Second, nil}, {2 * time.Second, []string{kept}}, {30*time.Minute - 3*time.Second, nil}, {2 * time.Second, []string{other}}} {
			time.Sleep(step.sleep)
			got := a.take()
			if len(got) != len(step.ended) {
				t.Errorf("application got %q, want ends of %q", got, step.ended)
				continue
			}
			for i, id := range step.ended {
				if !strings.HasPrefix(got[i], "receipt id:"+id+" ") || !strings.Contains(got[i], "stat:EXPIRED err:000 ") {
					t.Errorf("application got %q, want the end of %s", got[i], id)
				}
			}
		}
		a.msgs = nil
		m.ValidityPeriod = ""
		a.submit(m)
		p := w.phone(alice)
		time.Sleep(time.Minute)
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.got) != 1 || p.got[0].Originator.Number != "1234" {
			t.Errorf("the handset got %+v", p.got)
		}
	})
}

// After a message that arrived the pauses begin anew; what a fault has made is
// not sent again; and an account that is not there is none.
func TestPausesBeginAnew(t *testing.T) {
	play(t, testOptions(), func(w *world) {
		w.Cut("nobody")
		w.Unbind("nobody")
		p, a := w.phone(alice), w.bind(smpp.BindTransceiver)
		busy := map[int]bool{1: true, 2: true, 4: true}
		p.say = func(n int) *rp.Message {
			if busy[n] {
				return &rp.Message{Type: rp.ErrorMO, Cause: rp.Congestion}
			}
			return &rp.Message{Type: rp.AckMO}
		}
		tries := func(want int) {
			t.Helper()
			synctest.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			if len(p.got) != want {
				t.Errorf("%d tries, want %d", len(p.got), want)
			}
		}
		a.submit(text(alice, "one"))
		tries(1)
		time.Sleep(5 * time.Second)
		tries(2)
		time.Sleep(9999 * time.Millisecond)
		tries(2)
		time.Sleep(time.Millisecond)
		tries(3)
		a.submit(text(alice, "two"))
		tries(4)
		time.Sleep(5 * time.Second) // and not 20
		tries(5)
	})
	for _, fault := range []string{"data", "payload", "empty"} {
		faulty(t, "submit_sm#1 "+fault, func(w *world, p *phone, a *app) {
			a.say = func(int) smpp.Status { return smpp.RxTAppn }
			a.submit(text(alice, "x"))
			time.Sleep(time.Minute)
			if got := a.take(); len(got) != 1 {
				t.Errorf("%s: application got %q", fault, got)
			}
			if _, n := w.Waiting(); n != 0 {
				t.Errorf("%s: %d requests wait", fault, n)
			}
		})
	}
}
